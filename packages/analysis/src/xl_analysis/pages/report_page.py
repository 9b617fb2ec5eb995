"""The report of runs as one HTML page: what was run, results, gains, curves, spaces, coverage."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from xl_analysis.pages.row_pictures import cka_pictures, gain_pictures, gap_pictures, retrieval_pictures
from xl_analysis.pages.template import rendered
from xl_analysis.pictures.curves import learning_curves
from xl_analysis.pictures.style import picture_svg
from xl_analysis.tables.figures import Row
from xl_analysis.tables.groups import gains, group_tables
from xl_analysis.tables.layouts.layout import Average
from xl_analysis.tables.report import rows_by_kind, tables_by_kind
from xl_analysis.tables.table import Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Picture

_LEAD = (
    "Scores are in per cent unless a table says otherwise. Bold: the best system of a column; underlined: the best "
    "source language of a system. A click on a column's head sorts a table. Codes of languages tell their names where "
    "the pointer rests, points and cells of pictures their figures."
)
# Kinds of tables -> the section they stand in, in the page's order; the others have one at the end.
_SECTIONS = {
    "transfer": "Results",
    "retrieval": "Results",
    "task": "Results",
    "tag": "Results",
    "matrix": "Results",
    "lexical": "Results",
    "gain": "Gains",
    "adopt": "Gains",
    "gap": "Gaps between languages",
    "correlation": "Gaps between languages",
    "cka": "Similarity of languages",
    "divergence": "Similarity of languages",
    "distance": "Similarity of languages",
    "words": "Word alignment",
    "gradients": "Training",
    "coverage": "Coverage of the vocabulary",
    "vocabulary": "Coverage of the vocabulary",
}
_LAST = "Other measures"
_ORDER = (
    *("Results", "Beside the papers", "Gains", "Training", "Gaps between languages", "Similarity of languages"),
    *("Word alignment", "Coverage of the vocabulary", _LAST),
)


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What a reader is told of a run: (name, text) pairs under the run's name."""

    name: str
    entries: Sequence[tuple[str, str]]


@dataclass(frozen=True, kw_only=True)
class Shown:
    """A picture of a page."""

    caption: str
    svg: str
    """An <svg> element, which stands in the page as it is."""
    wide: bool = False


@dataclass(frozen=True, kw_only=True)
class Section:
    """A part of a page under its title."""

    title: str
    text: str = ""
    facts: Sequence[Facts] = ()
    pictures: Sequence[Shown] = ()
    tables: Sequence[Table] = ()


def html_page(
    sections: Sequence[Section], title: str, *, lead: str = "", names: Mapping[str, str] | None = None
) -> str:
    """A whole HTML document that needs no network; every text is escaped.

    names: what a cell that holds a key tells where the pointer rests: "tur_Latn" -> "Turkish".
    """
    return rendered("page.html", sections=sections, title=title, lead=lead, names=names or {})


def report_page(
    rows: Iterable[Row],
    title: str,
    *,
    facts: Sequence[Facts] = (),
    logs: Mapping[str, Sequence[Mapping[str, object]]] | None = None,
    beside: Sequence[Table] = (),
    metrics: Sequence[str] = ("top10", "top1"),
    mean: str = "others",
    layout: str = "systems",
    averages: Sequence[Average] = (),
    names: Mapping[str, str] | None = None,
) -> str:
    """The report of `rows` (as `result_tables` takes them) as one page.

    facts: what each run was. logs: run -> records of its `log.jsonl`. beside: our figures beside published ones
    (`beside_tables`). names: as in `html_page`. A section that nothing is known for is not there.
    """
    every = list(rows)
    kinds = rows_by_kind(every, metrics)
    tables: dict[str, list[Table]] = {}
    for kind, made in tables_by_kind(every, metrics=metrics, mean=mean, layout=layout, averages=averages).items():
        tables.setdefault(_SECTIONS.get(kind, _LAST), []).extend(made)
    retrieval, task, cka = (kinds.get(kind, []) for kind in ("retrieval", "task", "cka"))
    gained = gains([*retrieval, *task])
    shown = {
        "Results": retrieval_pictures(retrieval, metrics[0]),
        "Gains": [*gain_pictures([gain for gain in gained if gain.metric in (metrics[0], *_first_metrics(task))])],
        "Training": [(f"Losses by step, {run}." if run else "Losses by step.", learning_curves(log))
                            for run, log in (logs or {}).items() if any("losses" in record for record in log)],
        "Gaps between languages": gap_pictures(task, cka),
        "Similarity of languages": cka_pictures(cka),
    }  # fmt: skip
    tables["Gains"] = [*group_tables(gained), *tables.get("Gains", [])]
    tables["Beside the papers"] = list(beside)
    sections = [Section(title="What was run", facts=facts)] if facts else []
    for name in _ORDER:
        pictures = [shown_picture(*each) for each in shown.get(name, ())]
        if pictures or tables.get(name):
            sections.append(Section(title=name, pictures=pictures, tables=tables.get(name, ())))
    return html_page(sections, title, lead=_LEAD, names=names)


def _first_metrics(rows: Sequence[Row]) -> list[str]:
    """The first metric of each task: its main one."""
    first: dict[object, str] = {}
    for row in rows:
        first.setdefault(row["task"], str(row["metric"]))
    return list(first.values())


def shown_picture(caption: str, picture: "Picture") -> Shown:
    """A figure as a page shows it, above its caption."""
    width, height = picture.get_size_inches()
    return Shown(caption=caption, svg=picture_svg(picture, caption), wide=max(width, height) > 8)
