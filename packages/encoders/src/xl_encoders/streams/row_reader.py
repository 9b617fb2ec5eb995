"""Rows taken out of chunks in rising order, going on where the last call stopped instead of decoding a chunk again."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xl_encoders.errors import EncoderError
from xl_encoders.streams.columnar_files import TextFile, file_errors, file_state, open_text_file
from xl_encoders.streams.text_index import TextIndex, as_text

# Files that stay open.
_N_FILES = 32


@dataclass
class _Cursor:
    """A half-read chunk: `batch` holds the rows from `start`, `rest` gives those behind it."""

    chunk: int
    start: int
    batch: Any
    rest: Iterator[Any]


class RowReader:
    """Takes rows from the files of an index.

    columns: what is read, all of them text. n_cursors: half-read chunks that stay open.
    reach: a half-read chunk is used again for rows at most so many behind its place; else it is read from its start.
    """

    def __init__(
        self, files: Sequence[Path], index: TextIndex, columns: Sequence[str], *, n_cursors: int, reach: int
    ) -> None:
        self._files = files
        self._states = [file_state(path) for path in files]
        self._index = index
        self._columns = list(columns)
        self._n_cursors = n_cursors
        self._reach = reach
        self._open: dict[int, TextFile] = {}
        self._cursors: list[_Cursor] = []

    def take(self, chunk: int, rows: NDArray[np.int64]) -> list[Any]:
        """Arrow record batches of `rows`, counted from the chunk's start, rising; all columns 64-bit strings.

        Raises EncoderError for a file that has changed or cannot be read any more.
        """
        import pyarrow as pa

        path = self._files[int(self._index.chunk_files[chunk])]
        parts = []
        with file_errors(path):
            cursor = self._cursor(chunk, int(rows[0]))
            done = 0
            while done < len(rows):
                stop = cursor.start + cursor.batch.num_rows
                n_here = int(np.searchsorted(rows, stop)) - done
                if n_here:
                    part = cursor.batch.take(pa.array(rows[done : done + n_here] - cursor.start))
                    parts.append(pa.record_batch([as_text(column) for column in part.columns], names=self._columns))
                    done += n_here
                if done < len(rows):
                    batch = next(cursor.rest, None)
                    if batch is None:
                        message = f"{path} ends before row {rows[-1]} of chunk {chunk}; check the file or leave it out."
                        raise EncoderError(message)
                    cursor.start, cursor.batch = stop, batch
        self._keep(cursor)
        return parts

    def _cursor(self, chunk: int, row: int) -> _Cursor:
        near = [cursor for cursor in self._cursors if cursor.chunk == chunk and 0 <= row - cursor.start <= self._reach]
        if near:
            cursor = max(near, key=lambda cursor: cursor.start)
            self._cursors.remove(cursor)
            return cursor
        rest = self._file(chunk).read(int(self._index.chunk_numbers[chunk]), self._columns)
        return _Cursor(chunk, 0, next(rest), rest)

    def _keep(self, cursor: _Cursor) -> None:
        start, stop = self._index.chunk_starts[cursor.chunk : cursor.chunk + 2].tolist()
        if cursor.start + cursor.batch.num_rows < stop - start:
            self._cursors = [*self._cursors[1 - self._n_cursors :], cursor]

    def _file(self, chunk: int) -> TextFile:
        number = int(self._index.chunk_files[chunk])
        path = self._files[number]
        file = self._open.pop(number, None)
        if file is None:
            file = open_text_file(path)
        if file_state(path) != self._states[number]:
            message = f"{path} has changed since the stream was opened; start the run again."
            raise EncoderError(message)
        self._open[number] = file
        while len(self._open) > _N_FILES:
            del self._open[next(iter(self._open))]
        return file


class ResidentRows:
    """All texts of a few rare languages, read once, at the first use, and kept.

    codes: numbers of the languages in the index. chunks: those that any text is asked of.
    """

    def __init__(self, reader: RowReader, index: TextIndex, codes: Collection[int], chunks: Iterable[int]) -> None:
        self._reader = reader
        self._index = index
        self._codes = frozenset(codes)
        self._chunks = chunks
        self._rows = np.empty(0, dtype=np.int64)
        self._table: Any = None

    def __contains__(self, code: object) -> bool:
        return code in self._codes

    def take(self, rows: NDArray[np.int64]) -> list[Any]:
        """Arrow record batches of `rows`, counted across all files; each is of one of the languages."""
        import pyarrow as pa

        if self._table is None:
            self._load()
        return self._table.take(pa.array(np.searchsorted(self._rows, rows))).to_batches()

    def _load(self) -> None:
        import pyarrow as pa

        parts: list[Any] = []
        numbers: list[NDArray[np.int64]] = []
        codes = np.array(sorted(self._codes))
        for chunk in self._chunks:
            rows = self._index.rows(chunk)
            start = self._index.chunk_starts[chunk]
            rows = rows[np.isin(self._index.codes[start + rows], codes)]
            if len(rows):
                parts += self._reader.take(chunk, rows)
                numbers.append(start + rows)
        self._table = pa.Table.from_batches(parts).combine_chunks()
        self._rows = np.concatenate(numbers)
