r"""Lines of text from and into files: UTF-8, lines that end at "\n" only, compression by suffix, whole files only.

A corpus must come out with as many lines as went in. `str.splitlines` and text mode also end a line at CR, form feed,
U+0085 or U+2028, which occur inside real sentences; so lines are cut as bytes.
"""

import gzip
import io
import lzma
import os
import secrets
import sys
import zlib
from collections.abc import Generator, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import IO, BinaryIO, Literal, cast, overload

from xl_translit.errors import TextError

_BOM = b"\xef\xbb\xbf"

LONGEST_LINE = 1 << 27
"""Bytes of a line at most, its end included: a line is whole in memory."""

# Of a frame so many bytes unpack to 128 MiB at most.
_ZSTD_PIECE = 1 << 12


def read_lines(path: Path | str) -> Iterator[str]:
    r"""Yield the lines of a UTF-8 text file without their "\n"; "-" reads standard input.

    `.gz`, `.zst` and `.xz` are decompressed on the way (by suffix). Only "\n" ends a line: CR, U+2028, U+0085 and form
    feed stay inside. One CR directly before "\n", or at the very end, belongs to the line's end and is dropped, too.
    A leading byte-order mark is dropped; a last line without "\n" counts; an empty file has no lines.
    Raises TextError for a file that is absent, a folder, cut short, or not UTF-8 (with `file:line`), and for a line of
    more than 128 MiB, which is no text but what a small file may unpack to.
    """
    name = "<stdin>" if str(path) == "-" else str(path)
    with _open_bytes(path) as stream:
        number = 0
        while True:
            try:
                raw = stream.readline(LONGEST_LINE + 1)
            except (EOFError, zlib.error, lzma.LZMAError, gzip.BadGzipFile) as error:
                raise damaged(name, number, error) from None
            if not raw:
                return
            number += 1
            if len(raw) > LONGEST_LINE:
                raise too_long(name, number)
            if number == 1:
                raw = raw.removeprefix(_BOM)
            try:
                line = raw.decode("utf-8")
            except UnicodeDecodeError as error:
                column = len(raw[: error.start].decode("utf-8")) + 1
                message = (
                    f"{name}:{number}: not UTF-8 (byte 0x{raw[error.start]:02x} at column {column}); "
                    "re-encode the file, e.g. with iconv -f LATIN1 -t UTF-8"
                )
                raise TextError(message) from None
            if number == 1 and not line:  # nothing but a byte-order mark
                continue
            yield line.removesuffix("\n").removesuffix("\r")


def damaged(name: str, n_lines: int, error: Exception) -> TextError:
    """The refusal of compressed data that stops or breaks behind `n_lines` whole lines."""
    where = f"after line {n_lines}" if n_lines else "before its first line ended"
    return TextError(f"{name}: compressed data is cut short or damaged {where} ({error}); fetch it again")


def too_long(name: str, number: int) -> TextError:
    """The refusal of a line that is longer than `LONGEST_LINE`."""
    return TextError(
        f"{name}:{number}: the line is longer than {LONGEST_LINE >> 20} MiB; is this a text, line by line?"
    )


def check_readable(path: Path | str) -> None:
    """Raise TextError if `path` is absent or a folder, so that files can be checked before any work starts."""
    if str(path) == "-":
        return
    if Path(path).is_dir():
        message = f"{path}: is a folder, not a text file; name a file in it"
        raise TextError(message)
    if not Path(path).exists():
        message = f"{path}: no such file; check the spelling and the folder"
        raise TextError(message)


@overload
def replacing(path: Path | str, mode: Literal["w"] = "w") -> AbstractContextManager[IO[str]]: ...
@overload
def replacing(path: Path | str, mode: Literal["wb"]) -> AbstractContextManager[BinaryIO]: ...
def replacing(path: Path | str, mode: Literal["w", "wb"] = "w") -> AbstractContextManager[IO[str] | BinaryIO]:
    r"""Open a file that appears under its name only once it is complete; what stood there before is replaced then.

    Yields a text handle (`"w"`: UTF-8, "\n" written as it is) or a binary one (`"wb"`), compressed by suffix. The bytes
    go to a hidden file in the same folder, reach the disk, and are renamed; after an error nothing is left behind, and
    what a killed process left is taken over by the next one that writes the file.
    Raises TextError for a folder that does not exist or a path that is no ordinary file.
    """
    return _replacing(Path(path), mode)


