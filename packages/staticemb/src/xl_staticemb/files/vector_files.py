"""Files of word vectors of every format: word2vec text and binary, fastText .vec, GloVe, safetensors with a vocabulary.

The format of a file that is read is found by suffix and content, that of a file that is written by suffix: `.bin` is
binary, `.safetensors` is safetensors, all else is text; `.gz`, `.xz` and `.zst` behind it compress. Nothing is ever
unpickled.
"""

import logging
import re
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from xl_staticemb.errors import StaticembError
from xl_staticemb.files.binary import read_binary_blocks, write_binary_rows
from xl_staticemb.files.streams import is_compressed, kind_suffix, reading, replacing
from xl_staticemb.files.tensors import TensorFile, refuse_not_finite, tensor_header, vocabulary_path
from xl_staticemb.files.text import BOM, parse_header, read_text_blocks, text_width, write_text_rows
from xl_staticemb.files.whole_files import abandoned
from xl_staticemb.vectors import WordVectors

_log = logging.getLogger(__name__)

Format = Literal["text", "binary", "safetensors"]
_HEAD = 1 << 14  # bytes looked at to find the format
_LONGEST_FIRST_LINE = 1 << 26
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1f]")  # bytes that text does not hold and float32 numbers soon do
_PICKLE = (
    "a pickle, which could run any code when it is read; write its vectors in another format first, in Python: "
    "gensim.models.KeyedVectors.load(FILE).save_word2vec_format('vectors.vec')"
)
_OTHERS = {  # first bytes -> what the file is and what to do
    b"\xba\x16\x4f\x2f": "a fastText model; write its vectors with: fasttext dump FILE input, or use its .vec file",
    b"PK\x03\x04": "a zip archive; unpack it first",
    b"\x89HDF": "an HDF5 file; write its vectors as word2vec text first",
    b"\x93NUMPY": "a numpy array without words; write it as NAME.safetensors with NAME.vocab.txt",
}


