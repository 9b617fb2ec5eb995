"""Tables of result rows: one line a variant, figures averaged over language pairs and seeds.

A row is a mapping with the fields of `results.jsonl`; task, metric, value, source and target are needed, the others
help to tell rows apart.
"""

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from xl_analysis.errors import AnalysisError
from xl_analysis.table import Table

Row = Mapping[str, object]

_REQUIRED = ("task", "metric", "value", "source", "target")
# Fields that tell two rows of one variant apart; the name of a line carries them where they differ. The model comes
# last and only when nothing else tells: it often differs by seed.
_TELLING = ("data", "layer", "pooling", "unit", "task", "model")


def retrieval_table(rows: Iterable[Row], *, metrics: Sequence[str] = ("top10", "top1")) -> Table:
    """Retrieval accuracy in per cent, one line a variant in the order of first appearance.

    Columns: for the first metric the mean over all ordered pairs of languages, the mean over pairs that cross scripts
    (the part of a language code after "_"), and for each language the mean over pairs with it on either side; for the
    other metrics the first two. With several seeds the mean over seeds, and in the first two columns the sample
    standard deviation too. Rows of one variant that differ in data, layer, pooling or unit get lines of their own, and
    so do rows of two models that answer the same question.

    AnalysisError where no row has one of `metrics`, for a row without a field that is needed, and for two rows that
    answer the same question differently.
    """
    if not metrics:
        message = 'no metric asked for; name at least one, such as "top10".'
        raise AnalysisError(message)
    every = _figures(rows)
    kept = [figure for figure in every if figure.metric in metrics and figure.source != figure.target]
    if not kept:
        found = ", ".join(sorted({figure.metric for figure in every})) or "none"
        message = f"no row with metric {' or '.join(metrics)} between two languages; the rows have: {found}."
        raise AnalysisError(message)
    lines = _lines(kept)
    languages = sorted({language for figure in kept for language in (figure.source, figure.target)})
    first, *others = metrics
    header = ["variant", f"{_title(first)} all", f"{_title(first)} cross", *_short(languages)]
    header += [f"{_title(metric)} {which}" for metric in others for which in ("all", "cross")]
    body = []
    for name, figures in lines.items():
        cells = [name, *_overall(figures, first)]
        cells += [
            _cell(
                _by_seed([f for f in figures if f.metric == first and language in (f.source, f.target)]), spread=False
            )
            for language in languages
        ]
        for metric in others:
            cells += _overall(figures, metric)
        body.append(tuple(cells))
    return Table(tuple(header), tuple(body), _caption(lines, first))


def metric_table(rows: Iterable[Row]) -> Table:
    """Mean of each metric of each task by variant, for rows of any kind: (task, metric, variant, mean, rows).

    Values are shown as they are, 0 to 1 for most metrics; with several seeds with the standard deviation over them.
    """
    groups: dict[tuple[str, str], list[_Figure]] = {}
    for figure in _figures(rows):
        groups.setdefault((figure.task, figure.metric), []).append(figure)
    if not groups:
        message = "no row; a table needs at least one."
        raise AnalysisError(message)
    body = []
    for (task, metric), figures in groups.items():
        for name, line in _lines(figures).items():
            means = _by_seed(line)
            body.append((task, metric, name, _cell(means, factor=1, digits=4), str(len(line))))
    return Table(
        ("task", "metric", "variant", "mean", "rows"), tuple(body), "Mean over languages and seeds.", n_labels=3
    )


def result_tables(rows: Iterable[Row], *, metrics: Sequence[str] = ("top10", "top1")) -> list[Table]:
    """All rows as tables: the retrieval table if there are such rows, then one of everything that it does not show."""
    every = list(rows)
    shown = [row for row, f in zip(every, _figures(every), strict=True) if f.metric in metrics and f.source != f.target]
    rest = [row for row in every if not any(row is other for other in shown)]
    tables = [retrieval_table(shown, metrics=metrics)] if shown else []
    return [*tables, metric_table(rest)] if rest or not tables else tables


@dataclass(frozen=True)
class _Figure:
    """The part of a row that tables use."""

    task: str
    metric: str
    value: float
    source: str
    target: str
    seed: object
    variant: str
    telling: tuple[str, ...]
    n: int = 0

    @property
    def cross(self) -> bool:
        """Whether source and target are written in different scripts."""
        return _script(self.source) != _script(self.target)


def _figures(rows: Iterable[Row]) -> list[_Figure]:
    return [_figure(number, row) for number, row in enumerate(rows, start=1)]


def _figure(number: int, row: Row) -> _Figure:
    for name in _REQUIRED:
        if name not in row:
            message = f"row {number} has no field {name!r}; a result row needs {', '.join(_REQUIRED)}."
            raise AnalysisError(message)
    value, count = row["value"], row.get("n")
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        message = f"row {number}: value is {value!r}; a finite number is needed."
        raise AnalysisError(message)
    return _Figure(
        task=str(row["task"]),
        metric=str(row["metric"]),
        value=float(value),
        source=str(row["source"]),
        target=str(row["target"]),
        seed=row.get("seed", 0),
        variant=str(row.get("variant") or row.get("model") or "-"),
        telling=tuple("" if row.get(name) is None else str(row[name]) for name in _TELLING),
        n=count if isinstance(count, int) else 0,
    )


