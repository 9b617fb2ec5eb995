"""A score by the amount of data it was trained on, on a logarithmic axis."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from xl_analysis.errors import AnalysisError
from xl_analysis.pictures.style import picture_style, shortened

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def amount_curves(
    curves: Mapping[str, Sequence[tuple[int, float]]],
    levels: Mapping[str, float] | None = None,
    *,
    x: str = "amount",
    y: str = "score",
) -> "Figure":
    """A line for each of `curves`, through its (amount, score), and a dashed one across for each of `levels`.

    levels: scores that no amount belongs to, of the model before training for instance. x, y: what the axes are called.
    AnalysisError for no point, and for an amount that is not above 0.
    """
    from matplotlib.figure import Figure

    if not any(curves.values()):
        message = "no score of any amount to draw."
        raise AnalysisError(message)
    amounts = sorted({amount for points in curves.values() for amount, _ in points})
    if amounts[0] <= 0:
        message = f"an amount is {amounts[0]}; the axis of amounts is logarithmic and begins above 0."
        raise AnalysisError(message)
    with picture_style():
        figure = Figure(figsize=(5.2, 3.4))
        axes = figure.add_subplot()
        for place, (name, points) in enumerate(curves.items()):
            axes.plot(*zip(*sorted(points), strict=True), color=f"C{place % 7}", marker="o", label=shortened(name))
        for place, (name, value) in enumerate((levels or {}).items(), start=len(curves)):
            axes.axhline(value, color=f"C{place % 7}", linestyle="--", label=shortened(name))
        axes.set(xscale="log", xlabel=x, ylabel=y)
        axes.set_xticks(amounts, [f"{amount:,}" for amount in amounts])
        axes.minorticks_off()
        figure.legend(loc="outside lower left", ncols=4)
    return figure
