"""What a model reads in the place of a text: the interface of input units, and the one that changes nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray


class Aligned(NamedTuple):
    """A text as the model reads it, and where each of its characters comes from.

    text: what is tokenised.
    starts, ends: (len(text),) int64, the span of the original text, in code points, behind each character of `text`;
        both ascend. Where one span gives several characters, all of them carry it.
    """

    text: str
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]


class Unit(Protocol):
    """Texts of a language as strings for a tokenizer."""

    @property
    def name(self) -> str:
        """How result rows call it: "subword", "character", "phonemes" or "romanised"."""
        ...

    @property
    def separator(self) -> str:
        """What stands between two words of a tagged sentence beside the space, "▁" for phonemes; "" for nothing."""
        ...

    def texts(self, texts: Sequence[str], language: str) -> list[str]:
        """Whole texts, one string each."""
        ...

    def words(self, sentences: Sequence[Sequence[str]], language: str) -> list[list[str]]:
        """Sentences in words, one string a word, none left out; a word that gives nothing is an empty string."""
        ...

    def aligned(self, text: str, language: str) -> Aligned:
        """A text whose spans are asked for: a context with answers."""
        ...


@dataclass(frozen=True)
class AsWritten:
    """Text as it stands; the tokenizer cuts it into sub-words or characters."""

    name: str = "subword"
    separator: str = ""

    def texts(self, texts: Sequence[str], language: str) -> list[str]:
        """The texts themselves."""
        return list(texts)

    def words(self, sentences: Sequence[Sequence[str]], language: str) -> list[list[str]]:
        """The words themselves."""
        return [list(sentence) for sentence in sentences]

    def aligned(self, text: str, language: str) -> Aligned:
        """The text itself; character i comes from (i, i + 1)."""
        places = np.arange(len(text), dtype=np.int64)
        return Aligned(text, places, places + 1)
