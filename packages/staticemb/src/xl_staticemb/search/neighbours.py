"""Who is near whom: cosine and CSLS scores between two sets of vectors, and the rank of a known answer.

CSLS (cross-domain similarity local scaling; Conneau et al. 2018, "Word translation without parallel data") takes from a
cosine how near each of the two vectors is to its neighbours anyway, so that hubs stop being everybody's neighbour.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from xl_staticemb.errors import StaticembError

# candidates scored at a time; with 1,024 queries a block of scores takes 64 MiB in double precision
_CANDIDATE_BLOCK = 8192

Rows = ArrayLike | sparse.sparray | sparse.spmatrix
_Matrix = Any  # NDArray or csr_array: no type covers the operators that the two share


def unit_rows(rows: Rows) -> _Matrix:
    """Scale each row of a (n, width) matrix to Euclidean length 1; rows of zeros stay zeros, NaN stays NaN.

    float32 stays float32, all else becomes float64; a scipy.sparse matrix gives a `csr_array`.
    """
    return _unit(_matrix(rows))


def cosine_scores(queries: Rows, keys: Rows) -> NDArray[np.floating]:
    """Cosine of each query with each key.

    `queries` (n, width) and `keys` (m, width), dense or scipy.sparse; returns (n, m) in [-1, 1], 0 wherever one of
    the two is a row of zeros.
    """
    left, right = _pair(queries, keys)
    return _products(_unit(left), _unit(right))


def csls_scores(queries: Rows, keys: Rows, k: int = 10, *, sources: Rows | None = None) -> NDArray[np.floating]:
    """CSLS of each query with each key: 2 cos(x, z) - r(x) - r(z).

    r(x) is the mean cosine of query x with its `k` nearest keys; r(z) that of key z with its `k` nearest rows of
    `sources` (s, width), the whole vocabulary that queries were picked from; without it the queries are taken.
    `k` counts at most as many rows as there are. Returns (n, m), in [-4, 4]. The whole matrix is held, and that of keys
    and sources; `nearest` finds the best of large sets without it.
    """
    scores = cosine_scores(queries, keys)
    backward = scores.T if sources is None else cosine_scores(keys, sources)
    return 2.0 * scores - _mean_of_best(scores, k)[:, None] - _mean_of_best(backward, k)[None, :]


def gold_ranks(
    queries: Rows,
    candidates: Rows,
    gold: ArrayLike,
    *,
    block: int = 1024,
    tolerance: float = 1e-6,
) -> NDArray[np.float64]:
    """Rank of each query's gold candidate by cosine among all candidates; 1 is best.

    `queries` (n, width), `candidates` (m, width), dense or scipy.sparse; `gold` (n,) indices of candidates, in [0, m).
    Candidates whose cosine lies within `tolerance` of the gold one's tie with it, and ties share the middle rank:
    1 + number of better ones + half the number of tied others. So whoever scores all alike gets (m + 1) / 2, not 1.
    A row of zeros scores 0 with everybody. A row with NaN never wins: as a candidate it beats nobody, as a query or as
    gold its rank is m. Returns (n,) float64 in [1, m]. Scores are in double precision, `block` queries at a time.
    """
    left, right = (_unit(matrix.astype(np.float64)) for matrix in _pair(queries, candidates))
    n_queries, n_candidates = left.shape[0], right.shape[0]
    golds = np.asarray(gold)
    _check_gold(golds, n_queries, n_candidates)
    ranks = np.empty(n_queries, dtype=np.float64)
    for start, stop in _blocks(n_queries, block):
        asked, answers = left[start:stop], golds[start:stop]
        targets = _row_products(asked, right[answers])
        scored = (
            (first, last, _products(asked, right[first:last]))
            for first, last in _blocks(n_candidates, _CANDIDATE_BLOCK)
        )
        block_ranks = ranks_among(scored, targets, np.arange(stop - start), answers, tolerance)
        ranks[start:stop] = np.where(np.isnan(targets), float(n_candidates), block_ranks)
    return ranks


def ranks_among(
    scored: Iterable[tuple[int, int, NDArray[np.floating]]],
    targets: NDArray[np.floating],
    gold_rows: NDArray[np.integer],
    gold_columns: NDArray[np.integer],
    tolerance: float = 1e-6,
) -> NDArray[np.float64]:
    """Rank of a score among those of all other candidates, ties sharing the middle rank, (n_queries,) float64.

    `scored` gives the candidates in pieces: (first, last + 1, scores (n_queries, last + 1 - first)). `targets`
    (n_queries,) are the scores to rank. The candidates `gold_columns` of the queries `gold_rows` do not compete. A NaN
    score beats nobody, and a NaN target gets rank 1: the caller knows what it is worth.
    """
    better = np.zeros(targets.shape, dtype=np.int64)
    tied = np.zeros(targets.shape, dtype=np.int64)
    for first, last, scores in scored:
        above = scores - targets[:, None]
        here = np.flatnonzero((gold_columns >= first) & (gold_columns < last))
        above[gold_rows[here], gold_columns[here] - first] = np.nan
        better += np.count_nonzero(above > tolerance, axis=1)  # NaN compares as false
        tied += np.count_nonzero(np.abs(above) <= tolerance, axis=1)
    return 1.0 + better + 0.5 * tied


def _mean_of_best(scores: NDArray[np.floating], k: int) -> NDArray[np.floating]:
    """Mean of the `k` largest scores of each row (n, m), or of all where there are fewer: the r of CSLS, (n,)."""
    if k < 1:
        message = f"the number of neighbours must be at least 1, not {k}"
        raise StaticembError(message)
    n_others = scores.shape[1]
    if not n_others:
        message = "there are no vectors to take neighbours from"
        raise StaticembError(message)
    first = max(n_others - k, 0)
    return np.partition(scores, first, axis=1)[:, first:].mean(axis=1)


def _matrix(rows: Rows) -> _Matrix:
    """The same numbers as a csr_array or a dense matrix, in float32 if they came so and else in float64."""
    matrix = sparse.csr_array(rows) if isinstance(rows, sparse.sparray | sparse.spmatrix) else np.asarray(rows)
    if len(matrix.shape) != 2:
        message = f"vectors must be a matrix of (number, width), not of shape {matrix.shape}"
        raise StaticembError(message)
    return matrix.astype(np.float32 if matrix.dtype == np.float32 else np.float64, copy=False)


def _pair(left: Rows, right: Rows) -> tuple[_Matrix, _Matrix]:
    one, other = _matrix(left), _matrix(right)
    if one.shape[1] != other.shape[1]:
        message = f"both sets of vectors must have one width, not {one.shape[1]} and {other.shape[1]}"
        raise StaticembError(message)
    return one, other


def _unit(matrix: _Matrix) -> _Matrix:
    if isinstance(matrix, sparse.csr_array):
        lengths = np.sqrt(np.asarray(matrix.multiply(matrix).sum(axis=1), dtype=np.float64))
        scaled = matrix.copy()
        scaled.data = (matrix.data * np.repeat(_inverse(lengths), np.diff(matrix.indptr))).astype(matrix.dtype)
        return scaled
    # lengths in double precision: squares of large float32 numbers would overflow
    lengths = np.sqrt(np.einsum("nw,nw->n", matrix, matrix, dtype=np.float64))
    return (matrix * _inverse(lengths)[:, None]).astype(matrix.dtype, copy=False)


def _check_gold(gold: NDArray, n_queries: int, n_candidates: int) -> None:
    if gold.shape != (n_queries,) or (n_queries and not np.issubdtype(gold.dtype, np.integer)):
        message = f"gold must be {n_queries} whole numbers, one a query, not {gold.dtype} of shape {gold.shape}"
        raise StaticembError(message)
    outside = gold[(gold < 0) | (gold >= n_candidates)]
    if outside.size:
        message = f"gold index {outside[0]} names none of the {n_candidates} candidates (0 to {n_candidates - 1})"
        raise StaticembError(message)


def _inverse(lengths: NDArray) -> NDArray:
    """1 / length, and 1 for a length of 0."""
    with np.errstate(invalid="ignore"):
        return 1.0 / np.where(lengths == 0.0, 1.0, lengths)


def _products(left: _Matrix, right: _Matrix) -> NDArray[np.floating]:
    """Scalar products of all rows of `left` with all rows of `right`, as a dense matrix."""
    with np.errstate(invalid="ignore"):
        scores = left @ right.T
    return scores.toarray() if sparse.issparse(scores) else np.asarray(scores)


def _row_products(left: _Matrix, right: _Matrix) -> NDArray[np.floating]:
    """Scalar product of each row of `left` with the row of `right` at the same place."""
    if sparse.issparse(left):
        return np.asarray(left.multiply(right).sum(axis=1)).ravel()
    if sparse.issparse(right):
        return np.asarray(right.multiply(left).sum(axis=1)).ravel()
    return np.einsum("nw,nw->n", left, right)


def _blocks(n_rows: int, size: int) -> Iterator[tuple[int, int]]:
    if size < 1:
        message = f"the block must hold at least 1 row, not {size}"
        raise StaticembError(message)
    for start in range(0, n_rows, size):
        yield start, min(start + size, n_rows)
