"""Many tests at once: Holm's correction (Holm 1979, "A simple sequentially rejective multiple test procedure")."""

from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from xl_analysis.errors import AnalysisError

# Enough resamples that the least p there can be is a quarter of what Holm asks of the first of a family.
_MARGIN = 4
LEVEL = 0.05
"""A difference is called significant where its adjusted p is below this."""


def holm(p: ArrayLike) -> NDArray[np.float64]:
    """Adjusted p of a family of m tests: the i-th smallest p times (m - i + 1), at least that of those before it.

    p: (m,) probabilities in [0, 1], in any order and however they depend on each other. Tests whose adjusted p is at
    most 0.05 are wrong together, in one or more, with a probability of at most 0.05. AnalysisError for other numbers.
    """
    p = np.asarray(p, dtype=np.float64)
    if p.ndim != 1 or not ((p >= 0) & (p <= 1)).all():
        message = f"p are {p.tolist()!r:.80}; a list of probabilities, 0 to 1, is needed."
        raise AnalysisError(message)
    order = np.argsort(p, kind="stable")
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(1, np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1)))
    return adjusted


def holm_by_family(p: Sequence[float | None], families: Sequence[Hashable]) -> list[float | None]:
    """`holm` in each family by itself; a test without p, None, has no adjusted p and counts for nothing.

    families: for each test the name of its family, as many as there are p.
    """
    adjusted: list[float | None] = [None] * len(p)
    members: dict[Hashable, list[tuple[int, float]]] = {}
    for place, (value, family) in enumerate(zip(p, families, strict=True)):
        if value is not None:
            members.setdefault(family, []).append((place, value))
    for tests in members.values():
        for (place, _), value in zip(tests, holm([value for _, value in tests]), strict=True):
            adjusted[place] = float(value)
    return adjusted


def resamples_for(n_tests: int, least: int) -> int:
    """How many resamples a test needs so that a family of n_tests can have significant ones; `least` or more.

    The least p of n resamples is 2 / (n + 1): with 1,000 of them no difference is significant among 26 after Holm.
    """
    return max(least, int(_MARGIN * 2 * n_tests / LEVEL))
