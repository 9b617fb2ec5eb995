"""Heat maps: a matrix of figures as colours, with the figures in the cells where there is room."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from xl_analysis.errors import AnalysisError
from xl_analysis.pictures.style import MOST_OF_AN_AXIS, picture_style, shortened

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Cells of a side up to which figures stand in them.
_MOST_WRITTEN = 16
_INCHES_A_CELL = 0.42
_LARGEST = 14.0


def both_triangles(upper: ArrayLike, lower: ArrayLike) -> NDArray[np.float64]:
    """Two symmetric (n, n) matrices in one: `upper` above the diagonal, `lower` below, nothing (NaN) on it.

    As figure 2 of Sohn et al. (2024) shows two models. AnalysisError where the two are not of one square form.
    """
    above, below = np.asarray(upper, dtype=np.float64), np.asarray(lower, dtype=np.float64)
    if above.ndim != 2 or above.shape[0] != above.shape[1] or above.shape != below.shape:
        message = f"matrices of shapes {above.shape} and {below.shape}; two triangles need two of one (n, n)."
        raise AnalysisError(message)
    both = np.triu(above, 1) + np.tril(below, -1)
    np.fill_diagonal(both, np.nan)
    return both


def heat_map(
    values: ArrayLike,
    rows: Sequence[str],
    columns: Sequence[str],
    *,
    title: str = "",
    label: str = "",
    row_label: str = "",
    column_label: str = "",
    limits: tuple[float, float] | None = None,
    centre: float | None = None,
    digits: int = 2,
    outlined: Iterable[tuple[int, int]] = (),
) -> "Figure":
    """A matrix as colours.

    values: (len(rows), len(columns)); NaN is a cell that is not there, and is grey. rows, columns: what stands beside
    and below. label: what a colour means. limits: figures at the two ends of the colours, by default the smallest and
    largest. centre: figure in the middle of two colours, 0 for differences. digits: decimals in the cells, which are
    written up to 16 a side; each cell tells its row, column and figure on hover. outlined: (row, column) of cells with
    a frame. AnalysisError for another form.
    """
    import matplotlib as mpl
    from matplotlib.collections import PatchCollection
    from matplotlib.colors import CenteredNorm, Normalize
    from matplotlib.figure import Figure
    from matplotlib.patches import Rectangle

    matrix = np.asarray(values, dtype=np.float64)
    if matrix.shape != (len(rows), len(columns)) or not matrix.size:
        message = f"values of shape {matrix.shape} for {len(rows)} rows and {len(columns)} columns."
        raise AnalysisError(message)
    there = matrix[np.isfinite(matrix)]
    low, high = limits or ((there.min(), there.max()) if len(there) else (0.0, 1.0))
    if centre is None:
        norm, cmap = Normalize(low, high if high > low else low + 1), "cividis"
    else:
        half = max(abs(high - centre), abs(low - centre)) or 1.0
        norm, cmap = CenteredNorm(centre, half), "PuOr"
    with picture_style():
        colours = mpl.colormaps[cmap].with_extremes(bad="#D9D9D9")
        width, height = (min(_LARGEST, 2.2 + _INCHES_A_CELL * n) for n in (len(columns), len(rows)))
        figure = Figure(figsize=(width + 0.6, height))
        axes = figure.add_subplot()
        axes.grid(visible=False)
        places = [(r, c) for r in range(len(rows)) for c in range(len(columns))]
        cells = PatchCollection([Rectangle((c - 0.5, r - 0.5), 1, 1) for r, c in places], cmap=colours, norm=norm)
        cells.set(array=np.ma.masked_invalid(matrix.ravel()), edgecolor="white", linewidth=0.5)
        cells.set_urls([f"{rows[r]} · {columns[c]}: {_written(matrix[r, c], digits + 1)}" for r, c in places])
        axes.add_collection(cells)
        for r, c in outlined:
            axes.add_patch(Rectangle((c - 0.46, r - 0.46), 0.92, 0.92, fill=False, edgecolor="C1", linewidth=1.8))
        axes.set(xlim=(-0.5, len(columns) - 0.5), ylim=(len(rows) - 0.5, -0.5), aspect="equal")
        axes.set_xticks(
            range(len(columns)), [*map(shortened, columns)], rotation=90 if max(map(len, columns)) > 3 else 0
        )
        axes.set_yticks(range(len(rows)), [*map(shortened, rows)])
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
        axes.set(
            title=title, xlabel=shortened(column_label, MOST_OF_AN_AXIS), ylabel=shortened(row_label, MOST_OF_AN_AXIS)
        )
        figure.colorbar(cells, ax=axes, label=shortened(label, MOST_OF_AN_AXIS), shrink=0.8)
        if max(matrix.shape) <= _MOST_WRITTEN:
            for r, c in places:
                red, green, blue, _ = colours(norm(matrix[r, c])) if np.isfinite(matrix[r, c]) else (1, 1, 1, 1)
                ink = "black" if 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.5 else "white"
                axes.text(c, r, _written(matrix[r, c], digits), ha="center", va="center", color=ink, fontsize=7)
    return figure


def _written(value: float, digits: int) -> str:
    return f"{value:z.{digits}f}" if np.isfinite(value) else "–"