def _lines(figures: Sequence[_Figure]) -> dict[str, list[_Figure]]:
    """Figures by the name of their line: the variant, with the fields that differ within a variant."""
    values: dict[tuple[str, int], set[str]] = {}
    for figure in figures:
        for field, value in enumerate(figure.telling):
            values.setdefault((figure.variant, field), set()).add(value)
    model = _TELLING.index("model")
    fields = sorted({field for (_, field), found in values.items() if len(found) > 1 and field != model})
    if _clashes(figures, fields):
        fields.append(model)
    for one, other in _clashes(figures, fields):
        message = (
            f"two rows say {one.metric} of {one.variant!r} from {one.source} to {one.target} with seed {one.seed}: "
            f"{one.value} and {other.value}; keep one, or tell them apart by variant or seed."
        )
        raise AnalysisError(message)
    lines: dict[str, dict[tuple[object, ...], _Figure]] = {}
    for figure in figures:
        parts = [figure.telling[field] for field in fields if figure.telling[field]]
        name = f"{figure.variant} ({', '.join(parts)})" if parts else figure.variant
        # The same row twice, from a file that was joined with itself, counts once.
        lines.setdefault(name, {})[figure.metric, figure.source, figure.target, figure.seed] = figure
    return {name: list(line.values()) for name, line in lines.items()}


def _clashes(figures: Sequence[_Figure], fields: Sequence[int]) -> list[tuple[_Figure, _Figure]]:
    """Pairs of figures with different values that the variant, the pair, the seed and `fields` do not tell apart."""
    seen: dict[tuple[object, ...], _Figure] = {}
    clashes = []
    for figure in figures:
        told = tuple(figure.telling[field] for field in fields)
        key = (figure.variant, told, figure.metric, figure.source, figure.target, figure.seed)
        if seen.setdefault(key, figure).value != figure.value:
            clashes.append((seen[key], figure))
    return clashes


def _overall(figures: Sequence[_Figure], metric: str) -> tuple[str, str]:
    of_metric = [figure for figure in figures if figure.metric == metric]
    return _cell(_by_seed(of_metric)), _cell(_by_seed([figure for figure in of_metric if figure.cross]))


def _by_seed(figures: Sequence[_Figure]) -> list[float]:
    """Mean over pairs for each seed."""
    values: dict[object, list[float]] = {}
    for figure in figures:
        values.setdefault(figure.seed, []).append(figure.value)
    return [statistics.fmean(of_seed) for of_seed in values.values()]


def _cell(means: Sequence[float], *, spread: bool = True, factor: int = 100, digits: int = 1) -> str:
    if not means:
        return "-"
    mean = f"{factor * statistics.fmean(means):.{digits}f}"
    return f"{mean} ±{factor * statistics.stdev(means):.{digits}f}" if spread and len(means) > 1 else mean


def _script(language: str) -> str:
    _, underscore, script = language.partition("_")
    if not underscore or not script:
        message = f"language {language!r} names no script; write it as eng_Latn."
        raise AnalysisError(message)
    return script


def _title(metric: str) -> str:
    """How a header shows a metric: "top10" as "top-10 %"."""
    return f"top-{metric[3:]} %" if metric.startswith("top") and metric[3:].isdigit() else f"{metric} %"


def _short(languages: Sequence[str]) -> list[str]:
    """Codes without their script where that is enough to tell them apart."""
    stems = [language.partition("_")[0] for language in languages]
    return [stem if stems.count(stem) == 1 else code for stem, code in zip(stems, languages, strict=True)]


def _caption(lines: Mapping[str, Sequence[_Figure]], first: str) -> str:
    pairs = {name: {(f.source, f.target) for f in figures if f.metric == first} for name, figures in lines.items()}
    every = set().union(*pairs.values())
    n_cross = sum(_script(source) != _script(target) for source, target in every)
    seeds = {len({figure.seed for figure in figures}) for figures in lines.values()}
    text = (
        f"Mean over {len(every)} ordered pairs of languages (all), over the {n_cross} that cross scripts (cross), and "
        f"over the pairs with a language on either side ({_title(first)})."
    )
    counts = {figure.n for figures in lines.values() for figure in figures if figure.metric == first and figure.n}
    if counts and first.startswith("top") and first[3:].isdigit():
        few, many = min(counts), max(counts)
        items = f"{many}" if few == many else f"{few} to {many}"
        chances = dict.fromkeys(f"{100 * int(first[3:]) / count:.1f}" for count in (many, few))
        text += f" {items} items; chance is about {' to '.join(chances)} % in {_title(first)}."
    if max(seeds) > 1:
        text += f" Mean of up to {max(seeds)} seeds, ± standard deviation."
    for name, own in pairs.items():
        if own != every:
            text += f" {name} has {len(own)} of these pairs."
    return text
