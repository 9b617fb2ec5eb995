"""Feedback on word vectors: which words are alike and unlike a keyword, in rounds, in a file.

A line is `round<TAB>keyword<TAB>word<TAB>alike` or `... unlike`; without the first column all is one round. Later
rounds are given on vectors that the earlier ones have moved. A word that both vocabularies hold is written
`source:word` or `target:word`.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from xl_staticemb.errors import StaticembError
from xl_staticemb.lexicon.refinement import Refinement, Word, refine
from xl_staticemb.vectors import WordVectors

MARKS = ("alike", "unlike")


@dataclass
class Marked:
    """What was said of one keyword in one round."""

    alike: list[str] = field(default_factory=list)
    unlike: list[str] = field(default_factory=list)


Round = dict[str, Marked]
"""Keyword -> its marks, in the order given."""


def parse_feedback(lines: Iterable[str], where: str) -> dict[int, Round]:
    """Rounds by number, ascending. StaticembError with `where:line` for a line of another form."""
    rounds: dict[int, Round] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        cells = line.rstrip("\n").split("\t")
        at, keyword, word, mark = cells if len(cells) == 4 else ("1", *cells) if len(cells) == 3 else ("", "", "", "")
        if not at.isdecimal() or len(at) > 9 or not keyword or not word or mark not in MARKS:
            message = (
                f"{where}:{number}: expected [round TAB] keyword TAB word TAB alike or unlike, found {line[:60]!r}"
            )
            raise StaticembError(message)
        marked = rounds.setdefault(int(at), {}).setdefault(keyword, Marked())
        getattr(marked, mark).append(word)
    return dict(sorted(rounds.items()))


def feedback_line(number: int, keyword: str, word: str, mark: str) -> str:
    """A line of a feedback file, with its end."""
    return f"{number}\t{keyword}\t{word}\t{mark}\n"


def read_feedback(path: Path | str) -> dict[int, Round]:
    """The rounds of a feedback file."""
    with Path(path).open(encoding="utf-8", newline="\n") as file:
        try:
            return parse_feedback(file, str(path))
        except UnicodeDecodeError as error:
            message = f"{path}: not UTF-8 ({error.reason}); re-encode the file, e.g. with iconv -f LATIN1 -t UTF-8"
            raise StaticembError(message) from None


def refined_by_round(
    source: WordVectors, target: WordVectors | None, rounds: Iterable[Round], *, weight: float | None = None
) -> Iterator[Refinement]:
    """The vectors after each round, which begins where the last one ended.

    Directions are refined and not lengths: dot products are those of unit vectors, and each word keeps its length, so
    that the frequent long ones pull no harder than others. `weight` as in `refine_rows`. Raises StaticembError for a
    word that neither vocabulary, or that both hold without a side, and for what `refine` refuses.
    """
    now: tuple[WordVectors, WordVectors | None] = source, target
    for marks in rounds:
        feedback = [
            (
                side_of(keyword, source, target),
                [side_of(word, source, target) for word in marked.alike],
                [side_of(word, source, target) for word in marked.unlike],
            )
            for keyword, marked in marks.items()
        ]
        second = now[1]
        units = now[0].unit(), None if second is None else second.unit()
        refined = refine(units[0], feedback, target=units[1], weight=weight)
        now = _as_long(now[0], units[0], refined.source), None
        if second is not None and units[1] is not None and refined.target is not None:
            now = now[0], _as_long(second, units[1], refined.target)
        yield replace(refined, source=now[0], target=now[1])


def _as_long(old: WordVectors, unit: WordVectors, refined: WordVectors) -> WordVectors:
    """The old vectors, those that were refined in their new direction; all others bit by bit as they were."""
    moved = np.flatnonzero((unit.matrix != refined.matrix).any(1))
    if not len(moved):
        return old
    matrix = old.matrix.copy()
    matrix[moved] = refined.matrix[moved] * np.linalg.norm(old.matrix[moved], axis=1, keepdims=True)
    return WordVectors(old.words, matrix)


def side_of(text: str, source: WordVectors, target: WordVectors | None) -> Word:
    """The word as `refine` takes it: ("source", word) for `source:word`, unless a vocabulary holds the whole."""
    side, colon, word = text.partition(":")
    if not colon or side not in ("source", "target") or text in source.index or (target and text in target.index):
        return text
    return side, word
