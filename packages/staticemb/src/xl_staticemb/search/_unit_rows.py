"""Vectors looked at as if each had length 1, without a copy of them all."""

import warnings

import numpy as np
import torch
from numpy.typing import NDArray

_ROWS = 2048  # looked at together
_SHORTEST = 1e-12  # rows shorter than this, or longer than its inverse, are scaled in a copy

Floats = NDArray[np.float32]


class UnitRows:
    """Vectors (n, width), looked at as if each had length 1; not copied where they are float32.

    Rows of zeros stay zeros. A row with a number that is not finite is left out of `valid` and never scores.
    `penalty` (n,) is taken from every product with a row; only partners, the second argument of `sweep`, have one.
    """

    def __init__(self, rows: Floats, penalty: Floats | None = None) -> None:
        self.rows = np.asarray(rows, dtype=np.float32)
        with np.errstate(invalid="ignore"):
            parts = [self.rows[start:stop] for start, stop in blocks(len(self.rows), _ROWS)]
            squares = [np.einsum("nw,nw->n", part, part, dtype=np.float64) for part in parts]
            lengths = np.sqrt(np.concatenate([np.zeros(0), *squares]))
        self.valid = np.isfinite(lengths)
        some = self.valid & (lengths > 0)
        self.scale = np.divide(1.0, lengths, out=np.ones_like(lengths), where=some)
        if some.any() and not _SHORTEST < lengths[some].min() <= lengths[some].max() < 1 / _SHORTEST:
            # Products of such numbers leave the range of float32; rare enough to be copied.
            self.rows = np.where(some[:, None], self.rows * self.scale[:, None], 0.0).astype(np.float32)
            self.scale = np.ones_like(lengths)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # rows of a memory map cannot be written to, and nobody does
            self.tensor = torch.from_numpy(self.rows)
        self.penalty = penalty
        if penalty is not None:
            self.valid &= np.isfinite(penalty)

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def width(self) -> int:
        return self.rows.shape[1]

    def part(self, chosen: slice | NDArray[np.int64]) -> Floats:
        """Some of the rows, of length 1, float32; zeros in place of rows that are not valid."""
        rows = self.rows[chosen] * self.scale[chosen, None].astype(np.float32)
        rows[~self.valid[chosen]] = 0.0
        return rows

    def take(self, chosen: NDArray[np.int64]) -> "UnitRows":
        return UnitRows(self.rows[chosen], None if self.penalty is None else self.penalty[chosen])


def blocks(n_rows: int, size: int) -> list[tuple[int, int]]:
    return [(start, min(start + size, n_rows)) for start in range(0, n_rows, size)]
