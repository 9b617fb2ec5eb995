"""Whether translations are nearer to one another than texts drawn at random, as an alignment card tells.

After Liu et al. 2024 ("How Transliterations Improve Crosslingual Alignment", arXiv 2409.17326), who compare the
similarity of matched and of random pairs, as written and romanised: alignment lifts the matched ones above the random
ones, likeness of all texts (or of surfaces) lifts both.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from xl_analysis.errors import AnalysisError


class Separation(NamedTuple):
    """Cosines of matched and of random pairs, and how far apart the two are."""

    matched: float
    """Mean cosine of an item and its translation, -1 to 1."""
    random: float
    """Mean cosine of an item and the translation of any other item."""
    d_prime: float
    """(matched - random) / sqrt((variance of matched + variance of random) / 2); 0 for no difference."""
    auc: float
    """Probability that a matched pair is nearer than a random one, equals counting half; 0.5 for chance."""


def cosines(source: ArrayLike, target: ArrayLike) -> NDArray[np.floating]:
    """Cosine of every item of one view with every item of another, (n_source, n_target); (n, width) each.

    AnalysisError for other shapes, for numbers that are not finite, and for a vector of length 0.
    """
    sides = []
    for name, given in (("source", source), ("target", target)):
        view = np.asarray(given)
        if view.ndim != 2 or not view.size:
            message = f"the {name} has shape {view.shape}; (number of items, width) is needed."
            raise AnalysisError(message)
        lengths = np.linalg.norm(view, axis=1, keepdims=True)
        if not (np.isfinite(lengths).all() and (lengths > 0).all()):
            place = int(np.flatnonzero(~(np.isfinite(lengths) & (lengths > 0)).ravel())[0])
            message = f"vector {place} of the {name} is not finite or has length 0; it has no cosine."
            raise AnalysisError(message)
        sides.append(view / lengths)
    if sides[0].shape[1] != sides[1].shape[1]:
        message = f"the views have widths {sides[0].shape[1]} and {sides[1].shape[1]}; cosines need one width."
        raise AnalysisError(message)
    return sides[0] @ sides[1].T


def separation(similarities: ArrayLike) -> Separation:
    """How the similarities of matched pairs, (n, n) on the diagonal, stand apart from all others.

    AnalysisError for a matrix that is not square, fewer than 3 items, and numbers that are not finite.
    """
    matrix = np.asarray(similarities)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or len(matrix) < 3:
        message = f"similarities are of shape {matrix.shape}; (n, n) of the same items is needed, n at least 3."
        raise AnalysisError(message)
    if not np.isfinite(matrix).all():
        message = "similarities hold numbers that are not finite."
        raise AnalysisError(message)
    n_items = len(matrix)
    matched = np.sort(np.diagonal(matrix))
    # A row of n + 1 begins at each diagonal cell but the last: what is behind the first column is off the diagonal.
    others = np.ascontiguousarray(matrix.ravel()[1:].reshape(n_items - 1, n_items + 1)[:, :-1]).ravel()
    below = np.searchsorted(matched, others, side="left") + np.searchsorted(matched, others, side="right")
    auc = 1 - float(below.mean()) / (2 * n_items)
    means = [float(part.mean(dtype=np.float64)) for part in (matched, others)]
    spread = np.sqrt((matched.var(dtype=np.float64) + others.var(dtype=np.float64)) / 2)
    return Separation(*means, float((means[0] - means[1]) / spread) if spread > 0 else 0.0, auc)
