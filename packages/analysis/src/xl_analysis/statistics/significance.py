"""Is the difference between two systems more than chance: the paired bootstrap over items and seeds.

Both systems are scored on the same resampled items (Efron and Tibshirani 1993, chapters 6, 13 and 16; for text: Koehn
2004, "Statistical significance tests for machine translation evaluation"). Where a system was trained with several
seeds these are resampled too, so that the interval speaks of the next training and not of these few. A metric is given
as statistics summed over items (`xl_tasks.scoring.measures`), which makes a resample a row of counts times a matrix.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from xl_analysis.errors import AnalysisError

Value: TypeAlias = Callable[[NDArray[np.float64]], NDArray[np.float64]]

# Counts of items held at a time: 16 MiB.
_COUNTS_AT_ONCE = 1 << 21
# Items for one distinct line of statistics from which counting lines is faster than counting items.
_FEW = 8
_TAIL = 0.025
# Resampled scores that lie closer are one score, but for rounding.
_ROUNDING = 1e-9


@dataclass(frozen=True, kw_only=True)
class Interval:
    """A score with its 95 per cent interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class Difference:
    """How much better a system is than its baseline, with the 95 per cent interval of that."""

    value: float
    low: float
    high: float
    p: float
    """Two-sided probability, in (0, 1], that resampling turns the difference round."""
    n_items: int
    n_seeds: int
    """Of the system; the baseline may have another number."""


def paired_bootstrap(
    value: Value,
    stats: NDArray[np.float64],
    baseline: NDArray[np.float64],
    *,
    n_resamples: int = 1000,
    seed: int = 0,
) -> Difference:
    """Difference of two systems' scores on the same items.

    value: (..., n_stats) summed statistics -> (...) score, a function of `xl_tasks.scoring.measures.FORMS`.
    stats, baseline: (n_seeds, n_items, n_stats), line by line the same items; the seeds may differ in number. A score
        is the mean over seeds.

    A resample draws n_items items with replacement, the same for both systems and all seeds, and the seeds of each
    system likewise. Equally many seeds are taken for pairs, in their order: right for equal seeds, and not wrong for
    others. `low` and `high` are the 2.5 and 97.5 percentiles of the differences; p is twice the smaller share of
    resamples, itself counted with them, that is not above or not below 0, so it is under 0.05 about where the interval
    excludes 0. With two or three seeds their part of the spread is underestimated, by the factor (n - 1) / n.

    Where all resamples say the same (no item is answered differently, or each one better) they know nothing of an item
    that was not seen: one that says otherwise has a probability of at most 1 - 0.025^(1 / n_items) (Clopper and Pearson
    1934), and the interval is what such items can change; p is that of the same bound, 2 * 0.5^n_items where each item
    is right for one system and wrong for the other. Right for means of scores of items; for F1 it speaks of the items.

    Deterministic for a `seed`, and the exchange of systems with equally many seeds only changes signs. AnalysisError
    for arrays that do not fit together, without items or with numbers that are not finite, and for no resample.
    """
    for name, array in (("stats", stats), ("baseline", baseline)):
        _check(name, array, n_resamples)
    if stats.shape[1:] != baseline.shape[1:]:
        message = (
            f"stats are of shape {stats.shape} and baseline of {baseline.shape}; (n_seeds, n_items, n_stats) may "
            "differ in n_seeds alone, since both systems answer the same items."
        )
        raise AnalysisError(message)
    rng = np.random.default_rng(seed)
    scores = _resampled_scores(value, np.concatenate([stats, baseline]), n_resamples, rng)
    ours, theirs = scores[:, : len(stats)], scores[:, len(stats) :]
    weights = _seed_weights(ours.shape[1], n_resamples, rng)
    other = weights if ours.shape == theirs.shape else _seed_weights(theirs.shape[1], n_resamples, rng)
    drawn = (ours * weights).sum(1) - (theirs * other).sum(1)
    difference = _score(value, stats) - _score(value, baseline)
    n_counting = _n_counting(np.concatenate([stats, baseline]))
    low, high = _limits(drawn, difference, -1.0, n_counting)
    turned = min(np.count_nonzero(drawn <= 0), np.count_nonzero(drawn >= 0))
    p = 2 * (1 + turned) / (1 + n_resamples)
    if np.ptp(drawn) <= _ROUNDING:
        p = max(p, 2 * (1 + abs(difference)) ** -float(n_counting))
    return Difference(
        value=difference,
        low=low,
        high=high,
        p=min(1.0, p),
        n_items=stats.shape[1],
        n_seeds=stats.shape[0],
    )


