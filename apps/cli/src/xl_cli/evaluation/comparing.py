"""Differences between systems that answered the same items: paired bootstrap over items and seeds."""

import dataclasses
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from xl_analysis import bootstrap_interval, holm_by_family, paired_bootstrap, resamples_for
from xl_analysis.statistics.significance import Value
from xl_tasks import Row
from xl_tasks.protocols.cells import Cell, CellStore, Scored
from xl_tasks.protocols.mixed_means import DIAGONAL, OFF_DIAGONAL
from xl_tasks.protocols.transfer import JOIN
from xl_tasks.scoring.measures import FORMS, Measure

# What one comparison changes, in the order in which rows name it; everything else is equal on both sides.
_AXES = ("robust", "noise", "model")
# What belongs to a model: two models may differ in these too.
_OF_MODEL = ("model", "variant", "layer", "pooling", "prompt", "unit")
# What besides may differ between two runs that are compared.
_OF_SYSTEM = (*_OF_MODEL, "tuning")
_SYSTEM = (*_OF_SYSTEM, "robust", "noise")
# Target of a row over several targets: those that were not trained on, or all of them.
_MEANS = {"others": "mean", "all": "mean-all"}
# So many times the least p that n resamples can give are drawn again, more often.
_NEAR_LEAST = 4
_SHOWN = tuple(field.name for field in dataclasses.fields(Cell) if field.name not in ("seed", "inputs"))

# Cells by seed of a system and of its baseline, what rows call the baseline, and over how many targets the cells are.
_Pair: TypeAlias = tuple[Mapping[int, Scored], Mapping[int, Scored], str, int]


def with_intervals(scored: Scored, n_resamples: int) -> Scored:
    """`scored` with a 95 per cent interval for each measure, over items."""
    if not n_resamples:
        return scored
    intervals = {}
    for measure in scored.measures:
        interval = bootstrap_interval(FORMS[measure.form], measure.stats[None], n_resamples=n_resamples)
        intervals[measure.metric] = (float(interval.low), float(interval.high))
    return dataclasses.replace(scored, intervals=intervals)


def difference_rows(
    cells: Iterable[Scored], models: Sequence[str], n_resamples: int, mean: str = "others"
) -> list[Row]:
    """Rows with `baseline`: robust against plain training, noisy against clean text, each model against the first.

    models: names of the models, the first one to compare with.
    mean: "others" or "all", as in the tables of scores.

    Where all targets but the source have the same items (XNLI, SIB-200), a row of target "mean" compares the mean
    over them, with the same items drawn in all; under "all" a row "mean-all" is over the source too.
    p_holm is corrected over the differences of one system from one baseline in one metric, the means by themselves. So
    many of them that `n_resamples` could show none are drawn more often.
    """
    if not n_resamples:
        return []
    groups = _by_circumstances(cells)
    n_targets = _over_targets(groups, mean)
    pairs: list[_Pair] = []
    for circumstances, by_seed in groups.items():
        shown = dict(zip(_SHOWN, circumstances, strict=True))
        # Single cells of a matrix are many and small; the means of its diagonal and the rest are compared.
        if JOIN in shown["target"]:
            continue
        for axis in _AXES:
            other = _baseline(groups, shown, axis, models)
            if other is not None:
                name = f"{axis}={dict(zip(_SHOWN, other, strict=True))[axis] or 'none'}"
                pairs.append((by_seed, groups[other], name, n_targets.get(circumstances, 1)))
    return _compared_pairs(pairs, n_resamples)


def variant_difference_rows(cells: Iterable[Scored], start: str, n_resamples: int) -> list[Row]:
    """Rows with the baseline "variant=START": each other variant on the items that the start answered, seed by seed."""
    groups = _by_circumstances(cells)
    place = _SHOWN.index("variant")
    pairs: list[_Pair] = []
    for circumstances, by_seed in groups.items():
        before = groups.get((*circumstances[:place], start, *circumstances[place + 1 :]))
        if circumstances[place] != start and before:
            pairs.append((by_seed, before, f"variant={start}", 1))
    return _compared_pairs(pairs, n_resamples)


