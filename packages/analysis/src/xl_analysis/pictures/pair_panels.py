"""Panels of figures that pairs of languages have, side by side, as figure 3 of Jung et al. (2024)."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from xl_analysis.errors import AnalysisError
from xl_analysis.pictures.style import picture_style, shortened

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PairPoint: TypeAlias = tuple[str, str, float]
"""System, pair of languages, value."""

_MARKS = "os^DX"
_PANEL_INCHES = 3.2
_SPREAD = 0.6


def pair_panels(
    panels: Mapping[str, Sequence[PairPoint]], notes: Mapping[str, Sequence[str]] | None = None
) -> "Figure":
    """A panel a measure: above each pair of languages the values of every system, a colour and a mark each.

    panels: title -> points; several of one system and pair are seeds: a small mark each, with a bar at their mean.
    notes: title -> lines below it, a correlation for instance. AnalysisError for no panel, and for one without a point.
    """
    from matplotlib.figure import Figure

    if not panels or not all(panels.values()):
        message = "a panel needs at least one point, and a picture at least one panel."
        raise AnalysisError(message)
    every = [point for points in panels.values() for point in points]
    systems = list(dict.fromkeys(system for system, _, _ in every))
    pairs = list(dict.fromkeys(pair for _, pair, _ in every))
    with picture_style():
        figure = Figure(figsize=(_PANEL_INCHES * len(panels), 3.6))
        for number, (title, points) in enumerate(panels.items(), start=1):
            axes = figure.add_subplot(1, len(panels), number)
            for place, system in enumerate(systems):
                shift = _SPREAD * ((place + 0.5) / len(systems) - 0.5)
                for tick, pair in enumerate(pairs):
                    values = [value for one, other, value in points if (one, other) == (system, pair)]
                    if not values:
                        continue
                    middle, half = tick + shift, 0.4 * _SPREAD / len(systems)
                    spots = middle + np.linspace(-half, half, len(values) + 2)[1:-1]
                    dots = axes.scatter(
                        spots, values, s=16, color=f"C{place % 7}", marker=_MARKS[place % len(_MARKS)],
                        alpha=0.6, linewidths=0, label=shortened(system) if number == 1 and tick == 0 else None,
                    )  # fmt: skip
                    dots.set_urls([f"{system}, {pair}: {value:.4g}" for value in values])
                    axes.plot([middle - half, middle + half], [np.mean(values)] * 2, color=f"C{place % 7}", linewidth=2)
            axes.set_xticks(range(len(pairs)), pairs, rotation=0 if len(pairs) < 4 else 45)
            axes.set_xlim(-0.5, len(pairs) - 0.5)
            axes.grid(visible=False, axis="x")
            axes.set_title(title)
            axes.set_xlabel("\n".join((notes or {}).get(title, ())), fontsize=8)
        if len(systems) > 1:
            figure.legend(loc="outside lower center", ncols=min(4, len(systems)))
    return figure
