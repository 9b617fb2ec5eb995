"""Sentence pairs hidden in two corpora that are not parallel: `xl mine` against a margin script of 20 lines. By hand.

    OMP_NUM_THREADS=1 XL_DATA=FOLDER uv run python -m tests.bench.bench_mine --model DIR --out DIR

The 1,004 sentences of SIB-200 (all splits) of a language and of English, `--times` as many Tatoeba sentences beside
them on either side: of every second language of Tatoeba, and English ones of the others, none of which translates one
of those. The script is LASER's mining in short (ratio margin, k = 4, best partner of every sentence of both sides,
one-to-one from the best score down), with the matrix of all cosines in memory, and its threshold is the best there is
by the gold pairs; `xl mine` sees no gold and learns its threshold from the scores alone. Memory is what the peak of a
process grows by while it searches, its libraries and the vectors being there before. Vectors are kept in OUT for
another call.
"""

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

ENGLISH = "eng_Latn"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", help="a sentence encoder; needed where OUT has no vectors")
    parser.add_argument("--data", default=os.environ.get("XL_DATA"), help="holds sib200 and tatoeba")
    parser.add_argument("--out", required=True, type=Path)
    parser.add_argument("--languages", nargs="+", default=["tur_Latn", "amh_Ethi"])
    parser.add_argument("--times", type=int, default=10, help="Tatoeba sentences for one of SIB-200")
    parser.add_argument("--measure", choices=("ours", "script"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        measure(arguments.measure, arguments.out)
        return
    english: Path | None = None
    for language in arguments.languages:
        folder = arguments.out / f"{language}-{arguments.times}"
        hide(Path(arguments.data), language, arguments.times, folder)
        if english is not None and not (folder / "v" / "b.npy").exists():
            for name in ("b.npy", "b.npy.json"):
                shutil.copyfile(english / name, folder / "v" / name)
        english = folder / "v"
        print(f"\n{language}, {len(ids(folder / 'a.tsv')):,} and {len(ids(folder / 'b.tsv')):,} sentences")
        print("  xl mine, without gold: " + mined(arguments.model, folder))
        for way in ("ours", "script"):
            command = [sys.executable, "-m", "tests.bench.bench_mine", "--out", str(folder), "--measure", way]
            print(subprocess.run(command, check=True, capture_output=True, text=True).stdout.rstrip(), flush=True)


def hide(root: Path, language: str, times: int, folder: Path) -> None:
    """Write `a.tsv`, `b.tsv` (id TAB sentence) and `gold.tsv` (id TAB id), the same at every call."""
    (folder / "v").mkdir(parents=True, exist_ok=True)
    sides = [sib(root / "sib200" / code) for code in (language, ENGLISH)]
    languages = sorted(path.name.split(".")[1] for path in (root / "tatoeba").glob("*.eng"))
    foreign = [text for pair in languages[::2] for text in lines(root, pair, pair.split("-")[0])]
    theirs = {text for pair in languages[::2] for text in lines(root, pair, "eng")}
    english = [text for pair in languages[1::2] for text in lines(root, pair, "eng") if text not in theirs]
    for name, salt, its, noise in zip("ab", "12", sides, (foreign, english), strict=True):
        drawn = sorted(dict.fromkeys(noise), key=digest)[: times * len(its)]
        items = [(f"s{key}", text) for key, text in its.items()] + [(f"n{n}", text) for n, text in enumerate(drawn)]
        items.sort(key=lambda item: digest(salt + item[1]))
        (folder / f"{name}.tsv").write_text("".join(f"{key}\t{text}\n" for key, text in items), encoding="utf-8")
    gold = [f"s{key}\ts{key}\n" for key in sides[0] if key in sides[1]]
    (folder / "gold.tsv").write_text("".join(gold), encoding="utf-8")


def sib(folder: Path) -> dict[str, str]:
    """Sentences of all splits by their number, which translations share."""
    rows = {}
    for split in ("train", "dev", "test"):
        for line in (folder / f"{split}.tsv").read_text(encoding="utf-8").rstrip("\n").split("\n")[1:]:
            number, _, text = line.split("\t")
            rows[number] = text
    return rows


def lines(root: Path, pair: str, side: str) -> list[str]:
    text = (root / "tatoeba" / f"tatoeba.{pair}.{side}").read_text(encoding="utf-8")
    return [line.strip() for line in text.split("\n") if line.strip()]


def digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def ids(path: Path) -> list[str]:
    return [line.partition("\t")[0] for line in path.read_text(encoding="utf-8").rstrip("\n").split("\n")]


def mined(model: str, folder: Path) -> str:
    import xl_cli

    with tempfile.TemporaryDirectory() as aside:
        done = xl_cli.mine(
            folder / "a.tsv", folder / "b.tsv", model=model, ids=True, gold=folder / "gold.tsv", vectors=folder / "v",
            out=Path(aside) / "pairs.tsv",
        )  # fmt: skip
    figures = {row.metric: row.value for row in done}
    return (
        f"F1 {figures['f1']:.4f} (expected by its scores {figures['expected_f1']:.4f}), {figures['pairs']:.0f} pairs, "
        f"precision {figures['precision']:.4f}, recall {figures['recall']:.4f}"
    )


def measure(way: str, folder: Path) -> None:
    """One search in this process: the best F1 that a threshold can have, seconds, memory."""
    from xl_cli.mining.search import search
    from xl_staticemb import nearest_slabs  # noqa: F401 - loads torch before the peak is read
    from xl_tasks.scoring.margin import one_to_one

    vectors = (np.load(folder / "v" / "a.npy", mmap_mode="r"), np.load(folder / "v" / "b.npy", mmap_mode="r"))
    for side in vectors:
        float(np.asarray(side).sum())  # every page is there
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # the peak counts from here
    before, began = memory("VmRSS"), time.process_time()
    if way == "ours":
        with tempfile.TemporaryDirectory() as aside:
            pairs = one_to_one(search(vectors, 4, Path(aside) / "n", of=""))
        first, second = pairs.first.tolist(), pairs.second.tolist()
    else:
        first, second = script(*vectors)
    grown, seconds = memory("VmHWM") - before, time.process_time() - began
    keys = ids(folder / "a.tsv"), ids(folder / "b.tsv")
    gold = set(zip(ids(folder / "gold.tsv"), ids(folder / "gold.tsv"), strict=True))
    hits = np.cumsum([(keys[0][i], keys[1][j]) in gold for i, j in zip(first, second, strict=True)])
    f1 = 2 * hits / (np.arange(1, len(hits) + 1) + len(gold))
    print(f"  {way:6}, best threshold by gold: F1 {f1.max():.4f}, {seconds:.1f} CPU s, {grown:.0f} MiB more")


def script(x: NDArray[np.float32], y: NDArray[np.float32], k: int = 4) -> tuple[list[int], list[int]]:
    x, y = (side / np.linalg.norm(side, axis=1, keepdims=True) for side in (x, y))
    cosines = x @ y.T
    found = []
    for table in (cosines, np.ascontiguousarray(cosines.T)):
        near = np.argpartition(-table, k, axis=1)[:, :k]
        found.append((near, np.take_along_axis(table, near, 1)))
    means = [near[1].mean(1) for near in found]
    candidates = []
    for side, (near, scores) in enumerate(found):
        margins = scores / ((means[side][:, None] + means[1 - side][near]) / 2)
        for row, best in enumerate(margins.argmax(1).tolist()):
            pair = (row, int(near[row, best]))
            candidates.append((float(margins[row, best]), *(pair if side == 0 else pair[::-1])))
    taken: tuple[dict[int, int], set[int]] = ({}, set())
    for _, i, j in sorted(candidates, reverse=True):
        if i not in taken[0] and j not in taken[1]:
            taken[0][i] = j
            taken[1].add(j)
    return list(taken[0]), list(taken[0].values())


def memory(kind: str) -> float:
    """MiB that Linux says of this process: VmRSS now, VmHWM at most."""
    text = Path("/proc/self/status").read_text(encoding="ascii")
    return next(int(line.split()[1]) for line in text.split("\n") if line.startswith(kind)) / 1024


if __name__ == "__main__":
    main()
