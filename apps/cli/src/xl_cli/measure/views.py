"""The vectors of the same items in several languages, layer by layer, read once for any number of measures."""

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from xl_cli.cluster.spread import Spread
from xl_cli.errors import CliError
from xl_cli.measure.readings import Reading, SpaceConfig, by_reading
from xl_cli.unread_options import listed

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from xl_cli.evaluation.layer_sweep import LayerSweep
    from xl_cli.evaluation.opened import Opened
    from xl_encoders import Encoder
    from xl_tasks import ParallelTexts, Row
    from xl_tasks.units.unit import Unit


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
    config: SpaceConfig, spread: Spread, *measures: "tuple[Callable[[Space, int, Any], Sequence[Row]], SpaceConfig]"
) -> "list[Row]":
    """The rows of measures of vectors, each with its settings, from one reading of the texts a model.

    A measure is a function (space, layer, its settings) -> rows of that layer.
    """
    return [row for rows in by_reading(config, spread, _rows_of, measures) for row in rows]


def _rows_of(
    config: SpaceConfig,
    reading: Reading,
    measures: "Sequence[tuple[Callable[[Space, int, Any], Sequence[Row]], SpaceConfig]]",
) -> "list[Row]":
    space = open_space(config, reading)
    return [row for layer in space.layers for at_layer, own in measures for row in at_layer(space, layer, own)]


def open_space(config: SpaceConfig, reading: Reading) -> Space:
    """The encoders of a reading, opened."""
    from xl_cli.evaluation.opened import open_model
    from xl_cli.launch.progress import say

    opened: dict[str, Opened] = {}
    for name in dict.fromkeys(reading.models.values()):
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
            model.encoder.name = reading.labels.get(name, model.encoder.name)
        opened[name] = model
    layers = next(iter(opened.values())).layers
    for each in opened.values():
        if each.layers != layers:
            names = listed(f"{one.encoder.name} at {', '.join(map(str, one.layers))}" for one in opened.values())
            message = f"the encoders are read at different layers ({names}); give --layer."
            raise CliError(message)
    by_language = {language: opened[name] for language, name in reading.models.items()}
    units = units_of({language: each.encoder for language, each in by_language.items()}, reading.unit)
    return Space(
        data=reading.data,
        keys=reading.keys,
        pairs=reading.pairs,
        opened=by_language,
        layers=layers,
        units=units,
        transform=config.transform,
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


def _joined(names: "Iterator[str]") -> str:
    return "+".join(dict.fromkeys(names))
