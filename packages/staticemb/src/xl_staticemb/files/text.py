"""The text format of word2vec, fastText and GloVe: `word v1 ... v_width`, a line a word, fields parted by one space.

A first line `n_words width` may stand before them. Words may hold spaces, so a line is cut from the right. Chunks of
lines are read at once by `text_numbers`, several side by side; a line that is not plain goes through `_line`, which
gives the same values and names what is wrong.
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
from xl_staticemb.files.text_numbers import MARGIN, parse_numbers

_HEADER = re.compile(rb"\s*(\d{1,18})\s+(\d{1,18})\s*$")  # what fits 64 bits
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|[+-]?(?:nan|inf|infinity)", re.IGNORECASE | re.ASCII)
BOM = b"\xef\xbb\xbf"
_CHUNK = 1 << 18  # bytes read at a time: the words of their numbers still fit into the cache of a core
_LONGEST_LINE = 1 << 26  # bytes; a longer line means that the file is not what it seems
_NUMBERS_AT_ONCE = 1 << 15  # written at a time

Block = tuple[list[str], NDArray[np.float32]]
_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


def parse_header(line: bytes) -> tuple[int, int] | None:
    """(n_words, width) if the line is the first line of a word2vec file."""
    header = _HEADER.match(line)
    return (int(header[1]), int(header[2])) if header else None


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
    padded = b"".join((b"x" * (MARGIN - 1), b"\n", chunk, b"x" * (MARGIN + -len(chunk) % 8)))
    data = np.frombuffer(padded, dtype=np.uint8)
    spaces, breaks = _places(data == ord(" ")), _places(data == ord("\n"))  # the first break stands in the margin
    begins, ends = breaks[:-1] + 1, breaks[1:]
    if 2 * width * len(ends) > len(chunk) or not len(spaces):  # too short for as many numbers; before room is made
        for row, line in enumerate(chunk.split(b"\n")):
            _line(line, width, f"{path}:{number + row}")
    n_before = np.searchsorted(spaces, ends)  # spaces before the end of each line
    fields = np.empty((len(ends), width + 1), dtype=np.int64)
    closed = data.take(ends - 1) == ord(" ")  # by a space behind the last number
    first = n_before - closed - width
    whole = first >= 0
    spaces.take(np.maximum(first, 0)[:, None] + np.arange(width), mode="clip", out=fields[:, :-1])
    fields[:, -1] = ends - closed
    whole &= fields[:, 0] > begins  # as many fields as expected, and a word that is not empty
    starts = (fields[:, :-1] + 1).ravel()
    values, broken = parse_numbers(data, starts, fields[:, 1:].ravel())
    with np.errstate(over="ignore"):  # what is too large for float32 is refused below
        matrix = values.astype(np.float32).reshape(-1, width)
    whole[broken // width] = False
    words: list[str] = []
    if whole.all():
        try:
            words = [
                padded[start:end].decode() for start, end in zip(begins.tolist(), fields[:, 0].tolist(), strict=True)
            ]
        except UnicodeDecodeError:
            whole[:] = False
    if not words:
        for row, (start, end) in enumerate(zip(begins.tolist(), ends.tolist(), strict=True)):
            word, vector = _line(padded[start:end], width, f"{path}:{number + row}")
            words.append(word)
            if not whole[row]:
                matrix[row] = vector
    if not np.isfinite(matrix).all():
        row = int(np.flatnonzero(~np.isfinite(matrix).all(axis=1))[0])
        message = (
            f"{path}:{number + row}: a number is not finite (NaN, infinity or too large); "
            "remove the word or repair the file"
        )
        raise StaticembError(message)
    return words, matrix


def _places(mask: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Indices where the mask holds, ascending; its length is a multiple of eight."""
    eights = mask.view("<u8")
    some = np.flatnonzero(eights != 0)
    found = eights[some]
    if (found & (found - np.uint64(1))).any():
        return np.flatnonzero(mask)
    # at most one in eight: its place among them is looked up by a multiplication
    found *= np.uint64(0x0001020304050607)
    found >>= np.uint64(56)
    some *= 8
    some += found.view(np.int64)
    return some


def _line(raw: bytes, width: int, where: str) -> tuple[str, NDArray[np.float32]]:
    """Word and vector of any line; raises StaticembError for one that is broken."""
    line = _decoded(raw, where).rstrip(" \t\r\n")
    fields = line.rsplit(" ", width)
    if len(fields) != width + 1 or not fields[0]:
        message = f"{where}: expected a word and {width} numbers parted by single spaces, found {_shortened(raw)}"
        raise StaticembError(message)
    for field in fields[1:]:
        if not _NUMBER.fullmatch(field):
            found = repr(field[:40])
            message = f"{where}: expected a word and {width} numbers parted by single spaces, but {found} is none"
            raise StaticembError(message)
    with np.errstate(over="ignore"):
        return fields[0], np.array([float(field) for field in fields[1:]]).astype(np.float32)


def _decoded(raw: bytes, where: str) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        message = f"{where}: not UTF-8 (byte 0x{raw[error.start]:02x}); re-encode the file, e.g. with iconv"
        raise StaticembError(message) from None


def _shortened(raw: bytes) -> str:
    line = raw.decode("utf-8", "replace").rstrip(" \t\r\n")
    return repr(line if len(line) <= 40 else line[:37] + "...")
