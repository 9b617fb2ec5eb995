"""`xl check`: one vector for one text, whichever way a model is read."""

from pathlib import Path
from typing import Annotated, Any

import typer

import xl_cli
from xl_cli.checking.check import CheckConfig
from xl_cli.commands.show import show
from xl_cli.options import with_options


@with_options(CheckConfig)
def check(
    model: Annotated[str, typer.Argument(help="Run folder, save_pretrained folder or hub id.", metavar="MODEL")],
    settings: dict[str, Any],
    texts: Annotated[
        list[Path] | None,
        typer.Argument(
            help="Your own sentences: files, a text a line, or folders of data sets [default: names in many scripts]",
            metavar="TEXT",
            show_default=False,
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print result rows as JSON, one a line.")] = False,
) -> None:
    """Show that a model gives one vector for one text: padded = packed = bf16 = exported = sentence-transformers.

    Also that cached gradients are the plain ones. Exit code 1 where a way does not agree.

    Example: xl check runs/ppa my_texts/tur_Latn.txt
    """
    show(lambda: xl_cli.check(model, *(texts or ()), **settings), as_json=as_json)
