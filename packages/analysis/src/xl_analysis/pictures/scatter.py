"""Scatter plots: points of groups, with what each stands for on hover."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from xl_analysis.errors import AnalysisError
from xl_analysis.pictures.style import MOST_OF_AN_AXIS, picture_style, shortened

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Seven colours and five marks: 35 groups before two look alike.
_MARKS = "os^DX"
_FEW_POINTS = 60


def scatter(
    x: ArrayLike,
    y: ArrayLike,
    *,
    groups: Sequence[str] | None = None,
    texts: Sequence[str] | None = None,
    names: Sequence[str] | None = None,
    title: str = "",
    x_label: str = "",
    y_label: str = "",
    line: tuple[float, float] | None = None,
    axes_ticks: bool = True,
) -> "Figure":
    """Points at (x, y), each (n,).

    groups: a name a point; a group has a colour and a mark of its own and stands in the legend. texts: what a point
    tells on hover, its sentence for instance. names: a few letters written beside each point. line: (slope, intercept)
    of a straight line through the points. axes_ticks: False where the axes have no unit, as t-SNE's. AnalysisError for
    arguments of different lengths and for no finite point; points that are not finite are left out.
    """
    from matplotlib.figure import Figure

    across, up = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    for what, given in (("y", up), ("groups", groups), ("texts", texts), ("names", names)):
        if given is not None and len(given) != len(across):
            message = f"{len(across)} points in x, and {len(given)} in {what}."
            raise AnalysisError(message)
    finite = np.isfinite(across) & np.isfinite(up)
    if not finite.any():
        message = "no point with two finite coordinates; a scatter plot needs at least one."
        raise AnalysisError(message)
    several = list(dict.fromkeys(groups)) if groups is not None else [""]
    with picture_style():
        figure = Figure()
        axes = figure.add_subplot()
        for number, group in enumerate(several):
            own = [n for n in np.flatnonzero(finite) if groups is None or groups[n] == group]
            points = axes.scatter(
                across[own],
                up[own],
                s=28 if len(across) <= _FEW_POINTS else 10,
                color=f"C{number % 7}",
                marker=_MARKS[number % len(_MARKS)],
                alpha=0.85,
                linewidths=0,
                label=shortened(group) or None,
            )
            if texts is not None or names is not None:
                points.set_urls([(texts or names or ())[n] for n in own])
            for n in own if names is not None else ():
                axes.annotate(shortened(names[n]), (across[n], up[n]), (3, 3), textcoords="offset points", fontsize=7)  # ty: ignore[not-subscriptable]
        if line is not None:
            axes.axline((0, line[1]), slope=line[0], color="0.4", linewidth=1, linestyle="--")
            axes.set_xlim(*_padded(across[finite]))
            axes.set_ylim(*_padded(up[finite]))
        if not axes_ticks:
            axes.tick_params(length=0, labelbottom=False, labelleft=False)
            axes.grid(visible=False)
        axes.set(title=title, xlabel=shortened(x_label, MOST_OF_AN_AXIS), ylabel=shortened(y_label, MOST_OF_AN_AXIS))
        if len(several) > 1:
            figure.legend(loc="outside right upper", ncols=1 + (len(several) - 1) // 18)
    return figure


def _padded(values: np.ndarray) -> tuple[float, float]:
    low, high = float(values.min()), float(values.max())
    margin = 0.05 * (high - low) or 0.5
    return low - margin, high + margin
