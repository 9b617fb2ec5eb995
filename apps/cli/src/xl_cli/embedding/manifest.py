"""What lies beside the vectors: how they were made, from what, and what came of it."""

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from xl_cli.embedding.config import SUFFIXES
from xl_cli.embedding.shards import ShardRecord
from xl_cli.errors import CliError
from xl_encoders.whole_files import replace_whole
from xl_translit.corpora.inputs import Corpus
from xl_translit.corpora.parts import hash_file

_PACKAGES = ("xl-cli", "xl-encoders", "torch", "transformers", "tokenizers", "pyarrow", "safetensors", "numpy")


@dataclass(frozen=True)
class Target:
    """Where vectors go: a folder of shards, or one file that is put together of them, with a manifest."""

    out: Path
    default: str

    @property
    def suffix(self) -> str:
        """Of the shards and of the file."""
        own = self.out.suffix.removeprefix(".")
        return own if own in SUFFIXES else self.default

    @property
    def one_file(self) -> bool:
        """Whether shards are put together."""
        return self.out.suffix.removeprefix(".") in SUFFIXES

    @property
    def folder(self) -> Path:
        """Where shards lie."""
        return self.out.with_name(f".{self.out.name}.shards") if self.one_file else self.out

    @property
    def manifest(self) -> Path:
        """There once all is done. Readers of a folder pass by what begins with an underscore."""
        return self.out.with_name(f"{self.out.name}.manifest.json") if self.one_file else self.out / "_manifest.json"

    @property
    def _begun(self) -> Path:
        return self.folder / "_begun.json"

    def begin(self, settings: dict[str, Any]) -> dict[str, Any] | None:
        """The manifest, where all is done; else the folder is one of this run's shards.

        settings: what decides the bytes, plain JSON values. CliError where something else is there.
        """
        known = self.manifest if self.manifest.exists() else self._begun
        if known.exists():
            before = json.loads(known.read_text(encoding="utf-8"))
            self._check_same(before["settings"], settings)
            return before if known == self.manifest else None
        if self.out.is_file() or (self.out.is_dir() and any(self.out.iterdir())):
            message = f"{self.out} is there already, and xl embed did not write it; give another name."
            raise CliError(message)
        if not self.out.absolute().parent.is_dir():
            message = f"{self.out}: there is no folder {self.out.parent}; create it first."
            raise CliError(message)
        self.folder.mkdir(exist_ok=True)
        write_json(self._begun, {"settings": settings})
        return None

    def end(self, manifest: dict[str, Any], records: Sequence[ShardRecord]) -> None:
        """Put one file together where one was asked for, write the manifest, and clear away what a run leaves."""
        shards = [self.folder / record.file for record in records]
        if self.one_file:
            assemble = _assemble_parquet if self.suffix == "parquet" else _assemble_safetensors
            replace_whole(self.out, lambda aside: assemble(shards, aside))
            manifest["output"] = {"bytes": self.out.stat().st_size, "sha256": hash_file(self.out)}
        write_json(self.manifest, manifest)
        self.clear()

    def clear(self) -> None:
        """Delete what only an unfinished run needs."""
        if self.one_file:
            shutil.rmtree(self.folder, ignore_errors=True)
        else:
            self._begun.unlink(missing_ok=True)
            shutil.rmtree(self.folder / "_shards", ignore_errors=True)

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


def write_json(path: Path, value: dict[str, Any]) -> None:
    """A file that is there whole or not at all."""
    text = json.dumps(value, indent=1, ensure_ascii=False) + "\n"
    replace_whole(path, lambda aside: aside.write_text(text, encoding="utf-8"))


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
