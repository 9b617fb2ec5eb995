"""`xl static train`: word2vec and fastText vectors of a text."""

from pathlib import Path
from typing import Annotated, Any

import typer

import xl_cli
from xl_cli.options import with_options
from xl_cli.vectors.train import TextReadingConfig, TrainConfig


@with_options(TextReadingConfig, TrainConfig)
def train(
    texts: Annotated[
        list[str],
        typer.Argument(
            help="Text, one sentence a line: files (.txt, .tsv with ids, .gz, .xz, .zst), patterns, - for stdin, "
            "or folders of SIB-200, Bible or LLL_Ssss.txt, of which --lang chooses the language.",
            metavar="TEXT",
        ),
    ],
    settings: dict[str, Any],
    out: Annotated[
        Path, typer.Option(help="File of vectors to write, format by suffix (.vec, .bin, .safetensors); must be new.")
    ],
    cache: Annotated[
        Path | None,
        typer.Option(help="Folder for words and the state of the training, kept at the end [default: OUT.cache]"),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print what was done as one JSON object.")] = False,
) -> None:
    """Train word2vec or fastText vectors on text; with one thread a seed gives the same vectors.

    A call that was stopped goes on after its last whole epoch when it is made again. Settings, counts and versions are
    written beside the vectors, to OUT.json.

    Example: xl static train my_texts/tur_Latn.txt.gz --lang tr --method fasttext --out tr.vec
    """
    summary = xl_cli.train_vectors(texts, out=out, cache=cache, **settings)
    typer.echo(summary.to_json() if as_json else summary.to_text())
