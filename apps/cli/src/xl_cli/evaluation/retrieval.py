"""Retrieval of translations: nothing is fitted, every ordered pair of languages is searched at every layer."""

import dataclasses
import hashlib
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from xl_cli.data.items import pairs_both_ways, scored_keys, split_keys
from xl_cli.errors import UsageError
from xl_cli.evaluation.config import EvaluateConfig
from xl_cli.evaluation.outline import Outline, outline
from xl_cli.evaluation.plans import ENCODER, SIDES, VECTORS, Job, NamedModel, Plan
from xl_cli.evaluation.preset_options import sources_there, targets_of, targets_there, with_preset
from xl_tasks import TASKS, ParallelTexts
from xl_tasks.catalogue.task import Task
from xl_tasks.protocols.cells import Cell, Scored
from xl_tasks.protocols.data_folder import load_task
from xl_tasks.robustness.noise import parse_noise
from xl_tasks.tuning.presets import PRESETS

if TYPE_CHECKING:
    from xl_cli.evaluation.layer_sweep import LayerSweep

# Between a language and the noise of its queries, in the name of a side that only exists here.
_NOISY = "~"


class RetrievalPlan(Plan):
    """A task of parallel texts: its items, pairs and noises."""

    by_pair = True

    @staticmethod
    def reads(entry: Task, config: EvaluateConfig) -> frozenset[str]:
        """See `Plan`."""
        group = {"group"} if config.preset in PRESETS and PRESETS[config.preset].groups else set()
        return (
            SIDES | ENCODER | VECTORS | group | {"preset", "transform", "score", "noise", "split", "limit", "resamples"}
        )

    def __init__(self, entry: Task, config: EvaluateConfig) -> None:
        given, config = config, with_preset(entry, config)
        self._entry = entry
        if entry.any_folder and not config.data:
            message = f"{entry.name} reads any folder of parallel text; name it: --data FOLDER."
            raise UsageError(message)
        self._data: ParallelTexts = _texts(entry, config, *_languages(entry, given, config))
        config = sources_there(entry, config, given, self._data.languages)
        self._config = config = targets_there(entry, config, given, self._data.languages)
        keys = split_keys(self._data, config.split, config.data or entry.name)
        if config.group:  # the queries are in the source language, as the paper has them
            codes = [self._data.restrict(side).languages for side in (config.source, config.target)]
            self._config = config = dataclasses.replace(config, source=codes[0], target=codes[1])
            self._pairs = [(a, b) for a in codes[0] for b in targets_of(entry, config, given, a) if a != b]
        else:
            self._pairs = pairs_both_ways(self._data, config.source, config.target)
        languages = {language for pair in self._pairs for language in pair}
        self._keys = scored_keys(self._data, keys, languages, config.limit)
        chosen = set(self._keys)
        self._kept = {code: chosen & set(texts) for code, texts in self._data.texts.items()}
        self._digests: dict[tuple[str, frozenset[str | None]], str] = {}
        self._pairs = self._pairs_with_items()
        self._noises = ["", *dict.fromkeys(parse_noise(noise).name for noise in config.noise)]
        self._split = config.split or ("test" if self._data.splits else "")

    def _pairs_with_items(self) -> list[tuple[str, str]]:
        """The pairs that share an item; those of Tatoeba are with English."""
        pairs = [(a, b) for a, b in self._pairs if self._kept[a] & self._kept[b]]
        if not pairs:
            names = ", ".join(f"{a} - {b}" for a, b in self._pairs[::2])
            message = f"{self._entry.name}: the languages share no item ({names}); choose others."
            raise UsageError(message)
        return pairs

    def _digest(self, *pairs: tuple[str, str]) -> str:
        """Digest of all that these pairs compare: keys and texts of the collections that they share."""
        content = []
        for pair in pairs:
            shared = self._kept[pair[0]] & self._kept[pair[1]]
            pools = {self._data.pools.get(key) for key in shared}
            content += [self._side(language, frozenset(pools)) for language in pair]
        return hashlib.sha256(" ".join(content).encode("ascii")).hexdigest()

    def _side(self, language: str, pools: frozenset[str | None]) -> str:
        if (language, pools) not in self._digests:
            keys = sorted(key for key in self._kept[language] if self._data.pools.get(key) in pools)
            content = json.dumps([[key, self._data.texts[language][key]] for key in keys], ensure_ascii=True)
            self._digests[language, pools] = hashlib.sha256(content.encode("ascii")).hexdigest()
        return self._digests[language, pools]

    def outline(self) -> Outline:
        """See `Plan`; layers that a model chooses itself count as one."""
        targets: dict[str, int | None] = {}
        for source, _ in self._pairs:
            targets[source] = (targets.get(source) or 0) + 1
        cells = len(self._pairs) * len(self._noises) * max(1, len(self._config.layer))
        return outline(self._entry, self._config, sources=list(targets), targets=targets, fits=0, cells=cells)

    def jobs(self, model: NamedModel) -> Iterator[Job]:
        """One job a layer."""
        reading = _Reading(self._data, self._keys, self._pairs, self._noises, self._config, model)
        opened = model.opened
        model.check_unit(dict.fromkeys(language for pair in self._pairs for language in pair))
        limit = self._config.limit
        for layer in opened.layers:
            cells = [
                Cell(
                    task=self._entry.kind,
                    source=source,
                    target=target,
                    data=f"{self._data.name}[{limit}]" if limit > 0 else self._data.name,
                    model=opened.encoder.name,
                    split=self._split,
                    seed=opened.seed,
                    variant=opened.variant,
                    layer=layer,
                    pooling=reading.pooling,
                    prompt=opened.encoder.prompt,
                    unit=model.unit,
                    noise=noise,
                    inputs={
                        "weights": model.weights,
                        "max_len": str(opened.encoder.max_len),
                        # What the other languages are decides shared transforms.
                        "texts": self._digest(*(self._pairs if self._config.transform else [(source, target)])),
                        "limit": str(self._config.limit),
                        "score": self._config.score,
                    },
                )
                for noise in self._noises
                for source, target in self._pairs
            ]
            yield Job(
                label=f"{self._entry.name} {opened.encoder.name} layer {layer}",
                cells=cells,
                score=partial(reading.score, layer),
                group=self.task,
            )


