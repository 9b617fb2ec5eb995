"""Tables of tasks that a model is fitted to: one line a system, one column a target language."""

import statistics
from collections.abc import Collection, Iterable, Mapping, Sequence

from xl_analysis.errors import AnalysisError
from xl_analysis.tables.best import Candidate, best_cells
from xl_analysis.tables.figures import (
    TELLING,
    Figure,
    Row,
    by_seed,
    chance,
    figures,
    fixed_settings,
    items,
    lines,
    scale,
    seeds,
    short,
    shown,
    uncertainty,
)
from xl_analysis.tables.layouts.layout import Average, told
from xl_analysis.tables.table import Table

# Dev stands beside test in one line, so the split tells no lines apart.
_TELLING = ("source", *(field for field in TELLING if field not in ("split", "task")))


MEANS = ("others", "all")
"""What the mean of a line is over: the targets that it was not trained on, or all of them."""


def task_table(rows: Iterable[Row], *, mean: str = "others", averages: Sequence[Average] = ()) -> Table:
    """Scores by target language, a block of lines a task and metric, a line a system.

    The first figure of a line is the mean over its targets. Under "others" the language (or languages,
    "eng_Latn+deu_Latn") that a system was trained on is left out of it, as papers on transfer from several languages
    do, and has its own column; under "all" it counts too, as in XTREME and papers that follow it. In-language systems,
    which are trained on each target, have nothing to leave out. `averages`, the same over some targets each, follow it.
    With several seeds the mean over them, in the columns of means with the sample standard deviation. Shares are in per
    cent. Where a system has rows of test and of dev, dev is in brackets. Marked are the best system for a source and
    target, and the best source for a system and target.

    Systems that differ in the source, in data, protocol, tuning, robust, noise, unit, layer or pooling have lines of
    their own. AnalysisError for no row, a row without a field that is needed, two rows that answer one question
    differently, and a mean that is none of MEANS.
    """
    if mean not in MEANS:
        message = f"mean is {mean!r}; choose one of {', '.join(MEANS)}."
        raise AnalysisError(message)
    every = [figure for figure in figures(rows) if not figure.baseline]
    if not every:
        message = "no row of a score; a table needs at least one."
        raise AnalysisError(message)
    blocks: dict[tuple[str, str], list[Figure]] = {}
    for figure in every:
        blocks.setdefault((figure.task, figure.metric), []).append(figure)
    labels = [n for n, name in enumerate(("task", "metric")) if len({block[n] for block in blocks}) > 1]
    targets = sorted({figure.target for figure in every})
    in_percent = all(scale(block)[0] == 100 for block in blocks.values())
    body, by_name, candidates = [], {}, []
    for block, of_block in blocks.items():
        for name, line in lines(of_block, lambda f: (f.target, f.told["split"]), _TELLING).items():
            scored, dev = _test_and_dev(line)
            how = scale(of_block)
            groups = [None, *(average.of(targets) for average in averages)]
            columns = [_in_mean(scored, mean, group) for group in groups]
            columns += [[f for f in scored if f.target == target] for target in targets]
            cells = [
                _cell(_in_mean(scored, mean, group), _in_mean(dev, mean, group), how, spread=True) for group in groups
            ]
            for target in targets:
                cells.append(_cell(*([f for f in part if f.target == target] for part in (scored, dev)), how))
            body.append((*(block[n] for n in labels), name, *cells))
            candidates.append(_candidate(block, line[0], columns, how, first=len(labels) + 1))
            by_name.setdefault(block, {})[name] = line
    means = (f"mean{' %' if in_percent else ''}", *(average.name for average in averages))
    header = (*(("task", "metric")[n] for n in labels), "system", *means, *short(targets))
    best, best_source = best_cells(candidates)
    caption = _caption(every, by_name, labels, mean) + told(averages, targets)
    n_labels = len(labels) + 1
    return Table(header, tuple(body), caption, n_labels=n_labels, best=best, best_source=best_source)


