"""Two runs compared cell by cell from their result rows: differences with intervals, corrected p and verdicts.

A cell is a question that both runs answered: task, metric, source, target, data, split, protocol, robust, noise. Its
difference is tested by the best that its rows allow: item by item where a paired bootstrap is given, else from the
intervals of the two values (each as wide as if the other run had seen other items, so too wide, never too narrow),
and from the spread over seeds.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np

from xl_analysis.errors import AnalysisError
from xl_analysis.statistics.holm import LEVEL, holm_by_family
from xl_analysis.tables.figures import NO_LANGUAGES, Figure, Row, figures

_CELL = ("task", "metric", "source", "target", "data", "split", "protocol", "robust", "noise")
# What a row from elsewhere may leave open; where one run leaves it open throughout, it tells no cells apart.
_OPEN = ("data", "split", "protocol")
# What tells the systems of one run apart, looked at in this order where two of them answer one question.
_SYSTEM = ("variant", "layer", "pooling", "unit", "prompt", "tuning", "model")
_FEWEST_LANGUAGES = 4
# Signed ranks of so many differences are counted one by one, also where some are equal: 2^13 signs.
_FEW = 13
_NORMAL = 1.959963984540054

_Key: TypeAlias = tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class ComparedCell:
    """One question that both runs answered."""

    task: str
    metric: str
    source: str
    target: str
    told: Mapping[str, str]
    """Further fields of the question that are not empty, "split" for instance, and of the systems where runs have more
    than one: "variant", "layer" ..."""
    a: float
    """Value of the first run, the mean over its seeds."""
    b: float
    low: float | None = None
    """Lower end of the 95 per cent interval of `value`; None where nothing tells how certain it is."""
    high: float | None = None
    p: float | None = None
    """Two-sided probability of such a difference by chance."""
    p_holm: float | None = None
    """p after Holm's correction over all cells of the metric."""
    n: int = 0
    n_seeds: int = 1
    """Seeds that both runs have; 1 where they have none in common."""
    test: str = ""
    """"items" (paired bootstrap), "intervals", "seeds", "intervals, seeds" or, for none, ""."""

    @property
    def value(self) -> float:
        """How much higher the second run is."""
        return self.b - self.a

    @property
    def verdict(self) -> str:
        """The second run is "higher" or "lower", there is "no difference shown", or it was "not tested"."""
        return verdict(self.value, self.p_holm)


@dataclass(frozen=True, kw_only=True)
class OverLanguages:
    """One metric of one task over all languages that were scored: Wilcoxon's signed-rank test."""

    task: str
    metric: str
    told: Mapping[str, str]
    n_languages: int
    value: float
    """Mean over target languages of the second run's difference from the first."""
    n_higher: int
    n_lower: int
    p: float | None = None
    """Exact for 13 languages or fewer; None for fewer than four. Below six it cannot be under 0.05."""
    p_holm: float | None = None
    """p after Holm's correction over all lines of the metric."""

    @property
    def verdict(self) -> str:
        """As of a cell."""
        return verdict(self.value, self.p_holm)


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """What `compare` found."""

    cells: tuple[ComparedCell, ...]
    languages: tuple[OverLanguages, ...]
    n_only_a: int
    """Cells that the second run has not."""
    n_only_b: int

    @property
    def verdict(self) -> str:
        """One sentence a metric, on what is and what is not significant."""
        return " ".join(_sentence(self, metric) for metric in dict.fromkeys(cell.metric for cell in self.cells))


