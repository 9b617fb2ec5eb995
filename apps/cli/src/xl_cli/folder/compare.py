"""`xl compare`: two runs, cell by cell, with intervals and verdicts."""

from ast import literal_eval
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xl_cli.errors import UsageError
from xl_cli.folder.run_facts import facts_of
from xl_cli.folder.runs import folders_of, read_runs, results_of
from xl_cli.folder.short_names import short_names
from xl_cli.options import check_options
from xl_cli.results import Rows
from xl_cli.settings import takes
from xl_cli.vectors.word_files import check_new
from xl_objectives import setting

if TYPE_CHECKING:
    from xl_analysis import ComparedCell, Comparison
    from xl_tasks import Row

FORMATS = ("text", "md", "html", "tex", "csv")


@dataclass(frozen=True, kw_only=True)
class CompareConfig:
    """What is compared, and in which form it is told."""

    format: str = setting("text", f"One of: {', '.join(FORMATS)}.", choices=FORMATS)
    metric: tuple[str, ...] = setting(
        (), "Figure to compare; repeat for more. [default: all that both runs have but those of single tags]"
    )
    resamples: int = setting(
        1000, "Bootstrap samples of the items, where both runs of xl eval have kept them; 0 for none", min=0
    )

    def __post_init__(self) -> None:
        check_options(self)


@takes(config=CompareConfig)
def compare(a: str | Path, b: str | Path, *, config: CompareConfig, out: str | Path | None = None) -> Rows:
    """The differences of run `b` from run `a` in every cell that both have, as rows; `str` of them is the report.

    a, b: run folders or results.jsonl files. A row's value is that of `b` less that of `a`, its baseline the name of
    `a`; low, high, p and p_holm say how certain it is. out: file to write the report to as well; must be new.

    >>> print(compare("runs/names", "runs/names-2"))  # doctest: +SKIP
    """
    out = check_new(out)
    runs = [Path(a), Path(b)]
    paths = [results_of(run) for run in runs]
    if paths[0].resolve() == paths[1].resolve():
        message = f"{a} and {b} are one run; name two."
        raise UsageError(message)
    from xl_analysis import AnalysisError, is_by_tag
    from xl_analysis import compare as compared
    from xl_cli.evaluation.comparing import folder_difference_rows
    from xl_translit import replacing

    rows = read_runs(paths)
    there = [dict.fromkeys(row.metric for row in part) for part in rows]
    for name in config.metric:
        if name not in there[0] or name not in there[1]:
            common = ", ".join(metric for metric in there[0] if metric in there[1]) or "none"
            message = f"--metric {name}: not a figure of both runs; they have in common: {common}."
            raise UsageError(message)
    asked = config.metric or [metric for metric in there[0] if not is_by_tag(metric)]
    kept = [[row.to_dict() for row in part if row.metric in asked] for part in rows]
    labels = short_names(folders_of(paths))
    paired = folder_difference_rows(runs, labels[0], config.resamples)
    try:
        found = compared(*kept, paired=[row.to_dict() for row in paired])
    except AnalysisError as error:
        message = f"{a}, {b}: {error}"
        raise AnalysisError(message) from None
    text = _report(found, labels, paths, config.format)
    if out is not None:
        with replacing(out) as file:
            file.write(text + "\n")
    return Rows([_row(cell, labels[0]) for cell in found.cells], lambda: text, out)


def _report(found: "Comparison", labels: list[str], paths: list[Path], form: str) -> str:
    from xl_analysis import Section, comparison_tables, html_page

    tables = comparison_tables(found, *labels)
    if form == "html":
        facts = facts_of(dict(zip(labels, paths, strict=True)))
        sections = [Section(title="Verdict", text=found.verdict)]
        sections += [Section(title="What was run", facts=facts)] if facts else []
        sections += [
            Section(title=title, tables=[table])
            for title, table in zip(("Cell by cell", "Over languages"), tables, strict=False)
        ]
        return html_page(sections, f"{labels[1]} against {labels[0]}")
    parts = [table.render(form) for table in tables]
    # A spreadsheet has the cells alone.
    return parts[0] if form == "csv" else "\n\n".join([*parts, _told(found.verdict, form)])


def _told(verdict: str, form: str) -> str:
    if form == "text":
        from textwrap import fill

        return fill(verdict, 118)
    if form == "tex":
        from xl_analysis.tables.table import tex

        return tex(verdict)
    return verdict


def _row(cell: "ComparedCell", name: str) -> "Row":
    from xl_tasks import Row

    # As text, which a figure has of its settings: a number, and a prompt in quotes.
    told: Any = {key: literal_eval(text) if key in ("layer", "prompt") else text for key, text in cell.told.items()}
    return Row(
        task=cell.task,
        metric=cell.metric,
        value=cell.value,
        n=cell.n,
        source=cell.source,
        target=cell.target,
        baseline=f"run={name}",
        low=cell.low,
        high=cell.high,
        p=cell.p,
        p_holm=cell.p_holm,
        **told,
    )
