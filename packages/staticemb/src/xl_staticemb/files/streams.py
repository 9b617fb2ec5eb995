"""Byte streams of plain and compressed files, and files that appear whole or not at all."""

import gzip
import io
import lzma
import zlib
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any, BinaryIO, cast

from xl_staticemb.errors import StaticembError
from xl_staticemb.files.whole_files import replaced

_COMPRESSIONS = (".gz", ".xz", ".zst")
# Of a frame so many bytes unpack to 128 MiB at most.
_ZSTD_PIECE = 1 << 12


def kind_suffix(path: Path) -> str:
    """The suffix that says what a file holds, in lower case: ".vec" of "wiki.vec.gz"; "" if there is none."""
    stem = path.name
    for compression in _COMPRESSIONS:
        stem = stem.removesuffix(compression)
    return Path(stem).suffix.lower()


def is_compressed(path: Path) -> bool:
    """Whether the name says that the file is compressed."""
    return path.suffix in _COMPRESSIONS


@contextmanager
def reading(path: Path) -> Generator[BinaryIO]:
    """A stream of the file's bytes, unpacked by suffix. Raises StaticembError for no file and for damaged data."""
    if not path.is_file():
        message = f"{path}: no such file"
        raise StaticembError(message)
    try:
        if path.suffix == ".zst":
            with path.open("rb") as raw, io.BufferedReader(_ZstdReader(raw, _zstandard(path)), 1 << 17) as unpacked:
                yield cast("BinaryIO", unpacked)
        elif is_compressed(path):
            with (gzip if path.suffix == ".gz" else lzma).open(path, "rb") as unpacked:
                yield cast("BinaryIO", unpacked)
        else:
            with path.open("rb") as raw:
                yield raw
    except (EOFError, zlib.error, gzip.BadGzipFile, lzma.LZMAError) as error:
        raise _damaged(path, error) from None
    except Exception as error:
        if path.suffix == ".zst" and type(error).__name__ in ("ZstdError",):
            raise _damaged(path, error) from None
        raise


@contextmanager
def replacing(path: Path) -> Generator[BinaryIO]:
    """A stream whose bytes appear under `path` once all are on the disk; after an error nothing is left."""
    if not path.parent.is_dir():
        message = f"{path}: there is no folder {path.parent}; create it first"
        raise StaticembError(message)
    with replaced(path) as aside, aside.open("wb") as raw:
        if path.suffix == ".gz":
            with gzip.GzipFile(filename="", fileobj=raw, mode="wb", compresslevel=6, mtime=0) as packed:
                yield cast("BinaryIO", packed)
        elif path.suffix == ".xz":
            with lzma.LZMAFile(raw, mode="wb") as packed:
                yield cast("BinaryIO", packed)
        elif path.suffix == ".zst":
            with _zstandard(path).open(raw, "wb", closefd=False) as packed:
                yield cast("BinaryIO", packed)
        else:
            yield raw


class _ZstdReader(io.RawIOBase):
    """The bytes of any number of zstd frames; EOFError where the last is cut short, which the library passes over."""

    def __init__(self, raw: BinaryIO, library: ModuleType) -> None:
        self._chunks = self._unpacked(raw, library.ZstdDecompressor())
        self._ready = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # ty: ignore[incompatible-method-override]
        self._ready = self._ready or memoryview(next(filter(None, self._chunks), b""))
        size = min(len(buffer), len(self._ready))
        buffer[:size], self._ready = self._ready[:size], self._ready[size:]
        return size

    @staticmethod
    def _unpacked(raw: BinaryIO, decompressor: Any) -> Iterator[bytes]:
        frame, rest = None, b""
        while packed := rest or raw.read(_ZSTD_PIECE):
            frame = frame or decompressor.decompressobj()
            yield frame.decompress(packed)
            rest = frame.unused_data
            frame = None if frame.eof else frame
        if frame is not None:
            message = "zstd data ended inside a frame"
            raise EOFError(message)


def _damaged(path: Path, error: Exception) -> StaticembError:
    return StaticembError(f"{path}: compressed data is cut short or damaged ({error}); fetch the file again")


def _zstandard(path: Path):
    try:
        import zstandard
    except ImportError:
        message = f"{path}: .zst files need the library zstandard; install it with: pip install zstandard"
        raise StaticembError(message) from None
    return zstandard
