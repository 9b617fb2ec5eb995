"""Result rows as figures, and which of them belong to one line of a table.

A row is a mapping with the fields of `results.jsonl`; task, metric, value, source and target are needed, the others
help to tell rows apart. A line is a system: its variant (or model) with every setting that differs within the variant.
"""

import math
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from xl_analysis.errors import AnalysisError

Row = Mapping[str, object]

# Targets that are no language.
NO_LANGUAGES = frozenset({"all", "mean", "mean-all", "diagonal", "off-diagonal", ""})
REQUIRED = ("task", "metric", "value", "source", "target")
# Fields that tell two rows of one variant apart; the name of a line carries them where they differ. The model comes
# last and only when nothing else tells: it often differs by seed. After it comes the table of a paper, if two of its
# tables print one figure differently.
TELLING = (
    "paper", "data", "protocol", "tuning", "robust", "noise", "unit", "layer", "pooling", "prompt", "split", "task",
    "model",
)  # fmt: skip
# Of these the value alone would not say what it is.
_PREFIXES = {"source": "from ", "robust": "robust ", "layer": "layer ", "prompt": "prompt ", "table": "table "}
# Of 95 per cent, beyond either limit.
_TAIL = 0.025


@dataclass(frozen=True, kw_only=True)
class Figure:
    """The part of a row that tables use."""

    task: str
    metric: str
    value: float
    source: str
    target: str
    seed: object
    variant: str
    told: Mapping[str, str]
    """Fields of TELLING and "source" -> value as text, empty for none; the source is none where it is the target."""
    n: int = 0
    coverage: float = 1.0
    skipped: int = 0
    baseline: str = ""
    low: float | None = None
    high: float | None = None
    p: float | None = None
    p_holm: float | None = None
    chance: float | None = None


def figures(rows: Iterable[Row]) -> list[Figure]:
    """The figures of `rows`; AnalysisError for a row without a field that is needed or with a value that is none."""
    return [_figure(number, row) for number, row in enumerate(rows, start=1)]


def setting_text(name: str, value: object) -> str:
    """A field as a table shows it, empty for none; a prompt in quotes, as it ends in a blank or a colon."""
    text = "" if value is None else str(value)
    return repr(text) if name == "prompt" and text else text


def _figure(number: int, row: Row) -> Figure:
    for name in REQUIRED:
        if name not in row:
            message = f"row {number} has no field {name!r}; a result row needs {', '.join(REQUIRED)}."
            raise AnalysisError(message)
    if not _is_number(row["value"]):
        message = f"row {number}: value is {row['value']!r}; a finite number is needed."
        raise AnalysisError(message)
    told = {name: setting_text(name, row.get(name)) for name in (*TELLING, "table")}
    # What was chosen on dev is no other system: seeds and languages choose for themselves.
    told["tuning"] = told["tuning"].partition(": ")[0]
    told["source"] = "" if told["protocol"] == "in-language" else str(row["source"])
    count, skipped, coverage = row.get("n"), row.get("skipped"), row.get("coverage")
    return Figure(
        task=str(row["task"]),
        metric=str(row["metric"]),
        value=float(row["value"]),  # ty: ignore[invalid-argument-type]
        source=str(row["source"]),
        target=str(row["target"]),
        seed=row.get("seed", 0),
        variant=str(row.get("variant") or row.get("model") or "-"),
        told=told,
        n=count if isinstance(count, int) else 0,
        coverage=float(coverage) if _is_number(coverage) else 1.0,  # ty: ignore[invalid-argument-type]
        skipped=skipped if isinstance(skipped, int) else 0,
        baseline=str(row.get("baseline") or ""),
        **{name: float(row[name]) for name in ("low", "high", "p", "p_holm", "chance") if _is_number(row.get(name))},  # ty: ignore
    )


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def lines(
    figures: Sequence[Figure],
    cell: Callable[[Figure], tuple[object, ...]],
    telling: Sequence[str] = TELLING,
    *,
    model_of: Callable[[Figure], tuple[object, ...]] = lambda _: (),
) -> dict[str, list[Figure]]:
    """Figures by the name of their line: the variant, with the fields that differ within a variant.

    cell: what a line has one figure of for each seed, (metric, target) for instance. model_of: what a system has one
    model of for each seed, if not all of it; two models there are two lines. AnalysisError for two figures of one line,
    cell and seed with different values; twice the same figure counts once.
    """
    values: dict[tuple[str, str], set[str]] = {}
    for figure in figures:
        for field in telling:
            values.setdefault((figure.variant, field), set()).add(figure.told[field])
    varying = {field for (_, field), several in values.items() if len(several) > 1}
    fields = [field for field in telling if field in varying and field != "model"]
    if "model" in telling and _of_several_models(figures, model_of, fields):
        fields.append("model")
    for field in ("model", "table"):
        clashes = _clashes(figures, cell, fields)
        if field in (*telling, "table") and len(_clashes(figures, cell, [*fields, field])) < len(clashes):
            fields.append(field)
    for one, other in _clashes(figures, cell, fields):
        message = (
            f"two rows say {one.metric} of {one.variant!r} from {one.source} to {one.target} with seed {one.seed}: "
            f"{one.value} and {other.value}; keep one, or tell them apart by variant or seed."
        )
        raise AnalysisError(message)
    groups: dict[tuple[str, ...], dict[tuple[object, ...], Figure]] = {}
    for figure in figures:
        key = (figure.variant, *(figure.told[field] for field in fields))
        groups.setdefault(key, {})[*cell(figure), figure.seed] = figure
    return dict(zip(_names(list(groups), fields), (list(group.values()) for group in groups.values()), strict=True))


