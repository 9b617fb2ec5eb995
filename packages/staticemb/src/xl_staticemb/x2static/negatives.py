"""What is drawn from counts: which occurrences are targets, and which words stand against them (X2Static)."""

import numpy as np
from numpy.typing import NDArray

from xl_staticemb.errors import StaticembError


def keep_probability(frequencies: NDArray[np.float64], t: float) -> NDArray[np.float64]:
    """Probability that an occurrence is a target: min(1, sqrt(t/f) + t/f), (n_words,) in [0, 1]; all 1 for t = 0.

    frequencies: (n_words,) relative frequencies f, above 0.
    """
    if t == 0:
        return np.ones(len(frequencies))
    ratio = t / np.asarray(frequencies, dtype=np.float64)
    return np.minimum(1.0, np.sqrt(ratio) + ratio)


class NegativeSampler:
    """Words drawn with replacement in proportion to count ** power, in constant time each (alias method).

    counts: (n_words,) occurrences, at least 1 each. power: 0.5 in X2Static, 0.75 in word2vec.
    """

    def __init__(self, counts: NDArray[np.int64], power: float = 0.5) -> None:
        from scipy.stats.sampling import DiscreteAliasUrn

        if not len(counts) or counts.min() < 1:
            message = "negatives are drawn from words that occur; give counts of at least 1."
            raise StaticembError(message)
        # Counts in logarithms: a large power would overflow.
        logs = power * np.log(counts.astype(np.float64))
        self._urn = DiscreteAliasUrn(np.exp(logs - logs.max()))

    def draw(self, random: np.random.Generator, n: int) -> NDArray[np.int64]:
        """(n,) int64 word rows."""
        drawn = self._urn.rvs(n, random_state=random)  # ty: ignore[no-matching-overload]  (no stub takes Generator)
        return np.asarray(drawn, dtype=np.int64)
