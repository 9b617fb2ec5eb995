"""The before/after page of an adopted language as one HTML document."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from xl_analysis.pages.report_page import Facts, Section, html_page, shown_picture
from xl_analysis.pictures.bars import gain_bars
from xl_analysis.pictures.curves import learning_curves
from xl_analysis.tables.adoption.adopt_tables import adopt_tables
from xl_analysis.tables.adoption.before_after import adoptions
from xl_analysis.tables.figures import Row, short

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Picture

_LEAD = (
    "What taking a new language into an encoder did: the language, before and after, and every language that the "
    "encoder knew. In brackets and under interval: 95 %. A star marks what is decided: p after Holm's correction below "
    "0.05. Codes of languages tell their names where the pointer rests."
)


def adopt_page(
    rows: Iterable[Row],
    title: str,
    *,
    facts: Sequence[Facts] = (),
    logs: Mapping[str, Sequence[Mapping[str, object]]] | None = None,
    names: Mapping[str, str] | None = None,
) -> str:
    """The tables of `adopt_tables` as a page; facts, logs and names as in `report_page`."""
    every = list(rows)
    sections = [
        Section(
            title=title_,
            tables=tables,
            pictures=[shown_picture(*each) for each in _changes(every)] if title_ == "Old languages" else (),
        )
        for title_, tables in adopt_tables(every).items()
    ]
    curves = [
        shown_picture(f"Losses by step, {run}." if run else "Losses by step.", learning_curves(log))
        for run, log in (logs or {}).items()
        if any("losses" in record for record in log)
    ]
    sections += [Section(title="Training", pictures=curves)] if curves else []
    sections += [Section(title="What was run", facts=facts)] if any(each.entries for each in facts) else []
    return html_page(sections, title, lead=_LEAD, names=names)


def _changes(rows: Sequence[Row]) -> "list[tuple[str, Picture]]":
    """(caption, bars) of each trained variant: the mean change of both directions, language by language."""
    pictures = []
    for found in adoptions(rows):
        changes: dict[str, list[float]] = {}
        for each in found.retrieval:
            cell = each.cell
            other = cell.source if cell.target == found.pivot else cell.target
            if cell.metric == "top1" and found.pivot in (cell.source, cell.target) and other in found.old:
                changes.setdefault(other, []).append(100 * cell.value)
        if len(changes) > 1:
            codes = sorted(changes, key=lambda code: sum(changes[code]) / len(changes[code]))
            means = [round(sum(changes[code]) / len(changes[code]), 6) for code in codes]
            bars = gain_bars(short(codes), means, label="change in points")
            pictures.append((f"{found.system}: change of top-1, the mean of both directions, by old language.", bars))
    return pictures
