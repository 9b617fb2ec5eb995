"""A share of each language's texts, drawn by hash: the same texts whatever the order of files and lines, and machine.

Glot500's authors and those who post-train their model take a tenth of each language and at least 10,000 sentences
(Xhelili, Liu and Schütze 2024, section 4.2).
"""

from dataclasses import dataclass
from fractions import Fraction
from hashlib import blake2b
from math import ceil

import numpy as np
from numpy.typing import NDArray

from xl_encoders.errors import EncoderError

# Repeats are looked for in this many parts of the hashes, one after another, which keeps the sorting small.
_N_PARTS = 16


@dataclass(frozen=True, kw_only=True)
class TextShare:
    """Which of a language's n texts are taken: the min(n, max(ceil(share n), least)) with the smallest hashes.

    share: of each language, in (0, 1]. least: texts of each language at least, as far as there are so many.
    seed: other seeds take other texts; of one seed a smaller share lies within a larger one.
    unique: whether equal texts count, and are taken, once. Else a text counts as often as it occurs, and is taken so
        often too, but for the last one that there is room for.

    Raises EncoderError for a share, a least number or a seed out of range.
    """

    share: float
    least: int = 0
    seed: int = 0
    unique: bool = True

    def __post_init__(self) -> None:
        if not 0 < self.share <= 1 or self.least < 0 or not 0 <= self.seed < 2**63:
            message = (
                f"share is {self.share}, least {self.least} and seed {self.seed}; give a share above 0 and at most 1, "
                f"and numbers from 0."
            )
            raise EncoderError(message)

    def n_of(self, n_texts: int) -> int:
        """How many of `n_texts` are taken. The share counts as it is written: 0.07 of 100 is 7."""
        return min(n_texts, max(ceil(Fraction(str(self.share)) * n_texts), self.least))

    def rank(self, text: bytes) -> int:
        """64 bits (BLAKE2b, keyed by the seed) that decide a text's place among the others; `text` is UTF-8."""
        return int.from_bytes(blake2b(text, digest_size=8, key=self.seed.to_bytes(8, "big")).digest(), "big")

    def take(self, kept: NDArray[np.bool_], ranks: NDArray[np.uint64], groups: NDArray[np.integer]) -> dict[int, int]:
        """Clear, in place, the texts of `kept` that are not taken; how many each group had before.

        kept: (n_texts,) which there are, repeats gone where `unique`. ranks, groups: (n_texts,) rank and language's
        number. Of equal ranks the earlier is taken first.
        """
        n_before = {}
        for group in np.unique(groups[kept]).tolist():
            members = np.flatnonzero(kept & (groups == group))
            n_before[group] = len(members)
            n_taken = self.n_of(len(members))
            if n_taken < len(members):
                own = ranks[members]
                last = np.partition(own, n_taken - 1)[n_taken - 1]
                taken = own < last
                taken[np.flatnonzero(own == last)[: n_taken - int(taken.sum())]] = True
                kept[members[~taken]] = False
        return n_before


def drop_repeats(kept: NDArray[np.bool_], hashes: NDArray[np.uint64], order: NDArray[np.integer] | None = None) -> None:
    """Clear, in place, the texts of `kept` whose hash an earlier kept one has.

    order: (n_texts,) smaller is earlier, of equal ones as they come; None as they come.
    """
    for part in range(_N_PARTS):
        rows = np.flatnonzero(kept & (hashes % _N_PARTS == part))
        if order is not None:
            rows = rows[np.argsort(order[rows], kind="stable")]
        first = np.unique(hashes[rows], return_index=True)[1]
        kept[rows] = False
        kept[rows[first]] = True