def folder_difference_rows(runs: Sequence[Path], name: str, n_resamples: int) -> list[Row]:
    """`run_difference_rows` of the second folder of `runs` over the first, as baseline `name`.

    None where either is no folder of `xl eval`, which keeps the items of its cells, or where nothing is to be drawn.
    """
    if not n_resamples or not all((run / "cells").is_dir() for run in runs):
        return []
    theirs, ours = (list(CellStore(run)) for run in runs)
    return run_difference_rows(ours, theirs, name, n_resamples)


def run_difference_rows(ours: Iterable[Scored], theirs: Iterable[Scored], name: str, n_resamples: int) -> list[Row]:
    """Rows with the baseline `name`: the cells of `ours` that `theirs` has too, on the same items, seed by seed.

    The model, its layer and what else belongs to it may differ, and how it was tuned; where a run has a question more
    than once, those that are alike are compared.
    """
    sides = []
    for cells in (ours, theirs):
        questions: dict[tuple, dict[tuple, Mapping[int, Scored]]] = {}
        for circumstances, by_seed in _by_circumstances(cells).items():
            shown = dict(zip(_SHOWN, circumstances, strict=True))
            question = tuple(shown[field] for field in _SHOWN if field not in _OF_SYSTEM)
            system = tuple(shown[field] for field in _OF_SYSTEM if field != "model")
            questions.setdefault(question, {})[system] = by_seed
        sides.append(questions)
    first, second = sides
    pairs: list[_Pair] = []
    for question, systems in first.items():
        others = second.get(question, {})
        if len(systems) == len(others) == 1:
            pairs.append((next(iter(systems.values())), next(iter(others.values())), name, 1))
        else:
            pairs += [(systems[same], others[same], name, 1) for same in systems if same in others]
    return _compared_pairs(pairs, n_resamples)


def _compared_pairs(pairs: Sequence[_Pair], n_resamples: int) -> list[Row]:
    n_tests = Counter(name for *_, name, _ in pairs)
    rows = [
        row
        for one, other, name, n_targets in pairs
        for row in _compared(one, other, name, n_resamples, n_targets, resamples_for(n_tests[name], n_resamples))
    ]
    families = [
        (row.baseline, row.metric, row.target in _MEANS.values(), *(getattr(row, field) for field in _SYSTEM))
        for row in rows
    ]
    adjusted = holm_by_family([row.p for row in rows], families)
    return [dataclasses.replace(row, p_holm=p) for row, p in zip(rows, adjusted, strict=True)]


def _by_circumstances(cells: Iterable[Scored]) -> dict[tuple, dict[int, Scored]]:
    groups: dict[tuple, dict[int, Scored]] = {}
    for scored in cells:
        circumstances = tuple(getattr(scored.cell, name) for name in _SHOWN)
        groups.setdefault(circumstances, {})[scored.cell.seed] = scored
    return groups


def _over_targets(groups: dict[tuple, dict[int, Scored]], mean: str) -> dict[tuple, int]:
    """Add groups of a target of _MEANS, for targets with the same items; over how many targets each of them is."""
    place = _SHOWN.index("target")
    families: dict[tuple, list[Mapping[int, Scored]]] = {}
    for circumstances, by_seed in groups.items():
        shown = dict(zip(_SHOWN, circumstances, strict=True))
        left_out = (DIAGONAL, OFF_DIAGONAL, *(shown["source"].split(JOIN) if mean == "others" else ()))
        if shown["target"] not in left_out and JOIN not in shown["target"]:
            family = (*circumstances[:place], _MEANS[mean], *circumstances[place + 1 :])
            families.setdefault(family, []).append(by_seed)
    n_targets = {}
    for circumstances, targets in families.items():
        for seed in set.intersection(*(set(by_seed) for by_seed in targets)):
            cells = [by_seed[seed] for by_seed in targets]
            if len(cells) > 1 and all(list(cell.keys) == list(cells[0].keys) for cell in cells):
                groups.setdefault(circumstances, {})[seed] = _side_by_side(cells, _MEANS[mean])
                n_targets[circumstances] = len(cells)
    return n_targets


