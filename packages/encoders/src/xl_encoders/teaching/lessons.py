"""Texts with the vectors that a frozen teacher has for them or for their translations. Imports nothing heavy."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from xl_encoders.errors import EncoderError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True)
class Lessons:
    """Texts that a student reads, and what the teacher says to each.

    texts: strings, as they are written. pivots: of each its translation in a language that the teacher knows; None
        where the teacher's vectors are of the texts themselves.
    vectors: (n_vectors, width) float, the teacher's, say memory-mapped; only rows that are used are read.
    rows: (n_texts,) int64, the row of each text's vector: that of its translation, if it has one.
    nearest: (n_vectors, k) int64, of each row those nearest to it, where hard negatives are wanted; rows that no text
        has are not looked at.
    """

    texts: Sequence[str]
    vectors: "NDArray[np.float32]"
    rows: "NDArray[np.int64]"
    pivots: Sequence[str] | None = None
    nearest: "NDArray[np.int64] | None" = None

    def __post_init__(self) -> None:
        n_pivots = len(self.texts) if self.pivots is None else len(self.pivots)
        if not len(self.texts) == len(self.rows) == n_pivots:
            message = f"{len(self.texts)} texts stand against {len(self.rows)} vectors and {n_pivots} translations."
            raise EncoderError(message)

    def __len__(self) -> int:
        return len(self.texts)
