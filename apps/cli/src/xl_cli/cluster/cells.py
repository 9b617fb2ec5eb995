"""Cells of `xl eval` on a Ray cluster: those of one fitted model, or of one reading of the texts, are a piece of work.

The driver reads data and models too, to know the cells by what decides them; it alone writes the store. A worker that
would compute other cells, as its files differ, says so.
"""

import dataclasses
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from xl_cli.cluster.together import together
from xl_cli.cluster.work import Answer, PartlyFailedError, Work, reason
from xl_cli.errors import CliError, is_misuse
from xl_cli.evaluation.config import EvaluateConfig
from xl_cli.evaluation.plans import Job, NamedModel, task_plan
from xl_cli.launch import processes
from xl_tasks import TASKS

if TYPE_CHECKING:
    from xl_tasks.protocols.cells import Scored


def works(
    jobs: Iterable[tuple[Job, Sequence[str]]], task: str, model: NamedModel, config: EvaluateConfig, out: Path | None
) -> list[Work]:
    """A piece of work for each group of jobs of one model on one task.

    jobs: each with the names of its cells that are to do. out: the folder of the call; a worker that sees it keeps
    checkpoints, the cache of vectors and fitted models there.
    """
    groups: dict[str, list[tuple[Job, Sequence[str]]]] = {}
    for job, names in jobs:
        groups.setdefault(job.group or job.label, []).append((job, names))
    arguments = {
        "task": task,
        "model": model.name,
        "shown": model.opened.encoder.name if model.is_open else "",
        "config": config,
        "out": out,
    }
    return [
        Work(
            label=members[0][0].label,
            function=score_cells,
            arguments={**arguments, "cells": [name for _, names in members for name in names]},
        )
        for members in groups.values()
    ]


def score_cells(
    *, task: str, model: str, shown: str, config: EvaluateConfig, out: Path | None, cells: Sequence[str]
) -> "list[Scored]":
    """The figures of cells, by their names, of one model on one task.

    PartlyFailedError, with the rest, where some fail.
    """
    from xl_cli.evaluation.comparing import with_intervals

    if config.cell_processes > 1:
        of_ray = {each.name: each.default for each in dataclasses.fields(config) if each.name.startswith("cell_")}
        alone = dataclasses.replace(config, engine="local", **of_ray)
        asked = {"task": task, "model": model, "shown": shown, "config": alone, "out": out, "cells": list(cells)}
        return together(config.cell_processes, score_cells, asked, config.cell_cpus)
    shared = out if out is not None and (out / "cells").is_dir() else None
    if config.save_models and shared is None:
        message = f"--save-models: {out} is not on this node; name a folder that all nodes see."
        raise CliError(message)
    named = NamedModel(model, config, shared, shown)
    waiting = set(cells)
    scored: list[Scored] = []
    failures: dict[str, str] = {}
    for job in task_plan(TASKS[task], config).jobs(named):
        todo = [cell for cell in job.cells if cell.name in waiting]
        waiting -= {cell.name for cell in todo}
        if not todo:
            continue
        try:
            found = [with_intervals(each, config.resamples) for each in job.score(todo)]
            if config.save_models and shared is not None:
                job.save(shared / "models")
            scored += found
        except Exception as error:
            if is_misuse(error) or processes.several():  # what one does not do, the others wait for
                raise
            failures[job.label] = reason(error)
    if waiting:
        message = f"{len(waiting)} cells of {task} are others on this node; are its data and {model} the same there?"
        failures[task] = message
    if failures:
        raise PartlyFailedError(scored, failures)
    return scored


def left(work: Work, answer: Answer) -> Work:
    """The cells of a piece of work that an answer does not have."""
    done = {scored.cell.name for scored in answer.value or ()}
    cells = [name for name in work.arguments["cells"] if name not in done]
    return dataclasses.replace(work, arguments={**work.arguments, "cells": cells})
