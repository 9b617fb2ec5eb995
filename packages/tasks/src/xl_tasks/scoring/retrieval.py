"""Retrieval of a text's translation by cosine or CSLS: top-1, top-5 and top-10 accuracy.

Queries are the texts of the source language, candidates all distinct texts of the target language among the same keys,
those without a counterpart included. The published protocols (Tatoeba, the Bible retrieval of Glot500) are this with
their own keys.
"""

import logging
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations

import numpy as np
from numpy.typing import NDArray

from xl_staticemb import cosine_scores, gold_ranks, unit_rows
from xl_staticemb.search.neighbours import ranks_among
from xl_tasks.encoder import TextEncoder, Vectors
from xl_tasks.errors import TaskError
from xl_tasks.rows import Row
from xl_tasks.scoring.measures import Measure
from xl_tasks.texts import ParallelTexts, resolve_language

TOP = (1, 5, 10)
SCORES = ("cosine", "csls")
NEIGHBOURS = 10
"""Neighbours that CSLS compares with, as published (Conneau et al., 2018)."""

_BLOCK = 1024  # queries scored at a time
_TOLERANCE = 2e-6  # CSLS scores within this tie: twice the cosine's, as CSLS doubles the cosine

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Retrieved:
    """Where the translation of each query ranks, for one ordered pair of languages."""

    pair: tuple[str, str]
    """(language of the queries, language of the candidates)."""
    keys: tuple[str, ...]
    """Of the queries, sorted."""
    ranks: NDArray[np.float64]
    """(n,) float64 in [1, number of candidates], 1 = best; candidates of equal score share their mean rank."""
    coverage: float
    """Share of the source's keys that could be asked, 0 to 1."""
    layer: int
    """`hidden_states` index from 0."""
    score: str
    """A name of SCORES."""

    def measures(self) -> list[Measure]:
        """top1, top5 and top10, one line of statistics a query."""
        ones = np.ones(len(self.ranks))
        return [
            Measure(metric=f"top{k}", form="mean", stats=np.stack([self.ranks <= k, ones], axis=1).astype(float))
            for k in TOP
        ]


def score_retrieval(
    encoder: TextEncoder,
    data: ParallelTexts,
    keys: Iterable[str],
    *,
    pairs: Iterable[tuple[str, str]] | None = None,
    layer: int,
    pooling: str,
    score: str = "cosine",
) -> list[Retrieved]:
    """The ranks for each ordered (source, target) pair, in the order of `pairs`.

    keys: the held-out keys; nothing else of `data` is read.
    pairs: (source, target) languages in any spelling; every ordered pair of two languages by default.
    layer: `hidden_states` index, negative from the last.
    pooling: as in `TextEncoder.embed`.
    score: "cosine", or "csls": 2 cos(x, z) - r(x) - r(z), each r the mean cosine with the 10 nearest of the other side
    (all queries, all candidates), which keeps a candidate that is near everything from winning.

    Texts that are equal are one candidate. Where the data joins several collections (`data.pools`), a pair is searched
    within the collections it shares.

    A pair without a common key gives nothing but one warning in the log; TaskError when no pair has one, and for a
    layer out of range, an unknown language or score and data that is not parallel.
    """
    index = layer_index(encoder, layer)
    return ranked(
        lambda _, texts: encoder.embed(texts, layer=index, pooling=pooling),
        data,
        keys,
        pairs=pairs,
        layer=index,
        score=score,
    )


def ranked(
    read: Callable[[str, Sequence[str]], Vectors],
    data: ParallelTexts,
    keys: Iterable[str],
    *,
    pairs: Iterable[tuple[str, str]] | None = None,
    layer: int,
    score: str = "cosine",
) -> list[Retrieved]:
    """As `score_retrieval`, with vectors from `read(language, distinct texts)`, (n_texts, width): one call a language.

    layer: what the results are marked with.
    """
    if score not in SCORES:
        message = f"score is {score!r}; known: {', '.join(SCORES)}."
        raise TaskError(message)
    kept = set(keys)
    asked = _questions(data, kept, pairs)
    empty = [f"{source} -> {target}" for (source, target), question in asked.items() if not question.queries]
    if len(empty) == len(asked):
        message = (
            f"{data.name}: no key among the {len(kept)} held-out ones is shared by two of the languages asked for "
            f"({', '.join(empty) or 'no pair'}); choose languages that share texts."
        )
        raise TaskError(message)
    if empty:
        _log.warning("%s: no common key, hence no row, for %s.", data.name, ", ".join(empty))
    sides = {
        language: ({text: i for i, text in enumerate(texts)}, read(language, texts))
        for language, texts in _compared(asked).items()
    }
    return [
        Retrieved(
            pair=(source, target),
            keys=question.keys,
            ranks=_ranks(question, sides[source], sides[target], score),
            coverage=len(question.queries) / question.n_source,
            layer=layer,
            score=score,
        )
        for (source, target), question in asked.items()
        if question.queries
    ]


