"""`xl embed`: sentences or words of a corpus as vectors in files."""

from typing import Annotated, Any

import typer

import xl_cli
from xl_cli.embedding.config import EmbedConfig
from xl_cli.options import with_options


@with_options(EmbedConfig)
def embed(
    files: Annotated[
        list[str],
        typer.Argument(
            help="Text, one a line, TSV, JSON lines (.gz .zst .xz too) or Parquet, with --column: files, folders, "
            "globs, URLs of stores (s3:// ...), with --column the id of a data set of the hub; - is stdin.",
            metavar="FILE",
        ),
    ],
    settings: dict[str, Any],
    out: Annotated[
        str,
        typer.Option(help="Folder of shards to write, or one file: NAME.parquet, NAME.safetensors; s3:// ... too."),
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Print what was done as one JSON object.")] = False,
) -> None:
    """Write a vector for every sentence, or every word in its context, of a corpus of any size.

    A call that was stopped goes on where it was when it is made again.

    Example: xl embed corpus.txt.gz --model intfloat/multilingual-e5-small --prompt "query: " --out vectors
    """
    done = xl_cli.embed(files, out=out, **settings)
    typer.echo(done.to_json() if as_json else str(done))
