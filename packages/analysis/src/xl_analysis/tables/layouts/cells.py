"""The figures of one table of a layout, by place: system, score, source and language."""

import statistics
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

from xl_analysis.statistics.gap import rpd
from xl_analysis.tables.figures import TELLING, Figure, lines
from xl_analysis.tables.groups import STARTS
from xl_analysis.tables.layouts.layout import OWN, Average, Layout, Score, TableLayout


@dataclass(frozen=True, kw_only=True)
class Value:
    """What stands in a cell."""

    mean: float
    """Over seeds, and in an average over languages."""
    seeds: tuple[float, ...]
    """Of each seed, in an average over languages the same way."""
    basis: frozenset[object]
    """Languages (scores) that it is over; two values over others are not compared."""


class Cells:
    """The figures of one table; languages: the places of that axis, before its averages.

    baselines: names of models that others are compared with; of several starts it is the one among them.
    """

    def __init__(
        self, figures: Iterable[Figure], layout: Layout, table: TableLayout, baselines: Collection[str] = ()
    ) -> None:
        self.table = table
        self.scores = layout.scores_of(table)
        self._by_name = {score.name: score for score in layout.scores}
        placed = _placed(figures, layout, table)
        self.languages = table.languages or tuple(sorted({place[-1] for _, _, place in placed}))
        places = {id(copy): place for _, copy, place in placed}
        read = {id(copy): figure for figure, copy, _ in placed}
        of_table = [copy for _, copy, _ in placed]
        named = lines(
            of_table, lambda f: (*places[id(f)], f.told["split"]), _telling(of_table, places), model_of=lambda _: ()
        )
        self._values: dict[tuple[str, str, str, str], dict[object, float]] = {}
        self.shown: list[Figure] = []
        """The figures that are in the table."""
        self.systems: list[str] = []
        starts: dict[str, dict[str, str]] = {}
        self._papers = {name: line[0].told["paper"] for name, line in named.items()}
        for name, line in named.items():
            variant = line[0].variant.partition(" (")[0]
            model, paper = line[0].told["model"], line[0].told["paper"]
            is_start = line[0].variant in STARTS or line[0].variant == model
            if is_start or (model in baselines and variant == model):
                starts.setdefault(paper, {})[name] = model
            known = {"", variant} if is_start else {variant}
            if (not table.systems or known & set(table.systems)) and not known & set(table.other_systems):
                self.systems.append(name)
                self.shown += [read[id(copy)] for copy in line]
            tested = {places[id(figure)] for figure in line if figure.told["split"] != "dev"}
            for figure in line:
                place = places[id(figure)]
                if figure.told["split"] != "dev" or place not in tested:
                    self._values.setdefault((name, *place), {})[figure.seed] = figure.value
        self._starts = {}
        for paper, several in starts.items():
            named = [name for name, model in several.items() if model in baselines]
            if len(named or several) == 1:
                self._starts[paper] = next(iter(named or several))

    def start(self, system: str) -> str:
        """The model before training of a system: the only one of its paper, or of the rows that are of none; or ""."""
        start = self._starts.get(self._papers[system], "")
        return start if start != system else ""

    @property
    def sources(self) -> list[str]:
        """The places of the axis "source"."""
        titles = dict.fromkeys(title for score in self.scores for title in score.sources)
        return list(self.table.sources or titles)

    def expected(self, score: Score, source: str) -> list[str]:
        """Languages that a score has cells of; those of the table alone."""
        if source not in score.sources:
            return []
        if score.of:
            parts = [self._by_name[name] for name in score.of]
            return [code for code in self.languages if any(code in self.expected(part, source) for part in parts)]
        kept = [code for code in self.languages if not score.languages or code in score.languages]
        return self._others(kept, score, source)

    def _others(self, codes: Sequence[str], score: Score, source: str) -> list[str]:
        return [code for code in codes if self.table.with_source or code != score.sources[source]]

    def value(
        self, system: str, score: Score, source: str, item: "str | Average", *, gain: bool = False
    ) -> Value | None:
        """The cell of a language or average; gain: less the start's figures of the same cells."""
        if source not in score.sources:
            return None
        if score.of:
            parts = {name: self.value(system, self._by_name[name], source, item, gain=gain) for name in score.of}
            return _over({name: value for name, value in parts.items() if value is not None}, "mean")
        if isinstance(item, str):
            return self._one(system, score, source, item, gain=gain) if item in self.expected(score, source) else None
        codes = self._others(item.over, score, source) if item.over else self.expected(score, source)
        codes = [code for code in codes if code not in item.without]
        if item.shared:
            having = [s for s in self.systems if any(self._one(s, score, source, code) for code in codes)]
            codes = [code for code in codes if all(self._one(s, score, source, code) for s in having)]
        found = {code: self._one(system, score, source, code, gain=gain) for code in codes}
        return _over({code: value for code, value in found.items() if value is not None}, item.statistic)

    def _one(self, system: str, score: Score, source: str, language: str, *, gain: bool = False) -> Value | None:
        own = self._values.get((system, score.name, source, language))
        if own is None:
            return None
        mean, seeds = statistics.fmean(own.values()), tuple(own.values())
        if gain:
            other = self._values.get((self.start(system), score.name, source, language))
            if other is None:
                return None
            start = statistics.fmean(other.values())
            mean, seeds = mean - start, tuple(value - start for value in seeds)
        return Value(mean=mean, seeds=seeds, basis=frozenset({language}))


