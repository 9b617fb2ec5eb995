"""Wide tables of lexicon induction and word similarity: a line a language pair and method, a column a metric."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from xl_analysis.errors import AnalysisError
from xl_analysis.tables.figures import TELLING, Figure, Row, by_seed, figures, fixed_settings, lines, seeds, shown
from xl_analysis.tables.table import Table

LEXICAL_TASKS = ("bli", "similarity")
# The method of retrieval, or what became of pairs without a vector, stands in the field pooling.
_TELLING = tuple(field for field in TELLING if field not in ("task", "data", "pooling"))
_ABOUT = ("data", "source", "target", "method")


def lexical_table(rows: Iterable[Row]) -> Table:
    """Rows of the tasks of LEXICAL_TASKS, one of them at a time: one line for a system, data set, pair and method.

    Precisions are in per cent, the reciprocal rank and correlations as they are; with several seeds the mean over them
    with the sample standard deviation. Where a system has several pairs of a data set, a line of their mean is under
    them. n and coverage are those of the figures over covered words. AnalysisError for no such row, rows of two tasks,
    and two rows that answer one question differently.
    """
    every = [f for f in figures(rows) if f.task in LEXICAL_TASKS and not f.baseline]
    tasks = list(dict.fromkeys(figure.task for figure in every))
    if len(tasks) != 1:
        message = f"the rows are of {' and '.join(tasks) or 'no lexical task'}; a table is of one of: bli, similarity."
        raise AnalysisError(message)
    metrics = list(dict.fromkeys(figure.metric for figure in every))
    # Vectors come from two files a pair, so that a model is of its pair.
    named = lines(every, lambda f: (f.metric, *_about(f)), _TELLING, model_of=lambda f: (f.source, f.target))
    differing = [len({_about(figure)[n] for figure in every}) > 1 for n in range(len(_ABOUT))]
    about = [n for n, name in enumerate(_ABOUT) if name in ("source", "target") or differing[n]]
    body = []
    for name, line in named.items():
        label = (name,) if len(named) > 1 else ()
        for key, cells in _with_means(line):
            body.append((*label, *(key[n] for n in about), *_cells(cells, metrics)))
    labels = [*(["system"] if len(named) > 1 else []), *(_ABOUT[n] for n in about)]
    header = (*labels, *map(_title, metrics), "coverage %", "n")
    return Table(header, tuple(body), _caption(every, named, about), n_labels=len(labels))


def _with_means(line: Sequence[Figure]) -> Iterator[tuple[tuple[str, str, str, str], list[Figure]]]:
    """What each line is about and its figures: the pairs of a data set and method, then their mean."""
    groups: dict[tuple[str, str], dict[tuple[str, str, str, str], list[Figure]]] = {}
    for figure in line:
        key = _about(figure)
        groups.setdefault((key[0], key[3]), {}).setdefault(key, []).append(figure)
    for (data, method), pairs in groups.items():
        yield from pairs.items()
        if len(pairs) > 1:
            yield (data, f"mean of {len(pairs)}", "", method), [f for figures in pairs.values() for f in figures]


def _caption(every: Sequence[Figure], named: Mapping[str, Sequence[Figure]], about: Sequence[int]) -> str:
    first = _about(every[0])
    parts = [f"{name} {first[n]}" for n, name in enumerate(_ABOUT) if n not in about and first[n]]
    parts += [fixed] if (fixed := fixed_settings(every, [f for f in _TELLING if f != "model"])) else []
    text = ", ".join([every[0].task, *([name for name in named if name != "-"] if len(named) == 1 else [])])
    text += f": {', '.join(parts)}." if parts else "."
    if any(figure.metric.startswith("strict ") for figure in every):
        text += " n source words are covered; strict counts the others as wrong."
    if skipped := max(figure.skipped for figure in every):
        text += f" Up to {skipped} lines of a file could not be read and are left out."
    return text + seeds(named)


def _about(figure: Figure) -> tuple[str, str, str, str]:
    return figure.told["data"], figure.source, figure.target, figure.told["pooling"]


def _is_share(metric: str) -> bool:
    return metric.removeprefix("strict ").startswith("p@")


def _title(metric: str) -> str:
    return f"{metric.replace('p@', 'P@').replace('mrr', 'MRR')}{' %' if _is_share(metric) else ''}"


def _cells(figures: Sequence[Figure], metrics: Sequence[str]) -> list[str]:
    cells = []
    for metric in metrics:
        factor, digits = (100, 1) if _is_share(metric) else (1, 3)
        cells.append(shown(by_seed([f for f in figures if f.metric == metric]), factor=factor, digits=digits))
    covered = [figure for figure in figures if not figure.metric.startswith("strict ")] or list(figures)
    n_pairs = len({_about(figure) for figure in covered})
    coverages = [figure.coverage for figure in covered]
    cells.append(f"{100 * sum(coverages) / len(coverages):.1f}")
    counts = {figure.n for figure in covered}
    cells.append(str(counts.pop()) if n_pairs == 1 and len(counts) == 1 else "-")
    return cells
