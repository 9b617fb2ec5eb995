"""Refinement of word vectors by feedback: some words should be nearer to a keyword, others farther.

Yuan et al. 2020, "Interactive Refinement of Cross-Lingual Word Embeddings" (CLIME). With E the vectors and E0 what they
were, P(k) the words marked as like keyword k and N(k) those marked as unlike,

    f(E) = sum_k ( sum_{n in N(k)} E_k.E_n - sum_{p in P(k)} E_k.E_p ) + weight ||E - E0||^2.

This is quadratic. With A the symmetric matrix of signs, +1 where a keyword and a word repel and -1 where they attract,
f(E) = tr(E' A E) / 2 + weight ||E - E0||^2, and its minimum solves (2 weight I + A) E = 2 weight E0. There is one
only if weight > -m / 2, m the least eigenvalue of A; below that words run off to infinity, however slowly an optimiser
follows them. One keyword with j words has m = -sqrt(j): the published weight of 1 serves up to three words.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from xl_staticemb.errors import StaticembError
from xl_staticemb.vectors import WordVectors

Word = str | tuple[str, str]
"""A word, or ("source" | "target", word) where both vocabularies hold it."""

_SIDES = ("source", "target")
# without a weight: the published one, and at least this many times the least that has a minimum
_PUBLISHED, _MARGIN = 1.0, 2.0
# rows up to which all eigenvalues are computed; beyond, the least one by Lanczos iteration
_DENSE = 512


@dataclass(frozen=True, kw_only=True, eq=False)
class RefinedRows:
    """New vectors for the rows that feedback names."""

    rows: NDArray[np.int64]
    """(n,) ascending, each once."""
    matrix: NDArray[np.float32]
    """(n, width)"""
    weight: float
    least_weight: float
    """Above this weight the objective has a minimum; 0 or more."""
    objective: tuple[float, float]
    """f before and after, before lengths are restored."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Refinement:
    """Both vocabularies after refinement (`target` None if there is one only), and how it went."""

    source: WordVectors
    target: WordVectors | None
    n_refined: int
    """Words that got a new vector; all others are as they were, bit by bit."""
    weight: float
    least_weight: float
    objective: tuple[float, float]


def refine(
    source: WordVectors,
    feedback: Iterable[tuple[Word, Sequence[Word], Sequence[Word]]],
    *,
    target: WordVectors | None = None,
    weight: float | None = None,
    normalize_after: bool = True,
) -> Refinement:
    """Move keywords and the words marked for them; feedback is (keyword, words to attract, words to repel).

    target: a second vocabulary in the same space. A word may be of either; one that both hold is written as
        ("source", word) or ("target", word).
    weight, normalize_after: as in `refine_rows`.

    Raises StaticembError for a word that no vocabulary or that both hold, vectors of different width, and for what
    `refine_rows` refuses.
    """
    if target is not None and source.width != target.width:
        message = f"the vocabularies must share a space, but their widths are {source.width} and {target.width}"
        raise StaticembError(message)

    def row(word: Word) -> int:
        return _row(word, source, target)

    indexed = [
        (row(keyword), [row(word) for word in near], [row(word) for word in far]) for keyword, near, far in feedback
    ]
    n_source = len(source)

    def name(row: int) -> str:
        return repr(source.words[row] if target is None or row < n_source else target.words[row - n_source])

    rows = _touched(indexed, name)
    of_source = rows < n_source
    parts = [source.matrix[rows[of_source]]]
    if target is not None:
        parts.append(target.matrix[rows[~of_source] - n_source])
    # the rows that matter under numbers of their own, so that the vocabularies are not stacked
    place = {int(row): number for number, row in enumerate(rows)}
    local = [
        (place[keyword], [place[word] for word in near], [place[word] for word in far])
        for keyword, near, far in indexed
    ]
    refined = refine_rows(np.concatenate(parts), local, weight=weight, normalize_after=normalize_after)
    return Refinement(
        source=_with_rows(source, rows[of_source], refined.matrix[of_source]),
        target=None if target is None else _with_rows(target, rows[~of_source] - n_source, refined.matrix[~of_source]),
        n_refined=len(rows),
        weight=refined.weight,
        least_weight=refined.least_weight,
        objective=refined.objective,
    )


