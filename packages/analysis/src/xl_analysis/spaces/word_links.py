"""Which words of a sentence and of its translation belong together, read off the vectors of their sub-words.

Three ways, none of which is trained:

- mutual: two sub-words are each other's nearest by cosine ("argmax" of Jalili Sabet et al. 2020, section 2).
- softmax: with S = X Y', a pair stands where softmax(S) over its row and over its column both exceed a threshold (Dou
  and Neubig 2021, section 2.1: 0.001 on the dot products of block 8 of mBERT).
- ot, ot-partial, ot-unbalanced: a transport plan P between the two sentences, each vector with the same mass, moves a
  large enough share of the smaller of two masses, P_ij max(n, m). Cost is cosine distance over the largest of the pair.
  "ot" moves all mass and is blurred (entropic: Cuturi 2013), "ot-unbalanced" is too and moves what is worth its cost
  (Chizat et al. 2018; for words: Arase et al. 2023), "ot-partial" moves a share of it, exactly (Chapel et al. 2020).

Vectors may be of sub-words: words are linked where any of their sub-words are (Dou and Neubig 2021, section 2.1).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from xl_analysis.errors import AnalysisError

LINK_METHODS = ("mutual", "softmax", "ot", "ot-partial", "ot-unbalanced")

# Cosines within this step count as equal: above the rounding of float64, below that of float32.
_TIE = 2.0**-30
# What a pair must exceed: in both directions, as published; of the smaller mass, best on manual links of Greek and
# English.
_SOFTMAX_THRESHOLD = 1e-3
_SHARE_THRESHOLD = 0.3


@dataclass(frozen=True, kw_only=True)
class WordLinks:
    """The links of one sentence pair.

    pairs: (i, j), word i of the first and j of the second sentence, from 0, ascending. scores: (n_pairs,) float64, 0 to
    1, how much speaks for each: no probability before it is calibrated. matrix: (n_left, n_right) float64, the same of
    every pair of words; 0 for a word without a sub-word.
    """

    pairs: list[tuple[int, int]]
    scores: NDArray[np.float64]
    matrix: NDArray[np.float64]

    @property
    def left_alone(self) -> list[int]:
        """Words of the first sentence that have no partner."""
        return sorted({*range(self.matrix.shape[0])} - {i for i, _ in self.pairs})

    @property
    def right_alone(self) -> list[int]:
        """Words of the second sentence that have no partner."""
        return sorted({*range(self.matrix.shape[1])} - {j for _, j in self.pairs})

    @property
    def alone(self) -> float:
        """Share of the words of both sentences that have no partner, 0 to 1; 1 for two sentences without a word."""
        n_words = sum(self.matrix.shape)
        return (len(self.left_alone) + len(self.right_alone)) / n_words if n_words else 1.0


def link_words(
    x: ArrayLike,
    y: ArrayLike,
    *,
    x_words: ArrayLike | None = None,
    y_words: ArrayLike | None = None,
    lens: tuple[int, int] | None = None,
    method: str = "mutual",
    threshold: float | None = None,
    temperature: float = 1.0,
    blur: float = 0.05,
    mass: float = 0.5,
    reach: float = 1.0,
) -> WordLinks:
    """Links between the words of two sentences.

    x, y: (n, width) and (m, width), finite, vectors of words or sub-words. x_words, y_words: (n,) and (m,), the word of
    each, from 0; None: each is a word. A sub-word that two words share stands twice. lens: numbers of words, those
    without a sub-word too; None takes the largest.
    method: one of LINK_METHODS.
    threshold: in [0, 1), what the probabilities of both directions ("softmax") or the share of the smaller mass must
        exceed; None takes 0.001 or 0.3. temperature: > 0, "softmax" divides the dot products by it.
    blur: of "ot", "ot-unbalanced" and the scores of "mutual", 0.01 or more, in units of the cost.
    mass: share that "ot-partial" moves, in (0, 1]. reach: of "ot-unbalanced", > 0, in units of the cost: what it costs
        to leave mass where it is.

    The score of a link is that share (transport), the geometric mean of its two probabilities ("softmax"), or
    ("mutual") the share that "ot" would move between the means of the two words' vectors. AnalysisError for shapes that
    do not fit, numbers that are not finite, an unknown method, and a value out of its range.
    """
    if method not in LINK_METHODS:
        message = f"method is {method!r}; choose one of {', '.join(LINK_METHODS)}."
        raise AnalysisError(message)
    for name, value, fits, allowed in (
        ("threshold", threshold, threshold is None or 0 <= threshold < 1, "0 or more and less than 1"),
        ("temperature", temperature, temperature > 0, "a number above 0"),
        ("blur", blur, blur >= 0.01, "0.01 or more"),
        ("mass", mass, 0 < mass <= 1, "a number above 0, at most 1"),
        ("reach", reach, reach > 0, "a number above 0"),
    ):
        if not fits:
            message = f"{name} is {value}; give {allowed}."
            raise AnalysisError(message)
    left, right = _vectors("x", x), _vectors("y", y)
    if len(left) and len(right) and left.shape[1] != right.shape[1]:
        message = f"x has vectors of width {left.shape[1]}, y of {right.shape[1]}; one encoder gives both."
        raise AnalysisError(message)
    of_left, of_right = _owners("x_words", x_words, len(left)), _owners("y_words", y_words, len(right))
    shape = tuple(int(words.max(initial=-1)) + 1 for words in (of_left, of_right))
    if lens is not None:
        if lens[0] < shape[0] or lens[1] < shape[1]:
            message = f"lens is {lens}, but there are words up to {shape[0] - 1} and {shape[1] - 1}."
            raise AnalysisError(message)
        shape = lens
    matrix, best, linked = np.zeros(shape), np.zeros(shape), np.zeros(shape, dtype=bool)
    if len(left) and len(right):
        mesh = np.ix_(of_left, of_right)
        if method == "mutual":
            np.logical_or.at(linked, mesh, _mutual(left, right))
            # The cosine, which is high everywhere in most encoders, tells right links from wrong ones less well.
            (x_means, x_there), (y_means, y_there) = _word_means(left, of_left), _word_means(right, of_right)
            matrix[np.ix_(x_there, y_there)] = _shares(x_means, y_means, "ot", blur, mass, reach)
            best = matrix
        else:
            if method == "softmax":
                least = _SOFTMAX_THRESHOLD if threshold is None else threshold
                scores, stands = _both_ways(left @ right.T / temperature, least)
            else:
                scores = _shares(left, right, method, blur, mass, reach)
                stands = scores > (_SHARE_THRESHOLD if threshold is None else threshold)
            np.maximum.at(matrix, mesh, scores)
            np.logical_or.at(linked, mesh, stands)
            # Of a link the sub-words that make it count: probabilities are high one way for many others.
            np.maximum.at(best, mesh, np.where(stands, scores, 0))
    rows, columns = linked.nonzero()
    pairs = list(zip(rows.tolist(), columns.tolist(), strict=True))
    return WordLinks(pairs=pairs, scores=best[rows, columns], matrix=matrix)


def _vectors(name: str, given: ArrayLike) -> NDArray[np.float64]:
    vectors = np.asarray(given, dtype=np.float64)
    if vectors.ndim != 2:
        message = f"{name} has shape {vectors.shape}; (number of sub-words, width) is needed."
        raise AnalysisError(message)
    if not np.isfinite(vectors).all():
        message = f"{name} holds numbers that are not finite."
        raise AnalysisError(message)
    return vectors


def _owners(name: str, given: ArrayLike | None, n: int) -> NDArray[np.int64]:
    words = np.arange(n) if given is None else np.asarray(given, dtype=np.int64)
    if words.shape != (n,) or (words < 0).any():
        message = f"{name} has shape {words.shape}; the number of a word, from 0, is needed for each of {n} vectors."
        raise AnalysisError(message)
    return words


def _word_means(
    vectors: NDArray[np.float64], words: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Mean vectors of the words that have any, and their numbers."""
    there, places, counts = np.unique(words, return_inverse=True, return_counts=True)
    sums = np.zeros((len(there), vectors.shape[1]))
    np.add.at(sums, places, vectors)
    return sums / counts[:, None], there


