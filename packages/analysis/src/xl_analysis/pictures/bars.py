"""Bars of differences, with their intervals."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from xl_analysis.errors import AnalysisError
from xl_analysis.pictures.style import MOST_OF_AN_AXIS, picture_style, shortened

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_INCHES_A_BAR = 0.24


def gain_bars(
    names: Sequence[str],
    gains: Sequence[float],
    *,
    intervals: Sequence[tuple[float, float] | None] | None = None,
    title: str = "",
    label: str = "gain",
) -> "Figure":
    """A bar from 0 to each gain, one below the other; what is above 0 and what is below has its own colour.

    intervals: (low, high) of each, or None for none. A bar tells its name, gain and interval on hover. AnalysisError
    for no bar, and for arguments of different lengths.
    """
    from matplotlib.collections import PatchCollection
    from matplotlib.figure import Figure
    from matplotlib.patches import Rectangle

    ends = intervals if intervals is not None else [None] * len(gains)
    if not names or not len(names) == len(gains) == len(ends):
        message = f"{len(names)} names, {len(gains)} gains and {len(ends)} intervals; as many of each, at least one."
        raise AnalysisError(message)
    with picture_style():
        figure = Figure(figsize=(6.4, 1.2 + _INCHES_A_BAR * len(names)))
        axes = figure.add_subplot()
        bars = PatchCollection([Rectangle((0, n - 0.35), gain, 0.7) for n, gain in enumerate(gains)])
        bars.set(facecolor=["#0072B2" if gain >= 0 else "#D55E00" for gain in gains])
        bars.set_urls([_told(*each) for each in zip(names, gains, ends, strict=True)])
        axes.add_collection(bars)
        for place, interval in enumerate(ends):
            if interval is not None:
                axes.plot(interval, [place, place], color="black", linewidth=1, marker="|", markersize=4)
        axes.axvline(0, color="black", linewidth=0.8)
        axes.set_yticks(range(len(names)), [*map(shortened, names)])
        axes.tick_params(axis="y", length=0)
        axes.grid(visible=False, axis="y")
        reach = [0.0, *gains, *(end for interval in ends if interval is not None for end in interval)]
        margin = 0.05 * float(np.ptp(reach)) or 0.5
        axes.set(xlim=(min(reach) - margin, max(reach) + margin), ylim=(len(names) - 0.4, -0.6))
        axes.set(title=title, xlabel=shortened(label, MOST_OF_AN_AXIS))
    return figure


def _told(name: str, gain: float, interval: tuple[float, float] | None) -> str:
    return f"{name}: {gain:+z.3g}" + (f" ({interval[0]:+z.3g} to {interval[1]:+z.3g})" if interval is not None else "")
