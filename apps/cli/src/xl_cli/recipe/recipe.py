"""Recipes: a TOML file, overridden key by key from the command line, checked whole before any work starts."""

import dataclasses
import typing
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from xl_cli.errors import UsageError
from xl_cli.launch.progress import say
from xl_cli.recipe.config import DataConfig, EvalConfig, SelectConfig, TrainConfig
from xl_cli.recipe.faults import SettingFaults, build
from xl_cli.recipe.files import read_content, recipe_file
from xl_cli.recipe.mine_config import RoundsConfig
from xl_cli.recipe.objectives import REGISTRY, objective_type
from xl_cli.recipe.overrides import SECTIONS, check_read, override
from xl_cli.recipe.paths import (
    compiler_fault,
    missing_files,
    missing_folders,
    model_faults,
    shape_of,
    with_reading,
    without_data,
    without_optional,
)
from xl_cli.recipe.trackers import check_trackers
from xl_cli.recipe.vocabulary_config import VocabularyConfig
from xl_encoders.config import ModelConfig
from xl_encoders.registry import RegistryError, unknown_name
from xl_objectives import ObjectiveConfig, ObjectiveError

_SECTIONS: dict[str, type] = {
    "model": ModelConfig,
    "vocabulary": VocabularyConfig,
    "data": DataConfig,
    "train": TrainConfig,
    "select": SelectConfig,
    "eval": EvalConfig,
    "mine": RoundsConfig,
}
# The keys of a [[data]] and of [model] that say where something lies.
_PLACES = ("files", "from", "revision")


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """A checked recipe.

    name: the shipped recipe's, or the file's without `.toml`.
    note: line printed under the table. objectives: name -> its settings, in the order of the recipe.
    """

    name: str
    description: str = ""
    note: str = ""
    model: ModelConfig = field(default_factory=ModelConfig)
    vocabulary: VocabularyConfig = field(default_factory=VocabularyConfig)
    data: tuple[DataConfig, ...]
    objectives: Mapping[str, ObjectiveConfig]
    train: TrainConfig = field(default_factory=TrainConfig)
    select: SelectConfig = field(default_factory=SelectConfig)
    eval: EvalConfig = field(default_factory=EvalConfig)
    mine: RoundsConfig = field(default_factory=RoundsConfig)

    def data_of(self, objective: str) -> tuple[int, ...]:
        """Numbers of the [[data]] that an objective reads: those it names, or all that are of a kind it can read.

        Raises UsageError where there is none.
        """
        kinds, named = self.objectives[objective].reads, self.objectives[objective].data
        if not named:
            numbers = tuple(number for number, entry in enumerate(self.data) if entry.kind in kinds)
            if not numbers:
                listed = " or ".join(kinds)
                message = f"objective {objective} reads data of kind {listed}, and the recipe has none; add a [[data]]."
                raise UsageError(message)
            return self._there(numbers)
        names = [entry.name or entry.kind for entry in self.data]
        for name in named:
            if name not in names:
                raise UsageError(unknown_name(f"data in objective.{objective}.data:", name, names))
            kind = self.data[names.index(name)].kind
            if kind not in kinds:
                message = f"objective {objective} reads data of kind {' or '.join(kinds)}, but data {name} is {kind}."
                raise UsageError(message)
        return self._there(tuple(names.index(name) for name in named))

    def _there(self, numbers: tuple[int, ...]) -> tuple[int, ...]:
        """Those of the [[data]] that are not optional and without files, or all where none is left (in a dry run)."""
        return tuple(n for n in numbers if self.data[n].is_given or not self.data[n].optional) or numbers

    @property
    def needs_head(self) -> bool:
        """Whether any objective needs a trained masked-LM head."""
        return any(settings.needs_head for settings in self.objectives.values())

    @property
    def grows_vocabulary(self) -> bool:
        """Whether the vocabulary of a pretrained encoder changes before training."""
        return bool(self.model.extend_vocabulary) or self.vocabulary.changes

    def as_dict(self) -> dict[str, object]:
        """The recipe with every key filled in, in the form of its TOML file."""
        return {
            "description": self.description,
            "note": self.note,
            "model": _plain(self.model),
            # As runs before there was such a table have it, where nothing changes.
            **({"vocabulary": _plain(self.vocabulary)} if self.vocabulary.changes else {}),
            "data": [_plain(entry) for entry in self.data],
            "objective": [{"name": name, **_plain(settings)} for name, settings in self.objectives.items()],
            "train": _plain(self.train),
            "select": _plain(self.select),
            "eval": _plain(self.eval),
            **({"mine": _plain(self.mine)} if self.mine.pivot else {}),
        }


