"""Tables of two runs compared: a line a cell with its verdict, and a line a metric over languages."""

from xl_analysis.statistics.comparison import ComparedCell, Comparison, OverLanguages
from xl_analysis.tables.gain_tables import probability
from xl_analysis.tables.table import Table

_TESTS = {
    "items": "items: paired bootstrap over the items that both answered",
    "intervals": "intervals: from those of the two figures, as if of different items, so never too narrow",
    "seeds": "seeds: from the spread over seeds",
}


def comparison_tables(found: Comparison, a: str, b: str) -> list[Table]:
    """The cells of a comparison, in their order; then, where there are any, its tests over languages.

    a, b: what the two runs are called. Shares are in per cent and their differences in points; a verdict is on p after
    Holm's correction.
    """
    return [_cells(found, a, b), *([_languages(found, a, b)] if found.languages else [])]


def _cells(found: Comparison, a: str, b: str) -> Table:
    told = list(dict.fromkeys(name for cell in found.cells for name in cell.told))
    varying = [name for name in told if len({cell.told.get(name, "") for cell in found.cells}) > 1]
    fixed = [f"{name} {found.cells[0].told[name]}" for name in told if name not in varying]
    body = [
        (
            cell.task,
            cell.metric,
            *(cell.told.get(name, "") for name in varying),
            cell.source,
            cell.target,
            _score(cell, cell.a),
            _score(cell, cell.b),
            _difference(cell, cell.value),
            f"{_difference(cell, cell.low)} to {_difference(cell, cell.high)}" if cell.low is not None else "-",
            probability(cell.p),
            probability(cell.p_holm),
            str(cell.n or "-"),
            cell.verdict,
        )
        for cell in found.cells
    ]
    tests = [text for name, text in _TESTS.items() if any(name in cell.test for cell in found.cells)]
    caption = (
        f"{b} against {a}, cell by cell: difference with its 95 % interval, p, and p after Holm's correction over the "
        "cells of the metric; the verdict is on the latter, at 0.05."
    )
    caption += f" {'; '.join(tests)}." if tests else ""
    for run, n_only in ((a, found.n_only_a), (b, found.n_only_b)):
        caption += f" {n_only} cells are in {run} alone." if n_only else ""
    caption += f" {', '.join(fixed)[:1].upper()}{', '.join(fixed)[1:]}." if fixed else ""
    header = (
        *("task", "metric", *varying, "source", "target", a, b, "difference", "95 % interval", "p", "p Holm", "n"),
        "verdict",
    )
    return Table(header, tuple(body), caption, n_labels=4 + len(varying))


def _languages(found: Comparison, a: str, b: str) -> Table:
    told = list(dict.fromkeys(name for line in found.languages for name in line.told))
    varying = [name for name in told if len({line.told.get(name, "") for line in found.languages}) > 1]
    body = [
        (
            line.task,
            line.metric,
            *(line.told.get(name, "") for name in varying),
            _difference(line, line.value),
            str(line.n_languages),
            str(line.n_higher),
            str(line.n_lower),
            probability(line.p),
            probability(line.p_holm),
            line.verdict,
        )
        for line in found.languages
    ]
    caption = (
        f"{b} against {a} over languages: mean difference, the number of target languages, those in which {b} is "
        "higher and lower, and Wilcoxon's signed-rank test (exact for 13 languages or fewer; fewer than six cannot "
        "show a difference)."
    )
    header = ("task", "metric", *varying, "difference", "languages", "higher", "lower", "p", "p Holm", "verdict")
    return Table(header, tuple(body), caption, n_labels=2 + len(varying))


def _is_share(cell: ComparedCell | OverLanguages) -> bool:
    values = (cell.a, cell.b) if isinstance(cell, ComparedCell) else (cell.value,)
    return all(-1 <= value <= 1 for value in values)


def _score(cell: ComparedCell, value: float) -> str:
    return f"{100 * value:z.1f}" if _is_share(cell) else f"{value:z.3f}"


def _difference(cell: ComparedCell | OverLanguages, value: float | None) -> str:
    if value is None:
        return "-"
    return f"{100 * value:+z.1f}" if _is_share(cell) else f"{value:+z.3f}"
