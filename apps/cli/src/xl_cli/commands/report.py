"""`xl report`: tables from the result rows of runs."""

from pathlib import Path
from typing import Annotated

import typer

from xl_cli.errors import UsageError

FORMATS = ("text", "md", "html", "tex", "csv")


def report(
    runs: Annotated[list[Path], typer.Argument(help="Run folders or results.jsonl files.", metavar="RUN")],
    fmt: Annotated[str, typer.Option("--format", help=f"One of: {', '.join(FORMATS)}.")] = "text",
    metric: Annotated[
        list[str], typer.Option(help="Retrieval figure to show, the first one by language too; repeat for more.")
    ] = ["top10", "top1"],  # noqa: B006  (Typer copies it)
    out: Annotated[Path | None, typer.Option(help="Write to this file instead of stdout; must be new.")] = None,
) -> None:
    """Print the tables of one or several runs from their result rows alone: retrieval, tasks, matrices, words, gains.

    Example: xl report runs/names --format md
    """
    if fmt not in FORMATS:
        message = f"--format is {fmt!r}; choose one of {', '.join(FORMATS)}."
        raise UsageError(message)
    if out is not None and out.exists():
        message = f"--out {out} exists already; name another file."
        raise UsageError(message)
    from dataclasses import asdict

    from xl_analysis import result_tables
    from xl_tasks import read_rows
    from xl_translit import replacing

    rows = []
    for run in runs:
        rows += [asdict(row) for row in read_rows(run / "results.jsonl" if run.is_dir() else run)]
    # A retrieval row carries three figures; those that were not asked for are no table of their own.
    unasked = {"top1", "top5", "top10"} - set(metric)
    rows = [row for row in rows if row["metric"] not in unasked]
    text = "\n\n".join(table.render(fmt) for table in result_tables(rows, metrics=metric))
    if out is None:
        typer.echo(text)
    else:
        with replacing(out) as file:
            file.write(text + "\n")
