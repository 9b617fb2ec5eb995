"""Tibetan into multilingual-e5-small by `xl align adopt`, as the table of docs/adopt.md has it. By hand, for hours.

    XL_DATA=FOLDER uv run python -m tests.bench.bench_adopt --model DIR --out DIR [--cases 800 ...] [--seeds 1 ...] \\
        [-- --set model.layer=-1 --set model.pooling=mean-all]

Cases, by what is trained on:

- 800, 300, 100: so many Tibetan-English pairs of SIB-200's train and dev, by the hash of the Tibetan text; 800 are all.
  Below that the Tibetan of all 800 is text alone. Known text is each of the 800 in one of the 29 others.
  Tested on SIB-200's test sentences, of all 30 languages for 800.
- article: pairs of four blocks of neighbours in five, tested on the fifth. SIB-200 deals an article's sentences out to
  its splits, so that its test sentences have neighbours in train.
- mined: 800 Tibetan and, in another order, 800 English sentences, not known to be pairs; two rounds.
- ary: as 800, with Moroccan Arabic in the place of Tibetan.
- peer: as 800, by the example make_multilingual of sentence-transformers (MSE to the teacher's vectors of both sides,
  its rate and batch, no new pieces), for as long as the run of 800 with this seed trained.

Blocks are forty sentences that follow each other by their number in the source; the three at each end of a test block
are in neither part, as an article may reach over the edge. Runs that are done are read again, not made again. Behind
`--` stand further arguments of `xl align adopt`, for a folder without modules.json these. Figures are top-1 in %: the
mean over seeds, and their standard deviation.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from statistics import mean, stdev

import numpy as np
from numpy.typing import NDArray

from tests.bench.bench_mine import ENGLISH, digest, sib

NEW, ARABIC = "bod_Tibt", "ary_Arab"
# Beside the new language and English in short tests: what was seen to gain, and one that could lose.
NEAR = (ARABIC, "tur_Latn")
BLOCK, EDGE = 40, 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True, help="the folder of multilingual-e5-small")
    parser.add_argument("--data", default=os.environ.get("XL_DATA"), type=Path, help="holds sib200")
    parser.add_argument("--out", required=True, type=Path)
    parser.add_argument("--cases", nargs="+", default=["800", "peer", "300", "100", "article", "mined"])
    parser.add_argument("--seeds", nargs="+", type=int, default=[1, 2, 3])
    parser.add_argument("--peer", nargs=3, help=argparse.SUPPRESS)
    parser.add_argument("more", nargs="*", help="of xl align adopt")
    arguments = parser.parse_args()
    if arguments.peer:
        files, minutes, seed = arguments.peer
        make_multilingual(arguments.model, Path(files), arguments.out, float(minutes), int(seed))
        return
    found: dict[str, list[dict[str, float]]] = defaultdict(list)
    for seed in arguments.seeds:
        for case in arguments.cases:
            files = arguments.out / "files" / case
            write_files(arguments.data / "sib200", case, files)
            found[case].append(run(case, files, arguments.out / f"{case}-{seed}", seed, arguments))
            print(case, seed, {name: round(value, 2) for name, value in found[case][-1].items()}, flush=True)
    for case, runs in found.items():
        print(f"\n{case}, {len(runs)} seeds")
        for name in runs[0]:
            values = [its[name] for its in runs]
            print(f"  {name}: {mean(values):.1f}" + (f" +- {stdev(values):.1f}" if len(values) > 1 else ""))


def run(case: str, files: Path, out: Path, seed: int, arguments: argparse.Namespace) -> dict[str, float]:
    """One run's figures, by name; the run is made where it is not there."""
    if case == "peer":
        if not out.exists():
            minutes = figures(arguments.out / f"800-{seed}")["minutes of training"]
            command = ["--peer", str(files), str(minutes), str(seed), "--model", arguments.model, "--out", str(out)]
            subprocess.run([sys.executable, "-m", "tests.bench.bench_adopt", *command], check=True)
        return json.loads(out.read_text(encoding="utf-8"))
    if not (out / "model").exists():
        command = ["xl", "align", "adopt", "--set", f"model.from={arguments.model}", "--set", 'model.prompt="query: "']
        command += ["--set", f"eval.data={files / 'test'}", "--set", f"train.seed={seed}", "--out", str(out)]
        if (files / "text").exists():
            command += ["--set", f"data.files={files / 'text'}"]
        command += ["--set", f"data.known.files={files / 'known'}"]
        if case == "mined":
            command += ["--set", f"mine.pivot={files / 'known' / ENGLISH}.txt", "--set", "mine.rounds=2"]
        else:
            sides = [str(files / name) for name in ("train.new", "train.eng")]
            languages = [ARABIC if case == "ary" else NEW, ENGLISH]
            command += ["--set", f"data.bitext.files={json.dumps(sides)}"]
            command += ["--set", f"data.bitext.languages={json.dumps(languages)}"]
        with (arguments.out / f"{case}-{seed}.log").open("w", encoding="utf-8") as log:
            subprocess.run([*command, *arguments.more], check=True, stdout=log, stderr=subprocess.STDOUT)
    return figures(out)


