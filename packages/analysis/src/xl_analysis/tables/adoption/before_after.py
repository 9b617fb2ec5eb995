"""The rows of a run that takes a language into an encoder, as questions asked before training and after it."""

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from xl_analysis.errors import AnalysisError
from xl_analysis.statistics.comparison import ComparedCell, compare, is_share, wilson
from xl_analysis.tables.figures import Figure, Row, figures
from xl_analysis.tables.groups import NO_MODEL, STARTS

ADOPT = "adopt"
"""The task of rows that such a run writes of itself: `new_texts` of each new language, means over the old ones, and
what was mined."""
NEW_TEXTS = "new_texts"
"""The metric that tells a new language: how many texts of it were trained on."""
MEAN = "mean"
"""In the place of a language, all old ones."""
EXTENDED = "extended"
"""The variant of the start with its new pieces."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One question before and after training."""

    cell: ComparedCell
    before: str
    """The value with its interval, or with its deviation over seeds, in per cent."""
    after: str
    extended: str = ""
    """Of the start with its new pieces; "" where that was not asked."""


@dataclass(frozen=True, kw_only=True)
class Adoption:
    """One trained variant of a run beside its start.

    new, old: codes of languages; the pivot, which the others are paired with, is in neither. retrieval: of pairs of
    languages, and of MEAN for all old ones. tasks: scores of what a model was fitted to.
    """

    system: str
    start: str
    pivot: str
    new: tuple[str, ...]
    old: tuple[str, ...]
    retrieval: tuple[Asked, ...]
    tasks: tuple[Asked, ...]


def adoptions(rows: Iterable[Row]) -> list[Adoption]:
    """Every trained variant beside the start of its run; AnalysisError where there is no score before and after."""
    every = [row for row in rows if _stem(row) != NO_MODEL]
    scores = [row for row in every if not row.get("baseline") and _is_score(row)]
    starts = list(dict.fromkeys(str(row.get("variant")) for row in scores if _stem(row) in STARTS))
    trained = list(dict.fromkeys(str(row.get("variant")) for row in scores))
    trained = [name for name in trained if name.partition(" (")[0] not in (*STARTS, EXTENDED, "")]
    if not starts or not trained:
        message = (
            "no score of one encoder before training (variant pretrained) and after it, which a page of an adopted "
            "language compares."
        )
        raise AnalysisError(message)
    found = []
    for system in trained:
        label = system.partition(" (")[2]
        start = next((name for name in starts if name.partition(" (")[2] == label), starts[0])
        found.append(_adoption(every, scores, start, system))
    return found


def new_languages(rows: Iterable[Row]) -> tuple[str, ...]:
    """The languages that rows call new; where none says so, those whose texts a changed vocabulary cuts otherwise."""
    every = list(rows)
    said = [str(row["target"]) for row in every if (row.get("task"), row.get("metric")) == (ADOPT, NEW_TEXTS)]
    cut = [
        str(row["target"])
        for row in every
        if (row.get("task"), row.get("metric")) == ("vocabulary", "cut_as_before") and float(str(row["value"])) < 0.5
    ]
    return tuple(dict.fromkeys(said or cut))


def _adoption(every: Sequence[Row], scores: Sequence[Row], start: str, system: str) -> Adoption:
    sides = {name: _of(scores, name) for name in (start, system, EXTENDED)}
    seeds = {(row.get("task"), row.get("seed", 0)) for row in sides[system]}
    one_seed = len(seeds) == len({task for task, _ in seeds})
    drawn = [row for row in every if row.get("baseline") == f"variant={_plain(start)}" and row.get("variant") == system]
    found = compare(sides[start], sides[system], paired=drawn if one_seed else ())
    shown = {name: _by_question(side) for name, side in sides.items()}
    asked = [
        Asked(
            cell=cell,
            before=_shown(_of_cell(shown[start], cell)),
            after=_shown(_of_cell(shown[system], cell)),
            extended=_shown(_of_cell(shown[EXTENDED], cell)),
        )
        for cell in found.cells
    ]
    retrieval = [each for each in asked if each.cell.task in ("retrieval", ADOPT)]
    pairs = [
        (each.cell.source, each.cell.target) for each in retrieval if MEAN not in (each.cell.source, each.cell.target)
    ]
    pivot = _pivot(pairs)
    new = tuple(code for code in new_languages(every) if code != pivot)
    codes = dict.fromkeys(code for pair in pairs for code in pair)
    return Adoption(
        system=system,
        start=start,
        pivot=pivot,
        new=new,
        old=tuple(sorted(code for code in codes if code not in (*new, pivot))),
        retrieval=tuple(retrieval),
        tasks=tuple(each for each in asked if each not in retrieval),
    )


def _of(scores: Sequence[Row], variant: str) -> list[Row]:
    return [{**row, "variant": ""} for row in scores if row.get("variant") == variant]


def _is_score(row: Row) -> bool:
    """Whether a row is of retrieval, of a fitted task, or of a mean over old languages."""
    if row.get("task") == ADOPT:
        return MEAN in (row.get("source"), row.get("target"))
    return bool(row.get("task") == "retrieval" or row.get("protocol")) and row.get("split") != "dev"


def _stem(row: Row) -> str:
    return _plain(str(row.get("variant") or ""))


def _plain(variant: str) -> str:
    """A variant without the run that `tell_runs_apart` put behind it."""
    return variant.partition(" (")[0]


def _pivot(pairs: Sequence[tuple[str, str]]) -> str:
    """The language in most pairs, English of several; "" for no pair."""
    counts: dict[str, int] = {}
    for code in (code for pair in pairs for code in pair):
        counts[code] = counts.get(code, 0) + 1
    return max(sorted(counts), key=lambda code: (counts[code], code == "eng_Latn"), default="")


_Question = tuple[str, str, str, str]


def _by_question(side: Sequence[Row]) -> dict[_Question, list[Figure]]:
    found: dict[_Question, list[Figure]] = {}
    for figure in figures(side):
        found.setdefault((figure.task, figure.metric, figure.source, figure.target), []).append(figure)
    return found


def _of_cell(found: Mapping[_Question, list[Figure]], cell: ComparedCell) -> list[Figure]:
    several = found.get((cell.task, cell.metric, cell.source, cell.target), [])
    return [each for each in several if all(each.told.get(name, text) == text for name, text in cell.told.items())]


def _shown(several: Sequence[Figure]) -> str:
    """A value in per cent with its interval; of several seeds the mean with its deviation."""
    if not several:
        return ""
    mean = f"{100 * statistics.fmean(figure.value for figure in several):.1f}"
    if len(several) > 1:
        return f"{mean} ±{100 * statistics.stdev(figure.value for figure in several):.1f}"
    (figure,) = several
    low, high = figure.low, figure.high
    if (low is None or high is None) and is_share(figure):
        low, high = wilson(figure.value, figure.n)
    return mean if low is None or high is None else f"{mean} ({100 * low:.1f} to {100 * high:.1f})"