def _of_several_models(
    figures: Sequence[Figure], model_of: Callable[[Figure], tuple[object, ...]], fields: Sequence[str]
) -> bool:
    """Whether two models have one seed, so that they are two systems and not two trainings of one."""
    models: dict[tuple[object, ...], set[str]] = {}
    for figure in figures:
        key = (figure.variant, figure.seed, *model_of(figure), *(figure.told[field] for field in fields))
        models.setdefault(key, set()).add(figure.told["model"])
    return any(len(several - {""}) > 1 for several in models.values())


def _clashes(
    figures: Sequence[Figure], cell: Callable[[Figure], tuple[object, ...]], fields: Sequence[str]
) -> list[tuple[Figure, Figure]]:
    """Pairs of figures with different values that the variant, the cell, the seed and `fields` do not tell apart."""
    seen: dict[tuple[object, ...], Figure] = {}
    clashes = []
    for figure in figures:
        key = (figure.variant, *(figure.told[field] for field in fields), *cell(figure), figure.seed)
        if seen.setdefault(key, figure).value != figure.value:
            clashes.append((seen[key], figure))
    return clashes


def _names(keys: Sequence[tuple[str, ...]], fields: Sequence[str]) -> list[str]:
    """A name a line: "mlm (zero-shot, robust at)"; fields with their names where two lines would be called alike."""
    names = []
    for variant, *values in keys:
        # A line without a variant is called by its model already.
        told = [(field, value) for field, value in zip(fields, values, strict=True) if value]
        told = [(field, value) for field, value in told if (field, value) != ("model", variant)]
        parts = [_PREFIXES.get(field, "") + value for field, value in told]
        names.append(f"{variant} ({', '.join(parts)})" if parts else variant)
    if len(set(names)) == len(names):
        return names
    return [
        f"{variant} ({', '.join(f'{field}={value}' for field, value in zip(fields, values, strict=True))})"
        for variant, *values in keys
    ]


def fixed_settings(figures: Sequence[Figure], telling: Sequence[str]) -> str:
    """The settings that all figures share, for a caption: "source eng_Latn, protocol zero-shot"."""
    parts = []
    for field in telling:
        values = {figure.told[field] for figure in figures}
        if len(values) == 1 and values != {""}:
            parts.append(f"{field} {values.pop()}")
    return ", ".join(parts)


