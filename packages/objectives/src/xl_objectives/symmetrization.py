"""One set of word links out of an aligner's two directions: the heuristics of Och and Ney 2003 and Koehn et al. 2005.

A directional aligner, fast_align or GIZA++, gives each word of one side one partner at most. Where both directions
agree (intersection) links are few and precise, all that any says (union) are many; "grow" starts from the first and
takes of the second what touches a link, "final" what is left for words that have none.
"""

from collections.abc import Iterable, Iterator, Sequence
from heapq import heappop, heappush

from xl_objectives.errors import ObjectiveError

Link = tuple[int, int]

SYMMETRIZATIONS = (
    "intersection",
    "union",
    "grow-diag",
    "grow-diag-final",
    "grow-diag-final-and",
)
# In the order in which Koehn et al. try them: beside first, then aslant.
_NEIGHBOURS = ((-1, 0), (0, -1), (1, 0), (0, 1), (-1, -1), (-1, 1), (1, -1), (1, 1))


def symmetrize(forward: Iterable[Link], reverse: Iterable[Link], method: str = "intersection") -> list[Link]:
    """The links of a sentence pair that its two directional alignments give together, ascending.

    forward, reverse: links (i, j) of word i of the left and j of the right sentence, from 0: both in this order, as
        fast_align writes them also with -r.
    method: "intersection", "union", "grow-diag" (from the intersection on, links of the union that touch one already
        taken and of whose words at least one is still alone, until there is none), "grow-diag-final" (then also those
        of `forward`, then of `reverse`, with at least one lone word), "grow-diag-final-and" (with two lone words).

    Points are visited by i, then by j, and those added behind the one at hand in the same sweep.
    Raises ObjectiveError for an unknown method.
    """
    if method not in SYMMETRIZATIONS:
        message = f"symmetrization is {method!r}; choose one of {', '.join(SYMMETRIZATIONS)}."
        raise ObjectiveError(message)
    forward, reverse = set(forward), set(reverse)
    if method == "union":
        return sorted(forward | reverse)
    links = forward & reverse
    if method != "intersection":
        rows, columns = {i for i, _ in links}, {j for _, j in links}
        _grow(links, rows, columns, forward | reverse)
        if "final" in method:
            both = method.endswith("and")
            for direction in (forward, reverse):
                _fill(links, rows, columns, direction, both=both)
    return sorted(links)


def symmetrize_all(
    forward: Iterable[Sequence[Link]], reverse: Iterable[Sequence[Link]], method: str = "intersection"
) -> Iterator[list[Link]]:
    """`symmetrize` for each sentence pair of a corpus, one after another; ValueError where one side has more."""
    return (symmetrize(*pair, method) for pair in zip(forward, reverse, strict=True))


def _grow(links: set[Link], rows: set[int], columns: set[int], union: set[Link]) -> None:
    """Add to `links` what touches them, sweep after sweep, until a sweep adds nothing."""
    grown = True
    while grown:
        grown = False
        waiting = sorted(links)  # a sorted list is a heap
        while waiting:
            point = heappop(waiting)
            for step in _NEIGHBOURS:
                near = point[0] + step[0], point[1] + step[1]
                if near not in union or near in links or (near[0] in rows and near[1] in columns):
                    continue
                _add(near, links, rows, columns)
                grown = True
                if near > point:
                    heappush(waiting, near)


def _fill(links: set[Link], rows: set[int], columns: set[int], direction: set[Link], *, both: bool) -> None:
    """Add the links of a direction of whose words one has none yet, or `both`."""
    for i, j in sorted(direction):
        lone = i not in rows, j not in columns
        if all(lone) if both else any(lone):
            _add((i, j), links, rows, columns)


def _add(link: Link, links: set[Link], rows: set[int], columns: set[int]) -> None:
    links.add(link)
    rows.add(link[0])
    columns.add(link[1])
