"""Files of word vectors in the two formats of word2vec: text (also fastText's .vec) and binary; plain or gzipped.

Text: an optional line `n_words width`, then a line a word, `word v1 ... v_width`, fields parted by one space. Words may
hold spaces, so a line is cut from the right. Binary: the same first line, then the word, a space and `width`
little-endian float32.
"""

import gzip
import logging
import os
import re
import secrets
import zlib
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np
from numpy.typing import NDArray

from xl_staticemb.errors import StaticembError
from xl_staticemb.vectors import WordVectors

_log = logging.getLogger(__name__)

_HEADER = re.compile(rb"\s*(\d+)\s+(\d+)\s*$")
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1f]")  # bytes that text does not hold and float32 numbers soon do
_LONGEST_WORD = 1 << 16  # bytes; a longer "word" means that the file is not what it seems


def read_word2vec(path: Path | str, limit: int | None = None, binary: bool | None = None) -> WordVectors:
    """Read word vectors, all or the first `limit` of the file; `binary` None finds out by suffix or content.

    A space at the end of a line (X2Static), a missing first line (GloVe) and words with spaces or no-break spaces
    (fastText) are read as they were meant; without a first line the width is the number of fields of the first line
    less one. Of a repeated word the first vector counts, and a warning is logged. Raises StaticembError with
    `file:line` (text) or the number of the word (binary) for anything broken, cut short, not finite or not UTF-8.
    """
    path = Path(path)
    if not path.is_file():
        message = f"{path}: no such file"
        raise StaticembError(message)
    if limit is not None and limit < 1:
        message = f"limit must be at least 1 word, not {limit}"
        raise StaticembError(message)
    try:
        with _opened(path) as stream:
            if binary if binary is not None else _looks_binary(path):
                rows = _binary_rows(stream, path, limit)
            else:
                rows = _text_rows(stream, path, limit)
            return _collect(rows, path)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        message = f"{path}: compressed data is cut short or damaged ({error}); fetch the file again"
        raise StaticembError(message) from None


def write_word2vec(path: Path | str, vectors: WordVectors, *, binary: bool = False) -> None:
    """Write word vectors with a first line; `.gz` compresses. The file appears whole or not at all.

    Text keeps nine significant digits, enough to read the same float32 again. Raises StaticembError for words that the
    format cannot hold: empty, with a line break, or (binary) with a space.
    """
    forbidden = re.compile(r"[\n ]" if binary else r"\n")
    for word in vectors.words:
        if not word or forbidden.search(word):
            message = (
                f"{path}: the {'binary' if binary else 'text'} format cannot hold the word {word!r}; remove it first"
            )
            raise StaticembError(message)
    with _replacing(Path(path)) as stream:
        stream.write(f"{len(vectors)} {vectors.width}\n".encode())
        for word, vector in zip(vectors.words, vectors.matrix, strict=True):
            if binary:
                stream.write(word.encode() + b" " + vector.astype("<f4").tobytes() + b"\n")
            else:
                stream.write(" ".join([word, *(format(value, ".9g") for value in vector.tolist())]).encode() + b"\n")


_Row = tuple[str, NDArray[np.float32]]


def _text_rows(stream: BinaryIO, path: Path, limit: int | None) -> Iterator[_Row]:
    promised = width = None
    n_rows = 0
    for number, raw in enumerate(stream, 1):
        where = f"{path}:{number}"
        header = _HEADER.match(raw) if number == 1 else None
        if header:
            promised, width = int(header[1]), int(header[2])
            continue
        line = _decoded(raw, where).rstrip(" \t\r\n")
        if width is None:
            width = len(line.split(" ")) - 1
        fields = line.rsplit(" ", width) if width else []
        if len(fields) != width + 1 or not fields[0]:
            message = (
                f"{where}: expected a word and {width} numbers parted by single spaces, found {_shortened(line)!r}"
            )
            raise StaticembError(message)
        try:
            with np.errstate(over="ignore"):  # what is too large for float32 is refused below
                vector = np.array(fields[1:], dtype=np.float32)
        except ValueError as error:
            message = f"{where}: expected a word and {width} numbers ({error})"
            raise StaticembError(message) from None
        yield fields[0], _finite(vector, where)
        n_rows += 1
        if n_rows == limit:
            return
    if promised is not None and n_rows != promised:
        message = f"{path}: the first line promises {promised} words, but {n_rows} follow; fetch the file again"
        raise StaticembError(message)


