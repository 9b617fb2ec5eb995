"""What the names on a command line mean (files, folders, globs, hub ids), and the chunks of rows they are cut into.

Chunks are the unit of work: at most 4,096 rows and about a mebibyte, cut by content alone, so that any number of
workers, any engine and a second start see the same ones.
"""

import glob
import hashlib
import json
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from xl_translit.corpora.formats import PACKED, SUFFIXES, FormatName
from xl_translit.corpora.sources import HubSource, LineFormat, LineSource, ParquetSource, ReadTally, Source, shown
from xl_translit.corpora.storage import files_below, is_url, stamp
from xl_translit.errors import CorpusError, CorpusOptionError, TextError
from xl_translit.text import check_readable

CHUNK_ROWS = 4096
CHUNK_BYTES = 1 << 20  # reached by the last row of a chunk, so a chunk may be a row longer

RECORDS = "_shards"
"""Folder of a folder of shards with what is known of each."""

InputFormat = FormatName

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")


@dataclass(frozen=True)
class SourceRows:
    """Rows that follow one another in one source: raw lines joined, or lists `[text, *kept]`."""

    source: int  # index among the sources
    first_row: int  # its number in the source, as errors give it
    payload: bytes | list[list[Any]]


@dataclass(frozen=True)
class RowChunk:
    """The rows that one call of the per-batch function gets; `index` counts from 0 within a run."""

    index: int
    n_rows: int
    segments: tuple[SourceRows, ...]

    def digest(self) -> bytes:
        """A hash of the content, to notice on a second start that an input was changed."""
        state = hashlib.blake2b(digest_size=16)
        self.feed(state)
        return state.digest()

    def feed(self, state: "hashlib._Hash | hashlib.blake2b") -> None:
        """Hash the content."""
        for segment in self.segments:
            data = segment.payload
            state.update(data if isinstance(data, bytes) else json.dumps(data, default=str).encode())


@dataclass(frozen=True)
class Shard:
    """Share `number` of `of`, counted from 1: the contiguous rows ((number-1)*n // of) to (number*n // of) of n."""

    number: int
    of: int

    def __post_init__(self) -> None:
        if not 1 <= self.number <= self.of:
            message = f"shard {self.number}/{self.of}: shards are numbered 1/{self.of} to {self.of}/{self.of}"
            raise CorpusOptionError(message)

    @classmethod
    def parse(cls, text: str) -> "Shard":
        """`3/8` as Shard(3, 8)."""
        match = re.fullmatch(r"([0-9]+)/([0-9]+)", text.strip())
        if not match:
            message = f"shard {text!r}: write it as 3/8, the third of eight"
            raise CorpusOptionError(message)
        return cls(int(match[1]), int(match[2]))

    def span(self, n_rows: int) -> tuple[int, int]:
        """First row and the one behind the last, counted from 0."""
        return (self.number - 1) * n_rows // self.of, self.number * n_rows // self.of


