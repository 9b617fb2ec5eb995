"""Words with their static vectors: what DCCA and MSE train on. Imports nothing heavy."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True)
class TeacherWords:
    """Words with their static vectors.

    words: strings. vectors: (n_words, width) float, any width; only directions count. groups: (n_words,) language of
    each word as a number, for sampling with a temperature.
    """

    words: Sequence[str]
    vectors: "NDArray[np.float32]"
    groups: "NDArray[np.int64]"
