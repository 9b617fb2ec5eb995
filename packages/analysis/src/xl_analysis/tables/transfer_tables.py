"""Transfer to each target from each source: a line a target, a column a task and source, a block of lines a system.

The layout of tables 2 and 3 of Xhelili, Liu and Schütze (2024): bold the best system for a source and target,
underlined the best source for a system and target.
"""

import statistics
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from operator import itemgetter

from xl_analysis.errors import AnalysisError
from xl_analysis.tables.best import Candidate, best_cells
from xl_analysis.tables.figures import TELLING, Figure, Row, by_seed, figures, items, lines, scale, seeds, short, shown
from xl_analysis.tables.layouts.layout import Average, told
from xl_analysis.tables.table import Table
from xl_analysis.tables.task_tables import MEANS

_OWN = "own"
_WITH = {"others": "without", "all": "with"}
# A column: task, data, metric and source.
_Column = tuple[str, str, str, str]


def transfer_tables(rows: Iterable[Row], *, mean: str = "others", averages: Sequence[Average] = ()) -> list[Table]:
    """`transfer_table` of the first metric of each task and data set, then of the second, until every row is in one."""
    metrics: dict[tuple[object, object], list[object]] = {}
    tables: dict[int, list[Row]] = {}
    for row in rows:
        known = metrics.setdefault((row.get("task"), row.get("data") or ""), [])
        if row.get("metric") not in known:
            known.append(row.get("metric"))
        tables.setdefault(known.index(row.get("metric")), []).append(row)
    return [transfer_table(part, mean=mean, averages=averages) for _, part in sorted(tables.items(), key=itemgetter(0))]


def transfer_table(rows: Iterable[Row], *, mean: str = "others", averages: Sequence[Average] = ()) -> Table:
    """Scores by target (down) and by task and source (across), a block of lines a system, its means at the end.

    Of each task and data set the metric that its rows name first is shown, and dev where a system has no test figure. A
    mean is over the targets, under "others" without the source, and is compared with those over the same targets;
    `averages` are the same over some targets each, in lines after it. A model trained in the language of each target
    has the source "own". Shares are in per cent; with several seeds a cell is the mean over them. Differences from a
    baseline are passed over. AnalysisError for no row of a score, for two rows that answer one question differently,
    and a mean that is none of MEANS.
    """
    if mean not in MEANS:
        message = f"mean is {mean!r}; choose one of {', '.join(MEANS)}."
        raise AnalysisError(message)
    every = _with_data([figure for figure in figures(rows) if not figure.baseline])
    if not every:
        message = "no row of a score; a table needs at least one."
        raise AnalysisError(message)
    first = {(figure.task, figure.told["data"]): figure.metric for figure in reversed(every)}
    kept = [figure for figure in every if first[figure.task, figure.told["data"]] == figure.metric]
    columns = _columns(kept)
    by_name = lines(kept, lambda f: (*_column(f), f.target, f.told["split"]), _telling(kept))
    systems = {name: _scored(line) for name, line in by_name.items()}
    body, candidates, best_source = [], [], set()
    for name, line in systems.items():
        targets = sorted({figure.target for figure in line})
        for target, over, parts in _lines_of(line, targets, columns, mean, averages):
            values = {place: _value(part) for place, part in enumerate(parts, start=2) if part}
            candidates.append(Candidate(block=(target, *over), source="", system=name, shown=values))
            best_source |= {(len(body), place) for place in _best_sources(values, columns)}
            body.append((name, target, *map(_cell, parts, columns, [target] * len(columns))))
    header = ("system", "target", *_titles(kept, columns))
    best, _ = best_cells(candidates)
    caption = _caption(kept, columns, systems, mean) + told(averages, sorted({figure.target for figure in kept}))
    return Table(header, tuple(body), caption, n_labels=2, best=best, best_source=frozenset(best_source))


