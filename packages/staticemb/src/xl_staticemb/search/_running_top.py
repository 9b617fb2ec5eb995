"""The k best partners of each row while scored pairs come in piece by piece."""

import numpy as np
from numpy.typing import NDArray

_NOTHING = np.iinfo(np.int64).min
_LOW = np.int64(0xFFFFFFFF)


class RunningTop:
    """The best `k` (score, partner) of each of `n_rows`; of equal scores those with the lower partner.

    A pair is one int64: the float32 score's bits, made to sort like the number, above the partner's complement. So
    the order of pairs is that of whole numbers, and ties need no second look.
    """

    def __init__(self, n_rows: int, k: int, floor: NDArray[np.float32] | None = None) -> None:
        self.k = k
        # Pairs below the floor are not kept: each row's own lower bound of its k-th best score, if one is known.
        self.floor = np.full(n_rows, -np.inf, dtype=np.float32) if floor is None else floor
        self._pairs = np.full((n_rows, k), _NOTHING, dtype=np.int64)

    def add(self, rows: NDArray[np.int64], partners: NDArray[np.int64], scores: NDArray[np.float32]) -> None:
        """Take in scored pairs; `rows` ascend, and no pair comes twice. A NaN score is passed over."""
        keep = np.flatnonzero(scores >= self.floor[rows])
        if not keep.size:
            return
        if keep.size < rows.size:
            rows, partners, scores = rows[keep], partners[keep], scores[keep]
        starts = np.flatnonzero(np.r_[True, rows[1:] != rows[:-1]])
        touched = rows[starts]
        counts = np.diff(np.r_[starts, rows.size])
        table = np.full((touched.size, self.k + int(counts.max())), _NOTHING, dtype=np.int64)
        table[:, : self.k] = self._pairs[touched]
        places = self.k + np.arange(rows.size) - np.repeat(starts, counts)
        table[np.repeat(np.arange(touched.size), counts), places] = _packed(scores, partners)
        table.partition(table.shape[1] - self.k, axis=1)
        best = table[:, table.shape[1] - self.k :]
        self._pairs[touched] = best
        worst = best.min(axis=1)
        full = worst != _NOTHING
        self.floor[touched[full]] = np.maximum(self.floor[touched[full]], _scores(worst[full]))

    def sorted(self) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Scores (n_rows, k), best first, and partners; -inf and -1 where fewer than k were found."""
        pairs = np.sort(self._pairs, axis=1)[:, ::-1]
        filled = pairs != _NOTHING
        partners = np.where(filled, _LOW - (pairs & _LOW), -1)
        return np.where(filled, _scores(pairs), np.float32(-np.inf)), partners


def _packed(scores: NDArray[np.float32], partners: NDArray[np.int64]) -> NDArray[np.int64]:
    # -0.0 + 0.0 is 0.0: the two zeros are one number
    return (_ordered(scores + np.float32(0.0)).astype(np.int64) << 32) | (_LOW - partners)


def _scores(pairs: NDArray[np.int64]) -> NDArray[np.float32]:
    return _ordered((pairs >> 32).astype(np.int32).view(np.float32)).view(np.float32)


def _ordered(numbers: NDArray[np.float32]) -> NDArray[np.int32]:
    """Bits of float32 as whole numbers in the same order; its own inverse."""
    bits = numbers.view(np.int32)
    return bits ^ ((bits >> 31) & np.int32(0x7FFFFFFF))
