"""`--set section.key=value` over the content of a recipe file: the order does not matter, nothing set is dropped."""

import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from xl_cli.errors import UsageError
from xl_cli.launch.progress import say
from xl_cli.recipe.config import READ_BY
from xl_cli.recipe.faults import SettingFaults
from xl_cli.recipe.objectives import REGISTRY
from xl_encoders.registry import RegistryError, unknown_name

SECTIONS = ("description", "note", "model", "vocabulary", "data", "train", "select", "eval", "mine", "objective")

# What the recipe said of its own model means nothing for one of the other sort.
_OF_PRETRAINED = ("layer", "pooling", "max_len", "revision")
_OF_NEW = ("size", "pieces", "lower_case", "dropout")

_OF_RETRIEVAL = ("data", "metric", "sources", "targets")
# Task of [select] -> keys that it has no use for, and what it is.
_UNREAD = {
    "mlm": (_OF_RETRIEVAL, "the loss on the dev slice"),
    "last": ((*_OF_RETRIEVAL, "limit", "patience"), "which scores nothing"),
}

Content = dict[str, Any]
# Section and key, with the number of the [[data]] or the name of the objective between them.
Place = tuple[str | int, ...]


def override(content: Content, given: Iterable[str], faults: SettingFaults) -> list[Place]:
    """Apply all `key=value` texts to `content`, and say where; a key that is given twice has its last value.

    A value is TOML, or a plain string where it is none. What does not fit is added to `faults`. Where a setting makes
    others of the recipe meaningless (another kind of data, another sort of model), these go before anything is set.
    """
    parsed: dict[tuple[str, ...], tuple[str, object]] = {}
    for text in given:
        with faults.caught(UsageError, RegistryError):
            parts, value = _parse(text)
            parsed.pop(parts, None)
            parsed[parts] = (text, value)
    for name in sorted({parts[1] for parts in parsed if parts[0] == "objective"}, key=REGISTRY.names().index):
        _objective_table(content, name)
    placed: dict[Place, object] = {parts: value for parts, (_, value) in parsed.items() if parts[0] != "data"}
    placed |= _placed_data(content, {parts: its for parts, its in parsed.items() if parts[0] == "data"}, faults)
    drop_stale(content, placed)
    for place, value in placed.items():
        table = _table(content, place)
        if isinstance(table, dict):  # else the recipe's own form is at fault, which is told there
            table[place[-1]] = value
    return list(placed)


def check_read(content: Content, placed: Iterable[Place], faults: SettingFaults) -> None:
    """Refuse what a run of `content`, a recipe that is right in itself, would not read of the places that were set.

    What only has no effect beside another setting is said in a note.
    """
    model, train, select, scoring = (content.get(section, {}) for section in ("model", "train", "select", "eval"))
    source, is_new = model.get("from", "new"), model.get("from", "new") == "new"
    for section, *rest in placed:
        key = ".".join(map(str, (section, *rest)))
        if section == "model" and rest[0] in _OF_NEW and not is_new:
            say(f"note: {key} shapes a new model and has no effect, as model.from is {source}.")
        elif section == "select" and rest[0] in _UNREAD.get(select.get("task"), ((), ""))[0]:
            task = select["task"]
            say(f"note: {key} has no effect, as select.task is {task}, {_UNREAD[task][1]}.")
        else:
            message = ""
            if section == "data":
                kind = content["data"][rest[0]].get("kind", "parallel")
                if rest[1] not in READ_BY[kind]:
                    message = f"{key} is given, but data of kind {kind} does not read it; leave it out."
                elif rest[1] in ("least", "seed") and content["data"][rest[0]].get("share", 1.0) == 1:
                    message = f"{key} is given, but data.share is 1, so every text is read; give it too."
            elif key == "model.revision" and (is_new or Path(source).is_dir()):
                message = f"{key} names a commit on the hub, but model.from is {source}; leave one of them out."
            elif key == "train.epochs" and train.get("steps"):
                message = "train.epochs is given, but train.steps decides how long training takes; give one of them."
            elif section == "select" and rest[0] != "every" and not select.get("every"):
                message = f"{key} is given, but select.every is 0, so nothing is scored while training; give it too."
            elif key == "eval.split" and scoring.get("data"):
                message = "eval.split is a slice of the run's own data, but eval.data is given; leave one of them out."
            elif section == "objective" and not _is_trained(str(rest[0]), train.get("variants")):
                message = (
                    f"{key} is given, but no variant of train.variants trains {rest[0]}; "
                    f'add it there: --set train.variants="...+{rest[0]}".'
                )
            if message:
                faults.add(UsageError(message))


def _is_trained(objective: str, variants: object) -> bool:
    named = [variants] if isinstance(variants, str) else variants
    if not isinstance(named, list):
        return True  # the default, or a fault that is told elsewhere
    return any(objective in str(variant).split("+") for variant in named)


