"""All scalar products of two sets of vectors, tile by tile; of each row only the best are kept.

A tile of products stays in the cache. It is compared with a threshold a row and a column, the k-th best so far, and
only what passes is scored again from the vectors in float32 and merged. On processors with bfloat16 products the tile
is made of those: four times as fast as float32, and still exact, since the thresholds are lowered by a bound of the
rounding error. One sweep serves both sides.
"""

import time
import warnings
from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from xl_staticemb.search._running_top import RunningTop
from xl_staticemb.search._unit_rows import Floats, UnitRows, blocks

TILE = 2048  # rows and columns: 8 MiB of bfloat16 products
_SAMPLE = 512  # partners that the first thresholds are taken from
_DENSE = 16  # a tile with more than one survivor in so many products is merged whole
# Sums of float32 products differ by their order; for rows of length 1 and some thousand numbers by less than this.
_SUM_ERROR = np.float32(1e-5)


def sweep(
    left: UnitRows,
    right: UnitRows,
    n_left: int,
    n_right: int,
    *,
    floor: Floats | None = None,
    tile: int = TILE,
    precision: str = "auto",
) -> tuple[RunningTop, RunningTop]:
    """The `n_left` best partners on the right of each left row, and the other way round; 0 skips a side.

    `floor` (n rows of the left) are known lower bounds of scores worth keeping. Memory beside the vectors: two bytes a
    number of the right side in bfloat16 (four in float32), 8 bytes a kept pair, and some tiles.
    """
    low = precision == "bfloat16" or (precision == "auto" and fast_bfloat16())
    kind = torch.bfloat16 if low else torch.float32
    given = None if floor is None else floor.astype(np.float32) - _SUM_ERROR
    tops = (
        RunningTop(len(left), n_left, _first_floor(left, right, n_left) if given is None and n_left else given),
        RunningTop(len(right), n_right, _first_floor(right, left, n_right) if n_right else None),
    )
    penalised = right.penalty is not None
    z_rows = torch.empty((len(right), right.width + 3 * penalised), dtype=kind)
    z_errors = np.empty(len(right), dtype=np.float32)
    for start, stop in blocks(len(right), tile):
        z_rows[start:stop], z_errors[start:stop] = _rounded(right, slice(start, stop), kind)
    for x_part in (slice(*block) for block in blocks(len(left), tile)):
        x_tile, x_errors = _rounded(left, x_part, kind, ones=penalised)
        for z_part in (slice(*block) for block in blocks(len(right), tile)):
            # |xz - x'z'| <= |x - x'| |z| + |x'| |z - z'|, with the largest of each in place of its own
            x_error, z_error = x_errors.max(), z_errors[z_part].max()
            slack = x_error + (1 + x_error) * z_error + _SUM_ERROR
            _harvest(x_tile @ z_rows[z_part].T, slack, left, right, x_part, z_part, tops)
    return tops


def _rounded(side: UnitRows, part: slice, kind: torch.dtype, *, ones: bool = False) -> tuple[Tensor, Floats]:
    """Some rows in the precision of the products, and the length of what each lost.

    Three more columns carry the penalty of the right side, or on the left the ones that it is multiplied with.
    """
    exact = torch.from_numpy(side.part(part))
    rounded = exact.to(kind)
    errors = torch.linalg.vector_norm(exact - rounded.float(), dim=1).numpy()
    if side.penalty is not None:
        rounded = torch.cat([rounded, _split(torch.from_numpy(-side.penalty[part]), kind)], dim=1)
    if ones:
        rounded = torch.cat([rounded, torch.ones(len(rounded), 3, dtype=kind)], dim=1)
    return rounded, errors


def _split(numbers: Tensor, kind: torch.dtype) -> Tensor:
    """float32 numbers (n,) as (n, 3) numbers of less precision whose sum they are."""
    numbers = torch.nan_to_num(numbers)
    parts = []
    for _ in range(3):
        parts.append(numbers.to(kind))
        numbers = numbers - parts[-1].float()
    return torch.stack(parts, dim=1)


def _first_floor(rows: UnitRows, others: UnitRows, k: int) -> Floats:
    """A lower bound of each row's k-th best score, from some of the others; -inf where they are too few."""
    usable = np.flatnonzero(others.valid)
    if usable.size < k:
        return np.full(len(rows), -np.inf, dtype=np.float32)
    n_sample = min(usable.size, max(_SAMPLE, 4 * k))
    sample = usable[np.linspace(0, usable.size - 1, n_sample).astype(np.int64)]
    sample = np.unique(sample)
    if sample.size < k:
        return np.full(len(rows), -np.inf, dtype=np.float32)
    partners = torch.from_numpy(others.part(sample))
    floors = []
    for start, stop in blocks(len(rows), TILE):
        scores = torch.from_numpy(rows.part(slice(start, stop))) @ partners.T
        if others.penalty is not None:
            scores -= torch.from_numpy(others.penalty[sample])
        floors.append(torch.topk(scores, k, dim=1, sorted=False).values.amin(dim=1))
    return torch.cat(floors).numpy() - _SUM_ERROR if floors else np.zeros(0, dtype=np.float32)


