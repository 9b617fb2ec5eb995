"""Pictures that a measure writes beside its rows: `--plot FILE`."""

from pathlib import Path
from typing import Any

from xl_cli.errors import UsageError
from xl_cli.launch.progress import say
from xl_cli.vectors.word_files import check_new
from xl_objectives import setting

FORMATS = ("png", "svg", "pdf")


def plot_setting() -> str:
    """The field of settings that names the file."""
    return setting("", "Write a picture to this file, .png, .svg or .pdf; must be new.")


def check_plot(plot: str) -> None:
    """UsageError where no picture can be written to `plot`."""
    if plot and Path(plot).suffix.lower().removeprefix(".") not in FORMATS:
        message = f"--plot {plot}: name a file that ends in .{', .'.join(FORMATS)}."
        raise UsageError(message)
    check_new(plot or None, "--plot")


def write_picture(plot: str, figure: Any) -> None:
    """The file of a picture, a matplotlib figure, in the format of its name; letters that no font has are told."""
    write_bytes(plot, drawn(plot, figure))


def drawn(plot: str, figure: Any) -> bytes:
    """What `write_picture` writes."""
    from xl_analysis import picture_bytes, picture_note

    if note := picture_note(figure):
        say(f"note: {note}")
    return picture_bytes(figure, Path(plot).suffix.lower().removeprefix("."))


def write_bytes(name: str, content: bytes) -> None:
    """A whole file or none."""
    from xl_translit import replacing

    with replacing(Path(name), "wb") as file:
        file.write(content)
