"""Bitext mining (BUCC 2018): translations found among two corpora, with a threshold from a part of its own."""

import dataclasses
import hashlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from xl_cli.evaluation.config import EvaluateConfig
from xl_cli.evaluation.plans import ENCODER, SIDES, VECTORS, Job, NamedModel, Plan
from xl_cli.launch.progress import say
from xl_tasks.catalogue.task import Task
from xl_tasks.datasets.parallel.bucc import ComparableCorpora, Mining, tuning_and_scored
from xl_tasks.protocols.cells import Cell, Scored
from xl_tasks.protocols.data_folder import load_task

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class MiningPlan(Plan):
    """Pairs of corpora, each with the part that is scored and the part that the threshold comes from."""

    by_pair = True

    @staticmethod
    def reads(entry: Task, config: EvaluateConfig) -> frozenset[str]:
        """See `Plan`."""
        return SIDES | ENCODER | VECTORS | {"score", "resamples"}

    def __init__(self, entry: Task, config: EvaluateConfig) -> None:
        self._entry = entry
        self._config = config
        root = Path(config.data) if config.data else None
        corpora = load_task(entry, root, [*config.source, *config.target] or None)
        self._parts = {pair: tuning_and_scored(pair, parts) for pair, parts in corpora.items()}
        self._score = "margin" if config.score == "csls" else "cosine"

    def jobs(self, model: NamedModel) -> Iterator[Job]:
        """One job a pair of languages and a layer."""
        opened = model.opened
        model.check_unit(dict.fromkeys(code for pair in self._parts for code in pair))
        if self._score == "cosine":
            say(f"note: {self._entry.name}: pairs are ranked by plain cosine; --score csls takes the ratio margin.")
        for layer in opened.layers:
            for pair, mining in self._parts.items():
                cell = Cell(
                    task=self._entry.name,
                    source=pair[0],
                    target=pair[1],
                    data=self._entry.name,
                    model=opened.encoder.name,
                    split=mining.scored_part,
                    seed=opened.seed,
                    variant=opened.variant,
                    layer=layer,
                    pooling=f"{opened.pooling}+{self._score}",
                    prompt=opened.encoder.prompt,
                    unit=model.unit,
                    inputs={
                        "weights": model.weights,
                        "max_len": str(opened.encoder.max_len),
                        "texts": _digest(mining),
                        "tuning": mining.tuning_part,
                    },
                )
                yield Job(
                    label=f"{self._entry.name} {pair[0]} {opened.encoder.name} layer {layer}",
                    cells=[cell],
                    score=_Search(mining, model, layer, self._score).score,
                    group=f"{self.task} {pair[0]} {pair[1]}",
                )


class _Search:
    """One pair of corpora with one model."""

    def __init__(self, mining: Mining, model: NamedModel, layer: int, score: str) -> None:
        self._mining = mining
        self._model = model
        self._layer = layer
        self._score = score

    @property
    def name(self) -> str:
        """How errors call the model."""
        return self._model.opened.encoder.name

    @property
    def n_layers(self) -> int:
        """Number of transformer blocks."""
        return self._model.opened.encoder.n_layers

    def embed(self, texts: Sequence[str], *, layer: int, pooling: str) -> "NDArray[np.float32]":
        """Vectors from the cache, (n_texts, width) float32."""
        return self._model.embed(texts, layers=[layer], pooling=pooling)[0]

    def score(self, cells: Sequence[Cell]) -> Iterator[Scored]:
        """Mine; the figures of the one cell, with a line of statistics for each sentence of the first side."""
        from xl_tasks.scoring.mining import mine_bitext

        for cell in cells:
            mining = dataclasses.replace(
                self._mining, tuning=self._as_read(self._mining.tuning), scored=self._as_read(self._mining.scored)
            )
            pooling = self._model.opened.pooling
            mined = mine_bitext(self, mining, layer=self._layer, pooling=pooling, score=self._score)
            n_gold = len(mining.scored.gold or ())
            say(f"{cell.task} {cell.source}: threshold {mined.threshold:.4f}, F1 {mined.tuning_f1:.3f} where chosen")
            measures = mined.measures()
            yield Scored(
                cell=cell,
                keys=tuple(mining.scored.first),
                measures=measures,
                counts={measure.metric: n_gold for measure in measures},
            )

    def _as_read(self, part: ComparableCorpora) -> ComparableCorpora:
        from xl_tasks.units.choosing import input_unit

        unit = input_unit(self._model.unit, self._model.opened.encoder.tokenizer)
        sides = [
            dict(zip(side, unit.texts(list(side.values()), language), strict=True))
            for side, language in zip((part.first, part.second), part.languages, strict=True)
        ]
        return dataclasses.replace(part, first=sides[0], second=sides[1])


def _digest(mining: Mining) -> str:
    content = [
        [list(part.first.items()), list(part.second.items()), sorted(part.gold or ())]
        for part in (mining.tuning, mining.scored)
    ]
    return hashlib.sha256(json.dumps(content, ensure_ascii=True).encode("ascii")).hexdigest()
