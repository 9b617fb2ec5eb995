"""Recipes: a TOML file, overridden key by key from the command line, checked whole before any work starts."""

import dataclasses
import tomllib
import typing
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from xl_cli.config import DataConfig, EvalConfig, SelectConfig, TrainConfig
from xl_cli.errors import UsageError
from xl_cli.trackers import check_trackers
from xl_encoders.config import SIZES, ModelConfig
from xl_encoders.registry import Registry, unknown_name
from xl_objectives import OBJECTIVES, ObjectiveConfig

_FOLDER = Path(__file__).with_name("recipes")
_SECTIONS: dict[str, type] = {
    "model": ModelConfig,
    "data": DataConfig,
    "train": TrainConfig,
    "select": SelectConfig,
    "eval": EvalConfig,
}
# objective -> kinds of data it can read
READS = {
    **dict.fromkeys(("mlm", "seq", "tlm"), ("names", "parallel", "text")),
    **dict.fromkeys(("dcca", "mse"), ("vectors",)),
    **dict.fromkeys(("ot", "l2", "word-nce"), ("pairs", "parallel", "names")),
}
_TOP_LEVEL = ("description", "note", *_SECTIONS, "objective")


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
    data: tuple[DataConfig, ...]
    objectives: Mapping[str, ObjectiveConfig]
    train: TrainConfig = field(default_factory=TrainConfig)
    select: SelectConfig = field(default_factory=SelectConfig)
    eval: EvalConfig = field(default_factory=EvalConfig)

    def data_of(self, objective: str) -> tuple[int, ...]:
        """Numbers of the [[data]] that an objective reads: those it names, or all that are of a kind it can read.

        Raises UsageError where there is none.
        """
        kinds = READS[objective]
        named = self.objectives[objective].data
        if not named:
            found = tuple(number for number, entry in enumerate(self.data) if entry.kind in kinds)
            if not found:
                wanted = " or ".join(kinds)
                message = f"objective {objective} reads data of kind {wanted}, and the recipe has none; add a [[data]]."
                raise UsageError(message)
            return found
        names = [entry.name or entry.kind for entry in self.data]
        for name in named:
            if name not in names:
                raise UsageError(unknown_name(f"data in objective.{objective}.data:", name, names))
            kind = self.data[names.index(name)].kind
            if kind not in kinds:
                message = f"objective {objective} reads data of kind {' or '.join(kinds)}, but data {name} is {kind}."
                raise UsageError(message)
        return tuple(names.index(name) for name in named)

    def as_dict(self) -> dict[str, object]:
        """The recipe with every key filled in, in the form of its TOML file."""
        return {
            "description": self.description,
            "note": self.note,
            "model": _plain(self.model),
            "data": [_plain(entry) for entry in self.data],
            "objective": [{"name": name, **_plain(settings)} for name, settings in self.objectives.items()],
            "train": _plain(self.train),
            "select": _plain(self.select),
            "eval": _plain(self.eval),
        }


def shipped_recipes() -> dict[str, Path]:
    """Name -> file of the recipes that come with `xl`."""
    return {path.stem: path for path in sorted(_FOLDER.glob("*.toml"))}


def load_recipe(name_or_path: str, overrides: Iterable[str] = ()) -> Recipe:
    """Read a shipped recipe or a TOML file, apply `key=value` overrides, check everything.

    Raises UsageError naming the file, the key, the value and what would be right.
    """
    shipped = shipped_recipes()
    path = shipped.get(name_or_path, Path(name_or_path))
    if not path.is_file():
        if name_or_path.endswith(".toml") or "/" in name_or_path:
            message = f"{name_or_path}: no such recipe file."
        else:
            message = unknown_name("recipe", name_or_path, shipped) + " A file of your own ends in .toml."
        raise UsageError(message)
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        message = f"{path}: not valid TOML: {error}."
        raise UsageError(message) from error
    for override in overrides:
        _override(content, override)
    return parse_recipe(path.stem, content)


