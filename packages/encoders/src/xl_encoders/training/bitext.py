"""Sentences with their translations, in words: what OT, L2 and word contrast train on. Imports nothing heavy."""

from collections.abc import Sequence
from dataclasses import dataclass

from xl_encoders.errors import EncoderError

Alignments = Sequence[Sequence[tuple[int, int]]]


@dataclass(frozen=True, kw_only=True)
class Bitext:
    """Sentences with their translations, in words.

    name: as errors call it ("deu_Latn-eng_Latn"). left, right: a list of words a sentence; right is the pivot side.
    alignments: word pairs (i, j) of each sentence pair, from 0; None where nobody aligned them.
    """

    name: str
    left: Sequence[Sequence[str]]
    right: Sequence[Sequence[str]]
    alignments: Alignments | None = None

    def __post_init__(self) -> None:
        if len(self.left) != len(self.right):
            message = f"{self.name}: {len(self.left)} sentences stand against {len(self.right)}."
            raise EncoderError(message)
        if self.alignments is not None and len(self.alignments) != len(self.left):
            message = f"{self.name}: {len(self.alignments)} lines of alignments for {len(self.left)} sentence pairs."
            raise EncoderError(message)

    def __len__(self) -> int:
        return len(self.left)
