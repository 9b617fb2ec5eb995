"""Do two columns of figures go together: Spearman, Kendall's tau-b and Pearson, pooled, within groups and partial.

Pooling groups whose means differ makes a correlation that no group has, or hides or turns the one that each has
(Simpson 1951, "The interpretation of interaction in contingency tables"); the fifth paper pools two pairs of
languages. Within groups x and y are compared with the other points of their group alone: r of the values, or of the
ranks, less the mean of each group; tau-b over the pairs of points that share a group.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations
from math import factorial

import numpy as np
from numpy.typing import ArrayLike, NDArray

from xl_analysis.errors import AnalysisError

COEFFICIENTS = ("spearman", "kendall", "pearson")
P_METHODS = ("auto", "exact", "permutation", "asymptotic")
FEWEST_POINTS = 4
# 8! orders are looked at one by one, in a fraction of a second.
_MOST_EXACT = 8
# Points from which the pairs of them all take too long, for every order anew.
_MANY = 200
# Signs of all pairs of points of so many orders are held at a time: 32 MiB.
_SIGNS_AT_ONCE = 1 << 25
_ROUNDING = 1e-12


@dataclass(frozen=True, kw_only=True)
class Correlation:
    """A coefficient in [-1, 1] with its 95 per cent bootstrap interval and two-sided p."""

    value: float
    low: float
    high: float
    p: float | None
    """None of a partial tau: its distribution is not known (Kendall 1942), and no order of the points gives it."""
    p_method: str
    """"exact" (every order of the points), "permutation" (orders drawn) or "asymptotic"; empty without p."""
    n: int


def correlation(
    x: ArrayLike,
    y: ArrayLike,
    *,
    kind: str = "spearman",
    groups: Sequence[object] | None = None,
    given: ArrayLike | None = None,
    p: str = "auto",
    n_resamples: int = 9999,
    seed: int = 0,
) -> Correlation:
    """One of COEFFICIENTS between `x` and `y`, each (n,) and finite.

    groups: n names; the correlation within groups, whose points alone change places in the test and the bootstrap.
    given: (n,) or (n, k) columns that are taken out of both: the partial correlation, from the inverse of the matrix of
        coefficients; its test changes the places of what is left of ranks or values, its asymptotic p has n - 2 - k
        degrees of freedom.
    p: "exact", all n! orders, for 8 points or fewer; "permutation", n_resamples orders and the one that is there;
        "asymptotic", scipy's approximation by t, for tau by the normal; "auto", the first of these that can be, where
        tau of over 200 points in one group has the last.
    The interval: 2.5 and 97.5 percentiles of n_resamples samples of the points with replacement, at most 1,999.

    AnalysisError for fewer than four points, numbers that are not finite, a constant column (within groups: in every
    group), a column that `given` explains entirely, and groups together with `given`.
    """
    columns = [np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)]
    control = np.empty((len(columns[0]), 0)) if given is None else np.asarray(given, dtype=np.float64)
    control = control[:, None] if control.ndim == 1 else control
    _check(kind, p, columns, control, groups)
    numbers = np.zeros(len(columns[0]), dtype=np.int64)
    if groups is not None:
        numbers = np.unique(np.array([str(group) for group in groups]), return_inverse=True)[1]
    measure = _Measure(kind, numbers, control.shape[1])
    value = float(measure.values(*columns, *control.T))
    if not np.isfinite(value):
        message = _undefined(measure, columns, control, groups)
        raise AnalysisError(message)
    rng = np.random.default_rng(seed)
    low, high = _interval(measure, columns, control, min(n_resamples, 1999), rng)
    found, method = _probability(measure, columns, control, p, n_resamples, rng)
    return Correlation(value=value, low=low, high=high, p=found, p_method=method, n=len(numbers))


class _Measure:
    """One coefficient, pooled (one group), within groups, or given other columns; of columns (..., n)."""

    def __init__(self, kind: str, groups: NDArray[np.int64], n_given: int) -> None:
        self.kind = kind
        self.groups = groups
        self.n_given = n_given

    def values(self, *columns: NDArray[np.float64]) -> NDArray[np.float64]:
        """(...) of x, y and the given columns, (..., n) each; NaN where one is constant."""
        if not self.n_given:
            return self._of_two(columns[0], columns[1])
        matrix = np.stack([np.stack([self._of_two(a, b) for b in columns], axis=-1) for a in columns], axis=-2)
        wrong = ~np.isfinite(matrix).all(axis=(-1, -2))
        matrix[wrong] = np.eye(len(columns))
        wrong |= np.linalg.cond(matrix) > 1 / _ROUNDING
        matrix[wrong] = np.eye(len(columns))
        inverse = np.linalg.inv(matrix)
        found = -inverse[..., 0, 1] / np.sqrt(inverse[..., 0, 0] * inverse[..., 1, 1])
        return np.where(wrong, np.nan, np.clip(found, -1, 1))

    def _of_two(self, x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
        if self.kind != "kendall":
            return (_unit(self.prepared(x)) * _unit(self.prepared(y))).sum(-1)
        if x.ndim == 1:
            return np.array(_tau(x, y, self.groups))
        return np.array([_tau(*pair, self.groups) for pair in zip(x, y, strict=True)])

    def prepared(self, column: NDArray[np.float64]) -> NDArray[np.float64]:
        """The values, or the ranks, less the mean of their group."""
        from scipy.stats import rankdata

        out = np.empty_like(column)
        for group in range(int(self.groups.max()) + 1):
            own = column[..., self.groups == group]
            values = rankdata(own, axis=-1) if self.kind == "spearman" else own
            # A mean of equal numbers is off by rounding, which is no spread.
            spread = np.ptp(own, axis=-1, keepdims=True) > 0
            out[..., self.groups == group] = spread * (values - values.mean(-1, keepdims=True))
        return out

    def residuals(self, column: NDArray[np.float64], given: NDArray[np.float64]) -> NDArray[np.float64]:
        """What `given` leaves of a column, both as values or as ranks."""
        prepared = self.prepared(column)
        if not self.n_given:
            return prepared
        control = np.stack([self.prepared(each) for each in given.T], axis=1)
        return prepared - control @ np.linalg.lstsq(control, prepared, rcond=None)[0]


def _unit(column: NDArray[np.float64]) -> NDArray[np.float64]:
    norm = np.linalg.norm(column, axis=-1, keepdims=True)
    return np.divide(column, norm, out=np.full_like(column, np.nan), where=norm > 0)


def _tau(x: NDArray[np.float64], y: NDArray[np.float64], groups: NDArray[np.int64]) -> float:
    if len(x) > _MANY and groups.min() == groups.max():
        from scipy.stats import kendalltau

        return float(kendalltau(x, y, method="asymptotic").statistic)
    same = groups[:, None] == groups[None, :]
    sx, sy = (np.sign(column[:, None] - column[None, :]) * same for column in (x, y))
    below = np.sqrt(float((sx * sx).sum()) * float((sy * sy).sum()))
    return float((sx * sy).sum() / below) if below else float("nan")


def _interval(
    measure: _Measure,
    columns: Sequence[NDArray[np.float64]],
    given: NDArray[np.float64],
    n_resamples: int,
    rng: np.random.Generator,
) -> tuple[float, float]:
    drawn = np.empty((n_resamples, len(measure.groups)), dtype=np.int64)
    for group in range(int(measure.groups.max()) + 1):
        own = np.flatnonzero(measure.groups == group)
        drawn[:, own] = rng.choice(own, (n_resamples, len(own)))
    values = measure.values(*(column[drawn] for column in (*columns, *given.T)))
    known = values[np.isfinite(values)]
    if not len(known):
        return -1.0, 1.0
    low, high = np.quantile(known, [0.025, 0.975])
    return float(low), float(high)


def _probability(
    measure: _Measure,
    columns: Sequence[NDArray[np.float64]],
    given: NDArray[np.float64],
    p: str,
    n_resamples: int,
    rng: np.random.Generator,
) -> tuple[float | None, str]:
    n = len(columns[0])
    if measure.kind == "kendall" and measure.n_given:
        return None, ""
    one_group = measure.groups.max() == 0
    if p == "asymptotic" or (p == "auto" and measure.kind == "kendall" and n > _MANY and one_group):
        return _asymptotic(measure, columns, given), "asymptotic"
    exact = p == "exact" or (p == "auto" and n <= _MOST_EXACT and one_group)
    if exact and (n > _MOST_EXACT or not one_group):
        message = f"p is 'exact', which is for up to {_MOST_EXACT} points of one group, and there are {n}; choose auto."
        raise AnalysisError(message)
    orders = np.array(list(permutations(range(n)))) if exact else _orders(measure.groups, n_resamples, rng)
    if measure.kind == "kendall":
        values, found = _taus(columns[0], columns[1], measure.groups, orders)
    else:
        left = [measure.residuals(column, given) for column in columns]
        values, found = left[1][orders] @ left[0], float(left[0] @ left[1])
    reached = int(np.count_nonzero(np.abs(values) >= abs(found) - _ROUNDING * max(1.0, abs(found))))
    if exact:
        return reached / factorial(n), "exact"
    return (1 + reached) / (1 + n_resamples), "permutation"


def _orders(groups: NDArray[np.int64], n_resamples: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """(n_resamples, n) orders in which points stay in their group."""
    orders = np.tile(np.arange(len(groups)), (n_resamples, 1))
    for group in np.unique(groups):
        own = np.flatnonzero(groups == group)
        orders[:, own] = rng.permuted(orders[:, own], axis=1)
    return orders


def _taus(
    x: NDArray[np.float64], y: NDArray[np.float64], groups: NDArray[np.int64], orders: NDArray[np.int64]
) -> tuple[NDArray[np.float64], float]:
    """(concordant less discordant pairs of each order, those of the points as they are)."""
    one, other = np.triu_indices(len(x), 1)
    kept = groups[one] == groups[other]
    one, other = one[kept], other[kept]
    signs = np.sign(x[one] - x[other])
    block = max(1, _SIGNS_AT_ONCE // (8 * max(1, len(one))))
    parts = []
    for first in range(0, len(orders), block):
        moved = y[orders[first : first + block]]
        parts.append(np.sign(moved[:, one] - moved[:, other]) @ signs)
    return np.concatenate(parts), float(np.sign(y[one] - y[other]) @ signs)


def _asymptotic(measure: _Measure, columns: Sequence[NDArray[np.float64]], given: NDArray[np.float64]) -> float:
    from scipy import stats

    n_groups = int(measure.groups.max()) + 1
    if measure.kind == "kendall":
        if n_groups > 1:
            message = "p is 'asymptotic', which tau within groups has not; choose auto."
            raise AnalysisError(message)
        return float(stats.kendalltau(*columns, method="asymptotic").pvalue)
    value = float(measure.values(*columns, *given.T))
    freedom = len(columns[0]) - 1 - n_groups - measure.n_given
    if freedom < 1:
        message = f"{len(columns[0])} points are too few for a test within {n_groups} groups."
        raise AnalysisError(message)
    if abs(value) >= 1:
        return 0.0
    return float(2 * stats.t.sf(abs(value) * np.sqrt(freedom / (1 - value**2)), freedom))


def _check(
    kind: str,
    p: str,
    columns: Sequence[NDArray[np.float64]],
    given: NDArray[np.float64],
    groups: Sequence[object] | None,
) -> None:
    for name, said, choices in (("kind", kind, COEFFICIENTS), ("p", p, P_METHODS)):
        if said not in choices:
            message = f"{name} is {said!r}; choose one of {', '.join(choices)}."
            raise AnalysisError(message)
    n = len(columns[0])
    if columns[0].ndim != 1 or columns[1].shape != (n,) or len(given) != n or n != len(groups or range(n)):
        message = f"x of shape {columns[0].shape}, y of {columns[1].shape}, given of {given.shape}; one number a point."
        raise AnalysisError(message)
    if groups is not None and given.shape[1]:
        message = "groups and given together are not supported; give the group as columns of 0 and 1 instead."
        raise AnalysisError(message)
    if n < FEWEST_POINTS:
        message = f"{n} {'point' if n == 1 else 'points'}; a correlation needs at least {FEWEST_POINTS}."
        raise AnalysisError(message)
    for name, column in (("x", columns[0]), ("y", columns[1]), ("given", given)):
        if not np.isfinite(column).all():
            message = f"{name} holds a number that is not finite; leave that point out."
            raise AnalysisError(message)


def _undefined(
    measure: _Measure,
    columns: Sequence[NDArray[np.float64]],
    given: NDArray[np.float64],
    groups: Sequence[object] | None,
) -> str:
    for name, column in (("x", columns[0]), ("y", columns[1]), *(("given", each) for each in given.T)):
        if not measure.prepared(column).any():
            where = "at every point" if groups is None else "throughout each group"
            return f"{name} is the same {where} ({column[0]:g} at the first); nothing correlates with a constant."
    return "the given columns explain x or y entirely, or each other; leave one of them out."
