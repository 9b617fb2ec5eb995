"""The before/after page of an adopted language as tables: the language, the old ones, the vocabulary, tasks, rounds."""

import statistics
from collections.abc import Iterable, Sequence

from xl_analysis.errors import AnalysisError
from xl_analysis.statistics.comparison import ComparedCell
from xl_analysis.tables.adoption.before_after import ADOPT, MEAN, Adoption, Asked, adoptions, new_languages
from xl_analysis.tables.analyses.vocabulary_table import vocabulary_table
from xl_analysis.tables.figures import Row, short
from xl_analysis.tables.gain_tables import probability
from xl_analysis.tables.table import Table

ADOPT_SECTIONS = ("The new language", "Old languages", "Tasks", "Coverage of the vocabulary", "Mined pairs")
"""Titles of the parts of such a page, in order."""
_METRICS = ("top1", "top10")
_MINED = "mined_"
_DECIDED = ("lower", "higher")
_TESTS = {
    "items": "by a paired bootstrap over the same items",
    "intervals": "from the intervals of the two figures, as if of different items, so never too narrow",
    "seeds": "from the spread over seeds",
}


def adopt_tables(rows: Iterable[Row]) -> dict[str, list[Table]]:
    """Title of ADOPT_SECTIONS -> tables, of runs of `xl align adopt` and of what else scores before and after.

    Retrieval of the new language in both directions with the language that all are paired with; every old language in
    both directions, with difference, 95 per cent interval and verdict (p after Holm's correction over the pairs), and
    their mean; tasks that models were fitted to; the vocabulary; rounds of mining. Parts without rows are not there.
    AnalysisError where no encoder was scored before and after training.
    """
    every = list(rows)
    found = adoptions(every)
    tables = {
        "The new language": [_new(each) for each in found if _of_new(each)],
        "Old languages": [_old(each) for each in found if each.old],
        "Tasks": [_tasks(each) for each in found if each.tasks],
        "Coverage of the vocabulary": (
            [vocabulary_table(every)] if any(row.get("task") == "vocabulary" for row in every) else []
        ),
        "Mined pairs": rounds_tables(every),
    }
    return {title: tables[title] for title in ADOPT_SECTIONS if tables[title]}


def own_tables(rows: Iterable[Row]) -> list[Table]:
    """What a run says of itself in rows of task ADOPT, for reports that compare nothing: means, amounts, rounds."""
    every = [row for row in rows if row.get("task") == ADOPT]
    means = [row for row in every if MEAN in (row.get("source"), row.get("target")) and not row.get("baseline")]
    body = tuple(
        (str(row.get("variant")), str(row["source"]), str(row["target"]), _title(str(row["metric"])), _percent(row))
        for row in means
    )
    header = ("variant", "source", "target", "figure", "%")
    caption = "Retrieval, the mean over the languages that were known before."
    tables = [Table(header, body, caption, n_labels=4)] if body else []
    texts = [row for row in every if row.get("metric") == "new_texts"]
    if texts:
        lines = {(str(row["target"]), f"{float(str(row['value'])):,.0f}") for row in texts}
        tables.append(Table(("new language", "texts"), tuple(sorted(lines)), "Texts of it that were trained on."))
    return [*tables, *rounds_tables(every)]


def rounds_tables(rows: Iterable[Row]) -> list[Table]:
    """One line a round of mining: the pairs found, the threshold, and how many are right to be expected; or nothing."""
    lines: dict[tuple[str, ...], dict[str, str]] = {}
    mined = [row for row in rows if row.get("task") == ADOPT and str(row.get("metric")).startswith(_MINED)]
    seeds = {row.get("seed", 0) for row in mined}
    for row in mined:
        metric = str(row["metric"])
        key = (*([str(row.get("seed", 0))] if len(seeds) > 1 else []), str(row.get("variant")))
        key = (*key, str(row["source"]), str(row["target"]))
        value = float(str(row["value"]))
        shown = f"{value:,.0f}" if metric == "mined_pairs" else f"{value:.3f}"
        lines.setdefault(key, {})[metric] = f"{100 * value:.1f}" if metric == "mined_precision" else shown
    if not lines:
        return []
    columns = {"mined_pairs": "pairs", "mined_threshold": "threshold", "mined_precision": "right, expected %"}
    body = tuple((*key, *(values.get(name, "-") for name in columns)) for key, values in lines.items())
    labels = (*(("seed",) if len(seeds) > 1 else ()), "round", "source", "target")
    caption = (
        "Sentence pairs that each round found in text that is not parallel, by margin scores one-to-one: how many were "
        "kept, the least score of them, and the share that is right to be expected by the two humps of the scores, "
        "which no person has judged yet."
    )
    return [Table((*labels, *columns.values()), body, caption, n_labels=len(labels))]


def _of_new(found: Adoption) -> list[Asked]:
    """Retrieval between a new language and the pivot, each figure with the new language's queries first."""
    pairs = [pair for code in found.new for pair in ((code, found.pivot), (found.pivot, code))]
    by_place = {(each.cell.metric, each.cell.source, each.cell.target): each for each in found.retrieval}
    places = [(metric, *pair) for metric in _METRICS for pair in pairs]
    return [by_place[place] for place in places if place in by_place]


