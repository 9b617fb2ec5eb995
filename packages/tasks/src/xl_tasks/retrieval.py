"""Retrieval of a text's translation by cosine similarity: top-1, top-5 and top-10 accuracy.

Queries are the texts of the source language, candidates all distinct texts of the target language among the same keys,
those without a counterpart included. The published protocols (Tatoeba, the Bible retrieval of Glot500) are this with
their own keys.
"""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import permutations

import numpy as np
from numpy.typing import NDArray

from xl_staticemb import gold_ranks
from xl_tasks.encoder import Encoder, Vectors
from xl_tasks.errors import TaskError
from xl_tasks.rows import Row
from xl_tasks.texts import ParallelTexts, resolve_language

TOP = (1, 5, 10)

_log = logging.getLogger(__name__)


def retrieval_rows(
    encoder: Encoder,
    data: ParallelTexts,
    keys: Iterable[str],
    *,
    pairs: Iterable[tuple[str, str]] | None = None,
    layer: int,
    pooling: str,
    task: str = "retrieval",
    variant: str = "",
    seed: int = 0,
    model: str = "",
    unit: str = "subword",
) -> list[Row]:
    """Rows top1, top5 and top10 for each ordered (source, target) pair, in the order of `pairs`.

    keys: the held-out keys; nothing else of `data` is read.
    pairs: (source, target) languages in any spelling; every ordered pair of two languages by default.
    layer: `hidden_states` index, negative from the last; rows carry the index from 0.
    pooling: as in `Encoder.embed`.
    task, variant, seed, model, unit: copied into the rows; `model` is the encoder's name if empty.

    A query counts as found at k when its translation ranks k-th or better; candidates of equal score share their mean
    rank. Texts that are equal are one candidate. `n` is the number of queries, `coverage` their share of the source's
    keys. Where the data joins several collections (`data.pools`), a pair is searched within the collections it shares.

    A pair without a common key gives no row and one warning in the log; TaskError when no pair has one, and for a layer
    out of range, an unknown language and data that is not parallel.
    """
    if not data.parallel:
        message = f"{data.name} is not parallel: equal keys of two languages are no translations. Give parallel texts."
        raise TaskError(message)
    index = layer if layer >= 0 else encoder.n_layers + 1 + layer
    if not 0 <= index <= encoder.n_layers:
        message = f"layer {layer} is out of range: {encoder.name} has 0 (embeddings) to {encoder.n_layers}."
        raise TaskError(message)
    wanted = (
        list(permutations(data.languages, 2))
        if pairs is None
        else [
            (resolve_language(a, data.texts, where=data.name), resolve_language(b, data.texts, where=data.name))
            for a, b in pairs
        ]
    )
    kept = set(keys)
    # Keys in sorted order: rows must not depend on the order in which a caller or a file lists them.
    texts = {
        language: {key: text for key, text in sorted(data.texts[language].items()) if key in kept}
        for language in dict.fromkeys(language for pair in wanted for language in pair)
    }
    asked = {pair: _question(texts[pair[0]], texts[pair[1]], data.pools) for pair in wanted}
    empty = [f"{source} -> {target}" for (source, target), question in asked.items() if not question.queries]
    if len(empty) == len(asked):
        message = (
            f"{data.name}: no key among the {len(kept)} held-out ones is shared by two of the languages asked for "
            f"({', '.join(empty) or 'no pair'}); choose languages that share texts."
        )
        raise TaskError(message)
    if empty:
        _log.warning("%s: no common key, hence no row, for %s.", data.name, ", ".join(empty))

    vectors: dict[str, tuple[dict[str, int], Vectors]] = {}
    rows = []
    for (source, target), question in asked.items():
        if not question.queries:
            continue
        for language in (source, target):
            if language not in vectors:
                distinct = list(dict.fromkeys(texts[language].values()))
                positions = {text: i for i, text in enumerate(distinct)}
                vectors[language] = (positions, encoder.embed(distinct, layer=index, pooling=pooling))
        ranks = _ranks(question, vectors[source], vectors[target])
        rows += [
            Row(
                task=task,
                metric=f"top{k}",
                value=float(np.mean(ranks <= k)),
                n=len(question.queries),
                source=source,
                target=target,
                seed=seed,
                model=model or encoder.name,
                layer=index,
                pooling=pooling,
                unit=unit,
                variant=variant,
                coverage=len(question.queries) / question.n_source,
                data=data.name,
            )
            for k in TOP
        ]
    return rows


@dataclass(frozen=True)
class _Question:
    """What is asked of one pair: texts, the gold ones and all candidates."""

    queries: list[str]
    gold: list[str]
    candidates: list[str]
    n_source: int
    """Number of the source's keys that could have been asked."""


def _question(source: Mapping[str, str], target: Mapping[str, str], pools: Mapping[str, str]) -> _Question:
    shared = [key for key in source if key in target]
    searched = {pools.get(key) for key in shared}
    return _Question(
        queries=[source[key] for key in shared],
        gold=[target[key] for key in shared],
        candidates=list(dict.fromkeys(text for key, text in target.items() if pools.get(key) in searched)),
        n_source=sum(pools.get(key) in searched for key in source),
    )


def _ranks(
    question: _Question,
    source: tuple[dict[str, int], Vectors],
    target: tuple[dict[str, int], Vectors],
) -> NDArray[np.float64]:
    """Rank of the translation of each query, (n_queries,), 1 = best."""
    positions, vectors = source
    queries = vectors[[positions[text] for text in question.queries]]
    positions, vectors = target
    if len(question.candidates) < len(positions):
        vectors = vectors[[positions[text] for text in question.candidates]]
        positions = {text: i for i, text in enumerate(question.candidates)}
    gold = np.array([positions[text] for text in question.gold], dtype=np.int64)
    return gold_ranks(queries, vectors, gold)