def _over(values: Mapping[str, Value], statistic: str) -> Value | None:
    """One value of several; seeds as far as all have as many."""
    if not values or (statistic != "mean" and len(values) < 2):
        return None
    each = {
        "mean": statistics.fmean,
        "std": statistics.stdev,
        "rpd": _mean_rpd,
        "difference": lambda numbers: numbers[0] - numbers[1],
    }[statistic]
    counts = {len(value.seeds) for value in values.values()}
    by_seed = zip(*(value.seeds for value in values.values()), strict=True) if len(counts) == 1 else ()
    basis = frozenset((name, value.basis) for name, value in values.items())
    return Value(mean=each([value.mean for value in values.values()]), seeds=tuple(map(each, by_seed)), basis=basis)


def _mean_rpd(numbers: Sequence[float]) -> float:
    """Over all unordered pairs, as a share: 0.04 is 4 per cent."""
    return statistics.fmean(float(rpd(a, b)) / 100 for a, b in combinations(numbers, 2))


def _placed(
    figures: Iterable[Figure], layout: Layout, table: TableLayout
) -> list[tuple[Figure, Figure, tuple[str, str, str]]]:
    """(figure, a copy of its own, (score, source, language)) for each place that a figure has in a table."""
    by_name = {score.name: score for score in layout.scores}
    parts = dict.fromkeys(name for score in layout.scores_of(table) for name in (score.of or (score.name,)))
    languages = {*table.languages, *(code for average in table.averages for code in average.over)}
    placed = []
    for figure in figures:
        if figure.told["paper"] == layout.paper != "" and figure.told["table"] not in (table.number, *table.cells_of):
            continue
        for name in parts:
            for source, language in _places(figure, by_name[name], table):
                if not table.languages or language in languages:
                    placed.append((figure, replace(figure), (name, source, language)))
    return placed


def _places(figure: Figure, score: Score, table: TableLayout) -> list[tuple[str, str]]:
    """(source, language) of a figure in a score; none where it is not of it."""
    data = figure.told["data"].partition("[")[0]
    if (figure.task, figure.metric) != (score.task, score.metric) or (score.data and data != score.data):
        return []
    source, target = figure.source, figure.target
    if score.side == "pair":
        pair, turned = f"{source}-{target}", f"{target}-{source}"
        name = turned if turned in table.languages else pair
        return [(title, name) for title in score.sources if source != target]
    fixed, language = (source, target) if score.side == "target" else (target, source)
    codes = {fixed, OWN} if source == target else {fixed}
    return [(title, language) for title, code in score.sources.items() if code in codes]


def _telling(figures: Sequence[Figure], places: Mapping[int, tuple[str, ...]]) -> list[str]:
    """Fields that tell systems apart: paper and model, and those in which two figures of one cell and seed differ."""
    values: dict[tuple[object, ...], dict[str, set[str]]] = {}
    for figure in figures:
        key = (figure.variant, figure.seed, figure.told["split"], *places[id(figure)])
        for name in TELLING:
            values.setdefault(key, {}).setdefault(name, set()).add(figure.told[name])
    varying = {name for fields in values.values() for name, several in fields.items() if len(several) > 1}
    return [name for name in TELLING if name in ("paper", "model") or (name in varying and name != "split")]
