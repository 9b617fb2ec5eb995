"""Settings of fine-tuning by the name of a preset, a task and what is trained. Imports nothing heavy."""

import dataclasses
import logging
from collections.abc import Iterator, Mapping
from types import MappingProxyType

from xl_encoders.registry import unknown_name
from xl_tasks.catalogue.task import Task
from xl_tasks.errors import TaskError
from xl_tasks.tuning.config import TuningConfig
from xl_tasks.tuning.preset_values import DEFAULT, PRESETS, Preset, TaskPreset

__all__ = [
    "EVERY_GROUP",
    "PRESETS",
    "Preset",
    "TaskPreset",
    "preset_grid",
    "preset_rows",
    "preset_sources",
    "preset_targets",
    "tuning_config",
]

_log = logging.getLogger(__name__)

EVERY_GROUP = "all"
"""All groups of languages of a preset."""
_NOTHING: Mapping[str, object] = MappingProxyType({})
_UNITS = {"phoneme": "phonemes", "romanized": "romanised"}
_SHOWN = ("lr", "weight_decay", "batch", "accumulate", "epochs", "max_len", "schedule", "warmup", "every", "keep")


def tuning_config(
    preset: str,
    task: Task,
    *,
    unit: str = "subword",
    language: str = "",
    model_type: str = "",
    overrides: Mapping[str, object] = _NOTHING,
) -> TuningConfig:
    """The settings of `task` under the preset called `preset`, with `overrides` over them.

    unit: what the model reads, "" where that is not known. language: code of the training data's language.
    model_type: as in a model's config.json, "xlm-roberta" for instance. Presets that do not tell them apart do not look
        at them.
    overrides: fields of TuningConfig, and `shared_lr`: true takes one learning rate for all languages and units where a
        preset has one for each ("phonemic"), so that gaps between languages are not those of their rates.

    A task that the paper does not have takes the values of "default", and the log says so. Raises TaskError for an
    unknown preset or field, and for a task that needs no tuning.
    """
    given = dict(overrides)
    shared = given.pop("shared_lr", False)
    names = [each.name for each in dataclasses.fields(TuningConfig)]
    for name in given:
        if name not in names:
            raise TaskError(unknown_name("setting", name, [*names, "shared_lr"]))
    if not isinstance(shared, bool):
        message = f"shared_lr is {shared!r}; give true or false."
        raise TaskError(message)
    values = _resolved(
        _entry(preset, task), _UNITS.get(unit, unit), language, model_type, shared=shared, quiet="lr" in given
    )
    # A mapping of names to values of several types; the dataclass checks what they are.
    return TuningConfig(**{**values, **given})  # ty: ignore[invalid-argument-type]


def preset_rows() -> list[dict[str, object]]:
    """One line a preset, task and input unit that has values of its own, for listings.

    Values that differ by language are joined by ", ". Keys: preset, task, unit, the settings, grid, metric, seeds,
    sources, protocol, mean, paper.
    """
    rows = []
    for preset in PRESETS.values():
        for task, entry in preset.tasks.items():
            for unit in sorted({"", *entry.by_unit, *entry.by_language}):
                codes = entry.by_language.get(unit, {})
                variants = [_resolved(entry, unit, code, "", shared=False, quiet=True) for code in codes or ("",)]
                made = [TuningConfig(**values) for values in variants]  # ty: ignore[invalid-argument-type]
                rows.append(
                    {
                        "preset": preset.name,
                        "task": task,
                        "unit": unit,
                        **{name: _joined(getattr(config, name) for config in made) for name in _SHOWN},
                        "grid": ", ".join(f"{key} of {len(values)}" for key, values in entry.grid.items()),
                        "metric": made[0].metric,
                        "seeds": ", ".join(map(str, preset.seeds)),
                        "sources": ", ".join(preset_sources(preset.name, task)),
                        "protocol": preset.protocol,
                        "mean": preset.mean,
                        "paper": preset.paper,
                    }
                )
    return rows


def _entry(name: str, task: Task) -> TaskPreset:
    if name not in PRESETS:
        raise TaskError(unknown_name("preset", name, PRESETS))
    for own in (task.name, task.kind):
        if own in PRESETS[name].tasks:
            return PRESETS[name].tasks[own]
    if task.kind not in DEFAULT.tasks:
        message = f"{task.name} is a task of {task.kind}; nothing is trained for it."
        raise TaskError(message)
    _log.warning("preset %s does not have %s; its settings are those of the preset default", name, task.name)
    return DEFAULT.tasks.get(task.name, DEFAULT.tasks[task.kind])


def _resolved(
    entry: TaskPreset, unit: str, language: str, model_type: str, *, shared: bool, quiet: bool = False
) -> dict[str, object]:
    values = {**entry.values, **entry.by_unit.get(unit, {}), **entry.by_model.get(model_type, {})}
    if not entry.by_language:
        return values
    own = dict(entry.by_language.get(unit, {}).get(language, {}))
    if not own and unit and not quiet and not shared:
        _log.warning("no rate is published for %s in %s; taken: lr %s", unit, language or "any language", values["lr"])
    if shared:
        own.pop("lr", None)
    return {**values, **own}


def _joined(values: Iterator[object]) -> object:
    unique = list(dict.fromkeys(values))
    return unique[0] if len(unique) == 1 else ", ".join(map(str, unique))


def preset_grid(preset: str, task: Task) -> dict[str, tuple[object, ...]]:
    """Key of `--set` -> values that a preset's settings of a task are chosen among on dev; empty where it has none."""
    tasks = PRESETS[preset].tasks
    own = tasks.get(task.name) or tasks.get(task.kind)
    return dict(own.grid) if own is not None else {}


def preset_sources(preset: str, task: str, group: str = "") -> list[str]:
    """The languages that a preset trains a task on (asks with, in retrieval), each in a model of its own.

    group: those of one group of languages; "" or EVERY_GROUP for all.
    """
    by_script = PRESETS[preset].sources.get(task, {})
    scripts = PRESETS[preset].groups[group].scripts if group not in ("", EVERY_GROUP) else tuple(by_script)
    return list(dict.fromkeys(code for script in scripts for code in by_script.get(script, ())))


def preset_targets(preset: str, task: str, group: str, source: str = "") -> list[str]:
    """The languages of a group, or of EVERY_GROUP, that a task is scored in; none for a preset without groups.

    source: language trained on; of several groups only those count that it is a source of, if it is of any.
    """
    groups = PRESETS[preset].groups
    names = list(groups) if group == EVERY_GROUP else [group]
    having = [name for name in names if source in preset_sources(preset, task, name)]
    codes = dict.fromkeys(code for name in having or names for code in groups[name].languages)
    return [code for code in codes if code in PRESETS[preset].targets.get(task, codes)]
