"""Tables of retrieval between languages, and of means of any metric, one line a variant."""

import statistics
from collections.abc import Iterable, Mapping, Sequence

from xl_analysis.errors import AnalysisError
from xl_analysis.tables.best import Candidate, best_cells
from xl_analysis.tables.figures import Figure, Row, by_seed, figures, lines, short, shown
from xl_analysis.tables.layouts.layout import Average, told
from xl_analysis.tables.table import Table


def retrieval_table(
    rows: Iterable[Row], *, metrics: Sequence[str] = ("top10", "top1"), averages: Sequence[Average] = ()
) -> Table:
    """Retrieval accuracy in per cent, one line a variant in the order of first appearance.

    Columns: for the first metric the mean over all ordered pairs of languages, the mean over pairs that cross scripts
    (the part of a language code after "_"), and for each language the mean over pairs with it on either side; for the
    other metrics the first two. With several seeds the mean over seeds, and in the first two columns the sample
    standard deviation too. Rows of one variant that differ in a setting (data, layer, pooling, unit, noise ...) get
    lines of their own, and so do rows of two models with one seed. Differences from a baseline are passed over. The
    best line of a column is marked. `averages` follow the first two columns: each over the pairs between its languages,
    or of one of them with the language that all pairs have (English in Tatoeba).

    AnalysisError where no row has one of `metrics`, for a row without a field that is needed, and for two rows that
    answer the same question differently.
    """
    if not metrics:
        message = 'no metric asked for; name at least one, such as "top10".'
        raise AnalysisError(message)
    every = figures(rows)
    kept = [f for f in every if f.metric in metrics and f.source != f.target and not f.baseline]
    if not kept:
        names = ", ".join(sorted({figure.metric for figure in every})) or "none"
        message = f"no row with metric {' or '.join(metrics)} between two languages; the rows have: {names}."
        raise AnalysisError(message)
    by_name = lines(kept, _cell)
    languages = sorted({language for figure in kept for language in (figure.source, figure.target)})
    first, *others = metrics
    header = ["variant", f"{_title(first)} all", f"{_title(first)} cross"]
    header += [*(f"{_title(first)} {average.name}" for average in averages), *short(languages)]
    pivots = {language for language in languages if all(language in (f.source, f.target) for f in kept)}
    groups = [pivots.union(average.of(languages)) for average in averages]
    header += [f"{_title(metric)} {which}" for metric in others for which in ("all", "cross")]
    body, candidates = [], []
    for name, line in by_name.items():
        columns = [*_overall(line, first)]
        columns += [[f for f in line if f.metric == first and {f.source, f.target} <= group] for group in groups]
        columns += [
            [f for f in line if f.metric == first and language in (f.source, f.target)] for language in languages
        ]
        columns += [part for metric in others for part in _overall(line, metric)]
        spread = [True] * (2 + len(groups)) + [False] * len(languages) + [True] * 2 * len(others)
        means = [by_seed(column) for column in columns]
        body.append((name, *(shown(part, spread=wide) for part, wide in zip(means, spread, strict=True))))
        rounded = {place: round(100 * statistics.fmean(part), 1) for place, part in enumerate(means, start=1) if part}
        candidates.append(Candidate(block="", source="", system=name, shown=rounded))
    return Table(
        tuple(header), tuple(body), _caption(by_name, first) + told(averages, languages), best=best_cells(candidates)[0]
    )


def metric_table(rows: Iterable[Row]) -> Table:
    """Mean of each metric of each task by variant, for rows of any kind: (task, metric, variant, mean, rows).

    Each data set has its own mean; where a task has several, a column names them.

    Values are shown as they are, 0 to 1 for most metrics; with several seeds with the standard deviation over them.
    Differences from a baseline are metrics of their own, "f1 against robust=none".
    """
    groups: dict[tuple[str, str, str], list[Figure]] = {}
    for figure in figures(rows):
        metric = f"{figure.metric} against {figure.baseline}" if figure.baseline else figure.metric
        groups.setdefault((figure.task, figure.told["data"], metric), []).append(figure)
    if not groups:
        message = "no row; a table needs at least one."
        raise AnalysisError(message)
    several = len({(task, data) for task, data, _ in groups}) > len({task for task, *_ in groups})
    body = []
    for (task, data, metric), group in groups.items():
        for name, line in lines(group, _cell).items():
            labels = (task, *((data,) if several else ()), metric, name)
            body.append((*labels, shown(by_seed(line), factor=1, digits=4), str(len(line))))
    header = ("task", *(("data",) if several else ()), "metric", "variant", "mean", "rows")
    return Table(header, tuple(body), "Mean over languages and seeds.", n_labels=len(header) - 2)


def _cell(figure: Figure) -> tuple[object, ...]:
    return figure.metric, figure.source, figure.target


def _overall(line: Sequence[Figure], metric: str) -> tuple[list[Figure], list[Figure]]:
    of_metric = [figure for figure in line if figure.metric == metric]
    return of_metric, [figure for figure in of_metric if _crosses(figure)]


def _crosses(figure: Figure) -> bool:
    """Whether source and target are written in different scripts."""
    return _script(figure.source) != _script(figure.target)


def _script(language: str) -> str:
    _, underscore, script = language.partition("_")
    if not underscore or not script:
        message = f"language {language!r} names no script; write it as eng_Latn."
        raise AnalysisError(message)
    return script


def _title(metric: str) -> str:
    """How a header shows a metric: "top10" as "top-10 %"."""
    return f"top-{metric[3:]} %" if metric.startswith("top") and metric[3:].isdigit() else f"{metric} %"


def _caption(by_name: Mapping[str, Sequence[Figure]], first: str) -> str:
    pairs = {name: {(f.source, f.target) for f in line if f.metric == first} for name, line in by_name.items()}
    every = set().union(*pairs.values())
    n_cross = sum(_script(source) != _script(target) for source, target in every)
    n_seeds = max(len({figure.seed for figure in line}) for line in by_name.values())
    text = (
        f"Mean over {len(every)} ordered pairs of languages (all), over the {n_cross} that cross scripts (cross), and "
        f"over the pairs with a language on either side ({_title(first)})."
    )
    counts = {figure.n for line in by_name.values() for figure in line if figure.metric == first and figure.n}
    if counts and first.startswith("top") and first[3:].isdigit():
        few, many = min(counts), max(counts)
        items = f"{many}" if few == many else f"{few} to {many}"
        chances = dict.fromkeys(f"{100 * int(first[3:]) / count:.1f}" for count in (many, few))
        text += f" {items} items; chance is about {' to '.join(chances)} % in {_title(first)}."
    if n_seeds > 1:
        text += f" Mean of up to {n_seeds} seeds, ± standard deviation."
    for name, own in pairs.items():
        if own != every:
            text += f" {name} has {len(own)} of these pairs."
    return text
