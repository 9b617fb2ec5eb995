"""Vectors as a safetensors file with one tensor, and their words, a line a word, in a text file beside it.

`wiki.safetensors` holds the tensor "vectors" (n_words, width) and `wiki.vocab.txt` the words. The tensor can be used
from the disk without being read into memory.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xl_staticemb.errors import StaticembError

TENSOR = "vectors"
_DTYPES = {"F32": "<f4", "F16": "<f2", "F64": "<f8", "BF16": "<u2"}
_CHUNK = 1 << 22  # numbers read at a time

Block = tuple[list[str], NDArray[np.float32]]


def vocabulary_path(path: Path) -> Path:
    """Where the words of a safetensors file lie: `NAME.vocab.txt` beside `NAME.safetensors`."""
    return path.with_suffix(".vocab.txt")


class TensorFile:
    """The tensor and the words of a safetensors file, checked against each other.

    Raises StaticembError for a file that is none, that has no tensor "vectors" of two dimensions in float16, bfloat16,
    float32 or float64, or whose vocabulary is missing, not UTF-8 or of another length.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.words = _read_words(vocabulary_path(path))
        self.dtype, (n_rows, self.width), self.offset = _find_tensor(path)
        if len(self.words) != n_rows:
            message = (
                f"{vocabulary_path(path)} holds {len(self.words)} words, but {path} {n_rows} vectors; "
                "write both files anew"
            )
            raise StaticembError(message)

    def memory_map(self, n_rows: int) -> NDArray[Any] | None:
        """The first rows (n_rows, width) as they lie on the disk; None if they are not float32."""
        if self.dtype != "F32":
            return None
        # copy on write: writable for whoever wants so, and the file never changes
        return np.memmap(self.path, dtype="<f4", mode="c", offset=self.offset, shape=(n_rows, self.width))

    def blocks(self, limit: int | None) -> Iterator[Block]:
        """Blocks of words and vectors (n, width), float32, finite."""
        n_rows = min(len(self.words), limit or len(self.words))
        step = max(1, _CHUNK // self.width)
        kind = np.dtype(_DTYPES[self.dtype])
        with self.path.open("rb") as stream:
            stream.seek(self.offset)
            for start in range(0, n_rows, step):
                n = min(step, n_rows - start)
                stored = np.fromfile(stream, dtype=kind, count=n * self.width).reshape(n, self.width)
                if self.dtype == "BF16":
                    matrix = (stored.astype(np.uint32) << np.uint32(16)).view(np.float32)
                else:
                    with np.errstate(over="ignore"):  # what is too large for float32 is refused below
                        matrix = stored.astype(np.float32, copy=False)
                refuse_not_finite(matrix, self.path, start)
                yield self.words[start : start + n], matrix


def tensor_header(n_words: int, width: int) -> bytes:
    """What stands before the numbers in a safetensors file of one float32 tensor "vectors" (n_words, width)."""
    entry = {"dtype": "F32", "shape": [n_words, width], "data_offsets": [0, 4 * n_words * width]}
    text = json.dumps({TENSOR: entry}, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # the numbers begin at a multiple of eight bytes
    return len(text).to_bytes(8, "little") + text


def refuse_not_finite(matrix: NDArray[np.float32], path: Path, first_row: int) -> None:
    """Raise StaticembError if a number is not finite; `first_row` is the place of the block in the file."""
    finite = np.isfinite(matrix).all(axis=1)
    if not finite.all():
        number = first_row + int(np.flatnonzero(~finite)[0]) + 1
        message = (
            f"{path}: word {number}: a number is not finite (NaN, infinity or too large); "
            "remove the word or repair the file"
        )
        raise StaticembError(message)


def _find_tensor(path: Path) -> tuple[str, tuple[int, int], int]:
    """Type, shape and place in the file of the tensor; the library checks that the file is whole."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as tensors:
            names = list(tensors.keys())
    except FileNotFoundError:
        message = f"{path}: no such file"
        raise StaticembError(message) from None
    except SafetensorError as error:
        message = f"{path}: no whole safetensors file ({str(error)[:120]!r}); fetch or write it again"
        raise StaticembError(message) from None
    if TENSOR not in names:
        message = f"{path}: holds no tensor {TENSOR!r}, only {', '.join(map(repr, names)) or 'none'}; rename it"
        raise StaticembError(message)
    with path.open("rb") as stream:
        n_bytes = int.from_bytes(stream.read(8), "little")
        entry = json.loads(stream.read(n_bytes))[TENSOR]
    if entry["dtype"] not in _DTYPES or len(entry["shape"]) != 2 or not entry["shape"][1]:
        message = (
            f"{path}: the tensor {TENSOR!r} is {entry['dtype']} of shape {entry['shape']}; "
            f"it must be (words, width) in one of {', '.join(_DTYPES)}"
        )
        raise StaticembError(message)
    return entry["dtype"], tuple(entry["shape"]), 8 + n_bytes + entry["data_offsets"][0]


def _read_words(path: Path) -> list[str]:
    if not path.is_file():
        message = f"{path}: no such file; it must hold the words of the vectors beside it, one a line"
        raise StaticembError(message)
    lines = path.read_bytes().removesuffix(b"\n").split(b"\n")
    words = []
    for number, line in enumerate(lines, 1):
        try:
            words.append(line.decode("utf-8"))
        except UnicodeDecodeError as error:
            message = f"{path}:{number}: not UTF-8 (byte 0x{line[error.start]:02x}); re-encode it, e.g. with iconv"
            raise StaticembError(message) from None
        if not line:
            message = f"{path}:{number}: an empty line is no word; write the word of vector {number} there"
            raise StaticembError(message)
    return words
