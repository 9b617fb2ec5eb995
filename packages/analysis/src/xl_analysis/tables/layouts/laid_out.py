"""Result rows in the tables of a layout: its lines and columns, averages, marks, dashes and notes."""

import itertools
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from xl_analysis.errors import AnalysisError
from xl_analysis.tables.analyses.correlation_tables import coefficient_table
from xl_analysis.tables.figures import Figure, Row, figures, items, short
from xl_analysis.tables.layouts.cells import Cells, Value
from xl_analysis.tables.layouts.layout import AXES, COEFFICIENTS, Average, Layout, Score, TableLayout
from xl_analysis.tables.report import rows_by_kind, tables_by_kind
from xl_analysis.tables.table import Table

# In front of the model that a row is the difference from.
_MODEL = "model="
# A place on each of AXES.
_Place = tuple[str, Score, str, "str | Average"]


@dataclass(frozen=True, kw_only=True)
class LaidOut:
    """The tables of a layout, and what the rows have that these do not show."""

    tables: list[Table]
    empty: list[str]
    """Numbers of tables that no row is of."""
    tasks: list[str]
    """Tasks of rows that no table has."""
    languages: list[str]
    """Languages in rows of the layout's tasks and metrics that no table has."""


def laid_out(rows: Iterable[Row], layout: Layout, *, averages: Sequence[Average] = (), start: str = "") -> LaidOut:
    """The tables of a layout from result rows alone; differences between systems are computed, their rows passed over.

    averages: more of them, after a table's own. start: the model before training, which differences are from; "" for
    the one that rows of differences name, else the only one that no variant was made of.

    Values are means over seeds, averages are means of what stands in the cells. AnalysisError where no row is in any
    table, and for two rows that answer one question differently.
    """
    rows = list(rows)
    all_figures = figures(rows)
    baselines = {f.baseline.removeprefix(_MODEL) for f in all_figures if f.baseline.startswith(_MODEL)}
    read = [
        (figure, row)
        for figure, row in zip(all_figures, rows, strict=True)
        if not figure.baseline and not figure.metric.startswith("mean ")
    ]
    every = [figure for figure, _ in read]
    tables, empty, shown = [], [], set()
    for table in layout.tables:
        own = tuple(average for average in averages if "language" in (*table.down, *table.across))
        cells = Cells(every, layout, replace(table, averages=(*table.averages, *own)), {start} if start else baselines)
        shown |= {id(figure) for figure in cells.shown}
        made = _table(cells, layout) if cells.systems else []
        tables += made
        empty += [] if made else [table.number]
    usual, theirs = _usual(rows, layout)
    tables += usual
    if not tables:
        names = ", ".join(dict.fromkeys(f"{score.task} {score.metric}" for score in layout.scores if score.task))
        message = f"no row is in a table of layout {layout.name}; it shows {names}."
        raise AnalysisError(message)
    scored = {(score.task, score.metric) for score in layout.scores}
    known = {task for task, _ in scored}
    seen = {code for figure in every if id(figure) in shown for code in (figure.source, figure.target)}
    others = [figure for figure, row in read if id(row) not in theirs]
    asked = [code for f in others if (f.task, f.metric) in scored for code in (f.source, f.target)]
    return LaidOut(
        tables=tables,
        empty=empty,
        tasks=list(dict.fromkeys(figure.task for figure in others if figure.task not in known)),
        languages=sorted({*asked} - seen),
    )


def _usual(rows: Sequence[Row], layout: Layout) -> tuple[list[Table], set[int]]:
    """The usual tables of the kinds of rows that a layout has beside its own, and the ids of their rows.

    Of its own tasks only its metrics.
    """
    kinds = rows_by_kind(rows) if layout.also else {}
    metrics: dict[str, set[str]] = {}
    for score in layout.scores:
        metrics.setdefault(score.task, set()).add(score.metric)
    if COEFFICIENTS in layout.also and "correlation" in kinds:
        kinds[COEFFICIENTS] = kinds.pop("correlation")
    kept = [
        row
        for kind in layout.also
        for row in kinds.get(kind, ())
        if row["metric"] in metrics.get(str(row["task"]), {row["metric"]})
    ]
    made = tables_by_kind(kept) if kept else {}
    if COEFFICIENTS in kinds:
        made[COEFFICIENTS] = [coefficient_table(kinds[COEFFICIENTS])]
    return [table for kind in layout.also for table in made.get(kind, ())], set(map(id, kept))


