"""`xl reproduce`: test the papers' claims."""

from pathlib import Path
from typing import Annotated, Any

import typer

import xl_cli
from xl_cli.claims.reproduce import ReproduceConfig
from xl_cli.commands import completion
from xl_cli.commands.show import show
from xl_cli.errors import UsageError
from xl_cli.options import with_options


@with_options(ReproduceConfig)
def reproduce(
    settings: dict[str, Any],
    claim: Annotated[
        str,
        typer.Argument(
            help="A claim, `all`, or a .toml file; none lists the claims.",
            metavar="CLAIM",
            show_default=False,
            autocompletion=completion.claims,
        ),
    ] = "",
    out: Annotated[
        Path, typer.Option(help="Folder for everything; what it has finished is not computed again.")
    ] = Path("reproduce"),
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the commands, without data at hand too.")] = False,
    tflops: Annotated[
        float,
        typer.Option(
            min=0,
            help="Of --dry-run: 10^12 operations a second that a GPU reaches in training [default: 100]",
            show_default=False,
        ),
    ] = 0.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print verdicts as JSON lines instead of tables.")] = False,
) -> None:
    """Test a claim of the papers by its commands: result rows, a page, and a verdict by a rule stated beforehand.

    Example: xl reproduce seq-retrieval --scale mini --data DATA --out claims
    """
    if tflops and not dry_run:
        message = "--tflops: no meaning without --dry-run; leave that out."
        raise UsageError(message)
    if not claim:
        from xl_cli.claims.reproduce import listed
        from xl_cli.listing import listing

        typer.echo(listing(listed(), header=True, n_names=1))
    elif dry_run:
        typer.echo(xl_cli.plan_claims(claim, out=out, tflops=tflops, **settings))
    else:
        show(lambda: xl_cli.reproduce(claim, out=out, **settings), as_json=as_json, may_stop=True)
