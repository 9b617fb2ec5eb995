"""`xl mine`: sentence pairs out of two corpora that are not parallel."""

from pathlib import Path
from typing import Annotated, Any

import typer

import xl_cli
from xl_cli.commands.show import show
from xl_cli.mining.config import MineConfig
from xl_cli.options import with_options


@with_options(MineConfig)
def mine(
    first: Annotated[Path, typer.Argument(help="Text of one language, a sentence a line.", metavar="A")],
    second: Annotated[Path, typer.Argument(help="Text of another language.", metavar="B")],
    settings: dict[str, Any],
    out: Annotated[
        Path,
        typer.Option(
            help="TSV to write, from the best score down: both sentences, score, both line numbers; must be new. xl "
            "align reads it as data of kind pairs."
        ),
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Print result rows as JSON, one a line.")] = False,
) -> None:
    """Find the sentences of two corpora that are translations of one another; the corpora need not be parallel.

    Example: xl mine news.bo.txt news.en.txt --model encoder --out pairs.tsv --sample 50
    """
    show(lambda: xl_cli.mine(first, second, out=out, **settings), as_json=as_json)