class Corpus:
    """Sources one behind the other, as rows and as chunks."""

    def __init__(self, sources: Sequence[Source]) -> None:
        self.sources = list(sources)
        self.readings = [ReadTally() for _ in self.sources]
        self._complete = False

    def count(self) -> int:
        """Read everything once, to know how many rows there are and the hash of each input."""
        for source, reading in zip(self.sources, self.readings, strict=True):
            for _ in source.rows(reading):
                pass
        self._complete = True
        return sum(reading.n_rows for reading in self.readings)

    def chunks(
        self, start: int = 0, stop: int | None = None, *, most_rows: int | None = None, most_bytes: int | None = None
    ) -> Iterator[RowChunk]:
        """Rows `start` to `stop` (0-based over all sources, `stop` not included) as chunks.

        most_rows, most_bytes: what ends a chunk, the latter reached by its last row; None takes the usual.
        """
        most_rows = CHUNK_ROWS if most_rows is None else most_rows
        most_bytes = CHUNK_BYTES if most_bytes is None else most_bytes
        readings = [ReadTally() for _ in self.sources] if self._complete else self.readings
        index = row = 0
        segments: list[SourceRows] = []
        n_rows = n_bytes = 0
        for number, source in enumerate(self.sources):
            if stop is not None and row >= stop:
                break
            pending: list[Any] = []
            first = source.first_line
            joined = source.layout.kind != "values"
            for offset, raw in enumerate(source.rows(readings[number])):
                if stop is not None and row >= stop:
                    break
                row += 1
                if row <= start:
                    continue
                if not pending:
                    first = source.first_line + offset
                pending.append(raw)
                n_rows += 1
                n_bytes += len(raw if joined else raw[0] or "")
                if n_rows == most_rows or n_bytes >= most_bytes:
                    segments.append(SourceRows(number, first, b"".join(_ended(pending)) if joined else pending))
                    yield RowChunk(index, n_rows, tuple(segments))
                    index, n_rows, n_bytes, segments, pending = index + 1, 0, 0, [], []
            if pending:
                segments.append(SourceRows(number, first, b"".join(_ended(pending)) if joined else pending))
        if segments:
            yield RowChunk(index, n_rows, tuple(segments))

    def live_chunks(self) -> Iterator[RowChunk | None]:
        """Chunks of standard input as its lines come; None before a wait, so that what is done can be shown."""
        (source,) = self.sources
        row = cast("LineSource", source).first_line
        index = 0
        for block in cast("LineSource", source).blocks():
            if block is None:
                yield None
                continue
            self.readings[0].n_bytes += sum(map(len, block))
            self.readings[0].n_rows += len(block)
            for line in block:
                self.readings[0].digest.update(line)
            for cut in range(0, len(block), CHUNK_ROWS):
                lines = block[cut : cut + CHUNK_ROWS]
                yield RowChunk(index, len(lines), (SourceRows(0, row, b"".join(_ended(lines))),))
                index, row = index + 1, row + len(lines)

    def is_standard_input(self) -> bool:
        """Whether rows come from standard input and nothing else."""
        return [source.layout.name for source in self.sources] == ["<stdin>"]

    def described(self) -> list[dict[str, Any]]:
        """What the manifest says of each input."""
        return [source.describe(reading) for source, reading in zip(self.sources, self.readings, strict=True)]

    def kept_types(self, names: Sequence[str]) -> dict[str, Any]:
        """Arrow types of columns that go along, of those for which all sources agree on one."""
        types_of = [source.kept_types() for source in self.sources]
        return {
            name: types_of[0][name]
            for name in names
            if all(name in kinds and kinds[name] == types_of[0].get(name) for kinds in types_of)
        }

    def progress(self) -> tuple[int, int | None]:
        """Bytes read, and bytes in all where they are known."""
        sizes = [source.size for source in self.sources]
        total = None if None in sizes else sum(size or 0 for size in sizes)
        return sum(reading.n_bytes for reading in self.readings), total


def open_corpus(
    inputs: Sequence[str | Path],
    *,
    column: str | None = None,
    keep: Sequence[str] = (),
    input_format: InputFormat | None = None,
    split: str = "train",
    config: str | None = None,
    revision: str | None = None,
) -> Corpus:
    """Find the inputs and look into each far enough to know that it can be read.

    A folder stands for the files below it at any depth, in the order of their paths, hidden ones left out; with
    `column`, for those of them that have columns (.tsv, .tab, .jsonl, .ndjson, .parquet). A glob stands for what it
    matches, in the same order. `owner/name` that is no path is a data set of the hub if `column` is given.
    Raises CorpusError or TextError for what is not there, CorpusOptionError for a column that is not there.
    """
    if keep and column is None:
        message = "columns to keep are those of rows with columns; name the text's column too, e.g. --column text"
        raise CorpusOptionError(message)
    if column is not None and column in keep:
        message = f"column {column!r} is the text; name it as a column to keep no second time"
        raise CorpusOptionError(message)
    sources: list[Source] = []
    for name in map(str, inputs):
        if is_hub_id(name, column):
            hub = {"split": split, "config": config, "revision": revision}
            sources.append(HubSource(name, str(column), tuple(keep), **hub))
        else:
            paths = _paths(name, column)
            sources += [_file_source(path, column, tuple(keep), input_format) for path in paths]
    if sum(source.layout.name == "<stdin>" for source in sources) > 1:
        message = "standard input can be read once; name '-' once"
        raise CorpusOptionError(message)
    return Corpus(sources)


