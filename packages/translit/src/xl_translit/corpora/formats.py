r"""How the rows of a corpus are written: text, TSV, JSON lines or Parquet, compressed by suffix.

Every chunk is written on its own, so that workers can do it, and the output is the chunks one behind the other: in
compressed files each chunk is a member (gzip), frame (zstd) or stream (xz) of its own, which their readers read as one.
A Parquet file is put together at the end, with a row group for every 65,536 rows or so.

A line must stay a line and a field a field: in text and TSV a "\n" inside a row becomes a space, and in TSV, and in
text with pairs, a TAB does too (counted). JSON lines and Parquet keep them in the original.
"""

import gzip
import io
import json
import lzma
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

from xl_translit.corpora.statistics import Statistics
from xl_translit.errors import CorpusError, CorpusOptionError
from xl_translit.transliterator import Target

FormatName = Literal["text", "tsv", "jsonl", "parquet"]
FORMATS: tuple[FormatName, ...] = get_args(FormatName)
RESULT_NAMES: dict[Target, str] = {"latn": "romanized", "ipa": "ipa", "phonemes": "phonemes"}

SUFFIXES: dict[str, FormatName] = {
    ".tsv": "tsv",
    ".tab": "tsv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
}
PACKED = (".gz", ".zst", ".xz")
"""Suffixes of compressed files."""
_GROUP_ROWS = 1 << 16
_encode_json = json.JSONEncoder(ensure_ascii=False, default=str).encode


@dataclass(frozen=True)
class Format:
    """The shape of the output.

    result_name: column of the results. pairs: whether the original goes along, as column `text`.
    keep: other columns that go along, in front. packed: "" or the suffix that says how the file is compressed.
    kept_types: Arrow types of those columns for Parquet; a column that is not in it is written as strings.
    """

    name: FormatName
    result_name: str
    pairs: bool = False
    keep: tuple[str, ...] = ()
    packed: str = ""
    kept_types: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.name not in FORMATS:
            message = f"format {self.name!r} is not known; it can be: {', '.join(FORMATS)}"
            raise CorpusOptionError(message)
        if self.keep and self.name == "text":
            message = "lines of text have no names for columns to keep; choose the format tsv, jsonl or parquet"
            raise CorpusOptionError(message)
        if self.name == "parquet" and self.packed:
            message = f"Parquet is compressed inside; leave the suffix {self.packed} off"
            raise CorpusOptionError(message)
        if self.name == "parquet":
            parquet_library()
        twice = {name for name in self.keep if name in ("text", self.result_name) or self.keep.count(name) > 1}
        if twice:
            message = f"column {min(twice)!r} would stand in the output twice; keep others"
            raise CorpusOptionError(message)

    @property
    def columns(self) -> list[str]:
        """Names of the output's columns, in order."""
        return [*self.keep, *(["text"] if self.pairs else []), self.result_name]

    def header(self) -> bytes:
        """What stands in front of the first chunk."""
        if self.name != "tsv":
            return b""
        return self._pack(("\t".join(_field(name) for name in self.columns) + "\n").encode())

    def write(
        self, texts: Sequence[str], results: list[str], kept: Sequence[tuple[Any, ...]], statistics: Statistics
    ) -> bytes:
        """The bytes of some rows; what had to be replaced is added to `statistics`."""
        if not texts:
            return b""
        if self.name == "parquet":
            return self._write_arrow(texts, results, kept)
        if self.name == "jsonl":
            names = self.columns
            rows = zip(*zip(*kept, strict=True), *([texts] if self.pairs else []), results, strict=True)
            lines = [_encode_json(dict(zip(names, row, strict=True))) for row in rows]
        elif self.name == "tsv" or self.pairs:
            columns: list[Sequence[str]] = [list(map(text_of, values)) for values in zip(*kept, strict=True)]
            columns += [*([texts] if self.pairs else []), results]
            cells = ["\t".join(column) for column in columns]
            statistics.replaced_tabs += sum(cell.count("\t") - len(texts) + 1 for cell in cells)
            statistics.replaced_line_feeds += sum(cell.count("\n") for cell in cells)
            lines = ["\t".join(map(_field, row)) for row in zip(*columns, strict=True)]
        else:
            lines = results
        data = "\n".join(lines) + "\n"
        if data.count("\n") != len(lines):  # a transliterator of someone else's let one through
            statistics.replaced_line_feeds += data.count("\n") - len(lines)
            data = "\n".join(line.replace("\n", " ") for line in lines) + "\n"
        return self._pack(data.encode())

    @contextmanager
    def writing(self, target: Path) -> Generator[Callable[[bytes], Any]]:
        """What takes the bytes of chunks, in order, and writes a whole output to `target`."""
        if self.name == "parquet":
            with self._writing_parquet(target) as take:
                yield take
            return
        with target.open("wb") as file:
            file.write(self.header())
            yield file.write
            if not file.tell():  # a compressed file without rows is still a compressed file
                file.write(self._pack(b""))

    def _pack(self, data: bytes) -> bytes:
        if self.packed == ".gz":
            return gzip.compress(data, compresslevel=6, mtime=0)
        if self.packed == ".xz":
            return lzma.compress(data)
        if self.packed == ".zst":
            import zstandard

            return zstandard.ZstdCompressor().compress(data)
        return data

    def _write_arrow(self, texts: Sequence[str], results: list[str], kept: Sequence[tuple[Any, ...]]) -> bytes:
        import pyarrow as pa

        schema = self._schema()
        arrays = [
            pa.array(list(values), self.kept_types[name]) if name in self.kept_types else _strings(map(text_of, values))
            for name, values in zip(self.keep, zip(*kept, strict=True), strict=True)
        ]
        arrays += map(_strings, [*([texts] if self.pairs else []), results])
        sink = io.BytesIO()
        with pa.ipc.new_stream(sink, schema) as writer:
            writer.write_batch(pa.record_batch(arrays, schema=schema))
        return sink.getvalue()

    @contextmanager
    def _writing_parquet(self, target: Path) -> Generator[Callable[[bytes], Any]]:
        import pyarrow as pa

        schema = self._schema()
        batches: list[Any] = []
        with parquet_library().ParquetWriter(target, schema, compression="zstd") as writer:

            def write() -> None:
                n_rows = sum(map(len, batches))
                if n_rows:
                    writer.write_table(pa.Table.from_batches(batches, schema), row_group_size=n_rows)
                batches.clear()

            def take(data: bytes) -> None:
                stream = pa.BufferReader(data)
                while stream.tell() < len(data):  # a stream a chunk, one behind the other
                    for batch in pa.ipc.open_stream(stream):
                        batches.append(batch)
                        if sum(map(len, batches)) >= _GROUP_ROWS:
                            write()

            yield take
            write()

    def _schema(self) -> Any:
        import pyarrow as pa

        return pa.schema([(name, self.kept_types.get(name, pa.string())) for name in self.columns])


