"""Shuffled texts cut into batches of like length, by a random generator alone."""

import numpy as np
from numpy.typing import NDArray

# Batches whose texts are sorted by length together. More gives less padding and less mixing of lengths.
N_SORTED = 16


def length_batches(
    texts: NDArray[np.int64], lengths: NDArray[np.int64], batch: int, random: np.random.Generator
) -> list[NDArray[np.int64]]:
    """`texts`, shuffled, cut into batches of like length, in random order; all but one hold `batch` texts.

    texts: (n_draws,) text numbers. lengths: (n_texts,) their lengths.
    """
    window = batch * N_SORTED
    batches: list[NDArray[np.int64]] = []
    for start in range(0, len(texts), window):
        part = texts[start : start + window]
        part = part[np.argsort(lengths[part], kind="stable")]
        batches += [part[i : i + batch] for i in range(0, len(part), batch)]
    return [batches[i] for i in random.permutation(len(batches))]
