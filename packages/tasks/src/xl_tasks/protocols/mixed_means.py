"""Means over the cells of a matrix of language pairs: its diagonal, and everything beside it.

The cells of XNLI and PAWS-X have the same items, so that a mean over cells is taken item by item: intervals and
comparisons then resample items, not cells, and an item that is hard in every pair counts once.
"""

import dataclasses
from collections.abc import Iterable

import numpy as np

from xl_tasks.protocols.cells import Scored
from xl_tasks.protocols.transfer import JOIN
from xl_tasks.scoring.measures import Measure

DIAGONAL = "diagonal"
OFF_DIAGONAL = "off-diagonal"


def mixed_means(cells: Iterable[Scored]) -> list[Scored]:
    """One `Scored` for the diagonal and one for the rest of each matrix among `cells`; other cells are passed over.

    A matrix is the cells that differ in nothing but the pair of languages; measures that are no plain means (macro-F1)
    have no mean over cells and are left out.
    """
    matrices: dict[tuple, dict[str, Scored]] = {}
    for scored in cells:
        if JOIN in scored.cell.target:
            shown = dataclasses.asdict(scored.cell)
            inputs = tuple(sorted((k, v) for k, v in shown.pop("inputs").items() if k != "test"))
            target = shown.pop("target")
            matrices.setdefault((*shown.values(), inputs), {})[target] = scored
    means = []
    for matrix in matrices.values():
        for name in (DIAGONAL, OFF_DIAGONAL):
            kept = [
                scored
                for target, scored in matrix.items()
                if (target.partition(JOIN)[0] == target.partition(JOIN)[2]) == (name == DIAGONAL)
            ]
            if kept:
                means.append(_mean(kept, name))
    return means


def _mean(cells: list[Scored], name: str) -> Scored:
    first = cells[0]
    same = all(list(scored.keys) == list(first.keys) for scored in cells)
    measures, rows = [], []
    for number, measure in enumerate(first.measures):
        if measure.form == "mean" and not same:
            # MLQA has other questions for each pair: a mean of values, without items to resample.
            value = float(np.mean([scored.measures[number].value for scored in cells]))
            rows.append((measure.metric, value, sum(scored.measures[number].n for scored in cells)))
        elif measure.form == "mean":
            stats = np.mean([scored.measures[number].stats for scored in cells], axis=0)
            measures.append(Measure(metric=measure.metric, form=measure.form, stats=stats))
    cell = dataclasses.replace(first.cell, target=name, inputs={**first.cell.inputs, "test": f"{len(cells)} cells"})
    made = [cell.row(*row, coverage=first.coverage, skipped=first.skipped) for row in rows]
    return dataclasses.replace(first, cell=cell, measures=measures, rows=made, intervals={})
