"""Result rows out of what a user names: run folders, results.jsonl files, tables of comma- or tab-separated values."""

import csv
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xl_cli.errors import CliError, UsageError

if TYPE_CHECKING:
    from xl_tasks import Row

_TABLES = (".csv", ".tsv")
_LANGUAGE = ("language", "lang", "target")
# Cells of a table that say that there is no figure.
_NONE = ("", "-", "–")


def read_results(runs: Sequence[str], *, percent: bool = False) -> "list[dict[str, Any]]":
    """The rows of all runs; where two runs answer one question differently, the variant of their rows names the run.

    runs: run folders, `results.jsonl` files, CSV or TSV files. percent: the values of CSV files are divided by 100.
    CliError for a run without a row and for a broken table, with `file:line`.
    """
    from xl_analysis import tell_runs_apart
    from xl_cli.folder.runs import results_of
    from xl_cli.folder.short_names import short_names
    from xl_tasks import read_rows

    paths = list({path.resolve(): path for path in (results_of(Path(run)) for run in runs)}.values())
    rows = {}
    names = short_names([path.parent if path.name == "results.jsonl" else path for path in paths])
    for name, path in zip(names, paths, strict=True):
        of_run = csv_rows(path, percent=percent) if is_table(path) else read_rows(path)
        if not of_run:
            message = f"{path}: no result row in it; score something first, with xl eval or xl align."
            raise CliError(message)
        rows[name] = [row.to_dict() for row in of_run]
    return tell_runs_apart(rows)


def is_table(path: Path) -> bool:
    """Whether a file is a table of values, by its suffix."""
    return path.suffix.lower() in _TABLES


def chosen_rows(rows: "Sequence[dict[str, Any]]", where: Iterable[str]) -> "list[dict[str, Any]]":
    """The rows that say all of `where`, "FIELD=VALUE" each. UsageError for a field or value that no row has.

    Languages may be spelled in any way.
    """
    kept = list(rows)
    for condition in where:
        field, equals, value = condition.partition("=")
        if not equals:
            message = f"--where is {condition!r}; write FIELD=VALUE, such as variant=mlm."
            raise UsageError(message)
        kept = having(kept, field, value, f"--where {condition}")
    return kept


def having(rows: "Sequence[dict[str, Any]]", field: str, value: str, named: str) -> "list[dict[str, Any]]":
    """The rows whose `field` is `value`. UsageError, about what is `named`, for a field or value that no row has."""
    from xl_encoders.registry import unknown_name

    fields = dict.fromkeys(name for row in rows for name in row)
    if field not in fields:
        message = f"{named}: {unknown_name('field', field, list(fields))}"
        raise UsageError(message)
    as_code = code(value) if field in ("source", "target", "language") else value
    kept = [row for row in rows if _text(row.get(field)) in (as_code, value)]
    if not kept:
        there = ", ".join(sorted({_text(row.get(field)) or "nothing" for row in rows})[:12])
        message = f"{named}: no row has it; {field} is {there}."
        raise UsageError(message)
    return kept


def code(spelling: str) -> str:
    """The code of a language in any spelling; what is none stays as it is."""
    from xl_translit import UnknownLanguageError, language

    try:
        return language(spelling)
    except UnknownLanguageError:
        return spelling


def _text(value: object) -> str:
    return "" if value is None else str(value)


def table_lines(path: Path) -> tuple[list[str], list[tuple[int, dict[str, str]]]]:
    """(names of the columns, (number of the line, cell of each column) for each line) of a CSV or TSV file.

    CliError with `file:line` for a line that has more or fewer cells than columns, and for a file without a line.
    """
    from xl_translit import read_lines

    separator = "\t" if path.suffix.lower() == ".tsv" else ","
    reader = csv.reader((line + "\n" for line in read_lines(path)), delimiter=separator)
    header: list[str] = []
    body = []
    for cells in _lines(reader, path):
        if not any(cell.strip() for cell in cells):
            continue
        if not header:
            header = [cell.strip() for cell in cells]
            if len(set(header)) < len(header) or not all(header):
                message = f"{path}:{reader.line_num}: each column needs a name of its own; they are {_listed(header)}."
                raise CliError(message)
            continue
        if len(cells) != len(header):
            message = f"{path}:{reader.line_num}: {len(cells)} cells under {len(header)} columns; each line needs all."
            raise CliError(message)
        body.append((reader.line_num, dict(zip(header, (cell.strip() for cell in cells), strict=True))))
    if not body:
        message = f"{path}: no line below its header; a table of results has one a figure, or one a system."
        raise CliError(message)
    return header, body


