"""Sentences with their translations, in words and as written: what objectives on pairs train on. Nothing heavy."""

from collections.abc import Sequence
from dataclasses import dataclass

from xl_encoders.errors import EncoderError

Alignments = Sequence[Sequence[tuple[int, int]]]


@dataclass(frozen=True, kw_only=True)
class Bitext:
    """Sentences with their translations, in words.

    name: as errors call it ("deu_Latn-eng_Latn"). left, right: a list of words a sentence; right is the pivot side.
    alignments: word pairs (i, j) of each sentence pair, from 0; None where nobody aligned them.
    written: both sides as they are written, with what stands between words; None where nobody says.
    """

    name: str
    left: Sequence[Sequence[str]]
    right: Sequence[Sequence[str]]
    alignments: Alignments | None = None
    written: tuple[Sequence[str], Sequence[str]] | None = None

    def __post_init__(self) -> None:
        if len(self.left) != len(self.right):
            message = f"{self.name}: {len(self.left)} sentences stand against {len(self.right)}."
            raise EncoderError(message)
        if self.written is not None and not len(self.left) == len(self.written[0]) == len(self.written[1]):
            message = f"{self.name}: {len(self.left)} sentences in words, {len(self.written[0])} as written."
            raise EncoderError(message)
        if self.alignments is not None and len(self.alignments) != len(self.left):
            message = f"{self.name}: {len(self.alignments)} lines of alignments for {len(self.left)} sentence pairs."
            raise EncoderError(message)

    @property
    def sentences(self) -> tuple[Sequence[str], Sequence[str]]:
        """Both sides as text: as written, else their words with a space between them."""
        if self.written is not None:
            return self.written
        return [" ".join(words) for words in self.left], [" ".join(words) for words in self.right]

    def __len__(self) -> int:
        return len(self.left)
