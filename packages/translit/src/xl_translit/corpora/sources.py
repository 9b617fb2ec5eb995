r"""Where the rows of a corpus come from, read as a stream: lines of text, TSV or JSON, Parquet, hub data sets.

The process that reads only cuts: it hands on raw lines (or values), and workers decode and parse them. A row's number
is its line in the file (in Parquet and hub data sets its 1-based row), so that each refusal can be written `file:line`.
"""

import gzip
import hashlib
import io
import json
import lzma
import os
import select
import sys
import zlib
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager, suppress
from copy import copy
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, Literal, Protocol, cast

from xl_translit.corpora.formats import PACKED, parquet_library
from xl_translit.corpora.storage import is_url, open_bytes, stamp
from xl_translit.errors import CorpusError, CorpusOptionError, TextError
from xl_translit.text import LONGEST_LINE, damaged, decompressing, too_long

_BOM = b"\xef\xbb\xbf"
_STDIN_BLOCK = 1 << 20  # bytes asked of a pipe at once; it gives what it has
_PACKED_TEXT = 4  # bytes of text in a compressed byte, roughly
_ROWS_LOOKED_AT = 100  # of JSON lines, for the keys there are

LineFormat = Literal["text", "tsv", "jsonl"]


@dataclass
class ReadTally:
    """What passed while a source was read: bytes as stored (compressed ones too), their SHA-256, rows."""

    n_bytes: int = 0
    n_rows: int = 0
    digest: "hashlib._Hash" = field(default_factory=hashlib.sha256)

    @property
    def sha256(self) -> str:
        """Hexadecimal hash of the bytes read so far."""
        return self.digest.hexdigest()


@dataclass(frozen=True)
class Layout:
    """How a worker finds the text in a row: picklable, one for each source.

    column: index of the text in a TSV row, or key in a JSON object; None where the row is the text.
    kept: indexes or keys of the columns that go along, in the order of the output.
    """

    name: str
    kind: Literal["text", "tsv", "jsonl", "values"]
    column: int | str | None = None
    kept: tuple[int | str, ...] = ()


class Source(Protocol):
    """One input, opened again for every reading."""

    layout: Layout
    is_stream: bool  # whether it can be read only once
    stamp: tuple[int, int] | None  # bytes in storage and time of the last change, where somebody knows

    @property
    def first_line(self) -> int:
        """Number of the first row: its line, or 1."""
        ...

    @property
    def size(self) -> int | None:
        """Bytes in storage, None where nobody knows before the end."""
        ...

    def kept_types(self) -> dict[str, Any]:
        """Arrow type of each column that goes along; empty where the source knows none (they are strings then)."""
        ...

    def rows(self, reading: ReadTally) -> Iterator[Any]:
        r"""Each row in order: bytes with their "\n" where the kind is a line's, else a list `[text, *kept]`."""
        ...

    def describe(self, reading: ReadTally) -> dict[str, Any]:
        """What the manifest says of this input after it was read to its end."""
        ...

    def spans(self, n_bytes: int) -> list[tuple[int, int | None, int]]:
        """Start, stop (None: the end) and bytes of text, roughly, of pieces of about `n_bytes` that `part` can read.

        One behind the other they are the whole; what start and stop count each kind of source knows.
        """
        ...

    def part(self, start: int, stop: int | None) -> "Source":
        """A piece as a source of its own, whose rows count from 1."""
        ...


