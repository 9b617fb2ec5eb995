"""Options of `xl eval` that no task asked for reads are refused; the plans say what they read. Imports no torch."""

import dataclasses
from collections.abc import Collection, Sequence
from pathlib import Path

from xl_cli.cluster.config import CLUSTER_OPTIONS
from xl_cli.errors import UsageError
from xl_cli.evaluation.config import EvaluateConfig
from xl_cli.evaluation.plans import ENCODER, VECTORS, is_vector_folder, plan_class
from xl_cli.evaluation.preset_options import has_task
from xl_cli.evaluation.tuning_options import OWN_GRID, parse_grid, parse_settings, split_settings
from xl_cli.unread_options import listed, refuse, without_meaning
from xl_tasks import TASKS
from xl_tasks.catalogue.task import TASK_KINDS, Task
from xl_tasks.errors import TaskError
from xl_tasks.robustness.config import RobustConfig, robust_settings_read
from xl_tasks.tuning.config import TuningConfig
from xl_tasks.tuning.presets import PRESETS


def options_read(entry: Task, config: EvaluateConfig) -> frozenset[str]:
    """The options, by their names in EvaluateConfig, that can change what a call with `config` gives for a task."""
    read = plan_class(entry).reads(entry, config) | set(entry.reads) | {*CLUSTER_OPTIONS, "cell_processes"}
    if not entry.layout:  # data of a library
        read -= {"data"}
    if config.preset in PRESETS and not has_task(config.preset, entry):
        read -= {"preset", "group"}
    if all(Path(name).is_dir() for name in config.model):
        read -= {"revision"}
    return frozenset(read)


def check_task_options(entries: Sequence[Task], config: EvaluateConfig, given: Collection[str] | None = None) -> None:
    """UsageError for options, and settings of --set and --grid, that none of the tasks reads; it names all of them.

    given: names of the options that the user gave; by default those that are not what they are without being given.
    """
    if given is None:
        given = [field.name for field in dataclasses.fields(config) if getattr(config, field.name) != field.default]
    names = [field.name for field in dataclasses.fields(config) if field.name in given]
    unread = [name for name in names if not any(name in options_read(entry, config) for entry in entries)]
    by_reason: dict[str, list[str]] = {}
    for name in unread:
        by_reason.setdefault(_reason(name, entries, config), []).append(f"--{name.replace('_', '-')}")
    faults = without_meaning(by_reason)
    if not {"set", "grid"} & set(unread):
        faults += _unread_settings(entries, config)
    refuse(faults)
    _check_values(config)


def _reason(name: str, entries: Sequence[Task], config: EvaluateConfig) -> str:
    """What a refusal says behind the option's name: where it would have a meaning."""
    asked = listed(entry.name for entry in entries)
    if name == "group":
        return f"for {asked} with preset {config.preset}, which has no groups of languages for that"
    other = dataclasses.replace(config, probe=not config.probe, lora=False, robust=(), neighbours="")
    if any(name in options_read(entry, other) for entry in entries):
        return f"for {asked} {'with' if config.probe else 'without'} --probe"
    if (
        name != "revision"
        and name in ENCODER | VECTORS
        and all(is_vector_folder(Path(model)) for model in config.model)
    ):
        return "for models in files of vectors"
    if readers := [entry for entry in TASKS.values() if name in options_read(entry, config)]:
        return f"for {asked}, only for {_tasks_in_words(readers)}"
    return "for models in folders"


def _unread_settings(entries: Sequence[Task], config: EvaluateConfig) -> list[str]:
    """A fault for each kind of key of --set and --grid that no task reads."""
    fitted = [entry for entry in entries if "set" in options_read(entry, config)]
    grid = parse_grid(text for text in config.grid if text != OWN_GRID)
    every = [{**parse_settings(config.set), **combination} for combination in grid]
    tuning, robust = (set().union(*(split_settings(one)[side] for one in every)) for side in (0, 1))
    faults = []
    for taken, other in (("steps", "epochs"), ("robust.eps", "robust.eps_rel")):
        if any(one.get(taken) and other in one for one in every):
            faults.append(f"{other}: no meaning beside {taken}")
    if others := sorted(tuning - _settings_read(fitted, config)):
        lora = dataclasses.replace(config, probe=False, lora=True, robust=(), neighbours="")
        without = "" if _settings_read(fitted, lora).isdisjoint(others) else " without --lora"
        way = " with --probe" if config.probe else without
        faults.append(f"{listed(others)}: no meaning for {listed(entry.name for entry in fitted)}{way}")
    losses = {str(split_settings(one)[1].get("loss", "adversarial")) for one in every}
    read = set().union(*(robust_settings_read(kind, losses) for kind in config.robust))
    if config.robust and (others := sorted(robust - read)):
        faults.append(f"{listed(f'robust.{key}' for key in others)}: no meaning for {listed(config.robust)}")
    return faults


def _check_values(config: EvaluateConfig) -> None:
    """UsageError for a value of --set or --grid that no training could take, before any data are read."""
    grid = parse_grid(text for text in config.grid if text != OWN_GRID)
    for combination in grid:
        tuning, robust = split_settings({**parse_settings(config.set), **combination})
        tuning.pop("shared_lr", None)
        try:
            TuningConfig(**tuning)  # ty: ignore[invalid-argument-type]
            for kind in config.robust:
                read = {key: value for key, value in robust.items() if key in robust_settings_read(kind, {""})}
                own = {"neighbours": config.neighbours} if kind == "rs-da" else {}
                RobustConfig(kind=kind, **{**read, **own})  # ty: ignore[invalid-argument-type]
        except TaskError as error:
            raise UsageError(str(error)) from None


def _settings_read(entries: Sequence[Task], config: EvaluateConfig) -> set[str]:
    return set().union(*(plan_class(entry).settings(entry, config) for entry in entries))


def _tasks_in_words(readers: Sequence[Task]) -> str:
    """Names of tasks; a kind's alone where all of the kind are among them."""
    names = {entry.name for entry in readers}
    words = []
    for kind in TASK_KINDS:
        of_kind = [entry.name for entry in TASKS.values() if entry.kind == kind]
        words += [f"all of {kind}"] if names.issuperset(of_kind) else [name for name in of_kind if name in names]
    return listed(words)
