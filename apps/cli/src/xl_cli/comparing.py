"""Differences between systems that answered the same items: paired bootstrap over items and seeds."""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from xl_analysis import bootstrap_interval, paired_bootstrap
from xl_tasks import Row
from xl_tasks.metrics.measures import FORMS, Measure
from xl_tasks.protocols.cells import Cell, Scored
from xl_tasks.protocols.mixed_means import DIAGONAL, OFF_DIAGONAL
from xl_tasks.protocols.transfer import JOIN

# What one comparison changes, in the order in which rows name it; everything else is equal on both sides.
_AXES = ("robust", "noise", "model")
# What belongs to a model: two models may differ in these too.
_OF_MODEL = ("model", "variant", "layer", "pooling", "unit")
_MEAN = "mean"
_SHOWN = tuple(field.name for field in dataclasses.fields(Cell) if field.name not in ("seed", "inputs"))


def with_intervals(scored: Scored, n_resamples: int) -> Scored:
    """`scored` with a 95 per cent interval for each measure, over items."""
    if not n_resamples:
        return scored
    intervals = {}
    for measure in scored.measures:
        found = bootstrap_interval(FORMS[measure.form], measure.stats[None], n_resamples=n_resamples)
        intervals[measure.metric] = (float(found.low), float(found.high))
    return dataclasses.replace(scored, intervals=intervals)


def difference_rows(cells: Iterable[Scored], models: Sequence[str], n_resamples: int) -> list[Row]:
    """Rows with `baseline`: robust against plain training, noisy against clean text, each model against the first.

    models: names of the models, the first one to compare with.

    Where all targets but the source have the same items (XNLI, SIB-200), a row of target "mean" compares the mean
    over them, item by item.
    """
    if not n_resamples:
        return []
    groups = _by_circumstances(cells)
    groups |= _over_targets(groups)
    rows = []
    for circumstances, by_seed in groups.items():
        shown = dict(zip(_SHOWN, circumstances, strict=True))
        # Single cells of a matrix are many and small; the means of its diagonal and the rest are compared.
        if JOIN in shown["target"]:
            continue
        for axis in _AXES:
            other = _baseline(groups, shown, axis, models)
            if other is not None:
                name = f"{axis}={dict(zip(_SHOWN, other, strict=True))[axis] or 'none'}"
                rows += _compared(by_seed, groups[other], name, n_resamples)
    return rows


def _by_circumstances(cells: Iterable[Scored]) -> dict[tuple, dict[int, Scored]]:
    groups: dict[tuple, dict[int, Scored]] = {}
    for scored in cells:
        circumstances = tuple(getattr(scored.cell, name) for name in _SHOWN)
        groups.setdefault(circumstances, {})[scored.cell.seed] = scored
    return groups


def _over_targets(groups: Mapping[tuple, Mapping[int, Scored]]) -> dict[tuple, dict[int, Scored]]:
    """Groups of target "mean": of each item the mean over the targets, for what is a plain mean over items."""
    place = _SHOWN.index("target")
    families: dict[tuple, list[Mapping[int, Scored]]] = {}
    for circumstances, by_seed in groups.items():
        shown = dict(zip(_SHOWN, circumstances, strict=True))
        if (
            shown["target"] not in (*shown["source"].split(JOIN), DIAGONAL, OFF_DIAGONAL)
            and JOIN not in shown["target"]
        ):
            families.setdefault((*circumstances[:place], _MEAN, *circumstances[place + 1 :]), []).append(by_seed)
    means: dict[tuple, dict[int, Scored]] = {}
    for circumstances, targets in families.items():
        for seed in set.intersection(*(set(by_seed) for by_seed in targets)):
            cells = [by_seed[seed] for by_seed in targets]
            if len(cells) > 1 and all(list(cell.keys) == list(cells[0].keys) for cell in cells):
                means.setdefault(circumstances, {})[seed] = _item_means(cells)
    return means


def _item_means(cells: Sequence[Scored]) -> Scored:
    measures = [
        dataclasses.replace(measure, stats=np.mean([cell.measures[i].stats for cell in cells], axis=0))
        for i, measure in enumerate(cells[0].measures)
        if measure.form == "mean" and all(cell.measures[i].metric == measure.metric for cell in cells)
    ]
    coverage = min(cell.coverage for cell in cells)
    cell = dataclasses.replace(cells[0].cell, target=_MEAN)
    return dataclasses.replace(cells[0], cell=cell, measures=measures, rows=(), coverage=coverage)


def _baseline(
    groups: Mapping[tuple, object], shown: Mapping[str, object], axis: str, models: Sequence[str]
) -> tuple | None:
    """The circumstances that `shown` is compared with along one axis; None where there are none."""
    if axis != "model":
        if not shown[axis]:
            return None
        wanted = tuple({**shown, axis: ""}[name] for name in _SHOWN)
        return wanted if wanted in groups else None
    if not models or shown["model"] == models[0]:
        return None
    found = []
    for circumstances in groups:
        other = dict(zip(_SHOWN, circumstances, strict=True))
        if other["model"] == models[0] and all(other[name] == shown[name] for name in _SHOWN if name not in _OF_MODEL):
            found.append((sum(other[name] == shown[name] for name in _OF_MODEL), circumstances))
    # Of several layers or poolings of the first model, the one that is most like.
    return max(found, key=lambda pair: pair[0])[1] if found else None


def _compared(ours: Mapping[int, Scored], theirs: Mapping[int, Scored], name: str, n_resamples: int) -> list[Row]:
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
        found = paired_bootstrap(
            FORMS[measure.form],
            np.stack([a for a, _ in both]),
            np.stack([b for _, b in both]),
            n_resamples=n_resamples,
        )
        row = first.cell.row(
            measure.metric, float(found.value), measure.n, coverage=first.coverage, skipped=first.skipped
        )
        rows.append(
            dataclasses.replace(row, baseline=name, low=float(found.low), high=float(found.high), p=float(found.p))
        )
    return rows


def _measure(scored: Scored, like: Measure) -> Measure | None:
    return next((m for m in scored.measures if (m.metric, m.form) == (like.metric, like.form)), None)