def parquet_library() -> Any:
    """The module `pyarrow.parquet`, of an extra. CorpusError where it is not installed."""
    try:
        from pyarrow import parquet
    except ImportError:
        message = "Parquet files need `pyarrow`; pip install 'xl-translit[corpora]'"
        raise CorpusError(message) from None
    return parquet


def format_of(path: Path) -> tuple[FormatName, str]:
    """The format and the compression that a file's suffixes tell: `("jsonl", ".gz")`; text where they tell nothing."""
    packed = path.suffix if path.suffix in PACKED else ""
    suffix = Path(path.stem).suffix if packed else path.suffix
    return SUFFIXES.get(suffix, "text"), packed


def text_of(value: object) -> str:
    """A value as a field of text: itself, nothing for None, JSON for numbers, lists and objects."""
    if value is None:
        return ""
    return value if isinstance(value, str) else _encode_json(value)


def _strings(texts: Iterable[str]) -> Any:
    """An Arrow array of strings: `pa.array`, which would load pandas to see whether a list is one of its series."""
    import numpy as np
    import pyarrow as pa

    texts = list(texts)
    data = "\n".join(texts).encode()
    ends = np.flatnonzero(np.frombuffer(data, dtype=np.uint8) == ord("\n"))
    if len(ends) != len(texts) - 1 or len(data) >= 1 << 31:  # a text of several lines, or none at all
        builder = pa.lib.StringBuilder()
        builder.append_values(texts)
        return builder.finish()
    places = np.zeros(len(texts) + 1, dtype=np.int32)
    places[1:-1] = ends - np.arange(len(ends))
    places[-1] = len(data) - len(ends)
    return pa.StringArray.from_buffers(len(texts), pa.py_buffer(places), pa.py_buffer(data.replace(b"\n", b"")))


def _field(text: str) -> str:
    return text.replace("\t", " ").replace("\n", " ")
