"""`xl static map`: vectors of two languages, or of many onto a pivot, into one space."""

from typing import Annotated, Any

import typer

import xl_cli
from xl_cli.commands.show import show
from xl_cli.options import with_options
from xl_cli.vectors.map import MapConfig
from xl_cli.vectors.mapping_options import MappingOptions


@with_options(MapConfig, MappingOptions)
def map_vectors(
    files: Annotated[
        list[str],
        typer.Argument(help="Vectors: SOURCE TARGET, or with --pivot each LANG=FILE.", metavar="FILE"),
    ],
    settings: dict[str, Any],
    as_json: Annotated[bool, typer.Option("--json", help="Print rows as JSON lines instead of a table.")] = False,
) -> None:
    """Bring word vectors of two languages into one space, or those of many onto a pivot.

    Example: xl static map tr.vec en.vec --dictionary tr-en.tsv --out-source tr.mapped.vec --out-target en.mapped.vec
    """
    show(lambda: xl_cli.map_vectors(files, **settings), as_json=as_json)
