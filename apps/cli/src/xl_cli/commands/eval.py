"""`xl eval`: score an encoder on tasks."""

from pathlib import Path
from typing import Annotated

import typer

from xl_cli.errors import UsageError
from xl_cli.evaluation.config import EvaluateConfig
from xl_cli.folder.at_hand import check_at_hand
from xl_cli.options import with_options

# Tasks whose figures belong to a pair of languages, a line each.
_BY_PAIR = ("retrieval", "bucc2018")


@with_options(EvaluateConfig)
def evaluate(
    tasks: Annotated[list[str], typer.Argument(help="Tasks to score; see `xl ls tasks`.", metavar="TASK")],
    config: EvaluateConfig,
    given: frozenset[str],
    out: Annotated[
        Path | None,
        typer.Option(help="Folder for rows, items and models; what it has finished is not computed again."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print rows as JSON lines instead of tables.")] = False,
) -> None:
    """Score an encoder on retrieval, classification, tagging, question answering and lexical tasks.

    Example: xl eval sib200 panx --model runs/names --data DATA --probe --source eng --target tur --target ell --out e1
    """
    from xl_cli.evaluation.task_options import check_options, is_vector_folder
    from xl_tasks.catalogue.registry import TaskError, task
    from xl_tasks.robustness.noise import parse_noise

    try:
        entries = [task(name) for name in tasks]
        check_options(entries, config, given)
        for noise in config.noise:
            parse_noise(noise)
    except TaskError as error:
        raise UsageError(str(error)) from None
    if out is not None and out.exists() and not out.is_dir():
        message = f"--out {out} is a file; name a folder."
        raise UsageError(message)
    if config.save_models and out is None:
        message = "--save-models keeps models in OUT/models; name the folder: --out OUT."
        raise UsageError(message)
    files = [config.neighbours] if config.neighbours else []
    has_words = any(entry.kind == "lexical" for entry in entries)
    models = [name for name in config.model if not (has_words and is_vector_folder(Path(name)))]
    check_at_hand(models=models, data=config.data, files=files, revision=config.revision)
    from dataclasses import asdict

    from xl_analysis import pair_table, result_tables
    from xl_cli.evaluation.evaluation import Evaluation

    evaluation = Evaluation(config, out)
    rows = evaluation.run(entries)
    if as_json:
        for row in rows:
            typer.echo(row.to_json())
    elif rows:
        pairs = [asdict(row) for row in rows if row.task in _BY_PAIR and not row.baseline]
        others = [asdict(row) for row in rows if row.task not in _BY_PAIR or row.baseline]
        tables = [
            *([pair_table(pairs)] if pairs else []),
            *(result_tables(others, mean=evaluation.mean) if others else []),
        ]
        typer.echo("\n\n".join(table.render("text") for table in tables))
    evaluation.check()
