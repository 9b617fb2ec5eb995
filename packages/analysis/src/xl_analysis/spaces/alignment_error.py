"""How good word links are, against links that people drew (Och and Ney 2003, section 5.1).

With links A, sure ones S and possible ones P, which hold S:

    precision = |A & P| / |A|,  recall = |A & S| / |S|,  AER = 1 - (|A & S| + |A & P|) / (|A| + |S|)

Counts are added over all sentence pairs before they are divided. Where nobody marked possible links, P = S, and AER is
1 minus the F1 of links.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from xl_analysis.errors import AnalysisError

Pairs = Iterable[tuple[int, int]]

_LINK = re.compile(r"([0-9]{1,9})([-p?])([0-9]{1,9})")


class GoldLinks(NamedTuple):
    """The links of one sentence pair that people drew, positions from 0; `possible` holds the sure ones too."""

    sure: frozenset[tuple[int, int]]
    possible: frozenset[tuple[int, int]]


class AlignmentScores(NamedTuple):
    """All 0 to 1; AER is better when it is low. n_links, n_sure: how many there were over all sentence pairs."""

    aer: float
    precision: float
    recall: float
    f1: float
    n_links: int
    n_sure: int


def alignment_scores(links: Iterable[Pairs], gold: Iterable[GoldLinks]) -> AlignmentScores:
    """Scores of links against gold, sentence pair by sentence pair; each link counts once.

    Precision is 0 where there is no link. AnalysisError for different numbers of sentence pairs, and for gold without a
    sure link, for which recall is not defined.
    """
    links, gold = [set(pairs) for pairs in links], list(gold)
    if len(links) != len(gold):
        message = f"{len(links)} sentence pairs are linked, {len(gold)} have gold links; give both of the same pairs."
        raise AnalysisError(message)
    n_links, n_sure = sum(map(len, links)), sum(len(its.sure) for its in gold)
    if not n_sure:
        message = f"the gold links of {len(gold)} sentence pairs hold no sure one; nothing can be scored against them."
        raise AnalysisError(message)
    in_sure = sum(len(pairs & its.sure) for pairs, its in zip(links, gold, strict=True))
    in_possible = sum(len(pairs & (its.possible | its.sure)) for pairs, its in zip(links, gold, strict=True))
    precision, recall = in_possible / n_links if n_links else 0.0, in_sure / n_sure
    return AlignmentScores(
        aer=1 - (in_sure + in_possible) / (n_links + n_sure),
        precision=precision,
        recall=recall,
        f1=2 * precision * recall / (precision + recall) if precision + recall else 0.0,
        n_links=n_links,
        n_sure=n_sure,
    )


def parse_gold(lines: Iterable[str], *, lens: Sequence[tuple[int, int]], name: str = "gold") -> Iterator[GoldLinks]:
    """Yield the gold links of each line: `i-j` is sure, `ipj` or `i?j` possible, positions from 0.

    lens: numbers of words of the left and right sentence of each line. name: what errors call the source.
    AnalysisError, with `name:line`, for what is no link, a position out of range, or another number of lines.
    """
    number = 0
    for number, line in enumerate(lines, start=1):
        if number > len(lens):
            message = f"{name}:{number}: there are only {len(lens)} sentence pairs; is this their gold?"
            raise AnalysisError(message)
        yield _gold(line, lens[number - 1], f"{name}:{number}")
    if number < len(lens):
        message = f"{name} has {number} lines for {len(lens)} sentence pairs; give one for each, empty for no link."
        raise AnalysisError(message)


def _gold(line: str, lens: tuple[int, int], where: str) -> GoldLinks:
    sure, possible = set(), set()
    for word in line.split():
        link = _LINK.fullmatch(word)
        if link is None:
            message = f"{where}: {word[:60]!r} is no link; write i-j for a sure one and i?j for a possible one."
            raise AnalysisError(message)
        i, j = int(link[1]), int(link[3])
        if i >= lens[0] or j >= lens[1]:
            message = (
                f"{where}: {word} is out of range, the sentences have {lens[0]} and {lens[1]} words, counted from 0; "
                "are both cut into words as whoever drew the links had them?"
            )
            raise AnalysisError(message)
        possible.add((i, j))
        if link[2] == "-":
            sure.add((i, j))
    return GoldLinks(frozenset(sure), frozenset(possible))
