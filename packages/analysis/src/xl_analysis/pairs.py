"""A table with one line a language pair: what one call of an evaluation measured, figure by figure."""

from collections.abc import Iterable, Mapping

from xl_analysis.errors import AnalysisError
from xl_analysis.table import Table

_NEEDED = ("metric", "value", "source", "target")
# Fields that say how a figure was measured; those that are the same in all rows stand in the caption instead.
_SETTINGS = ("task", "data", "model", "variant", "layer", "pooling", "unit", "seed")


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
    values = {name: {_label(row.get(name)) for row in rows} for name in _SETTINGS}
    varying = [name for name in _SETTINGS if len(values[name]) > 1]
    metrics = list(dict.fromkeys(str(row["metric"]) for row in rows))
    lines: dict[tuple[str, ...], dict[str, str]] = {}
    for row in rows:
        labels = tuple(_label(row.get(name)) for name in varying)
        line = lines.setdefault((*labels, str(row["source"]), str(row["target"])), {"n": str(row.get("n", ""))})
        line[str(row["metric"])] = _shown(str(row["metric"]), row["value"])
    header = (*varying, "source", "target", *(_title(metric) for metric in metrics), "n")
    body = tuple((*labels, *(line.get(metric, "-") for metric in metrics), line["n"]) for labels, line in lines.items())
    fixed = [f"{name} {next(iter(values[name]))}" for name in _SETTINGS if name not in varying and values[name] != {""}]
    return Table(header, body, ", ".join(fixed), n_labels=len(varying) + 2)


def _label(value: object) -> str:
    return "" if value is None else str(value)


def _is_share(metric: str) -> bool:
    return metric.startswith("top") and metric[3:].isdigit()


def _title(metric: str) -> str:
    return f"top-{metric[3:]} %" if _is_share(metric) else metric.replace("_", " ")


def _shown(metric: str, value: object) -> str:
    number = float(value)  # ty: ignore[invalid-argument-type]
    return f"{100 * number:.1f}" if _is_share(metric) else f"{number:.3f}"
