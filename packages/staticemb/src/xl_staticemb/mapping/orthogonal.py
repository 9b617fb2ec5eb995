"""The rotation that brings one set of vectors onto another: orthogonal Procrustes."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from xl_staticemb.errors import StaticembError


def orthogonal_map(x: ArrayLike, z: ArrayLike) -> NDArray[np.float64]:
    """The orthogonal W (width, width) that minimises ||x W - z|| in the Frobenius norm (Schönemann 1966).

    `x` and `z` are (n_pairs, width), row by row the two sides of a dictionary. With the singular value decomposition
    x^T z = U S V^T, W = U V^T, computed in double precision. Map a whole vocabulary with `matrix @ W`; lengths and
    cosines within it do not change. With fewer pairs than dimensions W is one of several minimisers.
    """
    left, right = np.asarray(x, dtype=np.float64), np.asarray(z, dtype=np.float64)
    if left.ndim != 2 or left.shape != right.shape or not left.size:
        message = f"both sides must be matrices of one shape (pairs, width), not {left.shape} and {right.shape}"
        raise StaticembError(message)
    if not (np.isfinite(left).all() and np.isfinite(right).all()):
        message = "the vectors of the dictionary hold numbers that are not finite; leave those pairs out"
        raise StaticembError(message)
    return rotation_of(left.T @ right)


def rotation_of(products: ArrayLike) -> NDArray[np.float64]:
    """W = U V^T (d_x, d_z) from the products x^T z = U S V^T (d_x, d_z) of a dictionary.

    W^T W = I where d_x >= d_z and W W^T = I where d_x <= d_z; computed in double precision.
    """
    u, _, vt = np.linalg.svd(np.asarray(products, dtype=np.float64), full_matrices=False)
    return u @ vt
