"""Which cells of a table are the best of their column: of systems from one source, and of one system's sources.

As table 2 of Xhelili, Liu and Schütze (2024) marks them: bold the best system for a source and target, underlined the
best source for a system and target.
"""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass

Place = tuple[int, int]


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A line of a table, by what its cells are compared with."""

    block: Hashable
    """Task and metric."""
    source: str
    system: Hashable
    """What is equal in the lines of one system that differ in their source."""
    shown: Mapping[int, float]
    """Column -> figure as it is shown, rounded; columns without a figure are left out."""


def best_cells(lines: Sequence[Candidate]) -> tuple[frozenset[Place], frozenset[Place]]:
    """(row, column) of the best systems, and of the best sources; all of those that are shown alike.

    A cell without a rival, and one whose rivals are all as good, is not marked. Two lines of one system and source are
    no sources of it.
    """
    by_source: dict[Hashable, list[int]] = {}
    by_system: dict[Hashable, list[int]] = {}
    for row, line in enumerate(lines):
        by_source.setdefault((line.block, line.source), []).append(row)
        by_system.setdefault((line.block, line.system), []).append(row)
    sources = [rows for rows in by_system.values() if len({lines[row].source for row in rows}) == len(rows)]
    return _highest(lines, by_source.values()), _highest(lines, sources)


def _highest(lines: Sequence[Candidate], groups: Iterable[Sequence[int]]) -> frozenset[Place]:
    places = set()
    for rows in groups:
        for column in {column for row in rows for column in lines[row].shown}:
            shown = {row: lines[row].shown[column] for row in rows if column in lines[row].shown}
            if len(set(shown.values())) > 1:
                places |= {(row, column) for row, value in shown.items() if value == max(shown.values())}
    return frozenset(places)
