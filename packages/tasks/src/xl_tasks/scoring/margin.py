"""Pairs of translations among two sets of vectors, by margin scores (Artetxe and Schwenk, 2019).

The ratio margin divides the cosine of a pair by how near its two sentences are to their neighbours anyway: with r(x)
and r(z) the mean cosines with the k nearest of the other side, score = cos(x, z) / ((r(x) + r(z)) / 2). Candidates are
the best partner of every sentence, from both sides; from the best score down, a pair is taken if both are free.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xl_staticemb import cosine_scores
from xl_tasks.encoder import Vectors
from xl_tasks.errors import TaskError

SCORES = ("margin", "cosine")
NEIGHBOURS = 4
"""Neighbours of the published runs."""

_BLOCK = 256  # sparse queries scored at a time


@dataclass(frozen=True)
class Pairs:
    """Pairs of rows, one-to-one, best first."""

    first: NDArray[np.int64]
    """(n,) rows of the first side."""
    second: NDArray[np.int64]
    """(n,) rows of the second side."""
    scores: NDArray[np.float64]
    """(n,), descending."""


def mine(first: Vectors, second: Vectors, *, score: str = "margin", k: int = NEIGHBOURS) -> Pairs:
    """The pairs among two sides (n, width) and (m, width), greedily one-to-one by score.

    score: "margin" (ratio) or "cosine". k: neighbours that a margin compares with; at least 1.

    A pair whose neighbourhoods have no positive mean cosine has no margin and is left out, as is a row that is not
    finite. TaskError for another score, k below 1 and an empty side.
    """
    if score not in SCORES:
        message = f"score is {score!r}; known: {', '.join(SCORES)}."
        raise TaskError(message)
    if k < 1:
        message = f"k is {k}; a margin needs at least 1 neighbour."
        raise TaskError(message)
    if not first.shape[0] or not second.shape[0]:
        message = "there is no sentence on one of the sides; mining needs both."
        raise TaskError(message)
    depth = k if score == "margin" else 1
    ahead, back = _nearest(first, second, depth), _nearest(second, first, depth)
    means = (_means(ahead[1]), _means(back[1]))
    rows = [_best(ahead, means, score), _best(back, means[::-1], score)]
    ones = np.concatenate([rows[0][0], rows[1][1]])
    others = np.concatenate([rows[0][1], rows[1][0]])
    scores = np.concatenate([rows[0][2], rows[1][2]])
    order = np.lexsort((others, ones, -scores))
    taken = _one_to_one(ones[order], others[order])
    chosen = order[taken]
    return Pairs(ones[chosen], others[chosen], scores[chosen])


def best_threshold(scores: NDArray[np.float64], hits: NDArray[np.bool_], n_gold: int) -> tuple[float, float]:
    """(threshold, F1) such that keeping the pairs with at least this score has the highest F1 = 2 tp / (kept + gold).

    scores (n,) descending, hits (n,) whether each is a gold pair. Every cut between unequal scores is tried; of equal
    F1 the higher threshold is taken. It lies half-way between two scores; infinity where no pair is worth keeping.
    """
    f1 = 2 * np.cumsum(hits) / (np.arange(1, len(scores) + 1) + n_gold)
    cuts = np.flatnonzero(np.append(scores[1:] < scores[:-1], True)[: len(scores)])
    if not cuts.size or not f1[cuts].max() > 0:
        return float("inf"), 0.0
    cut = cuts[np.argmax(f1[cuts])]
    kept = float(scores[cut])
    if cut + 1 == len(scores):
        return kept, float(f1[cut])
    middle = (kept + float(scores[cut + 1])) / 2
    return (middle if middle > scores[cut + 1] else kept), float(f1[cut])


_Found = tuple[NDArray[np.int64], NDArray[np.float64]]


def _nearest(queries: Vectors, keys: Vectors, k: int) -> _Found:
    """Rows (n, k) of the nearest keys, -1 for none, and their cosines (n, k), best first, -inf for none."""
    if isinstance(queries, np.ndarray) and isinstance(keys, np.ndarray):
        from xl_staticemb import nearest  # it loads torch

        best = nearest(queries, keys, k)
        return best.indices, best.scores.astype(np.float64)
    k = min(k, keys.shape[0])
    indices = np.empty((queries.shape[0], k), dtype=np.int64)
    scores = np.empty((queries.shape[0], k), dtype=np.float64)
    for start in range(0, queries.shape[0], _BLOCK):
        block = cosine_scores(queries[start : start + _BLOCK], keys)
        order = np.argsort(-block, axis=1, kind="stable")[:, :k]
        indices[start : start + _BLOCK] = order
        scores[start : start + _BLOCK] = np.take_along_axis(block, order, axis=1)
    return indices, scores


def _means(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean cosine of each row with the neighbours it has, NaN for none, (n,)."""
    finite = np.isfinite(scores)
    with np.errstate(invalid="ignore"):
        return np.where(finite, scores, 0.0).sum(1) / finite.sum(1)


def _best(nearest: _Found, means: tuple[NDArray[np.float64], NDArray[np.float64]], score: str) -> tuple:
    """(rows, partners, scores) of the best partner of each row that has one; of equal ones that with the lower row."""
    indices, cosines = nearest
    values = cosines
    if score == "margin":
        middle = (means[0][:, None] + means[1][indices]) / 2
        values = np.divide(cosines, middle, out=np.full_like(cosines, -np.inf), where=(middle > 0) & (indices >= 0))
    order = np.lexsort((indices, -values), axis=1)[:, 0]
    rows = np.arange(len(indices))
    best, partners = values[rows, order], indices[rows, order]
    kept = np.isfinite(best)
    return rows[kept], partners[kept], best[kept]


def _one_to_one(ones: NDArray[np.int64], others: NDArray[np.int64]) -> list[int]:
    """Places of the pairs, in their order, of which neither row came before."""
    seen: tuple[set[int], set[int]] = (set(), set())
    taken = []
    for place, (one, other) in enumerate(zip(ones.tolist(), others.tolist(), strict=True)):
        if one not in seen[0] and other not in seen[1]:
            seen[0].add(one)
            seen[1].add(other)
            taken.append(place)
    return taken