def _parse(text: str) -> tuple[tuple[str, ...], object]:
    """The parts of the key, and the value."""
    key, separator, value_text = text.partition("=")
    parts = tuple(key.strip().split("."))
    if not separator or len(parts) < 2 or not all(parts):
        message = f"--set {text!r} is not of the form section.key=value, e.g. train.steps=100."
        raise UsageError(message)
    value: object
    try:
        value = tomllib.loads(f"value = {value_text}")["value"]
    except (ValueError, RecursionError) as error:  # also of a number of too many digits
        value = value_text.strip()
        if str(value).startswith("["):
            message = f'--set {text!r}: the list is not TOML; write its texts in quotes: --set \'{key}=["a", "b"]\'.'
            raise UsageError(message) from error
    if parts[0] not in SECTIONS:
        raise UsageError(unknown_name("recipe section", parts[0], list(SECTIONS)))
    if parts[0] == "objective":
        if len(parts) != 3:
            message = f"--set {text!r}: name the objective and its key, e.g. objective.seq.temperature=0.05."
            raise UsageError(message)
        REGISTRY.check(parts[1])
    elif len(parts) != 2 and not (parts[0] == "data" and len(parts) == 3):
        message = f"--set {text!r} is not of the form section.key=value, e.g. train.steps=100."
        raise UsageError(message)
    return parts, value


def _objective_table(content: Content, name: str) -> Content | None:
    """The table of an objective, made where there is none."""
    tables = content.setdefault("objective", [])
    if not isinstance(tables, list):
        return None
    table = next((entry for entry in tables if isinstance(entry, dict) and entry.get("name") == name), None)
    if table is None:
        table = {"name": name}
        tables.append(table)
    return table


def _placed_data(
    content: Content, given: Mapping[tuple[str, ...], tuple[str, object]], faults: SettingFaults
) -> dict[Place, object]:
    """The settings of data under ("data", number of the [[data]], key), with the tables that they add."""
    if not given:
        return {}
    tables = content.setdefault("data", [{}])
    if not isinstance(tables, list) or not all(isinstance(entry, dict) for entry in tables):
        return {}
    numbers = {int(parts[1]) for parts in given if len(parts) == 3 and parts[1].isdigit()}
    n_own = len(tables)
    while len(tables) in numbers:
        tables.append({})
    names = {str(entry.get("name")): number for number, entry in enumerate(tables) if entry.get("name")}
    # A name given by --set counts too, beside the one that the recipe has.
    for parts, (_, value) in given.items():
        if len(parts) == 3 and parts[2] == "name":
            number = names.get(parts[1], int(parts[1]) if parts[1].isdigit() else None)
            if number is not None:
                names.setdefault(str(value), number)
    placed: dict[Place, object] = {}
    for parts, (text, value) in given.items():
        number = _unnamed(tables[:n_own]) if len(parts) == 2 else names.get(parts[1])
        if number is None and len(parts) == 3 and parts[1].isdigit():
            number = int(parts[1])
        if number is None or number >= len(tables):
            shown = [str(entry.get("name") or place) for place, entry in enumerate(tables)]
            message = (
                f"--set {text!r}: the recipe has {len(tables)} [[data]], {', '.join(shown)}; "
                f"name one as data.{shown[0]}.{parts[-1]}."
            )
            faults.add(UsageError(message))
            continue
        placed["data", number, parts[-1]] = value
    return placed


def _unnamed(tables: list[Content]) -> int | None:
    """The number of the [[data]] that `data.KEY` means: the only one there is, or the only one without a name."""
    unnamed = [number for number, entry in enumerate(tables) if not entry.get("name")]
    return 0 if len(tables) == 1 else unnamed[0] if len(unnamed) == 1 else None


def drop_stale(content: Content, placed: Mapping[Place, object]) -> None:
    """Take away what the recipe says of another kind of data, of another sort of model, or of another length."""
    for place, value in placed.items():
        table = _table(content, place)
        if not isinstance(table, dict):
            continue
        if place[0] == "data" and place[-1] == "kind" and value != table.get("kind"):
            content.pop("note", None)
            for stale in ("files", "languages", "share", "least", "seed"):
                table.pop(stale, None)
        elif place == ("model", "from"):
            for stale in _OF_PRETRAINED if value == "new" else _OF_NEW:
                table.pop(stale, None)
        elif place == ("vocabulary", "budget") and not value:
            table.pop("start", None)
        elif place == ("train", "epochs"):
            table.pop("steps", None)


def _table(content: Content, place: Place) -> object:
    if place[0] == "data":
        return content["data"][place[1]]
    if place[0] == "objective":
        return _objective_table(content, str(place[1]))
    return content.setdefault(str(place[0]), {})