def parse_recipe(name: str, content: Mapping[str, object]) -> Recipe:
    """Turn the content of a recipe file into checked settings."""
    for key in content:
        if key not in _TOP_LEVEL:
            raise UsageError(unknown_name("recipe section", key, list(_TOP_LEVEL)))
    objectives = {}
    registry = Registry("objective", OBJECTIVES)
    for entry in _tables(content, "objective"):
        entry = dict(entry)
        objective = str(entry.pop("name", ""))
        registry.check(objective)
        if objective in objectives:
            message = f"objective {objective} stands twice in the recipe; give it once."
            raise UsageError(message)
        objectives[objective] = _build(registry.load(objective), entry, f"objective.{objective}")
    recipe = Recipe(
        name=name,
        description=str(content.get("description", "")),
        note=str(content.get("note", "")),
        model=_build(ModelConfig, _table(content, "model"), "model"),
        data=tuple(_build(DataConfig, entry, "data") for entry in _tables(content, "data")),
        objectives=objectives,
        train=_build(TrainConfig, _table(content, "train"), "train"),
        select=_build(SelectConfig, _table(content, "select"), "select"),
        eval=_build(EvalConfig, _table(content, "eval"), "eval"),
    )
    if not recipe.data:
        message = f"recipe {name} has no [[data]]; say what to train on."
        raise UsageError(message)
    recipe = _only_used(recipe)
    for objective in recipe.objectives:
        recipe.data_of(objective)
    if recipe.model.from_ == "new":
        check_layers(recipe, SIZES[recipe.model.size][0])
    check_trackers(recipe.train.trackers)
    return recipe


def check_layers(recipe: Recipe, n_layers: int) -> None:
    """Refuse layers that an encoder of `n_layers` blocks does not have, by the name of their key."""
    asked: dict[str, int | None] = {"model.layer": recipe.model.layer}
    for name, settings in recipe.objectives.items():
        asked |= {f"objective.{name}.{key}": getattr(settings, key, None) for key in ("layer", "align_layer")}
    for key, layer in asked.items():
        if layer is not None and not -n_layers - 1 <= layer <= n_layers:
            message = f"{key} is {layer}, but the encoder has layers 0 (embeddings) to {n_layers}."
            raise UsageError(message)


def recipe_keys() -> list[tuple[str, str, object]]:
    """(key, help text, default) of everything that a recipe or `--set` can say."""
    keys = []
    for section, config in _SECTIONS.items():
        keys += [
            (f"{section}.{_key(item)}", item.metadata["help"], _plain_value(item.default)) for item in _fields(config)
        ]
    for objective in OBJECTIVES:
        config = typing.cast("type", Registry("objective", OBJECTIVES).load(objective))
        keys += [
            (f"objective.{objective}.{_key(item)}", item.metadata["help"], _plain_value(item.default))
            for item in _fields(config)
        ]
    return keys


def _only_used(recipe: Recipe) -> Recipe:
    """The recipe with the objectives of its variants; UsageError for a variant that names an unknown one."""
    used: set[str] = set()
    for variant in recipe.train.variants:
        for part in variant.split("+"):
            if part not in recipe.objectives:
                raise UsageError(
                    unknown_name(f"objective in train.variants {variant!r}:", part, list(recipe.objectives))
                )
            used.add(part)
    # An ablation names fewer objectives than its recipe describes; the others have no part in the run.
    return replace(recipe, objectives={name: value for name, value in recipe.objectives.items() if name in used})