class _Reading:
    """The vectors of one model, read once for all pairs, layers and noises."""

    def __init__(
        self,
        data: ParallelTexts,
        keys: Sequence[str],
        pairs: Sequence[tuple[str, str]],
        noises: Sequence[str],
        config: EvaluateConfig,
        model: NamedModel,
    ) -> None:
        self._data = data
        self._keys = keys
        self._pairs = pairs
        self._noises = noises
        self._config = config
        self._model = model
        self._sweep: LayerSweep | None = None
        self._swept: set[tuple[str, str, str]] = set()
        self._read = data

    @property
    def pooling(self) -> str:
        """Pooling, transforms and score, as rows show them."""
        from xl_tasks.scoring.retrieval import scored_pooling

        pooling = "+".join([self._model.opened.pooling, *self._config.transform])
        return scored_pooling(pooling, self._config.score)

    def score(self, layer: int, cells: Sequence[Cell]) -> Iterator[Scored]:
        """The figures of some of the cells of a layer."""
        from xl_tasks.scoring.retrieval import ranked

        sweep = self._sweep_of({(cell.source, cell.target, cell.noise) for cell in cells})
        for cell in cells:
            results = ranked(
                partial(sweep.vectors, layer=layer),
                self._read,
                self._keys,
                pairs=[(_side_name(cell.source, cell.noise), cell.target)],
                layer=layer,
                score=self._config.score,
            )
            for retrieved in results:
                yield Scored(cell=cell, keys=retrieved.keys, measures=retrieved.measures(), coverage=retrieved.coverage)

    def _sweep_of(self, asked: set[tuple[str, str, str]]) -> "LayerSweep":
        """The vectors of what these (source, target, noise) see: cells that were finished before need no others."""
        if self._config.transform:  # what other languages are decides it
            asked = {(*pair, noise) for noise in self._noises for pair in self._pairs}
        if self._sweep is None or not asked <= self._swept:
            self._sweep, self._swept = self._open(asked), asked
        return self._sweep

    def _open(self, asked: Collection[tuple[str, str, str]]) -> "LayerSweep":
        """Write the texts as the model reads them, and get ready to embed them at all layers."""
        from xl_cli.evaluation.layer_sweep import LayerSweep
        from xl_tasks.scoring.retrieval import compared_texts

        opened = self._model.opened
        ordered = [(*pair, noise) for noise in self._noises for pair in self._pairs if (*pair, noise) in asked]
        self._read = self._as_read(ordered)
        pairs = [(_side_name(source, noise), target) for source, target, noise in ordered]
        texts = compared_texts(self._read, self._keys, pairs)
        return LayerSweep(self._model, texts, opened.layers, opened.pooling, self._config.transform)

    def _as_read(self, asked: Sequence[tuple[str, str, str]]) -> ParallelTexts:
        """The texts of all sides in the model's unit, those with noise as sides of their own."""
        from xl_tasks.scoring.retrieval import seen_keys
        from xl_tasks.units.choosing import input_unit

        unit = input_unit(self._model.unit, self._model.opened.encoder.tokenizer)
        seen = seen_keys(self._data, self._keys, [(source, target) for source, target, _ in asked])
        named = [side for source, target, noise in asked for side in ((source, noise), (target, ""))]
        sides: dict[str, dict[str, str]] = {}
        for language, name in dict.fromkeys(named):
            texts = {key: text for key, text in self._data.texts[language].items() if key in seen[language]}
            if name:
                noise = parse_noise(name)
                texts = {key: noise.apply(text, language, key) for key, text in texts.items()}
            written = unit.texts(list(texts.values()), language)
            sides[_side_name(language, name)] = dict(zip(texts, written, strict=True))
        return dataclasses.replace(self._data, texts=sides)


