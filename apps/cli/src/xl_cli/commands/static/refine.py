"""`xl static refine`: mapped vectors moved by what people say of words, in rounds."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

import xl_cli
from xl_cli.commands.show import show
from xl_cli.options import with_options
from xl_cli.vectors.refine import RefineConfig


@with_options(RefineConfig)
def refine(
    source: Annotated[Path, typer.Argument(help="Word vectors of the source language.", metavar="SOURCE")],
    settings: dict[str, Any],
    target: Annotated[
        Path | None,
        typer.Argument(help="Word vectors of the target language, same space.", metavar="TARGET", show_default=False),
    ] = None,
    ask: Annotated[bool, typer.Option("--ask", help="Ask about keywords on the terminal, after --feedback.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print rows as JSON lines instead of a table.")] = False,
) -> None:
    """Move words nearer to keywords that they are like and away from those that they are not (CLIME).

    Example: xl static refine en.m.vec tr.m.vec --ask --feedback said.tsv --out-source en.r.vec --out-target tr.r.vec
    """
    show(lambda: xl_cli.refine(source, target, ask=_answer if ask else None, **settings), as_json=as_json)


def _answer(question: str) -> str | None:
    """Questions stand on stderr, so that stdout holds the result alone."""
    typer.echo(question, nl=False, err=True)
    return sys.stdin.readline() or None