class VectorFile:
    """A file of word vectors, read block by block in bounded memory, as often as wanted.

    `n_words` is what the file's first line promises (at most `limit`), None if it has none; `width` the number of
    dimensions. `format` None finds out by suffix and content. Raises StaticembError with `file:line` (text) or the
    number of the word for anything broken, cut short, not finite or not UTF-8, at the latest when that block is read.
    """

    def __init__(self, path: Path | str, limit: int | None = None, format: Format | None = None) -> None:  # noqa: A002
        if limit is not None and limit < 1:
            message = f"limit must be at least 1 word, not {limit}"
            raise StaticembError(message)
        self.path = Path(path)
        self.limit = limit
        self._repetition_told = False
        self._tensors: TensorFile | None = None
        self._promised: int | None = None
        if (format or kind_suffix(self.path).removeprefix(".")) == "safetensors":
            self.format: Format = "safetensors"
            self._tensors = TensorFile(self.path)
            self._promised, self.width = len(self._tensors.words), self._tensors.width
        else:
            self.format, self._promised, self.width = self._begin(format)
        if self._promised is not None and (not self._promised or not self.width):
            message = f"{self.path}: holds no word vectors"
            raise StaticembError(message)

    @property
    def n_words(self) -> int | None:
        """Rows that a pass will give if no word is repeated; None if the file does not say so."""
        return self._promised if self._promised is None or self.limit is None else min(self._promised, self.limit)

    @property
    def is_quick(self) -> bool:
        """Whether numbers are stored as such, uncompressed, so that another pass costs little more than the disk."""
        return self.format != "text" and not is_compressed(self.path)

    def blocks(self, rows: int = 8192) -> Iterator[tuple[list[str], NDArray[np.float32]]]:
        """A new pass over the file: blocks of at most `rows` words and their vectors (n, width), float32, finite.

        Of a repeated word the first vector counts, and a warning is logged once; `limit` counts repetitions too.
        """
        if rows < 1:
            message = f"a block must have at least 1 row, not {rows}"
            raise StaticembError(message)
        seen: set[str] = set()
        n_read = 0
        for words, matrix in self._raw_blocks():
            n_read += len(words)
            block = set(words)
            if len(block) < len(words) or not seen.isdisjoint(block):
                words, matrix = _first_ones(words, matrix, seen)
            seen |= block
            for start in range(0, len(words), rows):
                yield words[start : start + rows], matrix[start : start + rows]
        if not seen:
            message = f"{self.path}: holds no word vectors"
            raise StaticembError(message)
        if len(seen) < n_read and not self._repetition_told:
            self._repetition_told = True
            _log.warning("%s: %d repeated words, the first vector of each is kept", self.path, n_read - len(seen))

    def read(self) -> WordVectors:
        """All words and vectors; a float32 tensor of a safetensors file stays on the disk as a memory map."""
        words: list[str] = []
        if self._tensors is not None and (mapped := self._tensors.memory_map(self.n_words or 0)) is not None:
            for some, _ in self.blocks():  # checks the numbers and leaves repeated words out
                words += some
            if len(words) < len(mapped):
                first = {word: row for row, word in reversed(list(enumerate(self._tensors.words)))}
                mapped = mapped[[first[word] for word in words]]
            return WordVectors(words, mapped)
        matrix = np.empty((0, self.width), dtype=np.float32)
        for some, vectors in self.blocks():
            end = len(words) + len(vectors)
            if end > len(matrix):
                # in place; pages that are not yet written take no memory
                matrix.resize((self._room(end), self.width), refcheck=False)
            matrix[len(words) : end] = vectors
            words += some
        matrix.resize((len(words), self.width), refcheck=False)
        return WordVectors(words, matrix)

    def _room(self, needed: int) -> int:
        """Rows to hold next: all that are promised where the file can hold so many, else an eighth more."""
        promised = self.n_words or 0
        smallest = 4 * self.width if self.format == "binary" else 2 * self.width
        believable = not is_compressed(self.path) and promised * smallest <= self.path.stat().st_size
        return promised if believable and promised >= needed else needed + needed // 8

    def _begin(self, given: Format | None) -> tuple[Format, int | None, int]:
        """Format, promised number of words and width, by the beginning of the file."""
        with reading(self.path) as stream:
            head = stream.read(_HEAD)
            self._refuse_others(head)
            kind: Format = given or self._format_of(head)
            while b"\n" not in head and len(head) < _LONGEST_FIRST_LINE and (more := stream.read(len(head))):
                head += more
        if not head:
            message = f"{self.path}: holds no word vectors"
            raise StaticembError(message)
        line = head.removeprefix(BOM).split(b"\n", 1)[0]
        header = parse_header(line)
        if header:
            return kind, *header
        if kind == "binary":
            message = f"{self.path}: a binary word2vec file begins with the line 'n_words width', this one does not"
            raise StaticembError(message)
        return kind, None, text_width(line, self.path)

    def _format_of(self, head: bytes) -> Format:
        suffix = kind_suffix(self.path)
        if suffix in (".vec", ".txt"):
            return "text"
        return "binary" if suffix == ".bin" or _CONTROL.search(head) else "text"

    def _refuse_others(self, head: bytes) -> None:
        what = next((text for start, text in _OTHERS.items() if head.startswith(start)), None)
        if head[:1] == b"\x80" and head[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05"):
            what = _PICKLE
        if what:
            message = f"{self.path}: this is {what.replace('FILE', self.path.name)}"
            raise StaticembError(message)

    def _raw_blocks(self) -> Iterator[tuple[list[str], NDArray[np.float32]]]:
        if self._tensors is not None:
            yield from self._tensors.blocks(self.limit)
            return
        with reading(self.path) as stream:
            if self.format == "binary":
                stream.readline(64)
                yield from read_binary_blocks(stream, self.path, self._promised or 0, self.width, self.limit)
                return
            if self._promised is not None:
                stream.readline()
            n_rows = 0
            first_line = 1 if self._promised is None else 2
            for words, matrix in read_text_blocks(stream, self.path, self.width, first_line, self.limit):
                n_rows += len(words)
                yield words, matrix
        if self._promised is not None and n_rows != self._promised and n_rows != self.limit:
            message = (
                f"{self.path}: the first line promises {self._promised} words, but {n_rows} follow; "
                "fetch the file again, or correct that line"
            )
            raise StaticembError(message)


# the format of a file that is written, by its suffix
_WRITTEN: dict[str, Format] = {
    ".vec": "text",
    ".txt": "text",
    ".bin": "binary",
    ".safetensors": "safetensors",
    "": "text",
}


class VectorWriter:
    """Writes a file of word vectors block by block; it appears whole or not at all. A context manager.

    `n_words` rows of `width` will come. `format` None goes by suffix: `.bin` binary, `.safetensors` safetensors (and
    `NAME.vocab.txt` beside it), `.vec`, `.txt` or none text with a first line; others are refused. `digits` in [1, 9]
    are the significant digits in text; nine read back as the same float32. Raises StaticembError for words that the
    format cannot hold (empty, with a line break, or in binary with a space or a control character), numbers that are
    not finite, and another number of rows than promised.
    """

    def __init__(
        self,
        path: Path | str,
        n_words: int,
        width: int,
        *,
        format: Format | None = None,  # noqa: A002
        digits: int = 9,
    ) -> None:
        self.path, self.n_words, self.width, self.digits = Path(path), n_words, width, digits
        suffix = kind_suffix(self.path)
        if format is None and suffix not in _WRITTEN:
            message = f"{self.path}: no format of vectors ends in {suffix}; take {', '.join(filter(None, _WRITTEN))}"
            raise StaticembError(message)
        self.format = format or _WRITTEN[suffix]
        if self.format == "safetensors" and is_compressed(self.path):
            message = f"{self.path}: a safetensors file cannot be compressed; leave the second suffix out"
            raise StaticembError(message)
        if not 1 <= digits <= 9:
            message = f"digits must be from 1 to 9, not {digits}"
            raise StaticembError(message)
        self._forbidden = re.compile(r"[\x00-\x08\n\x0e-\x1f ]" if self.format == "binary" else r"\n")
        self._stack = ExitStack()
        self._n_written = 0

    def __enter__(self) -> "VectorWriter":
        # the words' file is entered first and so renamed last: vectors never stand beside too few words
        self._words: BinaryIO | None = None
        with self._stack as stack:
            if self.format == "safetensors":
                self._words = stack.enter_context(replacing(vocabulary_path(self.path)))
            self._stream = stack.enter_context(replacing(self.path))
            header = tensor_header(self.n_words, self.width)
            self._stream.write(header if self.format == "safetensors" else f"{self.n_words} {self.width}\n".encode())
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        if kind is None and self._n_written != self.n_words:
            wrong = StaticembError(f"{self.path}: {self.n_words} words were promised, but {self._n_written} came")
            self._stack.__exit__(type(wrong), wrong, None)
            raise wrong
        return self._stack.__exit__(kind, error, trace)

    def write(self, words: Sequence[str], matrix: ArrayLike) -> None:
        """Append words and their vectors (n, width)."""
        rows = np.ascontiguousarray(matrix, dtype=np.float32)
        if rows.shape != (len(words), self.width):
            message = f"{self.path}: {len(words)} words need a matrix of width {self.width}, not of shape {rows.shape}"
            raise StaticembError(message)
        encoded = [self._encoded(word) for word in words]
        refuse_not_finite(rows, self.path, self._n_written)
        if self.format == "text":
            write_text_rows(self._stream, encoded, rows, self.digits)
        elif self.format == "binary":
            write_binary_rows(self._stream, encoded, rows)
        else:
            self._stream.write(rows.astype("<f4", copy=False).data.cast("B") if rows.size else b"")
            if self._words is not None:
                self._words.write(b"".join(word + b"\n" for word in encoded))
        self._n_written += len(words)

    def _encoded(self, word: str) -> bytes:
        try:
            if word and not self._forbidden.search(word):
                return word.encode()
        except UnicodeEncodeError:
            pass  # half of a surrogate pair
        message = f"{self.path}: the {self.format} format cannot hold the word {word!r}; remove it first"
        raise StaticembError(message)


def _first_ones(words: list[str], matrix: NDArray[np.float32], seen: set[str]) -> tuple[list[str], NDArray[np.float32]]:
    """Words that are neither in `seen` nor earlier in the block, and their vectors."""
    rows = {word: row for row, word in reversed(list(enumerate(words))) if word not in seen}
    kept = sorted(rows.values())
    return [words[row] for row in kept], matrix[kept]


def read_vectors(path: Path | str, limit: int | None = None) -> WordVectors:
    """Read word vectors of any format, all or the first `limit`; see `VectorFile`.

    A space at the end of a line (X2Static), a missing first line (GloVe) and words with spaces or no-break spaces
    (fastText) are read as they were meant; without a first line the width is the number of fields of the first line
    less one. Needs the memory of the matrix, the words and a block; a float32 safetensors file stays on the disk.
    """
    return VectorFile(path, limit).read()


def write_vectors(path: Path | str, vectors: WordVectors, *, digits: int = 9) -> None:
    """Write word vectors in the format that the suffix names; see `VectorWriter`."""
    with VectorWriter(path, len(vectors), vectors.width, digits=digits) as writer:
        write_all(writer, vectors)


def write_pair(source: Path | str, vectors: WordVectors, target: Path | str, others: WordVectors) -> None:
    """Write two files that belong together; `target` has its name first, and `half_written` tells of a kill between."""
    with (
        VectorWriter(source, len(vectors), vectors.width) as one,
        VectorWriter(target, len(others), others.width) as other,
    ):
        write_all(one, vectors)
        write_all(other, others)


def half_written(*paths: Path) -> bool:
    """Whether a process that is no more left the vectors of a path, or their words, unfinished beside it."""
    names = [*paths, *(vocabulary_path(path) for path in paths)]
    return any(True for path in names for _ in abandoned(path.parent, path.name))


def write_all(writer: VectorWriter, vectors: WordVectors, rows: int = 8192) -> None:
    """Hand all words to an open writer, `rows` at a time."""
    for start in range(0, len(vectors), rows):
        writer.write(vectors.words[start : start + rows], vectors.matrix[start : start + rows])
