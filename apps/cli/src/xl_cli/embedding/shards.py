"""Shards of a corpus: rows, cut by content alone, so that any process sees the same ones and may do any of them."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from xl_cli.errors import CliError
from xl_encoders.whole_files import replace_whole
from xl_translit.corpora.inputs import Corpus, RowChunk, open_corpus

# Bytes of text a row at which a shard ends before it has all of its rows, so that rows of any length take like memory.
_ROW_BYTES = 1024


@dataclass(frozen=True, kw_only=True)
class ShardRecord:
    """What is known of a shard that lies on the disk.

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

    def __init__(self, path: Path, suffix: str) -> None:
        self.path, self._suffix = path, suffix

    def file(self, number: int) -> Path:
        """Where shard `number`, from 0, lies."""
        return self.path / f"{number:05d}.{self._suffix}"

    def record(self, number: int) -> ShardRecord | None:
        """What is known of a shard; None of one that is not there, or not whole."""
        try:
            known = json.loads(self._about(number).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        record = ShardRecord(**known)
        file = self.file(number)
        return record if file.is_file() and file.stat().st_size == record.bytes else None

    def keep(self, number: int, record: ShardRecord) -> None:
        """Say that shard `number` is whole."""
        text = json.dumps(asdict(record), ensure_ascii=False)
        replace_whole(self._about(number), lambda aside: aside.write_text(text, encoding="utf-8"))

    def _about(self, number: int) -> Path:
        return self.path / "_shards" / f"{number:05d}.json"


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


def check_unchanged(record: ShardRecord, chunk: RowChunk, folder: Path) -> None:
    """CliError where a shard on the disk was made of other rows."""
    if record.digest != chunk.digest().hex():
        message = (
            f"{folder / record.file} was made of other rows than the input has there now; bring the input back, or "
            f"delete {folder} to start over."
        )
        raise CliError(message)
