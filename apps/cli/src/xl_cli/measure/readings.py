"""What each --model of a measure is to read: parallel text of the languages asked for, here or on a cluster."""

import dataclasses
import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from xl_cli.cluster.config import ON_CLUSTER, ClusterConfig
from xl_cli.cluster.spread import Spread
from xl_cli.cluster.work import Work
from xl_cli.errors import CliError, UsageError
from xl_cli.folder.short_names import model_labels
from xl_cli.recipe.config import ParallelConfig
from xl_cli.unread_options import ReadWhere, listed
from xl_objectives import setting
from xl_tasks.units.choosing import UNITS

if TYPE_CHECKING:
    from xl_tasks import ParallelTexts

T = TypeVar("T")


@dataclasses.dataclass(frozen=True, kw_only=True)
class SpaceConfig(ParallelConfig, ClusterConfig):
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
        self.check_cluster()
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


_REVISION = ReadWhere(
    ("revision",),
    lambda call: not all(Path(name).is_dir() for given in call.model for name in _by_language(given).values()),
    "for a model in a folder, only for one of the hub",
)
# Where the options of a `SpaceConfig` are read.
OF_SPACE = (_REVISION, ON_CLUSTER)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Reading:
    """The data, and one of the models that are to read it; measures of one need nothing of another's.

    number: of the --model (or --input), from 1. keys, pairs: see `Space`. models: language -> the model as it is named.
    labels: model as named -> what rows call it, where that is not its folder. unit: the input, "" for the model's own.
    """

    number: int
    data: "ParallelTexts"
    keys: Sequence[str]
    pairs: Sequence[tuple[str, str]]
    models: Mapping[str, str]
    labels: Mapping[str, str]
    unit: str

    @property
    def digest(self) -> str:
        """Tells other items, languages or texts."""
        hashed = hashlib.sha256(repr((self.keys, self.pairs, self.models)).encode())
        for language in self.models:
            for key in self.keys:
                hashed.update(self.data.texts[language][key].encode() + b"\n")
        return hashed.hexdigest()


def by_reading(config: SpaceConfig, spread: Spread, part: Callable[..., T], *more: Any) -> Iterator[T]:
    """What `part(config, reading, *more)` gives of each --model, in order, here or on a cluster.

    The data is read and checked first. On a cluster all arguments are pickled, a node reads the data for itself, and of
    a model that failed there nothing comes: `spread.failures` tells.
    """
    readings = readings_of(config)
    works = [
        Work(
            label=" ".join(filter(None, config.readings[each.number - 1])),
            function=_here if spread.is_local else _on_a_node,
            arguments={"config": config, "part": part, "more": more}
            | ({"reading": each} if spread.is_local else {"number": each.number, "digest": each.digest}),
        )
        for each in readings
    ]
    return (value for value in spread.values(works) if value is not None)


def _here(*, config: SpaceConfig, part: Callable[..., T], more: Sequence[Any], reading: Reading) -> T:
    return part(config, reading, *more)


def _on_a_node(*, config: SpaceConfig, part: Callable[..., T], more: Sequence[Any], number: int, digest: str) -> T:
    reading = readings_of(config)[number - 1]
    if reading.digest != digest:
        message = f"{config.data} holds other texts on this node; put the same where all nodes see them."
        raise CliError(message)
    return part(config, reading, *more)


def readings_of(config: SpaceConfig) -> list[Reading]:
    """What each --model is to read; the data is read and checked."""
    data, keys, pairs, languages = _read_items(config)
    labels = model_labels(config.models)
    return [
        Reading(
            number=number,
            data=data,
            keys=keys,
            pairs=pairs,
            models=models_by_language(given, languages, data),
            labels=labels,
            unit=unit,
        )
        for number, (given, unit) in enumerate(config.readings, start=1)
    ]


def _read_items(config: SpaceConfig) -> "tuple[ParallelTexts, list[str], list[tuple[str, str]], list[str]]":
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