def _paths(name: str, column: str | None) -> list[str]:
    if name == "-":
        return [name]
    path = Path(name)
    below = files_below(name) if path.is_dir() or (is_url(name) and not stamp(name)) else []
    if path.is_dir() or below:
        there = frozenset(below)
        files = [
            f"{name.rstrip('/')}/{file}" if is_url(name) else (path / file).as_posix()
            for file in below
            if not any(part.startswith(".") for part in file.split("/"))
            and not _is_ours(file, there)
            and (column is None or _format(file))
        ]
        if not files:
            wanted = "file" if column is None else "file with columns (.tsv, .jsonl, .parquet)"
            message = f"{name}: the folder holds no {wanted}; name another"
            raise CorpusError(message)
        return files
    if not path.exists() and glob.has_magic(name):
        files = sorted(Path(file).as_posix() for file in glob.iglob(name, recursive=True) if Path(file).is_file())  # noqa: PTH207 - the pattern may be absolute
        if not files:
            message = f"{name}: no file matches; check the pattern and the folder"
            raise CorpusError(message)
        return files
    if not is_url(name):
        check_readable(name)
    elif not stamp(name):
        message = f"{name}: no such file or folder; check the spelling and who may read it"
        raise TextError(message)
    return [name]


def _is_ours(file: str, beside: Collection[str]) -> bool:
    """Whether a file is what an earlier run wrote, or says about it: no input of the next one."""
    about = (".manifest.json", ".rejected.jsonl")
    return file.endswith(about) or f"{file}{about[0]}" in beside or RECORDS in file.split("/")


def _file_source(path: str, column: str | None, keep: tuple[str, ...], input_format: InputFormat | None) -> Source:
    kind = input_format or _format(path)
    if column is None:
        if kind == "text" or (input_format is None and kind in (None, "tsv")):
            return LineSource(path, "text", None)
        columns = _columns_of(path, kind)
        message = f"{path}: name the column of the text with --column; there are: {', '.join(map(shown, columns))}"
        raise CorpusOptionError(message if columns else message.partition(";")[0])
    if kind is None or kind == "text":
        message = (
            f"{path}: --column {column} needs rows with columns; a suffix (.tsv, .jsonl, .parquet) "
            "or --input-format says which"
        )
        raise CorpusOptionError(message)
    if kind == "parquet":
        if path == "-" or Path(path).suffix in PACKED:
            message = f"{path}: Parquet is read from an uncompressed file only; unpack it first"
            raise CorpusOptionError(message)
        return ParquetSource(path, column, keep)
    return LineSource(path, cast("LineFormat", kind), column, keep)


def _columns_of(path: str, kind: InputFormat | None) -> list[str]:
    """Names to choose from, gained from the refusal of a name that cannot be there."""
    if path == "-":
        return []
    try:
        if kind == "parquet":
            ParquetSource(path, "\0")
        else:
            LineSource(path, cast("LineFormat", kind), "\0")
    except CorpusOptionError as error:
        return str(error).partition("there are: ")[2].split(", ")
    return []


def _format(path: str) -> InputFormat | None:
    name = Path(path)
    return SUFFIXES.get(Path(name.stem).suffix if name.suffix in PACKED else name.suffix)


def is_hub_id(name: str, column: str | None) -> bool:
    """Whether a name that an input is given by is a data set of the hub, `owner/name`, not a file."""
    path = Path(name)
    if column is None or path.exists() or not _HUB_ID.fullmatch(name):
        return False
    # data/missing.tsv is a file that is not there, not a data set
    return not path.parent.is_dir() and _format(name) is None and path.suffix not in (".txt", *PACKED)


def _ended(lines: list[bytes]) -> list[bytes]:
    """The last line of a file may lack its line feed; within a chunk every line has one."""
    if not lines[-1].endswith(b"\n"):
        lines[-1] += b"\n"
    return lines