def by_seed(figures: Iterable[Figure]) -> list[float]:
    """Mean for each seed."""
    values: dict[object, list[float]] = {}
    for figure in figures:
        values.setdefault(figure.seed, []).append(figure.value)
    return [statistics.fmean(of_seed) for of_seed in values.values()]


def shown(means: Sequence[float], *, spread: bool = True, factor: int = 100, digits: int = 1) -> str:
    """Mean over seeds as a cell, with the sample standard deviation if `spread`; "-" for nothing."""
    if not means:
        return "-"
    mean = f"{factor * statistics.fmean(means):z.{digits}f}"
    return f"{mean} ±{factor * statistics.stdev(means):.{digits}f}" if spread and len(means) > 1 else mean


def scale(figures: Iterable[Figure]) -> tuple[int, int]:
    """(factor, digits) in which values are shown: per cent with one decimal for shares, else three decimals."""
    return (100, 1) if all(0 <= figure.value <= 1 for figure in figures) else (1, 3)


def short(languages: Sequence[str]) -> list[str]:
    """Codes without their script where that is enough to tell them apart."""
    stems = [language.partition("_")[0] for language in languages]
    return [stem if stems.count(stem) == 1 else code for stem, code in zip(stems, languages, strict=True)]


def items(figures: Iterable[Figure], *, counted: bool = True) -> str:
    """Sentences for a caption on coverage, items left out and, if `counted`, their number; empty for nothing to say."""
    every = list(figures)
    counts = sorted({figure.n for figure in every if figure.n})
    text = f" n = {counts[0]}{f' to {counts[-1]}' if len(counts) > 1 else ''}." if counts and counted else ""
    coverage = min(figure.coverage for figure in every)
    if coverage < 1:
        text += f" Coverage is {100 * coverage:.1f} % or more."
    if skipped := max(figure.skipped for figure in every):
        text += f" Up to {skipped} items of a file could not be read and are left out."
    return text


def uncertainty(figures: Sequence[Figure]) -> str:
    """A sentence on the intervals of single figures, in points; empty where there are none."""
    halves = [_half(f, f.high - f.low) for f in figures if f.low is not None and f.high is not None]
    if not halves:
        return ""
    few, many = (f"{100 * half:.1f}" for half in (min(halves), max(halves)))
    return f" A single figure is uncertain by ±{few if few == many else f'{few} to ±{many}'} points (95 %, over items)."


def chance(figures: Sequence[Figure]) -> str:
    """A sentence on what the commonest label alone would get, by metric; empty where no row tells."""
    told: dict[str, list[float]] = {}
    for figure in figures:
        if figure.chance is not None:
            told.setdefault(figure.metric, []).append(figure.chance)
    parts = []
    for metric, values in told.items():
        few, many = (f"{100 * value:.1f}" for value in (min(values), max(values)))
        parts.append(f"{few if few == many else f'{few} to {many}'} %" + (f" in {metric}" if len(told) > 1 else ""))
    return f" Chance, the commonest label of the test items throughout, gets {', '.join(parts)}." if parts else ""


def _half(figure: Figure, width: float) -> float:
    """Half the width of an interval; where none or all of n items are right, the exact one of a share.

    Resampling shows no spread there. Clopper and Pearson 1934, "The use of confidence or fiducial limits illustrated
    in the case of the binomial": at 0 of n the upper limit is 1 - 0.025^(1/n).
    """
    if width > 0 or not figure.n or figure.value not in (0, 1):
        return width / 2
    return (1 - (_TAIL ** (1 / figure.n))) / 2


def seeds(by_name: Mapping[str, Sequence[Figure]]) -> str:
    """A sentence for a caption on the number of seeds of the lines; empty for one."""
    counts = {len({figure.seed for figure in line}) for line in by_name.values()}
    if max(counts) == 1:
        return ""
    most = f"{max(counts)}" if len(counts) == 1 else f"up to {max(counts)}"
    return f" Mean of {most} seeds, ± standard deviation."