def _binary_rows(stream: BinaryIO, path: Path, limit: int | None) -> Iterator[_Row]:
    header = _HEADER.match(stream.readline(64))
    if not header:
        message = f"{path}: a binary word2vec file begins with the line 'n_words width', this one does not"
        raise StaticembError(message)
    promised, width = int(header[1]), int(header[2])
    for number in range(1, min(promised, limit or promised) + 1):
        where = f"{path}: word {number} of {promised}"
        word = bytearray()
        while (byte := stream.read(1)) != b" ":
            if not byte or len(word) > _LONGEST_WORD:
                message = f"{where}: the file ends or loses its order here; fetch it again"
                raise StaticembError(message)
            word += byte
        numbers = stream.read(4 * width)
        if len(numbers) != 4 * width:
            message = f"{where}: the file ends here; fetch it again"
            raise StaticembError(message)
        # some writers end each word's numbers with a line break, some do not
        text = _decoded(bytes(word).lstrip(b"\n"), where)
        yield text, _finite(np.frombuffer(numbers, dtype="<f4").astype(np.float32), where)


def _collect(rows: Iterator[_Row], path: Path) -> WordVectors:
    kept: dict[str, NDArray[np.float32]] = {}
    n_rows = 0
    for word, vector in rows:
        n_rows += 1
        kept.setdefault(word, vector)
    if not kept:
        message = f"{path}: holds no word vectors"
        raise StaticembError(message)
    if len(kept) < n_rows:
        _log.warning("%s: %d repeated words, the first vector of each is kept", path, n_rows - len(kept))
    return WordVectors(list(kept), np.stack(list(kept.values())))


def _finite(vector: NDArray[np.float32], where: str) -> NDArray[np.float32]:
    if not np.isfinite(vector).all():
        message = f"{where}: a number is not finite (NaN, infinity or too large); remove the word or repair the file"
        raise StaticembError(message)
    return vector


def _decoded(raw: bytes, where: str) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        message = f"{where}: not UTF-8 (byte 0x{raw[error.start]:02x}); re-encode the file, e.g. with iconv"
        raise StaticembError(message) from None


def _shortened(line: str) -> str:
    return line if len(line) <= 40 else line[:37] + "..."


def _looks_binary(path: Path) -> bool:
    kind = Path(path.name.removesuffix(".gz")).suffix
    if kind in (".vec", ".txt", ".bin"):
        return kind == ".bin"
    with _opened(path) as stream:
        return _CONTROL.search(stream.read(1 << 14)) is not None


def _opened(path: Path) -> BinaryIO:
    return cast("BinaryIO", gzip.open(path, "rb")) if path.suffix == ".gz" else path.open("rb")


@contextmanager
def _replacing(path: Path) -> Generator[BinaryIO]:
    """A binary stream whose bytes appear under `path` once all are on the disk; after an error nothing is left."""
    if not path.parent.is_dir():
        message = f"{path}: there is no folder {path.parent}; create it first"
        raise StaticembError(message)
    aside = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        with aside.open("xb") as raw:
            if path.suffix == ".gz":
                with gzip.GzipFile(filename="", fileobj=raw, mode="wb", mtime=0) as packed:
                    yield cast("BinaryIO", packed)
            else:
                yield raw
            raw.flush()
            os.fsync(raw.fileno())
        aside.replace(path)
    except BaseException:
        with suppress(FileNotFoundError):
            aside.unlink()
        raise
