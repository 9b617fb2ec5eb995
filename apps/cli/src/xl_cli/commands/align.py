"""`xl align`: train, score, print the table."""

import signal
from pathlib import Path
from typing import Annotated, Any

import typer

import xl_cli
from xl_cli.commands.show import show
from xl_cli.errors import StoppedEarlyError
from xl_cli.launch.progress import say


def align(
    recipe: Annotated[
        str, typer.Argument(help="A shipped recipe (see `xl ls recipes`) or a .toml file.", metavar="RECIPE")
    ] = "names",
    overrides: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            help="Override a key: train.steps=100, data.languages=['tr','el']. Repeat for others; all: `xl ls keys`.",
        ),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder of the run; must be new. [default: runs/RECIPE]")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with an interrupted run.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the resolved recipe and the plan, then stop.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print result rows as JSON lines instead of the table.")
    ] = False,
) -> None:
    """Align an encoder across scripts: train the recipe's variants, score them on held-out items, keep the last.

    Example: xl align --set train.steps=300 --out runs/quick
    """
    call: dict[str, Any] = {"set": overrides or (), "out": out, "resume": resume}
    if dry_run:
        show(lambda: xl_cli.plan(recipe, **call))
        return
    try:
        show(lambda: xl_cli.align(recipe, **call), as_json=as_json)
    except StoppedEarlyError as stopped:
        if stopped.signal_number != signal.SIGTERM:
            raise
        # A scheduler that takes the machine back asked for this: nothing failed.
        say(str(stopped))
