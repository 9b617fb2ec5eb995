"""All products of two sets of vectors, computed once and in blocks, of which only those above a threshold are kept."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from xl_staticemb.errors import StaticembError
from xl_staticemb.mapping.ranked import Ranked

# Products of one block of rows: 512 rows of 20,000 columns, 41 MB; more on a device that gains by it.
_BLOCK_CPU, _BLOCK_OTHER = 10_240_000, 1 << 26
# of which so many are compared at a time on a CPU, to stay in its cache
_SLICE = 640_000
# bfloat16 keeps 8 bits: a share of 2^-9 is lost of each of two vectors and of their product, as a bound
_BFLOAT16 = 0.006
_PAIRS = 4096  # candidates scored again at a time


@dataclass(frozen=True)
class Candidates:
    """Some of the products x_i.z_j: `rows` i and `columns` j (m,) int64, `scores` (m,) float32."""

    rows: Tensor
    columns: Tensor
    scores: Tensor

    def turned(self) -> "Candidates":
        """The same seen from the other side."""
        return Candidates(self.columns, self.rows, self.scores)

    def ranked(self, scores: Tensor, bounds: Tensor) -> Ranked:
        """The candidates grouped by row, those alone whose `scores` (m,) reach their row's bound (n_rows,)."""
        inside = scores >= bounds[self.rows]
        return Ranked(self.rows[inside], self.columns[inside], scores[inside], len(bounds))

    @classmethod
    def none(cls, device: torch.device) -> "Candidates":
        """No candidates."""
        empty = torch.empty(0, dtype=torch.int64, device=device)
        return cls(empty, empty, torch.empty(0, device=device))


@dataclass(frozen=True)
class Thresholds:
    """What one side asks for: all products of its row i from `raw[i]` on, and those from `score[i] + offset[j]` on.

    `raw`, `score` (n,) are of this side's rows, `offset` (n_other,) is of the other's.
    """

    raw: Tensor
    score: Tensor
    offset: Tensor


def sweep_candidates(
    x: Tensor, z: Tensor, of_x: Thresholds, of_z: Thresholds, *, precision: str = "float32", most: int | None = None
) -> Candidates | None:
    """The products of `x` (n_x, k) with `z` (n_z, k) that at least one of the two sides asks for, in float32.

    None if there are more than `most` of them.

    With precision bfloat16 the candidates are found in half the bits, with thresholds lowered by what that can lose,
    and then scored in float32.
    """
    half = precision == "bfloat16"
    slack = _BFLOAT16 * largest_norm(x) * largest_norm(z) if half else 0.0
    keys = z.bfloat16() if half else z
    n_columns = len(z)
    block = max(1, (_BLOCK_CPU if x.device.type == "cpu" else _BLOCK_OTHER) // n_columns)
    step = max(1, _SLICE // n_columns) if x.device.type == "cpu" else block
    products = x.new_empty((0 if half else min(block, len(x)), n_columns))
    bounds, others = x.new_empty((2, min(step, len(x)), n_columns))
    # eight flags at a time are looked through; the last few stay unset
    flags = torch.zeros(-(-bounds.numel() // 8) * 8, dtype=torch.bool, device=x.device)
    blocks: list[tuple[Tensor, Tensor]] = []
    n_found = 0
    for start in range(0, len(x), block):
        queries = x[start : start + block]
        scores = queries.bfloat16() @ keys.T if half else multiply(queries, keys, products[: len(queries)])
        for low in range(0, len(queries), step):
            part = scores[low : low + step].float()
            first, n_rows = start + low, len(part)
            rows = slice(first, first + n_rows)
            bound, other = bounds[:n_rows], others[:n_rows]
            torch.minimum(of_x.raw[rows, None], of_z.raw[None, :], out=bound)
            torch.add(of_x.score[rows, None], of_x.offset[None, :], out=other)
            torch.minimum(bound, other, out=bound)
            torch.add(of_z.offset[rows, None], of_z.score[None, :], out=other)
            torch.minimum(bound, other, out=bound)
            if half:
                bound -= slack
            places = _above(part, bound, flags)
            n_found += len(places)
            if most is not None and n_found > most:
                return None
            blocks.append((places + first * n_columns, part.reshape(-1)[places]))
    places = torch.cat([place for place, _ in blocks])
    scores = torch.cat([score for _, score in blocks])
    rows = places // n_columns
    columns = places - rows * n_columns
    return Candidates(rows, columns, _scored(x, z, rows, columns) if half else scores)


def torch_device(name: str) -> torch.device:
    """The torch device of that name. Raises StaticembError where this machine has none."""
    try:
        return torch.zeros(1, device=name).device
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        message = f"device {name!r} cannot be used here ({reason}); it can be cpu, or cuda where there is such a device"
        raise StaticembError(message) from None


def multiply(x: Tensor, z: Tensor, out: Tensor | None = None) -> Tensor:
    """X z^T in float32, into `out` where it is given."""
    if x.device.type != "cpu":
        return torch.mm(x, z.T, out=out)
    # on processors without the vendor's own library numpy's product is a quarter faster than torch's
    result = np.matmul(x.numpy(), z.numpy().T, out=None if out is None else out.numpy())
    return torch.from_numpy(result)


def _above(scores: Tensor, bounds: Tensor, flags: Tensor) -> Tensor:
    """Flat places of the scores that reach their bound; `flags` is room for one flag a score."""
    n_scores = scores.numel()
    flags[n_scores:] = False
    reached = flags[:n_scores].view(scores.shape)
    if scores.device.type == "cpu":  # four times the speed of torch's comparison
        np.greater_equal(scores.numpy(), bounds.numpy(), out=reached.numpy())
    else:
        torch.ge(scores, bounds, out=reached)
    eights = flags.view(torch.int64).nonzero()[:, 0]  # few are set, so most eights are empty
    which, lane = flags.view(-1, 8)[eights].nonzero().unbind(1)
    return eights[which] * 8 + lane


def _scored(x: Tensor, z: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    scores = x.new_empty(len(rows))
    size = _PAIRS if x.device.type == "cpu" else _BLOCK_OTHER // x.shape[1]
    for start in range(0, len(rows), size):
        part = slice(start, start + size)
        torch.sum(x[rows[part]] * z[columns[part]], dim=1, out=scores[part])
    return scores


def largest_norm(rows: Tensor) -> float:
    """Length of the longest row."""
    return float(torch.linalg.vector_norm(rows, dim=1).max())