def _cosines(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n, m); 0 with a vector that has no direction."""
    norms = [np.linalg.norm(side, axis=1, keepdims=True) for side in (x, y)]
    left, right = (side / np.where(norm > 0, norm, 1) for side, norm in zip((x, y), norms, strict=True))
    return left @ right.T


def _mutual(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Of equally near ones the first is taken."""
    rounded = np.round(_cosines(x, y) / _TIE)
    there = (np.abs(x).max(axis=1) > 0)[:, None] & (np.abs(y).max(axis=1) > 0)
    rounded[~there] = -np.inf
    here = np.arange(len(x))
    nearest_y = rounded.argmax(axis=1)
    linked = np.zeros(rounded.shape, dtype=bool)
    linked[here, nearest_y] = rounded.argmax(axis=0)[nearest_y] == here
    return linked & there


def _both_ways(similarities: NDArray[np.float64], threshold: float) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    from scipy.special import softmax

    over_right, over_left = softmax(similarities, axis=1), softmax(similarities, axis=0)
    return np.sqrt(over_right * over_left), (over_right > threshold) & (over_left > threshold)


def _shares(
    x: NDArray[np.float64], y: NDArray[np.float64], method: str, blur: float, mass: float, reach: float
) -> NDArray[np.float64]:
    """Of the smaller mass of each pair what the plan moves from one to the other, 0 to 1."""
    import ot

    cost = 1 - _cosines(x, y)
    cost = (cost / max(cost.max(), np.finfo(float).tiny)).clip(0, 1)
    a, b = np.full(len(x), 1 / len(x)), np.full(len(y), 1 / len(y))
    if method == "ot":
        plan = ot.sinkhorn(a, b, cost, blur, stopThr=1e-6, warn=False)
    elif method == "ot-unbalanced":
        plan = ot.unbalanced.sinkhorn_unbalanced(a, b, cost, blur, reach)
    elif mass < 1:
        plan = ot.partial.partial_wasserstein(a, b, cost, m=mass)
    else:
        plan = ot.emd(a, b, cost)
    return (plan * max(len(x), len(y))).clip(0, 1)