def _new(found: Adoption) -> Table:
    asked = _of_new(found)
    extended = any(each.extended for each in asked)
    body = tuple(
        (
            each.cell.source,
            each.cell.target,
            _title(each.cell.metric),
            each.before,
            *([each.extended or "-"] if extended else []),
            each.after,
            *_change(each.cell),
        )
        for each in asked
    )
    header = ("query", "candidates", "figure", "before %", *(["new pieces %"] if extended else []), "after %", *_CHANGE)
    caption = (
        f"How often a text of the new language finds its translation and is found by it, before ({found.start}) and "
        f"after ({found.system}) training, of {max(each.cell.n for each in asked):,} items."
    )
    caption += " New pieces: the start with its new vocabulary, untrained." if extended else ""
    return Table(header, body, caption + _tests([each.cell for each in asked]), n_labels=3)


def _old(found: Adoption) -> Table:
    by_place = {(e.cell.source, e.cell.target): e for e in found.retrieval if e.cell.metric == "top1"}
    ways = [((MEAN, found.pivot), (found.pivot, MEAN))]
    ways += [((code, found.pivot), (found.pivot, code)) for code in found.old]
    names = dict(zip(found.old, short(found.old), strict=True))
    body, told = [], []
    for first, second in ways:
        sides = [by_place.get(way) for way in (first, second)]
        code = first[0]
        if code == MEAN and not any(sides):
            body.append((MEAN, *_plain_means(by_place, found, 0), *_plain_means(by_place, found, 1)))
            continue
        body.append((names.get(code, code), *(cell for side in sides for cell in _side(side))))
        told += [side.cell for side in sides if side is not None and code != MEAN]
    pivot = short([found.pivot])[0]
    sub = ("before", "after", "change", "95 % interval")
    header = ("language", *(f"{way} % {name}" for way in (f"to {pivot}", f"from {pivot}") for name in sub))
    counts = {verdict: sum(cell.verdict == verdict for cell in told) for verdict in _DECIDED}
    rest = len(told) - sum(counts.values())
    caption = (
        f"Top-1 of every language that was known before, before ({found.start}) and after ({found.system}) training; "
        f"change in points. Of {len(told)} figures {counts['lower']} are lower, {counts['higher']} higher, {rest} show "
        "no difference."
    )
    return Table(header, tuple(body), caption + _tests(told), n_labels=1, blocks=True)


def _plain_means(by_place: "dict[tuple[str, str], Asked]", found: Adoption, way: int) -> tuple[str, ...]:
    """A mean over old languages of rows that have none of their own; nothing tells how certain it is."""
    pairs = [(code, found.pivot) if way == 0 else (found.pivot, code) for code in found.old]
    cells = [by_place[pair].cell for pair in pairs if pair in by_place]
    if not cells:
        return ("-",) * 4
    before, after = (statistics.fmean(getattr(cell, side) for cell in cells) for side in ("a", "b"))
    return f"{100 * before:.1f}", f"{100 * after:.1f}", f"{100 * (after - before):+z.1f}", "-"


def _side(asked: Asked | None) -> tuple[str, ...]:
    if asked is None:
        return ("-",) * 4
    change, interval, _ = _change(asked.cell)
    return f"{100 * asked.cell.a:.1f}", f"{100 * asked.cell.b:.1f}", change, interval


def _tasks(found: Adoption) -> Table:
    body = tuple(
        (
            each.cell.task,
            each.cell.metric,
            each.cell.source,
            each.cell.target,
            each.before,
            each.after,
            *_change(each.cell),
        )
        for each in found.tasks
    )
    cells = [each.cell for each in found.tasks]
    fitted = sorted({cell.told.get("tuning", "") for cell in cells} - {""})
    caption = f"Tasks that models were fitted to, before ({found.start}) and after ({found.system}) training"
    caption += f", in per cent, change in points.{f' Fitted: {chr(44).join(fitted)}.' if fitted else ''}"
    header = ("task", "figure", "trained on", "scored", "before %", "after %", *_CHANGE)
    return Table(header, body, caption + _tests(cells), n_labels=4)


_CHANGE = ("change", "95 % interval", "p Holm")


def _change(cell: ComparedCell) -> tuple[str, str, str]:
    interval = "-"
    if cell.low is not None and cell.high is not None:
        mark = " *" if cell.verdict in _DECIDED else ""
        interval = f"{100 * cell.low:+z.1f} to {100 * cell.high:+z.1f}{mark}"
    return f"{100 * cell.value:+z.1f}", interval, probability(cell.p_holm)


def _tests(cells: Sequence[ComparedCell]) -> str:
    told = [text for name, text in _TESTS.items() if any(name in cell.test for cell in cells)]
    seeds = max((cell.n_seeds for cell in cells), default=1)
    text = (
        f" * marks a change that is decided: p below 0.05 after Holm's correction, {'; '.join(told)}." if told else ""
    )
    return text + (f" Means of {seeds} seeds." if seeds > 1 else "")


def _title(metric: str) -> str:
    return f"top-{metric[3:]}" if metric.startswith("top") else metric


def _percent(row: Row) -> str:
    return f"{100 * float(str(row['value'])):.1f}"


def is_adopted(rows: Iterable[Row]) -> bool:
    """Whether rows are of a run that says which language is new, and scored before and after training."""
    every = list(rows)
    if not any(row.get("task") == ADOPT for row in every) or not new_languages(every):
        return False
    try:
        adoptions(every)
    except AnalysisError:
        return False
    return True
