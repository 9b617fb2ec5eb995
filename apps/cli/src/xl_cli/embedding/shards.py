"""Shards of a corpus: rows, cut by content alone, so that any process sees the same ones and may do any of them."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

from xl_cli.errors import CliError
from xl_cli.folder.json_files import parse_object
from xl_translit.corpora.inputs import RECORDS, Corpus, RowChunk, open_corpus
from xl_translit.corpora.storage import place_text, read_text, stamp

# Bytes of text a row at which a shard ends before it has all of its rows, so that rows of any length take like memory.
_ROW_BYTES = 1024


@dataclass(frozen=True, kw_only=True)
class ShardRecord:
    """What is known of a shard that is there.

    digest: of the raw rows that it was made of. cut: texts that lost their end. rejected: file, line and reason of each
    row that is not in it.
    """

    file: str
    rows: int
    vectors: int
    cut: int
    digest: str
    sha256: str
    bytes: int
    rejected: list[list[Any]] = field(default_factory=list)


class ShardFolder:
    """Where shards lie, `00000.parquet` or so, each with a record beside it in `_shards` once it is whole."""

    def __init__(self, path: str, suffix: str) -> None:
        self._path, self._suffix = path, suffix

    def name(self, number: int) -> str:
        """What shard `number`, from 0, is called in the folder."""
        return f"{number:05d}.{self._suffix}"

    def file(self, number: int) -> str:
        """Where it lies."""
        return f"{self._path}/{self.name(number)}"

    def record(self, number: int) -> ShardRecord | None:
        """What is known of a shard; None of one that is not there, or not whole."""
        if not stamp(self._about(number)):
            return None
        record = ShardRecord(**parse_object(self._about(number), read_text(self._about(number))))
        n_bytes, _ = stamp(self.file(number)) or (None, None)
        return record if n_bytes == record.bytes else None

    def keep(self, number: int, record: ShardRecord) -> None:
        """Say that shard `number` is whole."""
        place_text(self._about(number), json.dumps(asdict(record), ensure_ascii=False))

    def _about(self, number: int) -> str:
        return f"{self._path}/{RECORDS}/{number:05d}.json"


class ShardReader:
    """The rows of a shard by its number, read on from the one before; going back opens the corpus anew."""

    def __init__(self, names: list[str], options: dict[str, Any], shard_rows: int) -> None:
        self._names, self._options, self._shard_rows = names, options, shard_rows
        self._open()

    def _open(self) -> None:
        self.corpus: Corpus = open_corpus(self._names, **self._options)
        most = {"most_rows": self._shard_rows, "most_bytes": self._shard_rows * _ROW_BYTES}
        self._chunks: Iterator[RowChunk] = self.corpus.chunks(**most)
        self._next = 0

    def take(self, number: int) -> RowChunk | None:
        """The raw rows of shard `number`, from 0; None behind the last."""
        if number < self._next:
            self._open()
        for chunk in self._chunks:
            self._next = chunk.index + 1
            if chunk.index == number:
                return chunk
        return None


def check_unchanged(record: ShardRecord, chunk: RowChunk, folder: str) -> None:
    """CliError where a shard that is there was made of other rows."""
    if record.digest != chunk.digest().hex():
        message = (
            f"{folder}/{record.file} was made of other rows than the input has there now; bring the input back, or "
            f"delete {folder} to start over."
        )
        raise CliError(message)
