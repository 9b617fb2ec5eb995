"""Linear CKA: how alike two representations of the same items are (Kornblith et al. 2019, section 3).

With column-centred X (n, p) and Y (n, q), CKA = ||Y'X||_F^2 / (||X'X||_F ||Y'Y||_F): 1 for X and any rotated, scaled or
shifted copy of it. The plain estimate is biased upward when n is small beside the widths; the debiased one (Song et al.
2012, equation 5) is around 0 for independent vectors.
"""

from collections.abc import Mapping
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from xl_analysis.errors import AnalysisError

# Bytes that the n x n Gram matrices of all views together may take; beyond it pairs are computed from the features.
_GRAM_BYTES = 2**30


def linear_cka(x: ArrayLike, y: ArrayLike, *, debiased: bool = False) -> float:
    """CKA of `x` (n, p) and `y` (n, q), rows being the same n items; in [0, 1], or [-1, 1] when debiased.

    AnalysisError for different n, fewer than 2 items (4 when debiased), numbers that are not finite, and a view whose
    rows are all equal, for which CKA is not defined.
    """
    return float(cka_matrix({"x": x, "y": y}, debiased=debiased)[1][0, 1])


def cka_matrix(
    views: Mapping[str, ArrayLike], *, debiased: bool = False
) -> tuple[tuple[str, ...], NDArray[np.float64]]:
    """Names of the k views and their CKA with one another, (k, k), symmetric with ones on the diagonal.

    views: name (a language, a layer) -> (n, width), rows being the same n items; widths may differ. Computed in double
    precision. Errors as for `linear_cka`.
    """
    names = tuple(views)
    centred = [_centred(name, np.asarray(views[name], dtype=np.float64)) for name in names]
    lengths = {name: len(x) for name, x in zip(names, centred, strict=True)}
    if len(set(lengths.values())) > 1:
        message = f"views must have one row for each of the same items, but have {lengths}."
        raise AnalysisError(message)
    n_items = next(iter(lengths.values()), 0)
    needed = 4 if debiased else 2
    if n_items < needed:
        message = f"{n_items} items are too few; {'debiased CKA' if debiased else 'CKA'} needs at least {needed}."
        raise AnalysisError(message)
    products = _products(centred)
    if debiased:
        products = _without_bias(products, np.stack([np.square(x).sum(axis=1) for x in centred]))
    scale = np.sqrt(np.diagonal(products))
    for name, length in zip(names, scale, strict=True):
        # Views have unit Frobenius norm, so a self-similarity this small is rounding.
        if not length > 1e-12:
            message = f"view {name!r} has no spread that CKA could compare (debiased: {debiased})."
            raise AnalysisError(message)
    similarities = products / np.outer(scale, scale)
    np.fill_diagonal(similarities, 1.0)
    return names, similarities


def _centred(name: str, x: NDArray[np.float64]) -> NDArray[np.float64]:
    """`x` (n, width) with column means 0 and norm 1; CKA does not see the scale, but squares would overflow."""
    if x.ndim != 2:
        message = f"view {name!r} has shape {x.shape}; (number of items, width) is needed."
        raise AnalysisError(message)
    if not np.isfinite(x).all():
        message = f"view {name!r} holds numbers that are not finite."
        raise AnalysisError(message)
    largest = np.abs(x).max(initial=0.0)
    x = x / largest if largest > 0 else x
    x = x - x.mean(axis=0)
    norm = np.linalg.norm(x)
    # Equal rows leave rounding errors of the mean behind; they are no spread.
    if norm <= 1e-13 * np.sqrt(x.size):
        message = f"view {name!r} has the same vector for every item; CKA is not defined for it."
        raise AnalysisError(message)
    return x / norm


def _products(centred: list[NDArray[np.float64]]) -> NDArray[np.float64]:
    """||X_b' X_a||_F^2 for each pair of views, (k, k)."""
    n_views, n_items = len(centred), len(centred[0]) if centred else 0
    width = max((x.shape[1] for x in centred), default=0)
    form: Literal["gram", "features"] = "gram" if n_items < width or n_views > 2 else "features"
    if form == "gram" and n_views * n_items**2 * 8 <= _GRAM_BYTES:
        # ||Y'X||_F^2 = <XX', YY'>: one product of the flattened Gram matrices serves all pairs.
        grams = np.stack([(x @ x.T).ravel() for x in centred]) if centred else np.zeros((0, 0))
        return grams @ grams.T
    products = np.empty((n_views, n_views))
    for a in range(n_views):
        for b in range(a, n_views):
            products[a, b] = products[b, a] = np.square(centred[b].T @ centred[a]).sum()
    return products


def _without_bias(products: NDArray[np.float64], squares: NDArray[np.float64]) -> NDArray[np.float64]:
    """Unbiased HSIC of each pair up to the factor 1 / (n (n - 3)), from the plain products (k, k).

    squares: (k, n) squared row norms, the diagonals of the Gram matrices. Song et al. set these diagonals to 0; as the
    rows of a centred Gram matrix add up to 0, what they call K1 is then minus the diagonal.
    """
    n_items = squares.shape[1]
    diagonals = squares @ squares.T
    totals = np.outer(squares.sum(axis=1), squares.sum(axis=1))
    return products - diagonals + totals / ((n_items - 1) * (n_items - 2)) - 2 / (n_items - 2) * diagonals
