"""All result rows as tables, each kind of row in the table made for it."""

from collections.abc import Iterable, Sequence

from xl_analysis.figures import Figure, Row, figures
from xl_analysis.gain_tables import gain_table
from xl_analysis.lexical_tables import LEXICAL_TASKS, lexical_table
from xl_analysis.matrices import is_pair, matrix_tables
from xl_analysis.table import Table
from xl_analysis.tables import metric_table, retrieval_table
from xl_analysis.task_tables import task_table

# Rows that are a mean over the cells of a matrix; the matrix's caption has these means.
_MEANS = ("diagonal", "off-diagonal")


def result_tables(rows: Iterable[Row], *, metrics: Sequence[str] = ("top10", "top1")) -> list[Table]:
    """Every row in a table, none in two.

    In this order: retrieval between two languages, a table a task (`metrics` as in `retrieval_table`); tasks that a
    model is fitted to, and others with splits, by target; matrices of two languages; lexical tasks; gains over
    baselines; one table of means of everything else. Rows of a paper that name neither protocol nor split stand beside
    ours of the same task and metric. The means over a matrix's cells are in its caption and left out where the matrix
    is there.
    """
    every = list(rows)
    found = figures(every)
    fitted = {
        (figure.task, figure.metric)
        for row, figure in zip(every, found, strict=True)
        if not row.get("baseline") and (row.get("protocol") or row.get("split"))
    }
    matrices = {(row["task"], row["metric"]) for row in every if is_pair(row)}
    kinds: dict[str, list[Row]] = {}
    for row, figure in zip(every, found, strict=True):
        if figure.target in _MEANS and not figure.baseline and (figure.task, figure.metric) in matrices:
            continue
        kinds.setdefault(_kind(row, figure, metrics, fitted), []).append(row)
    tables = [retrieval_table(part, metrics=metrics) for part in _by_task(kinds.get("retrieval", ()))]
    tables += [task_table(part) for part in _by_task(kinds.get("task", ()))]
    tables += matrix_tables(kinds["matrix"]) if "matrix" in kinds else []
    tables += [lexical_table(part) for part in _by_task(kinds.get("lexical", ()))]
    tables += [gain_table(kinds["gain"])] if "gain" in kinds else []
    rest = kinds.get("rest", [])
    return [*tables, metric_table(rest)] if rest or not tables else tables


def _kind(row: Row, figure: Figure, metrics: Sequence[str], fitted: set[tuple[str, str]]) -> str:
    if figure.baseline:
        return "gain"
    if is_pair(row):
        return "matrix"
    if figure.task in LEXICAL_TASKS:
        return "lexical"
    if figure.metric in metrics and figure.source != figure.target and not row.get("protocol"):
        return "retrieval"
    return "task" if (figure.task, figure.metric) in fitted else "rest"


def _by_task(rows: Iterable[Row]) -> list[list[Row]]:
    tasks: dict[object, list[Row]] = {}
    for row in rows:
        tasks.setdefault(row["task"], []).append(row)
    return list(tasks.values())