def _lines_of(
    line: Sequence[Figure], targets: Sequence[str], columns: Sequence[_Column], mean: str, averages: Sequence[Average]
) -> Iterator[tuple[str, Sequence[str], list[list[Figure]]]]:
    """(label, languages of a mean, figures by column): of each target, of the mean over all, of each average."""
    for target in targets:
        yield target, (), [[f for f in line if f.target == target and _column(f) == column] for column in columns]
    meant = [f for f in line if mean == "all" or f.target not in f.told["source"].split("+")]
    for average in (Average(name="mean"), *averages):
        over = average.of(targets)
        yield (
            average.name,
            over,
            [[f for f in meant if _column(f) == column and f.target in over] for column in columns],
        )


def _with_data(every: Sequence[Figure]) -> list[Figure]:
    """The figures; those that name no data set are of the only one of their task, where there is only one."""
    named: dict[str, set[str]] = {}
    for figure in every:
        named.setdefault(figure.task, set()).add(figure.told["data"])
    only = {task: max(data) for task, data in named.items() if len(data - {""}) == 1}
    return [
        replace(figure, told={**figure.told, "data": only.get(figure.task, figure.told["data"])}) for figure in every
    ]


def _column(figure: Figure) -> _Column:
    return figure.task, figure.told["data"], figure.metric, figure.told["source"] or _OWN


def _scored(line: Sequence[Figure]) -> list[Figure]:
    """A system's figures; those of dev only in the cells where it has no other."""
    tested = {(*_column(figure), figure.target) for figure in line if figure.told["split"] != "dev"}
    return [f for f in line if f.told["split"] != "dev" or (*_column(f), f.target) not in tested]


def _columns(kept: Sequence[Figure]) -> list[_Column]:
    """Tasks in the order of first appearance, and in each its sources so."""
    tasks: dict[tuple[str, str, str], dict[_Column, None]] = {}
    for figure in kept:
        column = _column(figure)
        tasks.setdefault(column[:3], {})[column] = None
    return [column for several in tasks.values() for column in several]


def _telling(kept: Sequence[Figure]) -> list[str]:
    """Fields that tell systems apart: those in which two rows of one variant, task and data set differ."""
    values: dict[tuple[str, str, str, str], set[str]] = {}
    for figure in kept:
        for field in TELLING:
            values.setdefault((figure.variant, figure.task, figure.told["data"], field), set()).add(figure.told[field])
    varying = {field for (*_, field), several in values.items() if len(several) > 1}
    return [
        field
        for field in TELLING
        if field in ("paper", "model") or (field in varying and field not in ("data", "split"))
    ]


def _value(part: Sequence[Figure]) -> float:
    """A cell's figure as it is shown, rounded."""
    factor, digits = scale(part)
    return round(factor * statistics.fmean(by_seed(part)), digits)


def _cell(part: Sequence[Figure], column: _Column, target: str) -> str:
    if not part:
        return "src" if target == column[-1] else "-"
    factor, digits = scale(part)
    return shown(by_seed(part), spread=False, factor=factor, digits=digits)


def _best_sources(values: Mapping[int, float], columns: Sequence[_Column]) -> set[int]:
    """Places of the best sources of each task; none where all are as good."""
    tasks: dict[tuple[str, ...], dict[int, float]] = {}
    for place, value in values.items():
        tasks.setdefault(columns[place - 2][:3], {})[place] = value
    return {
        place
        for several in tasks.values()
        if len(set(several.values())) > 1
        for place, value in several.items()
        if value == max(several.values())
    }


def _titles(kept: Sequence[Figure], columns: Sequence[_Column]) -> list[str]:
    """Data set (or task) and source: "sib200 % eng"."""
    languages = list(dict.fromkeys(column[-1] for column in columns))
    names = dict(zip(languages, short(languages), strict=True))
    shares = {column: scale(figure for figure in kept if _column(figure) == column) == scale(()) for column in columns}
    return [f"{column[1] or column[0]}{' %' if shares[column] else ''} {names[column[-1]]}" for column in columns]


def _caption(
    kept: Sequence[Figure], columns: Sequence[_Column], systems: Mapping[str, Sequence[Figure]], mean: str
) -> str:
    metrics = dict.fromkeys(f"{task}{f' in {data}' if data else ''} {metric}" for task, data, metric, _ in columns)
    text = (
        f"Down: target, across: task and source. {', '.join(metrics)}; mean over the targets {_WITH[mean]} the source."
    )
    return text + items(kept) + seeds(systems)