def load_recipe(
    name_or_path: str, overrides: Iterable[str] = (), besides: SettingFaults | None = None, *, plan_only: bool = False
) -> Recipe:
    """Read a shipped recipe or a TOML file, apply `key=value` overrides, check everything.

    besides: faults of the command line, told together with those of the recipe; where it is given, the files and
    folders that the recipe names are looked for as well.
    plan_only: whether data without files and a model that is not fetched yet will do.

    Raises UsageError naming the file, each key that is wrong, its value and what would be right, CliError for files.
    """
    path = recipe_file(name_or_path)
    content = read_content(path)
    faults = SettingFaults() if besides is None else besides
    placed = override(content, overrides, faults)
    without_optional(content, placed)
    reading = ""
    with faults.caught(UsageError):
        reading = with_reading(content, placed)
    mining = content.get("mine")
    mined = mining if isinstance(mining, dict) and mining.get("pivot") else {}
    left_out = without_data(content, str(mined.get("data", RoundsConfig.data)) if mined else "")
    recipe = parse_recipe(path.stem, content, faults, look=besides is not None, plan_only=plan_only)
    check_read(content, placed, faults)
    faults.tell()
    mines_no_more = (
        "mine",
        "pivot",
    ) in placed and not mined  # an encoder that mines pairs for the run that asked for it
    for note in filter(None, (reading, "" if mines_no_more else left_out)):
        say(note)
    mined_for = f"data.{RoundsConfig.data}.files"
    if mined_for in left_out and not mines_no_more:
        say(f"note: for want of {mined_for}, mine.pivot=FILE finds pairs in text of a language that the model knows.")
    if not any(place[:2] == ("train", "variants") for place in placed):
        for table in _tables(content, "objective", faults) or ():
            if table["name"] not in recipe.objectives and not left_out:
                say(
                    f"note: no variant of train.variants trains {table['name']}, so it has no part in the run; name it "
                    f"there, as in {recipe.train.variants[-1]}+{table['name']}."
                )
    return recipe


def parse_recipe(
    name: str,
    content: Mapping[str, object],
    besides: SettingFaults | None = None,
    *,
    look: bool = False,
    plan_only: bool = False,
) -> Recipe:
    """Turn the content of a recipe file into checked settings; raises all its faults, and those `besides`, at once.

    look: whether the files and folders that it names are looked for. plan_only: as of `load_recipe`.
    """
    faults = SettingFaults() if besides is None else besides
    strange = [key for key in content if key not in SECTIONS]
    for key in strange:
        faults.add(UsageError(unknown_name("recipe section", key, ["extends", *SECTIONS])))
    entries = _objective_entries(content, faults)
    objectives = {
        objective: _build(objective_type(objective), entry, f"objective.{objective}", faults)
        for objective, entry in (entries or {}).items()
    }
    for settings in filter(None, objectives.values()):
        with faults.caught(ObjectiveError):
            settings.check_answers()
    sections = {
        section: _build(config, _table(content, section, faults), section, faults)
        for section, config in _SECTIONS.items()
        if section != "data"
    }
    tables = _tables(content, "data", faults)
    data = [_build(DataConfig, entry, "data", faults) for entry in tables or ()]
    for entry in filter(None, data):
        if not (entry.is_given or entry.optional or plan_only or _is_mined(entry, sections["mine"])):
            faults.add(_no_files(entry))
    if tables is not None and not data:
        faults.add(UsageError(f"recipe {name} has no [[data]]; say what to train on."))
    if sections["train"] is not None:
        with faults.caught(UsageError):
            check_trackers(sections["train"].trackers)
        if entries is not None and not strange:
            _check_variants(sections["train"].variants, list(entries), faults)
    vocabulary = sections["vocabulary"]
    if sections["model"] is not None and sections["model"].from_ == "new" and vocabulary and vocabulary.changes:
        message = "model.from is new, and a new model's vocabulary is made of the run's text; leave [vocabulary] out."
        faults.add(UsageError(message))
    if sections["train"] is not None and sections["model"] is not None and sections["train"].lora_rank:
        model = sections["model"]
        grown = "model.extend_vocabulary" if model.extend_vocabulary else ""
        if vocabulary is not None and vocabulary.budget:
            grown = "vocabulary.budget"
        if model.from_ == "new" or (grown and sections["train"].only == "all"):
            what = "model.from is new" if model.from_ == "new" else f"{grown} adds pieces"
            advice = "" if model.from_ == "new" else ", or train them beside it: --set train.only=embeddings"
            message = (
                f"train.lora_rank is {sections['train'].lora_rank}, but {what}: low-rank updates leave all other "
                f"weights as they are, random ones too; leave it out{advice}."
            )
            faults.add(UsageError(message))
    if sections["train"] is not None and sections["model"] is not None and sections["train"].only != "all":
        faults.extend(_only_faults(sections["train"], sections["model"], vocabulary))
    if look:
        # What lies elsewhere is looked for even where other keys beside it are wrong.
        seen = [its or _places(DataConfig, table) for its, table in zip(data, tables or (), strict=True)]
        model = sections["model"] or _places(ModelConfig, content.get("model"))
        _look({**sections, "model": model}, seen, list(entries or ()), faults, plan_only)
    if strange or sections["train"] is None or entries is None or not data or None in (*objectives.values(), *data):
        faults.tell()  # what follows would only be told again in other words
    used = {part for variant in sections["train"].variants for part in variant.split("+")}
    recipe = Recipe(
        name=name,
        description=str(content.get("description", "")),
        note=str(content.get("note", "")),
        data=tuple(data),
        # An ablation names fewer objectives than its recipe describes; the others have no part in the run.
        objectives={objective: its for objective, its in objectives.items() if objective in used},
        **{section: its or _SECTIONS[section]() for section, its in sections.items()},
    )
    taught = [name for name, its in recipe.objectives.items() if its.family == "teacher"]
    if taught and recipe.model.from_ == "new" and not recipe.model.teacher:
        message = f"objective {taught[0]} needs a teacher, and model.from is new; name one in model.teacher."
        faults.add(UsageError(message))
    empty: dict[int, None] = {}
    for objective in recipe.objectives:
        with faults.caught(UsageError):
            empty |= dict.fromkeys(n for n in recipe.data_of(objective) if not data[n].is_given and data[n].optional)
    if not plan_only:
        faults.extend(_no_files(data[n]) for n in empty if not _is_mined(data[n], sections["mine"]))
    if sections["model"] is not None:
        n_layers = shape_of(recipe.model)[0] if look or recipe.model.from_ == "new" else None
        faults.extend(UsageError(sentence) for sentence in layer_faults(recipe, n_layers))
    faults.tell()
    return recipe