def _override(content: dict[str, typing.Any], text: str) -> None:
    """Apply one `section.key=value`; the value is TOML, or a plain string where it is none."""
    key, separator, value_text = text.partition("=")
    parts = key.strip().split(".")
    if not separator or len(parts) < 2 or not all(parts):
        message = f"--set {text!r} is not of the form section.key=value, e.g. train.steps=100."
        raise UsageError(message)
    try:
        value = tomllib.loads(f"value = {value_text}")["value"]
    except tomllib.TOMLDecodeError as error:
        value = value_text.strip()
        if value.startswith("["):
            message = f'--set {text!r}: the list is not TOML; write its texts in quotes: --set \'{key}=["a", "b"]\'.'
            raise UsageError(message) from error
    section, *rest = parts
    if section not in _TOP_LEVEL:
        raise UsageError(unknown_name("recipe section", section, list(_TOP_LEVEL)))
    if section == "objective":
        tables = content.setdefault("objective", [])
        if len(rest) != 2:
            message = f"--set {text!r}: name the objective and its key, e.g. objective.seq.temperature=0.05."
            raise UsageError(message)
        Registry("objective", OBJECTIVES).check(rest[0])
        table = next((entry for entry in tables if entry.get("name") == rest[0]), None)
        if table is None:
            table = {"name": rest[0]}
            tables.append(table)
    elif section == "data":
        tables = content.setdefault("data", [{}])
        number = _data_number(tables, rest)
        if number == len(tables):
            tables.append({})
        if not 0 <= number < len(tables):
            names = [entry.get("name") or str(place) for place, entry in enumerate(tables)]
            message = (
                f"--set {text!r}: the recipe has {len(tables)} [[data]], {', '.join(names)}; "
                f"name one as data.{names[0]}.{rest[-1]}."
            )
            raise UsageError(message)
        table = tables[number]
    else:
        table = content.setdefault(section, {})
    if not isinstance(table, dict) or not rest:
        message = f"--set {text!r} is not of the form section.key=value, e.g. train.steps=100."
        raise UsageError(message)
    if section == "data" and rest[-1] == "kind" and value != table.get("kind"):
        # The other keys of the entry, and the note under the table, spoke of another kind of data.
        content.pop("note", None)
        table.pop("files", None)
        table.pop("languages", None)
    if key.strip() == "model.from" and value == "new":
        # The layer, pooling and length of the recipe's model mean nothing in a new, smaller one.
        for stale in ("layer", "pooling", "max_len", "revision"):
            table.pop(stale, None)
    table[rest[-1]] = value


def _data_number(tables: list[dict[str, typing.Any]], rest: list[str]) -> int:
    """Which [[data]] the rest of a key means (its name or number is taken off); -1 for none."""
    if len(rest) > 1:
        first = rest.pop(0)
        if first.isdigit():
            return int(first)
        return next((number for number, entry in enumerate(tables) if entry.get("name") == first), -1)
    return 0 if len(tables) == 1 else -1


def _build(config: object, values: Mapping[str, object], section: str) -> typing.Any:
    """An instance of the dataclass `config` from TOML values, each checked against the field's type."""
    config = typing.cast("type", config)
    fields = {_key(item): item for item in _fields(config)}
    hints = typing.get_type_hints(config)
    arguments = {}
    for key, value in values.items():
        if key not in fields:
            raise UsageError(unknown_name("key", f"{section}.{key}", [f"{section}.{known}" for known in fields]))
        arguments[fields[key].name] = _checked(value, hints[fields[key].name], f"{section}.{key}")
    try:
        return config(**arguments)
    except ValueError as error:  # the libraries' own checks; their words name the key
        raise UsageError(str(error)) from error


def _checked(value: object, wanted: object, key: str) -> object:
    if wanted is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if wanted == int | None:
        wanted = int
    if wanted == tuple[str, ...]:
        value = [value] if isinstance(value, str) else value
        if isinstance(value, list) and all(isinstance(item, str) for item in value):
            return tuple(value)
    elif isinstance(wanted, type) and type(value) is wanted:
        return value
    names = {int: "a whole number", float: "a number", str: "a text in quotes", bool: "true or false"}
    expected = names.get(typing.cast("type", wanted), "a list of texts")
    message = f"{key} is {value!r}; it takes {expected}."
    raise UsageError(message)


def _table(content: Mapping[str, object], section: str) -> Mapping[str, object]:
    table = content.get(section, {})
    if not isinstance(table, Mapping):
        message = f"{section} has to be a table: write [{section}] above its keys."
        raise UsageError(message)
    return table


def _tables(content: Mapping[str, object], section: str) -> list[Mapping[str, object]]:
    tables = content.get(section, [])
    if not isinstance(tables, list) or not all(isinstance(entry, Mapping) for entry in tables):
        message = f"{section} has to be a list of tables: write [[{section}]] above each one's keys."
        raise UsageError(message)
    return tables


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
