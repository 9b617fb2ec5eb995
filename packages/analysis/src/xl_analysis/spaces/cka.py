"""CKA: how alike two representations of the same items are (Kornblith et al. 2019).

With kernel matrices K and L of two views and H = I - 11'/n (sections 3 and 4 there),

    HSIC(K, L) = tr(K H L H)        CKA = HSIC(K, L) / sqrt(HSIC(K, K) HSIC(L, L))

Linear: K = XX'; with column-centred X (n, p) and Y (n, q) this is ||Y'X||_F^2 / (||X'X||_F ||Y'Y||_F): 1 for X and any
rotated, scaled or shifted copy of it. RBF: K_ij = exp(-||x_i - x_j||^2 / 2 s^2), s a share of the median distance of
two items (section 4 and table 2): small shares look at near neighbours alone, large ones agree with linear CKA.

The plain estimate is biased upward when n is small beside the widths; the debiased one, with HSIC_1 of Song et al.
(2012, equation 5), is around 0 for independent vectors. HSIC_1 may be averaged over minibatches of the items (Nguyen,
Raghu and Kornblith 2021, equation 2), so that no more than one of them is in memory.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from xl_analysis.errors import AnalysisError

# Bytes of kernel matrices, of all views together, that are computed at once.
_BLOCK_BYTES = 2**28
# Norms whose fourth powers neither overflow nor vanish.
_SMALLEST, _LARGEST = 1e-60, 1e60
# Items whose distances give the median: of more, as many spread evenly.
_MEDIAN_ITEMS = 2000

_Read = Callable[[], NDArray[np.float64]]


def linear_cka(x: ArrayLike, y: ArrayLike, *, debiased: bool = False) -> float:
    """Linear CKA of `x` (n, p) and `y` (n, q), rows being the same n items; in [0, 1], or [-1, 1] when debiased.

    AnalysisError for different n, fewer than 2 items (4 when debiased), numbers that are not finite, and a view whose
    rows are all equal, for which CKA is not defined.
    """
    return float(cka_matrix({"x": x, "y": y}, debiased=debiased)[1][0, 1])


def cka_matrix(
    views: Mapping[str, ArrayLike], *, debiased: bool = False, bandwidth: float | None = None
) -> tuple[tuple[str, ...], NDArray[np.float64]]:
    """Names of the k views and their CKA with one another, (k, k), symmetric with ones on the diagonal.

    views: name (a language, a layer) -> (n, width), rows being the same n items; widths may differ.
    bandwidth: for the RBF kernel, s as a share of the view's median distance, above 0; None for the linear kernel.

    Computed in double precision; a kernel matrix serves all pairs. Errors as for `linear_cka`, and for a bandwidth that
    is not above 0 or a view half of whose items are equal, which has no median distance.
    """
    products, diagonals = _Kernels(bandwidth, least=4 if debiased else 2).products(views)
    if debiased:
        products = _without_bias(products, diagonals)
    return tuple(views), _normalised(tuple(views), products, diagonals.sum(axis=1) ** 2)


class MinibatchCka:
    """CKA of more items than memory holds: HSIC_1 averaged over minibatches, linear or RBF.

    bandwidth: as for `cka_matrix`; the median distance is that of the first minibatch.
    """

    def __init__(self, bandwidth: float | None = None) -> None:
        self._kernels = _Kernels(bandwidth, least=4, in_parts=True)
        self._names: tuple[str, ...] = ()
        self._sums: NDArray[np.float64] | float = 0.0
        self._squares: NDArray[np.float64] | float = 0.0

    def add(self, views: Mapping[str, ArrayLike]) -> None:
        """Take in a minibatch: name -> (n, width), the same n items in all views, at least 4; the same names each time.

        AnalysisError as for `cka_matrix`, and for other names than before.
        """
        names = self._names or tuple(views)
        if tuple(views) != names:
            message = f"a minibatch has the views {', '.join(views)}; those before it had {', '.join(names)}."
            raise AnalysisError(message)
        products, diagonals = self._kernels.products(views)
        share = 1 / (diagonals.shape[1] * (diagonals.shape[1] - 3))
        self._sums = self._sums + share * _without_bias(products, diagonals)
        self._squares = self._squares + share * diagonals.sum(axis=1) ** 2
        self._names = names

    def matrix(self) -> tuple[tuple[str, ...], NDArray[np.float64]]:
        """Names and CKA of the views over all minibatches, as `cka_matrix` gives them; AnalysisError for none."""
        if not self._names:
            message = "no minibatch was added; CKA needs at least one."
            raise AnalysisError(message)
        return self._names, _normalised(self._names, np.asarray(self._sums), np.asarray(self._squares))


class _Kernels:
    """The kernel of each view; what its vectors are divided by is fixed by the first items that are seen.

    least: number of items that there must be. in_parts: whether some items may have the same vector all.
    """

    def __init__(self, bandwidth: float | None, *, least: int, in_parts: bool = False) -> None:
        if bandwidth is not None and not 0 < bandwidth < np.inf:
            message = f"bandwidth is {bandwidth}; give a share of the median distance, above 0."
            raise AnalysisError(message)
        self._bandwidth, self._least, self._in_parts = bandwidth, least, in_parts
        self._sizes: dict[str, float] = {}
        self._widths: dict[str, float] = {}

    def products(self, views: Mapping[str, ArrayLike]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """<HKH, HLH> of each pair of views, (k, k), and the diagonals of HKH, (k, n)."""
        arrays = {name: np.asarray(view) for name, view in views.items()}
        for name, x in arrays.items():
            if x.ndim != 2:
                message = f"view {name!r} has shape {x.shape}; (number of items, width) is needed."
                raise AnalysisError(message)
        lengths = {name: len(x) for name, x in arrays.items()}
        if len(set(lengths.values())) > 1:
            message = f"views must have one row for each of the same items, but have {lengths}."
            raise AnalysisError(message)
        n_items, width = next(iter(lengths.values()), 0), max((x.shape[1] for x in arrays.values()), default=0)
        if self._bandwidth is None and not _takes_grams(len(arrays), n_items, width):
            return _of_features([self._vectors(name, x) for name, x in arrays.items()], n_items)
        # Vectors in double precision are made view by view when they are read, all in the same room: new memory for
        # each would take more time than centring does.
        room = np.empty(n_items * width)
        read = [partial(self._vectors, name, x, room[: x.size].reshape(x.shape)) for name, x in arrays.items()]
        return _of_grams(read, n_items) if self._bandwidth is None else _of_rbf(read, n_items)

    def _vectors(self, name: str, x: NDArray[Any], room: NDArray[np.float64] | None = None) -> NDArray[np.float64]:
        """`x` (n, width) as the kernel reads it, with column means 0; checked. room: array that it is written to."""
        size = self._sizes.get(name, 1.0)
        with np.errstate(over="ignore", invalid="ignore"):
            shares = x if size == 1 else x / size
            means = np.mean(shares, axis=0, dtype=np.float64) if x.size else np.zeros(x.shape[1])
            centred = np.subtract(shares, means, out=room, dtype=np.float64)
            norm = np.sqrt(np.vdot(centred, centred))
        if not _SMALLEST < norm < _LARGEST and name not in self._sizes:
            # CKA does not see the scale, but squares of very large and small numbers overflow or vanish.
            largest = float(np.abs(x).max(initial=0.0))
            if not np.isfinite(largest):
                message = f"view {name!r} holds numbers that are not finite."
                raise AnalysisError(message)
            self._sizes[name] = largest or 1.0
            return self._vectors(name, x, room)
        self._sizes[name] = size
        # Equal rows leave rounding errors of the mean behind; they are no spread.
        if norm <= 1e-13 * np.abs(means).max(initial=0.0) * np.sqrt(x.size):
            if len(x) and not self._in_parts:
                message = f"view {name!r} has the same vector for every item; CKA is not defined for it."
                raise AnalysisError(message)
            centred[:] = 0
        if len(x) < self._least:
            kind = "debiased CKA" if self._least > 2 else "CKA"
            message = f"{len(x)} items are too few; {kind} needs at least {self._least}."
            raise AnalysisError(message)
        if self._bandwidth is not None:
            if name not in self._widths:
                self._widths[name] = self._bandwidth * _median_distance(name, centred) * float(np.sqrt(2))
            centred /= self._widths[name]
        return centred


def _median_distance(name: str, x: NDArray[np.float64]) -> float:
    some = x[np.linspace(0, len(x) - 1, min(len(x), _MEDIAN_ITEMS)).astype(int)]
    squares = _squared_distances(some, some)[np.triu_indices(len(some), 1)]
    median = float(np.sqrt(np.median(squares)))
    # Distances of equal vectors are rounding errors.
    if not median > 1e-7 * np.abs(some).max():
        message = f"view {name!r} has the same vector for half of its items; the RBF kernel has no bandwidth there."
        raise AnalysisError(message)
    return median


def _of_grams(read: Sequence[_Read], n_items: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """What `_Kernels.products` gives for linear kernels, from the Gram matrices: ||Y'X||_F^2 = <XX', YY'>."""
    # The rows of XX' add up to 0 already.
    if _rows_at_once(len(read), n_items) >= n_items:
        return _of_triangles(read, n_items)
    products, diagonals = np.zeros((len(read), len(read))), np.empty((len(read), n_items))
    for start, block in _blocks(read, n_items, lambda rows, others, out: np.matmul(rows, others.T, out=out)):
        products += _symmetric_products(block)
        diagonals[:, start : start + block.shape[1]] = np.einsum("kii->ki", block[:, :, : block.shape[1]])
    return products, diagonals


