"""How sure a mean is of numbers that vary over languages and over seeds at once.

Languages (rows) and seeds (columns) are both draws from more that there could be, so that the mean over a full table
has the variance of a two-way layout with random effects and one number a cell: (M_rows + M_columns - M_rest) / (r c), M
the mean squares of the analysis of variance (Searle, Casella and McCulloch 1992, "Variance Components", chapter 4). Its
degrees of freedom are Satterthwaite's (1946, "An approximate distribution of estimates of variance components").
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from xl_analysis.errors import AnalysisError
from xl_analysis.statistics.holm import LEVEL


@dataclass(frozen=True, kw_only=True)
class CrossedMean:
    """The mean of a table of numbers, and how sure it is."""

    value: float
    error: float
    """Standard error; infinite where one number tells of no spread."""
    freedom: float
    """Degrees of freedom of `error`."""
    n_rows: int
    n_columns: int

    def interval(self, level: float = LEVEL) -> tuple[float, float]:
        """(low, high), which miss the true mean with a probability of `level`."""
        from scipy.stats import t

        half = float(t.isf(level / 2, self.freedom)) * self.error if self.freedom else math.inf
        return self.value - half, self.value + half

    def p_at_most(self, bound: float) -> float:
        """Two-sided p of the statement that the true mean is `bound` or less: 1 where the value is so too."""
        return self._p(self.value - bound)

    def p_at_least(self, bound: float) -> float:
        """The same of `bound` or more."""
        return self._p(bound - self.value)

    def _p(self, beyond: float) -> float:
        from scipy.stats import t

        if beyond <= 0 or not self.freedom:
            return 1.0
        return 2 * float(t.sf(beyond / self.error, self.freedom)) if self.error else 0.0


def crossed_mean(values: ArrayLike) -> CrossedMean:
    """The mean of (r, c) finite numbers with its standard error.

    values: a row a language, a column a seed. One row: the spread of the columns alone counts, and the other way round.
    The variance is never less than what rows alone, or columns alone, would give, so that a difference of mean squares
    that is small by chance makes no narrow interval. AnalysisError for an empty table and numbers that are not finite.
    """
    table = np.asarray(values, dtype=np.float64)
    if table.ndim != 2 or not table.size or not np.isfinite(table).all():
        message = f"values of shape {table.shape}; a table of finite numbers, a row a language, is needed."
        raise AnalysisError(message)
    n_rows, n_columns = table.shape
    variance, freedom = _variance(table) if table.size > 1 else (math.inf, 0.0)
    mean = float(table.mean())
    return CrossedMean(value=mean, error=variance**0.5, freedom=freedom, n_rows=n_rows, n_columns=n_columns)


def _variance(table: NDArray[np.float64]) -> tuple[float, float]:
    """(variance of the mean, degrees of freedom) of two numbers or more."""
    n_rows, n_columns = table.shape
    rows, columns = n_rows - 1, n_columns - 1
    of_rows = n_columns * float(table.mean(1).var(ddof=1)) if rows else 0.0
    of_columns = n_rows * float(table.mean(0).var(ddof=1)) if columns else 0.0
    if not (rows and columns):
        return (of_rows + of_columns) / table.size, float(rows + columns)
    rest = table - table.mean(1, keepdims=True) - table.mean(0, keepdims=True) + table.mean()
    of_rest = float((rest**2).sum()) / (rows * columns)
    both = of_rows + of_columns - of_rest
    if both <= max(of_rows, of_columns):
        alone, freedom = max((of_rows, rows), (of_columns, columns))
        return alone / table.size, float(freedom)
    spread = of_rows**2 / rows + of_columns**2 / columns + of_rest**2 / (rows * columns)
    return both / table.size, both**2 / spread
