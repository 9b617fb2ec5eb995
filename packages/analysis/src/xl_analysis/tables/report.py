"""All result rows as tables, each kind of row in the table made for it."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from xl_analysis.errors import AnalysisError
from xl_analysis.tables.adoption.adopt_tables import own_tables
from xl_analysis.tables.analyses.alignment_tables import alignment_table
from xl_analysis.tables.analyses.correlation_tables import correlation_table, is_correlation
from xl_analysis.tables.analyses.gap_tables import gap_table, is_gap
from xl_analysis.tables.analyses.robustness_tables import is_robustness, robustness_tables
from xl_analysis.tables.analyses.tag_tables import is_by_tag, tag_tables
from xl_analysis.tables.analyses.vocabulary_table import vocabulary_table
from xl_analysis.tables.figures import Figure, Row, figures
from xl_analysis.tables.gain_tables import gain_table
from xl_analysis.tables.layouts.layout import Average
from xl_analysis.tables.lexical_tables import LEXICAL_TASKS, lexical_table
from xl_analysis.tables.matrices import is_pair, matrix_tables
from xl_analysis.tables.mean_tables import metric_table, retrieval_table
from xl_analysis.tables.pairs import coverage_table, distance_tables, divergence_table, is_covered, pair_table
from xl_analysis.tables.table import Table
from xl_analysis.tables.task_tables import task_table
from xl_analysis.tables.transfer_tables import transfer_tables

LAYOUTS = ("systems", "targets")
"""Whether scores have a line a system and a column a target, or a line a target and a column a task and source."""

# Tasks whose rows are of pairs, and their kind.
_PAIRED = {
    "cka": "cka",
    "divergence": "divergence",
    "distance": "distance",
    "align-words": "words",
    "gradients": "gradients",
}
# Rows that are a mean over the cells of a matrix; the matrix's caption has these means.
_MEANS = ("diagonal", "off-diagonal")


def result_tables(
    rows: Iterable[Row],
    *,
    metrics: Sequence[str] = ("top10", "top1"),
    mean: str = "others",
    layout: str = "systems",
    averages: Sequence[Average] = (),
) -> list[Table]:
    """Every row in a table, none in two.

    In this order: retrieval between two languages, a table a task and data set (`metrics` as in `retrieval_table`);
    tasks that a model is fitted to, and others with splits, by target, then by tag; matrices of two languages; lexical
    tasks; CKA, a line a pair of languages, as links of words; coverage, a line a language; gaps between languages, a
    line a system; correlations; gains over baselines; one table of means of everything else. No column holds figures of
    two data sets that no label tells apart. Rows of a paper that name neither protocol nor split stand beside ours of
    the same task and metric, those without a data set beside the only one of their task. The means over a matrix's
    cells are in its caption and left out where the matrix is there.

    averages: further means over some languages, in tables of retrieval and of tasks.
    layout: under "targets" retrieval and tasks stand together in `transfer_tables`, a line a target.
    """
    tables = tables_by_kind(rows, metrics=metrics, mean=mean, layout=layout, averages=averages)
    return [table for several in tables.values() for table in several]


def tables_by_kind(
    rows: Iterable[Row],
    *,
    metrics: Sequence[str] = ("top10", "top1"),
    mean: str = "others",
    layout: str = "systems",
    averages: Sequence[Average] = (),
) -> dict[str, list[Table]]:
    """The tables of `result_tables` by the kind of their rows, as `rows_by_kind` names it, in their order."""
    if layout not in LAYOUTS:
        message = f"layout is {layout!r}; choose one of {', '.join(LAYOUTS)}."
        raise AnalysisError(message)
    kinds = rows_by_kind(rows, metrics)
    if layout == "targets" and (scores := [*kinds.pop("retrieval", []), *kinds.pop("task", [])]):
        kinds["transfer"] = scores
    made: dict[str, Callable[[list[Row]], list[Table]]] = {
        "transfer": lambda part: transfer_tables(part, mean=mean, averages=averages),
        "retrieval": lambda part: [
            _about(each, retrieval_table(each, metrics=metrics, averages=averages)) for each in _by_data(part)
        ],
        "task": lambda part: [task_table(each, mean=mean, averages=averages) for each in _by_data(part)],
        "tag": tag_tables,
        "matrix": matrix_tables,
        "lexical": lambda part: [lexical_table(each) for each in _by_task(part)],
        "cka": lambda part: [pair_table(part)],
        "divergence": lambda part: [divergence_table(part)],
        "distance": distance_tables,
        "words": lambda part: [pair_table(part)],
        "gradients": lambda part: [pair_table(part)],
        "alignment": lambda part: [alignment_table(part)],
        "coverage": lambda part: [coverage_table(part)],
        "vocabulary": lambda part: [vocabulary_table(part)],
        "adopt": own_tables,
        "gap": lambda part: [gap_table(part)],
        "correlation": lambda part: [correlation_table(part)],
        "robustness": robustness_tables,
        "gain": lambda part: [gain_table(part)],
        "rest": lambda part: [metric_table(part)],
    }
    return {kind: make(kinds[kind]) for kind, make in made.items() if kind in kinds} or {"rest": [metric_table([])]}


def rows_by_kind(rows: Iterable[Row], metrics: Sequence[str] = ("top10", "top1")) -> dict[str, list[Row]]:
    """The rows that `result_tables` shows in each kind of table, by its name; a kind without rows is not there.

    "retrieval" holds the rows of `metrics` between two languages, "task" those whose table has means over targets.
    """
    every = list(rows)
    read = figures(every)
    fitted = {
        (figure.task, figure.metric)
        for row, figure in zip(every, read, strict=True)
        if not row.get("baseline") and (row.get("protocol") or row.get("split"))
    }
    matrices = {(row["task"], row["metric"]) for row in every if is_pair(row)}
    kinds: dict[str, list[Row]] = {}
    for row, figure in zip(every, read, strict=True):
        if figure.target in _MEANS and not figure.baseline and (figure.task, figure.metric) in matrices:
            continue
        kinds.setdefault(_kind(row, figure, metrics, fitted), []).append(row)
    return kinds


def _kind(row: Row, figure: Figure, metrics: Sequence[str], fitted: set[tuple[str, str]]) -> str:
    if figure.task == "adopt":
        return figure.task
    if figure.baseline:
        return "gain"
    if is_by_tag(figure.metric):
        return "tag"
    if is_pair(row):
        return "matrix"
    if figure.task in LEXICAL_TASKS:
        return "lexical"
    if figure.task in _PAIRED:
        return _PAIRED[figure.task]
    if figure.task in ("alignment", "vocabulary"):
        return figure.task
    if is_covered(row):
        return "coverage"
    if is_gap(row):
        return "gap"
    if is_correlation(row):
        return "correlation"
    if is_robustness(row):
        return "robustness"
    if figure.metric in metrics and figure.source != figure.target and not row.get("protocol"):
        return "retrieval"
    return "task" if (figure.task, figure.metric) in fitted else "rest"


def _about(rows: Sequence[Row], table: Table) -> Table:
    """The table with its task and data set in front of the caption."""
    task, data = rows[0]["task"], next((row["data"] for row in rows if row.get("data")), "")
    return replace(table, caption=f"{task}{f' in {data}' if data else ''}. {table.caption}")


def _by_data(rows: Iterable[Row]) -> list[list[Row]]:
    """The rows of each task and data set; those that name no data set beside the only one of their task."""
    parts = []
    for part in _by_task(rows):
        names = list(dict.fromkeys(str(row.get("data") or "") for row in part))
        stated = [name for name in names if name]
        if len(stated) < 2:
            parts.append(part)
            continue
        parts += [[row for row in part if str(row.get("data") or "") == name] for name in names]
    return parts


def _by_task(rows: Iterable[Row]) -> list[list[Row]]:
    tasks: dict[object, list[Row]] = {}
    for row in rows:
        tasks.setdefault(row["task"], []).append(row)
    return list(tasks.values())
