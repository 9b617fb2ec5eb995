"""What a preset sets beside hyper-parameters: seeds, sources, protocol, means. Imports nothing heavy."""

import dataclasses
from collections.abc import Iterable, Mapping

from xl_cli.errors import UsageError
from xl_cli.evaluation.config import EvaluateConfig
from xl_cli.evaluation.plans import plan_class
from xl_cli.evaluation.tuning_options import OWN_GRID, ROBUST
from xl_cli.launch.progress import say
from xl_tasks.catalogue.task import Task
from xl_tasks.robustness.config import robust_settings_read
from xl_tasks.tuning.presets import EVERY_GROUP, PRESETS, preset_grid, preset_sources, preset_targets


class LackingError(UsageError):
    """The data have none of the languages that a preset names."""


def has_task(preset: str, entry: Task) -> bool:
    """Whether a preset's paper fits models to a task, or searches with languages of its own in it."""
    return not {entry.name, entry.kind}.isdisjoint({*PRESETS[preset].tasks, *PRESETS[preset].sources})


def with_preset(entry: Task, config: EvaluateConfig) -> EvaluateConfig:
    """`config` with what its preset names for a task and the user does not; a note says what that is.

    Without a preset, and for a task that its paper does not have, models are trained once, zero-shot, on the source
    that the data suggest. UsageError for an unknown preset.
    """
    if config.preset not in PRESETS:
        message = f"--preset is {config.preset!r}; choose one of {', '.join(PRESETS)}."
        raise UsageError(message)
    preset = PRESETS[config.preset]
    _check_group(config)
    grid = _grid(entry, config)
    if preset.name == "default" or not has_task(preset.name, entry):
        protocol = config.protocol or ("zero-shot",)
        return dataclasses.replace(config, protocol=protocol, seeds=config.seeds or 1, group="")
    named: dict[str, tuple[str, ...] | int] = {"grid": grid}
    told = [f"--grid {text}" for text in grid if text not in config.grid]
    if "protocol" in plan_class(entry).reads(entry, config):
        if not config.protocol:
            named["protocol"] = (preset.protocol,)
            told.append(f"--protocol {preset.protocol}")
        if not config.seeds:
            named["seeds"] = len(preset.seeds)
            if not config.probe:
                ends = dict.fromkeys((preset.seeds[0], preset.seeds[-1]))
                told.append(f"--seeds {len(preset.seeds)} ({' to '.join(map(str, ends))})")
    in_targets = config.target and "in-language" in (config.protocol or (preset.protocol,))
    if not config.source and not in_targets and (sources := preset_sources(preset.name, entry.name, config.group)):
        named["source"] = tuple(sources)
        told.append(f"--source {', '.join(sources)}")
    if config.group and not config.target:
        named["target"] = tuple(preset_targets(preset.name, entry.name, config.group))
        told.append(f"--target {', '.join(named['target'])}")
    if told:
        say(f"note: {entry.name}: preset {preset.name} sets {'; '.join(told)}. Give an option to have it otherwise.")
    return dataclasses.replace(config, **named)


def _grid(entry: Task, config: EvaluateConfig) -> tuple[str, ...]:
    """`--grid` of a task: what the user gave, that of the preset in the place of OWN_GRID.

    The radius of robust training is chosen in any case where a preset has a grid of it and the user names none.
    """
    own = preset_grid(config.preset, entry)
    radii = {key for key in own if key.startswith(ROBUST)}
    read = {f"{ROBUST}{name}" for kind in config.robust for name in robust_settings_read(kind, ())}
    asked = OWN_GRID in config.grid
    if asked and not (set(own) - radii or radii & read):
        message = f"--grid {OWN_GRID}: preset {config.preset} has no grid for {entry.name}; write key=v1,v2."
        raise UsageError(message)
    given = [text for text in config.grid if text != OWN_GRID]
    named = {text.partition("=")[0].strip() for text in (*given, *config.set)}
    fixed = radii if named & {f"{ROBUST}eps", f"{ROBUST}eps_rel"} else radii - read
    kept = [key for key in own if key not in named | fixed and (asked or key in radii)]
    return (*given, *(f"{key}={','.join(map(str, own[key]))}" for key in kept))


def sources_there(
    entry: Task, config: EvaluateConfig, given: EvaluateConfig, languages: Iterable[str]
) -> EvaluateConfig:
    """`config` with those sources of its preset that the data has; what the user named in `given` stays as it is.

    UsageError where the data has none of them.
    """
    if given.source or not config.source:
        return config
    return dataclasses.replace(
        config, source=_there(entry, config, "source", languages, "nothing to train or ask with")
    )


def targets_there(
    entry: Task, config: EvaluateConfig, given: EvaluateConfig, languages: Iterable[str]
) -> EvaluateConfig:
    """Likewise those targets of its preset that the data has."""
    if given.target or not config.target:
        return config
    return dataclasses.replace(config, target=_there(entry, config, "target", languages, "nothing to score"))


def targets_of(entry: Task, config: EvaluateConfig, given: EvaluateConfig, source: str) -> tuple[str, ...]:
    """Those of the targets that belong to a source; of a preset's those of the source's groups, without itself."""
    if given.target or not config.group:
        return config.target
    of_source = [code for code in preset_targets(config.preset, entry.name, config.group, source) if code != source]
    return tuple(code for code in config.target if code in of_source)


def _there(entry: Task, config: EvaluateConfig, side: str, languages: Iterable[str], lack: str) -> tuple[str, ...]:
    asked, there = getattr(config, side), set(languages)
    kept = tuple(code for code in asked if code in there)
    if not kept:
        message = (
            f"{entry.name}: the data has none of the {side}s of preset {config.preset} ({', '.join(asked)}); "
            f"name others with --{side}."
        )
        raise LackingError(message)
    if others := [code for code in asked if code not in there]:
        say(f"note: {entry.name}: this data has {lack} in {', '.join(others)}.")
    return kept


def _check_group(config: EvaluateConfig) -> None:
    groups = PRESETS[config.preset].groups
    if config.group and config.group not in (*groups, EVERY_GROUP):
        told = f"choose one of {', '.join((*groups, EVERY_GROUP))}." if groups else "it has no groups; leave that out."
        message = f"--group {config.group}: preset {config.preset}: {told}"
        raise UsageError(message)


def mean_of(rows: Iterable[Mapping[str, object]]) -> str:
    """What the means of result rows are over: as the presets that they were made with have it, if these agree."""
    presets = {str(row.get("tuning") or "").split(" ")[0].partition("/")[2] for row in rows if row.get("tuning")}
    means = {PRESETS[name].mean if name in PRESETS else "others" for name in presets}
    return means.pop() if len(means) == 1 else "others"
