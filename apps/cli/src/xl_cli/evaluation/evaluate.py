"""`xl eval` from Python: an encoder scored on tasks."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from xl_cli.errors import UsageError
from xl_cli.evaluation.config import EvaluateConfig
from xl_cli.folder.at_hand import check_at_hand
from xl_cli.launch import processes
from xl_cli.results import Rows
from xl_cli.settings import takes

if TYPE_CHECKING:
    from xl_cli.evaluation.evaluation import Evaluation
    from xl_cli.evaluation.outline import EvaluationPlan
    from xl_tasks import Row
    from xl_tasks.catalogue.task import Task


@takes(config=EvaluateConfig)
def evaluate(
    tasks: str | Sequence[str] = (),
    *,
    config: EvaluateConfig,
    given: frozenset[str],
    out: str | Path | None = None,
) -> Rows:
    """Score an encoder on retrieval, classification, tagging, question answering and lexical tasks.

    tasks: names of tasks (`xl ls tasks`); none runs the experiment of the paper that `preset` names, of which what the
    data lack is told and left out. out: folder for rows, items and models; what it has finished is not computed
    again.
    Raises UsageError for settings that are wrong or that no task reads, UnfinishedError, which carries the other rows,
    where a model fails on a task.

    >>> evaluate(["sib200", "panx"], model="runs/names", data="DATA", probe=True, source="eng")  # doctest: +SKIP
    """
    if not config.model:
        message = "no --model; name a run folder, a save_pretrained folder or a hub id."
        raise UsageError(message)
    entries, asked = checked_call(tasks, config, given)
    folder = None if out is None else Path(out)
    if folder is not None and folder.exists() and not folder.is_dir():
        message = f"--out {folder} is a file; name a folder."
        raise UsageError(message)
    if config.save_models and folder is None:
        message = "--save-models keeps models in OUT/models; name the folder: --out OUT."
        raise UsageError(message)
    # Before torch is loaded, so that whoever is refused hears it at once.
    with processes.alone(folder):
        from xl_cli.evaluation.evaluation import Evaluation

        evaluation = Evaluation(asked, folder, whole=bool(tasks))
        computed = evaluation.run(entries)
    tables = _tables if tasks else _paper_tables
    rows = Rows(computed, lambda: tables(computed, evaluation), folder)
    evaluation.check(rows)
    return rows


@takes(config=EvaluateConfig)
def plan_evaluation(
    tasks: str | Sequence[str] = (), *, config: EvaluateConfig, given: frozenset[str]
) -> "EvaluationPlan":
    """What `evaluate` with the same arguments would do and cost (`xl eval --dry-run`); no model is opened.

    Without `data`, and of tasks whose data are not there, numbers are those that the preset tells. `model` may be
    left out.

    >>> print(plan_evaluation(preset="ppa", group="maf"))  # doctest: +SKIP
    """
    from xl_cli.evaluation.outline import planned

    return planned(*checked_call(tasks, config, given))


def checked_call(
    tasks: str | Sequence[str], config: EvaluateConfig, given: frozenset[str]
) -> "tuple[list[Task], EvaluateConfig]":
    """The tasks and settings of a call of `evaluate`, once all that can be refused before the data are read is."""
    from xl_cli.evaluation.experiment import experiment
    from xl_cli.evaluation.plans import is_vector_folder, plan_class
    from xl_cli.evaluation.task_options import check_task_options
    from xl_tasks.catalogue.registry import TaskError, task
    from xl_tasks.robustness.noise import parse_noise

    try:
        entries = [task(name) for name in ([tasks] if isinstance(tasks, str) else tasks)]
        if not entries:
            entries, config = experiment(config)
        check_task_options(entries, config, given)
        for noise in config.noise:
            parse_noise(noise)
    except TaskError as error:
        raise UsageError(str(error)) from None
    files = [config.neighbours] if config.neighbours else []
    takes_vectors = any(plan_class(entry).takes_vectors for entry in entries)
    models = [name for name in config.model if not (takes_vectors and is_vector_folder(Path(name)))]
    check_at_hand(
        models=models, data=config.data, files=files, revision=config.revision, layers=config.layer,
        max_len=config.max_len,
    )  # fmt: skip
    return entries, config


def _tables(rows: Sequence["Row"], evaluation: "Evaluation") -> str:
    from xl_analysis import pair_table, result_tables

    pairs = [asdict(row) for row in rows if row.task in evaluation.by_pair and not row.baseline]
    others = [asdict(row) for row in rows if row.task not in evaluation.by_pair or row.baseline]
    tables = [*([pair_table(pairs)] if pairs else []), *(result_tables(others, mean=evaluation.mean) if others else [])]
    return "\n\n".join(table.render("text") for table in tables)


def _paper_tables(rows: Sequence["Row"], evaluation: "Evaluation") -> str:
    """The tables of the preset's paper where there is a layout of them, else those of any call."""
    from xl_analysis import laid_out, layout_names, read_layout
    from xl_tasks.tuning.presets import PRESETS

    layout = PRESETS[evaluation.config.preset].layout
    if layout not in layout_names():
        return _tables(rows, evaluation)
    made = laid_out([asdict(row) for row in rows], read_layout(layout), start=evaluation.first_model)
    return "\n\n".join(table.render("text") for table in made.tables)
