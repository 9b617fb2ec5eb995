"""`xl eval`: score an encoder on tasks."""

from pathlib import Path
from typing import Annotated

import typer

from xl_cli.config import RetrievalConfig
from xl_cli.errors import UsageError
from xl_cli.options import with_options
from xl_encoders.registry import RegistryError, unknown_name
from xl_tasks.registry import TASKS


@with_options(RetrievalConfig)
def evaluate(
    tasks: Annotated[list[str], typer.Argument(help="Tasks to score; see `xl ls tasks`.", metavar="TASK")],
    config: RetrievalConfig,
    out: Annotated[Path | None, typer.Option(help="Also write the rows to this results.jsonl; must be new.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print rows as JSON lines instead of a table.")] = False,
) -> None:
    """Score an encoder: how often a sentence finds its translation, both directions, top-1, top-5 and top-10.

    Example: xl eval retrieval --model runs/names --data sib200 --source eng_Latn --target tur_Latn
    """
    for name in tasks:
        if name not in TASKS:
            raise RegistryError(unknown_name("task", name, TASKS))
    if out is not None and out.exists():
        message = f"--out {out} exists already; name another file."
        raise UsageError(message)
    from dataclasses import asdict

    from xl_analysis import pair_table
    from xl_cli.evaluation import retrieve
    from xl_tasks import write_rows

    rows = retrieve(config)
    if out is not None:
        write_rows(out, rows)
    if as_json:
        for row in rows:
            typer.echo(row.to_json())
    else:
        typer.echo(pair_table([asdict(row) for row in rows]).render("text"))
