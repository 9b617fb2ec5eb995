"""A page of points on a plane that tells the text of the one that the pointer rests on."""

from typing import TYPE_CHECKING

from xl_analysis.pages.template import rendered, script_hash
from xl_analysis.pictures.style import picture_svg

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def points_page(figure: "Figure", *, title: str, about: str) -> str:
    """One self-contained HTML page of a `scatter` with texts: nothing is fetched, every text is escaped.

    The text of a point stands below the picture while the pointer is on it or after a touch, from right to left where
    its first letters are.
    """
    script, digest = script_hash("points.js")
    svg = picture_svg(figure, about)
    return rendered("points.html", title=title, about=about, svg=svg, points_script=script, points_hash=digest)
