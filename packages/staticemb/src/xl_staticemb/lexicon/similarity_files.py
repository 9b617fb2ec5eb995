r"""Gold files of word similarity: `word1<TAB>word2<TAB>gold`, or pairs and gold in two files as SemEval-2017 has it."""

import math
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from xl_staticemb.errors import StaticembError
from xl_staticemb.files.streams import reading


class GoldPair(NamedTuple):
    """Two entries, each of one or several words, and how similar people find them, on the scale of the file."""

    source: str
    target: str
    gold: float


def read_similarity(path: Path | str, keys: Path | str | None = None) -> list[GoldPair]:
    r"""Read pairs from a UTF-8 file (`.gz`, `.xz` and `.zst` are decompressed), in the order of the file.

    The lines are those of `parse_similarity`. keys: file of gold numbers where `path` holds pairs alone; without it
    `keys_path` looks for one. Raises StaticembError with `file:line` for a line that does not fit.
    """
    keys = keys_path(path) if keys is None else Path(keys)
    return parse_similarity(_lines(Path(path)), str(path), None if keys is None else (_lines(keys), str(keys)))


def keys_path(path: Path | str) -> Path | None:
    """The file of gold numbers that belongs to a file of pairs, if it is there; None for any other file.

    In SemEval-2017 Task 2 `data/en-de.test.data.txt` has `keys/en-de.test.gold.txt`; one beside it comes first.
    """
    path = Path(path)
    stem, infix, ending = path.name.partition(".data.")
    if not infix:
        return None
    name = f"{stem}.gold.{ending}"
    places = (path.parent / name, path.parent.parent / "keys" / name)
    return next((place for place in places if place.is_file()), None)


def parse_similarity(lines: Iterable[str], name: str, keys: tuple[Iterable[str], str] | None = None) -> list[GoldPair]:
    r"""Pairs from the lines of a file called `name`: `word1<TAB>word2<TAB>gold`, or three fields parted by white space.

    With TABs an entry may be of several words. Empty lines are skipped; a first line whose gold is no number is a
    header. keys: where the lines are pairs alone, the lines with one gold number each, and the name of their file.
    Raises StaticembError with `name:line`.
    """
    if keys is not None:
        return _joined(lines, name, *keys)
    pairs = []
    for number, line in _numbered(lines):
        fields = _fields(line)
        if len(fields) == 2:
            message = (
                f"{name}:{number}: two fields and no gold number, found {line[:60]!r}; pairs alone are read from "
                "NAME.data.txt with NAME.gold.txt beside it or in the folder ../keys"
            )
            raise StaticembError(message)
        if len(fields) != 3 or not all(fields):
            message = f"{name}:{number}: expected word1<TAB>word2<TAB>gold, found {line[:60]!r}"
            raise StaticembError(message)
        gold = _number(fields[2])
        if gold is None and number == 1:
            continue
        pairs.append(GoldPair(fields[0], fields[1], _finite(gold, fields[2], f"{name}:{number}")))
    if not pairs:
        message = f"{name}: holds no pairs"
        raise StaticembError(message)
    return pairs


def _joined(lines: Iterable[str], name: str, keys: Iterable[str], keys_name: str) -> list[GoldPair]:
    entries = []
    for number, line in _numbered(lines):
        fields = _fields(line)
        if len(fields) != 2 or not all(fields):
            message = f"{name}:{number}: expected word1<TAB>word2, its gold is in {keys_name}, found {line[:60]!r}"
            raise StaticembError(message)
        entries.append(fields)
    golds = [_finite(_number(line), line, f"{keys_name}:{number}") for number, line in _numbered(keys)]
    if len(entries) != len(golds) or not entries:
        message = f"{name} holds {len(entries)} pairs and {keys_name} {len(golds)} gold numbers; they must be as many"
        raise StaticembError(message)
    return [GoldPair(source, target, gold) for (source, target), gold in zip(entries, golds, strict=True)]


def _numbered(lines: Iterable[str]) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(lines, 1):
        stripped = line.strip(" \r")
        if stripped:
            yield number, stripped


def _fields(line: str) -> list[str]:
    return [field.strip() for field in line.split("\t")] if "\t" in line else line.split()


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _finite(gold: float | None, text: str, where: str) -> float:
    if gold is None or not math.isfinite(gold):
        message = f"{where}: the gold similarity must be a finite number, not {text[:60]!r}"
        raise StaticembError(message)
    return gold


def _lines(path: Path) -> Iterator[str]:
    with reading(path) as stream:
        content = stream.read()
    for number, raw in enumerate(content.removeprefix(b"\xef\xbb\xbf").split(b"\n"), 1):
        try:
            yield raw.decode("utf-8")
        except UnicodeDecodeError as error:
            message = f"{path}:{number}: not UTF-8 (byte 0x{raw[error.start]:02x}); re-encode the file, e.g. with iconv"
            raise StaticembError(message) from None
