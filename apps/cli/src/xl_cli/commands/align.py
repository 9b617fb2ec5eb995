"""`xl align`: train, score, print the table."""

from pathlib import Path
from typing import Annotated, Any

import typer

import xl_cli
from xl_cli.commands import completion
from xl_cli.commands.show import show
from xl_cli.errors import UsageError


def align(
    recipe: Annotated[
        str,
        typer.Argument(
            help="A shipped recipe (see `xl ls recipes`) or a .toml file.",
            metavar="RECIPE",
            autocompletion=completion.recipes,
        ),
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
    amounts: Annotated[
        str,
        typer.Option(
            help="Sentence pairs of each language, as 1000,10000: a run of each amount in OUT/AMOUNT, each the first "
            "pairs, and a curve of their scores.",
            show_default=False,
        ),
    ] = "",
    upsample: Annotated[
        bool,
        typer.Option("--upsample", help="Every amount trains for as many steps as the largest, repeating its pairs."),
    ] = False,
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
    call: dict[str, Any] = {"set": overrides or ()}
    if upsample and not amounts:
        message = "--upsample: no meaning without --amounts; leave it out."
        raise UsageError(message)
    if amounts:
        call |= {"amounts": _numbers(amounts), "upsample": upsample}
    if dry_run:
        show(lambda: _plans(recipe, call) if amounts else xl_cli.plan(recipe, out=out, resume=resume, **call))
        return
    train = xl_cli.align_amounts if amounts else xl_cli.align
    show(lambda: train(recipe, out=out, resume=resume, **call), as_json=as_json, may_stop=True)


def _plans(recipe: str, call: dict[str, Any]) -> str:
    """The plan of each amount, one after another."""
    plans = xl_cli.plan_amounts(recipe, **call)
    return "\n\n".join(f"# {amount:,} sentence pairs of each language\n{its}" for amount, (its, _) in plans.items())


def _numbers(text: str) -> list[int]:
    try:
        return [int(part) for part in text.replace("_", "").split(",")]
    except ValueError:
        message = f"--amounts is {text!r}; give numbers with commas between them, as 1000,10000,50000."
        raise UsageError(message) from None