def refine_rows(
    matrix: NDArray[np.floating],
    feedback: Iterable[tuple[int, Sequence[int], Sequence[int]]],
    *,
    weight: float | None = None,
    normalize_after: bool = True,
) -> RefinedRows:
    """New vectors for the rows of `matrix` (n_rows, width) that feedback names: (keyword, rows near, rows far).

    weight: how dear it is to leave the old place, > `least_weight`. None takes the published 1, or twice the least
        weight if that is more: just above the least one words fly far.
    normalize_after: give each vector its old length back, which is 1 for normalised vectors. Dot products are what is
        optimised, so that lengths grow with attraction.

    A word named twice for a keyword counts once; a keyword given twice counts twice. The minimum is computed exactly,
    by a sparse linear system in double precision. Raises StaticembError for a weight without a minimum (it names the
    least one), a word that is attracted and repelled by one keyword, a keyword marked for itself, and no feedback.
    """
    matrix = np.asarray(matrix)
    if matrix.ndim != 2:
        message = f"vectors must be a matrix of (number, width), not of shape {matrix.shape}"
        raise StaticembError(message)
    feedback = [(int(keyword), list(near), list(far)) for keyword, near, far in feedback]
    rows = _touched(feedback)
    if rows[0] < 0 or rows[-1] >= len(matrix):
        message = f"feedback names row {rows[0] if rows[0] < 0 else rows[-1]}, but rows go from 0 to {len(matrix) - 1}"
        raise StaticembError(message)
    signs = _signs(rows, feedback)
    least = max(0.0, -_least_eigenvalue(signs) / 2)
    if weight is None:
        weight = max(_PUBLISHED, _MARGIN * least)
    # Rounding of the eigenvalue must not let a singular system through.
    if not np.isfinite(weight) or weight <= least * (1 + 1e-9) or weight <= 0:
        message = (
            f"weight {weight:g} holds the words too loosely, the objective has no minimum; "
            f"it must be greater than {least:.6g}"
        )
        raise StaticembError(message)
    old = matrix[rows].astype(np.float64)
    system = sparse.csc_array(signs + 2 * weight * sparse.eye_array(len(rows)))
    from scipy.sparse.linalg import splu

    new = splu(system).solve(2 * weight * old)
    objective = (_objective(signs, old, old, weight), _objective(signs, new, old, weight))
    if normalize_after:
        lengths = np.linalg.norm(new, axis=1, keepdims=True)
        new *= np.linalg.norm(old, axis=1, keepdims=True) / np.where(lengths > 0, lengths, 1.0)
    return RefinedRows(
        rows=rows, matrix=new.astype(np.float32), weight=float(weight), least_weight=least, objective=objective
    )


def _row(word: Word, source: WordVectors, target: WordVectors | None) -> int:
    """Row of a word; those of the target follow those of the source."""
    side, text = ("", word) if isinstance(word, str) else word
    if side not in ("", *_SIDES) or (side == "target" and target is None):
        message = f"feedback names {word!r}, whose side is not one of {', '.join(_SIDES[: 1 if target is None else 2])}"
        raise StaticembError(message)
    candidates = []
    if side != "target" and text in source.index:
        candidates.append(source.index[text])
    if side != "source" and target is not None and text in target.index:
        candidates.append(len(source) + target.index[text])
    if not candidates:
        message = f"feedback names {text!r}, which has no vector{f' in the {side}' if side else ''}; leave it out"
        raise StaticembError(message)
    if len(candidates) > 1:
        message = f"feedback names {text!r}, which both vocabularies hold; write ('source', ...) or ('target', ...)"
        raise StaticembError(message)
    return candidates[0]


def _touched(
    feedback: list[tuple[int, list[int], list[int]]], name: Callable[[int], str] = "row {}".format
) -> NDArray[np.int64]:
    """All rows that are named, ascending; `name` says in an error what a row is called."""
    rows: set[int] = set()
    for keyword, near, far in feedback:
        if keyword in near or keyword in far:
            message = f"the keyword {name(keyword)} is marked for itself; leave it out of its words"
            raise StaticembError(message)
        both = set(near) & set(far)
        if both:
            message = f"{name(min(both))} is both attracted and repelled by the keyword {name(keyword)}; mark it once"
            raise StaticembError(message)
        if near or far:
            rows |= {keyword, *near, *far}
    if not rows:
        message = "the feedback marks no words"
        raise StaticembError(message)
    return np.array(sorted(rows), dtype=np.int64)


def _signs(rows: NDArray[np.int64], feedback: list[tuple[int, list[int], list[int]]]) -> sparse.csr_array:
    """A: symmetric, +1 for each pair that repels and -1 for each that attracts, summed over keywords."""
    keywords, words, signs = [], [], []
    for keyword, near, far in feedback:
        for marked, sign in ((set(near), -1.0), (set(far), 1.0)):
            keywords += [keyword] * len(marked)
            words += marked
            signs += [sign] * len(marked)
    left, right = np.searchsorted(rows, keywords), np.searchsorted(rows, words)
    half = sparse.coo_array((np.array(signs), (left, right)), shape=(len(rows), len(rows))).tocsr()
    return sparse.csr_array(half + half.T)


def _least_eigenvalue(signs: sparse.csr_array) -> float:
    if signs.shape[0] <= _DENSE:
        return float(np.linalg.eigvalsh(signs.toarray())[0])
    from scipy.sparse.linalg import eigsh

    # a start of its own, so that the same feedback gives the same weight
    start = np.random.default_rng(0).standard_normal(signs.shape[0])
    return float(eigsh(signs, k=1, which="SA", v0=start, return_eigenvectors=False)[0])


def _objective(signs: sparse.csr_array, new: NDArray[np.float64], old: NDArray[np.float64], weight: float) -> float:
    return float(0.5 * np.sum(new * (signs @ new)) + weight * np.sum((new - old) ** 2))


def _with_rows(vectors: WordVectors, rows: NDArray[np.int64], new: NDArray[np.float32]) -> WordVectors:
    if not len(rows):
        return vectors
    matrix = vectors.matrix.copy()
    matrix[rows] = new
    return WordVectors(vectors.words, matrix)
