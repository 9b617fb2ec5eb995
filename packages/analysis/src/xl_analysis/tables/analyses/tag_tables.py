"""Scores by part of speech, or by type of entity: a line a system and target, a column a tag."""

import statistics
from collections.abc import Iterable, Sequence

from xl_analysis.errors import AnalysisError
from xl_analysis.tables.best import Candidate, best_cells
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
    shown,
)
from xl_analysis.tables.table import Table

_MEASURES = ("f1", "accuracy")
_TELLING = ("source", *(field for field in TELLING if field != "task"))


def is_by_tag(metric: str) -> bool:
    """Whether a metric is of one tag, "f1 NOUN" or "accuracy NOUN" as `xl_tasks` calls them."""
    measure, space, tag = metric.partition(" ")
    return measure in _MEASURES and bool(space and tag)


def tag_tables(rows: Iterable[Row]) -> list[Table]:
    """A table a task, data set and measure of the rows of which `is_by_tag` holds; other rows are passed over.

    Lines: systems and targets, of several targets the mean last. Columns: tags. With
    several seeds a cell is the mean over them. Bold is the best system for a target and tag. AnalysisError for no such
    row, and for two rows that answer one question differently.
    """
    blocks: dict[tuple[str, str, str], list[Figure]] = {}
    for figure in figures(row for row in rows if is_by_tag(str(row["metric"])) and not row.get("baseline")):
        measure = figure.metric.partition(" ")[0]
        blocks.setdefault((figure.task, figure.told["data"], measure), []).append(figure)
    if not blocks:
        message = "no row of a tag, such as of the metric 'f1 NOUN'."
        raise AnalysisError(message)
    return [_tag_table(task, data, measure, block) for (task, data, measure), block in blocks.items()]


def _tag_table(task: str, data: str, measure: str, block: Sequence[Figure]) -> Table:
    factor, digits = scale(block)
    metrics = sorted({figure.metric for figure in block})
    by_name = lines(block, lambda f: (f.metric, f.target), _TELLING)
    body, candidates = [], []
    for name, line in by_name.items():
        targets = sorted({figure.target for figure in line})
        for target in (*targets, *([""] if len(targets) > 1 else [])):
            own = [figure for figure in line if target in ("", figure.target)]
            parts = [by_seed(figure for figure in own if figure.metric == metric) for metric in metrics]
            body.append(
                (name, target or "mean", *(shown(p, spread=False, factor=factor, digits=digits) for p in parts))
            )
            values = {
                place: round(factor * statistics.fmean(part), digits) for place, part in enumerate(parts, 2) if part
            }
            candidates.append(Candidate(block=target or tuple(targets), source="", system=name, shown=values))
    caption = (
        f"{task}{f' in {data}' if data not in ('', task) else ''}: {measure} by tag{' in %' if factor == 100 else ''}."
    )
    counts = sorted({figure.n for figure in block if figure.n})
    caption += f" Of each there are {counts[0]} to {counts[-1]}." if counts else ""
    caption += items(block, counted=False) + seeds(by_name)
    if fixed := fixed_settings(block, _TELLING):
        caption += f" {fixed[0].upper()}{fixed[1:]}."
    tags = [metric.partition(" ")[2] for metric in metrics]
    return Table(("system", "target", *tags), tuple(body), caption, n_labels=2, best=best_cells(candidates)[0])
