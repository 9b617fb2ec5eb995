"""`--set key=value` and `--grid key=v1,v2` of `xl eval` as settings, and how rows show them."""

import dataclasses
import typing
from collections.abc import Iterable, Mapping
from itertools import product

from xl_cli.errors import UsageError
from xl_encoders.registry import unknown_name
from xl_tasks.robustness.config import RobustConfig, robust_settings_read
from xl_tasks.tuning.config import TuningConfig

ROBUST = "robust."
"""Begins keys of robust training."""
OWN_GRID = "preset"
"""What `--grid` says for the grid of the preset's paper."""


def tuning_keys() -> list[tuple[str, str, str]]:
    """(key, default, help) of everything that --set and --grid know."""
    keys = []
    for prefix, config in (("", TuningConfig), (ROBUST, RobustConfig)):
        for field in dataclasses.fields(config):
            if f"{prefix}{field.name}" in _types():
                keys.append((f"{prefix}{field.name}", str(field.default), field.metadata["help"]))
    keys.append(("shared_lr", "False", "one learning rate for all languages and units where a preset has one for each"))
    return keys


def parse_settings(given: Iterable[str], option: str = "--set") -> dict[str, object]:
    """Settings of "key=value" texts, each value of its key's type; UsageError for an unknown key or a bad value."""
    settings: dict[str, object] = {}
    for text in given:
        key, equals, value = text.partition("=")
        key = key.strip()
        if not equals:
            message = f"{option} {text}: no equals sign; write key=value, e.g. lr=3e-5."
            raise UsageError(message)
        settings[key] = _typed(key, value.strip(), option)
    return settings


def parse_grid(given: Iterable[str]) -> list[dict[str, object]]:
    """Every combination of "key=v1,v2" texts; one empty combination where nothing is given."""
    axes = []
    for text in given:
        key, equals, values = text.partition("=")
        parts = [value.strip() for value in values.split(",") if value.strip()]
        if not equals or not parts:
            message = f"--grid {text}: write key=v1,v2, e.g. lr=1e-5,3e-5."
            raise UsageError(message)
        axes.append([(key.strip(), _typed(key.strip(), value, "--grid")) for value in parts])
    return [dict(combination) for combination in product(*axes)]


def distinct(
    grid: Iterable[Mapping[str, object]], robust: str, settings: Mapping[str, object]
) -> dict[str, tuple[dict[str, object], dict[str, object]]]:
    """Those combinations of a grid that one kind of robust training ("" for plain) tells apart, by their names.

    settings: of robust training, beside the grid's. Values: the settings of tuning and those of robust training.
    """
    parts = [split_settings(combination) for combination in grid]
    losses = {str(changed.get("loss", settings.get("loss", "adversarial"))) for _, changed in parts}
    read = robust_settings_read(robust, losses) if robust else frozenset()
    found = {}
    for tuned, changed in parts:
        kept = {key: value for key, value in changed.items() if key in read}
        found.setdefault(settings_text({**tuned, **{f"{ROBUST}{key}": kept[key] for key in kept}}), (tuned, kept))
    return found


def split_settings(settings: Mapping[str, object]) -> tuple[dict[str, object], dict[str, object]]:
    """The settings of tuning and those of robust training, the latter without their prefix."""
    robust = {key.removeprefix(ROBUST): value for key, value in settings.items() if key.startswith(ROBUST)}
    return {key: value for key, value in settings.items() if not key.startswith(ROBUST)}, robust


def settings_text(settings: Mapping[str, object]) -> str:
    """Settings as "epochs=2 lr=3e-05", sorted by key."""
    texts = {key: f"{value:g}" if isinstance(value, float) else str(value) for key, value in settings.items()}
    return " ".join(f"{key}={text}" for key, text in sorted(texts.items()))


def _types() -> dict[str, type]:
    """Type of each key; what other options of the command set is none of them."""
    own = {"mode", "seed"}
    kinds: dict[str, type] = {"shared_lr": bool}
    kinds |= {key: kind for key, kind in typing.get_type_hints(TuningConfig).items() if key not in own}
    robust = {"kind", "seed", "neighbours"}
    kinds |= {f"{ROBUST}{key}": kind for key, kind in typing.get_type_hints(RobustConfig).items() if key not in robust}
    return kinds


def _typed(key: str, value: str, option: str) -> object:
    types = _types()
    if key not in types:
        message = f"{option} {key}={value}: {unknown_name('key', key, list(types))}"
        raise UsageError(message)
    kind = types[key]
    if kind is bool:
        if value not in ("true", "false"):
            message = f"{option} {key}={value}: give true or false."
            raise UsageError(message)
        return value == "true"
    try:
        return kind(value)
    except ValueError:
        word = "a whole number" if kind is int else "a number"
        message = f"{option} {key}={value}: {word} is needed."
        raise UsageError(message) from None
