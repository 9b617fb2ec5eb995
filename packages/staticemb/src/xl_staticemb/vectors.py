"""Words and their vectors, side by side, and the way to gensim and back."""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from xl_staticemb.errors import StaticembError
from xl_staticemb.search.neighbours import unit_rows

if TYPE_CHECKING:
    from gensim.models import KeyedVectors


@dataclass(frozen=True, eq=False, init=False)
class WordVectors:
    """A vocabulary in order of frequency and one vector a word.

    `words` holds each word once; `matrix` is (n_words, width), converted to float32. A float32 matrix is not copied,
    and may be a memory map of a file. Raises StaticembError where the two do not fit together or a word is repeated.
    """

    words: list[str]
    matrix: NDArray[np.float32]

    def __init__(self, words: list[str], matrix: ArrayLike) -> None:
        rows = np.ascontiguousarray(matrix, dtype=np.float32)
        object.__setattr__(self, "words", words)  # frozen for users; the conversion belongs to making it
        object.__setattr__(self, "matrix", rows)
        if rows.ndim != 2 or len(rows) != len(words):
            message = f"{len(words)} words need a matrix of as many rows, not one of shape {rows.shape}"
            raise StaticembError(message)
        if len(self.index) != len(self.words):
            repeated = next(word for row, word in enumerate(self.words) if self.index[word] != row)
            message = f"the word {repeated!r} is there more than once; keep one of its vectors"
            raise StaticembError(message)

    def __len__(self) -> int:
        return len(self.words)

    @property
    def width(self) -> int:
        """Number of dimensions."""
        return self.matrix.shape[1]

    @cached_property
    def index(self) -> dict[str, int]:
        """Word -> row."""
        return {word: row for row, word in enumerate(self.words)}

    def unit(self) -> "WordVectors":
        """The same words with vectors of length 1; rows of zeros stay zeros."""
        return WordVectors(self.words, unit_rows(self.matrix))

    def to_gensim(self) -> "KeyedVectors":
        """A gensim KeyedVectors of the same words in the same order; it shares the memory of `matrix`."""
        from gensim.models import KeyedVectors

        vectors = KeyedVectors(self.width, count=0, dtype=np.float32)
        vectors.index_to_key = list(self.words)
        vectors.key_to_index = dict(self.index)
        vectors.vectors = self.matrix
        vectors.next_index = len(self)
        return vectors

    @classmethod
    def from_gensim(cls, vectors: "KeyedVectors") -> "WordVectors":
        """The words and vectors of a gensim KeyedVectors; vectors in float32 stay where they are and are shared."""
        return cls([str(word) for word in vectors.index_to_key], np.asarray(vectors.vectors, dtype=np.float32))
