"""Normalisation of word vectors before they are mapped: VecMap's list of actions, fitted by blocks.

Artetxe et al. 2018, "Generalizing and Improving Bilingual Word Embedding Mappings with a Multi-Step Framework of Linear
Transformations", step 0. Lengths and means are taken in double precision.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from xl_staticemb.errors import StaticembError
from xl_staticemb.mapping.config import ACTIONS

_ROWS = 8192  # rows at a time: 19 MiB of double precision at width 300

Blocks = Callable[[], Iterable[ArrayLike]]


class Normalization:
    """A list of actions on the rows of a matrix, each on the result of the one before.

    unit: each row to Euclidean length 1; a row of zeros stays. center: minus the mean of all rows. unitdim: each column
    to Euclidean length 1 over all rows; a column of zeros stays. centeremb: minus the mean of each row.

    `center` and `unitdim` are statistics of a vocabulary, which `fit` takes in one pass each; the other two need none.
    Raises StaticembError for an action that is not known.
    """

    def __init__(self, actions: Sequence[str] = ("unit", "center", "unit")) -> None:
        self.actions = tuple(actions)
        for action in self.actions:
            if action not in ACTIONS:
                message = f"normalisation {action!r} is not known; it can be {', '.join(ACTIONS)}"
                raise StaticembError(message)
        self._statistics: list[NDArray[np.float64] | None] | None = None

    def __repr__(self) -> str:
        return f"Normalization({self.actions})"

    def fit(self, blocks: Blocks) -> "Normalization":
        """Take the statistics of a vocabulary: each call of `blocks` begins a new pass over its rows (n, width).

        Passes: as many as the list holds `center` and `unitdim`, at least one. Returns itself. Raises StaticembError
        for no rows, rows of different widths and numbers that are not finite.
        """
        statistics: list[NDArray[np.float64] | None] = []
        checked = False
        for action in self.actions:
            if action in ("unit", "centeremb"):
                statistics.append(None)
                continue
            n_rows, sums = 0, None
            for block in _checked(blocks()):
                rows = _applied(block, self.actions, statistics)
                part = (rows**2 if action == "unitdim" else rows).sum(axis=0)
                sums = part if sums is None else sums + part
                n_rows += len(rows)
            if sums is None:
                message = "there are no vectors to normalise"
                raise StaticembError(message)
            statistics.append(_nonzero(np.sqrt(sums)) if action == "unitdim" else sums / n_rows)
            checked = True
        if not checked:
            for _ in _checked(blocks()):
                checked = True
            if not checked:
                message = "there are no vectors to normalise"
                raise StaticembError(message)
        self._statistics = statistics
        return self

    def apply(self, matrix: ArrayLike, dtype: DTypeLike = np.float32) -> NDArray:
        """The normalised rows of `matrix` (n, width): a new matrix of `dtype`. Raises StaticembError before `fit`."""
        if self._statistics is None:
            message = "the normalisation has not seen the vocabulary yet; call fit first"
            raise StaticembError(message)
        rows = np.asarray(matrix)
        width = next((len(taken) for taken in self._statistics if taken is not None), None)
        if rows.ndim != 2 or (width is not None and rows.shape[1] != width):
            message = f"the normalisation was fitted on vectors of width {width}, not on a matrix of shape {rows.shape}"
            raise StaticembError(message)
        result = np.empty(rows.shape, dtype=dtype)
        for start in range(0, len(rows), _ROWS):
            result[start : start + _ROWS] = _applied(rows[start : start + _ROWS], self.actions, self._statistics)
        return result

    def fit_apply(self, matrix: ArrayLike) -> NDArray[np.float32]:
        """`fit` on all rows of `matrix` (n, width), then `apply` to them."""
        rows = np.asarray(matrix)
        return self.fit(lambda: (rows[start : start + _ROWS] for start in range(0, len(rows), _ROWS))).apply(rows)


def _applied(
    block: ArrayLike, actions: Sequence[str], statistics: Sequence[NDArray[np.float64] | None]
) -> NDArray[np.float64]:
    """Rows after the first `len(statistics)` actions, in double precision."""
    rows = np.array(block, dtype=np.float64)
    for action, taken in zip(actions, statistics, strict=False):
        if taken is not None:
            rows = rows - taken if action == "center" else rows / taken
        elif action == "unit":
            rows /= _nonzero(np.sqrt(np.einsum("nw,nw->n", rows, rows)))[:, None]
        else:
            rows -= rows.mean(axis=1, keepdims=True)
    return rows


def _checked(blocks: Iterable[ArrayLike]) -> Iterator[NDArray]:
    width = None
    for block in blocks:
        rows = np.asarray(block)
        if rows.ndim != 2 or width not in (None, rows.shape[1]):
            message = f"blocks of vectors must be matrices of one width, not of shape {rows.shape}"
            raise StaticembError(message)
        if not np.isfinite(rows).all():
            message = "the vectors hold numbers that are not finite; leave those words out"
            raise StaticembError(message)
        width = rows.shape[1]
        if len(rows):
            yield rows


def _nonzero(lengths: NDArray[np.float64]) -> NDArray[np.float64]:
    """Lengths to divide by: 1 where they are 0."""
    return np.where(lengths == 0.0, 1.0, lengths)
