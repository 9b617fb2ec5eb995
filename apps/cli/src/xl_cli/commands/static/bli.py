"""`xl static bli`: how often is the nearest word the translation."""

from pathlib import Path
from typing import Annotated, Any

import typer

import xl_cli
from xl_cli.commands.show import show
from xl_cli.options import with_options
from xl_cli.vectors.bli import BliConfig


@with_options(BliConfig)
def bli(
    *,
    source: Annotated[
        Path | None, typer.Argument(help="Word vectors of the source language.", metavar="SOURCE", show_default=False)
    ] = None,
    target: Annotated[
        Path | None,
        typer.Argument(help="Word vectors of the target language, same space.", metavar="TARGET", show_default=False),
    ] = None,
    settings: dict[str, Any],
    as_json: Annotated[bool, typer.Option("--json", help="Print rows as JSON lines instead of a table.")] = False,
    out: Annotated[Path | None, typer.Option(help="Also write the rows to this results.jsonl; must be new.")] = None,
) -> None:
    """Score mapped vocabularies: how often is the nearest target word a translation of the source word.

    With --model, several models on all pairs of languages of the dictionaries, and means over what all of them have.

    Example: xl static bli mapped/de.vec mapped/en.vec --dictionary de-en.5000-6500.txt
    """
    show(lambda: xl_cli.bli(source, target, out=out, **settings), as_json=as_json)
