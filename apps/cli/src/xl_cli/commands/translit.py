"""`xl translit`: text of any script in Latin letters, one line out for one line in."""

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated

import typer

from xl_cli.errors import CliError


def translit(
    files: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="FILE",
            help="UTF-8 text, also .gz, .zst or .xz; '-' or nothing reads standard input.",
            show_default=False,
        ),
    ] = None,
    to: Annotated[str, typer.Option("--to", metavar="SCRIPT", help="What to write; latn is Latin letters.")] = "latn",
    lang: Annotated[
        str | None,
        typer.Option(
            "--lang",
            metavar="CODE",
            help="Language of the text, in any spelling (tur_Latn, tr, Turkish); Uroman has rules for a few.",
            show_default=False,
        ),
    ] = None,
    pairs: Annotated[
        bool,
        typer.Option(
            "--pairs", help="Write original<TAB>romanised; a TAB inside a line becomes a space, so columns stay two."
        ),
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="PATH",
            help="Write here instead of standard output, compressed by suffix; must not exist.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Romanise text of any script with Uroman, one line out for one line in.

    Example: echo Ελλάδα | xl translit --pairs
    """
    from xl_translit import Romanizer, UnknownLanguageError, check_readable, language, replacing

    if to != "latn":
        message = f"{to!r} is not known; it can be: latn"
        raise typer.BadParameter(message, param_hint="--to")
    try:
        code = None if lang is None else language(lang)
    except UnknownLanguageError as error:
        raise typer.BadParameter(str(error), param_hint="--lang") from None
    paths = files or ["-"]
    for path in paths:
        check_readable(path)
    if out is not None and os.path.lexists(out):
        message = f"{out} exists already; remove it or choose another --out"
        raise CliError(message)

    lines = _results(paths, Romanizer(), code, pairs)
    if out is None:
        _print(lines)
    else:
        with replacing(out) as stream:
            stream.writelines(f"{line}\n" for line in lines)


def _results(
    paths: list[str], romaniser: Callable[[str, str | None], str], code: str | None, pairs: bool
) -> Iterator[str]:
    from xl_translit import read_lines

    for path in paths:
        for line in read_lines(path):
            if pairs:
                original = line.replace("\t", " ")
                romanised = romaniser(original, code).replace("\t", " ")
                yield f"{original}\t{romanised}"
            else:
                yield romaniser(line, code)


def _print(lines: Iterator[str]) -> None:
    """Write UTF-8 lines to standard output, each at once; a reader that has seen enough (`| head`) ends it quietly."""
    stream = sys.stdout.buffer
    try:
        for line in lines:
            stream.write(f"{line}\n".encode())
            stream.flush()
    except BrokenPipeError:
        # Python flushes once more at exit and would complain; what is left goes nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
