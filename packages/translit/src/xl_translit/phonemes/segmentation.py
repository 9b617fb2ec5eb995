"""IPA text as a list of segments: `segment("t͡ʃaj")` is `["t͡ʃ", "a", "j"]`.

Two ways of the field. `panphon` (Mortensen et al. 2016) takes the longest segments of its inventory, diacritics
included, and leaves out what it does not know; the inventory is read from the package's data file, as its program takes
half a second to load. `segments` (Moran and Cysouw 2018) joins modifiers and tie bars to the character before, whatever
it is. Results are those of `FeatureTable().ipa_segs(ipa)` and of `Tokenizer()(ipa, ipa=True)`, which tests compare.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from functools import cache, lru_cache
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

from xl_translit.errors import TranslitError

if TYPE_CHECKING:
    from segments import Tokenizer

Segmenter = Literal["panphon", "segments"]
Unknown = Literal["drop", "keep"]
_MEMO_SIZE = 1 << 16


def segment(ipa: str, segmenter: Segmenter = "panphon", *, unknown: Unknown = "drop") -> list[str]:
    """The segments of an IPA text, in NFD; white space separates words and is no segment.

    unknown: what panphon does with characters outside its inventory. `drop` leaves them out, as the library does;
        `keep` makes each a segment of its own, marks and modifier letters a part of the segment before them. The other
        segmenter keeps everything.
    """
    if segmenter not in get_args(Segmenter):
        message = f"segmenter {segmenter!r} is not known; it can be: {', '.join(get_args(Segmenter))}"
        raise TranslitError(message)
    if segmenter == "segments":
        return [part for word in ipa.split() for part in _by_segments(word)]
    scanned = _scan(ipa)
    if unknown == "drop":
        return [name for known, _ in scanned for name in known]
    if any(known is not pieces for known, pieces in scanned):
        return _with_unknown(piece for _, pieces in scanned for piece in pieces)
    return [name for known, _ in scanned for name in known]


def unknown_segments(ipa: str) -> Counter[str]:
    """Characters that panphon's inventory has no segment for, counted; white space is not counted."""
    scanned = _scan(ipa)
    counts = Counter(piece for _, pieces in scanned for piece in pieces if not piece.isspace())
    counts.subtract(name for known, _ in scanned for name in known)
    return +counts


@cache
def panphon_folder() -> Path:
    """Where the installed package `panphon` keeps its tables; the package is not imported for that."""
    spec = find_spec("panphon")
    if spec is None or not spec.submodule_search_locations:
        message = "the package panphon is not installed; install it with: pip install panphon"
        raise TranslitError(message)
    return Path(spec.submodule_search_locations[0]) / "data"


@cache
def inventory() -> dict[str, int]:
    """Panphon's segments (NFD) -> row in its table; of a segment written twice, the last row counts."""
    text = unicodedata.normalize("NFD", (panphon_folder() / "ipa_all.csv").read_text(encoding="utf-8"))
    return {line.partition(",")[0]: row for row, line in enumerate(text.rstrip("\n").split("\n")[1:])}


@cache
def _beginnings() -> dict[str, bool]:
    """Every beginning of a segment -> whether it is a segment itself."""
    beginnings: dict[str, bool] = {}
    for name in inventory():
        for end in range(1, len(name)):
            beginnings.setdefault(name[:end], False)
        beginnings[name] = True
    return beginnings


_Scanned = tuple[tuple[str, ...], tuple[str, ...]]
"""The segments of the inventory, and the same with every other character between them (the same object if none)."""


def _scan(ipa: str) -> list[_Scanned]:
    """What stands in an IPA text, cut where no segment reaches over."""
    return list(map(_SCANNED.__getitem__, _cuts().findall(unicodedata.normalize("NFD", ipa))))


@cache
def _cuts() -> re.Pattern[str]:
    """A character and whatever can follow in a segment: nearly always one segment, and never a part of one.

    In the inventory a letter that is not the first of its segment stands behind a tie bar, a click or the like: a link.
    """
    links, marks = set(), set()
    for name in inventory():
        for before, char in pairwise(name):
            if unicodedata.category(char) in ("Ll", "Lo"):
                links.add(before)
            else:
                marks.add(char)
    link, mark = (f"[{re.escape(''.join(sorted(chars)))}]" for chars in (links, marks))
    return re.compile(f"(?:{link}+.|.)(?:{link}+.|{mark})*", re.DOTALL)


class _Memory(dict[str, _Scanned]):
    """Text -> what stands in it; filled as it is asked, up to a bounded number of entries."""

    def __missing__(self, text: str) -> _Scanned:
        if len(self) >= _MEMO_SIZE:
            self.clear()
        self[text] = scanned = _scan_slowly(text)
        return scanned


_SCANNED = _Memory()


def _scan_slowly(text: str) -> _Scanned:
    """The longest segment of the inventory at each place."""
    beginnings = _beginnings()
    known, pieces, start, length = [], [], 0, len(text)
    while start < length:
        stop, end = start, start + 1
        while end <= length and (whole := beginnings.get(text[start:end])) is not None:
            if whole:
                stop = end
            end += 1
        if stop > start:
            known.append(text[start:stop])
            pieces.append(text[start:stop])
            start = stop
        else:
            pieces.append(text[start])
            start += 1
    row = tuple(known)
    return row, row if len(known) == len(pieces) else tuple(pieces)


def _with_unknown(pieces: Iterable[str]) -> list[str]:
    segments: list[str] = []
    joins = False  # no mark hangs on a space
    for piece in pieces:
        if piece.isspace():
            joins = False
        elif joins and unicodedata.category(piece[0]) in ("Mn", "Mc", "Me", "Lm", "Sk") and piece not in inventory():
            segments[-1] += piece
        else:
            segments.append(piece)
            joins = True
    return segments


@cache
def _tokenizer() -> "Tokenizer":
    try:
        from segments import Tokenizer
    except ModuleNotFoundError:
        message = "the segmenter segments is a package of its own: pip install 'xl-translit[segments]', or take panphon"
        raise TranslitError(message) from None
    return Tokenizer()


@lru_cache(maxsize=1 << 16)
def _by_segments(word: str) -> tuple[str, ...]:
    try:
        return tuple(_tokenizer()(word, ipa=True).split(" "))
    except IndexError:  # the library fails at a tie bar or a modifier with nothing beside it
        return tuple(_tokenizer()(word).split(" "))