def _harvest(
    products: Tensor,
    slack: np.floating,
    left: UnitRows,
    right: UnitRows,
    x_part: slice,
    z_part: slice,
    tops: tuple[RunningTop, RunningTop],
) -> None:
    """Merge what a tile of products holds above the thresholds of its rows and of its columns."""
    parts = ((tops[0], x_part), (tops[1], z_part))
    floors = [top.floor[part] - slack if top.k else np.full_like(top.floor[part], np.inf) for top, part in parts]
    passed = _passed(products, *(torch.from_numpy(floor).to(products.dtype) for floor in floors))
    hits = np.flatnonzero(passed)
    if hits.size > passed.size // _DENSE:
        hits = _thinned(left, right, x_part, z_part, tops, passed)
    rows, columns = np.divmod(hits, products.shape[1])
    scores = pair_scores(left, right, x_part, z_part, rows, columns)
    rows += x_part.start
    columns += z_part.start
    if tops[0].k:
        tops[0].add(rows, columns, scores)
    if tops[1].k:
        good = np.flatnonzero(scores >= tops[1].floor[columns])
        order = good[np.argsort(columns[good], kind="stable")]
        tops[1].add(columns[order], rows[order], scores[order])


def _passed(products: Tensor, of_rows: Tensor, of_columns: Tensor) -> NDArray[np.bool_]:
    """Which products reach the threshold of their row or of their column, (n_rows, n_columns)."""
    tables = [products, of_rows, of_columns]
    if products.dtype == torch.bfloat16:
        scores, rows, columns = (table.view(torch.int16).numpy() for table in tables)
        # Bits of numbers from 0 on sort like the numbers, and those below 0 are below them as whole numbers too.
        if min(rows.min(), columns.min()) < 0:
            scores, rows, columns = (_monotone(bits) for bits in (scores, rows, columns))
    else:
        scores, rows, columns = (table.numpy() for table in tables)
    passed = scores >= columns[None, :]
    passed |= scores >= rows[:, None]
    return passed


def _monotone(bits: NDArray[np.int16]) -> NDArray[np.int16]:
    return bits ^ ((bits >> 15) & np.int16(0x7FFF))


def pair_scores(
    left: UnitRows,
    right: UnitRows,
    x_part: slice,
    z_part: slice,
    rows: NDArray[np.int64],
    columns: NDArray[np.int64],
) -> Floats:
    """Cosine less penalty of some pairs of two parts, in float32; NaN where one of the two is not valid.

    `rows`, ascending, and `columns` count from the beginning of each part.
    """
    n_rows, n_columns = x_part.stop - x_part.start, z_part.stop - z_part.start
    starts = np.zeros(n_rows + 1, dtype=np.int64)
    np.cumsum(np.bincount(rows, minlength=n_rows), out=starts[1:])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # sparse matrices of torch say that they are new
        pattern = torch.sparse_csr_tensor(
            *(torch.from_numpy(array) for array in (starts, columns)),
            torch.zeros(rows.size),
            (n_rows, n_columns),
            check_invariants=False,
        )
        products = torch.sparse.sampled_addmm(pattern, left.tensor[x_part], right.tensor[z_part].T, beta=0.0)
    scores = products.values().numpy() * (left.scale[x_part][rows] * right.scale[z_part][columns]).astype(np.float32)
    scores[~(left.valid[x_part][rows] & right.valid[z_part][columns])] = np.nan
    return scores if right.penalty is None else scores - right.penalty[z_part][columns]


def _thinned(
    left: UnitRows,
    right: UnitRows,
    x_part: slice,
    z_part: slice,
    tops: tuple[RunningTop, RunningTop],
    passed: NDArray[np.bool_],
) -> NDArray[np.int64]:
    """Survivors of a tile in which very many passed, as in the first or where vectors are alike: its own best only."""
    scores = torch.from_numpy(left.part(x_part) @ right.part(z_part).T)
    if right.penalty is not None:
        scores -= torch.from_numpy(right.penalty[z_part])
    if not left.valid[x_part].all():
        scores[torch.from_numpy(~left.valid[x_part])] = -torch.inf
    if not right.valid[z_part].all():
        scores[:, torch.from_numpy(~right.valid[z_part])] = -torch.inf
    keep = torch.zeros(scores.shape, dtype=torch.bool)
    for top, table, kept in ((tops[0], scores, keep), (tops[1], scores.T, keep.T)):
        if top.k:
            kept |= _best_in_row(table, min(top.k, table.shape[1]))
    return np.flatnonzero(keep.numpy() & passed)


def _best_in_row(scores: Tensor, k: int) -> Tensor:
    """Marks the `k` best of each row (n, m); of equal ones those that come first."""
    worst = torch.topk(scores, k, dim=1).values[:, -1:]
    above, level = scores > worst, scores == worst
    room = k - above.sum(dim=1, keepdim=True)
    return above | (level & (level.cumsum(dim=1, dtype=torch.int32) <= room))


@cache
def fast_bfloat16() -> bool:
    """Whether this processor multiplies matrices faster in bfloat16 than in float32: found out by doing so."""
    times = {}
    for kind in (torch.bfloat16, torch.float32):
        rows = torch.ones(512, 256, dtype=kind)
        best = float("inf")
        for _ in range(4):
            start = time.perf_counter()
            rows @ rows.T
            best = min(best, time.perf_counter() - start)
        times[kind] = best
    return times[torch.bfloat16] < 0.75 * times[torch.float32]
