"""Distances between languages in a space of vectors, several of them from one product of their unit vectors."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from xl_analysis.errors import AnalysisError
from xl_analysis.spaces.geometry import unit_length
from xl_analysis.spaces.mmd import Discrepancy, discrepancy, exchanges, median_distance, rbf
from xl_analysis.spaces.neighbours import margins_of, nearest, skewness_of
from xl_analysis.spaces.views import checked_views

Pair = tuple[str, str]

N_NEIGHBOURS = 10
N_MARGIN = 4
# Bytes that the kernels of all languages with themselves may take; beyond it they are made again for each pair.
_KERNEL_BYTES = 1 << 30
# More items would take more than a few gigabytes a pair.
_MOST_ITEMS = 20_000


@dataclass(frozen=True, kw_only=True)
class LanguageDistance:
    """How far two languages lie apart: as clouds of vectors, and item by item."""

    mmd: Discrepancy
    """MMD^2 of the unit vectors, with the bandwidth that all pairs share: their median distance over all languages."""
    cosine: float
    """Mean cosine of an item and its translation, in [-1, 1]."""
    margin: float
    """Mean ratio margin of an item and its translation over their 4 nearest; above 1 for nearer than these."""
    hubness: float
    """Skewness of how often an item of the second language is among the 10 nearest of one of the first."""
    hubness_back: float
    """The same of items of the first language, for those of the second."""


def language_distances(
    views: Mapping[str, ArrayLike], pairs: Iterable[Pair] | None = None, *, n_permutations: int = 200, seed: int = 0
) -> dict[Pair, LanguageDistance]:
    """Distances of pairs of views; `mmd`, `margins` and `hubness` say how each is defined.

    views: language -> (n_items, width), rows being translations of one another. pairs: two names each; every
        unordered pair by default. n_permutations, seed: of the p of MMD^2.

    AnalysisError for views that `checked_views` refuses, a vector of zeros, fewer than 2 items, and more than 20,000,
    since every item is compared with every other.
    """
    unit = {name: unit_length(name, view) for name, view in checked_views(views).items()}
    n_items = len(next(iter(unit.values())))
    if not 2 <= n_items <= _MOST_ITEMS:
        message = f"{n_items} items; distances compare each with all others, give 2 to {_MOST_ITEMS} (--limit)."
        raise AnalysisError(message)
    pairs = list(combinations(unit, 2)) if pairs is None else list(pairs)
    bandwidth = median_distance(unit.values(), seed)
    signs = exchanges(n_items, n_permutations, seed).astype(next(iter(unit.values())).dtype)
    kept: dict[str, NDArray[np.floating]] = {}

    def own(name: str) -> NDArray[np.floating]:
        if name in kept:
            return kept[name]
        kernel = _kernel(unit[name] @ unit[name].T, bandwidth)
        if (len(kept) + 1) * kernel.nbytes <= _KERNEL_BYTES:
            kept[name] = kernel
        return kernel

    return {(a, b): _distance(unit[a] @ unit[b].T, own(a), own(b), bandwidth, signs) for a, b in pairs}


def _kernel(cosines: NDArray[np.floating], bandwidth: float) -> NDArray[np.floating]:
    """The kernel of unit vectors: |x - y|^2 = 2 - 2 cos."""
    return rbf(np.maximum(2 - 2 * cosines, 0), bandwidth)


def _distance(
    cosines: NDArray[np.floating],
    of_a: NDArray[np.floating],
    of_b: NDArray[np.floating],
    bandwidth: float,
    signs: NDArray[np.floating],
) -> LanguageDistance:
    back = np.ascontiguousarray(cosines.T)
    rows, columns = nearest(cosines, N_NEIGHBOURS), nearest(back, N_NEIGHBOURS)
    return LanguageDistance(
        mmd=discrepancy(of_a, of_b, _kernel(cosines, bandwidth), signs),
        cosine=float(np.diagonal(cosines).mean(dtype=np.float64)),
        margin=float(margins_of(cosines, rows, columns, N_MARGIN).mean()),
        hubness=skewness_of(cosines, rows),
        hubness_back=skewness_of(back, columns),
    )