class LineSource:
    """Lines of a file, or of standard input (`-`), that are text, TSV rows or JSON objects.

    A TSV column is a name of the header line or, written as a number, the 1-based column of a file without a header.
    Fields are what stands between TABs; quotes mean nothing.
    """

    def __init__(self, path: str, kind: LineFormat, column: str | None, keep: tuple[str, ...] = ()) -> None:
        self._path = path if path == "-" or is_url(path) else str(Path(path).absolute())  # other nodes work elsewhere
        self.name = "<stdin>" if path == "-" else path
        self.stamp = None if path == "-" else stamp(path)
        self.is_stream = self.stamp is None  # standard input, a named pipe: read once only
        self._header = False
        self._is_part, self._start, self._stop = False, 0, None
        place: int | str | None = column
        kept: tuple[int | str, ...] = keep
        if kind == "tsv" and column is not None:
            numbers = [int(name) if name.isascii() and name.isdigit() else 0 for name in (column, *keep)]
            if all(numbers):
                place, *rest = (number - 1 for number in numbers)
                kept = tuple(rest)
            elif self.is_stream:
                # where a column stands must be known before the first row, and a pipe cannot be read twice
                message = f"{self.name}: a column of TSV in a pipe is named by its number, counted from 1"
                raise CorpusOptionError(message)
            else:
                names = self._header_fields()
                place, *rest = (_place(name, names, self.name) for name in (column, *keep))
                kept = tuple(rest)
                self._header = True
        elif kind == "jsonl" and not self.is_stream:
            self._check_keys((str(column), *keep))
        self.layout = Layout(self.name, kind, place, kept)

    @property
    def size(self) -> int | None:
        """Bytes of the file; None for standard input."""
        return self.stamp[0] if self.stamp else None

    def kept_types(self) -> dict[str, Any]:
        """Nothing: TSV fields are strings, and JSON values differ from row to row."""
        return {}

    def describe(self, reading: ReadTally) -> dict[str, Any]:
        """Name, hash and size of the bytes, rows."""
        return {"name": self.name, "sha256": reading.sha256, "bytes": reading.n_bytes, "rows": reading.n_rows}

    def rows(self, reading: ReadTally) -> Generator[bytes]:
        r"""Each line with its "\n"; the header of a TSV file and a byte-order mark are left out."""
        with self._open(reading) as (stream, stored):
            n_lines = 0
            if self._stop is not None:
                lines = _lines_within(stream, self._start, self._stop)
            else:
                lines = iter(partial(stream.readline, LONGEST_LINE + 1), b"")
            try:
                for raw in lines:
                    n_lines += 1
                    if len(raw) > LONGEST_LINE:
                        raise too_long(self.name, n_lines)
                    if n_lines == 1 and not self._start:
                        if raw == _BOM:
                            continue
                        raw = raw.removeprefix(_BOM)
                        if self._header:
                            continue
                    reading.n_rows += 1
                    yield raw
                while stored.read(1 << 20):  # what a decompressor leaves at the end belongs to the file's hash
                    pass
            except (EOFError, zlib.error, lzma.LZMAError, gzip.BadGzipFile) as error:
                raise damaged(self.name, n_lines, error) from None

    @property
    def first_line(self) -> int:
        """Number of the line that the first row is."""
        return 2 if self._header and not self._is_part else 1

    def spans(self, n_bytes: int) -> list[tuple[int, int | None, int]]:
        """Bytes of the file; compressed data has to be read from its start, so it is one piece."""
        size = self.size or 0
        if self._path.endswith(PACKED):
            return [(0, None, _PACKED_TEXT * size)]
        return [(start, min(start + n_bytes, size), min(n_bytes, size - start)) for start in range(0, size, n_bytes)]

    def part(self, start: int, stop: int | None) -> "LineSource":
        """The lines whose first byte is one of these."""
        piece = copy(self)
        piece._is_part, piece._start, piece._stop = True, start, stop
        return piece

    def blocks(self) -> Iterator[list[bytes] | None]:
        """Standard input as it comes: whole lines that are there, or None before a read that would have to wait."""
        read, ready = _stdin_reader()
        rest = bytearray()
        first = True
        while True:
            if not ready():
                yield None
            block = read(_STDIN_BLOCK)
            if not block:
                break
            rest += block
            if first and (len(rest) >= len(_BOM) or b"\n" in rest):
                rest, first = rest.removeprefix(_BOM), False
            cut = rest.rfind(b"\n", max(0, len(rest) - len(block))) + 1
            if cut:
                yield _lines(bytes(rest[:cut]))
                del rest[:cut]
            if len(rest) > LONGEST_LINE:
                message = f"{self.name}: a line is longer than {LONGEST_LINE >> 20} MiB; is this a text, line by line?"
                raise TextError(message)
        if rest.removeprefix(_BOM):
            yield [bytes(rest)]

    @contextmanager
    def _open(self, reading: ReadTally) -> Generator[tuple[BinaryIO, BinaryIO]]:
        """The lines, and the stored bytes below them."""
        if self._path == "-":
            stream = cast("BinaryIO", io.BufferedReader(_Counted(sys.stdin.buffer, reading)))
            yield stream, stream
            return
        with open_bytes(self._path) as file:
            if self._start:
                file.seek(self._start - 1)
            block = 1 << 22 if is_url(self._path) else 1 << 17  # a store answers each request late
            counted = cast("BinaryIO", io.BufferedReader(_Counted(file, reading), block))
            stream = decompressing(counted, Path(self._path).suffix)
            if stream is not counted:  # the readers of gzip and xz give lines slowly; a buffer around them does it in C
                stream = cast("BinaryIO", io.BufferedReader(cast("Any", stream), 1 << 17))
            yield stream, counted

    def _first_line(self) -> bytes:
        with self._open(ReadTally()) as (stream, _):
            try:
                return stream.readline(LONGEST_LINE).removeprefix(_BOM)
            except (EOFError, zlib.error, lzma.LZMAError, gzip.BadGzipFile) as error:
                raise damaged(self.name, 0, error) from None

    def _header_fields(self) -> list[str]:
        try:
            line = self._first_line().decode("utf-8").removesuffix("\n")
            return line.removesuffix("\r").split("\t")
        except UnicodeDecodeError:
            message = f"{self.name}:1: the header is not UTF-8; re-encode the file, e.g. with iconv -t UTF-8"
            raise TextError(message) from None

    def _check_keys(self, names: tuple[str, ...]) -> None:
        """Refuse a key that none of the first objects has, naming theirs; other faults are the rows' own affair."""
        keys: dict[str, None] = {}
        with closing(self.rows(ReadTally())) as rows:
            for raw in islice(rows, _ROWS_LOOKED_AT):
                with suppress(ValueError, RecursionError):
                    row = json.loads(raw)
                    keys.update(dict.fromkeys(row if isinstance(row, dict) else ()))
        for name in names if keys else ():
            _place(name, list(keys), self.name, "key")


