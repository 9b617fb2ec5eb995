"""Bilingual lexicon induction: how often the nearest target word of a source word is a translation in a dictionary.

The accuracy on covered source words is what MUSE and VecMap both report; beside it stand the coverage and the strict
accuracy, in which a source word without vectors counts as wrong, so that a small vocabulary cannot look good.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xl_staticemb.errors import StaticembError
from xl_staticemb.lexicon.dictionary_rows import DictionaryRows, dictionary_rows
from xl_staticemb.search._unit_rows import UnitRows, blocks
from xl_staticemb.search.inverted import rank_scores
from xl_staticemb.search.nearest_keys import check_request, key_penalties
from xl_staticemb.search.neighbours import ranks_among
from xl_staticemb.vectors import WordVectors

# scores of all queries with some keys at a time: 64 MiB
_SCORES_AT_ONCE = 1 << 24
_TOLERANCE = 1e-6  # scores closer than this tie; float32 products of equal vectors differ by less


@dataclass(frozen=True, kw_only=True)
class BliScore:
    """Result of lexicon induction. Precisions are shares in [0, 1] by k: 1 -> precision at 1, and so on."""

    precision: dict[int, float]  # over covered source words
    strict: dict[int, float]  # over all source words of the dictionary; without vectors means wrong
    mrr: float  # mean of 1 / rank of the best translation, over covered source words
    strict_mrr: float  # the same over all source words; without vectors means 0
    coverage: float  # share of source words that have a vector and a translation with one
    n_sources: int  # distinct source words in the dictionary, those skipped not counted
    n_covered: int
    n_multiword: int  # distinct source words left out because they or all their translations are of several words
    n_source_words: int  # size of the vocabularies
    n_target_words: int
    retrieval: str


def induction_accuracy(
    source: WordVectors,
    target: WordVectors,
    pairs: Iterable[tuple[str, str]],
    *,
    retrieval: str = "csls",
    ks: Sequence[int] = (1, 5, 10),
    n_neighbours: int = 10,
    temperature: float = 30.0,
    lower: str = "auto",
    multiword: str = "skip",
    device: str = "cpu",
) -> BliScore:
    """Precision at `ks` of finding a translation of each distinct source word among all target words.

    The two vocabularies share a space (equal width). A source word is covered if it and at least one of its
    translations have vectors; it is a hit at k if one of its translations ranks k or better. Tied scores share their
    middle rank, as in `gold_ranks`, so that vectors all alike find nothing. `retrieval`, `n_neighbours` and
    `temperature` are those of `nearest`, with the whole source vocabulary as sources.

    Conventions. MUSE drops each pair with a word that has no vector and averages over the source words that remain;
    VecMap averages over source words with at least one usable pair. These are the same words, so `precision` is what
    both report (MUSE for k of 1, 5 and 10, VecMap for 1). MUSE says nothing of what it dropped; VecMap's coverage,
    covered / (covered + out of vocabulary), is `coverage`: a source word with one usable translation is not out of
    vocabulary, and one whose translations all are is. `strict` = precision x coverage. Both programs break ties by
    the order of words.

    `lower`: auto lower-cases the entries of a side whose vocabulary is lower-cased (less than 1 word in 1,000 with a
    capital), always and never do as they say. An entry of several words counts if the vocabulary has it with spaces or
    with `_`. Otherwise `multiword` decides: skip leaves its pair out and counts the source words that are lost so;
    oov takes it as a word without vector; mean gives it the mean of its words' unit vectors where all have one, on the
    target side as one more candidate. Raises StaticembError if nothing is covered.
    """
    check_request(retrieval, n_neighbours, temperature)
    if source.width != target.width:
        message = f"the vocabularies must share a space, but their widths are {source.width} and {target.width}"
        raise StaticembError(message)
    if not ks or min(ks) < 1:
        message = f"precision is counted at 1 or more, not at {sorted(ks)}"
        raise StaticembError(message)
    rows = dictionary_rows(source, target, pairs, lower=lower, multiword=multiword)
    if not rows.golds:
        message = (
            f"none of the {rows.n_sources} source words has vectors on both sides; "
            "check the dictionary's case and direction"
        )
        raise StaticembError(message)
    options = {"n_neighbours": n_neighbours, "temperature": temperature, "device": device}
    ranks = translation_ranks(source, target, rows, retrieval=retrieval, **options)
    hits = {k: int(np.count_nonzero(ranks <= k)) for k in ks}
    n_covered, n_sources = len(rows.golds), rows.n_sources
    reciprocal = float((1.0 / ranks).sum())
    return BliScore(
        precision={k: n / n_covered for k, n in hits.items()},
        strict={k: n / n_sources for k, n in hits.items()},
        mrr=reciprocal / n_covered,
        strict_mrr=reciprocal / n_sources,
        coverage=n_covered / n_sources,
        n_sources=n_sources,
        n_covered=n_covered,
        n_multiword=rows.n_multiword,
        n_source_words=len(source),
        n_target_words=len(target),
        retrieval=retrieval,
    )


def translation_ranks(
    source: WordVectors,
    target: WordVectors,
    rows: DictionaryRows,
    *,
    retrieval: str = "csls",
    n_neighbours: int = 10,
    temperature: float = 30.0,
    device: str = "cpu",
) -> NDArray[np.float64]:
    """Rank (n_covered,) of the best translation of each covered word; other translations do not compete with it.

    Arguments as in `induction_accuracy`, which takes its figures from these ranks; `rows` of `dictionary_rows`.
    """
    check_request(retrieval, n_neighbours, temperature)
    queries, pool = UnitRows(rows.queries), UnitRows(source.matrix)
    keys = UnitRows(target.matrix if rows.more_keys is None else np.concatenate([target.matrix, rows.more_keys]))
    penalty = np.zeros(len(keys))
    if retrieval != "invnn":
        options = {"n_neighbours": n_neighbours, "temperature": temperature, "device": device}
        penalty = key_penalties(keys, pool, retrieval, **options)

    def scored(chosen: NDArray[np.int64]) -> Iterator[tuple[int, int, NDArray[np.floating]]]:
        if retrieval == "invnn":
            yield from rank_scores(queries, keys.take(chosen), pool)
            return
        asked = queries.part(slice(None))
        for first, last in blocks(chosen.size, max(1, _SCORES_AT_ONCE // len(queries))):
            part = chosen[first:last]
            scores = asked @ keys.part(part).T - penalty[part]
            scores[:, ~keys.valid[part]] = np.nan
            yield first, last, scores

    counts = [gold.size for gold in rows.golds]
    gold_rows, gold_columns = np.repeat(np.arange(len(counts)), counts), np.concatenate(rows.golds)
    answer_columns, places = np.unique(gold_columns, return_inverse=True)
    gold_scores = np.full(gold_rows.size, np.nan)
    for first, last, scores in scored(answer_columns):
        here = np.flatnonzero((places >= first) & (places < last))
        gold_scores[here] = scores[gold_rows[here], places[here] - first]
    targets = np.fmax.reduceat(gold_scores, np.r_[0, np.cumsum(counts)[:-1]])
    targets[~queries.valid] = np.nan
    ranks = ranks_among(scored(np.arange(len(keys))), targets, gold_rows, gold_columns, _TOLERANCE)
    return np.where(np.isnan(targets), np.inf, ranks)
