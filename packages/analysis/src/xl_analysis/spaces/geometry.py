"""How the vectors of one language fill the space: a cone or a ball, and whether single dimensions outweigh the rest."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from xl_analysis.errors import AnalysisError
from xl_analysis.spaces.views import checked_view

# Deviations of a dimension's mean magnitude from that of the others which make it an outlier.
_SIGMAS = 3.0


@dataclass(frozen=True, kw_only=True)
class Geometry:
    """The shape of a cloud of vectors."""

    random_cosine: float
    """Mean cosine of two different items, in [-1, 1]: near 0 for a ball, near 1 for a narrow cone."""
    isotropy: float
    """IsoScore, in [0, 1]: the share of dimensions that are used, 1 where all have one variance and no correlation."""
    outlier_dims: int
    """Dimensions whose mean magnitude is more than 3 deviations from the mean of all dimensions."""
    outlier_share: float
    """The largest share of one dimension in the squared length of the vectors, in (0, 1]; 1 / width if all alike."""


def geometry(vectors: ArrayLike) -> Geometry:
    """The shape of (n_items, width) vectors.

    random_cosine is the mean over all pairs of different items, without sampling, from the sum of the unit vectors
    (Ethayarajh 2019, section 3.3, "anisotropy"). isotropy is IsoScore of Rudman et al. 2022, section 4: with the
    variances v along the principal axes, v_hat = sqrt(d) v / |v|, delta = |v_hat - 1| / sqrt(2 (d - sqrt d)),
    phi = (d - delta^2 (d - sqrt d))^2 / d^2, IsoScore = (d phi - 1) / (d - 1). Put together it is (r - 1) / (d - 1),
    r = (sum v)^2 / (sum v^2), for which the covariance need not be diagonalised; fewer items than dimensions cannot
    reach 1. outlier_dims are those that `--transform outliers` sets to 0 (Haemmerl et al. 2023); outlier_share is the
    weight of the largest in a dot product (Timkey and van Schijndel 2021, section 3).

    AnalysisError for fewer than 2 items or dimensions, numbers that are not finite, one vector throughout, a vector of
    zeros.
    """
    x = checked_view("vectors", vectors).astype(np.float64, copy=False)
    n_items, width = x.shape
    if n_items < 2 or width < 2:
        message = f"vectors are of shape {x.shape}; at least 2 items and 2 dimensions are needed."
        raise AnalysisError(message)
    unit = unit_length("vectors", x)
    total = unit.sum(axis=0)
    squares = np.square(x).mean(axis=0)
    magnitude = np.abs(x).mean(axis=0)
    return Geometry(
        random_cosine=float((total @ total - n_items) / (n_items * (n_items - 1))),
        isotropy=float((_used_dimensions(x) - 1) / (width - 1)),
        outlier_dims=int((np.abs(magnitude - magnitude.mean()) > _SIGMAS * magnitude.std()).sum()),
        outlier_share=float(squares.max() / squares.sum()),
    )


def unit_length(name: str, vectors: NDArray[np.floating]) -> NDArray[np.floating]:
    """(n_items, width) vectors of length 1. AnalysisError for a vector of zeros, which has no direction."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    if not lengths.all():
        message = f"view {name!r} has a vector of zeros (item {int(np.argmin(lengths)) + 1}), which has no cosine."
        raise AnalysisError(message)
    return vectors / lengths


def _used_dimensions(x: NDArray[np.float64]) -> float:
    """(sum v)^2 / (sum v^2) of the covariance's eigenvalues v: its squared trace over its squared Frobenius norm."""
    centred = x - x.mean(axis=0)
    gram = centred.T @ centred if len(x) >= x.shape[1] else centred @ centred.T  # the same non-zero eigenvalues
    return float(np.trace(gram) ** 2 / np.square(gram).sum())