def _side_by_side(cells: Sequence[Scored], target: str) -> Scored:
    """The statistics of each item in all targets, one target's behind the other's."""
    measures = []
    for i, measure in enumerate(cells[0].measures):
        same = [cell.measures[i] for cell in cells if cell.measures[i].metric == measure.metric]
        if len(same) == len(cells) and len({one.stats.shape for one in same}) == 1:
            measures.append(dataclasses.replace(measure, stats=np.concatenate([one.stats for one in same], axis=1)))
    cell = dataclasses.replace(cells[0].cell, target=target)
    coverage = min(cell.coverage for cell in cells)
    return dataclasses.replace(cells[0], cell=cell, measures=measures, rows=(), coverage=coverage)


def _mean_value(form: str, n_targets: int) -> Value:
    """The mean over targets of a score, from statistics that lie side by side."""

    def value(sums: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.mean([FORMS[form](part) for part in np.split(sums, n_targets, axis=-1)], axis=0)

    return value if n_targets > 1 else FORMS[form]


def _baseline(
    groups: Mapping[tuple, object], shown: Mapping[str, object], axis: str, models: Sequence[str]
) -> tuple | None:
    """The circumstances that `shown` is compared with along one axis; None where there are none."""
    if axis != "model":
        if not shown[axis]:
            return None
        names = tuple({**shown, axis: ""}[name] for name in _SHOWN)
        return names if names in groups else None
    if not models or shown["model"] == models[0]:
        return None
    candidates = []
    for circumstances in groups:
        other = dict(zip(_SHOWN, circumstances, strict=True))
        if other["model"] == models[0] and all(other[name] == shown[name] for name in _SHOWN if name not in _OF_MODEL):
            candidates.append((sum(other[name] == shown[name] for name in _OF_MODEL), circumstances))
    # Of several layers or poolings of the first model, the one that is most like.
    return max(candidates, key=lambda pair: pair[0])[1] if candidates else None


def _compared(
    ours: Mapping[int, Scored],
    theirs: Mapping[int, Scored],
    name: str,
    n_resamples: int,
    n_targets: int,
    most_resamples: int,
) -> list[Row]:
    seeds = sorted(set(ours) & set(theirs))
    if not seeds:
        return []
    first = ours[seeds[0]]
    rows = []
    for measure in first.measures:
        pairs = [
            (_measure(ours[seed], measure), _measure(theirs[seed], measure))
            for seed in seeds
            if ours[seed].keys == theirs[seed].keys
        ]
        both = [(a.stats, b.stats) for a, b in pairs if a and b and a.stats.shape == b.stats.shape]
        if not both:
            continue
        value = _mean_value(measure.form, n_targets)
        stats, baseline = np.stack([a for a, _ in both]), np.stack([b for _, b in both])
        test = paired_bootstrap(value, stats, baseline, n_resamples=n_resamples)
        if most_resamples > n_resamples and test.p <= 2 * _NEAR_LEAST / (1 + n_resamples):
            test = paired_bootstrap(value, stats, baseline, n_resamples=most_resamples)
        row = first.cell.row(
            measure.metric, float(test.value), measure.n, coverage=first.coverage, skipped=first.skipped
        )
        rows.append(
            dataclasses.replace(row, baseline=name, low=float(test.low), high=float(test.high), p=float(test.p))
        )
    return rows


def _measure(scored: Scored, like: Measure) -> Measure | None:
    return next((m for m in scored.measures if (m.metric, m.form) == (like.metric, like.form)), None)