def _lines(reader: "Iterator[list[str]]", path: Path) -> "Iterator[list[str]]":
    try:
        yield from reader
    except csv.Error as error:  # a carriage return inside a line, a cell of more than 128 KiB
        message = f"{path}: no table of cells ({error}); write it anew, each line ended by a line feed."
        raise CliError(message) from None


def number(text: str, where: str) -> float:
    """A cell as a number. CliError, which says `where` it stands, for a cell that is none or not finite."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        message = f"{where} is {text[:60]!r}; give a finite number, or - where there is none."
        raise CliError(message)
    return value


def csv_rows(path: Path, *, percent: bool = False) -> "list[Row]":
    """The rows of a table of one of three shapes, seen by its columns.

    `xl report --format csv`, or any with a column "value": a line a figure, columns called like the fields of rows
    (task, metric, source, target ...; "language" is a target). A column of languages beside columns of figures: each
    of these is a metric. Columns called like languages: a line a system. Columns called like fields of rows are these
    fields, and other text tells systems apart.
    CliError with `file:line` for what cannot be read.
    """
    header, body = table_lines(path)
    language = next((name for name in header if name.lower() in _LANGUAGE), "")
    by_language = {name: code(name) for name in header if _is_language(name)} if not language else {}
    factor = 0.01 if percent else 1.0
    if "value" in header and language:
        return [_row(path, line, cells, language, factor) for line, cells in body]
    if not language and len(by_language) < 2:
        message = (
            f"{path}: no column of languages (language or target), and no two columns called like languages; its "
            f"columns are {_listed(header)}."
        )
        raise CliError(message)
    fields = _row_fields()
    figures = list(by_language) or [
        name for name in header if name not in (language, *fields) and _is_figures(body, name)
    ]
    if not figures:
        message = f"{path}: no column of numbers beside {language[:60]!r}; its columns are {_listed(header)}."
        raise CliError(message)
    rows = []
    for line, cells in body:
        about = _said({name: cell for name, cell in cells.items() if name not in (language, *figures)}, path, line)
        for name in figures:
            if cells[name] not in _NONE:
                value = factor * number(cells[name], f"{path}:{line}: column {name[:60]!r}")
                target = by_language.get(name) or code(cells[language])
                metric = {} if by_language else {"metric": name}
                rows.append(_made(path, **{"source": target, **about, **metric, "value": value, "target": target}))
    return rows


def _listed(names: Sequence[str]) -> str:
    from xl_tasks.datasets.readers.delimited import column_names

    return column_names(names)


def _is_language(name: str) -> bool:
    from xl_translit import UnknownLanguageError, language

    try:
        language(name)
    except UnknownLanguageError:
        return False
    return True


def _is_figures(body: Sequence[tuple[int, dict[str, str]]], name: str) -> bool:
    """Whether a column holds numbers, if with holes; one that says nan was meant to hold some."""
    said = [cells[name] for _, cells in body if cells[name] not in _NONE]

    def is_number(text: str) -> bool:
        try:
            float(text)
        except ValueError:
            return False
        return True

    return bool(said) and any(map(is_number, said))


def _row(path: Path, line: int, cells: dict[str, str], language: str, factor: float) -> "Row":
    said = _said({"target" if name == language else name: cell for name, cell in cells.items()}, path, line)
    for field in ("value", "target"):
        if field not in said:
            message = f"{path}:{line}: no {field}; each line of a table with a column value needs both."
            raise CliError(message)
    said |= {name: factor * said[name] for name in ("value", "low", "high", "chance") if name in said}
    return _made(path, **{"source": said["target"], **said})


def _said(cells: Mapping[str, str], path: Path, line: int) -> dict[str, Any]:
    """Fields of a row from the cells of a line; what stands in columns that are none tells systems apart."""
    kinds = _row_fields()
    said: dict[str, Any] = {}
    for name, cell in cells.items():
        if cell in _NONE or name == "run":
            continue
        if name not in kinds:
            said["variant"] = ", ".join(filter(None, [said.get("variant", ""), cell]))
        elif kinds[name] is str:
            said[name] = code(cell) if name in ("source", "target") else cell
        else:
            value = number(cell, f"{path}:{line}: column {name[:60]!r}")
            said[name] = int(value) if kinds[name] is int and value == int(value) else value
    return said


def _row_fields() -> dict[str, type]:
    from dataclasses import fields

    from xl_tasks import Row

    kinds = {field.name: str(field.type) for field in fields(Row)}
    return {name: int if "int" in kind else float if "float" in kind else str for name, kind in kinds.items()}


def _made(path: Path, **said: Any) -> "Row":
    from xl_tasks import Row

    fields: dict[str, Any] = {"task": path.stem, "metric": "score", "version": "", **said}
    return Row(**fields)