def _is_mined(entry: DataConfig, mining: RoundsConfig | None) -> bool:
    """Whether a [[data]] is one that pairs are mined for, before the run."""
    return bool(mining and mining.pivot) and (entry.name or entry.kind) == mining.data


def _no_files(entry: DataConfig) -> UsageError:
    key = f"data.{entry.name}.files" if entry.name else "data.files"
    message = f"data.kind is {entry.kind} but {key} is empty; name a folder, files or a glob: --set {key}=..."
    return UsageError(message)


def _only_faults(train: TrainConfig, model: ModelConfig, vocabulary: VocabularyConfig | None) -> Iterator[UsageError]:
    """What does not go with embeddings being all that is trained of the plain weights."""
    if model.from_ == "new":
        message = f"train.only is {train.only}, but model.from is new: all other weights would stay random."
        yield UsageError(message)
    elif train.only == "new" and vocabulary is not None and not vocabulary.budget:
        message = "train.only is new, but vocabulary.budget is 0, so no piece is new; give one, or embeddings."
        yield UsageError(message)


def _look(
    sections: Mapping[str, typing.Any],
    data: Iterable[DataConfig | None],
    objectives: Iterable[str],
    faults: SettingFaults,
    plan_only: bool,
) -> None:
    """Add what is not there of the files and folders that the sections name."""
    for entry in filter(None, data):
        faults.extend(missing_files(entry))
    faults.extend(missing_folders(sections["select"], sections["eval"], sections["vocabulary"]))
    if sections["train"]:
        faults.extend(compiler_fault(sections["train"].compile))
    if sections["model"]:
        # Where another key of [train] is wrong, every objective of the recipe is taken to be trained.
        mixed = (
            {part for its in sections["train"].variants for part in its.split("+")} if sections["train"] else objectives
        )
        faults.extend(model_faults(sections["model"], mixed, at_hand=not plan_only))


def _objective_entries(content: Mapping[str, object], faults: SettingFaults) -> dict[str, dict[str, object]] | None:
    """The settings of each objective by its name; None where a name is missing or unknown."""
    tables = _tables(content, "objective", faults)
    entries: dict[str, dict[str, object]] = {}
    for table in tables or ():
        entry = dict(table)
        name = str(entry.pop("name", ""))
        if name in entries:
            faults.add(UsageError(f"objective {name} stands twice in the recipe; give it once."))
        with faults.caught(RegistryError):
            REGISTRY.check(name)
        entries[name] = entry
    return None if tables is None or any(name not in REGISTRY for name in entries) else entries


def _check_variants(variants: Iterable[str], objectives: list[str], faults: SettingFaults) -> None:
    for variant in variants:
        for part in variant.split("+"):
            if part not in objectives:
                message = unknown_name(f"objective in train.variants {variant!r}:", part, objectives)
                faults.add(UsageError(message))


