"""`xl align`: train, score, print the table."""

import signal
from pathlib import Path
from textwrap import fill
from typing import Annotated

import typer

from xl_cli.errors import UsageError
from xl_cli.launch.durations import words
from xl_cli.launch.progress import say
from xl_cli.recipe.faults import SettingFaults
from xl_cli.recipe.recipe import Recipe, load_recipe, parse_recipe

# Columns that lines under the table are broken to, as its caption is.
_WIDTH = 118


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
    from xl_cli.alignment.reading import check_selection, check_sources, check_widths
    from xl_cli.data.run_data import load_data
    from xl_cli.folder.run_folder import RunFolder
    from xl_cli.recipe.paths import shape_of

    if resume:
        if overrides:
            message = "--resume goes on with the recipe as it was; --set cannot change it. Leave one of them out."
            raise UsageError(message)
        folder = RunFolder.reopen(out, Path(recipe).stem)
        about = folder.about()
        resolved = parse_recipe(about["recipe_name"], about["recipe"])
    else:
        faults = SettingFaults()
        with faults.caught(UsageError):
            RunFolder.check_free(out)
        resolved = load_recipe(recipe, overrides or [], faults, plan_only=dry_run)
    data = load_data(resolved)
    check_sources(resolved, data)
    check_selection(resolved, data)
    check_widths(resolved, data, shape_of(resolved.model)[1])
    if dry_run:
        from xl_cli.alignment.estimate import plan

        _print_plan(resolved, plan(resolved, data))
        return
    # What can be refused was refused: only now is torch loaded.
    from xl_cli.alignment.run import StoppedEarlyError, run
    from xl_cli.launch import processes

    if not resume:
        folder = RunFolder.create(out, resolved.name)
        folder.describe(recipe_name=resolved.name, recipe=resolved.as_dict(), status="running")
    try:
        rows = run(resolved, data, folder)
    except StoppedEarlyError as stopped:
        if stopped.signal_number == signal.SIGTERM:
            # A scheduler that takes the machine back asked for this: nothing failed.
            say(str(stopped))
            return
        raise
    except Exception:
        if not resume:
            folder.discard_if_empty()
        raise
    if not processes.is_main():
        return
    if as_json:
        for row in rows:
            typer.echo(row.to_json())
        return
    from dataclasses import asdict

    from xl_analysis import retrieval_table
    from xl_cli.alignment.row_meanings import row_meanings

    if rows:
        typer.echo(retrieval_table([asdict(row) for row in rows]).render("text") + "\n")
        for line in row_meanings(resolved, dict.fromkeys(row.variant for row in rows)):
            typer.echo(fill(line, _WIDTH, subsequent_indent="    ", break_long_words=False, break_on_hyphens=False))
    else:
        typer.echo("Nothing was scored: the data is not parallel. Give eval.data a folder of parallel text.")
    if resolved.note:
        typer.echo("\n" + fill(resolved.note, _WIDTH, break_long_words=False, break_on_hyphens=False))
    typer.echo(f"\nModel: {folder.model}  (rows: {folder.results}, {words(folder.about()['wall_seconds'])})")


def _print_plan(resolved: Recipe, figures: dict[str, object]) -> None:
    import tomli_w

    typer.echo(tomli_w.dumps(resolved.as_dict()).rstrip())
    typer.echo("\n# plan")
    for name, value in figures.items():
        several = value.items() if isinstance(value, dict) else [("", value)]
        shown = ", ".join(f"{of} {_grouped(one)}".lstrip() for of, one in several)
        typer.echo(f"# {name}: {shown}")


def _grouped(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)
