"""Vectors of texts in `.npy` files, written chunk by chunk: for corpora larger than memory, and to be gone on with.

The vectors grow in a folder beside the file, `NAME.partial`, with a record of how far they are. Data reach the disk
before the record says so, so that a call that is killed loses one chunk at most. When all texts are read, each file
gets its header, and is renamed to its name; `NAME.npy.json` beside it says what it holds.
"""

import hashlib
import json
import logging
import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from xl_encoders.errors import EncoderError
from xl_encoders.reading.embedding import Reading, as_texts, check_texts, embed_texts
from xl_encoders.whole_files import replace_whole

if TYPE_CHECKING:
    from xl_encoders.model.encoder import Encoder

_log = logging.getLogger(__name__)

# Texts that are embedded together and lost together: some seconds of a GPU, a minute of a CPU.
_CHUNK = 4096

# Length of the header that is put before the vectors; the format wants a multiple of 64.
_HEADER_LEN = 128
_RECORD = "record.json"
_RECORD_TYPES = {"settings": dict, "n_texts": int, "texts": str, "whole": bool}


@dataclass(frozen=True)
class _Target:
    """One layer's file: where it goes and what it will say of itself."""

    path: Path
    layer: int
    width: int

    @property
    def about(self) -> Path:
        """The file beside it that says what it holds."""
        return self.path.with_name(f"{self.path.name}.json")


def embed_to_files(
    encoder: "Encoder", texts: Iterable[str], reading: Reading, out: Path, *, several: bool
) -> list[NDArray[np.float32]]:
    """Write the vectors of `texts`, one file a layer of `reading`; each memory-mapped, (n_texts, width) float32.

    out: `.npy` path; with `several` layers it holds "{layer}", which becomes the index.

    Goes on with what an earlier call of the same texts, model and settings left; with finished files it only reads the
    texts, to compare. Raises EncoderError for files of other ones, which are left as they are, and for a full disk.
    """
    check_texts(texts)
    widths = [encoder.vector_width(layer, reading.pooling) for layer in reading.layers]
    targets = _targets(reading, out, several, widths)
    partial = out.with_name(f"{out.name.replace('{layer}', 'layers')}.partial")
    settings = {
        "model": fingerprint(encoder),
        "layers": list(reading.layers),
        "pooling": reading.pooling,
        "precision": reading.precision,
        "max_len": encoder.max_len,
        **({"tail": encoder.tail.digest()} if encoder.tail is not None else {}),
        **({"prompt": encoder.prompt, "pools_prompt": encoder.pools_prompt} if encoder.prompt else {}),
    }
    try:
        if not _finished(targets, settings, texts, partial):
            _fill(encoder, texts, reading, targets, partial, settings)
            _finish(targets, partial, settings)
    except OSError as error:
        message = f"{out} cannot be written ({error.strerror or error}); what is done stays in {partial}."
        raise EncoderError(message) from error
    return [open_vectors(target.path) for target in targets]


def open_vectors(path: Path) -> NDArray[np.float32]:
    """The vectors of a `.npy` file, memory-mapped where there is anything to map; EncoderError for any other file."""
    try:
        # a memory map knows the file's size, so that a header which promises the world takes no memory
        return np.lib.format.open_memmap(path, mode="r") if path.stat().st_size > _HEADER_LEN else np.load(path)
    except Exception as error:  # a header is parsed as Python, and each fault has an error of its own
        message = f"{path} is no whole .npy file ({str(error)[:120]!r}); delete it, and its vectors are made again."
        raise EncoderError(message) from None


def fingerprint(encoder: "Encoder") -> str:
    """A digest of weights and tokenizer: equal where they are the same bit for bit. Reads all weights once."""
    digest = hashlib.blake2b(digest_size=16)
    for key, tensor in sorted(encoder.model.state_dict().items()):
        digest.update(f"{key} {tensor.dtype} {tuple(tensor.shape)};".encode())
        digest.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy())
    tokenizer = encoder.tokenizer
    digest.update(type(tokenizer).__name__.encode())
    if tokenizer.is_fast:
        digest.update(tokenizer.backend_tokenizer.to_str().encode())
    else:
        digest.update(json.dumps(sorted(getattr(tokenizer, "encoder", {}).items())).encode())
        digest.update(json.dumps(sorted(map(list, getattr(tokenizer, "bpe_ranks", {})))).encode())
    return digest.hexdigest()


def _targets(reading: Reading, out: Path, several: bool, widths: Sequence[int]) -> list[_Target]:
    if out.suffix != ".npy":
        message = f"{out} does not end in .npy; vectors are written in numpy's own format."
        raise EncoderError(message)
    if several != ("{layer}" in out.name):
        message = (
            f"{out} takes one file for several layers; write {{layer}} in its name, e.g. {out.stem}-{{layer}}.npy."
            if several
            else f"{out} holds {{layer}}, which only `layers` fills in; give `layers` or another name."
        )
        raise EncoderError(message)
    if len(set(reading.layers)) < len(reading.layers):
        message = f"layers {', '.join(map(str, reading.layers))} name one layer twice, which is one file."
        raise EncoderError(message)
    return [
        _Target(out.with_name(out.name.replace("{layer}", str(layer))), layer, width)
        for layer, width in zip(reading.layers, widths, strict=True)
    ]