def compare(a: Iterable[Row], b: Iterable[Row], *, paired: Iterable[Row] = ()) -> Comparison:
    """Every cell that two runs have in common, `b` against `a`, with one family of tests for each metric.

    a, b: rows, mappings with the fields of `results.jsonl`; differences from a baseline among them are passed over.
        Where a run has several systems (variants, layers ...), each is compared with that of the other run that is
        called alike. Several seeds are averaged, and their spread is counted.
    paired: rows of differences that were drawn item by item (`paired_bootstrap`), their value that of `b` minus `a`;
        they take the place of what the two values alone would say. The fields of a cell tell which cell they are of.

    The interval of a difference comes from those of its two values (Newcombe 1998, "Interval estimation for the
    difference between independent proportions", method 10; Zou and Donner 2008 for other statistics), for a share of n
    items without one from Wilson's (1927); p is that of the side that faces 0, so it is under 0.05 where the interval
    excludes 0. Spread over seeds is added to the variance, with Student's t at Welch's degrees of freedom.

    AnalysisError for no common cell, and for two different values of one cell that no field tells apart.
    """
    ours, theirs = ([each for each in figures(rows) if not each.baseline] for rows in (a, b))
    fields = tuple(name for name in _CELL if name not in _OPEN or (_says(ours, name) and _says(theirs, name)))
    systems: list[str] = []
    for name, side in (("first", ours), ("second", theirs)):
        _tell_apart(name, side, fields, systems)
    fields = (*fields, *systems)
    first, second = _by_cell(ours, fields), _by_cell(theirs, fields)
    common = [key for key in first if key in second]
    if not common:
        raise AnalysisError(_nothing_in_common(ours, theirs, fields))
    drawn = _by_cell(figures(paired), fields)
    cells = [_cell(dict(zip(fields, key, strict=True)), first[key], second[key], drawn.get(key)) for key in common]
    adjusted = holm_by_family([cell.p for cell in cells], [cell.metric for cell in cells])
    cells = [replace(cell, p_holm=p) for cell, p in zip(cells, adjusted, strict=True)]
    return Comparison(
        cells=tuple(cells),
        languages=tuple(_over_languages(cells)),
        n_only_a=len(first) - len(common),
        n_only_b=len(second) - len(common),
    )


def signed_rank_p(differences: Sequence[float]) -> float:
    """Two-sided p of Wilcoxon's signed-rank test (1945) that differences lie around 0; 1 where all are 0.

    Differences of 0 are left out. Exact for 13 or fewer, however many are equal, and for 50 without equal ones; beyond
    that the normal approximation. scipy computes it.
    """
    from scipy.stats import PermutationMethod, wilcoxon

    # The same difference twice, but for rounding, has one rank.
    rounded = np.round(np.asarray(differences, dtype=np.float64), 12)
    kept = rounded[rounded != 0]
    if len(kept) < 2:
        return 1.0
    method = PermutationMethod(n_resamples=2**_FEW + 1) if len(kept) <= _FEW else "auto"
    return float(wilcoxon(kept, method=method).pvalue)


def verdict(value: float, p_holm: float | None) -> str:
    """What a corrected p says of a difference: "higher", "lower", "no difference shown" or "not tested"."""
    if p_holm is None:
        return "not tested"
    if p_holm >= LEVEL:
        return "no difference shown"
    return "higher" if value > 0 else "lower"


def wilson(share: float, n: int) -> tuple[float, float]:
    """95 per cent score interval of a share, 0 to 1, of n items (Wilson 1927)."""
    square = _NORMAL**2
    middle = (share + square / (2 * n)) / (1 + square / n)
    half = _NORMAL / (1 + square / n) * np.sqrt(share * (1 - share) / n + square / (4 * n * n))
    return float(middle - half), float(middle + half)


def is_share(figure: Figure) -> bool:
    """Whether a value is so many right of n: of retrieval, and of whole texts."""
    ranked = figure.metric[:3] == "top" and figure.metric[3:].isdigit()
    return (ranked or figure.metric in ("accuracy", "exact_match")) and figure.n > 0 and 0 <= figure.value <= 1


def _text(figure: Figure, field: str) -> str:
    return figure.told[field] if field in figure.told and field != "source" else str(getattr(figure, field))


def _says(side: Sequence[Figure], field: str) -> bool:
    return any(_text(figure, field) for figure in side)


