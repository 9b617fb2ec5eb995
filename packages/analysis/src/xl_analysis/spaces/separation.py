"""Whether translations are nearer to one another than texts drawn at random, as an alignment card tells.

After Liu et al. 2024 ("How Transliterations Improve Crosslingual Alignment", arXiv 2409.17326), who compare the
similarity of matched and of random pairs, as written and romanised: alignment lifts the matched ones above the random
ones, likeness of all texts (or of surfaces) lifts both.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

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
    return next(pair_cosines({"the source": source, "the target": target}, [("the source", "the target")]))


def pair_cosines(views: Mapping[str, ArrayLike], pairs: Iterable[tuple[str, str]]) -> Iterator[NDArray[np.floating]]:
    """`cosines` of each pair of views, two names of `views`; the lengths of a view's vectors are taken once."""
    unit = {name: _of_unit_length(name, np.asarray(view)) for name, view in views.items()}
    for a, b in pairs:
        if unit[a].shape[1] != unit[b].shape[1]:
            message = f"the views have widths {unit[a].shape[1]} and {unit[b].shape[1]}; cosines need one width."
            raise AnalysisError(message)
        yield unit[a] @ unit[b].T


def _of_unit_length(name: str, view: NDArray[Any]) -> NDArray[np.floating]:
    if view.ndim != 2 or not view.size:
        message = f"{name} has shape {view.shape}; (number of items, width) is needed."
        raise AnalysisError(message)
    lengths = np.linalg.norm(view, axis=1, keepdims=True)
    if not (np.isfinite(lengths).all() and (lengths > 0).all()):
        place = int(np.flatnonzero(~(np.isfinite(lengths) & (lengths > 0)).ravel())[0])
        message = f"vector {place} of {name} is not finite or has length 0; it has no cosine."
        raise AnalysisError(message)
    return view / lengths


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
    matched = np.diagonal(matrix)
    # A row of n + 1 begins at each diagonal cell but the last: what is behind the first column is off the diagonal.
    others = np.ascontiguousarray(matrix.ravel()[1:].reshape(n_items - 1, n_items + 1)[:, :-1]).ravel()
    # Random pairs below all matched ones are counted, not sorted.
    near = np.sort(others[others >= matched.min()])
    above = near.searchsorted(matched, side="left") + near.searchsorted(matched, side="right")
    auc = 1 - (2 * len(near) - float(above.mean())) / (2 * len(others))
    means = [float(part.mean(dtype=np.float64)) for part in (matched, others)]
    spread = np.sqrt((matched.var(dtype=np.float64) + others.var(dtype=np.float64)) / 2)
    return Separation(*means, float((means[0] - means[1]) / spread) if spread > 0 else 0.0, auc)
