"""How often each language is drawn in an epoch, and which of its texts come next: functions of numbers, no state.

With temperature T a language of n texts has a share of n^(1/T): T = 1 is natural, larger is flatter, infinite is equal
(XLM-R, arXiv 1911.02116, section 3, with alpha = 1/T).
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from xl_encoders.errors import EncoderError

# Ends the seed of a permutation of one stratum. Seeds of other lengths are padded with zeros, so it is not zero.
_PASS = 1


def draws_per_epoch(counts: NDArray[np.int64], temperature: float) -> NDArray[np.int64]:
    """(n_languages,) draws of each language in an epoch of about `counts.sum()` draws, in proportion to n^(1/T).

    counts: (n_languages,) texts of each language, at least one. A language has at least one draw; T = 1 gives `counts`.
    Raises EncoderError for a temperature that is not above 0.
    """
    check_temperature(temperature)
    # Relative to the largest, so that a small temperature overflows nothing.
    weights = (counts / counts.max()) ** (1.0 / temperature)
    shares = weights / weights.sum()
    return np.maximum(1, np.rint(counts.sum() * shares)).astype(np.int64)


def check_temperature(temperature: float) -> None:
    """Raise EncoderError unless `temperature` is a number above 0; infinite is one."""
    if not temperature > 0:
        message = f"temperature is {temperature}; give a number above 0, 1 for natural shares, inf for equal ones."
        raise EncoderError(message)


class StratumDraws:
    """So many members of each stratum an epoch, from an endless row of permutations of the stratum.

    A stratum with more draws than members repeats them, one with fewer goes on in the next epoch where it stopped, so
    after k passes over a stratum each of its members was drawn k times.

    strata: members of each stratum, at least one, each an int64 array.
    draws: (n_strata,) draws of each in an epoch.
    """

    def __init__(self, strata: Sequence[NDArray[np.int64]], draws: NDArray[np.int64], *, seed: int) -> None:
        self._strata = strata
        self._draws = draws
        self._seed = seed

    def epoch(self, number: int) -> NDArray[np.int64]:
        """(draws.sum(),) what epoch `number` draws, one stratum after another."""
        parts = [
            self._slice(stratum, number * draws, (number + 1) * draws)
            for stratum, draws in enumerate(self._draws.tolist())
        ]
        return np.concatenate(parts)

    def _slice(self, stratum: int, start: int, stop: int) -> NDArray[np.int64]:
        members = self._strata[stratum]
        parts = []
        while start < stop:
            turn, place = divmod(start, len(members))
            order = np.random.default_rng([self._seed, turn, stratum, _PASS]).permutation(len(members))
            parts.append(members[order[place : place + stop - start]])
            start += len(parts[-1])
        return np.concatenate([*parts, members[:0]])