def _by_cell(side: Sequence[Figure], fields: Sequence[str]) -> dict[_Key, dict[object, Figure]]:
    """Fields of a cell -> seed -> figure."""
    cells: dict[_Key, dict[object, Figure]] = {}
    for figure in side:
        cells.setdefault(tuple(_text(figure, name) for name in fields), {})[figure.seed] = figure
    return cells


def _tell_apart(name: str, side: Sequence[Figure], fields: Sequence[str], systems: list[str]) -> None:
    """Add to `systems` the fields that tell apart figures of one cell and seed; AnalysisError where none does."""
    while True:
        seen: dict[tuple[object, ...], Figure] = {}
        clash = None
        for figure in side:
            key = (*(_text(figure, field) for field in (*fields, *systems)), figure.seed)
            if seen.setdefault(key, figure).value != figure.value:
                clash = seen[key], figure
                break
        if clash is None:
            return
        one, other = clash
        telling = [field for field in _SYSTEM if field not in systems and _text(one, field) != _text(other, field)]
        if not telling:
            message = (
                f"the {name} run says {one.task} {one.metric} of {one.variant!r} from {one.source} to {one.target} "
                f"with seed {one.seed} twice: {one.value} and {other.value}; keep one, or tell them apart by variant "
                "or seed."
            )
            raise AnalysisError(message)
        systems.append(telling[0])


def _nothing_in_common(ours: Sequence[Figure], theirs: Sequence[Figure], fields: Sequence[str]) -> str:
    if not ours or not theirs:
        return f"the {'second' if ours else 'first'} run has no score; a comparison needs one of each."
    for field in fields:
        first, second = ({_text(figure, field) for figure in side} for side in (ours, theirs))
        if not first & second:
            one, other = (", ".join(sorted(side)[:6]) or "none" for side in (first, second))
            return (
                f"no cell in common: {field} is {one} in the first run and {other} in the second; compare alike runs."
            )
    return "no cell in common: no question was asked of both runs; compare runs of the same tasks and languages."


def _cell(
    about: Mapping[str, str],
    first: Mapping[object, Figure],
    second: Mapping[object, Figure],
    drawn: Mapping[object, Figure] | None,
) -> ComparedCell:
    common = [seed for seed in first if seed in second]
    paired = bool(common) and len(common) == max(len(first), len(second))
    one, other = (list(side.values()) for side in (first, second))
    cell = ComparedCell(
        task=about["task"],
        metric=about["metric"],
        source=about["source"],
        target=about["target"],
        told={name: value for name, value in about.items() if name not in _CELL[:4] and value},
        a=float(np.mean([figure.value for figure in one])),
        b=float(np.mean([figure.value for figure in other])),
        n=max(figure.n for figure in (*one, *other)),
        n_seeds=len(common) or 1,
    )
    if drawn:
        interval = next(iter(drawn.values()))
        return replace(cell, low=interval.low, high=interval.high, p=interval.p, test="items")
    around_a, around_b = _around(one), _around(other)
    items = None
    if around_a is not None and around_b is not None:
        (a_below, a_above), (b_below, b_above) = around_a, around_b
        items = b_below**2 + a_above**2, b_above**2 + a_below**2
    seeds = _seed_variance([(first[s].value, second[s].value) for s in common] if paired else None, one, other)
    return _tested(cell, items, seeds)


def _around(side: Sequence[Figure]) -> tuple[float, float] | None:
    """Standard errors (below, above) of a value over items, the mean over seeds; None where nothing tells."""
    spans = []
    for figure in side:
        low, high = figure.low, figure.high
        if (low is None or high is None or low == high) and is_share(figure):
            low, high = wilson(figure.value, figure.n)
        if low is None or high is None or low == high:
            return None
        spans.append(((figure.value - low) / _NORMAL, (high - figure.value) / _NORMAL))
    below, above = np.mean(spans, axis=0)
    return max(0.0, float(below)), max(0.0, float(above))


