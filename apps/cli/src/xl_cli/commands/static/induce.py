"""`xl static induce`: a dictionary out of two vocabularies that share a space."""

from pathlib import Path
from typing import Annotated, Any

import typer

import xl_cli
from xl_cli.options import with_options
from xl_cli.vectors.induce import InduceConfig


@with_options(InduceConfig)
def induce(
    source: Annotated[Path, typer.Argument(help="Word vectors of the source language.", metavar="SOURCE")],
    target: Annotated[Path, typer.Argument(help="Word vectors of the target language, same space.", metavar="TARGET")],
    settings: dict[str, Any],
    out: Annotated[Path, typer.Option(help="Write source<TAB>target<TAB>score here, best first; must be new.")],
) -> None:
    """Write a dictionary: the pairs of words that are each other's nearest neighbours.

    Example: xl static induce mapped/de.vec mapped/en.vec --out de-en.tsv --exclude de-en.5000-6500.txt
    """
    xl_cli.induce(source, target, out=out, **settings)
