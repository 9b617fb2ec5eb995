"""In which order the rows of a corpus come, pass after pass, without an array as long as the corpus.

A pass goes through all chunks in a new random order. So that neighbours in the order are not all neighbours in one
chunk, it is cut into a few places, the places into slices, and a slice of each place follows in turn. Where the places
begin is random too, so that rows of one large chunk meet other rows in each pass.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

# Ends the seed of the chunks' order in one pass of one language; not zero, see `sampling`.
_CHUNKS = 2


class Piece(NamedTuple):
    """Rows of one chunk: those from `start` to `stop`, counted among the chunk's rows of this order alone."""

    chunk: int
    start: int
    stop: int


class RowOrder:
    """An endless order of rows: position p belongs to pass p // n_rows, and each pass has every row once.

    chunks: (n_chunks,) numbers of the chunks that hold any of the rows.
    counts: (n_chunks,) how many each of them holds, at least one.
    seed, stream: orders of unlike streams of a seed differ.
    n_places: places of a pass that are read in turn. slice_len: rows of a slice, about.
    """

    def __init__(
        self,
        chunks: NDArray[np.int64],
        counts: NDArray[np.int64],
        *,
        seed: int,
        stream: int,
        n_places: int,
        slice_len: int,
    ) -> None:
        self.n_rows = int(counts.sum())
        self._chunks = chunks
        self._counts = counts
        self._seed = seed
        self._stream = stream
        self._n_places = n_places
        self._n_columns = -(-self.n_rows // (n_places * max(1, slice_len)))
        self._passes: dict[int, _Pass] = {}

    def pieces(self, start: int, stop: int) -> Iterator[Piece]:
        """The rows at positions `start` to `stop`, in order."""
        while start < stop:
            number, place = divmod(start, self.n_rows)
            n_here = min(stop - start, self.n_rows - place)
            yield from self._pass_pieces(number, place, place + n_here)
            start += n_here

    def _pass_pieces(self, number: int, start: int, stop: int) -> Iterator[Piece]:
        this = self._pass(number)
        turn = int(np.searchsorted(this.slice_ends, start, side="right"))
        while start < stop:
            end = int(this.slice_ends[turn])
            n_here = min(stop, end) - start
            # From the slice's own end, since `start` may lie inside it.
            first = int(this.slices[turn, 1]) - (end - start)
            for low, high in _turned(first, first + n_here, self.n_rows):
                yield from self._chunk_pieces(this, low, high)
            start += n_here
            turn += 1

    def _chunk_pieces(self, this: "_Pass", start: int, stop: int) -> Iterator[Piece]:
        """Rows `start` to `stop` of the chunks laid end to end in their order."""
        place = int(np.searchsorted(this.chunk_ends, start, side="right"))
        while start < stop:
            chunk = this.chunks[place]
            before = int(this.chunk_ends[place] - self._counts[chunk])
            n_here = min(stop, int(this.chunk_ends[place])) - start
            yield Piece(int(self._chunks[chunk]), start - before, start - before + n_here)
            start += n_here
            place += 1

    def _pass(self, number: int) -> "_Pass":
        """The order of a pass; the last two stay, since a window can lie across their border."""
        if number not in self._passes:
            random = np.random.default_rng([self._seed, number, self._stream, _CHUNKS])
            chunks = random.permutation(len(self._chunks))
            first = int(random.integers(self.n_rows))
            lens = np.cumsum([0, *random.integers(50, 150, self._n_places)])
            edges = (first + lens * self.n_rows // lens[-1])[:, None]
            columns = np.arange(self._n_columns + 1)
            bounds = edges[:-1] + (edges[1:] - edges[:-1]) * columns // self._n_columns
            # The first slice of each place, then the second of each place, and so on.
            slices = np.stack([bounds[:, :-1].T.ravel(), bounds[:, 1:].T.ravel()], axis=1)
            ends = np.cumsum(slices[:, 1] - slices[:, 0])
            kept = list(self._passes.items())[-1:]
            self._passes = {**dict(kept), number: _Pass(chunks, np.cumsum(self._counts[chunks]), slices, ends)}
        return self._passes[number]


class _Pass(NamedTuple):
    """One pass.

    chunks: (n_chunks,) their order. chunk_ends: (n_chunks,) rows up to the end of each, in this order.
    slices: (n_slices, 2) where each slice begins and ends among those rows; what lies beyond the last row goes on from
        the first. slice_ends: (n_slices,) positions up to the end of each slice.
    """

    chunks: NDArray[np.int64]
    chunk_ends: NDArray[np.int64]
    slices: NDArray[np.int64]
    slice_ends: NDArray[np.int64]


def _turned(start: int, stop: int, n_rows: int) -> list[tuple[int, int]]:
    """The rows from `start` to `stop` on a ring of `n_rows`, as runs without a jump; 0 <= start < stop <= 2 n_rows."""
    if stop <= n_rows:
        return [(start, stop)]
    if start >= n_rows:
        return [(start - n_rows, stop - n_rows)]
    return [(start, n_rows), (0, stop - n_rows)]
