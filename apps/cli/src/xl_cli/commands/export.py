"""`xl export`: a model as a folder that other libraries open, and to a hub if asked."""

from pathlib import Path
from typing import Annotated, Any

import typer

import xl_cli
from xl_cli.commands.show import show
from xl_cli.folder.export import ExportConfig
from xl_cli.options import with_options


@with_options(ExportConfig)
def export(
    run: Annotated[str, typer.Argument(help="Run folder, save_pretrained folder or hub id.", metavar="RUN")],
    settings: dict[str, Any],
    out: Annotated[Path, typer.Option(help="Folder to write; must be new.")],
) -> None:
    """Write a model, cut at a layer, as a folder for another library; the vectors stay the same.

    Example: xl export runs/names --format sentence-transformers --out names-encoder
    """
    show(lambda: xl_cli.export(run, out=out, **settings))
