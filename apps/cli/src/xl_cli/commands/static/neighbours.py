"""`xl static neighbours`: words of one language that may stand for one another, out of its vectors."""

from pathlib import Path
from typing import Annotated, Any

import typer

import xl_cli
from xl_cli.options import with_options
from xl_cli.vectors.neighbours import NeighboursConfig


@with_options(NeighboursConfig)
def neighbours(
    vectors: Annotated[
        Path,
        typer.Argument(help="Word vectors of one language, or a folder with a file a language.", metavar="VECTORS"),
    ],
    settings: dict[str, Any],
    out: Annotated[
        Path,
        typer.Option(
            help="Write word<TAB>neighbour<TAB>cosine (.tsv) or an object of lists (.json), of a folder LANG.tsv into "
            "this folder; must be new."
        ),
    ],
) -> None:
    """Write a table of near words, for training that exchanges words (xl eval --robust rs-da).

    A folder of mapped vectors gives a folder with a table a language, which rs-da reads as it is.

    Example: xl static neighbours eng_Latn.vec --out eng_Latn.tsv --k 8 --min-similarity 0.6 --limit 50000
    """
    xl_cli.neighbours(vectors, out=out, **settings)
