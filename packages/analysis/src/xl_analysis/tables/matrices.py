"""Tables of pairs of texts in two languages: the first text's language down, the second's across."""

from collections.abc import Iterable, Sequence

from xl_analysis.errors import AnalysisError
from xl_analysis.tables.figures import (
    TELLING,
    Figure,
    Row,
    by_seed,
    figures,
    fixed_settings,
    items,
    lines,
    scale,
    seeds,
    short,
    shown,
)
from xl_analysis.tables.table import Table

JOIN = "+"
"""Between the two languages in the target of a row: eng_Latn+tur_Latn."""
_TELLING = ("source", *(field for field in TELLING if field != "task"))


def is_pair(row: Row) -> bool:
    """Whether a row is a cell of a matrix: mixed-language protocol and a target of two languages."""
    return row.get("protocol") == "mixed-language" and str(row.get("target", "")).count(JOIN) == 1


def matrix_table(rows: Iterable[Row]) -> Table:
    """The matrix of one metric of one system, over the rows of which `is_pair` holds.

    Rows: language of the first text (premise, question); columns: of the second (hypothesis, context); at the end of
    each its mean. The means of the diagonal, where both are one language, and of all other cells are in the caption.
    With several seeds means over them, in the caption with the sample standard deviation. Shares are in per cent.
    AnalysisError for no such row, and for rows of several tasks, metrics or systems; `matrix_tables` takes those.
    """
    tables = matrix_tables(rows)
    if len(tables) > 1:
        message = f"the rows are of {len(tables)} tasks, metrics or systems; a matrix shows one of each."
        raise AnalysisError(message)
    return tables[0]


def matrix_tables(rows: Iterable[Row]) -> list[Table]:
    """A matrix for each task, metric and system, in the order of first appearance; other rows are passed over."""
    blocks: dict[tuple[str, str], list[Figure]] = {}
    for figure in figures(row for row in rows if is_pair(row) and not row.get("baseline")):
        blocks.setdefault((figure.task, figure.metric), []).append(figure)
    if not blocks:
        message = f"no row of the protocol mixed-language with a target such as eng_Latn{JOIN}tur_Latn."
        raise AnalysisError(message)
    return [
        _matrix(name, line, scale(block))
        for block in blocks.values()
        for name, line in lines(block, lambda figure: (figure.target,), _TELLING).items()
    ]


def _matrix(name: str, line: Sequence[Figure], how: tuple[int, int]) -> Table:
    factor, digits = how

    def mean(kept: Iterable[Figure], *, spread: bool = False) -> str:
        return shown(by_seed(kept), spread=spread, factor=factor, digits=digits)

    sides = {figure.target: figure.target.split(JOIN) for figure in line}
    languages = sorted({language for pair in sides.values() for language in pair})
    body = []
    for first in languages:
        own = [figure for figure in line if sides[figure.target][0] == first]
        cells = [mean(f for f in own if sides[f.target][1] == second) for second in languages]
        body.append((first, *cells, mean(own)))
    columns = [mean(f for f in line if sides[f.target][1] == second) for second in languages]
    body.append(("mean", *columns, mean(line)))
    same = [figure for figure in line if len(set(sides[figure.target])) == 1]
    other = [figure for figure in line if len(set(sides[figure.target])) == 2]
    caption = (
        f"{line[0].task}, {line[0].metric}{' in %' if factor == 100 else ''}, {name}: first text down, second across; "
        f"diagonal mean {mean(same, spread=True)}, off-diagonal mean {mean(other, spread=True)}."
    )
    if len(sides) < len(languages) ** 2:
        caption += f" {len(sides)} of {len(languages) ** 2} cells are there."
    caption += items(line) + seeds({name: line})
    if fixed := fixed_settings(line, _TELLING):
        caption += f" {fixed[0].upper()}{fixed[1:]}."
    return Table(("first \\ second", *short(languages), "mean"), tuple(body), caption)
