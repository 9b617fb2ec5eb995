"""Scores of lexical sets: translations found among all words of the dictionaries, similarities beside people's.

An encoder is asked for words that stand alone (Vulic et al. 2020, "Probing pretrained language models for lexical
semantics", the way they call ISO); its candidates are all target words of the pair's dictionaries, training and test.
Vectors from files bring their own vocabulary.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from xl_staticemb import SimilarityScore, StaticembError, WordVectors, word_similarity
from xl_staticemb.lexicon.bli import translation_ranks
from xl_staticemb.lexicon.dictionary_rows import dictionary_rows
from xl_tasks.datasets.lexical.lexical_set import LexicalSet
from xl_tasks.errors import TaskError
from xl_tasks.scoring.measures import Measure

KS = (1, 5, 10)
METHODS = ("csls", "nn", "invsoftmax", "invnn")
CORRELATIONS = ("harmonic", "pearson", "spearman")


@dataclass(frozen=True, kw_only=True)
class WordScore:
    """The figures of one set by one method."""

    set: LexicalSet
    method: str
    """Retrieval of bli: "csls" or "nn"; of similarity "oov-skip" or "oov-mid", what pairs without a vector got."""
    coverage: float
    """Share of source words, or of pairs, with vectors on both sides, 0 to 1."""
    values: dict[str, float]
    """Metric -> score: p@1, p@5, p@10 and mrr over covered source words, each with "strict " in front over all;
    harmonic, pearson and spearman, in [-1, 1]."""
    counts: dict[str, int]
    """Metric -> number of items that its score is over."""
    measures: tuple[Measure, ...] = ()
    """Those of bli as sums over `items`; correlations are no sums over items, so similarity has none."""
    items: tuple[str, ...] = field(default=(), repr=False)
    """Distinct source words, the lines of the measures' statistics; two systems are compared where these are equal."""


def score_lexical(
    embed: Callable[[Sequence[str], str], ArrayLike],
    lexical_set: LexicalSet,
    *,
    methods: Sequence[str] = ("csls", "nn"),
) -> list[WordScore]:
    """One entry a method for bli, one for similarity.

    embed: (n distinct words or phrases of a language, its code) -> (n, width) vectors, row i for word i. It is asked
        once a side, and once in all where similarity is within one language.
    methods: of METHODS, for bli.

    TaskError for an unknown method, for vectors that do not fit the words, and where no score is defined.
    """
    first, second = lexical_set.vocabularies()
    source = _embedded(embed, first, lexical_set.source)
    within = lexical_set.kind == "similarity" and lexical_set.source == lexical_set.target
    target = source if within else _embedded(embed, second, lexical_set.target)
    if lexical_set.kind == "similarity":
        return _similarity(source, target, lexical_set, ("skip",), lower="never", multiword="token")
    return [_bli(source, target, lexical_set, method, lower="never", multiword="oov") for method in methods]


def score_vectors(
    source: WordVectors,
    target: WordVectors,
    lexical_set: LexicalSet,
    *,
    methods: Sequence[str] = ("csls", "nn"),
    oov: Sequence[str] = ("skip", "mid"),
    lower: str = "auto",
    multiword: str = "",
) -> list[WordScore]:
    """The same for vectors in one space; candidates are the whole target vocabulary, as `xl static bli` has them.

    lower, multiword: as in `xl_staticemb.induction_accuracy` and `xl_staticemb.word_similarity`; by default skip for
    bli and mean for similarity. oov: what pairs without a vector get in similarity, an entry each.
    """
    if lexical_set.kind == "similarity":
        return _similarity(source, target, lexical_set, oov, lower=lower, multiword=multiword or "mean")
    return [_bli(source, target, lexical_set, one, lower=lower, multiword=multiword or "skip") for one in methods]


def lexical_measures(
    covered: NDArray[np.bool_], ranks: NDArray[np.float64], *, ks: Sequence[int] = KS
) -> list[Measure]:
    """Precision at `ks` and mean reciprocal rank over covered source words, and "strict" over all of them.

    covered: (n_sources,), whether a source word could be asked; ranks: (n_covered,), rank of its best translation from
    1, inf for none. Statistics are (n_sources, 2): a word that is not covered counts 0 of 0, or strictly 0 of 1.
    """
    every_rank = np.full(len(covered), np.inf)
    every_rank[covered] = ranks
    scores = {f"p@{k}": (every_rank <= k).astype(np.float64) for k in ks} | {"mrr": 1.0 / every_rank}
    return [
        Measure(metric=f"{name}{metric}", form="mean", stats=np.stack([score, counted.astype(np.float64)], axis=1))
        for name, counted in (("", covered), ("strict ", np.ones(len(covered))))
        for metric, score in scores.items()
    ]


def _bli(
    source: WordVectors, target: WordVectors, lexical_set: LexicalSet, method: str, *, lower: str, multiword: str
) -> WordScore:
    if method not in METHODS:
        message = f"retrieval is {method!r}; choose one of {', '.join(METHODS)}."
        raise TaskError(message)
    where = f"{lexical_set.name}, {lexical_set.source} to {lexical_set.target}"
    if source.width != target.width:
        message = f"{where}: vectors of {source.width} and of {target.width} numbers are not in one space."
        raise TaskError(message)
    rows = dictionary_rows(source, target, lexical_set.pairs, lower=lower, multiword=multiword)
    if not rows.golds:
        message = f"{where}: none of the {rows.n_sources} source words has vectors on both sides."
        raise TaskError(message)
    measures = lexical_measures(rows.covered, translation_ranks(source, target, rows, retrieval=method))
    return WordScore(
        set=lexical_set,
        method=method,
        coverage=float(rows.covered.mean()),
        values={measure.metric: measure.value for measure in measures},
        counts={measure.metric: int(measure.stats[:, 1].sum()) for measure in measures},
        measures=tuple(measures),
        items=tuple(rows.sources),
    )


def _similarity(
    source: WordVectors,
    target: WordVectors,
    lexical_set: LexicalSet,
    oov: Sequence[str],
    *,
    lower: str,
    multiword: str,
) -> list[WordScore]:
    pairs = [(*pair, gold) for pair, gold in zip(lexical_set.pairs, lexical_set.golds, strict=True)]
    scores: list[SimilarityScore] = []
    for convention in oov:
        try:
            scores.append(word_similarity(source, target, pairs, oov=convention, lower=lower, multiword=multiword))
        except StaticembError as error:
            message = f"{lexical_set.name}, {lexical_set.source} to {lexical_set.target}: {error}."
            raise TaskError(message) from None
    return [
        WordScore(
            set=lexical_set,
            method=f"oov-{score.oov}",
            coverage=score.coverage,
            values={metric: getattr(score, metric) for metric in CORRELATIONS},
            counts=dict.fromkeys(CORRELATIONS, score.n),
        )
        for score in scores
    ]


def _embedded(embed: Callable[[Sequence[str], str], ArrayLike], words: Sequence[str], language: str) -> WordVectors:
    matrix = np.asarray(embed(words, language), dtype=np.float32)
    if matrix.ndim != 2 or len(matrix) != len(words) or not np.isfinite(matrix).all():
        message = (
            f"{len(words)} words of {language} need as many finite vectors; the encoder gave an array of shape "
            f"{matrix.shape}{'' if np.isfinite(matrix).all() else ' with numbers that are not finite'}."
        )
        raise TaskError(message)
    return WordVectors(list(words), matrix)
