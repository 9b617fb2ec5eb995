"""The one style of all pictures, and a picture as the content of a file or as a part of a page.

A text that is told where the pointer rests, a point's sentence for instance, is given to matplotlib as the point's
address (`collection.set_urls`); in SVG it becomes the point's title.
"""

import io
import re
import warnings
from collections.abc import Generator
from contextlib import contextmanager
from importlib.resources import as_file, files
from typing import TYPE_CHECKING

from xl_analysis.errors import AnalysisError
from xl_analysis.pictures.fonts import font_families, font_note

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PICTURE_FORMATS = ("png", "svg", "pdf")
# Dates and versions in a file would make two of the same rows differ.
_NAMELESS: dict[str, dict[str, str | None]] = {
    "png": {"Software": None},
    "svg": {"Date": None, "Creator": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
}
MOST_OF_AN_AXIS = 48
"""Characters that the label of an axis has room for."""
_LINK = re.compile(r'<a xlink:href="([^"]*)"[^>]*>(.*?)</a>', re.DOTALL)


def shortened(name: str, most: int = 32) -> str:
    """A name as a picture has room for it: of more than `most` characters the middle is left out."""
    return name if len(name) <= most else f"{name[: most // 2]}…{name[-(most // 2 - 1) :]}"


@contextmanager
def picture_style() -> Generator[None]:
    """The settings of matplotlib while a picture is made; those of the caller come back at the end."""
    from matplotlib import rc_context

    with as_file(files("xl_analysis.pictures") / "xl.mplstyle") as path, rc_context(fname=path):
        yield


def picture_bytes(figure: "Figure", form: str = "png") -> bytes:
    """The content of a file of `figure` in one of PICTURE_FORMATS, in installed fonts that have its texts' letters.

    The same figure gives the same bytes. Letters that no font has are boxes: `picture_note` tells of them.
    AnalysisError for another format.
    """
    if form not in PICTURE_FORMATS:
        message = f"a picture is written as one of {', '.join(PICTURE_FORMATS)}, not as {form!r}."
        raise AnalysisError(message)
    content = _saved(figure, form)
    return _titled(content.decode("utf-8")).encode("utf-8") if form == "svg" else content


def picture_svg(figure: "Figure", about: str) -> str:
    """The `<svg>` element of `figure` for a page: letters are the browser's, points tell their texts on hover.

    about: what the picture shows, for readers that do not see it.
    """
    import html

    text = _titled(_saved(figure, "svg", letters=True).decode("utf-8"))
    text = text[text.index("<svg ") :].rstrip()
    return text.replace("<svg ", f'<svg role="img" aria-label="{html.escape(about)}" ', 1)


def picture_note(figure: "Figure") -> str:
    """A sentence on letters of `figure` that no installed font has, with the package to install; empty for none."""
    return font_note(_texts(figure))


def _saved(figure: "Figure", form: str, *, letters: bool = False) -> bytes:
    from matplotlib import rcParams
    from matplotlib.text import Text

    file = io.BytesIO()
    with picture_style(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from font", UserWarning)
        rcParams["svg.fonttype"] = "none" if letters else "path"
        families = font_families(_texts(figure))
        for text in figure.findobj(Text):
            text.set_fontfamily(families)
        figure.savefig(file, format=form, metadata=_NAMELESS[form], bbox_inches="tight", pad_inches=0.06)
    return file.getvalue()


def _texts(figure: "Figure") -> list[str]:
    """All texts, those of ticks too, which are made when they are asked for."""
    from matplotlib.text import Text

    with picture_style():
        for axes in figure.axes:
            for axis in (axes.xaxis, axes.yaxis):
                axis.get_ticklabels()
    return [text.get_text() for text in figure.findobj(Text)]


def _titled(svg: str) -> str:
    return _LINK.sub(r"<g><title>\1</title>\2</g>", svg)
