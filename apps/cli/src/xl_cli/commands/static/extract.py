"""`xl static extract`: static word vectors out of an encoder."""

from pathlib import Path
from typing import Annotated

import typer

from xl_cli.errors import CliError, UsageError
from xl_cli.folder.at_hand import check_at_hand, is_there
from xl_cli.options import with_options
from xl_cli.unread_options import refuse_unread
from xl_cli.vectors.extract_config import READ_WHERE, ExtractConfig, WordReadingConfig
from xl_cli.vectors.word_files import check_new


@with_options(ExtractConfig, "training")
@with_options(WordReadingConfig, "reading")
def extract(
    texts: Annotated[
        list[str],
        typer.Argument(
            help="Text, a sentence (or paragraph) a line: files (.gz .zst .xz; of *.tsv what follows the first TAB), "
            "globs, - for stdin, or folders of SIB-200, Bible or LLL_Ssss.txt, of which --lang chooses the language.",
            metavar="TEXT",
        ),
    ],
    reading: WordReadingConfig,
    training: ExtractConfig,
    invocation: typer.Context,
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
    refuse_unread(invocation, READ_WHERE)
    check_new(out)
    for name in texts:
        if name != "-" and not is_there(name):
            message = f"{name}: no such file or folder, and nothing matches it as a pattern."
            raise CliError(message)
        if Path(name).is_dir() and not reading.lang:
            message = f"{name} is a folder; say which language's text to read: --lang kor_Hang."
            raise UsageError(message)
    check_at_hand(models=[reading.model], revision=reading.revision)
    from xl_cli.vectors.extract import extract_vectors

    summary = extract_vectors(texts, reading, training, out, cache)
    if summary is not None:
        typer.echo(summary.to_json() if as_json else summary.to_text())
