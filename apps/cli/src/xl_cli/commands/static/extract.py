"""`xl static extract`: static word vectors out of an encoder."""

from pathlib import Path
from typing import Annotated, Any

import typer

import xl_cli
from xl_cli.options import with_options
from xl_cli.vectors.extract_config import ExtractConfig, HubTextConfig, WordReadingConfig


@with_options(WordReadingConfig, HubTextConfig, ExtractConfig)
def extract(
    texts: Annotated[
        list[str],
        typer.Argument(
            help="Text, a sentence (or paragraph) a line: files (.gz .zst .xz; of *.tsv what follows the first TAB), "
            "globs, - for stdin, or folders of SIB-200, Bible or LLL_Ssss.txt, of which --lang chooses the language, "
            "or data sets of the hub (statmt/cc100, wikimedia/wikipedia, any OWNER/NAME), read as a shuffled stream.",
            metavar="TEXT",
        ),
    ],
    settings: dict[str, Any],
    out: Annotated[
        Path, typer.Option(help="File of vectors to write, format by suffix (.vec, .bin, .safetensors); must be new.")
    ],
    cache: Annotated[
        Path | None,
        typer.Option(
            help="Folder for contexts and the state of the training, kept at the end [default: OUT.cache, deleted]"
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print what was done as one JSON object.")] = False,
) -> None:
    """Take one vector a word out of an encoder (X2Static, or the mean over a word's occurrences).

    A call that was stopped goes on where it was when it is made again.

    Example: xl static extract kor.txt.gz --model runs/names --lang kor_Hang --out kor.vec
    """
    summary = xl_cli.extract(texts, out=out, cache=cache, **settings)
    if summary is not None:
        typer.echo(summary.to_json() if as_json else summary.to_text())
