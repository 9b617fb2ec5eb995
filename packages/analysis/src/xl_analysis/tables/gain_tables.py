"""Tables of differences between systems, with their intervals."""

from collections.abc import Iterable

from xl_analysis.errors import AnalysisError
from xl_analysis.statistics.holm import LEVEL
from xl_analysis.tables.figures import TELLING, Figure, Row, figures, fixed_settings, items, lines
from xl_analysis.tables.table import Table

_TELLING = ("source", *(field for field in TELLING if field != "task"))


def gain_table(rows: Iterable[Row]) -> Table:
    """One line for each difference, those rows whose `baseline` names what the value is a difference from.

    Columns: task and metric, system, baseline, target, gain in points (hundredths), its 95 per cent interval, p, where
    there is one p after Holm's correction, and n; a star marks a corrected p below 0.05, of a row without one an
    interval that excludes 0. AnalysisError for no such row, and for two that answer one question differently.
    """
    every = [figure for figure in figures(rows) if figure.baseline]
    if not every:
        message = "no row with a baseline; a table of gains needs at least one."
        raise AnalysisError(message)
    body = []
    names = lines(every, lambda f: (f.task, f.metric, f.target, f.baseline), _TELLING)
    placed = {id(figure): name for name, line in names.items() for figure in line}
    corrected = any(figure.p_holm is not None for figure in every)
    for figure in every:
        if id(figure) in placed:
            body.append(
                (
                    figure.task,
                    figure.metric,
                    placed[id(figure)],
                    figure.baseline,
                    figure.target,
                    _points(figure.value),
                    _interval(figure),
                    probability(figure.p),
                    *([probability(figure.p_holm)] if corrected else []),
                    str(figure.n or "-"),
                )
            )
    caption = "Difference from the baseline in points, with its 95 % bootstrap interval over items and seeds (the "
    caption += "exact one where all items say the same) and the two-sided p; * marks "
    if corrected:
        caption += "p Holm below 0.05: corrected for all differences of a system from a baseline in one metric."
    else:
        caption += "an interval that excludes 0."
    if "mean-all" in {figure.target for figure in every}:
        caption += " mean-all: over all targets, with the language trained on."
    elif "mean" in {figure.target for figure in every}:
        caption += " mean: over the targets without the language trained on."
    caption += items(every, counted=False)
    if fixed := fixed_settings(every, _TELLING):
        caption += f" {fixed[0].upper()}{fixed[1:]}."
    p_holm = ("p Holm",) if corrected else ()
    header = ("task", "metric", "system", "against", "target", "gain", "95 % interval", "p", *p_holm, "n")
    return Table(header, tuple(body), caption, n_labels=5)


def probability(p: float | None) -> str:
    """A p as a cell; "-" for none."""
    return "-" if p is None else f"{p:.3f}" if p >= 0.0005 else f"{p:.0e}"


def _points(value: float) -> str:
    return f"{100 * value:+z.1f}"


def _interval(figure: Figure) -> str:
    if figure.low is None or figure.high is None:
        return "-"
    apart = figure.p_holm < LEVEL if figure.p_holm is not None else figure.low > 0 or figure.high < 0
    mark = " *" if apart else ""
    return f"{_points(figure.low)} to {_points(figure.high)}{mark}"
