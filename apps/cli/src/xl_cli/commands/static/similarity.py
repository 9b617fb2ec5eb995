"""`xl static similarity`: do cosines order pairs of words as people do."""

from pathlib import Path
from typing import Annotated, Any

import typer

import xl_cli
from xl_cli.commands.show import show
from xl_cli.options import with_options
from xl_cli.vectors.similarity import SimilarityConfig


@with_options(SimilarityConfig)
def similarity(
    vectors: Annotated[
        Path, typer.Argument(help="Word vectors: word2vec text or binary, .vec, safetensors.", metavar="VECTORS")
    ],
    settings: dict[str, Any],
    vectors2: Annotated[
        Path | None,
        typer.Argument(help="Vectors of the second words, in the same space.", metavar="VECTORS2", show_default=False),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print rows as JSON lines instead of a table.")] = False,
    out: Annotated[Path | None, typer.Option(help="Also write the rows to this results.jsonl; must be new.")] = None,
) -> None:
    """Score word vectors by the correlation of their cosines with similarities that people gave.

    Example: xl static similarity eng.vec --gold semeval17_task2/en.test.txt
    """
    show(lambda: xl_cli.similarity(vectors, vectors2, out=out, **settings), as_json=as_json)