def _table(cells: Cells, layout: Layout) -> list[Table]:
    """A table of the layout and, if it has them, its differences to the start; both in parts of `wrap` columns."""
    made = [_filled(cells, layout)]
    if cells.table.difference and any(map(cells.start, cells.systems)):
        made.append(_filled(cells, layout, gain=True))
    return [part for table in made for part in _wrapped(table, cells.table.wrap)]


def _filled(cells: Cells, layout: Layout, *, gain: bool = False) -> Table:
    table = cells.table
    systems = [system for system in cells.systems if not gain or cells.start(system)]
    places = _axes(cells, systems)
    down = list(itertools.product(*(places[axis] for axis in table.down)))
    across = list(itertools.product(*(places[axis] for axis in table.across)))
    fixed = {axis: places[axis][0] for axis in AXES if axis not in (*table.down, *table.across)}

    def place(line: Sequence[object], column: Sequence[object]) -> _Place:
        by_axis = {**fixed, **dict(zip(table.down, line, strict=True)), **dict(zip(table.across, column, strict=True))}
        return tuple(by_axis[axis] for axis in AXES)  # ty: ignore[invalid-explicit-return]

    def is_there(where: _Place) -> bool:
        _, score, source, item = where
        return source in score.sources and (not isinstance(item, str) or bool(_has(cells, score, item)))

    across = [column for column in across if any(is_there(place(line, column)) for line in down)]
    down = [line for line in down if any(is_there(place(line, column)) for column in across)]
    values: dict[tuple[int, int], tuple[_Place, Value]] = {}
    n_labels = len(table.down)
    body = []
    for row, line in enumerate(down):
        shown = []
        for number, column in enumerate(across, start=n_labels):
            where = place(line, column)
            value = cells.value(*where, gain=gain)
            if value is not None:
                values[row, number] = (where, value)
            shown.append(_shown(value, where, table, signed=gain))
        body.append((*map(_name, line), *shown))
    bold, underlined = (frozenset(), frozenset()) if gain else _marks(values, table)
    header = (*("target" if axis == "language" else axis for axis in table.down), *_titles(across, table, cells))
    caption = _caption(cells, layout, systems, gain=gain)
    return Table(
        header,
        tuple(body),
        caption,
        n_labels=n_labels,
        best=bold,
        best_source=underlined,
        text_marks=("*", "_"),
        blocks=True,
    )


def _axes(cells: Cells, systems: Sequence[str]) -> dict[str, Sequence[object]]:
    languages = () if cells.table.only_averages else cells.languages
    return {
        "system": systems,
        "score": cells.scores,
        "source": cells.sources,
        "language": (*languages, *cells.table.averages),
    }


def _has(cells: Cells, score: Score, language: str) -> bool:
    """Whether a score has a language, be it as a source alone."""
    return not score.languages or language in score.languages or language in score.sources.values()


def _shown(value: Value | None, place: _Place, table: TableLayout, *, signed: bool) -> str:
    _, score, source, item = place
    if value is None:
        is_source = isinstance(item, str) and not table.with_source and score.sources.get(source) == item
        return "src" if is_source else "-"
    text = f"{_rounded(value, table):{'+' if signed else ''}.{table.digits}f}"
    if table.spread and len(value.seeds) > 1 and not signed:
        text += f" ±{_factor(table) * statistics.stdev(value.seeds):.{table.digits}f}"
    return text


def _factor(table: TableLayout) -> int:
    return 100 if table.percent else 1


def _rounded(value: Value, table: TableLayout) -> float:
    return round(_factor(table) * value.mean, table.digits) + 0.0


def _marks(
    values: Mapping[tuple[int, int], tuple[_Place, Value]], table: TableLayout
) -> tuple[frozenset[tuple[int, int]], frozenset[tuple[int, int]]]:
    """Cells in bold and underlined: the highest of those that differ along an axis alone, over the same languages."""
    bold = _ranked(values, table, table.bold, 0)
    if table.underline == "second":
        return bold, _ranked(values, table, table.bold, 1)
    return bold, _ranked(values, table, table.underline, 0)


def _ranked(
    values: Mapping[tuple[int, int], tuple[_Place, Value]], table: TableLayout, axis: str, rank: int
) -> frozenset[tuple[int, int]]:
    """The cells of the best (rank 0) or second best value; none where all are as good."""
    if not axis:
        return frozenset()
    groups: dict[object, dict[tuple[int, int], float]] = {}
    for cell, (place, value) in values.items():
        # An average over other languages is another question; sources leave each their own out.
        others = tuple(at for name, at in zip(AXES, place, strict=True) if name != axis)
        key = (tuple(map(_name, others)), () if axis == "source" else value.basis)
        lowest = isinstance(place[3], Average) and place[3].statistic != "mean"
        groups.setdefault(key, {})[cell] = _rounded(value, table) * (-1 if lowest else 1)
    marked = set()
    for group in groups.values():
        several = sorted({*group.values()}, reverse=True)
        if len(several) > max(1, rank):
            marked |= {cell for cell, value in group.items() if value == several[rank]}
    return frozenset(marked)


