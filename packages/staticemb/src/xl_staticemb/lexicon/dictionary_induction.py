"""A dictionary out of two vocabularies that share a space: who is whose nearest neighbour.

Mutual nearest neighbours under CSLS are how MUSE (Conneau et al. 2018, section 2.3) makes the dictionary of its next
step; here they are a file for people and for other programs.
"""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from xl_staticemb.errors import StaticembError
from xl_staticemb.lexicon.dictionaries import fits_a_line
from xl_staticemb.search.choices import DIRECTIONS
from xl_staticemb.search.nearest_keys import Nearest, nearest
from xl_staticemb.vectors import WordVectors


def induce_dictionary(
    source: WordVectors,
    target: WordVectors,
    *,
    direction: str = "mutual",
    retrieval: str = "csls",
    cutoff: int | None = 20_000,
    k: int = 1,
    n_neighbours: int = 10,
    temperature: float = 30.0,
    min_score: float | None = None,
    max_pairs: int | None = None,
    exclude_pairs: Iterable[tuple[str, str]] = (),
    exclude_sources: Iterable[str] = (),
    exclude_targets: Iterable[str] = (),
    skip_identical: bool = False,
    device: str = "cpu",
) -> list[tuple[str, str, float]]:
    """Pairs (source word, target word, score), best first; equal scores in the order of the source's words.

    The first `cutoff` words of each side look at each other (None: all). `direction` forward gives each source word its
    `k` nearest target words, backward each target word its `k` nearest source words, mutual the pairs that are in
    both, union those in one. The score is that of `nearest` with the side's first `cutoff` words as sources; where the
    two directions differ (invsoftmax, invnn) and both found the pair, it is their mean. `n_neighbours` and
    `temperature` as in `nearest`.

    Pairs below `min_score` are left out, then the best `max_pairs` kept. `exclude_*` name what must not appear, a test
    dictionary for instance, whatever the case of its letters; a word so lost is not given its next best partner.
    `skip_identical` leaves out pairs of equal strings. So are words that a line of a dictionary cannot hold. Raises
    StaticembError for options without meaning.
    """
    for name, value, least in (("k", k, 1), ("cutoff", cutoff, 1), ("max_pairs", max_pairs, 1)):
        if value is not None and value < least:
            message = f"{name} must be at least {least}, not {value}"
            raise StaticembError(message)
    if direction not in DIRECTIONS:
        message = f"direction {direction!r} is not known; it can be {', '.join(DIRECTIONS)}"
        raise StaticembError(message)
    x, z = source.matrix[:cutoff], target.matrix[:cutoff]
    directions: list[dict[tuple[int, int], float]] = []
    for wanted, queries, keys in (("forward", x, z), ("backward", z, x)):
        if direction in (wanted, "mutual", "union"):
            best = nearest(
                queries, keys, k, retrieval, n_neighbours=n_neighbours, temperature=temperature, device=device
            )
            directions.append(_pairs(best, turned=wanted == "backward"))
    first, last = directions[0], directions[-1]
    pairs = first.keys() & last.keys() if direction == "mutual" else first.keys() | last.keys()
    scores = {pair: float(np.mean([side[pair] for side in directions if pair in side])) for pair in pairs}
    banned_pairs = {(a.lower(), b.lower()) for a, b in exclude_pairs}
    banned_sources, banned_targets = ({word.lower() for word in words} for words in (exclude_sources, exclude_targets))
    kept = []
    for i, j in sorted(pairs, key=lambda pair: (-scores[pair], pair)):
        one, other = source.words[i], target.words[j]
        low, high = one.lower(), other.lower()
        if low in banned_sources or high in banned_targets or (low, high) in banned_pairs:
            continue
        if (skip_identical and one == other) or not (fits_a_line(one) and fits_a_line(other)):
            continue
        if min_score is not None and scores[i, j] < min_score:
            break
        kept.append((one, other, scores[i, j]))
        if len(kept) == max_pairs:
            break
    return kept


def _pairs(best: Nearest, *, turned: bool) -> dict[tuple[int, int], float]:
    rows, places = np.nonzero(best.indices >= 0)
    partners: NDArray[np.int64] = best.indices[rows, places]
    scores = best.scores[rows, places].tolist()
    pairs = zip(partners, rows, strict=True) if turned else zip(rows, partners, strict=True)
    return {(int(i), int(j)): score for (i, j), score in zip(pairs, scores, strict=True)}
