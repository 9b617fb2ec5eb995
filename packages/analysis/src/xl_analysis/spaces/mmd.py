"""Maximum mean discrepancy: how far apart two languages lie as distributions, by a kernel.

MMD^2 = E k(x, x') + E k(y, y') - 2 E k(x, y'), with k(x, y) = exp(-|x - y|^2 / (2 s^2)) (Gretton et al. 2012, "A kernel
two-sample test"). Its unbiased estimate for as many vectors of either is a mean of
h_ij = k(x_i, x_j) + k(y_i, y_j) - k(x_i, y_j) - k(x_j, y_i) over i != j (their equation 4). No h_ij compares an item
with its own translation, so that it stays unbiased where rows are translations of one another.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from xl_analysis.errors import AnalysisError
from xl_analysis.spaces.views import checked_views

# Vectors whose distances the default bandwidth is the median of: enough for three digits.
_SAMPLED = 1000


@dataclass(frozen=True, kw_only=True)
class Discrepancy:
    """How far two languages lie apart as distributions."""

    value: float
    """Unbiased estimate of MMD^2; at most 2, and around 0, below it too, for one distribution."""
    p: float
    """Probability, in (0, 1], of as large a value were the languages exchangeable item by item."""


def mmd(
    x: ArrayLike, y: ArrayLike, *, bandwidth: float | None = None, n_permutations: int = 200, seed: int = 0
) -> Discrepancy:
    """MMD^2 of `x` and `y`, (n_items, width) each, rows being translations of one another.

    bandwidth: s of the kernel, > 0; by default the median distance between vectors of both (Gretton et al. 2012,
        section 8). p is that of a permutation test which swaps an item with its translation or not, drawn from `seed`:
        vectors of one item depend on each other, so that no others can be exchanged.
    AnalysisError as for `checked_views`, for fewer than 2 items, and a bandwidth that is not above 0.
    """
    views = checked_views({"x": x, "y": y})
    bandwidth = median_distance(views.values(), seed) if bandwidth is None else bandwidth
    if len(views["x"]) < 2 or not 0 < bandwidth < np.inf:
        message = (
            f"{len(views['x'])} items and bandwidth {bandwidth}; at least 2 items and a bandwidth above 0 are needed."
        )
        raise AnalysisError(message)
    a, b = views.values()
    signs = exchanges(len(a), n_permutations, seed).astype(a.dtype)
    kernels = [rbf(squared_distances(p, q), bandwidth) for p, q in ((a, a), (b, b), (a, b))]
    return discrepancy(*kernels, signs)


def median_distance(views: Iterable[NDArray[np.floating]], seed: int = 0) -> float:
    """Median distance between vectors of all views, or of a thousand of them drawn from `seed`."""
    every = np.concatenate(list(views))
    if len(every) > _SAMPLED:
        every = every[np.random.default_rng(seed).choice(len(every), _SAMPLED, replace=False)]
    squares = squared_distances(every, every)[np.triu_indices(len(every), 1)]
    return float(np.median(np.sqrt(squares)))


def squared_distances(x: NDArray[np.floating], y: NDArray[np.floating]) -> NDArray[np.floating]:
    """|x_i - y_j|^2, (n, m), not below 0."""
    found = x @ y.T
    found *= -2
    found += np.einsum("ij,ij->i", x, x)[:, None]
    found += np.einsum("ij,ij->i", y, y)
    return np.maximum(found, 0, out=found)


def rbf(squares: NDArray[np.floating], bandwidth: float) -> NDArray[np.floating]:
    """exp(-squares / (2 bandwidth^2)), written over `squares`."""
    squares *= -1 / (2 * bandwidth**2)
    return np.exp(squares, out=squares)


def exchanges(n_items: int, n_permutations: int, seed: int) -> NDArray[np.int8]:
    """(n_items, n_permutations) of -1, where an item is swapped with its translation, and 1."""
    return np.random.default_rng(seed).choice(np.array([-1, 1], dtype=np.int8), size=(n_items, n_permutations))


def discrepancy(
    of_x: NDArray[np.floating], of_y: NDArray[np.floating], across: NDArray[np.floating], signs: NDArray[np.floating]
) -> Discrepancy:
    """`mmd` from kernel matrices, (n_items, n_items) each. signs: as `exchanges` gives them, of their float type.

    A swap of item i turns the sign of h_ij for every j, so that a permutation is s'Hs.
    """
    h = of_x + of_y
    h -= across
    h -= across.T
    np.fill_diagonal(h, 0)
    n_items = len(h)
    value = float(h.sum(dtype=np.float64) / (n_items * (n_items - 1)))
    swapped = np.einsum("ip,ip->p", signs, h @ signs, dtype=np.float64) / (n_items * (n_items - 1))
    # Rounding must not decide what is as large; kernels are at most 1.
    as_large = int((swapped >= value - 8 * np.finfo(h.dtype).eps).sum())
    return Discrepancy(value=value, p=(1 + as_large) / (1 + signs.shape[1]))
