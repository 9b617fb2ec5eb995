"""Every command beside other work: its rate with a busy process on each core, as a share of its rate without. By hand.

    XL_DATA=FOLDER uv run python -m tests.bench.bench_busy --model E5 [--only PART ...] [--rounds 1]

E5 is a folder of multilingual-e5-small or its like. A busy process multiplies numbers in Python and never waits; there
is one for each core that this process may use, with the same priority. With as many threads as cores a command has half
of the machine then (0.5), one thread beside idle cores keeps more. Idle and busy take turns; by wall clock, the whole
process, best of the rounds; at least 0.4 is wanted of every command.
"""

import argparse
import gzip
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

WANTED = 0.4


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True)
    parser.add_argument("--only", nargs="*", default=[""], help="commands whose name contains one of these")
    parser.add_argument("--rounds", type=int, default=1)
    arguments = parser.parse_args()
    slow = []
    with TemporaryDirectory() as name:
        folder = Path(name)
        make_inputs(folder, Path(os.environ["XL_DATA"]))
        for label, words in commands(folder, Path(os.environ["XL_DATA"]), arguments.model).items():
            if not any(part in label for part in arguments.only):
                continue
            idle, busy = float("inf"), float("inf")
            for _ in range(arguments.rounds):
                idle = min(idle, seconds(words, folder))
                with busy_cores():
                    busy = min(busy, seconds(words, folder))
            print(f"{label:24} {idle:7.1f} s idle {busy:7.1f} s busy: {idle / busy:.2f} of the rate", flush=True)
            slow += [label] if idle / busy < WANTED else []
    print(f"below {WANTED}: {', '.join(slow) or 'none'}")


@contextmanager
def busy_cores() -> Generator[None]:
    """A busy process on each core, till the end of the block."""
    program = "n = 1\nwhile True: n = n * 3 % 1000003"
    others = [subprocess.Popen([sys.executable, "-c", program]) for _ in os.sched_getaffinity(0)]
    time.sleep(1)
    try:
        yield
    finally:
        for other in others:
            other.kill()
            other.wait()


def seconds(words: list[object], folder: Path) -> float:
    """Of `xl WORDS`, which writes below `folder`/out, from the start of the process to its end."""
    shutil.rmtree(folder / "out", ignore_errors=True)
    (folder / "out").mkdir()
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "xl_cli", *map(str, words)], cwd=folder, capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"xl {' '.join(map(str, words))}: {done.stderr}")
    return time.perf_counter() - began


def make_inputs(folder: Path, data: Path) -> None:
    """Verses of three languages, a larger corpus of one of them, word vectors, links of words."""
    verses = {code: verse_texts(data / "bible" / f"{code}.tsv.gz") for code in ("eng_Latn", "deu_Latn", "ell_Grek")}
    shared = sorted(set.intersection(*(set(texts) for texts in verses.values())))
    for parent, n_verses in (("few", 150), ("texts", 500), ("all", len(shared))):
        (folder / parent).mkdir()
        for code, texts in verses.items():
            text = "".join(f"{texts[one]}\n" for one in shared[:n_verses])
            (folder / parent / f"{code}.txt").write_text(text, encoding="utf-8")
    greek = (folder / "all" / "ell_Grek.txt").read_bytes()
    (folder / "corpus.txt").write_bytes(greek * 8)
    for code in ("eng", "deu"):
        run = ["static", "train", folder / "all" / f"{code}_Latn.txt", "--lang", code, "--out", f"{code}.vec"]
        subprocess.run([sys.executable, "-m", "xl_cli", *map(str, run)], cwd=folder, check=True, capture_output=True)
    words = [line.split(" ", 1)[0] for line in (folder / "eng.vec").read_text(encoding="utf-8").splitlines()[1:]]
    alike = {line.split(" ", 1)[0] for line in (folder / "deu.vec").read_text(encoding="utf-8").splitlines()[1:]}
    pairs = [word for word in words if word in alike]
    (folder / "pairs.tsv").write_text("".join(f"{word}\t{word}\n" for word in pairs), encoding="utf-8")


