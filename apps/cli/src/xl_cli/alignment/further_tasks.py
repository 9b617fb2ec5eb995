"""Tasks of `xl eval` that a run scores its start and its end on, by `eval.tasks` and `eval.options`."""

import dataclasses
import typing
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from xl_cli.errors import UsageError
from xl_cli.evaluation.config import EvaluateConfig
from xl_cli.evaluation.evaluate import checked_call
from xl_cli.evaluation.experiment import read_plan
from xl_cli.folder.run_folder import RunFolder
from xl_cli.launch import processes
from xl_cli.recipe.config import EvalConfig
from xl_cli.recipe.paths import form_source
from xl_cli.recipe.recipe import Recipe
from xl_cli.settings import checked_settings
from xl_encoders.registry import unknown_name

if TYPE_CHECKING:
    from xl_tasks import Row

# What a run says itself, and what would keep something outside it.
_NOT_HERE = ("model", "revision", "layer", "pooling", "save_models", "engine", "cell_cpus", "cell_gpus", "cell_retries")
_NUMBERS = {int: int, float: float}


def check_tasks(recipe: Recipe, *, look: bool = True) -> None:
    """UsageError and CliError for what xl eval would refuse, before torch is loaded; look: also for missing data."""
    if not recipe.eval.tasks:
        return
    given = options_of(recipe.eval)
    try:
        config = checked_settings(EvaluateConfig, given if look else {**given, "data": ""})
        entries, config = checked_call(recipe.eval.tasks, config, frozenset(given))
        if look and config.data:
            for entry in entries:  # a fault of the data would else be told when the start is scored
                read_plan(entry, config)
    except UsageError as error:
        message = f"eval.tasks, eval.options: {error}"
        raise UsageError(message) from None


def options_of(scoring: EvalConfig) -> dict[str, Any]:
    """`eval.options` as keyword arguments of `evaluate`; UsageError for one that is none, or has no place here."""
    hints = typing.get_type_hints(EvaluateConfig)
    names = [field.name for field in dataclasses.fields(EvaluateConfig) if field.name not in _NOT_HERE]
    given: dict[str, Any] = {}
    for text in scoring.options:
        written, equals, value = text.removeprefix("--").partition("=")
        name = written.strip().replace("-", "_")
        if name in _NOT_HERE:
            message = f"eval.options: {written} is not read here: a run scores its own start and end as they are."
            raise UsageError(message)
        if name not in names:
            raise UsageError(unknown_name("option in eval.options:", name, names))
        kind = next((each for each in typing.get_args(hints[name]) if each is not type(None)), hints[name])
        kind = hints[name] if hints[name] == tuple[str, ...] else kind
        if kind is bool:
            if value not in ("", "true", "false"):
                message = f"eval.options: {text!r}: {written} takes no value."
                raise UsageError(message)
            given[name] = value != "false"
        elif not equals:
            message = f"eval.options: {text!r} has no value; write {written}=VALUE."
            raise UsageError(message)
        elif kind == tuple[str, ...]:
            given[name] = (*given.get(name, ()), value)
        else:
            try:
                given[name] = _NUMBERS.get(kind, str)(value)
            except ValueError:
                message = f"eval.options: {text!r}: {written} takes a number."
                raise UsageError(message) from None
    return given


def score_tasks(recipe: Recipe, folder: RunFolder, layer: int, *, end: bool = False) -> "list[Row]":
    """Rows of the start and, at the `end`, of the model that was kept, with its differences from the start.

    What is finished is kept among the checkpoints until the run is. None of the start alone, which is only scored.
    UnfinishedError where a task fails; the run goes on from there.
    """
    if not recipe.eval.tasks or not processes.is_main():
        return []
    from xl_cli.alignment.scoring import model_name, start_of
    from xl_cli.evaluation.evaluation import Evaluation

    given = options_of(recipe.eval)
    is_new = recipe.model.from_ == "new"
    start = str(folder.checkpoints / "start") if is_new else form_source(recipe.model)
    reading: dict[str, Any] = {
        "layer": (str(layer),),
        "pooling": recipe.model.pooling,
        "revision": recipe.model.revision,
    }
    if "prompt" not in given:
        reading["prompt"] = recipe.model.prompt
    models = (start, str(folder.model)) if end else (start,)
    config = dataclasses.replace(checked_settings(EvaluateConfig, given), model=models, **_read(recipe, given, reading))
    entries, config = checked_call(recipe.eval.tasks, config, frozenset(given))
    evaluation = Evaluation(config, folder.checkpoints / "tasks")
    rows = evaluation.run(entries)
    evaluation.check(rows)
    if not end:
        return []
    variants = {evaluation.first_model: start_of(recipe)}
    last = recipe.train.variants[-1]
    return [
        dataclasses.replace(
            row,
            variant=variants.get(row.model, last),
            model=model_name(recipe, folder),
            baseline=f"variant={start_of(recipe)}" if row.baseline.startswith("model=") else row.baseline,
        )
        for row in rows
    ]


def _read(recipe: Recipe, given: Mapping[str, object], reading: Mapping[str, Any]) -> dict[str, Any]:
    """How the encoders are read: as the run reads them, where a task reads that."""
    from xl_cli.evaluation.task_options import options_read
    from xl_tasks.catalogue.registry import task

    config = checked_settings(EvaluateConfig, given)
    read = set().union(*(options_read(task(name), config) for name in recipe.eval.tasks))
    return {name: value for name, value in reading.items() if name in read}
