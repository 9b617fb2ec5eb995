"""The binary format of word2vec: a line `n_words width`, then the word, a space and `width` little-endian float32.

The first space ends the word. gensim also writes words that hold spaces: then the rest of the word is read as numbers,
and the last bytes of the numbers as the beginning of the next word, behind which all is in order again. The size of the
file is the same either way, so nothing proves where such a word ends; the control characters of the numbers give it
away.
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from xl_staticemb.errors import StaticembError

_CHUNK = 1 << 22  # bytes read at a time
_LONGEST_WORD = 1 << 16  # bytes; a longer "word" means that the file is not what it seems
_CONTROL = re.compile(rb"[\x00-\x08\n\x0e-\x1f]")  # bytes that no word holds and float32 numbers soon do

Block = tuple[list[str], NDArray[np.float32]]


def read_binary_blocks(stream: BinaryIO, path: Path, n_words: int, width: int, limit: int | None) -> Iterator[Block]:
    """Blocks of words and vectors (n, width), float32, finite; `stream` stands behind the first line."""
    n_wanted = min(n_words, limit or n_words)
    size = 4 * width
    data, done = b"", 0
    while done < n_wanted:
        read = stream.read(_CHUNK)
        data += read
        raw: list[bytes] = []
        places: list[int] = []
        at = 0
        while done + len(raw) < n_wanted:
            space = data.find(b" ", at, at + _LONGEST_WORD + 2)
            if space < 0:
                if not read or len(data) - at > _LONGEST_WORD:
                    raise _broken(path, done + len(raw) + 1, n_words)
                break
            if space + 1 + size > len(data):
                if not read:
                    raise _broken(path, done + len(raw) + 1, n_words)
                break
            # some writers end each word's numbers with a line break, some do not
            raw.append(data[at:space].lstrip(b"\n"))
            places.append(space + 1)
            at = space + 1 + size
        if raw:
            yield _words(raw, path, done + 1, n_words), _vectors(data, places, width, path, done + 1, n_words)
            done += len(raw)
        data = data[at:]
    if done == n_words and (data + stream.read(_CHUNK)).strip(b"\n"):
        message = (
            f"{path}: more follows behind word {n_words} of {n_words}, which is the last one that the first line "
            "promises; fetch the file again, or correct that line"
        )
        raise StaticembError(message)


def write_binary_rows(stream: BinaryIO, words: Sequence[bytes], matrix: NDArray[np.float32]) -> None:
    """Append (n,) encoded words and their vectors (n, width)."""
    rows = np.ascontiguousarray(matrix, dtype="<f4").data.cast("B") if matrix.size else memoryview(b"")
    size = 4 * matrix.shape[1]
    parts: list[bytes | memoryview] = []
    for row, word in enumerate(words):
        parts += (word, b" ", rows[row * size : (row + 1) * size], b"\n")
    stream.write(b"".join(parts))


def _vectors(data: bytes, places: list[int], width: int, path: Path, first: int, n_words: int) -> NDArray[np.float32]:
    """The vectors that begin at `places`, copied out of the bytes."""
    size = 4 * width
    windows = np.lib.stride_tricks.as_strided(
        np.frombuffer(data, dtype=np.uint8), shape=(len(data) - size + 1, size), strides=(1, 1)
    )
    matrix = windows[places].view("<f4").astype(np.float32, copy=False)
    finite = np.isfinite(matrix).all(axis=1)
    if not finite.all():
        number = first + int(np.flatnonzero(~finite)[0])
        message = (
            f"{path}: word {number} of {n_words}: a number is not finite (NaN, infinity or too large); "
            "remove the word or repair the file"
        )
        raise StaticembError(message)
    return matrix


def _words(raw: list[bytes], path: Path, first: int, n_words: int) -> list[str]:
    joined = b" ".join(raw)
    try:
        if not _CONTROL.search(joined):
            return joined.decode("utf-8").split(" ")
    except UnicodeDecodeError:
        pass
    number, word = next((n, word) for n, word in enumerate(raw, first) if _CONTROL.search(word) or not _is_utf8(word))
    message = (
        f"{path}: word {number} of {n_words}: {word[:40]!r} {'is not UTF-8' if not _is_utf8(word) else 'is no word'}; "
        "if the word before it holds a space, which this format cannot, write the vectors as text (.vec), "
        "else fetch the file again or re-encode it"
    )
    raise StaticembError(message)


def _is_utf8(word: bytes) -> bool:
    try:
        word.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _broken(path: Path, number: int, n_words: int) -> StaticembError:
    return StaticembError(f"{path}: word {number} of {n_words}: the file ends here or loses its order; fetch it again")
