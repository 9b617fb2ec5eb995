"""Rows of several runs side by side: what tells the runs apart where their rows alone do not, and all rows as CSV."""

import csv
import io
from collections.abc import Collection, Iterable, Mapping, Sequence

from xl_analysis.errors import AnalysisError
from xl_analysis.tables.figures import REQUIRED, Row

# Fields that two rows of one question may differ in.
_ANSWERS = {"value", "n", "coverage", "skipped", "low", "high", "p", "p_holm", "version"}


def tell_runs_apart(runs: Mapping[str, Sequence[Row]], named: Collection[str] = ()) -> list[dict[str, object]]:
    """The rows of all runs in order, each a system of its own where rows of several runs would be taken for one.

    runs: label -> rows. Where two runs answer one question (all fields equal) with different values, the label stands
    behind the variant of all their rows, "mlm (first/run)", or in its place where there is none; so it does for the
    labels in `named`. Other rows stay as they are, so that the seeds of one system are still averaged.
    """
    answers: dict[tuple[tuple[str, str], ...], dict[str, object]] = {}
    for label, rows in runs.items():
        for row in rows:
            answers.setdefault(_question(row), {}).setdefault(label, row.get("value"))
    marked = set(named)
    for by_label in answers.values():
        if len(set(by_label.values())) > 1:
            marked |= by_label.keys()
    return [
        {**row, "variant": _named(row, label)} if label in marked else dict(row)
        for label, rows in runs.items()
        for row in rows
    ]


def rows_csv(runs: Mapping[str, Iterable[Row]], fields: Sequence[str]) -> str:
    r"""All rows as one table of comma-separated values, a line a row, without a line end at the end.

    runs: label -> rows; the label stands in the first column, "run". fields: the other columns; what a row lacks or has
    as None is empty. Numbers are written so that they read back the same. AnalysisError for a row without a field that
    every row needs, and for one with a field that is no column.
    """
    file = io.StringIO()
    table = csv.DictWriter(file, ["run", *fields], restval="", extrasaction="raise", lineterminator="\n")
    table.writeheader()
    for label, rows in runs.items():
        for number, row in enumerate(rows, start=1):
            for name in (*REQUIRED, *row):
                if name not in row or name not in fields:
                    message = f"{label}: row {number} has {'no' if name not in row else 'an unknown'} field {name!r}."
                    raise AnalysisError(message)
            table.writerow({"run": label, **row})
    return file.getvalue().removesuffix("\n")


def _question(row: Row) -> tuple[tuple[str, str], ...]:
    return tuple(
        sorted((name, str(value)) for name, value in row.items() if name not in _ANSWERS and value not in (None, ""))
    )


def _named(row: Row, label: str) -> str:
    variant = row.get("variant") or ""
    return f"{variant} ({label})" if variant else label
