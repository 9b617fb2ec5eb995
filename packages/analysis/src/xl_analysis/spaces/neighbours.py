"""Neighbours across two languages: how clearly a translation is the nearest, and whether a few texts are near all.

Both read the similarities of every item of one language with every item of the other.
"""

import numpy as np
from numpy.typing import NDArray

from xl_analysis.errors import AnalysisError


def nearest(similarities: NDArray[np.floating], k: int) -> NDArray[np.floating]:
    """The k largest of each row of (n_queries, n_candidates), ascending, (n_queries, k); all where there are fewer."""
    k = min(k, similarities.shape[1])
    top = np.partition(similarities, -k, axis=1)[:, -k:]
    top.sort(axis=1)
    return top


def margins(similarities: NDArray[np.floating], k: int = 4) -> NDArray[np.float64]:
    """Ratio margin of each item and its translation, (n_items,): above 1 where it is nearer than its neighbours are.

    cos(x, y) / (mean of x's k nearest / 2 + mean of y's k nearest / 2) (Artetxe and Schwenk 2019, equations 1 and 2).
    similarities: (n_items, n_items) cosines, the translation of an item at its own number.
    AnalysisError where the two sides have not the same items.
    """
    return margins_of(similarities, nearest(similarities, k), nearest(_columns(similarities), k), k)


def hubness(similarities: NDArray[np.floating], k: int = 10) -> float:
    """Skewness of N_k, how often a candidate is among the k nearest of a query; 0 where all are it equally often.

    The third standardised moment, sum (N - mean)^3 / n / std^3, of Radovanovic et al. 2010, section 2. Above 1 a few
    candidates, the hubs, are neighbours of everything. similarities: (n_queries, n_candidates). Candidates that are as
    near as the k-th count too.
    """
    return skewness_of(similarities, nearest(similarities, k))


def margins_of(
    similarities: NDArray[np.floating], rows: NDArray[np.floating], columns: NDArray[np.floating], k: int
) -> NDArray[np.float64]:
    """`margins`, given the k or more largest of rows and columns, as `nearest` has them."""
    if similarities.shape[0] != similarities.shape[1]:
        message = f"similarities are of shape {similarities.shape}; margins need the same items on both sides."
        raise AnalysisError(message)
    means = [side[:, -k:].mean(axis=1, dtype=np.float64) for side in (rows, columns)]
    return np.diagonal(similarities) / ((means[0] + means[1]) / 2)


def skewness_of(similarities: NDArray[np.floating], top: NDArray[np.floating]) -> float:
    """`hubness`, given the k largest of each row, as `nearest` has them."""
    counts = (similarities >= top[:, :1]).sum(axis=0, dtype=np.float64)
    away = counts - counts.mean()
    spread = np.sqrt(np.square(away).mean())
    return float((away**3).mean() / spread**3) if spread > 0 else 0.0


def _columns(similarities: NDArray[np.floating]) -> NDArray[np.floating]:
    return np.ascontiguousarray(similarities.T)
