"""Sinkhorn distance between two clouds of points: what it costs to move one onto the other, smoothed by entropy.

OT_e(a, b) = min_P <P, C> + e KL(P | a b^T) over plans P with uniform margins a and b (Cuturi 2013, "Sinkhorn
distances"), C_ij = |x_i - y_j|^p / p and e = blur^p. It is above 0 for a cloud and itself; the debiased divergence
S_e(a, b) = OT_e(a, b) - (OT_e(a, a) + OT_e(b, b)) / 2 is not (Feydy et al. 2019, "Interpolating between optimal
transport and MMD", equation 3). The fifth paper takes it between the outputs of a classifier for two languages.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from xl_analysis.errors import AnalysisError

Pair = tuple[str, str]

# Mean error of the margins, as a share of them, at which iterations end.
_TOLERANCE = 1e-4
# Steps this many times too long converge several times sooner near the end (Thibault et al. 2021, "Overrelaxed
# Sinkhorn-Knopp algorithm"); where they lead away, plain ones follow.
_OVERRELAXATION = 1.8
_MOST_ITERATIONS = 20_000
_CHECK_EVERY = 20
# Epsilon in units of the largest cost below which it is raised to that: exponents are then exact to 1e-5.
_LEAST_EPSILON = 1e-11
# Scalings beyond it are moved into the potentials, so that nothing overflows.
_LARGEST = 1e100


@dataclass(frozen=True, kw_only=True)
class Sinkhorn:
    """How far two clouds of points lie apart."""

    divergence: float
    """The debiased divergence S_e: 0 for equal clouds, else above."""
    cost: float
    """<P, C> of the smoothed plan: also what it costs to move a cloud onto itself, blurred."""


def sinkhorn_distances(
    clouds: Mapping[str, ArrayLike], pairs: Iterable[Pair] | None = None, *, p: int = 2, blur: float = 0.05
) -> dict[Pair, Sinkhorn]:
    """Sinkhorn divergence and cost of pairs of clouds.

    clouds: name -> (n_points, width); the numbers of points may differ. pairs: two names each; every unordered pair by
        default. p: 1 or 2. blur: > 0, the distance below which points are not told apart, in their units.

    Potentials are found in double precision, from a coarse blur to the asked one; margins hold to a ten-thousandth.
    AnalysisError for an empty cloud, widths that differ, numbers that are not finite, p and blur out of range, and
    where iterations do not converge.
    """
    points = {name: np.asarray(cloud, dtype=np.float64) for name, cloud in clouds.items()}
    shapes = {name: array.shape for name, array in points.items()}
    if any(len(shape) != 2 or 0 in shape for shape in shapes.values()) or len({s[1:] for s in shapes.values()}) > 1:
        message = f"clouds must be (number of points, width), all of one width; got {shapes}."
        raise AnalysisError(message)
    for name, array in points.items():
        if not np.isfinite(array).all():
            message = f"cloud {name!r} holds numbers that are not finite."
            raise AnalysisError(message)
    if p not in (1, 2) or not 0 < blur < np.inf:
        message = f"p is {p} and blur {blur}; p is 1 or 2, and blur above 0."
        raise AnalysisError(message)
    pairs = list(combinations(points, 2)) if pairs is None else list(pairs)
    own: dict[str, float] = {}
    for name in dict.fromkeys(name for pair in pairs for name in pair):
        own[name] = _transport(points[name], points[name], p, blur)[0]
    found = {}
    for a, b in pairs:
        value, cost = _transport(points[a], points[b], p, blur)
        found[a, b] = Sinkhorn(divergence=max(value - (own[a] + own[b]) / 2, 0.0), cost=cost)
    return found


def _transport(x: NDArray[np.float64], y: NDArray[np.float64], p: int, blur: float) -> tuple[float, float]:
    """OT_e and <P, C>."""
    cost = _costs(x, y, p)
    target = max(blur**p, _LEAST_EPSILON * float(cost.max()))
    # Each coarser problem is solved roughly: its potentials are where the next one begins.
    coarse = max(float(cost.max()), target)
    f, g = np.zeros(len(x)), np.zeros(len(y))
    while coarse > target:
        f, g, _ = _potentials(cost, f, g, coarse, 0.1)
        coarse /= 2
    f, g, plan = _potentials(cost, f, g, target, _TOLERANCE)
    return float(f.mean() + g.mean()), float((plan * cost).sum())


def _costs(x: NDArray[np.float64], y: NDArray[np.float64], p: int) -> NDArray[np.float64]:
    from scipy.spatial.distance import cdist

    found = np.asarray(cdist(x, y, "euclidean" if p == 1 else "sqeuclidean"), dtype=np.float64)
    return found / p


def _potentials(
    cost: NDArray[np.float64], f: NDArray[np.float64], g: NDArray[np.float64], epsilon: float, tolerance: float
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Dual potentials (n,), (m,) and the plan (n, m) at `epsilon`, from those of another one.

    P_ij = exp((f_i + g_j - C_ij) / e) / (n m). Rows and columns are scaled in turn until both margins fit.
    """
    n, m = cost.shape
    before = np.inf
    for _ in range(_MOST_ITERATIONS // _CHECK_EVERY):
        # One exact step in the log domain keeps the kernel in range; cheap scalings of it follow.
        f = f - epsilon * _log_mean_exp((f[:, None] + g - cost) / epsilon, axis=1)
        g = g - epsilon * _log_mean_exp((f[:, None] + g - cost) / epsilon, axis=0)
        kernel = np.exp((f[:, None] + g - cost) / epsilon) / (n * m)
        error = np.abs(kernel.sum(axis=1) * n - 1).mean()
        if error < tolerance:
            return f, g, kernel
        step = _OVERRELAXATION if error < before else 1.0
        before = error
        u, v = np.ones(n), np.ones(m)
        for _ in range(_CHECK_EVERY):
            u_next = u ** (1 - step) / (n * (kernel @ v)) ** step
            v_next = v ** (1 - step) / (m * (u_next @ kernel)) ** step
            if not (u_next < _LARGEST).all() or not (v_next < _LARGEST).all():
                break
            u, v = u_next, v_next
        f, g = f + epsilon * np.log(u), g + epsilon * np.log(v)
    message = f"Sinkhorn's iterations do not converge at blur {epsilon:.2g} (to the power p); give a larger blur."
    raise AnalysisError(message)


def _log_mean_exp(x: NDArray[np.float64], axis: int) -> NDArray[np.float64]:
    largest = x.max(axis=axis, keepdims=True)
    return np.log(np.exp(x - largest).mean(axis=axis)) + largest.squeeze(axis)
