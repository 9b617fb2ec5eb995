"""Least squares over few languages: standardised slopes with bootstrap intervals, alone and together."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from xl_analysis.errors import AnalysisError

FEWEST_LANGUAGES = 4
_ROUNDING = 1e-9


@dataclass(frozen=True, kw_only=True)
class Slope:
    """How many standard deviations y moves with one of a predictor, the other predictors as they are."""

    value: float
    low: float
    high: float
    """Ends of the 95 per cent interval over languages."""
    p: float
    """Two-sided, of Student's t."""


@dataclass(frozen=True, kw_only=True)
class Regression:
    """y by all predictors together."""

    slopes: Mapping[str, Slope]
    r2: float
    """Share of y's variance that the predictors explain, 0 to 1."""
    n: int


def regression(
    y: ArrayLike, predictors: Mapping[str, ArrayLike], *, n_resamples: int = 1999, seed: int = 0
) -> Regression:
    """Ordinary least squares of `y` (n,) by one or more predictors, name -> (n,), all of them standardised.

    With one predictor the slope is Pearson's r. p is that of t = slope / standard error with n - 1 - k degrees of
    freedom, exact for normal errors. The interval: 2.5 and 97.5 percentiles of n_resamples samples of the languages,
    with replacement; samples in which a column is constant, or predictors explain each other, are passed over.
    AnalysisError for fewer than four languages, for no more languages than predictors and 2, for a constant column,
    numbers that are not finite, and predictors that explain each other.
    """
    from scipy.stats import t

    names = list(predictors)
    columns = np.column_stack([np.asarray(y, dtype=np.float64), *(np.asarray(predictors[n], float) for n in names)])
    _check(columns, names)
    standard = _standardised(columns)
    n, k = len(columns), len(names)
    x = standard[:, 1:]
    gram = x.T @ x
    if np.linalg.cond(gram) > 1 / _ROUNDING:
        message = f"{', '.join(names)} explain each other; leave one of them out."
        raise AnalysisError(message)
    slopes = _slopes(standard)
    left = standard[:, 0] - x @ slopes
    freedom = n - 1 - k
    error = np.sqrt(left @ left / freedom * np.diagonal(np.linalg.inv(gram)))
    drawn = _drawn(columns, n_resamples, np.random.default_rng(seed))
    low, high = np.quantile(drawn, [0.025, 0.975], axis=0) if len(drawn) else (np.full(k, -np.inf), np.full(k, np.inf))
    with np.errstate(divide="ignore"):
        p = 2 * t.sf(np.abs(slopes) / error, freedom)
    return Regression(
        slopes={
            name: Slope(value=float(slopes[i]), low=float(low[i]), high=float(high[i]), p=float(p[i]))
            for i, name in enumerate(names)
        },
        r2=float(1 - left @ left / (standard[:, 0] @ standard[:, 0])),
        n=n,
    )


def _drawn(columns: NDArray[np.float64], n_resamples: int, rng: np.random.Generator) -> NDArray[np.float64]:
    found = []
    for _ in range(n_resamples):
        sample = columns[rng.integers(0, len(columns), len(columns))]
        if np.ptp(sample, axis=0).min() > 0:
            standard = _standardised(sample)
            if np.linalg.cond(standard[:, 1:]) < 1 / _ROUNDING:
                found.append(_slopes(standard))
    return np.array(found)


def _standardised(columns: NDArray[np.float64]) -> NDArray[np.float64]:
    return (columns - columns.mean(0)) / columns.std(0)


def _slopes(standard: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.linalg.lstsq(standard[:, 1:], standard[:, 0], rcond=None)[0], dtype=np.float64)


def _check(columns: NDArray[np.float64], names: list[str]) -> None:
    n, k = len(columns), len(names)
    if n < FEWEST_LANGUAGES:
        message = f"{n} languages; a regression over languages needs at least {FEWEST_LANGUAGES}."
        raise AnalysisError(message)
    if n < k + 3:
        message = f"{k} predictors for {n} languages; leave some out, or score {k + 3} languages or more."
        raise AnalysisError(message)
    for name, column in zip(["y", *names], columns.T, strict=True):
        if not np.isfinite(column).all():
            message = f"{name} holds a number that is not finite; leave that language out."
            raise AnalysisError(message)
        if np.ptp(column) == 0:
            message = f"{name} is {column[0]:g} in every language; a constant explains nothing, leave it out."
            raise AnalysisError(message)
