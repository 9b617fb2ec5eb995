"""How unequal the scores of languages are: relative percentage differences (Miller 2011; Jung et al. 2024, eq. 1).

RPD(i, j) = |S_i - S_j| / ((S_i + S_j) / 2) * 100, symmetric, between 0 and 200. The mean is over all unordered pairs of
languages. The paper's standard deviations are those of a sample (ddof 1) on the scale of the scores, 0 to 1; one of
its four, .0259 of phonemes in NER, is that of a population.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from xl_analysis.errors import AnalysisError
from xl_analysis.tables.analyses.tag_tables import is_by_tag
from xl_analysis.tables.figures import NO_LANGUAGES, TELLING, Figure, Row, figures, lines


def rpd(a: ArrayLike, b: ArrayLike) -> NDArray[np.float64]:
    """Relative percentage difference of scores, element by element; 0 for two scores of 0.

    a, b: scores of 0 or more in any unit, of shapes that broadcast. AnalysisError for others.
    """
    a, b = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    for side in (a, b):
        wrong = side[~((side >= 0) & (side < np.inf))]
        if wrong.size:
            message = f"a score is {wrong.flat[0]:g}; relative differences need finite scores of 0 or more."
            raise AnalysisError(message)
    total = a + b
    return np.divide(200 * abs(a - b), total, out=np.zeros(total.shape), where=total > 0)


@dataclass(frozen=True, kw_only=True)
class Gaps:
    """The gaps between k languages; see `language_gaps`."""

    languages: tuple[str, ...]
    scores: NDArray[np.float64]
    """(k,)"""
    rpd: NDArray[np.float64]
    """(k, k), symmetric, per cent, 0 on the diagonal."""
    std: float
    """Standard deviation of the scores, in their unit."""

    @property
    def mean_rpd(self) -> float:
        """Mean over the k (k - 1) / 2 pairs of languages, per cent."""
        return float(self.rpd[np.triu_indices(len(self.languages), 1)].mean())

    def from_pivot(self, pivot: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(pivot's score minus each language's, RPD of each with the pivot), (k,) both, 0 for the pivot itself."""
        if pivot not in self.languages:
            message = f"{pivot} was not scored, so that nothing has a gap to it; there are {', '.join(self.languages)}."
            raise AnalysisError(message)
        place = self.languages.index(pivot)
        return self.scores[place] - self.scores, self.rpd[place]


def language_gaps(scores: Mapping[str, float], *, ddof: int = 1) -> Gaps:
    """The gaps between the scores of two or more languages.

    scores: language -> score, 0 or more. ddof: 1 for the standard deviation of a sample, 0 for that of a population.
    AnalysisError for fewer than two languages, and for scores that are negative or not finite.
    """
    if len(scores) < 2:
        message = f"a score of {', '.join(scores) or 'no language'} alone; a gap is between two languages or more."
        raise AnalysisError(message)
    values = np.array(list(scores.values()), dtype=np.float64)
    return Gaps(
        languages=tuple(scores),
        scores=values,
        rpd=rpd(values[:, None], values[None, :]),
        std=float(np.std(values, ddof=ddof)),
    )


@dataclass(frozen=True, kw_only=True)
class LanguageScores:
    """The scores of one system, with one seed, on one data set in one metric."""

    system: str
    """Its name as in tables: variant, or model, with the settings that differ."""
    scores: Mapping[str, float]
    row: Row
    """One of the rows that the scores are of."""
    source: str
    """Language trained on, or of the queries; empty where each language has its own."""


def language_scores(rows: Iterable[Row], metric: str = "") -> list[LanguageScores]:
    """The scores by language that rows hold, system by system and seed by seed, those of one language alone left out.

    rows: mappings with the fields of `results.jsonl`; differences from a baseline and means over targets are passed
    over. metric: which scores; "" where the rows of each data set have one, besides those of single tags. AnalysisError
    where they have several, for no score, and where two rows of a system say one thing differently.
    """
    every = [(f, row) for row, f in _with_figures(rows) if not f.baseline and f.target not in NO_LANGUAGES]
    kept = [(f, row) for f, row in every if (f.metric == metric if metric else not is_by_tag(f.metric))]
    if not kept:
        there = ", ".join(dict.fromkeys(figure.metric for figure, _ in every)) or "none"
        message = f"no score by language{f' in {metric}' if metric else ''}; the rows have: {there}."
        raise AnalysisError(message)
    parts: dict[tuple[str, str], list[tuple[Figure, Row]]] = {}
    for figure, row in kept:
        parts.setdefault((figure.task, figure.told["data"]), []).append((figure, row))
    systems = []
    for (task, data), part in parts.items():
        metrics = list(dict.fromkeys(figure.metric for figure, _ in part))
        if len(metrics) > 1:
            message = f"{data or task} has scores in {', '.join(metrics)}; choose one: --metric {metrics[0]}."
            raise AnalysisError(message)
        systems += _systems(part)
    if not systems:
        message = "no system was scored in two languages, so there is no gap."
        raise AnalysisError(message)
    return systems


def _with_figures(rows: Iterable[Row]) -> list[tuple[Row, Figure]]:
    every = list(rows)
    return list(zip(every, figures(every), strict=True))


def _systems(part: list[tuple[Figure, Row]]) -> list[LanguageScores]:
    part = _own_sources(part)
    row_of = {id(figure): row for figure, row in part}
    named = lines(
        [figure for figure, _ in part],
        lambda figure: (figure.target,),
        ("source", *(field for field in TELLING if field not in ("data", "task"))),
    )
    systems = []
    for system, line in named.items():
        for seed in dict.fromkeys(figure.seed for figure in line):
            of_seed = [figure for figure in line if figure.seed == seed]
            if len(of_seed) > 1:
                systems.append(
                    LanguageScores(
                        system=system,
                        scores={figure.target: figure.value for figure in of_seed},
                        row=row_of[id(of_seed[0])],
                        source=of_seed[0].told["source"],
                    )
                )
    return systems


def _own_sources(part: list[tuple[Figure, Row]]) -> list[tuple[Figure, Row]]:
    """Without a source where every score of a system is of its own source: one line of languages, not a line each."""
    settings = [
        (figure.variant, figure.seed, *(figure.told[field] for field in TELLING if field != "model"))
        for figure, _ in part
    ]
    abroad = {key for key, (figure, _) in zip(settings, part, strict=True) if figure.source != figure.target}
    return [
        (figure if key in abroad else replace(figure, told={**figure.told, "source": ""}), row)
        for key, (figure, row) in zip(settings, part, strict=True)
    ]
