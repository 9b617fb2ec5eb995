"""Tables with one line a language pair: what one call measured, figure by figure; distances of spaces; coverage."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from xl_analysis.errors import AnalysisError
from xl_analysis.tables.figures import setting_text
from xl_analysis.tables.table import Table

_NEEDED = ("metric", "value", "source", "target")
# Fields that say how a figure was measured; those that are the same in all rows stand in the caption instead.
_SETTINGS = (
    "task", "paper", "data", "split", "protocol", "model", "variant", "tuning", "robust", "noise", "layer", "pooling",
    "prompt", "unit", "baseline", "seed",
)  # fmt: skip


def pair_table(rows: Iterable[Mapping[str, object]]) -> Table:
    """One line for each source and target (and layer, model ... where several were measured), one column a metric.

    rows: mappings with the fields of `results.jsonl`. Values between 0 and 1 of the metrics top1, top5 ... are shown in
    per cent, others as they are. AnalysisError for no row, or a row without metric, value, source or target.
    """
    rows = list(rows)
    if not rows:
        message = "no row; a table needs at least one."
        raise AnalysisError(message)
    for number, row in enumerate(rows, start=1):
        for name in _NEEDED:
            if name not in row:
                message = f"row {number} has no field {name!r}; a result row needs {', '.join(_NEEDED)}."
                raise AnalysisError(message)
    values = {name: {setting_text(name, row.get(name)) for row in rows} for name in _SETTINGS}
    varying = [name for name in _SETTINGS if len(values[name]) > 1]
    metrics = list(dict.fromkeys(str(row["metric"]) for row in rows))
    lines: dict[tuple[str, ...], dict[str, str]] = {}
    for row in rows:
        labels = tuple(setting_text(name, row.get(name)) for name in varying)
        line = lines.setdefault((*labels, str(row["source"]), str(row["target"])), {"n": str(row.get("n", ""))})
        line[str(row["metric"])] = _shown(str(row["metric"]), row["value"])
    header = (*varying, "source", "target", *(_title(metric) for metric in metrics), "n")
    body = tuple((*labels, *(line.get(metric, "-") for metric in metrics), line["n"]) for labels, line in lines.items())
    fixed = [f"{name} {next(iter(values[name]))}" for name in _SETTINGS if name not in varying and values[name] != {""}]
    sentences = [_about_ranks(rows), ", ".join(fixed)]
    return Table(header, body, " ".join(filter(None, sentences)), n_labels=len(varying) + 2)


def _about_ranks(rows: list[Mapping[str, object]]) -> str:
    """What a retrieval figure counts; empty for rows without one."""
    counts = {row["n"] for row in rows if _is_top(str(row["metric"])) and isinstance(row.get("n"), int)}
    if not counts:
        return ""
    covered = [float(row.get("coverage", 1.0)) for row in rows]  # ty: ignore[invalid-argument-type]
    part = f", at least {100 * min(covered):.0f} % of the source's items" if min(covered) < 1 else ""
    return (
        "top-k: share of the n queries, texts of the source, whose translation is among the k nearest of the target's "
        f"texts{part}."
    )


_DIVERGENCE = (
    "H-divergence: proxy A-distance 2 (1 - 2 e), 0 where a classifier cannot tell two languages apart on items held "
    "out, 2 where it is never wrong; low and high are its 95 % interval over items."
)
_VACUOUS = " A bound of 1 or more is vacuous: error rates never differ by more than 1."
_PAIRS = (
    "mmd2: unbiased MMD^2 of unit vectors, p by exchange of translations; cosine and margin of translations (above 1: "
    "nearer than the 4 nearest of both); hubness: skewness of how often a text of the target is among the 10 nearest "
    "of one of the source."
)
_LANGUAGES = (
    "random cosine: mean of two different texts, near 0 for a ball and near 1 for a cone; isotropy: IsoScore, share of "
    "the dimensions in use; outlier dims: dimensions of a magnitude 3 deviations off; outlier share: the largest "
    "dimension's share of the squared length."
)
_OUTPUTS = (
    "Sinkhorn divergence (0 for equal clouds) and cost of moving one cloud of outputs onto the other; p and blur in "
    "the names."
)


def divergence_table(rows: Iterable[Mapping[str, object]]) -> Table:
    """One line a pair: proxy A-distance, its interval, and the bound where there is one.

    rows: of task `divergence`, mappings with the fields of `results.jsonl`. AnalysisError as for `pair_table`.
    """
    shown: list[Mapping[str, object]] = []
    for row in rows:
        shown.append(row)
        name = f"{row.get('metric')}".removeprefix("pad_")
        ends = [(f"{name} {end}", row.get(end)) for end in ("low", "high")]
        shown += [{**row, "metric": title, "value": value} for title, value in ends if value is not None]
    table = pair_table(shown)
    vacuous = _VACUOUS if any(title.startswith("bound") for title in table.header) else ""
    return replace(table, caption=f"{_DIVERGENCE}{vacuous} {table.caption}".rstrip())


def distance_tables(rows: Iterable[Mapping[str, object]]) -> list[Table]:
    """Tables of the distances of pairs, of the shape of each language, and of outputs, those that there are.

    rows: of task `distance`, mappings with the fields of `results.jsonl`. AnalysisError as for `pair_table`.
    """
    parts: dict[str, list[Mapping[str, object]]] = {_PAIRS: [], _LANGUAGES: [], _OUTPUTS: []}
    for row in rows:
        of_outputs = str(row.get("metric")).startswith("sinkhorn")
        part = parts[_OUTPUTS if of_outputs else _LANGUAGES if row.get("source") == row.get("target") else _PAIRS]
        part.append(row)
        if row.get("p") is not None:
            part.append({**row, "metric": f"{row.get('metric')} p", "value": row["p"]})
    made = [(pair_table(part), about) for about, part in parts.items() if part or not any(parts.values())]
    return [replace(table, caption=f"{about} {table.caption}".rstrip()) for table, about in made]


# title, metric, what a value is multiplied with (0: a whole number)
_COVERAGE = (
    ("distinct", "distinct_pieces", 0),
    ("pieces/word", "pieces_per_word", 1),
    ("unknown %", "unknown_pieces", 100),
    ("words known %", "known_words", 100),
)
_FORMS = {"orig": "subword", "rom": "romanised"}
_TOKENIZER = ("data", "split", "model", "variant", "seed")


def is_covered(row: Mapping[str, object]) -> bool:
    """Whether `coverage_table` shows a row."""
    shown = row.get("metric") in {metric for _, metric, _ in _COVERAGE}
    return row.get("task") == "coverage" and shown and row.get("unit") in _FORMS.values() and not row.get("baseline")


def coverage_table(rows: Iterable[Mapping[str, object]]) -> Table:
    """One line a language: what a tokenizer makes of its text as written (`orig`) and romanised (`rom`).

    rows: mappings with the fields of `results.jsonl`, of task `coverage`, unit `subword` or `romanised`; the line `all`
    counts the vocabulary items that all languages use together, as table 6 of Xhelili, Liu and Schütze (2024) does.
    Rows of several models or data sets are lines of their own. AnalysisError where no row is of that task.
    """
    covered = [row for row in rows if is_covered(row)]
    if not covered:
        message = "no row of task 'coverage'; make some with xl analyze coverage."
        raise AnalysisError(message)
    varying = [name for name in _TOKENIZER if len({setting_text(name, row.get(name)) for row in covered}) > 1]
    columns = [
        (f"{title} {short}", metric, unit, factor)
        for title, metric, factor in _COVERAGE
        for short, unit in _FORMS.items()
    ]
    lines: dict[tuple[str, ...], dict[tuple[object, object], Mapping[str, object]]] = {}
    for row in covered:
        key = (*(setting_text(name, row.get(name)) for name in varying), str(row["source"]))
        lines.setdefault(key, {})[row["metric"], row.get("unit")] = row
    body = []
    for labels, values in lines.items():
        line = [values.get((metric, unit)) for _, metric, unit, _ in columns]
        cells = [_counted(row, factor) for row, (*_, factor) in zip(line, columns, strict=True)]
        n = next((str(row.get("n", "")) for row in line if row is not None), "")
        body.append((*labels, *cells, n))
    fixed = [f"{name} {covered[0][name]}" for name in ("data", "model") if covered[0].get(name) and name not in varying]
    caption = (
        "Distinct vocabulary items, pieces a word, unknown pieces and words without one; text as written (orig) and "
        f"romanised (rom); n texts. {', '.join(fixed)}"
    )
    header = (*varying, "language", *(title for title, *_ in columns), "n")
    return Table(header, tuple(body), caption, n_labels=len(varying) + 1)


def _counted(row: Mapping[str, object] | None, factor: int) -> str:
    """A cell of the coverage table; factor 0 is for whole numbers."""
    if row is None:
        return "-"
    number = float(row["value"])  # ty: ignore[invalid-argument-type]
    return f"{number:.0f}" if not factor else f"{factor * number:.{1 if factor > 1 else 2}f}"


def _is_share(metric: str) -> bool:
    return _is_top(metric) or metric in ("f1", "precision", "recall")


def _is_top(metric: str) -> bool:
    return metric.startswith("top") and metric[3:].isdigit()


def _title(metric: str) -> str:
    if _is_top(metric):
        return f"top-{metric[3:]} %"
    return f"{metric.replace('_', ' ')} %" if _is_share(metric) else metric.replace("_", " ")


def _shown(metric: str, value: object) -> str:
    number = float(value)  # ty: ignore[invalid-argument-type]
    return f"{100 * number:z.1f}" if _is_share(metric) else f"{number:z.3f}"
