"""`xl static multilingual`: vectors of many languages in one space, from their texts."""

from pathlib import Path
from typing import Annotated, Any

import typer

import xl_cli
from xl_cli.commands.show import show
from xl_cli.options import with_options
from xl_cli.vectors.extract_config import ExtractConfig, HubTextConfig
from xl_cli.vectors.mapping_options import DescentMappingOptions
from xl_cli.vectors.multilingual.config import CorporaReadingConfig, MultilingualConfig


@with_options(MultilingualConfig, DescentMappingOptions, CorporaReadingConfig, HubTextConfig, ExtractConfig)
def multilingual(
    corpora: Annotated[
        list[str],
        typer.Argument(
            help="Text of each language, a paragraph a line: LANG=TEXT (as xl static extract reads it), files whose "
            "names state their language (tur_Latn.txt.gz), folders of such, or with --languages data sets of the "
            "hub (statmt/cc100).",
            metavar="CORPORA",
        ),
    ],
    settings: dict[str, Any],
    out: Annotated[Path, typer.Option(help="Folder to write to; a call that was stopped goes on in it.")],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the steps, done and to do, and stop; nothing has to be there.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print rows as JSON lines instead of a table.")] = False,
) -> None:
    """Bring static vectors of many languages into one space, from their texts: extract, induce, map, choose.

    Example: xl static multilingual corpora/ --model xlm-roberta-base --words fasttext/ --map-seeds 5 --out x2s-ma
    """
    show(lambda: xl_cli.multilingual(corpora, out=out, dry_run=dry_run, **settings), as_json=as_json and not dry_run)
