"""What lies beside the vectors: how they were made, from what, and what came of it."""

import json
import shutil
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from xl_cli.embedding.config import SUFFIXES
from xl_cli.embedding.shards import ShardRecord
from xl_cli.errors import CliError
from xl_cli.folder.json_files import parse_object
from xl_translit.corpora.inputs import RECORDS, Corpus
from xl_translit.corpora.parts import hash_file
from xl_translit.corpora.storage import (
    files_below,
    is_url,
    open_bytes,
    place_text,
    placing,
    read_text,
    remove,
    stamp,
)

_PACKAGES = ("xl-cli", "xl-encoders", "torch", "transformers", "tokenizers", "pyarrow", "safetensors", "numpy")
_COPIED = 1 << 23  # bytes at a time


@dataclass(frozen=True)
class Target:
    """Where vectors go: a folder of shards, or one file that is put together of them, with a manifest.

    out: a path, or the URL of a store.
    """

    out: str
    default: str

    @property
    def suffix(self) -> str:
        """Of the shards and of the file."""
        return self._own_suffix if self.one_file else self.default

    @property
    def one_file(self) -> bool:
        """Whether shards are put together."""
        return self._own_suffix in SUFFIXES

    @property
    def folder(self) -> str:
        """Where shards lie."""
        above, slash, name = self.out.rstrip("/").rpartition("/")
        return f"{above}{slash}.{name}.shards" if self.one_file else self.out.rstrip("/")

    @property
    def manifest(self) -> str:
        """There once all is done. Readers of a folder pass by what begins with an underscore."""
        return f"{self.out}.manifest.json" if self.one_file else f"{self.folder}/_manifest.json"

    @property
    def _own_suffix(self) -> str:
        return PurePosixPath(self.out).suffix.removeprefix(".")

    @property
    def _begun(self) -> str:
        return f"{self.folder}/_begun.json"

    def begin(self, settings: dict[str, Any]) -> dict[str, Any] | None:
        """The manifest, where all is done; else the folder is one of this run's shards.

        settings: what decides the bytes, plain JSON values. CliError where something else is there.
        """
        known = self.manifest if stamp(self.manifest) else self._begun
        if stamp(known):
            before = parse_object(known, read_text(known))
            self._check_same(before.get("settings", {}), settings)
            return before if known == self.manifest else None
        if stamp(self.out) or files_below(self.out):
            message = f"{self.out} is there already, and xl embed did not write it; give another name."
            raise CliError(message)
        if not is_url(self.out) and not Path(self.out).absolute().parent.is_dir():
            message = f"{self.out}: there is no folder {Path(self.out).parent}; create it first."
            raise CliError(message)
        place_text(self._begun, _json({"settings": settings}))
        return None

    def end(self, manifest: dict[str, Any], records: Sequence[ShardRecord]) -> None:
        """Put one file together where one was asked for, write the manifest, and clear away what a run leaves."""
        if self.one_file:
            assemble = _assemble_parquet if self.suffix == "parquet" else _assemble_safetensors
            with _at_hand([f"{self.folder}/{record.file}" for record in records]) as shards, placing(self.out) as aside:
                assemble(shards, aside)
                manifest["output"] = {"bytes": aside.stat().st_size, "sha256": hash_file(aside)}
        place_text(self.manifest, _json(manifest))
        self.clear()

    def clear(self) -> None:
        """Delete what only an unfinished run needs, and what was half-written when one was killed."""
        for file in files_below(self.folder):
            name = PurePosixPath(file)
            if self.one_file or file == "_begun.json" or name.parts[0] == RECORDS or name.suffix == ".part":
                remove(f"{self.folder}/{file}")

    def check_inputs(self, manifest: dict[str, Any], corpus: Corpus) -> None:
        """CliError where the finished vectors are those of another input; reads it once."""
        corpus.count()
        if json.loads(json.dumps(corpus.described())) != manifest["inputs"]:
            message = f"{self.out} holds the vectors of other texts than the input has now; give another name."
            raise CliError(message)

    def _check_same(self, before: dict[str, Any], now: dict[str, Any]) -> None:
        changed = [key for key in {**before, **now} if before.get(key) != now.get(key)]
        if changed:
            then = "; ".join(f"{key}: {before.get(key)} then, {now.get(key)} now" for key in changed)
            message = f"{self.out} was begun with other settings ({then}); give these again, or another name."
            raise CliError(message)


def versions() -> dict[str, str]:
    """Of the packages that the vectors depend on."""
    return {package: version(package) for package in _PACKAGES}


def _json(value: dict[str, Any]) -> str:
    return json.dumps(value, indent=1, ensure_ascii=False) + "\n"


@contextmanager
def _at_hand(names: Sequence[str]) -> Generator[list[Path]]:
    """Files under paths of this machine, those of a store as copies for as long as they are needed."""
    with TemporaryDirectory() as folder:
        paths = []
        for name in names:
            path = Path(name)
            if is_url(name):
                path = Path(folder) / path.name
                with open_bytes(name) as there, path.open("wb") as here:
                    shutil.copyfileobj(there, here, _COPIED)
            paths.append(path)
        yield paths


def _assemble_parquet(shards: Sequence[Path], target: Path) -> None:
    from pyarrow import parquet

    schema = parquet.read_schema(shards[0])
    with parquet.ParquetWriter(target, schema, compression="zstd", use_dictionary=["source", "text"]) as writer:
        for shard in shards:
            with parquet.ParquetFile(shard) as file:
                for group in range(file.num_row_groups):
                    writer.write_table(file.read_row_group(group).cast(schema))


def _assemble_safetensors(shards: Sequence[Path], target: Path) -> None:
    """Tensors of all shards, one behind the other; a tensor of one shard is in memory at a time."""
    from safetensors import safe_open

    files = [safe_open(shard, "numpy") for shard in shards]
    kinds = {"<f4": "F32", "<f2": "F16", "<i4": "I32", "<i8": "I64"}
    header: dict[str, Any] = {"__metadata__": files[0].metadata()}
    offset = 0
    for name in files[0].keys():  # noqa: SIM118 - no mapping
        shapes = [file.get_slice(name).get_shape() for file in files]
        shape = [sum(part[0] for part in shapes), *shapes[0][1:]]
        kind = files[0].get_slice(name)[:0].dtype
        size = int(np.prod(shape, dtype=np.int64)) * kind.itemsize
        header[name] = {"dtype": kinds[kind.str], "shape": shape, "data_offsets": [offset, offset + size]}
        offset += size
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with target.open("wb") as out:
        out.write(len(text).to_bytes(8, "little") + text)
        for name in files[0].keys():  # noqa: SIM118
            for file in files:
                out.write(np.ascontiguousarray(file.get_tensor(name)).data)