def _name(place: object) -> str:
    return place.name if isinstance(place, (Score, Average)) else str(place)


def _titles(across: Sequence[Sequence[object]], table: TableLayout, cells: Cells) -> list[str]:
    """Heads of columns: "SR-B % Latn" with two axes in per cent, which tables write on two lines."""
    codes = list(dict.fromkeys(str(place) for column in across for place in column if isinstance(place, str)))
    languages = [code for code in codes if code in cells.languages]
    names = dict(zip(languages, short(languages), strict=True))
    # Of a pair the scripts say nothing.
    names |= {code: "-".join(side.partition("_")[0] for side in code.split("-")) for code in languages if "-" in code}
    titles = []
    for column in across:
        parts = [names.get(_name(place), _name(place)) for place in column]
        first, rest = " ".join(parts[:-1]), parts[-1]
        titles.append(f"{first}{' % ' if table.percent else ' '}{rest}" if first else rest)
    return titles


def _caption(cells: Cells, layout: Layout, systems: Sequence[str], *, gain: bool) -> str:
    table = cells.table
    unit = "points" if gain else "%"
    text = f"Table {table.number}{f' of {layout.title}' if layout.title else ''}. {table.title}"
    if gain:
        text += f", difference from {', '.join(dict.fromkeys(map(cells.start, systems)))}"
    text += f", in {unit}." if table.percent else "."
    if not gain:
        text += _seeds_told(cells.shown)
        text += _marks_told(table)
        text += items(cells.shown, counted=False)
        text += _missing(cells, systems)
    return text


def _seeds_told(shown: Sequence[Figure]) -> str:
    counts: dict[object, set[object]] = {}
    for figure in shown:
        counts.setdefault((figure.variant, figure.task), set()).add(figure.seed)
    most = max(len(several) for several in counts.values())
    return f" Means of up to {most} seeds." if most > 1 else ""


def _marks_told(table: TableLayout) -> str:
    told = []
    if table.bold:
        told.append(f"Bold: best {table.bold}")
    if table.underline:
        told.append(f"underlined: {'second best' if table.underline == 'second' else f'best {table.underline}'}")
    text = "; ".join(told)
    return f" {text[0].upper()}{text[1:]}." if text else ""


def _missing(cells: Cells, systems: Sequence[str]) -> str:
    """Sentences on cells of the paper's table that rows lack."""
    text = ""
    for system in systems:
        lacking: dict[str, list[int]] = {}
        for score in cells.scores:
            for source in cells.sources:
                if score.of:
                    continue
                expected = cells.expected(score, source)
                found = [code for code in expected if cells.value(system, score, source, code)]
                counts = lacking.setdefault(score.name, [0, 0])
                counts[0] += len(expected) - len(found)
                counts[1] += len(expected)
        if missing := {name: counts for name, counts in lacking.items() if counts[0]}:
            told = ", ".join(f"{name} {few} of {many}" for name, (few, many) in missing.items())
            n_cells = sum(few for few, _ in missing.values())
            text += f" {system} lacks {n_cells} cell{'s' * (n_cells > 1)}: {told}."
    return text


def _wrapped(table: Table, width: int) -> list[Table]:
    """A table in parts of so many columns, each with the labels; 0 leaves it whole."""
    n_figures = len(table.header) - table.n_labels
    if not width or n_figures <= width:
        return [table]
    parts = []
    starts = range(table.n_labels, len(table.header), width)
    for number, first in enumerate(starts, start=1):
        kept = [*range(table.n_labels), *range(first, min(first + width, len(table.header)))]
        new = {old: place for place, old in enumerate(kept)}
        best, underlined = (
            frozenset((row, new[column]) for row, column in places if column in new)
            for places in (table.best, table.best_source)
        )
        header, *body = (tuple(line[column] for column in kept) for line in (table.header, *table.body))
        caption = f"{table.caption} Part {number} of {len(starts)}."
        parts.append(
            replace(table, header=header, body=tuple(body), caption=caption, best=best, best_source=underlined)
        )
    return parts
