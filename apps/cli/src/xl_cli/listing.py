"""Rows as text that fits a terminal: columns with wrapped cells, or a record a row where there are too many columns."""

import textwrap
from collections.abc import Mapping, Sequence
from itertools import zip_longest

WIDTH = 120
_GAP = 2


def listing(rows: Sequence[Mapping[str, object]], *, header: bool = False, n_names: int = 1) -> str:
    """Rows of the same keys, in lines of at most WIDTH characters.

    header: names of the columns on top. n_names: the first columns, which head a record where the columns do not fit.
    """
    cells = [[str(value) for value in row.values()] for row in rows]
    columns = list(zip(*([list(rows[0])] if header else []), *cells, strict=True))
    # A column is as narrow as its longest word at least: names are not cut.
    least = [max((len(word) for cell in column for word in cell.split()), default=0) for column in columns]
    widths = [max(map(len, column)) for column in columns]
    room = WIDTH - _GAP * (len(columns) - 1)
    if sum(least) > room:
        return "\n".join(_record(row, n_names) for row in rows)
    while sum(widths) > room:
        widest = max((i for i in range(len(widths)) if widths[i] > least[i]), key=widths.__getitem__)
        widths[widest] -= 1
    lines = []
    for row in zip(*columns, strict=True):
        wrapped = [_wrap(cell, width) for cell, width in zip(row, widths, strict=True)]
        for line in zip_longest(*wrapped, fillvalue=""):
            lines.append((" " * _GAP).join(part.ljust(w) for part, w in zip(line, widths, strict=True)).rstrip())
    return "\n".join(lines)


def _record(row: Mapping[str, object], n_names: int) -> str:
    names = [str(value) for value in row.values()][:n_names]
    told = "; ".join(f"{key} {value}" for key, value in [*row.items()][n_names:] if str(value))
    return "\n".join(["  ".join(filter(None, names)), *(f"    {line}" for line in _wrap(told, WIDTH - 4))])


def _wrap(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, max(width, 1), break_on_hyphens=False) or [""]
