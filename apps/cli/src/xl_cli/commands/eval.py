"""`xl eval`: score an encoder on tasks."""

from pathlib import Path
from typing import Annotated, Any

import typer

import xl_cli
from xl_cli.commands import completion
from xl_cli.commands.show import show
from xl_cli.evaluation.config import EvaluateConfig
from xl_cli.options import with_options


@with_options(EvaluateConfig)
def evaluate(
    settings: dict[str, Any],
    tasks: Annotated[
        list[str] | None,
        typer.Argument(
            help="Tasks to score; see `xl ls tasks`. None runs the experiment of --preset PAPER.",
            metavar="TASK",
            autocompletion=completion.tasks,
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder for rows, items and models; what it has finished is not computed again."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the plan with its number of cells, without --model or data too.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print rows as JSON lines instead of tables.")] = False,
) -> None:
    """Score an encoder on retrieval, classification, tagging, question answering and lexical tasks.

    Example: xl eval sib200 panx --model runs/names --data DATA --probe --source eng --target tur --target ell --out e1
    """
    if dry_run:
        show(lambda: xl_cli.plan_evaluation(tasks or (), **settings))
        return
    show(lambda: xl_cli.evaluate(tasks or (), out=out, **settings), as_json=as_json)