def _finished(targets: list[_Target], settings: dict, texts: Iterable[str], partial: Path) -> bool:
    """Whether all files are there and hold these texts; EncoderError where one holds something else."""
    there = [target for target in targets if target.path.exists()]
    if not there or (len(there) < len(targets) and partial.is_dir()):
        return False
    if len(there) < len(targets):
        message = f"{there[0].path} is there and another layer's file is not; move it away, or leave its layer out."
        raise EncoderError(message)
    n_texts, digest = _digest(texts)
    for target in targets:
        about = _read_json(target.about)
        expected = _about(settings, target, n_texts, digest)
        if about != expected:
            other = [key for key in expected if about.get(key) != expected[key]]
            message = (
                f"{target.path} is there already and holds other vectors ({', '.join(other)}); "
                f"move it away or give another file."
            )
            raise EncoderError(message)
    shutil.rmtree(partial, ignore_errors=True)
    return True


def _fill(
    encoder: "Encoder", texts: Iterable[str], reading: Reading, targets: list[_Target], partial: Path, settings: dict
) -> None:
    """Append the vectors of all texts that the record in `partial` does not count yet."""
    record = _read_record(partial, settings)
    partial.mkdir(parents=True, exist_ok=True)
    remaining = iter(texts)
    digest = hashlib.blake2b(digest_size=16)
    n_seen = _update(digest, islice(remaining, record["n_texts"]))
    if n_seen < record["n_texts"] or digest.hexdigest() != record["texts"]:
        message = f"{partial} holds {record['n_texts']} vectors of other texts; delete it to start again."
        raise EncoderError(message)
    if n_seen:
        _log.info("%s: going on after %d texts.", targets[0].path, n_seen)
    for chunk in _chunks(remaining, n_seen):
        if record["whole"]:
            message = f"{partial} holds the vectors of {n_seen} texts, and here are more; delete it to start again."
            raise EncoderError(message)
        for target, vectors in zip(targets, embed_texts(encoder, chunk, reading), strict=True):
            data = partial / target.path.name
            with data.open("r+b" if data.exists() else "wb") as file:
                file.seek(_HEADER_LEN + n_seen * vectors.shape[1] * vectors.itemsize)
                file.write(vectors.astype("<f4", copy=False).data)
                file.flush()
                os.fsync(file.fileno())
        n_seen += _update(digest, chunk)
        record |= {"n_texts": n_seen, "texts": digest.hexdigest()}
        _write_json(partial / _RECORD, {"settings": settings, **record})
    _write_json(partial / _RECORD, {"settings": settings, **record, "whole": True})


def _finish(targets: list[_Target], partial: Path, settings: dict) -> None:
    """Give each file its header, then its name; those that have it already were named before the last call ended."""
    record = _read_record(partial, settings)
    n_texts = record["n_texts"]
    for target in targets:
        data = partial / target.path.name
        if target.path.exists() and not data.exists():
            continue
        with data.open("r+b" if data.exists() else "w+b") as file:
            file.truncate(_HEADER_LEN + n_texts * target.width * np.dtype(np.float32).itemsize)
            file.write(_header(n_texts, target.width))
            file.flush()
            os.fsync(file.fileno())
        _write_json(target.about, _about(settings, target, n_texts, record["texts"]))
        data.replace(target.path)
    shutil.rmtree(partial)


def _about(settings: dict, target: _Target, n_texts: int, digest: str) -> dict:
    """What stands beside a finished file."""
    shared = {key: value for key, value in settings.items() if key != "layers"}
    return {**shared, "width": target.width, "layer": target.layer, "n_texts": n_texts, "texts": digest}


def _read_record(partial: Path, settings: dict) -> dict:
    """How far the folder is; EncoderError where it belongs to another model or other settings."""
    if not (partial / _RECORD).is_file():
        return {"n_texts": 0, "texts": _digest([])[1], "whole": False}
    record = _read_json(partial / _RECORD)
    if [type(record.get(key)) for key in _RECORD_TYPES] != list(_RECORD_TYPES.values()):
        message = f"{partial / _RECORD} is damaged; delete the folder to start again."
        raise EncoderError(message)
    other = [key for key in settings if record["settings"].get(key) != settings[key]]
    if other:
        message = f"{partial} was begun with another {', '.join(other)}; delete it to start again."
        raise EncoderError(message)
    return record


def _chunks(texts: Iterator[str], first: int) -> Iterator[list[str]]:
    while chunk := as_texts(islice(texts, _CHUNK), first):
        yield chunk
        first += len(chunk)


def _digest(texts: Iterable[str]) -> tuple[int, str]:
    """Number of the texts and a digest of them in their order."""
    digest = hashlib.blake2b(digest_size=16)
    return _update(digest, texts), digest.hexdigest()


def _update(digest: "hashlib.blake2b", texts: Iterable[str]) -> int:
    """Add texts to a digest, each with its length, so that no two lists of texts run together; their number."""
    n_texts = 0
    for n_texts, text in enumerate(texts, 1):  # noqa: B007
        data = text.encode("utf-8", "surrogatepass")
        digest.update(len(data).to_bytes(8, "little"))
        digest.update(data)
    return n_texts


def _header(n_texts: int, width: int) -> bytes:
    """Numpy's format 1.0: magic, version, length of the rest, and the array's shape as a Python literal."""
    about = f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({n_texts}, {width}), }}"
    start = np.lib.format.magic(1, 0) + (_HEADER_LEN - 10).to_bytes(2, "little")
    return start + about.encode("ascii").ljust(_HEADER_LEN - 11) + b"\n"


def _read_json(path: Path) -> dict:
    """What `_write_json` wrote; an empty object for a file that is absent or damaged."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _write_json(path: Path, value: dict) -> None:
    replace_whole(path, lambda aside: aside.write_text(json.dumps(value, indent=1) + "\n", encoding="utf-8"))
