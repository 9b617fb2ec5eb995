"""Tables of correlations, and what pooled groups hide."""

from collections.abc import Iterable

from xl_analysis.errors import AnalysisError
from xl_analysis.statistics.holm import LEVEL
from xl_analysis.tables.figures import Figure, Row, figures
from xl_analysis.tables.gain_tables import probability
from xl_analysis.tables.table import Table

POOLED = "all points"
_WITHIN = "within "
_GIVEN = "given "


def correlation_table(rows: Iterable[Row]) -> Table:
    """One line a coefficient of two columns, over all points, within groups, in each group or given other columns.

    rows: mappings with the fields of `results.jsonl`, of task `correlate`: the metric is the coefficient, source and
    target are the columns, the variant says which points. The caption says where groups do not show what all points
    together do. AnalysisError where no row is of that task.
    """
    kept = [row for row in rows if is_correlation(row)]
    every = figures(kept)
    if not every:
        message = "no row of task 'correlate'; make some with xl analyze correlate."
        raise AnalysisError(message)
    corrected = any(figure.p_holm is not None for figure in every)
    body = [
        (
            figure.source,
            figure.target,
            figure.metric,
            POOLED if figure.variant == "-" else figure.variant,
            f"{figure.value:+z.3f}",
            "-" if figure.low is None or figure.high is None else f"{figure.low:+z.3f} to {figure.high:+z.3f}",
            probability(figure.p),
            *([probability(figure.p_holm)] if corrected else []),
            str(figure.n or "-"),
        )
        for figure in every
    ]
    caption = "Coefficient with its 95 % bootstrap interval over the points"
    notes = list(dict.fromkeys(str(row["note"]) for row in kept if row.get("note") and not row.get("paper")))
    caption += f"; {'; '.join(notes)}." if notes else "."
    caption += " p Holm: corrected for all lines of a coefficient." if corrected else ""
    header = (
        "x",
        "y",
        "coefficient",
        "points",
        "value",
        "95 % interval",
        "p",
        *(("p Holm",) if corrected else ()),
        "n",
    )
    return Table(header, tuple(body), caption + _trap(every), n_labels=4)


def is_correlation(row: Row) -> bool:
    """Whether `correlation_table` shows a row."""
    return row.get("task") == "correlate" and not row.get("baseline")


def _trap(every: list[Figure]) -> str:
    """A sentence for each coefficient whose groups do not say what all points together say; "" for none."""
    text = ""
    pooled = {(f.metric, f.source, f.target): f for f in every if f.variant in (POOLED, "-")}
    for within in every:
        whole = pooled.get((within.metric, within.source, within.target))
        if whole is None or not within.variant.startswith((_WITHIN, _GIVEN)):
            continue
        one, other = (f.p is not None and f.p < LEVEL for f in (whole, within))
        if one and other and whole.value * within.value < 0:
            text += f" {whole.metric} {within.variant} has the other sign than over all points (Simpson's paradox)."
        elif one and not other and within.p is not None:
            text += f" {whole.metric} over all points is not shown {within.variant}."
        elif other and not one and whole.p is not None:
            text += f" {whole.metric} {within.variant} is hidden where all points are pooled."
    return text