def _candidate(
    block: tuple[str, str], figure: Figure, columns: Sequence[Sequence[Figure]], how: tuple[int, int], *, first: int
) -> Candidate:
    """A line as `best_cells` takes it; figure: any of its figures, columns: those of each column from `first` on."""
    factor, digits = how
    shown = {
        place: round(factor * statistics.fmean(by_seed(found)), digits)
        for place, found in enumerate(columns, start=first)
        if found
    }
    # The model often differs by seed; where it tells lines apart, those of one source are not taken for sources.
    system = (figure.variant, *(figure.told[field] for field in _TELLING if field not in ("source", "model")))
    return Candidate(block=block, source=figure.told["source"], system=system, shown=shown)


def _test_and_dev(line: Sequence[Figure]) -> tuple[list[Figure], list[Figure]]:
    """What the line shows, and what it shows in brackets: nothing where dev is all there is."""
    dev = [figure for figure in line if figure.told["split"] == "dev"]
    scored = [figure for figure in line if figure.told["split"] != "dev"]
    return (scored, dev) if scored else (dev, [])


def _is_trained_on(figure: Figure) -> bool:
    return figure.target in figure.told["source"].split("+")


def _in_mean(part: Sequence[Figure], mean: str, group: Collection[str] | None) -> list[Figure]:
    """The figures that a mean is over; group: of which targets, None for all."""
    kept = [figure for figure in part if group is None or figure.target in group]
    return [figure for figure in kept if mean == "all" or not _is_trained_on(figure)]


def _cell(scored: Sequence[Figure], dev: Sequence[Figure], how: tuple[int, int], *, spread: bool = False) -> str:
    factor, digits = how
    text = shown(by_seed(scored), spread=spread, factor=factor, digits=digits)
    return f"{text} ({shown(by_seed(dev), spread=False, factor=factor, digits=digits)})" if dev else text


def _caption(
    every: Sequence[Figure],
    by_name: Mapping[tuple[str, str], Mapping[str, Sequence[Figure]]],
    labels: Sequence[int],
    mean: str,
) -> str:
    named = ", ".join({0: every[0].task, 1: every[0].metric}[n] for n in (0, 1) if n not in labels)
    text = f"{named}: mean" if named else "Mean"
    text += " over the targets"
    if any(_is_trained_on(figure) for figure in every):
        several = len({figure.told["source"] for figure in every if figure.told["source"]}) > 1
        trained = "what it was trained on" if several else "the language trained on"
        text += f",{' each line' if several else ''} {'with' if mean == 'all' else 'without'} {trained}"
    text += "."
    every_line = {
        f"{block} {name}": line for block, lines_there in by_name.items() for name, line in lines_there.items()
    }
    if any(_test_and_dev(line)[1] for line in every_line.values()):
        text += " In brackets: dev."
    scored = [figure for line in every_line.values() for figure in _test_and_dev(line)[0]]
    if any(figure.told["split"] == "dev" for figure in scored):
        text += " Scored on dev where there is no test figure."
    text += items(scored) + chance(scored) + uncertainty(scored) + seeds(every_line)
    if fixed := fixed_settings(every, _TELLING):
        text += f" {fixed[0].upper()}{fixed[1:]}."
    return text + _gaps(by_name, labels)


def _gaps(by_name: Mapping[tuple[str, str], Mapping[str, Sequence[Figure]]], labels: Sequence[int]) -> str:
    """Sentences on lines whose mean is over fewer targets than others, or over other targets for another seed."""
    text = ""
    for block, lines_there in by_name.items():
        targets = {figure.target for line in lines_there.values() for figure in line}
        for name, line in lines_there.items():
            scored = _test_and_dev(line)[0]
            own = {figure.target for figure in scored}
            title = " ".join((*(block[n] for n in labels), name))
            if own != targets:
                text += f" {title} has {len(own)} of {len(targets)} targets."
            n_seeds = len({figure.seed for figure in scored})
            if len({(figure.target, figure.seed) for figure in scored}) < len(own) * n_seeds:
                text += f" {title} has not every target for each of its {n_seeds} seeds."
    return text
