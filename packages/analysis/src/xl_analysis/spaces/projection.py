"""Vectors of several languages on a plane: t-SNE (van der Maaten and Hinton 2008) or the first two principal axes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from xl_analysis.errors import AnalysisError
from xl_analysis.spaces.views import checked_views

PROJECTIONS = ("tsne", "opentsne", "pca")
# Neighbours whose loss the trustworthiness counts.
_N_NEIGHBOURS = 5


@dataclass(frozen=True, kw_only=True)
class Projection:
    """Where the items of each language lie on a plane."""

    points: dict[str, NDArray[np.float64]]
    """Language -> (n_items, 2)."""
    trustworthiness: float
    """1 where the 5 nearest of a point on the plane are near in the space too, 0.5 by chance (Venna and Kaski 2001)."""


def project(
    views: Mapping[str, ArrayLike],
    *,
    method: Literal["tsne", "opentsne", "pca"] = "tsne",
    perplexity: float = 30.0,
    seed: int = 0,
) -> Projection:
    """The vectors of all languages on one plane.

    views: language -> (n_items, width). method: "tsne" of scikit-learn, "opentsne" of the package openTSNE (the extra
        `opentsne`), or "pca". perplexity: of t-SNE, about how many neighbours a vector has; below a third of them.
    Distances are cosine for t-SNE; "pca" keeps lengths. Distances between far groups of t-SNE mean nothing.

    AnalysisError for views that `checked_views` refuses, a perplexity out of range, and a missing openTSNE.
    """
    arrays = checked_views(views)
    stacked = np.concatenate(list(arrays.values())).astype(np.float64)
    if method != "pca" and not 0 < perplexity < len(stacked) / 3:
        message = (
            f"perplexity {perplexity:g} does not fit {len(stacked)} vectors; give a number above 0 and below a third "
            "of them."
        )
        raise AnalysisError(message)
    plane = _plane(stacked, method, perplexity, seed)
    from sklearn.manifold import trustworthiness

    cosine = "euclidean" if method == "pca" else "cosine"
    n_near = min(_N_NEIGHBOURS, (len(stacked) - 1) // 2)
    trust = float(trustworthiness(stacked, plane, n_neighbors=n_near, metric=cosine)) if n_near else 1.0
    ends = np.cumsum([len(array) for array in arrays.values()])
    points = dict(zip(arrays, np.split(plane, ends[:-1]), strict=True))
    return Projection(points=points, trustworthiness=trust)


def _plane(stacked: NDArray[np.float64], method: str, perplexity: float, seed: int) -> NDArray[np.float64]:
    if method == "pca":
        from sklearn.decomposition import PCA

        return PCA(n_components=2, random_state=seed).fit_transform(stacked)
    if method == "tsne":
        from sklearn.manifold import TSNE

        made = TSNE(perplexity=perplexity, metric="cosine", init="random", random_state=seed).fit_transform(stacked)
        return np.asarray(made, dtype=np.float64)
    try:
        import openTSNE
    except ImportError:
        message = 'method opentsne needs the package openTSNE: pip install "xl-analysis[opentsne]".'
        raise AnalysisError(message) from None
    # Its own start, from principal axes, asks for vectors; a seeded random one is as good for a picture.
    made = openTSNE.TSNE(perplexity=perplexity, metric="cosine", initialization="random", random_state=seed)
    return np.asarray(made.fit(stacked), dtype=np.float64)
