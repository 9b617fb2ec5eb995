"""Bitext mining: find the translations among two corpora, with a threshold chosen on another part of the data.

The task of BUCC (Zweigenbaum et al., 2018), scored as Artetxe and Schwenk (2019) do.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xl_tasks.datasets.parallel.bucc import ComparableCorpora, Mining, tuning_and_scored
from xl_tasks.encoder import TextEncoder, Vectors
from xl_tasks.errors import TaskError
from xl_tasks.rows import Row
from xl_tasks.scoring.margin import NEIGHBOURS, Pairs, best_threshold, mine
from xl_tasks.scoring.measures import Measure
from xl_tasks.scoring.retrieval import layer_index


@dataclass(frozen=True, kw_only=True)
class Mined:
    """What was found in one pair of corpora."""

    pair: tuple[str, str]
    found: tuple[tuple[str, str], ...]
    """(id, id), best first, of the pairs that reach the threshold."""
    threshold: float
    """Chosen on the tuning part."""
    tuning_f1: float
    """F1 on the tuning part at this threshold."""
    stats: NDArray[np.float64]
    """(n_sentences, 3) float64: true positives, pairs found and gold pairs of each sentence of the first side."""

    def measures(self) -> list[Measure]:
        """f1, precision and recall."""
        return [
            Measure(metric="f1", form="f1", stats=self.stats),
            Measure(metric="precision", form="mean", stats=self.stats[:, [0, 1]]),
            Measure(metric="recall", form="mean", stats=self.stats[:, [0, 2]]),
        ]


def mine_bitext(
    encoder: TextEncoder, data: Mining, *, layer: int, pooling: str, score: str = "margin", k: int = NEIGHBOURS
) -> Mined:
    """Mine the scored part with the threshold that is best on the tuning part; TaskError without gold pairs."""
    pairs = {}
    for part in (data.tuning, data.scored):
        if part.gold is None:
            message = f"{'-'.join(part.languages)}: no gold pairs, so that nothing can be scored."
            raise TaskError(message)
        sides = [_embed(encoder, side, layer, pooling) for side in (part.first, part.second)]
        pairs[id(part)] = mine(sides[0], sides[1], score=score, k=k)
    threshold, tuning_f1 = _tune(data.tuning, pairs[id(data.tuning)])
    mined = pairs[id(data.scored)]
    n_kept = int((mined.scores >= threshold).sum())
    ids = _ids(data.scored, mined)[:n_kept]
    return Mined(
        pair=data.scored.languages,
        found=tuple(ids),
        threshold=threshold,
        tuning_f1=tuning_f1,
        stats=mining_stats(list(data.scored.first), ids, data.scored.gold or ()),
    )


def mining_stats(
    sentences: Collection[str], found: Collection[tuple[str, str]], gold: Collection[tuple[str, str]]
) -> NDArray[np.float64]:
    """(n_sentences, 3): true positives, found and gold pairs of each of the first side's sentences, in their order."""
    rows = {key: row for row, key in enumerate(sentences)}
    stats = np.zeros((len(rows), 3), dtype=np.float64)
    right = set(gold)
    for pair in found:
        stats[rows[pair[0]], 0] += pair in right
        stats[rows[pair[0]], 1] += 1
    for pair in right:
        stats[rows[pair[0]], 2] += 1
    return stats


def mining_rows(
    encoder: TextEncoder,
    data: Mapping[tuple[str, str], Mapping[str, ComparableCorpora]],
    *,
    layer: int,
    pooling: str,
    score: str = "margin",
    k: int = NEIGHBOURS,
    variant: str = "",
    seed: int = 0,
    model: str = "",
    unit: str = "subword",
) -> list[Row]:
    """Rows f1, precision and recall for each pair of languages that `load_bucc` gave; `n` counts the gold pairs.

    layer: `hidden_states` index, negative from the last; rows carry the index from 0.
    variant, seed, model, unit: copied into the rows; `model` is the encoder's name if empty.
    """
    index = layer_index(encoder, layer)
    rows = []
    for pair, parts in data.items():
        chosen = tuning_and_scored(pair, parts)
        mined = mine_bitext(encoder, chosen, layer=index, pooling=pooling, score=score, k=k)
        rows += [
            Row(
                task="bucc2018",
                metric=measure.metric,
                value=measure.value,
                n=len(chosen.scored.gold or ()),
                source=pair[0],
                target=pair[1],
                seed=seed,
                model=model or encoder.name,
                layer=index,
                pooling=pooling,
                unit=unit,
                variant=variant,
                data="bucc2018",
                split=chosen.scored_part,
            )
            for measure in mined.measures()
        ]
    return rows


def _tune(part: ComparableCorpora, pairs: Pairs) -> tuple[float, float]:
    gold = part.gold or frozenset()
    hits = np.array([pair in gold for pair in _ids(part, pairs)], dtype=bool)
    return best_threshold(pairs.scores, hits, len(gold))


def _ids(part: ComparableCorpora, pairs: Pairs) -> list[tuple[str, str]]:
    ones, others = list(part.first), list(part.second)
    return [(ones[i], others[j]) for i, j in zip(pairs.first.tolist(), pairs.second.tolist(), strict=True)]


def _embed(encoder: TextEncoder, side: Mapping[str, str], layer: int, pooling: str) -> Vectors:
    """A vector a sentence; equal sentences are embedded once."""
    places = {text: place for place, text in enumerate(dict.fromkeys(side.values()))}
    vectors = encoder.embed(list(places), layer=layer, pooling=pooling)
    return vectors[[places[text] for text in side.values()]]
