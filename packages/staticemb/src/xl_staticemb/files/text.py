"""The text format of word2vec, fastText and GloVe: `word v1 ... v_width`, a line a word, fields parted by one space.

A first line `n_words width` may stand before them. Words may hold spaces, so a line is cut from the right. The numbers
of a chunk of lines are read at once by Arrow, several chunks side by side; a chunk with a line that is not plain goes
through `_line`, which gives the same values and names what is wrong.
"""

import os
import re
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import BinaryIO, TypeVar

import numpy as np
from numpy.typing import NDArray

from xl_staticemb.errors import StaticembError
from xl_staticemb.files.number_text import write_numbers

_HEADER = re.compile(rb"\s*(\d+)\s+(\d+)\s*$")
_MOST_DIGITS = 18  # what fits 64 bits
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|[+-]?(?:nan|inf|infinity)", re.IGNORECASE | re.ASCII)
BOM = b"\xef\xbb\xbf"
_CHUNK = 1 << 20  # bytes read at a time
_LONGEST_LINE = 1 << 26  # bytes; a longer line means that the file is not what it seems
_NUMBERS_AT_ONCE = 1 << 15  # written at a time

Block = tuple[list[str], NDArray[np.float32]]
_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


def parse_header(line: bytes) -> tuple[int, int] | None:
    """(n_words, width) if the line is the first of a word2vec file; of absurd numbers the first digits."""
    header = _HEADER.match(line)
    return (int(header[1][:_MOST_DIGITS]), int(header[2][:_MOST_DIGITS])) if header else None


def text_width(line: bytes, path: Path) -> int:
    """Number of fields behind the word in the first line of a file that has no header; raises if there are none."""
    width = len(_decoded(line, f"{path}:1").rstrip(" \t\r\n").split(" ")) - 1
    if width < 1:
        message = f"{path}:1: expected a word and its numbers parted by single spaces, found {_shortened(line)}"
        raise StaticembError(message)
    return width


def read_text_blocks(stream: BinaryIO, path: Path, width: int, first_line: int, limit: int | None) -> Iterator[Block]:
    """Blocks of words and vectors (n, width), float32, finite; `stream` stands at the line number `first_line`.

    A number's value is that of `float()`, rounded to float32. Stops after `limit` lines.
    """
    with _Workers() as workers:
        chunks = _line_chunks(stream, path, first_line, limit)
        yield from workers.in_order(lambda chunk: _parse_lines(chunk[0], width, path, chunk[1]), chunks)


