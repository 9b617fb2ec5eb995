"""Tables of the gaps between languages."""

from collections.abc import Iterable, Mapping

from xl_analysis.errors import AnalysisError
from xl_analysis.tables.figures import TELLING, Figure, Row, by_seed, figures, lines, scale, seeds, short, shown
from xl_analysis.tables.table import Table

_TELLING = tuple(field for field in TELLING if field not in ("data", "task"))


def gap_table(rows: Iterable[Row]) -> Table:
    """One line a system and data set: mean relative difference, standard deviation, mean score, then the languages.

    rows: mappings with the fields of `results.jsonl`, of task `gap`. A language's cell is its mean RPD with all others;
    where rows are of the gap to one pivot, "RPD / difference in points" with the pivot. With several seeds the mean
    over seeds. AnalysisError where no row is of that task.
    """
    every = [(figure, row) for row, figure in _of_gap(rows)]
    if not every:
        message = "no row of task 'gap'; make some with xl analyze gap."
        raise AnalysisError(message)
    pivots = {figure.source for figure, _ in every if figure.metric == "gap"}
    pivot = pivots.pop() if len(pivots) == 1 else ""
    pairs = [figure for figure, _ in every if figure.source != "all"]
    languages = list(dict.fromkeys(code for figure in pairs for code in (figure.source, figure.target)))
    columns = [code for code in languages if code != pivot]
    names = lines([figure for figure, _ in every], lambda f: (f.told["data"], f.metric, f.source, f.target), _TELLING)
    body = []
    for name, line in names.items():
        for data in dict.fromkeys(figure.told["data"] for figure in line):
            of_data = [figure for figure in line if figure.told["data"] == data]
            cells = [_means(of_data, metric) for metric in ("mean_rpd", "std", "mean")]
            unit = [figure for figure in of_data if figure.metric == "mean"] or of_data
            body.append(
                (
                    data,
                    name,
                    shown(cells[0], factor=1, digits=2),
                    shown(cells[1], factor=1, digits=4),
                    shown(cells[2], factor=scale(unit)[0], digits=scale(unit)[1]),
                    *(_cell(of_data, code, pivot, scale(unit)[0]) for code in columns),
                )
            )
    header = ("scores", "system", "mean RPD %", "std", "mean", *short(columns))
    return Table(header, tuple(body), _caption(every, pivot, names), n_labels=2)


def is_gap(row: Mapping[str, object]) -> bool:
    """Whether `gap_table` shows a row."""
    return row.get("task") == "gap" and not row.get("baseline")


def _of_gap(rows: Iterable[Row]) -> list[tuple[Row, Figure]]:
    kept = [row for row in rows if is_gap(row)]
    return list(zip(kept, figures(kept), strict=True))


def _means(line: list[Figure], metric: str) -> list[float]:
    return by_seed(figure for figure in line if figure.metric == metric)


def _cell(line: list[Figure], code: str, pivot: str, factor: int) -> str:
    with_it = [f for f in line if code in (f.source, f.target) and (not pivot or pivot in (f.source, f.target))]
    relative = shown(_means(with_it, "rpd"), spread=False, factor=1, digits=2 if pivot else 1)
    if not pivot:
        return relative
    return f"{relative} / {shown(_means(with_it, 'gap'), spread=False, factor=factor, digits=2)}"


def _caption(every: list[tuple[Figure, Row]], pivot: str, names: Mapping[str, list[Figure]]) -> str:
    notes = list(dict.fromkeys(str(row["note"]) for _, row in every if row.get("note")))
    text = "RPD: |a - b| / ((a + b) / 2) of two languages' scores, in per cent; mean over all pairs of languages. "
    if pivot:
        text += f"A language's cell: RPD with {pivot} / how much higher {pivot} is."
    else:
        text += "A language's cell: its mean RPD with the others."
    if len(notes) == 1:
        text += f" Scores: {notes[0].removeprefix('of ')}."
    counts = {name: max((f.n for f in line if f.source == "all"), default=0) for name, line in names.items()}
    most = max(counts.values())
    for name, count in counts.items():
        if count < most:
            text += f" {name} has {count} of the {most} languages, so that its mean is over other pairs."
    return text + seeds(names)
