"""Parquet, Arrow and JSON Lines files as numbered chunks of rows, of which a run of rows is read at a time.

A chunk is a row group (Parquet), a record batch (Arrow, file or stream format) or a run of lines. pyarrow comes with
the extra `streaming` and is loaded by the first file.
"""

from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from xl_encoders.errors import EncoderError
from xl_encoders.streams.json_lines import JsonLines

# Rows that Parquet decodes at a time.
_STEP = 2048


@dataclass(frozen=True)
class FileState:
    """Size in bytes and time of change in nanoseconds, by which a changed file is noticed."""

    n_bytes: int
    changed: int


class TextFile(Protocol):
    """One open file.

    columns: names and Arrow types.
    """

    columns: dict[str, Any]

    def chunk_lens(self) -> list[int]:
        """Rows of each chunk."""
        ...

    def read(self, chunk: int, columns: Sequence[str]) -> Iterator[Any]:
        """The record batches of `chunk` in order, with these columns alone."""
        ...


def open_text_file(path: Path) -> TextFile:
    """Open a file of one of the formats; its first bytes tell which.

    Raises EncoderError for a file that is missing, of another kind or broken.
    """
    with file_errors(path):
        with path.open("rb") as file:
            start = file.read(8)
        if start[:4] == b"PAR1":
            return _Parquet(path)
        if start[:6] == b"ARROW1":
            return _ArrowFile(path)
        if start[:4] == b"\xff\xff\xff\xff":
            return _ArrowStream(path)
        if start.lstrip()[:1] == b"{":
            return JsonLines(path)
    message = f"{path} is no Parquet, Arrow or JSON Lines file; convert it to one of them."
    raise EncoderError(message)


def file_state(path: Path) -> FileState:
    """The state of a file now; raises EncoderError where there is none."""
    with file_errors(path):
        stat = path.stat()
    return FileState(stat.st_size, stat.st_mtime_ns)


@contextmanager
def file_errors(path: Path) -> Generator[None]:
    """Turn the errors of the system and of pyarrow into one EncoderError that names the file."""
    _check_installed()
    import pyarrow as pa

    try:
        yield
    except (OSError, pa.ArrowException, UnicodeDecodeError) as error:  # the last of names that are not UTF-8
        reason = getattr(error, "strerror", None) or str(error).strip().split("\n")[0].rstrip(".")
        message = f"{path} cannot be read ({ascii(reason)[1:-1]}); check the file or leave it out."
        raise EncoderError(message) from error


class _Parquet:
    def __init__(self, path: Path) -> None:
        from pyarrow import parquet

        # Without pre_buffer and with a small buffer a row group is read page by page, never as a whole.
        self._file = parquet.ParquetFile(path, buffer_size=1 << 18, pre_buffer=False)
        self.columns = _columns(self._file.schema_arrow)

    def chunk_lens(self) -> list[int]:
        metadata = self._file.metadata
        return [metadata.row_group(i).num_rows for i in range(metadata.num_row_groups)]

    def read(self, chunk: int, columns: Sequence[str]) -> Iterator[Any]:
        return self._file.iter_batches(_STEP, row_groups=[chunk], columns=list(columns), use_threads=False)


class _ArrowFile:
    """Memory-mapped: uncompressed record batches are read only where rows are taken, compressed ones as a whole."""

    def __init__(self, path: Path) -> None:
        import pyarrow as pa

        self._source = pa.memory_map(str(path))
        with pa.ipc.open_file(self._source) as reader:
            self.columns = _columns(reader.schema)
            self._names = reader.schema.names

    def chunk_lens(self) -> list[int]:
        reader = self._reader(self._names[:1])
        return [reader.get_batch(i).num_rows for i in range(reader.num_record_batches)]

    def read(self, chunk: int, columns: Sequence[str]) -> Iterator[Any]:
        yield self._reader(columns).get_batch(chunk).select(list(columns))

    def _reader(self, columns: Sequence[str]) -> Any:
        import pyarrow as pa

        fields = sorted(self._names.index(name) for name in columns)
        options = pa.ipc.IpcReadOptions(use_threads=False, included_fields=fields)
        return pa.ipc.open_file(self._source, options=options)


class _ArrowStream:
    """Memory-mapped; where each record batch begins is found once."""

    def __init__(self, path: Path) -> None:
        import pyarrow as pa

        self._source = pa.memory_map(str(path))
        self._schema = pa.ipc.open_stream(self._source).schema
        self.columns = _columns(self._schema)
        # A batch with dictionaries cannot be read without those before it.
        self._linked = "dictionary<" in str(self._schema)
        self._offsets: list[int] = []

    def chunk_lens(self) -> list[int]:
        import pyarrow as pa

        self._source.seek(0)
        reader = pa.ipc.open_stream(self._source)
        lens = []
        self._offsets = []
        while True:
            offset = self._source.tell()
            try:
                lens.append(reader.read_next_batch().num_rows)
            except StopIteration:
                return lens
            self._offsets.append(offset)

    def read(self, chunk: int, columns: Sequence[str]) -> Iterator[Any]:
        import pyarrow as pa

        if self._linked:
            self._source.seek(0)
            reader = pa.ipc.open_stream(self._source)
            for _ in range(chunk):
                reader.read_next_batch()
            yield reader.read_next_batch().select(list(columns))
            return
        if not self._offsets:
            self.chunk_lens()
        self._source.seek(self._offsets[chunk])
        message = pa.ipc.read_message(self._source)
        yield pa.ipc.read_record_batch(message, self._schema).select(list(columns))


def compute() -> Any:
    """Pyarrow's functions on columns, most of which it makes when it is loaded, unseen by type checkers."""
    import pyarrow.compute

    return pyarrow.compute


def _columns(schema: Any) -> dict[str, Any]:
    return {field.name: field.type for field in schema}


def _check_installed() -> None:
    try:
        import pyarrow  # noqa: F401
        import xxhash  # noqa: F401
    except ImportError as error:
        message = "reading texts as a stream needs pyarrow and xxhash; install xl-encoders[streaming]."
        raise EncoderError(message) from error
