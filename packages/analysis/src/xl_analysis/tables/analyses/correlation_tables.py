"""Tables of correlations, and what pooled groups hide."""

from collections.abc import Callable, Iterable, Sequence

from xl_analysis.errors import AnalysisError
from xl_analysis.statistics.holm import LEVEL
from xl_analysis.tables.figures import Figure, Row, figures
from xl_analysis.tables.gain_tables import probability
from xl_analysis.tables.table import Table

POOLED = "all points"
_SYSTEM = ("system",)
_OF_SYSTEM = ("paper", "data", "unit", "robust", "model")
_WITHIN = "within "
_GIVEN = "given "


def correlation_table(rows: Iterable[Row]) -> Table:
    """One line a coefficient of two columns, over all points, within groups, in each group or given other columns.

    rows: mappings with the fields of `results.jsonl`, of task `correlate`: the metric is the coefficient, source and
    target are the columns, the variant says which points. Where rows are of several systems or data sets, their names
    come first. The caption says where groups do not show what all points together do. AnalysisError where no row is of
    that task.
    """
    kept, every = _read(rows)
    system = _system_names(every)
    corrected = any(figure.p_holm is not None for figure in every)
    body = [
        (
            *system(figure),
            figure.source,
            figure.target,
            figure.metric,
            _points(figure),
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
    labels = (*_SYSTEM[: len(system(every[0]))], "x", "y", "coefficient", "points")
    header = (*labels, "value", "95 % interval", "p", *(("p Holm",) if corrected else ()), "n")
    return Table(header, tuple(body), caption + _trap(every), n_labels=len(labels))


def coefficient_table(rows: Iterable[Row]) -> Table:
    """One line for two columns and some points, each coefficient with its p beside it: table 3 of Jung et al. (2024).

    rows: as of `correlation_table`. AnalysisError likewise.
    """
    kept, every = _read(rows)
    system = _system_names(every)
    kinds = list(dict.fromkeys(figure.metric for figure in every))
    found: dict[tuple[str, ...], dict[str, Figure]] = {}
    for figure in every:
        line = (*system(figure), f"{figure.source} <-> {figure.target}", _points(figure))
        found.setdefault(line, {})[figure.metric] = figure
    body = []
    for line, by_kind in found.items():
        cells = []
        for kind in kinds:
            figure = by_kind.get(kind)
            cells += ["-", "-"] if figure is None else [f"{figure.value:+z.3f}", probability(figure.p)]
        body.append((*line, *cells, str(next(iter(by_kind.values())).n or "-")))
    labels = (*_SYSTEM[: len(system(every[0]))], "correlation", "points")
    header = (*labels, *(title for kind in kinds for title in (kind, f"p of {kind}")), "n")
    caption = "Do figures of the same models go together: coefficient and p."
    notes = list(dict.fromkeys(str(row["note"]) for row in kept if row.get("note")))
    caption += f" {'; '.join(notes)}." if notes else ""
    return Table(header, tuple(body), caption + _trap(every), n_labels=len(labels))


def _read(rows: Iterable[Row]) -> tuple[list[Row], list[Figure]]:
    kept = [row for row in rows if is_correlation(row)]
    if not kept:
        message = "no row of task 'correlate'; make some with xl analyze correlate."
        raise AnalysisError(message)
    return kept, figures(kept)


def _system_names(every: Sequence[Figure]) -> Callable[[Figure], tuple[str, ...]]:
    """Figure -> what tells its system and data from those of the others; () where there are no others."""
    varying = [name for name in _OF_SYSTEM if len({figure.told[name] for figure in every}) > 1]
    return lambda figure: (" ".join(filter(None, (figure.told[name] for name in varying))),) if varying else ()


def _points(figure: Figure) -> str:
    return POOLED if figure.variant in ("-", figure.told["model"]) else figure.variant


def is_correlation(row: Row) -> bool:
    """Whether `correlation_table` shows a row."""
    return row.get("task") == "correlate" and not row.get("baseline")


def _trap(every: list[Figure]) -> str:
    """A sentence for each coefficient whose groups do not say what all points together say; "" for none."""
    text = ""
    system = _system_names(every)
    kinds = {figure.metric for figure in every}
    pooled = {(f.metric, f.source, f.target, system(f)): f for f in every if _points(f) == POOLED}
    for within in every:
        whole = pooled.get((within.metric, within.source, within.target, system(within)))
        if whole is None or not within.variant.startswith((_WITHIN, _GIVEN)):
            continue
        # Of several columns or systems the coefficient alone would not say which.
        of = [*system(whole), f"{whole.source} <-> {whole.target}"] if len(pooled) > len(kinds) else []
        kind = " ".join([whole.metric, *of])
        one, other = (f.p is not None and f.p < LEVEL for f in (whole, within))
        if one and other and whole.value * within.value < 0:
            text += f" {kind} {within.variant} has the other sign than over all points (Simpson's paradox)."
        elif one and not other and within.p is not None:
            text += f" {kind} over all points is not shown {within.variant}."
        elif other and not one and whole.p is not None:
            text += f" {kind} {within.variant} is hidden where all points are pooled."
    return text
