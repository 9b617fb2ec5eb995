"""Small made-up data of every kind that a recipe can read, a small trained-from-nothing encoder, and runs on them."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from tests.cli.conftest import GREEK, SYLLABLES

WIDTH = 128  # of sizes pico and tiny


def word(number: int) -> str:
    """A word of two or three syllables, another one for each number below 144."""
    third = SYLLABLES[(number * 5 + number // 7) % 12] if number % 2 else ""
    return SYLLABLES[number % 12] + SYLLABLES[(number // 12) % 12] + third


def greek(text: str) -> str:
    return "".join(GREEK.get(letter, letter) for letter in text)


def sentences(n: int, seed: int = 0) -> list[str]:
    """`n` different sentences of three to seven words."""
    random = np.random.default_rng(seed)
    found: dict[str, None] = {}
    while len(found) < n:
        found[" ".join(word(int(k)) for k in random.integers(0, 144, random.integers(3, 8)))] = None
    return list(found)


def write_lines(path: Path, lines: Sequence[str]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


def write_vectors(path: Path, words: Sequence[str], width: int, seed: int = 0) -> np.ndarray:
    """A word2vec file in text; its vectors as they read back."""
    matrix = np.random.default_rng(seed).normal(size=(len(words), width)).round(4).astype(np.float32)
    rows = [" ".join([one, *map(str, row.tolist())]) for one, row in zip(words, matrix, strict=True)]
    write_lines(path, [f"{len(words)} {width}", *rows])
    return matrix


def align_toml(folder: Path, text: str, name: str = "mine") -> Path:
    """A recipe file."""
    path = folder / f"{name}.toml"
    path.write_text(text, encoding="utf-8")
    return path


def log_of(out: Path, variant: str | None = None) -> list[dict]:
    """The rows of training steps in a run's log."""
    rows = [json.loads(line) for line in (out / "log.jsonl").read_text(encoding="utf-8").splitlines()]
    return [row for row in rows if "losses" in row and variant in (None, row["variant"])]


def losses_of(out: Path, name: str) -> list[float]:
    return [row["losses"][name] for row in log_of(out) if name in row["losses"]]


def about_of(out: Path) -> dict:
    return json.loads((out / "run.json").read_text(encoding="utf-8"))


def rows_of(out: Path) -> list[dict]:
    return [json.loads(line) for line in (out / "results.jsonl").read_text(encoding="utf-8").splitlines()]


def same_weights(first: Path, second: Path) -> bool:
    """Whether two runs' models are equal, bit for bit."""
    from safetensors.torch import load_file

    ours, theirs = (load_file(out / "model" / "model.safetensors") for out in (first, second))
    return ours.keys() == theirs.keys() and all(ours[name].equal(theirs[name]) for name in ours)