def write_text_rows(stream: BinaryIO, words: Sequence[bytes], matrix: NDArray[np.float32], digits: int) -> None:
    """Append a line a word: (n,) encoded words and their vectors (n, width), `digits` significant digits each."""
    step = max(1, _NUMBERS_AT_ONCE // max(1, matrix.shape[1]))
    pieces = ((words[start : start + step], matrix[start : start + step]) for start in range(0, len(words), step))
    with _Workers() as workers:
        for lines in workers.in_order(lambda piece: _lines(piece[0], piece[1], digits), pieces):
            stream.write(lines)


def _lines(words: Sequence[bytes], matrix: NDArray[np.float32], digits: int) -> bytes:
    text, bounds = write_numbers(matrix, digits)
    places = bounds.tolist()
    numbers = text.data
    parts = []
    for row, word in enumerate(words):
        parts += (word, b" ", numbers[places[row] : places[row + 1]])
    return b"".join(parts)


class _Workers:
    """Threads that keep the order of their results; numpy works outside the interpreter's lock."""

    def __init__(self) -> None:
        self.n_threads = min(
            4, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        )
        self.pool: ThreadPoolExecutor | None = None

    def __enter__(self) -> "_Workers":
        # glibc gives freed memory back to the system and asks for it again until a large piece was freed once; without
        # this half of the time goes there
        np.empty(1 << 24, dtype=np.uint8)
        return self

    def __exit__(self, *_: object) -> None:
        if self.pool is not None:
            self.pool.shutdown(cancel_futures=True)

    def in_order(self, work: Callable[[_Item], _Result], items: Iterator[_Item]) -> Iterator[_Result]:
        """`work` on each item; at most two items a thread are under way. A single item needs no thread."""
        first, second = next(items, None), next(items, None)
        if first is None:
            return
        if second is None or self.n_threads == 1:
            for item in (first, second):
                if item is not None:
                    yield work(item)
            for item in items:
                yield work(item)
            return
        self.pool = ThreadPoolExecutor(self.n_threads)
        under_way: deque[Future[_Result]] = deque(self.pool.submit(work, item) for item in (first, second))
        for item in items:
            under_way.append(self.pool.submit(work, item))
            if len(under_way) >= 2 * self.n_threads:
                yield under_way.popleft().result()
        while under_way:
            yield under_way.popleft().result()


def _line_chunks(stream: BinaryIO, path: Path, number: int, limit: int | None) -> Iterator[tuple[bytes, int]]:
    """Whole lines of about `_CHUNK` bytes, each ending in a line break, and the number of the first of them."""
    rest = b""
    left = limit
    while left is None or left > 0:
        read = stream.read(_CHUNK)
        if read:
            cut = read.rfind(b"\n") + 1
            if not cut:
                rest += read
                if len(rest) > _LONGEST_LINE:
                    message = f"{path}:{number}: a line of more than {_LONGEST_LINE} bytes; this is no text of vectors"
                    raise StaticembError(message)
                continue
            chunk, rest = rest + read[:cut], read[cut:]
            if number == 1:
                chunk = chunk.removeprefix(BOM)
        elif rest:
            chunk, rest = rest.removeprefix(BOM) + b"\n", b""
        else:
            return
        n_lines = chunk.count(b"\n")
        if left is not None and n_lines > left:
            chunk = b"".join(line + b"\n" for line in chunk.split(b"\n", left)[:left])
        yield chunk, number
        number += n_lines
        left = None if left is None else left - n_lines


def _parse_lines(chunk: bytes, width: int, path: Path, number: int) -> Block:
    """Words and vectors of whole lines, the first of which is line `number` of the file."""
    if b"\r" in chunk:
        chunk = chunk.replace(b"\r\n", b"\n")
    if block := _plain_lines(chunk, width):
        return block
    lines = enumerate(chunk.removesuffix(b"\n").split(b"\n"), start=number)
    rows = [_line(line, width, f"{path}:{place}") for place, line in lines]
    return [word for word, _ in rows], np.stack([vector for _, vector in rows])


def _plain_lines(chunk: bytes, width: int) -> Block | None:
    """Words and vectors of whole lines; None unless each is a word and `width` finite numbers."""
    data = np.frombuffer(chunk, dtype=np.uint8)
    spaces, ends = np.flatnonzero(data == ord(" ")), np.flatnonzero(data == ord("\n"))
    begins = np.append(0, ends[:-1] + 1)
    if 2 * width * len(ends) > len(chunk):  # too short for as many numbers; before room is made
        return None
    closed = data.take(ends - 1) == ord(" ")  # by a space behind the last number
    first = np.searchsorted(spaces, ends) - closed - width
    if (first < 0).any():
        return None
    edges = np.empty((len(ends), width + 1), dtype=np.int64)  # of the fields; the last is the end of the line
    spaces.take(first[:, None] + np.arange(width), mode="clip", out=edges[:, :-1])
    edges[:, -1] = ends - closed
    word_ends = edges[:, 0]
    if (word_ends <= begins).any():  # fewer fields than expected, or a word that is empty
        return None
    try:
        numbers = parse_numbers(chunk, edges)
        words = [chunk[start:end].decode() for start, end in zip(begins.tolist(), word_ends.tolist(), strict=True)]
    except ValueError:  # no number, or no UTF-8
        return None
    matrix = _rounded(numbers)
    return (words, matrix) if np.isfinite(matrix).all() else None


def parse_numbers(data: bytes, edges: NDArray[np.int64]) -> NDArray[np.float64]:
    """Numbers (n, width) written between neighbours of `edges` (n, width + 1), ascending, each behind one byte.

    Each is the double that `float()` gives. Raises ValueError for what is no decimal number; takes "nan", "nan(x)" and
    "inf". Arrow wants texts that follow each other without a gap, so what lies between two numbers is a text as well,
    marked as missing.
    """
    import pyarrow as pa

    places = np.empty((len(edges), edges.shape[1] - 1, 2), dtype=np.int32)
    places[:, :, 0] = edges[:, :-1]
    places[:, :, 0] += 1
    places[:, :, 1] = edges[:, 1:]
    n_texts = places.size - 1
    present = pa.py_buffer(b"\x55" * (n_texts // 8 + 1))
    texts = pa.StringArray.from_buffers(n_texts, pa.py_buffer(places), pa.py_buffer(data), present, n_texts // 2)
    values = texts.cast(pa.float64()).buffers()[1]
    return np.frombuffer(values, np.float64, n_texts)[::2].reshape(len(edges), -1)


def _line(raw: bytes, width: int, where: str) -> tuple[str, NDArray[np.float32]]:
    """Word and vector of any line; raises StaticembError for one that is broken."""
    line = _decoded(raw, where).rstrip(" \t\r\n")
    fields = line.rsplit(" ", width)
    if len(fields) != width + 1 or not fields[0]:
        message = f"{where}: expected a word and {width} numbers parted by single spaces, found {_shortened(raw)}"
        raise StaticembError(message)
    for field in fields[1:]:
        if not _NUMBER.fullmatch(field):
            shown = repr(field[:40])
            message = f"{where}: expected a word and {width} numbers parted by single spaces, but {shown} is none"
            raise StaticembError(message)
    vector = _rounded(np.array([float(field) for field in fields[1:]]))
    if not np.isfinite(vector).all():
        message = f"{where}: a number is not finite (NaN, infinity or too large); remove the word or repair the file"
        raise StaticembError(message)
    return fields[0], vector


def _rounded(numbers: NDArray[np.float64]) -> NDArray[np.float32]:
    with np.errstate(over="ignore"):  # becomes infinite, and is refused
        return numbers.astype(np.float32)


def _decoded(raw: bytes, where: str) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        message = f"{where}: not UTF-8 (byte 0x{raw[error.start]:02x}); re-encode the file, e.g. with iconv"
        raise StaticembError(message) from None


def _shortened(raw: bytes) -> str:
    line = raw.decode("utf-8", "replace").rstrip(" \t\r\n")
    return repr(line if len(line) <= 40 else line[:37] + "...")
