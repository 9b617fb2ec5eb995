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
from xl_tasks.scoring.chain import heaviest_chain

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
    check_mining(score, k)
    if not first.shape[0] or not second.shape[0]:
        message = "there is no sentence on one of the sides; mining needs both."
        raise TaskError(message)
    return one_to_one(_neighbours(first, second, k if score == "margin" else 1), score=score)


def check_mining(score: str, k: int) -> None:
    """TaskError for a score that is not known, and for less than one neighbour."""
    if score not in SCORES:
        message = f"score is {score!r}; known: {', '.join(SCORES)}."
        raise TaskError(message)
    if k < 1:
        message = f"k is {k}; a margin needs at least 1 neighbour."
        raise TaskError(message)


@dataclass(frozen=True)
class Neighbours:
    """The k nearest of the other side, for the rows of each side; see `xl_staticemb.nearest_both`."""

    ahead: tuple[NDArray[np.int64], NDArray[np.float64]]
    """(n, k) rows of the second side, -1 for none, and their cosines, -inf for none, best first."""
    back: tuple[NDArray[np.int64], NDArray[np.float64]]
    """(m, k) rows of the first side and their cosines."""


def one_to_one(near: Neighbours, *, score: str = "margin") -> Pairs:
    """From the best score down the best partners of every row, of both sides, whose rows are both free."""
    ones, others, scores = _candidates(near, score, best=True)
    order = np.lexsort((others, ones, -scores))
    taken = _one_to_one(ones[order], others[order])
    chosen = order[taken]
    return Pairs(ones[chosen], others[chosen], scores[chosen])


def in_order(near: Neighbours, *, score: str = "margin", least: float | None = None) -> Pairs:
    """The pairs of two documents that tell the same in the same order: no two of them cross.

    Of all neighbours those with a score above `least` (None: 1, a margin of average neighbours; of cosines the mean of
    all candidates) may be taken; the chain with the largest sum of score - least is.
    """
    ones, others, scores = _candidates(near, score, best=False)
    if least is None:
        least = 1.0 if score == "margin" else float(scores.mean()) if scores.size else 0.0
    chain = heaviest_chain(ones, others, scores - least)
    order = chain[np.argsort(-scores[chain], kind="stable")]
    return Pairs(ones[order], others[order], scores[order])


def best_threshold(
    scores: NDArray[np.float64], hits: NDArray[np.bool_] | NDArray[np.float64], n_gold: float
) -> tuple[float, float]:
    """(threshold, F1) such that keeping the pairs with at least this score has the highest F1 = 2 tp / (kept + gold).

    scores (n,) descending, hits (n,) whether each is a gold pair, or how likely, which gives the F1 to be expected
    (2 sum of likelihoods / (kept + gold)). Every cut between unequal scores is tried; of equal
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


def _neighbours(first: Vectors, second: Vectors, k: int) -> Neighbours:
    if isinstance(first, np.ndarray) and isinstance(second, np.ndarray):
        from xl_staticemb import nearest_both  # it loads torch

        ahead, back = nearest_both(first, second, k)
        return Neighbours(
            (ahead.indices, ahead.scores.astype(np.float64)), (back.indices, back.scores.astype(np.float64))
        )
    return Neighbours(_nearest_sparse(first, second, k), _nearest_sparse(second, first, k))


def _nearest_sparse(queries: Vectors, keys: Vectors, k: int) -> _Found:
    """Rows (n, k) of the nearest keys and their cosines (n, k), best first."""
    k = min(k, keys.shape[0])
    indices = np.empty((queries.shape[0], k), dtype=np.int64)
    scores = np.empty((queries.shape[0], k), dtype=np.float64)
    for start in range(0, queries.shape[0], _BLOCK):
        block = cosine_scores(queries[start : start + _BLOCK], keys)
        order = np.argsort(-block, axis=1, kind="stable")[:, :k]
        indices[start : start + _BLOCK] = order
        scores[start : start + _BLOCK] = np.take_along_axis(block, order, axis=1)
    return indices, scores


def margins(
    near: Neighbours, ones: NDArray[np.int64], others: NDArray[np.int64], cosines: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Ratio margins (n,) of pairs with these cosines; -inf where the neighbourhoods have no positive mean cosine."""
    middle = (_means(near.ahead[1])[ones] + _means(near.back[1])[others]) / 2
    return np.divide(cosines, middle, out=np.full_like(cosines, -np.inf), where=middle > 0)


def _candidates(
    near: Neighbours, score: str, *, best: bool
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """(first, second, score) of pairs of neighbours with a finite score; `best`: of each row the best alone."""
    parts = []
    for side, (indices, cosines) in enumerate((near.ahead, near.back)):
        own = np.repeat(np.arange(len(indices)), indices.shape[1])
        partners = indices.ravel()
        ones, others = (own, partners) if side == 0 else (partners, own)
        values = cosines.ravel()
        if score == "margin":
            values = np.where(partners >= 0, margins(near, ones, others, values), -np.inf)
        if best:
            table = values.reshape(indices.shape)
            # Of equal ones that with the lower row.
            chosen = np.lexsort((indices, -table), axis=1)[:, 0] + np.arange(len(indices)) * indices.shape[1]
            ones, others, values = ones[chosen], others[chosen], values[chosen]
        kept = np.isfinite(values)
        parts.append((ones[kept], others[kept], values[kept]))
    ones, others, scores = (np.concatenate(each) for each in zip(*parts, strict=True))
    return ones, others, scores


def _means(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean cosine of each row with the neighbours it has, NaN for none, (n,)."""
    finite = np.isfinite(scores)
    with np.errstate(invalid="ignore"):
        return np.where(finite, scores, 0.0).sum(1) / finite.sum(1)


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