def figures(out: Path) -> dict[str, float]:
    """What the rows of a run say, in %, and its minutes."""
    found: dict[str, float] = {}
    old: dict[str, list[float]] = defaultdict(list)
    for line in (out / "results.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        if row["metric"] == "unknown_pieces" and row["source"] == NEW:
            found[f"<unk> {row['variant']}"] = 100 * row["value"]
        if row["task"] != "retrieval" or row["metric"] != "top1" or row["baseline"] or row["variant"] == "extended":
            continue
        when = "before" if row["variant"] == "pretrained" else "after"
        other = row["source"] if row["target"] == ENGLISH else row["target"]
        name = f"{'to' if row['target'] == ENGLISH else 'from'} English"
        if other in (NEW, *NEAR):
            found[f"{other} {name} {when}"] = 100 * row["value"]
        if other != NEW:
            old[f"{name} {when}"].append(100 * row["value"])
    for name, values in old.items():
        found[f"mean of {len(values)} others, {name}"] = mean(values)
    made = json.loads((out / "run.json").read_text(encoding="utf-8"))
    steps = [json.loads(line) for line in (out / "log.jsonl").read_text(encoding="utf-8").splitlines()]
    steps = [its for its in steps if "seconds" in its]  # not those of a head that is trained first
    each = mean(its["seconds"] for its in steps[1:])
    return found | {"minutes of training": each * steps[-1]["n_steps"] / 60, "minutes": made["wall_seconds"] / 60}


def write_files(root: Path, case: str, files: Path) -> None:
    """Training and test text of a case, the same at each call."""
    if files.exists():
        return
    (files / "test").mkdir(parents=True)
    languages = sorted(path.name for path in root.iterdir())
    if case not in ("800", "peer"):
        languages = [NEW, ENGLISH, *NEAR]
    sides = [sib(root / name) for name in (ARABIC if case == "ary" else NEW, ENGLISH)]
    numbers = [number for number in sides[0] if number in sides[1]]
    tested = {line.split("\t")[0] for line in (root / NEW / "test.tsv").read_text(encoding="utf-8").splitlines()[1:]}
    left_out: set[str] = set()
    if case == "article":
        tested, left_out = by_article(numbers)
    trained = sorted(set(numbers) - tested - left_out, key=lambda number: digest(sides[0][number]))
    if case in ("300", "100", "mined"):
        put(files / "text" / f"{NEW}.txt", [sides[0][number] for number in trained])
    known = sorted({path.name for path in root.iterdir()} - {NEW, *([ARABIC] if case == "ary" else [])})
    for place, language in enumerate(known):
        its = sib(root / language)
        if case != "mined" or language != ENGLISH:
            put(files / "known" / f"{language}.txt", [its[number] for number in trained[place :: len(known)]])
    if case == "mined":
        again = sorted(trained, key=lambda number: digest(sides[1][number]))
        put(files / "known" / f"{ENGLISH}.txt", [sides[1][number] for number in again])
    else:
        drawn = trained[: int(case)] if case in ("300", "100") else trained
        for name, its in zip(("train.new", "train.eng"), sides, strict=True):
            put(files / name, [its[number] for number in drawn])
    order = sorted(tested, key=int)
    for language in languages:
        its = sib(root / language)
        put(files / "test" / f"{language}.txt", [its[number] for number in order])


def by_article(numbers: list[str]) -> tuple[set[str], set[str]]:
    """What is tested, every fifth block of neighbours, and what is in neither part, at the edges of these."""
    order = sorted(numbers, key=int)
    starts = range(BLOCK, len(order), 5 * BLOCK)
    tested = {number for start in starts for number in order[start : start + BLOCK]}
    edges = {
        number
        for start in starts
        for number in (*order[start - EDGE : start], *order[start + BLOCK : start + BLOCK + EDGE])
    }
    return tested, edges


def put(path: Path, texts: list[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{text}\n" for text in texts), encoding="utf-8")


def make_multilingual(folder: str, files: Path, out: Path, minutes: float, seed: int) -> None:
    """The example of sentence-transformers with its settings, for `minutes`; its figures to `out`."""
    from datasets import Dataset
    from sentence_transformers import SentenceTransformer, SentenceTransformerTrainer
    from sentence_transformers import SentenceTransformerTrainingArguments as Settings
    from sentence_transformers.sentence_transformer.losses import MSELoss
    from transformers import set_seed

    set_seed(seed)

    def texts(path: Path) -> list[str]:
        return [f"query: {line}" for line in path.read_text(encoding="utf-8").splitlines()]

    def train(steps: int) -> tuple[SentenceTransformer, float]:
        student = SentenceTransformer(folder, device="cpu")
        settings = Settings(
            output_dir=tempfile.mkdtemp(), per_device_train_batch_size=64, learning_rate=2e-5, warmup_ratio=0.1,
            max_steps=steps, bf16=True, use_cpu=True, save_strategy="no", report_to=[], disable_tqdm=True, seed=seed,
        )  # fmt: skip
        began = time.perf_counter()
        SentenceTransformerTrainer(model=student, args=settings, train_dataset=data, loss=MSELoss(student)).train()
        return student, (time.perf_counter() - began) / 60

    new, english = texts(files / "train.new"), texts(files / "train.eng")
    wanted = SentenceTransformer(folder, device="cpu").encode(english)
    data = Dataset.from_dict({"english": english, "non_english": new, "label": wanted.tolist()})
    one = train(1)[1]
    steps = max(2, round(minutes / ((train(4)[1] - one) / 3)))
    student, took = train(steps)
    queries, found = (student.encode(texts(files / "test" / f"{name}.txt")) for name in (NEW, ENGLISH))
    cosines = unit(queries) @ unit(found).T
    right = np.arange(len(cosines))
    out.write_text(
        json.dumps(
            {
                f"{NEW} to English after": 100 * float((cosines.argmax(1) == right).mean()),
                f"{NEW} from English after": 100 * float((cosines.argmax(0) == right).mean()),
                "steps": steps,
                "minutes of training": took,
            }
        ),
        encoding="utf-8",
    )


def unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


if __name__ == "__main__":
    main()