@contextmanager
def _replacing(path: Path, mode: str) -> Generator[IO[str] | BinaryIO]:
    if not path.parent.is_dir():
        message = f"{path}: there is no folder {path.parent}; create it first"
        raise TextError(message)
    if path.exists() and not path.is_file():
        message = f"{path}: is not an ordinary file and cannot be replaced; choose another name"
        raise TextError(message)
    aside, raw = _aside(path)
    try:
        with raw:
            with _compressing(raw, path.suffix) as stream:
                if mode == "w":
                    text = io.TextIOWrapper(stream, encoding="utf-8", newline="\n")
                    yield text
                    text.flush()
                    text.detach()  # closing it would close `raw` before the bytes are on the disk
                else:
                    yield stream
            raw.flush()
            os.fsync(raw.fileno())
        aside.replace(path)
    except BaseException:
        with suppress(FileNotFoundError):
            aside.unlink()
        raise
    _sync_folder(path.parent)


def _aside(path: Path) -> tuple[Path, BinaryIO]:
    """An empty file beside `path`, open, that no other living process writes.

    Its name is always the same, so that what a killed process left is overwritten; where another writes it now, one of
    its own.
    """
    usual = path.with_name(f".{path.name}.part")
    with suppress(BlockingIOError, FileNotFoundError):
        if raw := _locked(usual):
            raw.truncate()
            return usual, raw
    own = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    return own, own.open("xb")


def _locked(path: Path) -> BinaryIO | None:
    """The file, made where there is none, with a lock that ends with this process; None where there are no locks.

    BlockingIOError where another process has it, FileNotFoundError where it was renamed meanwhile.
    """
    if os.name != "posix":
        return None
    import fcntl

    try:
        raw = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o666), "wb")
    except OSError:  # the folder cannot be written to, or a link is in the way: opening another one will tell
        return None
    try:
        fcntl.flock(raw, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.samestat(os.fstat(raw.fileno()), path.stat()):
            return raw
        raise FileNotFoundError
    except OSError as error:
        raw.close()
        if isinstance(error, BlockingIOError | FileNotFoundError):
            raise
        return None  # a file system without locks


@contextmanager
def _open_bytes(path: Path | str) -> Generator[BinaryIO]:
    """The decompressed bytes of a file, or of standard input, which stays open."""
    if str(path) == "-":
        yield sys.stdin.buffer
        return
    check_readable(path)
    path = Path(path)
    with path.open("rb") as raw, decompressing(raw, path.suffix) as stream:
        yield stream


def decompressing(raw: BinaryIO, suffix: str) -> BinaryIO:
    """The bytes that `raw` holds compressed, by the suffix of its file; `raw` itself for any other suffix."""
    if suffix == ".gz":
        return cast("BinaryIO", gzip.GzipFile(fileobj=raw, mode="rb"))
    if suffix == ".xz":
        return cast("BinaryIO", lzma.LZMAFile(raw, mode="rb"))
    if suffix == ".zst":
        return cast("BinaryIO", io.BufferedReader(_ZstdReader(raw), buffer_size=1 << 17))
    return raw


@contextmanager
def _compressing(raw: BinaryIO, suffix: str) -> Generator[BinaryIO]:
    """A stream that compresses into `raw`; leaving the block ends the compressed data but does not close `raw`."""
    if suffix == ".gz":
        # no time stamp and no name inside: equal text gives equal bytes
        with gzip.GzipFile(filename="", fileobj=raw, mode="wb", mtime=0) as stream:
            yield cast("BinaryIO", stream)
    elif suffix == ".xz":
        with lzma.LZMAFile(raw, mode="wb") as stream:
            yield cast("BinaryIO", stream)
    elif suffix == ".zst":
        import zstandard

        with zstandard.ZstdCompressor(level=10).stream_writer(raw, closefd=False) as stream:
            yield cast("BinaryIO", stream)
    else:
        yield raw


def _sync_folder(folder: Path) -> None:
    """Make the rename itself durable, where the system lets a folder be opened (POSIX)."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


class _ZstdReader(io.RawIOBase):
    """Zstandard data as a raw stream, any number of frames; unlike the library's reader it notices data cut short."""

    def __init__(self, raw: BinaryIO) -> None:
        import zstandard

        self._error = zstandard.ZstdError
        self._context = zstandard.ZstdDecompressor()
        self._raw = raw
        self._frame = self._context.decompressobj()
        self._started = False  # whether the current frame has received bytes
        self._rest = b""  # compressed bytes after the end of a frame
        self._ready = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # ty: ignore[incompatible-method-override]
        while not self._ready:
            packed = self._rest or self._raw.read(_ZSTD_PIECE)
            self._rest = b""
            if not packed:
                if self._started:
                    message = "zstd data ended inside a frame"
                    raise EOFError(message)
                return 0
            self._started = True
            try:
                self._ready = memoryview(self._frame.decompress(packed))
            except self._error as error:
                raise EOFError(str(error)) from None
            if self._frame.eof:
                self._rest = self._frame.unused_data
                self._frame = self._context.decompressobj()
                self._started = False
        size = min(len(buffer), len(self._ready))
        buffer[:size] = self._ready[:size]
        self._ready = self._ready[size:]
        return size
