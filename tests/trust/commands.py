"""Commands that write, over small made-up inputs: what the tests of faults run, stop and compare.

Each is given the folder of the inputs and an own folder for what it writes; given again it goes on.
"""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tests.cli.conftest import SYLLABLES, small
from tests.cli.made_data import greek, sentences, word, write_lines, write_vectors
from tests.cli.task_data import make_sib200

Line = Callable[[Path, Path], list[object]]

QUICK_TUNING = ("lr=0.01", "epochs=4", "batch=8")


def make_inputs(folder: Path) -> Path:
    """Text, a tiny encoder, vectors, a dictionary, topics and a run's rows."""
    from xl_encoders import ModelConfig, new_encoder

    english = sentences(400)
    write_lines(folder / "names" / "eng_Latn.txt", names := [_name(i) for i in range(120)])
    write_lines(folder / "names" / "ell_Grek.txt", [greek(name) for name in names])
    write_lines(folder / "eng_Latn.txt", english)
    write_lines(folder / "ell_Grek.txt", [greek(text) for text in english])
    write_lines(folder / "mixed.txt", [f"{greek(text)} {i} {text}" for i, text in enumerate(sentences(6000, seed=1))])
    new_encoder([*english, *map(greek, english)], ModelConfig(size="pico", pieces=120, max_len=40), seed=1).save(
        folder / "model"
    )
    words = list(dict.fromkeys(word(i) for i in range(144)))
    write_vectors(folder / "eng.vec", words, 20, seed=1)
    write_vectors(folder / "ell.vec", [greek(one) for one in words], 20, seed=2)
    write_lines(folder / "pairs.tsv", [f"{one}\t{greek(one)}" for one in words])
    make_sib200(folder / "topics", (24, 9, 12))
    (folder / "run").mkdir()
    rows = [
        {"task": "sib200", "metric": "macro_f1", "value": 0.5 + seed / 100, "source": "eng_Latn", "target": target,
         "n": 12, "seed": seed, "model": "made", "layer": 2}
        for target in ("tur_Latn", "ell_Grek") for seed in (1, 2, 3)
    ]  # fmt: skip
    write_lines(folder / "run" / "results.jsonl", [json.dumps(row) for row in rows])
    return folder


def _name(i: int) -> str:
    return SYLLABLES[i % 12] + SYLLABLES[(i // 12) % 12] + SYLLABLES[(5 * i + i // 7) % 12] + SYLLABLES[(7 * i) % 12]


def _align(inputs: Path, out: Path) -> list[object]:
    if (out / "run" / "run.json").is_file():
        return ["align", "--resume", "--out", out / "run"]
    return [*small(inputs / "names", "train.save_every=2"), "--out", out / "run"]


COMMANDS: dict[str, Line] = {
    "translit": lambda inputs, out: ["translit", inputs / "mixed.txt", "--out", out / "latin.txt"],
    "translit pairs": lambda inputs, out: [
        "translit", inputs / "mixed.txt", "--pairs", "--format", "parquet", "--out", out / "pairs.parquet",
    ],
    "extract": lambda inputs, out: [
        "static", "extract", inputs / "eng_Latn.txt", "--model", inputs / "model", "--tokenized", "--min-count", 2,
        "--epochs", 2, "--subsample", 0.001, "--out", out / "eng.vec",
    ],
    "map": lambda inputs, out: [
        "static", "map", inputs / "eng.vec", inputs / "ell.vec", "--dictionary", inputs / "pairs.tsv",
        "--out-source", out / "eng.vec", "--out-target", out / "ell.vec",
    ],
    "align": _align,
    "eval": lambda inputs, out: [
        "eval", "sib200", "--model", inputs / "model", "--data", inputs / "topics", "--source", "eng", "--target",
        "tur", "--target", "ell", "--seeds", 2, *(part for each in QUICK_TUNING for part in ("--set", each)),
        "--out", out / "scores",
    ],
    "mine": lambda inputs, out: [
        "mine", inputs / "eng_Latn.txt", inputs / "ell_Grek.txt", "--model", inputs / "model", "--layer", 1,
        "--threshold", 0, "--out", out / "mined.tsv",
    ],
    "embed": lambda inputs, out: [
        "embed", inputs / "eng_Latn.txt", "--model", inputs / "model", "--layer", 1, "--shard-rows", 100,
        "--out", out / "vectors",
    ],
    "report": lambda inputs, out: ["report", inputs / "run", "--format", "html", "--out", out / "page.html"],
}  # fmt: skip
"""Name -> what follows `xl`."""

# What tells when, where or how long, and is no result.
_TIMES = (
    "seconds",
    "created",
    "started",
    "finished",
    "wall",
    "time",
    "speed",
    "host",
    "memory",
    "rate",
    "resumed",
    "cost",
)


def results(folder: Path) -> dict[str, object]:
    """Relative path -> content of every file below, JSON without times; names that begin with a dot too."""
    return {str(path.relative_to(folder)): content(path) for path in files(folder)}


def files(folder: Path) -> Iterator[Path]:
    """Every file below, in order."""
    yield from sorted(path for path in folder.rglob("*") if path.is_file())


def content(path: Path) -> object:
    """The bytes, of JSON and JSON lines the values without those that tell times."""
    if path.name == "README.md":
        return re.sub(r"(?<=, seed 1, ).*?(?= s\.)", "", path.read_text(encoding="utf-8"))
    if path.suffix not in (".json", ".jsonl"):
        return path.read_bytes()
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".json":
        return _timeless(json.loads(text))
    return [_timeless(json.loads(line)) for line in text.splitlines()]


def _timeless(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _timeless(each) for key, each in value.items() if not any(word in key.lower() for word in _TIMES)}
    return [_timeless(each) for each in value] if isinstance(value, list) else value
