"""A scatter plot with straight lines of least squares, through all points and through those of each group."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from xl_analysis.pictures.scatter import scatter
from xl_analysis.pictures.style import picture_style

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def fitted_scatter(
    x: ArrayLike,
    y: ArrayLike,
    *,
    groups: Sequence[str] | None = None,
    texts: Sequence[str] | None = None,
    names: Sequence[str] | None = None,
    x_label: str = "",
    y_label: str = "",
) -> "Figure":
    """`scatter` of finite points (n,), a dashed line through all and, of two groups or more, a line through each."""
    across, up = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    line = tuple(map(float, np.polyfit(across, up, 1))) if np.ptp(across) else None
    figure = scatter(
        across,
        up,
        groups=groups,
        texts=texts,
        names=names,
        x_label=x_label,
        y_label=y_label,
        line=line,  # ty: ignore[invalid-argument-type]
    )
    several = list(dict.fromkeys(groups or ()))
    with picture_style():
        for place, group in enumerate(several if len(several) > 1 else ()):
            own = np.array([each == group for each in groups or ()])
            if np.ptp(across[own]):
                ends = np.array([across[own].min(), across[own].max()])
                fit = np.polyval(np.polyfit(across[own], up[own], 1), ends)
                figure.axes[0].plot(ends, fit, color=f"C{place % 7}", linewidth=1)
    return figure