def verse_texts(path: Path) -> dict[str, str]:
    """Name of a verse -> its text."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return {name: text for name, text in (line.rstrip("\n").split("\t")[:2] for line in file) if text}


def commands(folder: Path, data: Path, model: str) -> dict[str, list[object]]:
    """Name -> what follows `xl`; each writes below out/."""
    english, german = (folder / "texts" / f"{code}.txt" for code in ("eng_Latn", "deu_Latn"))
    few = folder / "few"
    scored = ["--model", model, "--data", data]
    small = [
        "train.steps=10",
        "train.batch=8",
        "train.accumulate=1",
        "train.precision=no",
        "data.limit=100",
        "model.head_warmup=10",
    ]
    train = [part for each in (f"model.from={model}", f"data.files={few}", *small) for part in ("--set", each)]
    vectors = ["eng.vec", "deu.vec"]
    mapped = ["--out-source", "out/a.vec", "--out-target", "out/b.vec"]
    return {
        "translit": ["translit", "corpus.txt", "--out", "out/latin.txt"],
        "translit --jobs 2": ["translit", "corpus.txt", "--pairs", "--jobs", 2, "--out", "out/pairs.parquet"],
        "translit --to phonemes": ["translit", german, "--to", "phonemes", "--lang", "de", "--out", "out/sounds.txt"],
        "embed": ["embed", english, "--model", model, "--out", "out/vectors/"],
        "align": ["align", "ppa", *train, "--out", "out/run"],
        "eval, retrieval": ["eval", "tatoeba", *scored, "--target", "amh", "--target", "tur", "--out", "out/e"],
        "eval, probe": ["eval", "sib200", *scored, "--probe", "--source", "eng", "--target", "tur", "--out", "out/e"],
        "eval, fine-tuned": [
            "eval", "sib200", *scored, "--source", "eng", "--target", "tur", "--seeds", 1, "--set", "epochs=1",
            "--train-limit", 100, "--limit", 50, "--out", "out/e",
        ],
        "mine": ["mine", few / "eng_Latn.txt", few / "deu_Latn.txt", "--model", model, "--out", "out/mined.tsv"],
        "check": ["check", model, few / "eng_Latn.txt", "--limit", 16],
        "export": ["export", model, "--out", "out/exported"],
        "static extract": [
            "static", "extract", few / "deu_Latn.txt", "--model", model, "--lang", "de", "--out", "out/d.vec",
        ],
        "static train": ["static", "train", folder / "all" / "eng_Latn.txt", "--lang", "en", "--out", "out/e.vec"],
        "static map": ["static", "map", *vectors, "--dictionary", "pairs.tsv", *mapped],
        "static map, rcsls": ["static", "map", *vectors, "--mode", "rcsls", "--dictionary", "pairs.tsv", *mapped],
        "static bli": ["static", "bli", *vectors, "--dictionary", "pairs.tsv"],
        "static induce": ["static", "induce", *vectors, "--out", "out/induced.tsv"],
        "static neighbours": ["static", "neighbours", "eng.vec", "--out", "out/near.tsv"],
        "analyze cka": ["analyze", "cka", "--model", model, "--data", few],
        "analyze distance": ["analyze", "distance", "--model", model, "--data", few],
        "analyze divergence": ["analyze", "divergence", "--model", model, "--data", few],
        "analyze similarity": ["analyze", "similarity", "--model", model, "--data", few],
        "analyze coverage": ["analyze", "coverage", "--model", model, "--data", few],
        "analyze tsne": ["analyze", "tsne", "--model", model, "--data", few, "--plot", "out/points.html"],
        "analyze align-words": [
            "analyze", "align-words", "--model", model, "--links", "out/links.jsonl",
            "--files", few / "eng_Latn.txt", "--files", few / "deu_Latn.txt",
        ],
    }  # fmt: skip


if __name__ == "__main__":
    main()
