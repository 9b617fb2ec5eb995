"""The rows of a file of word vectors for several passes: in memory if they fit, else on the disk."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryFile
from types import TracebackType
from typing import IO

import numpy as np
from numpy.typing import NDArray

from xl_staticemb.files.vector_files import VectorFile

_ROWS = 8192  # of a block


class StoredRows:
    """Words and vectors of a file, read once; a context manager.

    Up to `most_bytes` of vectors stay in memory. More go to an unnamed file in `folder` as they are read, unless the
    vectors lie in `path` as numbers already, uncompressed, and can be read again from there. `words` hold each word
    once.
    """

    def __init__(self, path: Path | str, *, limit: int | None, most_bytes: int, folder: Path) -> None:
        self._file = VectorFile(path, limit)
        self._most_bytes = most_bytes
        self._folder = folder
        self._spool: IO[bytes] | None = None
        self._held: list[NDArray[np.float32]] | None = []
        self.width = self._file.width
        self.words: list[str] = []

    def __enter__(self) -> "StoredRows":
        try:
            self._load()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._spool is not None:
            self._spool.close()

    def __len__(self) -> int:
        return len(self.words)

    def blocks(self) -> Iterator[NDArray[np.float32]]:
        """A new pass over the vectors: matrices (n, width), in order."""
        if self._held is not None:
            yield from self._held
        elif self._spool is not None:
            for start in range(0, len(self), _ROWS):
                self._spool.seek(4 * self.width * start)
                data = self._spool.read(4 * self.width * min(_ROWS, len(self) - start))
                yield np.frombuffer(data, dtype=np.float32).reshape(-1, self.width)
        else:
            for _, matrix in self._file.blocks(_ROWS):
                yield matrix

    def _load(self) -> None:
        n_bytes = 0
        for matrix in self._gathered():
            n_bytes += matrix.nbytes
            if self._held is not None:
                self._held.append(matrix)
                if n_bytes > self._most_bytes:
                    self._let_go(self._held)
            elif self._spool is not None:
                self._spool.write(matrix.data.cast("B"))

    def _gathered(self) -> Iterator[NDArray[np.float32]]:
        """Blocks of about `_ROWS` rows; their words are noted."""
        some: list[NDArray[np.float32]] = []
        for words, matrix in self._file.blocks(_ROWS):
            self.words += words
            some.append(matrix)
            if sum(map(len, some)) >= _ROWS:
                yield np.concatenate(some)
                some = []
        if some:
            yield np.concatenate(some)

    def _let_go(self, held: list[NDArray[np.float32]]) -> None:
        """From here on nothing is held in memory; what would be slow to read again goes to the disk."""
        self._held = None
        if not self._file.is_quick:
            self._spool = TemporaryFile(dir=self._folder)  # noqa: SIM115  closed by __exit__
            for matrix in held:
                self._spool.write(matrix.data.cast("B"))