def bootstrap_interval(value: Value, stats: NDArray[np.float64], *, n_resamples: int = 1000, seed: int = 0) -> Interval:
    """The mean over seeds of a system's score with its 95 per cent interval; arguments as in `paired_bootstrap`.

    Where all resamples say the same, all items right or all wrong for instance, the exact interval of Clopper and
    Pearson: 1 - 0.025^(1/20) = 16.8 per cent is the upper limit at 0 of 20.
    """
    _check("stats", stats, n_resamples)
    rng = np.random.default_rng(seed)
    scores = _resampled_scores(value, stats, n_resamples, rng)
    drawn = (scores * _seed_weights(len(stats), n_resamples, rng)).sum(1)
    score = _score(value, stats)
    low, high = _limits(drawn, score, 0.0, _n_counting(stats))
    return Interval(value=score, low=low, high=high)


def _limits(drawn: NDArray[np.float64], value: float, least: float, n_items: int) -> tuple[float, float]:
    """The percentiles of `drawn`; where it has no spread, how far items that were not seen can move `value`.

    A share u of items, unseen in n_items, of which each scores `least` or 1: u = 1 - 0.025^(1 / n_items) at most.
    """
    if np.ptp(drawn) > _ROUNDING:
        low, high = np.quantile(drawn, [_TAIL, 1 - _TAIL])
        return float(low), float(high)
    unseen = 1 - _TAIL ** (1 / n_items) if n_items else 1.0
    return value - unseen * (value - least), value + unseen * (1 - value)


def _n_counting(stats: NDArray[np.float64]) -> int:
    """How many items have statistics at all: a sentence without entities says nothing of entities."""
    return int(stats.any(axis=(0, 2)).sum())


def _score(value: Value, stats: NDArray[np.float64]) -> float:
    return float(np.mean(value(stats.sum(1, dtype=np.float64))))


def _resampled_scores(
    value: Value, stats: NDArray[np.float64], n_resamples: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    """(n_resamples, n_seeds): the score of each seed on each resample of the items."""
    n_seeds, n_items, n_stats = stats.shape
    by_item = np.ascontiguousarray(stats.transpose(1, 0, 2), dtype=np.float64).reshape(n_items, n_seeds * n_stats)
    rows, times = _distinct(by_item)
    scores = np.empty((n_resamples, n_seeds))
    block = max(1, _COUNTS_AT_ONCE // len(rows))
    for first in range(0, n_resamples, block):
        n_rows = min(block, n_resamples - first)
        sums = _counts(times, n_rows, rng) @ rows
        scores[first : first + n_rows] = value(sums.reshape(n_rows, n_seeds, n_stats))
    return scores


def _distinct(by_item: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Rows that differ, in order of first appearance, and how many items each stands for; all where most differ.

    Two systems' hits are four rows for any number of items, and drawing four counts is much faster than 5,000.
    """
    numbers: dict[bytes, int] = {}
    group = np.array([numbers.setdefault(row.tobytes(), len(numbers)) for row in by_item])
    if len(numbers) * _FEW > len(by_item):
        return by_item, np.ones(len(by_item), dtype=np.int64)
    _, firsts = np.unique(group, return_index=True)
    return by_item[firsts], np.bincount(group)


def _counts(times: NDArray[np.int64], n_rows: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """(n_rows, len(times)): how often each of the things that are there `times` times is drawn in times.sum() draws."""
    n = int(times.sum())
    if len(times) < n:
        return rng.multinomial(n, times / n, size=n_rows).astype(np.float64)
    # The same multinomial, for things that are there once.
    drawn = rng.integers(0, n, size=(n_rows, n))
    drawn += np.arange(n_rows)[:, None] * n
    return np.bincount(drawn.ravel(), minlength=n_rows * n).reshape(n_rows, n).astype(np.float64)


def _seed_weights(n_seeds: int, n_resamples: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """(n_resamples, n_seeds), rows that sum to 1."""
    return _counts(np.ones(n_seeds, dtype=np.int64), n_resamples, rng) / n_seeds


def _check(name: str, array: NDArray[np.float64], n_resamples: int) -> None:
    if array.ndim != 3 or 0 in array.shape:
        message = f"{name} are of shape {array.shape}; give (n_seeds, n_items, n_stats), none of them 0."
        raise AnalysisError(message)
    if not np.isfinite(array).all():
        message = f"{name} hold numbers that are not finite; leave these items out."
        raise AnalysisError(message)
    if n_resamples < 1:
        message = f"n_resamples is {n_resamples}; give 1 or more, 1,000 for a p of two digits."
        raise AnalysisError(message)
