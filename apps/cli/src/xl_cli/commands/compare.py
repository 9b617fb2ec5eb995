"""`xl compare`: two runs, cell by cell."""

from pathlib import Path
from typing import Annotated, Any

import typer

import xl_cli
from xl_cli.commands.show import show
from xl_cli.folder.compare import CompareConfig
from xl_cli.options import with_options


@with_options(CompareConfig)
def compare(
    a: Annotated[Path, typer.Argument(help="Run folder or results.jsonl file to compare with.", metavar="A")],
    b: Annotated[Path, typer.Argument(help="Run that is compared.", metavar="B")],
    settings: dict[str, Any],
    out: Annotated[Path | None, typer.Option(help="Write to this file instead of stdout; must be new.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print rows as JSON lines instead of a table.")] = False,
) -> None:
    """Compare two runs cell by cell: differences of B from A, 95 % intervals, corrected p, and a verdict a line.

    Example: xl compare runs/base-eval runs/ppa-eval
    """
    if out is None or as_json:
        show(lambda: xl_cli.compare(a, b, out=out, **settings), as_json=as_json)
    else:
        xl_cli.compare(a, b, out=out, **settings)