def _side_name(language: str, noise: str) -> str:
    return f"{language}{_NOISY}{noise}" if noise else language


def _languages(
    entry: Task, given: EvaluateConfig, config: EvaluateConfig
) -> tuple[list[str] | None, Mapping[str, Sequence[str]]]:
    """Those that the asked pairs are of, in any spelling, None for all; and what else the loader is told.

    given: what the user asked for. config: the same with codes of a preset where the user named none; data may lack
    some.
    """
    asked = [*given.source, *given.target]
    if given.source and given.target:
        return asked, {}
    if entry.pivot:  # which alone is a side of all pairs
        from xl_translit import language

        others = {language(spelling) for spelling in asked} - {entry.pivot}
        return ([*sorted(others), entry.pivot] if others else None), {}
    if (given.target and config.source) or config.group:
        return asked, {"optional": [*config.source, *config.target]}
    return None, {}  # a side that names no language is every language


def _texts(
    entry: Task, config: EvaluateConfig, languages: Sequence[str] | None, options: Mapping[str, Sequence[str]]
) -> ParallelTexts:
    if entry.any_folder:
        several = [
            one.name for one in TASKS.values() if any((Path(config.data) / name).is_dir() for name in one.folders)
        ]
        if len(several) > 1:
            message = (
                f"--data {config.data} holds the data of several tasks ({', '.join(several)}); "
                "ask for one of them by name, or give its folder."
            )
            raise UsageError(message)
    splits = {} if config.split == "all" else {"splits": (config.split or "test",)}
    return load_task(entry, Path(config.data) if config.data else None, languages, **options, **splits)
