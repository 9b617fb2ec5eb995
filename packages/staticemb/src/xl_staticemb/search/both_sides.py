"""Exact nearest neighbours of two large sets of vectors in each other, slab by slab of the first.

One sweep serves both sides. Vectors may be memory-mapped: what is copied into memory is a slab of each side at a time.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from xl_staticemb.search._unit_rows import UnitRows, blocks
from xl_staticemb.search.nearest_keys import (
    Nearest,
    Search,
    best_labels,
    check_request,
    check_widths,
    rows_of,
)

SLAB = 131_072
"""Rows of a slab: with 384 numbers a row, 100 MB of each side in bfloat16."""


class Slab(NamedTuple):
    """What is known when the rows of the first side before `stop` have been compared with all of the second."""

    start: int
    stop: int
    ahead: Nearest
    """(stop - start, k) best rows of the second side for the rows `start` to `stop` of the first."""
    back: Nearest
    """(m, k) best rows of the second side's among the rows before `stop` of the first."""


def nearest_slabs(
    x: ArrayLike,
    z: ArrayLike,
    k: int,
    *,
    rows: int = SLAB,
    device: str = "cpu",
    precision: str = "auto",
    after: tuple[int, Nearest] | None = None,
) -> Iterator[Slab]:
    """The `k` nearest by cosine of each row of `x` (n, width) in `z` (m, width) and the other way round.

    Exact as `nearest`, up to the rounding of float32: of equal scores the lower row comes first. `k` counts at most as
    many rows as the other side has. A row that is not finite is nobody's neighbour and has none.
    rows: of a slab of either side, at least 1. Memory beside the vectors: two slabs (2 bytes a number in bfloat16, else
    4), 12 k bytes a row of `z`, and some tiles of products.
    after: `stop` and `back` of a slab of an earlier call of the same vectors, to go on behind it.
    Raises StaticembError for vectors that do not fit together, an empty side, and numbers out of range.
    """
    left, right = rows_of(x, "x"), rows_of(z, "z")
    check_request("nn", min(k, rows), precision=precision)
    check_widths(left, right)
    n_ahead, n_back = min(k, len(right)), min(k, max(len(left), 1))
    first, back = after or (0, nothing_near(len(right), n_back))
    search = Search(device, precision=precision)
    pieces = list(blocks(len(right), rows))
    for start, stop in blocks(len(left), rows):
        if stop <= first:
            continue
        asked = UnitRows(left.rows[start:stop])
        ahead = nothing_near(stop - start, n_ahead)
        found = []
        for begin, end in pieces:
            (scores, keys), (back_scores, queries) = search(asked, UnitRows(right.rows[begin:end]), n_ahead, n_back)
            ahead = _merged(ahead, Nearest(_shifted(keys, begin), scores))
            old = Nearest(back.indices[begin:end], back.scores[begin:end])
            found.append(_merged(old, Nearest(_shifted(queries, start), back_scores)))
        back = Nearest(*(np.concatenate(parts) for parts in zip(*found, strict=True)))
        yield Slab(start, stop, ahead, back)


def nearest_both(x: ArrayLike, z: ArrayLike, k: int, **options: object) -> tuple[Nearest, Nearest]:
    """What the slabs of `nearest_slabs` come to: (n, k) neighbours of the rows of `x`, and (m, k) of those of `z`."""
    slabs = list(nearest_slabs(x, z, k, **options))  # ty: ignore[invalid-argument-type]
    if not slabs:
        return nothing_near(0, k), nothing_near(len(np.asarray(z)), k)
    ahead = Nearest(*(np.concatenate(parts) for parts in zip(*(slab.ahead for slab in slabs), strict=True)))
    return ahead, slabs[-1].back


def nothing_near(n: int, k: int) -> Nearest:
    """(n, k) neighbours that were not found."""
    return Nearest(np.full((n, k), -1, dtype=np.int64), np.full((n, k), -np.inf, dtype=np.float32))


def _shifted(indices: np.ndarray, first: int) -> np.ndarray:
    return np.where(indices >= 0, indices + first, -1)


def _merged(one: Nearest, other: Nearest) -> Nearest:
    scores = np.concatenate([one.scores, other.scores], axis=1)
    best, chosen = best_labels(scores, np.concatenate([one.indices, other.indices], axis=1), one.scores.shape[1])
    return Nearest(chosen, best)