class ParquetSource:
    """The rows of a Parquet file; `column` must hold strings."""

    def __init__(self, path: str, column: str, keep: tuple[str, ...] = ()) -> None:
        parquet_library()
        from pyarrow import ArrowException, types

        self.name = path
        self._path = path if is_url(path) else str(Path(path).absolute())
        try:
            with _parquet_file(self._path) as file:
                self._schema = file.schema_arrow
            self.stamp = stamp(path)
        except (ArrowException, OSError, UnicodeDecodeError) as error:  # the last of names that are not UTF-8
            message = f"{path}: is no Parquet file that could be read ({shown(error)}); check that it is complete"
            raise CorpusError(message) from None
        for name in (column, *keep):
            _place(name, self._schema.names, path)
        kind = self._schema.field(column).type
        if types.is_dictionary(kind):
            kind = kind.value_type
        if not (types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind)):
            texts = [f.name for f in self._schema if types.is_string(f.type) or types.is_large_string(f.type)]
            columns = ", ".join(map(shown, texts)) or "none"
            message = f"{path}: column {column!r} holds {kind}, not text; columns of text: {columns}"
            raise CorpusOptionError(message)
        self._columns = [column, *keep]
        self._groups: range | None = None
        self.layout = Layout(path, "values", column, keep)

    first_line = 1
    is_stream = False

    @property
    def size(self) -> int | None:
        """Bytes of the file."""
        return self.stamp[0] if self.stamp else None

    def kept_types(self) -> dict[str, Any]:
        """Arrow types as the file states them."""
        return {name: self._schema.field(name).type for name in self._columns[1:]}

    def rows(self, reading: ReadTally) -> Iterator[list[Any]]:
        """Each row as `[text, *kept]`."""
        from pyarrow import ArrowException

        # the reader jumps about in the file, so its bytes are hashed in a pass of their own
        if self._groups is None:
            with open_bytes(self._path) as file:
                while block := file.read(1 << 20):
                    reading.digest.update(block)
        n_total, n_before = 0, reading.n_rows
        try:
            with _parquet_file(self._path) as file:
                groups = range(file.metadata.num_row_groups) if self._groups is None else self._groups
                n_total = sum(file.metadata.row_group(group).num_rows for group in groups)
                batches = file.iter_batches(4096, row_groups=self._groups, columns=self._columns, use_threads=False)
                for batch in batches:
                    columns = [batch.column(batch.schema.get_field_index(name)).to_pylist() for name in self._columns]
                    for row in zip(*columns, strict=True):
                        reading.n_rows += 1
                        yield list(row)
                    reading.n_bytes = (self.size or 0) * reading.n_rows // max(n_total, 1)
        except (ArrowException, OSError, UnicodeDecodeError) as error:
            message = (
                f"{self.name}: Parquet data is damaged after row {reading.n_rows} ({shown(error)}); fetch it again"
            )
            raise CorpusError(message) from None
        if reading.n_rows - n_before != n_total:
            message = f"{self.name}: {reading.n_rows - n_before} rows came of {n_total} promised; fetch it again"
            raise CorpusError(message)

    def describe(self, reading: ReadTally) -> dict[str, Any]:
        """Name, hash and size of the file, rows."""
        return {"name": self.name, "sha256": reading.sha256, "bytes": self.size, "rows": reading.n_rows}

    def spans(self, n_bytes: int) -> list[tuple[int, int | None, int]]:
        """Row groups."""
        with _parquet_file(self._path) as file:
            groups = [file.metadata.row_group(number) for number in range(file.num_row_groups)]
        return [(number, number + 1, group.total_byte_size) for number, group in enumerate(groups)]

    def part(self, start: int, stop: int | None) -> "ParquetSource":
        """These row groups."""
        piece = copy(self)
        piece._groups = range(start, stop or 0)
        return piece


