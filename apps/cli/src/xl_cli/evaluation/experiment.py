"""The experiment of a preset's paper as one call: its tasks, and which of them the data lack."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from xl_cli.errors import UsageError
from xl_cli.evaluation.config import EvaluateConfig
from xl_cli.evaluation.plans import Plan, task_plan
from xl_cli.evaluation.preset_options import LackingError
from xl_cli.launch.progress import Progress, say
from xl_tasks.catalogue.registry import TASKS
from xl_tasks.catalogue.task import Task
from xl_tasks.errors import TaskError
from xl_tasks.protocols.data_folder import data_folder
from xl_tasks.tuning.presets import EVERY_GROUP, PRESETS


def experiment(config: EvaluateConfig) -> tuple[list[Task], EvaluateConfig]:
    """The tasks of the experiment of a preset's paper, and `config` with what else it has.

    That is its groups of languages, all by default, its robust training and its protocols, where the user names none.

    UsageError where no preset is named, or one without an experiment.
    """
    with_one = ", ".join(preset.name for preset in PRESETS.values() if preset.experiment)
    preset = PRESETS.get(config.preset)
    if preset is None or not preset.experiment:
        message = f"no TASK; name one or more (xl ls tasks), or the experiment of a paper: --preset {with_one}."
        raise UsageError(message)
    group = config.group or (EVERY_GROUP if preset.groups else "")
    more = {}
    if not config.probe:
        more["robust"] = config.robust or (*preset.robust, *(("rs-da",) if preset.robust and config.neighbours else ()))
    if preset.protocols:
        more["protocol"] = config.protocol or preset.protocols
    return [TASKS[name] for name in preset.experiment], dataclasses.replace(config, group=group, **more)


def read_plan(entry: Task, config: EvaluateConfig) -> Plan:
    """The plan of a task, its data read."""
    with Progress(f"reading the data of {entry.name}", quiet=True):
        return task_plan(entry, config)


def plans_there(entries: Sequence[Task], config: EvaluateConfig) -> list[Plan]:
    """The plans of those tasks of an experiment whose data are there; one note tells of the others where to put them.

    UsageError where no task has data. A file that is there and broken is an error as ever.
    """
    plans, lacking = [], {}
    for entry in entries:
        try:
            plans.append(read_plan(entry, config))
        except (LackingError, TaskError) as error:
            if isinstance(error, TaskError) and _has_folder(entry, config):
                raise
            lacking[entry.name] = _where(entry, config, error)
    if lacking:
        told = [f"{name}: {where}" for name, where in lacking.items()]
        if not plans:
            message = f"the data have no task of preset {config.preset}: {'; '.join(told)}"
            raise UsageError(message)
        say("\n    ".join(["note: left out, as the data lack them:", *told]))
    return plans


def _has_folder(entry: Task, config: EvaluateConfig) -> bool:
    root = Path(config.data) if config.data else None
    return root is not None and (data_folder(entry, root) != root or root.name in entry.folders)


def _where(entry: Task, config: EvaluateConfig, error: Exception) -> str:
    """Where the data of a task are looked for, or what else they lack."""
    if isinstance(error, LackingError) or not config.data:
        return str(error).removeprefix(f"{entry.name}: ").rstrip(".")
    return f"put into {Path(config.data) / entry.folders[0]}: {entry.layout}"
