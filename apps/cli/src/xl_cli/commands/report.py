"""`xl report`: tables from the result rows of runs."""

from pathlib import Path
from typing import Annotated, Any

import typer

import xl_cli
from xl_cli.folder.report import ReportConfig
from xl_cli.launch.plain import plain
from xl_cli.options import with_options


@with_options(ReportConfig)
def report(
    runs: Annotated[list[Path], typer.Argument(help="Run folders or results.jsonl files.", metavar="RUN")],
    settings: dict[str, Any],
    out: Annotated[Path | None, typer.Option(help="Write to this file instead of stdout; must be new.")] = None,
) -> None:
    """Print the tables of one or several runs from their result rows alone: retrieval, tasks, matrices, words, gains.

    Example: xl report runs/names --format md
    """
    text = xl_cli.report(runs, out=out, **settings)
    if out is None:
        typer.echo(plain(text))
