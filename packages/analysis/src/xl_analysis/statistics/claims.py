"""Does a claim hold: a verdict from result rows, by a rule that is written before there are any.

A part of a claim names two groups of rows and the least difference between them that would matter. Two things are
tested of it over languages and seeds (`crossed_mean`): that the difference is not above 0, and that it is the least
that matters or more. Of a part's own p:

- "holds": the first is excluded, p below 0.05, and the difference is the least that matters, or more;
- "does not hold": the second is excluded;
- "not decided": neither, or nothing tells how sure the difference is.

A claim holds where all its parts do: an intersection-union test (Berger 1982, "Multiparameter hypothesis testing and
acceptance sampling"), whose p is that of the weakest part, so that many parts make it no easier to hold. It does not
hold where one part does not, which many parts make easier: these p are multiplied by their number. Of the two
statements at most one is wrong, so that claims judged together are a family of one test each, for Holm's correction.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from xl_analysis.errors import AnalysisError
from xl_analysis.statistics.correlation import FEWEST_POINTS, correlation
from xl_analysis.statistics.crossed import crossed_mean
from xl_analysis.statistics.holm import LEVEL, holm
from xl_analysis.tables.figures import NO_LANGUAGES, Row

HOLDS, REFUTED, OPEN = "holds", "does not hold", "not decided"
KINDS = ("difference", "value", "correlation")
# What one side of a pair of rows shares with the other, beside language and seed.
_SHARED = ("task", "metric", "data", "split", "noise", "robust", "unit", "layer", "variant", "protocol")
_LANGUAGES = ("source", "target")
_SEED = "seed"
_OVER = (*_LANGUAGES, "pair", "model", "data", _SEED)
_NEARLY_ONE = 1 - 1e-12
_Key: TypeAlias = tuple[object, ...]
_Cells: TypeAlias = dict[_Key, tuple[float, object]]


@dataclass(frozen=True, kw_only=True)
class Part:
    """One statement of a claim that rows decide."""

    says: str
    """The statement."""
    of: Mapping[str, object]
    """Which rows: field of a row -> value, or a list of values. `scripts` is "same" or "other": whether source and
    target are written alike; `written` is the script of the target, "Latn", or "!Latn" for any other. Rows of all
    languages together, and differences from a baseline, only where `target` or `baseline` names them."""
    against: Mapping[str, object] = field(default_factory=dict)
    """Fields in which the other group differs from `of`; of a correlation, those of the figures it is with."""
    less: Mapping[str, object] = field(default_factory=dict)
    """Fields in which a third group differs from `of`, whose figures are taken away from those of `of`, for a gain."""
    kind: str = "difference"
    """One of KINDS: "value" is that of `of` less `than`."""
    than: float = 0.0
    least: float
    """The least difference that matters, above 0, in the unit of the rows; of `relative` a share of the other figure,
    of a correlation the least coefficient."""
    lower: bool = False
    """Whether the statement says that `of` is lower."""
    relative: bool = False
    """Whether the figures' ratio counts, by its logarithm: its mean over languages is a geometric one."""
    over: str = "target"
    """What the mean is over, beside seeds: a field of the rows, or "pair", both languages. Of a correlation the points
    are its values, means over seeds, or with "seed" the seeds of each pair of languages, whose own mean ranks are taken
    away."""
    points: bool = True
    """Whether the rows are shares, which are shown in per cent; other figures stand as they are."""
    printed: Mapping[str, object] = field(default_factory=dict)
    """Which rows of `published.jsonl` are the paper's own, as `of`; empty for none."""
    printed_against: Mapping[str, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        wrong = (
            f"kind is {self.kind!r}; choose one of {', '.join(KINDS)}"
            if self.kind not in KINDS
            else f"over is {self.over!r}; choose {', '.join(_OVER)}"
            if self.over not in _OVER
            else "over is 'seed', which is for correlations"
            if self.over == _SEED and self.kind != "correlation"
            else f"least is {self.least:g}; give a number above 0"
            if not 0 < self.least < (1 if self.relative and self.lower else math.inf)
            else "against is missing"
            if not self.against and self.kind != "value"
            else ""
        )
        if wrong:
            message = f"{self.says}: {wrong}."
            raise AnalysisError(message)

    @property
    def in_print(self) -> "Part | None":
        """The same question to the paper's own figures."""
        if not self.printed:
            return None
        over = "data" if self.over == "model" else "pair" if self.over == _SEED else self.over
        # A coefficient is printed as such.
        kind = "value" if self.kind == "correlation" and not self.printed_against else self.kind
        return replace(self, of=self.printed, against=self.printed_against, over=over, kind=kind, printed={})


@dataclass(frozen=True, kw_only=True)
class Judged:
    """What the rows say of one part; signs are the claim's: above 0 is what it says."""

    part: Part
    value: float | None
    """None without rows."""
    low: float = -math.inf
    """Of the interval of 95 per cent of this part alone."""
    high: float = math.inf
    p_none: float = 1.0
    """p of the statement that there is no such difference; of many claims, after Holm's correction."""
    p_matters: float = 1.0
    """p of the statement that it is the least that matters, or more."""
    of: float | None = None
    """Mean of the first group, of `relative` the geometric one."""
    against: float | None = None
    n_languages: int = 0
    n_seeds: int = 0
    missing: str = ""
    """Why there is no value."""

    @property
    def verdict(self) -> str:
        """HOLDS, REFUTED or OPEN."""
        if self.value is None:
            return OPEN
        if self.p_matters < LEVEL:
            return REFUTED
        return HOLDS if self.p_none < LEVEL and self.value >= self.part.least else OPEN


def judge(part: Part, rows: Sequence[Row]) -> Judged:
    """What rows say of one part by itself; see the module, and `judge_together` for many.

    Rows of the two groups are matched by source, target, seed and all other fields but those in which groups differ; a
    group that has one seed, which the other has not, is compared with each of its seeds.
    AnalysisError where two rows are left for one place, as then the part does not say which figure it means.
    """
    apart = (*part.against, *part.less)
    of = _cells(part, selected(rows, part.of), apart)
    if part.less:
        less = _cells(part, selected(rows, {**part.of, **part.less}), apart)
        of = {key: (value - less[key][0], place) for key, (value, place) in of.items() if key in less}
    against = _cells(part, selected(rows, {**part.of, **part.against}), apart) if part.against else {}
    if not of or (part.against and not against):
        which = "first" if not of else "other"
        return Judged(part=part, value=None, missing=f"no rows of the {which} group")
    of, against = _spread(of, against), _spread(against, of)
    ours = {key: value for key, (value, _) in of.items()}
    theirs = {key: value for key, (value, _) in against.items()} or dict.fromkeys(ours, part.than)
    over = {key: place for key, (_, place) in of.items() if key in theirs}
    groups = [_table({key: side[key] for key in over}, over) for side in (ours, theirs)]
    if not groups[0].size:
        return Judged(part=part, value=None, missing="no language that both groups have with every seed")
    if part.relative and min(group.min() for group in groups) <= 0:
        message = f"{part.says}: a ratio is asked for, and there are figures of 0 or less."
        raise AnalysisError(message)
    sign = -1.0 if part.lower else 1.0
    n_languages, n_seeds = groups[0].shape
    means = [float(np.exp(np.log(group).mean()) if part.relative else group.mean()) for group in groups]
    judged = Judged(part=part, value=None, of=means[0], against=means[1], n_languages=n_languages, n_seeds=n_seeds)
    if part.kind == "correlation":
        return _correlated(judged, groups[1], groups[0], sign)
    one, other = (np.log(group) if part.relative else group for group in groups)
    found = crossed_mean(sign * (one - other))
    shown = _share if part.relative else float
    least = math.log(1 / (1 - part.least) if part.lower else 1 + part.least) if part.relative else part.least
    low, high = (sign * shown(sign * end) for end in found.interval())
    return replace(
        judged,
        value=sign * shown(sign * found.value),
        low=low,
        high=high,
        p_none=found.p_at_most(0),
        p_matters=found.p_at_least(least),
    )


def _share(logarithm: float) -> float:
    """By what share one figure is above the other whose ratio has this logarithm."""
    return math.expm1(logarithm) if logarithm < math.inf else math.inf


def judge_together(claims: Sequence[Sequence[Judged]], n_claims: int = 0) -> list[list[Judged]]:
    """The parts of several claims with p after the correction over `n_claims`, or as many as there are; see the module.

    The p of a part is that of its claim, were the part the one that decides it.
    n_claims: also counts claims that are not there, as not tested yet; what they will say changes no verdict but an
    open one.
    """
    alone = [[(part.p_none, min(1.0, len(parts) * part.p_matters)) for part in parts] for parts in claims]
    each = [min(max(none for none, _ in p), *(matters for _, matters in p)) if p else 1.0 for p in alone]
    each += [1.0] * (n_claims - len(each))

    def corrected(part: Judged, claim: int, none: float, matters: float) -> Judged:
        p = float(holm([min(none, matters), *each[:claim], *each[claim + 1 :]])[0])
        # Of the two the one that is not the smaller is no test of the family: it stays above any level.
        return replace(
            part, **({"p_none": p, "p_matters": 1.0} if none <= matters else {"p_none": 1.0, "p_matters": p})
        )

    return [
        [corrected(part, place, *p) for part, p in zip(parts, alone[place], strict=True)]
        for place, parts in enumerate(claims)
    ]


def claim_verdict(verdicts: Iterable[str]) -> str:
    """Of a claim: it holds where all its parts do, does not where one does not, else is not decided."""
    each = set(verdicts)
    return REFUTED if REFUTED in each else HOLDS if each == {HOLDS} else OPEN


def selected(rows: Iterable[Row], wanted: Mapping[str, object]) -> list[Row]:
    """The rows that are as `wanted` says (see `Part.of`)."""
    return [row for row in rows if _fits(row, wanted)]


def _fits(row: Row, wanted: Mapping[str, object]) -> bool:
    if row.get("baseline") and "baseline" not in wanted:
        return False
    if row["target"] in NO_LANGUAGES and "target" not in wanted:
        return False
    own, other = _script(row["target"]), _script(row["source"])
    for name, value in wanted.items():
        if name == "scripts":
            fits = (own == other) == (value == "same")
        elif name == "written":
            fits = (own == str(value).removeprefix("!")) != str(value).startswith("!")
        else:
            fits = row.get(name, "") in (value if isinstance(value, (list, tuple)) else (value,))
        if not fits:
            return False
    return True


def _script(language: object) -> str:
    return str(language).rpartition("_")[2]


def _cells(part: Part, rows: Sequence[Row], apart: Sequence[str]) -> _Cells:
    """(shared fields, source, target, seed) -> value and what the mean is over.

    A field in which the groups differ is no key.
    """
    # Of a correlation the two figures are of unlike tasks and metrics.
    shared = [] if part.kind == "correlation" else [name for name in _SHARED if name not in apart]
    shared += [part.over] if part.over in ("model", "data") and part.over not in shared else []
    cells: _Cells = {}
    first: dict[_Key, Row] = {}
    for row in rows:
        languages = ["" if name in apart else row[name] for name in _LANGUAGES]
        key = (*(row.get(name, "") for name in shared), *languages, row.get("seed", 0))
        if key in cells:
            names = [name for name in row if row[name] != first[key].get(name) and name not in ("value", "n")]
            message = f"{part.says}: two rows answer it, which differ in {', '.join(names) or 'nothing'}; say which."
            raise AnalysisError(message)
        cells[key], first[key] = (
            (float(str(row["value"])), tuple(languages) if part.over in ("pair", _SEED) else row[part.over]),
            row,
        )
    return cells


def _spread(cells: _Cells, other: _Cells) -> _Cells:
    """What was measured once, as nothing in it is random, for each seed of the other group."""
    own, theirs = ({key[-1] for key in side} for side in (cells, other))
    if len(own) != 1 or own <= theirs or not theirs:
        return cells
    return {(*key[:-1], seed): value for key, value in cells.items() for seed in theirs}


def _table(cells: Mapping[_Key, float], over: Mapping[_Key, object]) -> NDArray[np.float64]:
    """(languages, seeds), each the mean of its cells; languages that not every seed has are left out."""
    by_place: dict[object, dict[object, list[float]]] = {}
    for key, value in cells.items():
        by_place.setdefault(over[key], {}).setdefault(key[-1], []).append(value)
    seeds = sorted({seed for its in by_place.values() for seed in its}, key=str)
    full = [its for its in by_place.values() if len(its) == len(seeds)]
    return np.array([[np.mean(its[seed]) for seed in seeds] for its in full]).reshape(len(full), len(seeds))


def _correlated(judged: Judged, x: NDArray[np.float64], y: NDArray[np.float64], sign: float) -> Judged:
    """Spearman's coefficient over languages, of means over seeds, or over seeds within each pair of languages.

    x, y: (languages, seeds). It is tested after Fisher's transformation, whose standard error is that of Bonett and
    Wright (2000, "Sample size requirements for estimating Pearson, Kendall and Spearman correlations"); the mean of a
    pair costs a degree of freedom, as a column that is given does in a partial correlation.
    """
    from scipy.stats import norm

    if judged.part.over == _SEED:
        groups = np.repeat(np.arange(len(x)), x.shape[1]).tolist()
        points, n_free = (x.ravel(), y.ravel()), x.size - len(x) - 2
        varies = all(np.ptp(side, axis=1).any() for side in (x, y))
    else:
        groups, points = None, (x.mean(1), y.mean(1))
        n_free, varies = len(x) - 3, all(np.ptp(side) > 0 for side in points)
    if len(points[0]) < FEWEST_POINTS or n_free < 1 or not varies:
        return replace(judged, missing=f"no correlation of {len(points[0])} points, or of a constant")
    value = sign * correlation(*points, groups=groups, p="asymptotic", n_resamples=0).value
    error = math.sqrt((1 + value**2 / 2) / n_free)
    centre = math.atanh(max(-_NEARLY_ONE, min(_NEARLY_ONE, value)))
    half = float(norm.isf(LEVEL / 2)) * error

    def p(beyond: float) -> float:
        return 2 * float(norm.sf(beyond / error)) if beyond > 0 else 1.0

    return replace(
        judged,
        value=value,
        low=math.tanh(centre - half),
        high=math.tanh(centre + half),
        p_none=p(centre),
        p_matters=p(math.atanh(judged.part.least) - centre),
    )
