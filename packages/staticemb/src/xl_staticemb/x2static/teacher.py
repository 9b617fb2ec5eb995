"""What a frozen encoder must give for static vectors to be taken out of it; any callable of this shape will do."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class StateSums(Protocol):
    """Sums of sub-token states over texts and over spans of them. Spans of all texts stand one after the other.

    All sums are float32, all numbers int64.
    """

    @property
    def content(self) -> NDArray[np.float32]:
        """(n_texts, width): sum over the tokens of the text itself."""
        ...

    @property
    def n_content(self) -> NDArray[np.int64]:
        """(n_texts,): how many these are."""
        ...

    @property
    def special(self) -> NDArray[np.float32]:
        """(n_texts, width): sum over the special tokens around it."""
        ...

    @property
    def n_special(self) -> NDArray[np.int64]:
        """(n_texts,): how many these are."""
        ...

    @property
    def spans(self) -> NDArray[np.float32]:
        """(n_spans, width): sum over the tokens that cover a part of the span."""
        ...

    @property
    def n_tokens(self) -> NDArray[np.int64]:
        """(n_spans,): how many these are, 0 where none was read."""
        ...

    @property
    def ends(self) -> NDArray[np.int64]:
        """(n_texts,): how far a text was read, in code points; its length where nothing was cut."""
        ...


class Teacher(Protocol):
    """A frozen encoder read at one layer. Equal calls must give equal sums."""

    @property
    def width(self) -> int:
        """Length of a state."""
        ...

    @property
    def fingerprint(self) -> str:
        """Equal where the states are the same; a cache of contexts is kept under it."""
        ...

    def __call__(self, texts: Sequence[str], spans: Sequence[Sequence[tuple[int, int]]]) -> StateSums:
        """Sums for `texts` and for `spans`, (start, end) in code points, a list for each text."""
        ...