def _of_triangles(read: Sequence[_Read], n_items: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """As `_of_grams`, from one triangle of each matrix (LAPACK's rectangular full packed form)."""
    from scipy.linalg import get_lapack_funcs

    (sfrk,) = get_lapack_funcs(("sfrk",), dtype=np.float64)
    diagonals, triangles = np.empty((len(read), n_items)), np.empty((len(read), n_items * (n_items + 1) // 2))
    for vectors, diagonal, triangle in zip(read, diagonals, triangles, strict=True):
        x = vectors()
        np.einsum("ij,ij->i", x, x, out=diagonal)
        # LAPACK reads columns first, so that this is x' of (x')', written into `triangle` itself.
        sfrk(n_items, x.shape[1], 1.0, x.T, 0.0, triangle, trans="T", overwrite_c=True)
    return 2 * (triangles @ triangles.T) - diagonals @ diagonals.T, diagonals


def _of_features(
    arrays: Sequence[NDArray[np.float64]], n_items: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """As `_of_grams`, by a matrix of features a pair, from centred views."""
    products, diagonals = np.zeros((len(arrays), len(arrays))), np.empty((len(arrays), n_items))
    for a, x in enumerate(arrays):
        diagonals[a] = np.einsum("ij,ij->i", x, x)
        for b, y in enumerate(arrays[: a + 1]):
            products[a, b] = products[b, a] = np.square(y.T @ x).sum()
    return products, diagonals


def _takes_grams(n_views: int, n_items: int, width: int) -> bool:
    """Whether a kernel matrix a view takes fewer multiplications than a matrix of features a pair of views."""
    return n_items < width * (n_views + 1)


def _of_rbf(read: Sequence[_Read], n_items: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """What `_Kernels.products` gives for exp(-||x_i - x_j||^2)."""

    def kernel(rows: NDArray[np.float64], others: NDArray[np.float64], out: NDArray[np.float64]) -> None:
        np.exp(-_squared_distances(rows, others), out=out)

    products, sums = np.zeros((len(read), len(read))), np.zeros((len(read), n_items))
    for start, block in _blocks(read, n_items, kernel):
        stop = start + block.shape[1]
        products += _symmetric_products(block)
        sums[:, start:stop] += block.sum(axis=2)
        sums[:, stop:] += block[:, :, stop - start :].sum(axis=1)
    means = sums / n_items
    totals = means.mean(axis=1)
    # <HKH, HLH> = <K, L> - 2/n (K1)'(L1) + (1'K1)(1'L1)/n^2; the diagonal of K is 1.
    products = products - 2 * sums @ means.T + np.outer(totals, totals) * n_items**2
    return products, 1 - 2 * means + totals[:, None]


def _blocks(
    read: Sequence[_Read],
    n_items: int,
    kernel: Callable[[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]], object],
) -> Iterator[tuple[int, NDArray[np.float64]]]:
    """Some rows of all kernel matrices at a time, from their diagonal on: the first row's place, (k, rows, columns)."""
    most = _rows_at_once(len(read), n_items)
    room = np.empty(len(read) * most * n_items)
    for start in range(0, max(n_items, 1), most):
        n_rows, n_columns = min(most, n_items - start), n_items - start
        block = room[: len(read) * n_rows * n_columns].reshape(len(read), n_rows, n_columns)
        for matrix, vectors in zip(block, read, strict=True):
            x = vectors()
            kernel(x[start : start + n_rows], x[start:], matrix)
        yield start, block


def _rows_at_once(n_views: int, n_items: int) -> int:
    """Rows of all kernel matrices that are in memory at a time."""
    return max(1, min(n_items, _BLOCK_BYTES // (8 * max(1, n_views * n_items))))


def _symmetric_products(block: NDArray[np.float64]) -> NDArray[np.float64]:
    """The share of rows of symmetric matrices, from their diagonal on, in the matrices' products <K, L>, (k, k)."""
    n_views, n_rows, n_columns = block.shape
    rows = block.reshape(n_views, -1)
    if n_rows == n_columns:
        return rows @ rows.T
    square = block[:, :, :n_rows].reshape(n_views, -1)
    return 2 * (rows @ rows.T) - square @ square.T


def _squared_distances(rows: NDArray[np.float64], others: NDArray[np.float64]) -> NDArray[np.float64]:
    squares = np.square(rows).sum(axis=1)[:, None] + np.square(others).sum(axis=1) - 2 * rows @ others.T
    return np.maximum(squares, 0, out=squares)


def _without_bias(products: NDArray[np.float64], diagonals: NDArray[np.float64]) -> NDArray[np.float64]:
    """HSIC_1 of each pair times n (n - 3), from the products (k, k) and diagonals (k, n) of centred kernel matrices.

    Song et al. set the diagonals to 0; as the rows of a centred matrix add up to 0, what they call K1 is then minus the
    diagonal. Centring changes nothing: without its diagonal, a_i + a_j is orthogonal to what HSIC_1 sees.
    """
    n_items = diagonals.shape[1]
    crossed = diagonals @ diagonals.T
    totals = np.outer(diagonals.sum(axis=1), diagonals.sum(axis=1))
    return products - crossed + totals / ((n_items - 1) * (n_items - 2)) - 2 / (n_items - 2) * crossed


def _normalised(
    names: Sequence[str], products: NDArray[np.float64], squares: NDArray[np.float64]
) -> NDArray[np.float64]:
    """CKA from the products of all pairs, (k, k); squares: (k,) what a self-similarity would be if all was spread."""
    own = np.diagonal(products)
    for name, similarity, square in zip(names, own, squares, strict=True):
        # A self-similarity this small is rounding.
        if not similarity > 1e-24 * square:
            message = f"view {name!r} has no spread that CKA could compare: its items differ in too little."
            raise AnalysisError(message)
    scale = np.sqrt(own)
    similarities = products / np.outer(scale, scale)
    np.fill_diagonal(similarities, 1.0)
    return similarities
