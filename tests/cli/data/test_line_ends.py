"""What the command reads of a file and of its copy with CRLF line ends is the same."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from xl_cli.data.bitexts import read_bitexts
from xl_cli.data.running_text import RunningText
from xl_cli.recipe.config import DataConfig
from xl_staticemb import read_dictionary, read_vectors

FILES = {
    "left.txt": "bir\riki üç\n\naltı\n",
    "right.txt": "one two three\n\nsix\n",
    "sides.tsv": "bir\tone\naltı\tsix\n",
    "left.align": "0-0 1-1\n\n0-0\n",
    "sides.align": "0-0\n0-0\n",
    "vectors.vec": "2 3\none 1 0 0\nsix 0 1 0\n",
    "bare.vec": "one 1 0 0\nsix 0 1 0\n",
}


def bitexts(files: list[Path], alignments: list[Path], words: str) -> Any:
    entry = DataConfig(kind="pairs", files=tuple(map(str, files)), alignments=tuple(map(str, alignments)), words=words)
    return [(text.left, text.right, text.alignments) for text in read_bitexts(entry, {})]


def vectors(path: Path) -> Any:
    read = read_vectors(path)
    return read.words, read.matrix.tolist()


READERS: dict[str, Callable[[Path], Any]] = {
    "running text": lambda folder: list(RunningText([str(folder / "left.txt"), str(folder / "sides.tsv")])),
    "two sides": lambda folder: bitexts([folder / "left.txt", folder / "right.txt"], [folder / "left.align"], "spaces"),
    "by rule": lambda folder: bitexts([folder / "left.txt", folder / "right.txt"], [], ""),
    "columns": lambda folder: bitexts([folder / "sides.tsv"], [folder / "sides.align"], ""),
    "vectors": lambda folder: vectors(folder / "vectors.vec"),
    "vectors without header": lambda folder: vectors(folder / "bare.vec"),
    "dictionary": lambda folder: read_dictionary(folder / "sides.tsv"),
}


@pytest.mark.parametrize("name", READERS)
def test_line_ends_are_no_text(tmp_path: Path, name: str) -> None:
    found = []
    for end in ("\n", "\r\n"):
        folder = tmp_path / f"lines{len(end)}"
        folder.mkdir()
        for file, text in FILES.items():
            (folder / file).write_bytes(text.replace("\n", end).encode())
        found.append(READERS[name](folder))
    assert found[0] == found[1]
