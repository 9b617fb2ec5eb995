"""The vectors of the same items in several languages, layer by layer, read once for any number of measures."""

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xl_cli.errors import CliError, UsageError
from xl_cli.folder.short_names import model_labels
from xl_cli.recipe.config import ParallelConfig
from xl_cli.unread_options import ReadWhere, listed
from xl_objectives import setting
from xl_tasks.units.choosing import UNITS

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from xl_cli.evaluation.layer_sweep import LayerSweep
    from xl_cli.evaluation.opened import Opened
    from xl_encoders import Encoder
    from xl_tasks import ParallelTexts, Row
    from xl_tasks.units.unit import Unit


@dataclasses.dataclass(frozen=True, kw_only=True)
class SpaceConfig(ParallelConfig):
    """Which models are measured, on what; a measure of vectors adds its own options to these."""

    model: tuple[str, ...] = dataclasses.field(
        metadata={
            "help": "run folder, save_pretrained folder or hub id that reads all languages, or one for each: "
            "eng_Latn=MODEL,tur_Latn=MODEL; repeat to measure several"
        }
    )
    input: tuple[str, ...] = setting(
        (),
        f"what the model reads: {' | '.join(UNITS)} [default: what it was made for]; repeat for several with one "
        "--model, or for one each",
        choices=(*UNITS, "phoneme", "romanized"),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.model:
            message = "--model is missing; name a run folder, a save_pretrained folder or a hub id."
            raise UsageError(message)
        if 1 != len(self.input) != len(self.model) != 1 and self.input:
            message = (
                f"--input is given {len(self.input)} times and --model {len(self.model)} times; give one input for "
                "all, one a model, or several with one model."
            )
            raise UsageError(message)

    @property
    def readings(self) -> list[tuple[str, str]]:
        """What each --model names and the input it reads, "" for its own; a space of vectors each."""
        if len(self.input) < 2:
            return [(name, "".join(self.input)) for name in self.model]
        return list(zip(self.model * (len(self.input) // len(self.model)), self.input, strict=True))

    @property
    def models(self) -> tuple[str, ...]:
        """Every model that is named, once, as the user names it."""
        return tuple(dict.fromkeys(name for given in self.model for name in _by_language(given).values()))


REVISION = ReadWhere(
    ("revision",),
    lambda call: not all(Path(name).is_dir() for given in call.model for name in _by_language(given).values()),
    "for a model in a folder, only for one of the hub",
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Space:
    """What a measure of vectors looks at: texts of the same items in several languages, and their vectors.

    keys: the items, in order; every language has each. pairs: of two languages, each once, as asked for.
    opened: language -> its encoder, which is often that of all. layers: `hidden_states` indices to measure.
    units: language -> what its encoder reads in the place of a text.
    """

    data: "ParallelTexts"
    keys: Sequence[str]
    pairs: Sequence[tuple[str, str]]
    opened: Mapping[str, "Opened"]
    layers: Sequence[int]
    units: Mapping[str, "Unit"]
    transform: Sequence[str] = ()

    @property
    def reads_letters(self) -> bool:
        """Whether texts are read in letters, as sub-words or characters: then romanised ones differ from them."""
        return all(unit.name in ("subword", "character") for unit in self.units.values())

    @property
    def languages(self) -> tuple[str, ...]:
        """Languages of the pairs, sorted."""
        return tuple(self.opened)

    @cached_property
    def texts(self) -> dict[str, list[str]]:
        """Language -> its text of each item as written, in the order of `keys`."""
        return {language: [self.data.texts[language][key] for key in self.keys] for language in self.languages}

    @cached_property
    def romanised(self) -> dict[str, list[str]]:
        """Language -> the same in Latin letters (Uroman)."""
        from xl_translit import Romanizer

        return {language: Romanizer().batch(texts) for language, texts in self.texts.items()}

    @cached_property
    def kept(self) -> dict[object, Any]:
        """What a measure keeps from one layer to the next, by a name of its own."""
        return {}

    def views(self, layer: int, *, romanised: bool = False) -> "dict[str, NDArray[np.float32]]":
        """Language -> vectors of the items, (n_items, width), after the transforms; in the order of `keys`.

        romanised: those of the texts in Latin letters. The first call reads the texts at all layers. Ask for all that
        you need of a layer before the next one.
        """
        if self._at_hand.get(romanised, (None,))[0] != layer:
            sweeps = self._romanised_sweeps if romanised else self._sweeps
            by_language = {language: view for sweep in sweeps for language, view in sweep.views(layer).items()}
            self._at_hand[romanised] = layer, {language: by_language[language] for language in self.languages}
        return self._at_hand[romanised][1]

    def row(self, task: str, metric: str, value: float, source: str, target: str, layer: int, **more: Any) -> "Row":
        """One figure between two languages (or of one, twice named) at a layer; `more` are other fields of a row."""
        from xl_tasks import Row

        return Row(
            task=task,
            metric=metric,
            value=float(value),
            source=source,
            target=target,
            layer=layer,
            **self._fields | more,
        )

    @cached_property
    def _fields(self) -> dict[str, Any]:
        """What all rows have."""
        opened = list(self.opened.values())
        seeds = {each.seed for each in opened}
        return {
            "n": len(self.keys),
            "seed": seeds.pop() if len(seeds) == 1 else 0,
            "model": _joined(each.encoder.name for each in opened),
            "pooling": "+".join([_joined(each.pooling for each in opened), *self.transform]),
            "prompt": _joined(each.encoder.prompt for each in opened),
            "unit": _joined(unit.name for unit in self.units.values()),
            "variant": _joined(each.variant for each in opened),
            "tuning": _joined(each.tuning for each in opened),
            "data": self.data.name,
        }

    @cached_property
    def _at_hand(self) -> "dict[bool, tuple[int, dict[str, NDArray[np.float32]]]]":
        """Whether romanised -> the last layer that was asked for, and its views."""
        return {}

    @cached_property
    def _sweeps(self) -> "list[LayerSweep]":
        return self._sweeps_of(
            {language: self.units[language].texts(texts, language) for language, texts in self.texts.items()}
        )

    @cached_property
    def _romanised_sweeps(self) -> "list[LayerSweep]":
        return self._sweeps_of(self.romanised)

    def _sweeps_of(self, texts: Mapping[str, Sequence[str]]) -> "list[LayerSweep]":
        """One for each encoder: the spaces of two have no axes in common that a transform could be fitted on."""
        from xl_cli.evaluation.layer_sweep import LayerSweep

        of_encoder: dict[int, list[str]] = {}
        for language, opened in self.opened.items():
            of_encoder.setdefault(id(opened.encoder), []).append(language)
        return [
            LayerSweep(
                self.opened[languages[0]].encoder,
                {language: texts[language] for language in languages},
                self.layers,
                self.opened[languages[0]].pooling,
                self.transform,
            )
            for languages in of_encoder.values()
        ]


def space_rows(
    config: SpaceConfig, *measures: "tuple[Callable[[Space, int, Any], Sequence[Row]], SpaceConfig]"
) -> "list[Row]":
    """The rows of measures of vectors, each with its settings, from one reading of the texts a model.

    A measure is a function (space, layer, its settings) -> rows of that layer.
    """
    rows: list[Row] = []
    for space in open_spaces(config):
        for layer in space.layers:
            for at_layer, own in measures:
                rows += at_layer(space, layer, own)
    return rows


def open_spaces(config: SpaceConfig) -> Iterator[Space]:
    """What each --model makes of the data, one after the other; the data is read and checked first."""
    data, shared, pairs, languages = read_items(config)
    named = [(models_by_language(given, languages, data), unit) for given, unit in config.readings]
    labels = model_labels(config.models)
    return (_opened(config, data, shared, pairs, models, labels, unit) for models, unit in named)


def read_items(config: SpaceConfig) -> "tuple[ParallelTexts, list[str], list[tuple[str, str]], list[str]]":
    """The data, the items that all asked languages have, the pairs, each once, and the languages of these, sorted.

    Where models are named by their languages, a side that names none is of these languages.
    """
    from xl_cli.data.items import load_items, pairs_both_ways, scored_keys

    named = tuple(dict.fromkeys(language for given in config.model for language in _by_language(given) if language))
    config = dataclasses.replace(config, source=config.source or named, target=config.target or named)
    data, keys = load_items(config)
    if data.pools:
        message = f"{data.name} joins bitexts that share no items; measures need the same items in every language."
        raise CliError(message)
    # Of a pair, which has no direction, there is one.
    unordered: dict[frozenset[str], tuple[str, str]] = {}
    for pair in pairs_both_ways(data, config.source, config.target):
        unordered.setdefault(frozenset(pair), pair)
    pairs = list(unordered.values())
    languages = [language for language in data.languages if any(language in pair for pair in pairs)]
    return data, scored_keys(data, keys, languages, config.limit), pairs, languages


def _opened(
    config: SpaceConfig,
    data: "ParallelTexts",
    keys: Sequence[str],
    pairs: Sequence[tuple[str, str]],
    models: Mapping[str, str],
    labels: Mapping[str, str],
    unit: str,
) -> Space:
    from xl_cli.evaluation.opened import open_model
    from xl_cli.launch.progress import say

    opened: dict[str, Opened] = {}
    for name in dict.fromkeys(models.values()):
        model = open_model(
            name,
            revision=config.revision,
            max_len=config.max_len,
            layer=config.layer,
            pooling=config.pooling,
            prompt=config.prompt,
        )
        if model.note:
            say(model.note)
        if not model.tuning:  # what was fine-tuned is called as its scores are, and told by tuning and seed
            model.encoder.name = labels.get(name, model.encoder.name)
        opened[name] = model
    layers = next(iter(opened.values())).layers
    for each in opened.values():
        if each.layers != layers:
            names = listed(f"{one.encoder.name} at {', '.join(map(str, one.layers))}" for one in opened.values())
            message = f"the encoders are read at different layers ({names}); give --layer."
            raise CliError(message)
    by_language = {language: opened[name] for language, name in models.items()}
    units = units_of({language: each.encoder for language, each in by_language.items()}, unit)
    return Space(
        data=data, keys=keys, pairs=pairs, opened=by_language, layers=layers, units=units, transform=config.transform
    )


def units_of(encoders: "Mapping[str, Encoder]", asked: str) -> "dict[str, Unit]":
    """Language -> what its encoder reads: the unit of that name, or for "" the one that the encoder was made for.

    TaskError where an encoder cannot read it, or it cannot be made for a language.
    """
    from xl_tasks.units.choosing import check_unit, default_unit, input_unit

    units: dict[str, Unit] = {}
    for encoder in {id(each): each for each in encoders.values()}.values():
        languages = [language for language, each in encoders.items() if each is encoder]
        name = asked or default_unit(encoder)
        check_unit(name, encoder, languages)
        units |= dict.fromkeys(languages, input_unit(name, encoder.tokenizer))
    return {language: units[language] for language in encoders}


def models_by_language(given: str, languages: Sequence[str], data: "ParallelTexts") -> dict[str, str]:
    """Language -> the model that reads it, for each of `languages`."""
    from xl_tasks.texts import resolve_language

    named = _by_language(given)
    if "" in named:
        return dict.fromkeys(languages, named[""])
    by_language = {resolve_language(spelling, data.texts, where="--model"): name for spelling, name in named.items()}
    missing = [language for language in languages if language not in by_language]
    if missing:
        message = (
            f"--model {given} has no model for {listed(missing)}; name one for each language, or choose languages with "
            "--source and --target."
        )
        raise UsageError(message)
    return {language: by_language[language] for language in languages}


def _by_language(given: str) -> dict[str, str]:
    """Language as spelled -> model; "" stands for all languages. A folder may have any name."""
    parts = [part.partition("=") for part in given.split(",")]
    if Path(given).exists() or not all(equals for _, equals, _ in parts):
        return {"": given}
    return {language.strip(): name.strip() for language, _, name in parts}


def _joined(names: "Iterator[str]") -> str:
    return "+".join(dict.fromkeys(names))
