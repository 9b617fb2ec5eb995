"""Points out of result rows: figures of two metrics, or more, that are of the same languages, seed, variant ..."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import TypeAlias

from xl_analysis.errors import AnalysisError
from xl_analysis.tables.figures import Row, figures

# What two figures may have in common; each of them that varies in both columns has to be the same.
_JOINED = (
    "target", "seed", "variant", "model", "layer", "noise", "robust", "unit", "pooling", "protocol", "tuning", "data",
)  # fmt: skip
_NUMBERS = ("layer", "n", "coverage", "seed", "skipped", "low", "high", "p", "chance")


_Key: TypeAlias = tuple[tuple[str, str], ...]


@dataclass(frozen=True, kw_only=True)
class Column:
    """Which figures make a column: those of a metric whose rows say all of some conditions."""

    name: str
    """As given: "cka,layer=8"."""
    metric: str
    conditions: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Point:
    """One figure of each column."""

    values: tuple[float, ...]
    about: Mapping[str, str]
    """What the figures share: source, target, "pair" of both, seed, variant ..., as text; empty for none."""


def column(name: str) -> Column:
    """The column that a text names: METRIC, or METRIC,FIELD=VALUE,... with conditions on its rows.

    METRIC is a metric of rows, "TASK METRIC" where two tasks have one of that name, or a number that the rows of the
    other columns carry: layer, seed, n, coverage. AnalysisError for a condition without "=".
    """
    metric, *rest = (part.strip() for part in name.split(","))
    conditions = {}
    for condition in rest:
        field, equals, value = condition.partition("=")
        if not equals or not metric:
            message = f"column {name!r}: {condition!r} is no condition; write METRIC,FIELD=VALUE, such as cka,layer=8."
            raise AnalysisError(message)
        conditions[field] = value
    return Column(name=name, metric=metric, conditions=conditions)


def points(rows: Sequence[Row], columns: Sequence[Column]) -> list[Point]:
    """The points that have a figure in every column, in the order of the first column's rows.

    rows: mappings with the fields of `results.jsonl`; differences from a baseline and means over targets are passed
    over. Figures belong together where they agree in all fields that vary in both of two columns: target, seed,
    variant, layer ... Of figures between two languages that of one pair is meant, in any order where a column has
    each pair once (CKA has no direction); directed ones are then averaged. Where all rows of a column have one source
    (a model trained on English), pairs with it are meant in the others. A column with one seed is compared with the
    mean over the seeds of the other; one whose target is fixed, the score of English, is repeated for each language.

    AnalysisError for a metric that no row has, a column with several figures for one point, with the field that tells
    them apart, and where no point has all columns.
    """
    usable = [row for row, figure in zip(rows, figures(rows), strict=True) if not figure.baseline]
    usable = [row for row in usable if row["target"] not in ("all", "mean", "mean-all", "diagonal", "off-diagonal")]
    found = [None if _is_number_field(usable, each) else _rows_of(usable, each) for each in columns]
    measured = [part for part in found if part is not None]
    if not measured:
        message = f"{' and '.join(each.name for each in columns)} are fields of rows; one column has to be a metric."
        raise AnalysisError(message)
    parts = _directed(measured)
    asked = [each for each, part in zip(columns, found, strict=True) if part is not None]
    varying = [_varying(part) for part in parts]
    fields = _shared_fields(varying, asked)
    cells = [
        _cells(each.name, part, [field for field in fields if field in own])
        for each, part, own in zip(asked, parts, varying, strict=True)
    ]
    joined = _joined([part for part, _ in cells])
    if not joined:
        message = (
            f"no point has {' and '.join(each.name for each in asked)}: no rows of theirs agree in "
            f"{', '.join(fields) or 'anything'}; look at the rows with xl report --format csv."
        )
        raise AnalysisError(message)
    first = cells[0][1]
    keys = [tuple(sorted((field, said) for field, said in key.items() if field in varying[0])) for key, _ in joined]
    made = []
    for place, (key, figures_) in zip(keys, joined, strict=True):
        values = iter(figures_)
        try:
            line = tuple(
                next(values) if part is not None else float(str(first[place].get(each.metric)))
                for each, part in zip(columns, found, strict=True)
            )
        except ValueError:
            continue  # a row without that number
        made.append(Point(values=line, about=_about(first[place], key)))
    return made


def _joined(cells: Sequence[Mapping[_Key, float]]) -> list[tuple[dict[str, str], list[float]]]:
    """What agrees in all fields that two columns share: (field -> value, a figure of each column)."""
    joined: list[tuple[dict[str, str], list[float]]] = [({}, [])]
    for part in cells:
        joined = [
            ({**key, **dict(other)}, [*values, value])
            for key, values in joined
            for other, value in part.items()
            if all(key.get(field, said) == said for field, said in other)
        ]
    return joined


def _is_number_field(rows: Sequence[Row], asked: Column) -> bool:
    return asked.metric in _NUMBERS and all(row["metric"] != asked.metric for row in rows)


def _rows_of(rows: Sequence[Row], asked: Column) -> list[Row]:
    kept = [row for row in rows if asked.metric in (row["metric"], f"{row['task']} {row['metric']}")]
    if not kept:
        there = ", ".join(dict.fromkeys(str(row["metric"]) for row in rows)) or "none"
        message = f"column {asked.name!r}: no row has the metric {asked.metric!r}; they have {there}."
        raise AnalysisError(message)
    for field, value in asked.conditions.items():
        among = kept
        kept = [row for row in among if _text(row, field) == value]
        if field == "source" and _has_no_direction(among):
            kept += [_turned(row) for row in among if _text(row, "target") == value]
        if not kept:
            there = ", ".join(sorted({_text(row, field) or "nothing" for row in among})[:12])
            message = f"column {asked.name!r}: no row of it has {field}={value}; {field} is {there}."
            raise AnalysisError(message)
    return kept


def _text(row: Row, field: str) -> str:
    value = row.get(field)
    return "" if value is None else str(value)


def _is_pair(row: Row) -> bool:
    return row["source"] != row["target"]


def _has_no_direction(rows: Sequence[Row]) -> bool:
    pairs = {(row["source"], row["target"]) for row in rows if _is_pair(row)}
    return len({source for source, _ in pairs}) > 1 and not any((b, a) in pairs for a, b in pairs)


def _turned(row: Row) -> Row:
    return {**row, "source": row["target"], "target": row["source"], "_turned": "yes"}


def _directed(parts: Sequence[list[Row]]) -> list[list[Row]]:
    """The rows of each column with sources that can be compared: "" for none, one for all, or pairs in one order."""
    sources = [{_text(row, "source") for row in part if _is_pair(row)} for part in parts]
    single = {next(iter(each)) for each in sources if len(each) == 1}
    made: list[list[Row]] = []
    if len(single) == 1:
        [source] = single
        for part, own in zip(parts, sources, strict=True):
            kept = [row for row in part if row["source"] == source or not own]
            if len(own) > 1 and _has_no_direction(part):
                kept += [_turned(row) for row in part if row["target"] == source and _is_pair(row)]
            made.append([{**row, "source": "", "_source": source} for row in kept])
        return made
    turn = any(_has_no_direction(part) for part in parts) and sum(len(each) > 1 for each in sources) > 1
    for part, own in zip(parts, sources, strict=True):
        rows = part if own else [{**row, "source": ""} for row in part]
        made.append([_turned(row) if turn and str(row["source"]) > str(row["target"]) else row for row in rows])
    return made


def _varying(part: Sequence[Row]) -> set[str]:
    found = {field for field in ("source", *_JOINED) if len({_text(row, field) for row in part} - {""}) > 1}
    # Where figures belong to two languages, both tell which.
    return (
        found | {"source", "target"} if found & {"source", "target"} and all(row["source"] for row in part) else found
    )


def _shared_fields(varying: Sequence[set[str]], asked: Sequence[Column]) -> list[str]:
    """The fields that vary in two columns or more; of one column alone, all that vary.

    A column whose language is fixed by a condition says the same of every language of the others.
    """
    needed = 1 if len(varying) == 1 or any("target" in each.conditions for each in asked) else 2
    return [
        field
        for field in ("source", *_JOINED)
        if sum(field in each for each in varying) >= (needed if field == "target" or len(varying) == 1 else 2)
    ]


def _cells(name: str, part: Sequence[Row], fields: Sequence[str]) -> tuple[dict[_Key, float], dict[_Key, Row]]:
    """Key -> figure, and a row of it; the mean over seeds and over directions where these are not told apart."""
    groups: dict[_Key, list[Row]] = {}
    for row in part:
        groups.setdefault(tuple(sorted((field, _text(row, field)) for field in fields)), []).append(row)
    for key, group in groups.items():
        telling = [
            field
            for field in ("source", *_JOINED, "task", "prompt", "split")
            if field not in fields and field != "seed" and len({_text(row, field) for row in group}) > 1
        ]
        if telling and len({float(str(row["value"])) for row in group}) > 1:
            where = ", ".join(f"{field}={value}" for field, value in key if value)
            values = sorted({_text(row, telling[0]) for row in group})
            message = (
                f"column {name!r} has {len(group)} figures for {where or 'one point'}, which differ in {telling[0]} "
                f"({', '.join(values[:6])}); choose one: {name},{telling[0]}={values[-1]}."
            )
            raise AnalysisError(message)
        seen: dict[tuple[str, str], object] = {}
        for row in group:
            before = seen.setdefault((_text(row, "seed"), _text(row, "_turned")), row["value"])
            if before != row["value"]:
                message = (
                    f"column {name!r} has two figures for one point, {before} and {row['value']}, which no field tells "
                    "apart; two models under one name?"
                )
                raise AnalysisError(message)
    means = {key: fmean(float(str(row["value"])) for row in group) for key, group in groups.items()}
    return means, {key: group[0] for key, group in groups.items()}


def _about(row: Row, key: Mapping[str, str]) -> dict[str, str]:
    about = {field: _text(row, field) for field in ("source", *_JOINED, "task")} | dict(key)
    about["source"] = about["source"] or _text(row, "_source")
    about["pair"] = f"{about['source']}-{about['target']}" if about["source"] else about["target"]
    return about
