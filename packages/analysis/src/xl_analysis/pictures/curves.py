"""Learning curves, from the rows of a run's `log.jsonl`."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from xl_analysis.errors import AnalysisError
from xl_analysis.pictures.style import picture_style, shortened

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_DASHES = ("-", "--", ":", "-.")


def learning_curves(records: Iterable[Mapping[str, object]], *, title: str = "") -> "Figure":
    """One plot an objective, side by side: its loss by step, a line a variant.

    records: with "variant", "step" and "losses", a mapping of objectives to losses, as `log.jsonl` has them; others are
    passed over. AnalysisError where none has a loss.
    """
    from matplotlib.figure import Figure

    curves: dict[str, dict[str, list[tuple[float, float]]]] = {}
    for record in records:
        losses = record.get("losses")
        if isinstance(losses, Mapping) and isinstance(record.get("step"), int):
            for objective, loss in losses.items():
                line = curves.setdefault(str(objective), {}).setdefault(str(record.get("variant") or "-"), [])
                line.append((float(record["step"]), float(loss)))  # ty: ignore[invalid-argument-type]
    if not curves:
        message = "no record of a loss; a run that trained has some in its log.jsonl."
        raise AnalysisError(message)
    variants = list(dict.fromkeys(variant for lines in curves.values() for variant in lines))
    with picture_style():
        n_columns = min(3, len(curves))
        n_rows = -(-len(curves) // n_columns)
        figure = Figure(figsize=(3.4 * n_columns + 0.6, 2.6 * n_rows + 0.4))
        for number, (objective, lines) in enumerate(curves.items(), start=1):
            axes = figure.add_subplot(n_rows, n_columns, number)
            for variant, points in lines.items():
                place = variants.index(variant)
                dashes = _DASHES[place % len(_DASHES)]
                axes.plot(*zip(*points, strict=True), color=f"C{place % 7}", linestyle=dashes, label=shortened(variant))
            axes.set(title=shortened(objective), xlabel="step", ylabel="loss")
        # A variant has one line in the legend, whatever plots it is in.
        handles = {name: h for axes in figure.axes for h, name in zip(*axes.get_legend_handles_labels(), strict=True)}
        figure.legend(handles.values(), handles.keys(), loc="outside lower left", ncols=4)
        if title:
            figure.suptitle(title)
    return figure
