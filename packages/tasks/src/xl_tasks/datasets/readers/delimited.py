r"""Files of TAB-separated fields, a line an item: quotes mean nothing, and only "\n" or "\r\n" ends a line.

A byte-order mark at the start is dropped, U+FEFF, CR and U+2028 inside are text; `.gz`, `.zst` and `.xz` are unpacked.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from xl_tasks.errors import TaskError
from xl_translit import read_lines

PACKED = ("", ".gz", ".zst", ".xz")
_Numbered = Iterator[tuple[int, str]]


@dataclass(frozen=True, slots=True)
class Record:
    """One line: where it stands and its fields, or why it has none."""

    where: str
    """`file:line`, the line number from 1."""
    fields: dict[str, str]
    """column name -> field; where `fault` is set, as many as there are."""
    fault: str = ""
    """"file:line: reason" for a line that does not fit the columns; empty for a good one."""


def data_lines(file: Path | str) -> _Numbered:
    """(number from 1, line without its end) for the lines of `file`; empty lines at the end are none."""
    waiting: list[int] = []
    for number, text in enumerate(read_lines(file), start=1):
        if not text:
            waiting.append(number)
            continue
        yield from ((empty, "") for empty in waiting)
        waiting.clear()
        yield number, text


def header(file: Path | str) -> tuple[str, ...]:
    """The fields of the first line of `file`; none where it is empty."""
    for _, line in data_lines(file):
        return tuple(line.split("\t"))
    return ()


def read_table(
    file: Path | str,
    columns: Sequence[str] | None = None,
    *,
    needed: Sequence[str] = (),
    filled: Sequence[str] | None = None,
) -> Iterator[Record]:
    """The data lines of `file`.

    columns: the columns of a file without header; None where the first line names them.
    needed: columns that the header must have.
    filled: columns whose fields may not be blank; `needed` by default, or all of `columns`.

    A line with too many or too few fields or a blank one where none may be comes as a Record with a fault, so that the
    caller decides whether to stop. TaskError for a header without a needed column or with a column named twice, and
    for a file without a data line.
    """
    lines = data_lines(file)
    start = "the header names"
    if columns is None:
        first = next(lines, None)
        if first is None:
            message = f"{file}: the file is empty; a header and at least one line are needed."
            raise TaskError(message)
        columns = first[1].split("\t")
        _check_header(file, columns, needed)
        filled = needed if filled is None else filled
    else:
        start = f"the layout ({', '.join(columns)}) has"
        filled = columns if filled is None else filled
    line = next(lines, None)
    if line is None:
        message = f"{file}: no item in it; at least one line of {column_names(columns)} is needed."
        raise TaskError(message)
    for number, text in chain([line], lines):
        where = f"{file}:{number}"
        fields = text.split("\t")
        if len(fields) != len(columns):
            count = "1 field" if len(fields) == 1 else f"{len(fields)} fields"
            fault = f"{where}: {count}, but {start} {len(columns)}; separate by TAB."
            yield Record(where, dict(zip(columns, fields, strict=False)), fault)
            continue
        record = dict(zip(columns, fields, strict=True))
        blank = [name for name in filled if not record[name].strip()]
        if blank:
            yield Record(where, record, f"{where}: {blank[0]} is empty; give it or remove the line.")
        else:
            yield Record(where, record)


def column_names(names: Iterable[object]) -> str:
    """What an error says of a header: its names, as far as they are text and not too many."""
    text = ", ".join(map(str, names))
    return text if len(text) <= 200 and text.isprintable() else repr(text[:200])


def _check_header(file: Path | str, columns: Sequence[str], needed: Sequence[str]) -> None:
    for name in needed:
        if name not in columns:
            message = f"{file}:1: no column {name!r} in the header; it has {column_names(columns)}."
            raise TaskError(message)
    twice = [name for name, n in Counter(columns).items() if n > 1]
    if twice:
        message = f"{file}:1: the header names column {twice[0][:60]!r} twice; names must be unique."
        raise TaskError(message)
