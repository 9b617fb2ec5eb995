"""What training gained, by the script and by the resources of the target languages."""

import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from xl_analysis.statistics.pretraining import RESOURCES, resources
from xl_analysis.tables.analyses.tag_tables import is_by_tag
from xl_analysis.tables.figures import TELLING, Figure, Row, figures, lines
from xl_analysis.tables.table import Table

STARTS = ("untrained", "pretrained")
"""Variants that are the model before training."""
NO_MODEL = "string-match"
"""The variant of rows that no model had a part in."""
_TELLING = tuple(field for field in TELLING if field != "task")
# What a score and the start's beside it have in common besides task and metric.
_CELL = ("data", "split", "protocol", "tuning", "robust", "noise")


@dataclass(frozen=True, kw_only=True)
class Gain:
    """How much more a system has in one cell than the model it started from, the mean over seeds."""

    task: str
    metric: str
    system: str
    start: str
    """What the system is compared with: the model before training."""
    source: str
    target: str
    before: float
    after: float

    @property
    def value(self) -> float:
        """After training less before, in the metric's unit."""
        return self.after - self.before


def gains(rows: Iterable[Row]) -> list[Gain]:
    """The gains of every system over the model before training, cell by cell.

    Before training are the variants of STARTS and, in rows without them, models that have no variant: what they were
    trained from is for the reader to know. Of several starts of a cell the one that is read at the same layer counts;
    where that is not one, the cell is left out. Scores of single tags are passed over.
    """
    every = [f for f in figures(rows) if not f.baseline and f.variant != NO_MODEL and not is_by_tag(f.metric)]
    known = {figure.variant for figure in every} & set(STARTS)
    blocks: dict[tuple[str, str], list[Figure]] = {}
    for figure in every:
        blocks.setdefault((figure.task, figure.metric), []).append(figure)
    found = []
    for (task, metric), block in blocks.items():
        starts = [f for f in block if f.variant in known or (not known and f.variant == f.told["model"])]
        before: dict[tuple[str, ...], dict[tuple[str, str], list[float]]] = {}
        for figure in starts:
            start = figure.variant, figure.told["layer"]
            before.setdefault(_cell(figure), {}).setdefault(start, []).append(figure.value)
        trained = [figure for figure in block if figure not in starts]
        for system, line in lines(trained, lambda f: (f.source, f.target, f.told["split"]), _TELLING).items():
            after: dict[tuple[str, ...], list[Figure]] = {}
            for figure in line:
                after.setdefault(_cell(figure), []).append(figure)
            for cell, several in after.items():
                of_cell = before.get(cell, {})
                alike = {start: of_cell[start] for start in of_cell if start[1] == several[0].told["layer"]} or of_cell
                if len(alike) == 1:
                    ((start, _), values), *_ = alike.items()
                    found.append(
                        Gain(
                            task=task,
                            metric=metric,
                            system=system,
                            start=start,
                            source=several[0].source,
                            target=several[0].target,
                            before=statistics.fmean(values),
                            after=statistics.fmean(figure.value for figure in several),
                        )
                    )
    return found


def group_tables(found: Sequence[Gain]) -> list[Table]:
    """Mean gains by the script of the target and by its resources; none where all targets are of one group.

    A line a task, metric, system and start, a column a group with its number of languages; what a language gained is
    the mean over sources, without itself, and a group's gain the mean over its languages. Shares are in points.
    """
    by_script = _table(found, _script, sorted, "script of the target language")
    how = "text of the target language in CC-100, which XLM-R was trained on (Conneau et al. 2020, table 6)"
    by_size = _table(found, resources, lambda names: [name for name in RESOURCES if name in names], how)
    return [table for table in (by_script, by_size) if table is not None]


def _table(
    found: Sequence[Gain], group_of: Callable[[str], str], order: Callable[[set[str]], Sequence[str]], how: str
) -> Table | None:
    kept = [gain for gain in found if gain.source != gain.target and _script(gain.target)]
    groups: dict[str, set[str]] = {}
    for gain in kept:
        groups.setdefault(group_of(gain.target), set()).add(gain.target)
    if len(groups) < 2:
        return None
    body = []
    for labels in dict.fromkeys(map(_line, kept)):
        own = [gain for gain in kept if _line(gain) == labels]
        by_language: dict[str, list[float]] = {}
        for gain in own:
            by_language.setdefault(gain.target, []).append(gain.value)
        means = {language: statistics.fmean(values) for language, values in by_language.items()}
        cells = [_mean(means.values())]
        cells += [
            _mean(mean for language, mean in means.items() if language in groups[name]) for name in order({*groups})
        ]
        body.append((*labels, *cells))
    titles = [f"{name} ({len(groups[name])})" for name in order({*groups})]
    caption = (
        f"Gain over the model that is named, before training, in points, by {how}; in brackets the number of "
        "languages, each the mean over its sources."
    )
    return Table(("task", "metric", "system", "over", "all", *titles), tuple(body), caption, n_labels=4)


def _line(gain: Gain) -> tuple[str, str, str, str]:
    return gain.task, gain.metric, gain.system, gain.start


def _mean(values: Iterable[float]) -> str:
    several = list(values)
    return f"{100 * statistics.fmean(several):+z.1f}" if several else "-"


def _script(language: str) -> str:
    return language.partition("_")[2]


def _cell(figure: Figure) -> tuple[str, ...]:
    return (figure.source, figure.target, *(figure.told[field] for field in _CELL))