def layer_faults(recipe: Recipe, n_layers: int | None) -> Iterator[str]:
    """A sentence for each layer that an encoder of `n_layers` blocks does not have, by the name of its key."""
    if n_layers is None:
        return
    asked: dict[str, int | None] = {"model.layer": recipe.model.layer}
    for name, settings in recipe.objectives.items():
        asked |= {f"objective.{name}.{key}": getattr(settings, key, None) for key in ("layer", "align_layer")}
    for key, layer in asked.items():
        if layer is not None and not -n_layers - 1 <= layer <= n_layers:
            yield f"{key} is {layer}, but the encoder has layers 0 (embeddings) to {n_layers}."


def check_layers(recipe: Recipe, n_layers: int) -> None:
    """Refuse layers that an encoder of `n_layers` blocks does not have."""
    for sentence in layer_faults(recipe, n_layers):
        raise UsageError(sentence)


def recipe_keys() -> list[tuple[str, str, object]]:
    """(key, help text, default) of everything that a recipe or `--set` can say."""
    keys = []
    for section, config in _SECTIONS.items():
        keys += [
            (f"{section}.{_key(item)}", item.metadata["help"], _plain_value(item.default)) for item in _fields(config)
        ]
    for objective in REGISTRY.names():
        config = objective_type(objective)
        keys += [
            (f"objective.{objective}.{_key(item)}", item.metadata["help"], _plain_value(item.default))
            for item in _fields(config)
        ]
    return keys


def _build(config: object, values: Mapping[str, object] | None, section: str, faults: SettingFaults) -> typing.Any:
    """An instance of the dataclass `config` from TOML values, each of the field's type; None for faults."""
    config = typing.cast("type", config)
    fields = {_key(item): item for item in _fields(config)}
    hints = typing.get_type_hints(config)
    arguments = {}
    n_wrong = 0
    for key, value in (values or {}).items():
        try:
            if key not in fields:
                raise UsageError(unknown_name("key", f"{section}.{key}", [f"{section}.{known}" for known in fields]))
            arguments[fields[key].name] = _checked(value, hints[fields[key].name], f"{section}.{key}")
        except UsageError as error:
            faults.add(error)
            n_wrong += 1
    # A [[data]] may stand with its name between section and key.
    patterns = {item.name: rf"\b{section}(\.\S+)?\.{key}\b" for key, item in fields.items()}
    made = build(config, arguments, patterns, faults)
    return made if values is not None and not n_wrong else None


def _places(config: type, values: object) -> typing.Any:
    """`config` with the files or the model that `values` name, all else left out; None where that says nothing."""
    values = values if isinstance(values, Mapping) else {}
    kept = {key: value for key, value in values.items() if key in _PLACES}
    return _build(config, kept, "", SettingFaults()) if kept else None


def _checked(value: object, kind: object, key: str) -> object:
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if kind in (int | None, str | None):
        kind = int if kind == int | None else str
    if kind == tuple[str, ...]:
        value = [value] if isinstance(value, str) else value
        if isinstance(value, list) and all(isinstance(item, str) for item in value):
            return tuple(value)
    elif isinstance(kind, type) and type(value) is kind:
        return value
    names = {int: "a whole number", float: "a number", str: "a text in quotes", bool: "true or false"}
    expected = names.get(typing.cast("type", kind), "a list of texts")
    message = f"{key} is {value!r}; it takes {expected}."
    raise UsageError(message)


def _table(content: Mapping[str, object], section: str, faults: SettingFaults) -> Mapping[str, object] | None:
    table = content.get(section, {})
    if isinstance(table, Mapping):
        return table
    faults.add(UsageError(f"{section} has to be a table: write [{section}] above its keys."))
    return None


def _tables(content: Mapping[str, object], section: str, faults: SettingFaults) -> list[Mapping[str, object]] | None:
    tables = content.get(section, [])
    if isinstance(tables, list) and all(isinstance(entry, Mapping) for entry in tables):
        return tables
    faults.add(UsageError(f"{section} has to be a list of tables: write [[{section}]] above each one's keys."))
    return None


def _fields(config: typing.Any) -> tuple[dataclasses.Field, ...]:
    return dataclasses.fields(config)


def _key(item: dataclasses.Field) -> str:
    """A field's name in TOML: `from` is a word of Python, so its field is called `from_`."""
    return item.metadata.get("key", item.name)


def _plain(config: object) -> dict[str, object]:
    values = {
        _key(item): _plain_value(getattr(config, item.name))
        for item in dataclasses.fields(typing.cast("typing.Any", config))
    }
    # TOML has no word for nothing: what is left to another setting is left out.
    return {key: value for key, value in values.items() if value is not None}


def _plain_value(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value
