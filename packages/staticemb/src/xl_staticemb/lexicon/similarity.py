"""Word similarity: do cosines order pairs of words as people do, within a language and across two.

Camacho-Collados et al. 2017, "SemEval-2017 Task 2: Multilingual and Cross-lingual Semantic Word Similarity". Its score
is the harmonic mean of Pearson's and Spearman's correlation, with the middle of the scale for pairs that a system
cannot score. Others leave such pairs out, so a score says what was done with them and how many there were.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xl_staticemb.errors import StaticembError
from xl_staticemb.lexicon.similarity_files import GoldPair
from xl_staticemb.search.neighbours import unit_rows
from xl_staticemb.vectors import WordVectors

OOV = ("skip", "mid", "zero")
LOWER = ("auto", "always", "never")
MULTIWORD = ("mean", "token", "skip")

# decimals beyond which cosines of float32 vectors, computed in float64, are rounding
_DIGITS = 12


@dataclass(frozen=True, kw_only=True)
class SimilarityScore:
    """Correlations in [-1, 1] of cosines with gold similarities."""

    pearson: float
    spearman: float
    """Ties share their middle rank."""
    harmonic: float
    """2PS / (P + S), the official score; 0 where one of the two is not above 0."""
    n: int
    """Pairs that the correlations are over."""
    n_pairs: int
    n_covered: int
    """Pairs with a vector on both sides."""
    oov: str
    missing: tuple[str, ...]
    """Entries without a vector, each once, in the order of the pairs."""

    @property
    def coverage(self) -> float:
        """Share of pairs with a vector on both sides, 0 to 1."""
        return self.n_covered / self.n_pairs


def word_similarity(
    source: WordVectors,
    target: WordVectors | None,
    pairs: Iterable[tuple[str, str, float]],
    *,
    oov: str = "skip",
    lower: str = "auto",
    multiword: str = "mean",
    split: Callable[[str], Sequence[str]] = str.split,
) -> SimilarityScore:
    """Correlation of the cosines of `pairs` (source word, target word, gold) with their gold similarities.

    target: vectors of the second words in the space of `source`; None takes both words from `source`.
    oov: what a pair without a vector on one side gets.
        skip: nothing, it is left out; look at `coverage`.
        mid: the middle between the lowest and the highest cosine of the covered pairs: the official convention, the
            middle of the scale, on the scale that these vectors use.
        zero: a cosine of 0.
    lower, multiword, split: as in `pair_cosines`.

    Raises StaticembError for an unknown setting, for vectors of different width, and where no correlation is defined:
    fewer than two pairs to score, or all cosines or all golds alike.
    """
    _check("oov", oov, OOV)
    pairs = [GoldPair(*pair) for pair in pairs]
    if not pairs:
        message = "there are no pairs to score"
        raise StaticembError(message)
    cosines, missing = _scored(source, target, pairs, lower, multiword, split)
    covered = np.isfinite(cosines)
    if not covered.any():
        raise StaticembError(_nothing_covered(source, target, pairs, lower, multiword, split))
    golds = np.array([pair.gold for pair in pairs])
    if oov == "skip":
        cosines, golds = cosines[covered], golds[covered]
    else:
        measured = cosines[covered]
        cosines = np.where(covered, cosines, (measured.min() + measured.max()) / 2 if oov == "mid" else 0.0)
    pearson, spearman = _correlations(cosines, golds)
    return SimilarityScore(
        pearson=pearson,
        spearman=spearman,
        harmonic=2 * pearson * spearman / (pearson + spearman) if min(pearson, spearman) > 0 else 0.0,
        n=len(cosines),
        n_pairs=len(pairs),
        n_covered=int(np.count_nonzero(covered)),
        oov=oov,
        missing=missing,
    )


def pair_cosines(
    source: WordVectors,
    target: WordVectors | None,
    pairs: Iterable[tuple[str, str]],
    *,
    lower: str = "auto",
    multiword: str = "mean",
    split: Callable[[str], Sequence[str]] = str.split,
) -> NDArray[np.float64]:
    """Cosine of each pair, (n_pairs,) in [-1, 1]; NaN where an entry has no vector, 0 where its vector is all zeros.

    lower: auto looks for an entry as it is written and then in lower case; always and never say the rest.
    multiword: what `split` cuts into several words gets
        mean: the mean of the vectors of its words, all of which must be known.
        token: the vector of the entry as one word, with spaces or underscores, where the vocabulary holds it, else the
            mean.
        skip: nothing.
    split: entry -> its words; at white space if not given.
    """
    return _scored(source, target, [GoldPair(*pair, 0.0) for pair in pairs], lower, multiword, split)[0]


def _scored(
    source: WordVectors,
    target: WordVectors | None,
    pairs: list[GoldPair],
    lower: str,
    multiword: str,
    split: Callable[[str], Sequence[str]],
) -> tuple[NDArray[np.float64], tuple[str, ...]]:
    """Cosines, NaN where there is none, and the entries without a vector."""
    _check("lower", lower, LOWER)
    _check("multiword", multiword, MULTIWORD)
    other = source if target is None else target
    if source.width != other.width:
        message = f"the vocabularies must share a space, but their widths are {source.width} and {other.width}"
        raise StaticembError(message)
    cosines = np.full(len(pairs), np.nan)
    missing: dict[str, None] = {}
    for number, pair in enumerate(pairs):
        left = _vector(source, pair.source, lower, multiword, split)
        right = _vector(other, pair.target, lower, multiword, split)
        for vector, entry in ((left, pair.source), (right, pair.target)):
            if vector is None:
                missing[entry] = None
        if left is not None and right is not None:
            one, two = unit_rows(np.stack([left, right]))
            cosines[number] = one @ two
    return cosines, tuple(missing)


def _vector(
    vectors: WordVectors, entry: str, lower: str, multiword: str, split: Callable[[str], Sequence[str]]
) -> NDArray[np.float64] | None:
    words = split(entry)
    if len(words) > 1 and multiword == "skip":
        return None
    if len(words) == 1 or multiword == "token":
        for form in dict.fromkeys((entry, " ".join(words), "_".join(words))):
            row = _row(vectors, form, lower)
            if row is not None:
                return vectors.matrix[row].astype(np.float64)
    rows = [_row(vectors, word, lower) for word in words]
    there = [row for row in rows if row is not None]
    if not rows or len(there) < len(rows):
        return None
    return vectors.matrix[there].astype(np.float64).mean(axis=0)


def _row(vectors: WordVectors, word: str, lower: str) -> int | None:
    forms = {"auto": (word, word.lower()), "always": (word.lower(),), "never": (word,)}[lower]
    return next((vectors.index[form] for form in forms if form in vectors.index), None)


def _correlations(cosines: NDArray[np.float64], golds: NDArray[np.float64]) -> tuple[float, float]:
    if len(cosines) < 2:
        message = "only 1 pair can be scored, and a correlation needs 2; take a larger vocabulary, or oov mid"
        raise StaticembError(message)
    for what, values in (("cosines", cosines), ("gold similarities", golds)):
        if np.ptp(values) < 10.0**-_DIGITS:
            message = f"all {len(values)} {what} are {values[0]:g}, so no correlation is defined"
            raise StaticembError(message)
    from scipy.stats import pearsonr, spearmanr

    # two words of one vector have the cosine 1, or what rounding makes of it: such pairs tie
    ranked = np.round(cosines, _DIGITS)
    return float(pearsonr(cosines, golds).statistic), float(spearmanr(ranked, golds).statistic)


def _nothing_covered(
    source: WordVectors,
    target: WordVectors | None,
    pairs: list[GoldPair],
    lower: str,
    multiword: str,
    split: Callable[[str], Sequence[str]],
) -> str:
    message = f"none of the {len(pairs)} pairs has vectors on both sides"
    swapped = [GoldPair(pair.target, pair.source, pair.gold) for pair in pairs]
    if target is not None and np.isfinite(_scored(source, target, swapped, lower, multiword, split)[0]).any():
        return f"{message}, but with the vocabularies changed round some have; give them in the order of the columns"
    return f"{message}; check the languages, and the case of the vocabulary, which begins with {source.words[0]!r}"


def _check(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        message = f"{name} {value!r} is not known; it can be {', '.join(choices)}"
        raise StaticembError(message)