def compared_texts(
    data: ParallelTexts, keys: Iterable[str], pairs: Iterable[tuple[str, str]] | None = None
) -> dict[str, list[str]]:
    """The distinct texts of each language that `ranked` reads for all of these pairs together: queries and candidates.

    Of data that joins several collections these are a part: Tatoeba's English is a thousand sentences a bitext.
    """
    return _compared(_questions(data, set(keys), pairs))


def seen_keys(data: ParallelTexts, keys: Iterable[str], pairs: Iterable[tuple[str, str]]) -> dict[str, set[str]]:
    """The keys of each language whose texts `ranked` looks at for these pairs, as a query or a candidate.

    Coverage is a share of the source's keys in the collections that are searched, which are all among them.
    """
    kept = set(keys)
    seen: dict[str, set[str]] = {}
    for source, target in pairs:
        sides = {language: kept & data.texts[language].keys() for language in (source, target)}
        searched = {data.pools.get(key) for key in sides[source] & sides[target]}
        for language, its in sides.items():
            seen.setdefault(language, set()).update(key for key in its if data.pools.get(key) in searched)
    return seen


def retrieval_rows(
    encoder: TextEncoder,
    data: ParallelTexts,
    keys: Iterable[str],
    *,
    pairs: Iterable[tuple[str, str]] | None = None,
    layer: int,
    pooling: str,
    score: str = "cosine",
    task: str = "retrieval",
    variant: str = "",
    seed: int = 0,
    model: str = "",
    unit: str = "subword",
) -> list[Row]:
    """Rows top1, top5 and top10 of what `score_retrieval` finds, which says what the first arguments mean.

    task, variant, seed, model, unit: copied into the rows; `model` is the encoder's name if empty.

    A query counts as found at k when its translation ranks k-th or better. `n` is the number of queries, `coverage`
    their share of the source's keys; `pooling` ends in "+csls" where that was the score.
    """
    return [
        Row(
            task=task,
            metric=measure.metric,
            value=measure.value,
            n=measure.n,
            source=retrieved.pair[0],
            target=retrieved.pair[1],
            seed=seed,
            model=model or encoder.name,
            layer=retrieved.layer,
            pooling=scored_pooling(pooling, score),
            unit=unit,
            variant=variant,
            coverage=retrieved.coverage,
            data=data.name,
        )
        for retrieved in score_retrieval(encoder, data, keys, pairs=pairs, layer=layer, pooling=pooling, score=score)
        for measure in retrieved.measures()
    ]


def scored_pooling(pooling: str, score: str) -> str:
    """How rows call the vectors and how they were compared: "mean-all" by cosine, "mean-all+csls" by CSLS."""
    return pooling if score == "cosine" else f"{pooling}+{score}"


def layer_index(encoder: TextEncoder, layer: int) -> int:
    """The `hidden_states` index from 0 of a layer that may be counted from the last; TaskError where there is none."""
    index = layer if layer >= 0 else encoder.n_layers + 1 + layer
    if not 0 <= index <= encoder.n_layers:
        message = f"layer {layer} is out of range: {encoder.name} has 0 (embeddings) to {encoder.n_layers}."
        raise TaskError(message)
    return index


@dataclass(frozen=True)
class _Question:
    """What is asked of one pair: texts, the gold ones and all candidates."""

    keys: tuple[str, ...]
    queries: list[str]
    gold: list[str]
    candidates: list[str]
    n_source: int
    """Number of the source's keys that could have been asked."""