class HubSource:
    """A split of a data set of the Hugging Face hub, streamed; its hash is that of the rows' text, in order."""

    first_line = 1
    is_stream = False
    stamp = None

    def __init__(
        self, name: str, column: str, keep: tuple[str, ...], *, split: str, config: str | None, revision: str | None
    ) -> None:
        self.name = f"{name}:{split}" if config is None else f"{name}/{config}:{split}"
        self._load = {"path": name, "name": config, "split": split, "revision": revision}
        self._columns = [column, *keep]
        self._data = self._open()
        names = self._data.column_names
        if names is None:
            names = list(next(iter(self._data), {}))
        for wanted in self._columns:
            _place(wanted, names, self.name)
        self.layout = Layout(self.name, "values", column, keep)

    @property
    def size(self) -> int | None:
        """Nobody knows before the end."""
        return None

    def kept_types(self) -> dict[str, Any]:
        """Arrow types where the data set states its features."""
        if self._data.features is None:
            return {}
        schema = self._data.features.arrow_schema
        return {name: schema.field(name).type for name in self._columns[1:]}

    def rows(self, reading: ReadTally) -> Iterator[list[Any]]:
        """Each row as `[text, *kept]`."""
        for row in self._data.select_columns(self._columns):
            values = [row[name] for name in self._columns]
            packed = str(values[0]).encode("utf-8", "surrogatepass")
            reading.digest.update(packed + b"\n")
            reading.n_bytes += len(packed) + 1
            reading.n_rows += 1
            yield values

    def describe(self, reading: ReadTally) -> dict[str, Any]:
        """Id, revision as asked for, hash of the text, rows."""
        about = {"name": self.name, "revision": self._load["revision"], "text_sha256": reading.sha256}
        return {**about, "rows": reading.n_rows}

    def spans(self, n_bytes: int) -> list[tuple[int, int | None, int]]:
        """Files of the data set, as `datasets` counts them; nobody knows their sizes."""
        return [(number, number + 1, n_bytes) for number in range(self._data.num_shards)]

    def part(self, start: int, stop: int | None) -> "HubSource":
        """These files; start and stop follow one another."""
        piece = copy(self)
        piece._data = self._data.shard(num_shards=self._data.num_shards, index=start)
        return piece

    def _open(self) -> Any:
        try:
            import datasets
        except ImportError:
            message = f"{self.name}: a data set of the hub needs `datasets`; pip install 'xl-translit[corpora]'"
            raise CorpusError(message) from None
        load: Any = datasets.load_dataset  # its overloads do not take a dict of arguments
        try:
            return load(**self._load, streaming=True)
        except (OSError, ValueError, RuntimeError) as error:  # its errors of absence and network derive from these
            reason = " ".join(str(error).split())
            message = f"{self.name}: no file of this name, and no data set of the hub could be opened ({reason})"
            raise CorpusError(message) from None


class _Counted(io.RawIOBase):
    """Bytes on their way: counted and hashed."""

    def __init__(self, raw: Any, reading: ReadTally) -> None:
        self._raw = raw
        self._reading = reading

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        # a buffered standard input must give what it has and not wait for a full block
        data = self._raw.read1(len(buffer)) if hasattr(self._raw, "read1") else self._raw.read(len(buffer))
        self._reading.digest.update(data)
        self._reading.n_bytes += len(data)
        buffer[: len(data)] = data
        return len(data)


def _stdin_reader() -> tuple[Any, Any]:
    """How to read what is there, and whether something is: below Python's buffer where there is a descriptor."""
    buffer = cast("io.BufferedReader", sys.stdin.buffer)
    try:
        number = buffer.fileno()
    except (OSError, io.UnsupportedOperation):
        return buffer.read1, lambda: True
    if os.name != "posix":
        return buffer.read1, lambda: False
    return (lambda size: os.read(number, size)), lambda: bool(select.select([number], [], [], 0)[0])


def _lines_within(stream: BinaryIO, start: int, stop: int) -> Iterator[bytes]:
    """Lines that begin at the bytes from `start` to `stop` of a file that is read from the byte in front of `start`."""
    place = start
    if start:  # the end of the line before
        while (end := stream.readline(LONGEST_LINE)) and not end.endswith(b"\n"):
            place += len(end)
        place += len(end) - 1
    while place < stop and (line := stream.readline(LONGEST_LINE + 1)):
        place += len(line)
        yield line


def _lines(block: bytes) -> list[bytes]:
    return [line + b"\n" for line in block.split(b"\n")[:-1]]


def shown(words: object) -> str:
    """Words of a file or a library in one short line, what cannot be printed as its escape."""
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in str(words)[:200])


def _place(name: str, names: list[str], where: str, noun: str = "column") -> int:
    if name not in names:
        message = f"{where}: there is no {noun} {name!r}; there are: {', '.join(map(shown, names))}"
        raise CorpusOptionError(message)
    return names.index(name)


def _parquet_file(name: str) -> Any:
    return parquet_library().ParquetFile(open_bytes(name) if is_url(name) else name)