def _seed_variance(
    pairs: Sequence[tuple[float, float]] | None, one: Sequence[Figure], other: Sequence[Figure]
) -> tuple[float, float] | None:
    """(variance of the mean difference over seeds, degrees of freedom); None for one seed."""
    if pairs is not None:
        if len(pairs) < 2:
            return None
        return float(np.var([b - a for a, b in pairs], ddof=1)) / len(pairs), len(pairs) - 1
    if min(len(one), len(other)) < 2:
        return None
    parts = [float(np.var([f.value for f in side], ddof=1)) / len(side) for side in (one, other)]
    if not sum(parts):
        return 0.0, len(one) + len(other) - 2
    below = sum(part**2 / (len(side) - 1) for part, side in zip(parts, (one, other), strict=True))
    return sum(parts), sum(parts) ** 2 / below


def _tested(cell: ComparedCell, items: tuple[float, float] | None, seeds: tuple[float, float] | None) -> ComparedCell:
    """`cell` with interval and p; items: variances (below, above) of the difference."""
    from scipy.stats import t

    over_seeds, freedom = seeds or (0.0, np.inf)
    below, above = (over_seeds + part for part in items or (0.0, 0.0))
    if below <= 0 or above <= 0:
        return cell
    ends = []
    for sign, variance in ((-1, below), (1, above)):
        # Welch and Satterthwaite; the part of the items has no bound on its degrees of freedom.
        free = freedom * (variance / over_seeds) ** 2 if over_seeds else np.inf
        ends.append((cell.value + sign * float(t.ppf(0.975, free)) * np.sqrt(variance), free, variance))
    facing = ends[0] if cell.value > 0 else ends[1]
    p = float(min(1.0, 2 * t.sf(abs(cell.value) / np.sqrt(facing[2]), facing[1])))
    names = [name for name, part in (("intervals", items), ("seeds", seeds)) if part is not None]
    return replace(cell, low=float(ends[0][0]), high=float(ends[1][0]), p=p, test=", ".join(names))


def _over_languages(cells: Sequence[ComparedCell]) -> list[OverLanguages]:
    groups: dict[tuple[object, ...], dict[str, list[float]]] = {}
    for cell in cells:
        if cell.target not in NO_LANGUAGES and "+" not in cell.target:
            key = (cell.task, cell.metric, tuple(cell.told.items()))
            groups.setdefault(key, {}).setdefault(cell.target, []).append(cell.value)
    comparisons = []
    for (task, metric, told), by_language in groups.items():
        values = [float(np.mean(several)) for several in by_language.values()]
        comparisons.append(
            OverLanguages(
                task=str(task),
                metric=str(metric),
                told=dict(told),  # ty: ignore[no-matching-overload]
                n_languages=len(values),
                value=float(np.mean(values)),
                n_higher=sum(value > 0 for value in values),
                n_lower=sum(value < 0 for value in values),
                p=signed_rank_p(values) if len(values) >= _FEWEST_LANGUAGES else None,
            )
        )
    adjusted = holm_by_family([each.p for each in comparisons], [each.metric for each in comparisons])
    return [replace(each, p_holm=p) for each, p in zip(comparisons, adjusted, strict=True)]


def _sentence(comparison: Comparison, metric: str) -> str:
    cells = [cell for cell in comparison.cells if cell.metric == metric]
    verdicts = [cell.verdict for cell in cells]
    counts = [f"{verdicts.count(name)} {name}" for name in ("higher", "lower", "no difference shown", "not tested")]
    text = f"{metric}: of {len(cells)} cells {', '.join(part for part in counts if not part.startswith('0 '))}"
    lines = [line for line in comparison.languages if line.metric == metric and len(cells) > 1]
    varying = {name for line in lines for name in line.told if len({each.told.get(name) for each in lines}) > 1}
    for line in lines:
        name = " ".join((line.task, *(value for field, value in line.told.items() if field in varying)))
        if line.p_holm is None:
            text += f"; {name}: {line.n_languages} languages are too few for a test over languages"
        else:
            text += f"; {name}, over {line.n_languages} languages: {line.verdict} (p {line.p_holm:.2g})"
    return f"{text}."