def _questions(
    data: ParallelTexts, kept: Container[str], pairs: Iterable[tuple[str, str]] | None
) -> "dict[tuple[str, str], _Question]":
    if not data.parallel:
        message = f"{data.name} is not parallel: equal keys of two languages are no translations. Give parallel texts."
        raise TaskError(message)
    pairs_asked = (
        list(permutations(data.languages, 2))
        if pairs is None
        else [
            (resolve_language(a, data.texts, where=data.name), resolve_language(b, data.texts, where=data.name))
            for a, b in pairs
        ]
    )
    # Keys in sorted order: rows must not depend on the order in which a caller or a file lists them.
    texts = {
        language: {key: text for key, text in sorted(data.texts[language].items()) if key in kept}
        for language in dict.fromkeys(language for pair in pairs_asked for language in pair)
    }
    return {pair: _question(texts[pair[0]], texts[pair[1]], data.pools) for pair in pairs_asked}


def _compared(questions: "Mapping[tuple[str, str], _Question]") -> dict[str, list[str]]:
    texts: dict[str, dict[str, None]] = {}
    for (source, target), question in questions.items():
        if question.queries:
            texts.setdefault(source, {}).update(dict.fromkeys(question.queries))
            texts.setdefault(target, {}).update(dict.fromkeys(question.candidates))
    return {language: list(distinct) for language, distinct in texts.items()}


def _question(source: Mapping[str, str], target: Mapping[str, str], pools: Mapping[str, str]) -> _Question:
    shared = [key for key in source if key in target]
    searched = {pools.get(key) for key in shared}
    return _Question(
        keys=tuple(shared),
        queries=[source[key] for key in shared],
        gold=[target[key] for key in shared],
        candidates=list(dict.fromkeys(text for key, text in target.items() if pools.get(key) in searched)),
        n_source=sum(pools.get(key) in searched for key in source),
    )


def _ranks(
    question: _Question,
    source: tuple[dict[str, int], Vectors],
    target: tuple[dict[str, int], Vectors],
    score: str,
) -> NDArray[np.float64]:
    """Rank of the translation of each query, (n_queries,), 1 = best."""
    positions, vectors = source
    places = [positions[text] for text in question.queries]
    queries = vectors[places]
    positions, candidates = target
    if len(question.candidates) < len(positions):
        candidates = candidates[[positions[text] for text in question.candidates]]
        positions = {text: i for i, text in enumerate(question.candidates)}
    gold = np.array([positions[text] for text in question.gold], dtype=np.int64)
    if score == "cosine":
        return gold_ranks(queries, candidates, gold)
    # Equal texts are one query to the candidates' neighbourhoods, as they are one candidate to the queries.
    return _csls_ranks(queries, candidates, gold, vectors[list(dict.fromkeys(places))])


def _csls_ranks(
    queries: Vectors, candidates: Vectors, gold: NDArray[np.int64], distinct: Vectors
) -> NDArray[np.float64]:
    """As `gold_ranks`, by 2 cos(x, z) - r(z): r(x) is the same for all candidates of a query."""
    penalties = _neighbourhood(candidates, distinct)
    left, right = unit_rows(queries.astype(np.float64)), unit_rows(candidates.astype(np.float64))
    n_candidates = candidates.shape[0]
    ranks = np.empty(queries.shape[0], dtype=np.float64)
    for start in range(0, len(ranks), _BLOCK):
        scores = 2.0 * cosine_scores(left[start : start + _BLOCK], right) - penalties
        rows, answers = np.arange(len(scores)), gold[start : start + _BLOCK]
        targets = scores[rows, answers]
        block_ranks = ranks_among([(0, n_candidates, scores)], targets, rows, answers, _TOLERANCE)
        ranks[start : start + _BLOCK] = np.where(np.isnan(targets), float(n_candidates), block_ranks)
    return ranks


def _neighbourhood(candidates: Vectors, queries: Vectors) -> NDArray[np.float64]:
    """Mean cosine of each candidate with its 10 nearest queries, (n_candidates,); NaN for a row that is not finite."""
    if isinstance(candidates, np.ndarray) and isinstance(queries, np.ndarray):
        from xl_staticemb import neighbourhoods  # it loads torch

        return neighbourhoods(candidates, queries, NEIGHBOURS)[0].astype(np.float64)
    first = max(queries.shape[0] - NEIGHBOURS, 0)
    parts = [
        np.partition(cosine_scores(candidates[start : start + _BLOCK], queries), first, axis=1)[:, first:].mean(1)
        for start in range(0, candidates.shape[0], _BLOCK)
    ]
    return np.concatenate(parts)
