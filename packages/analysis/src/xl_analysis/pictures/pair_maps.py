"""Heat maps of figures that pairs of languages have, two models in one where there are two."""

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

import numpy as np

from xl_analysis.errors import AnalysisError
from xl_analysis.pictures.heat_map import both_triangles, heat_map
from xl_analysis.tables.figures import short

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def pair_maps(rows: Iterable[Mapping[str, object]]) -> dict[str, "Figure"]:
    """A heat map of each layer, and of each model and input unless there are two; the name tells which, "" for one.

    rows: mappings with the fields of `results.jsonl`, of one task and metric, a figure a pair of languages that has no
    direction. Of two models, or two inputs of one, the first is above the diagonal and the second below, as in figure 2
    of Jung et al. (2024), and so are two models at a layer of their own each, such as the last ones of two depths.
    AnalysisError for no row, and for rows of several metrics.
    """
    rows = list(rows)
    metrics = {(str(row["task"]), str(row["metric"])) for row in rows}
    if len(metrics) != 1:
        message = f"{len(rows)} rows of {len(metrics)} metrics; a map shows one."
        raise AnalysisError(message)
    languages = sorted({str(row[side]) for row in rows for side in ("source", "target")})
    name_of = _names(rows)
    models = list(dict.fromkeys(map(name_of, rows)))
    layers = list(dict.fromkeys(row.get("layer") for row in rows))
    if len(models) == len(layers) == len({(name_of(row), row.get("layer")) for row in rows}) == 2:
        alike = dict.fromkeys(("layer", "unit", "tuning", "seed"))
        return pair_maps({**row, "model": f"{name_of(row)} at layer {row.get('layer')}", **alike} for row in rows)
    label = metrics.pop()[1].replace("_", " ")
    found = {}
    for layer in layers:
        matrices = {}
        for model in models:
            matrix = np.full((len(languages), len(languages)), np.nan)
            for row in rows:
                if name_of(row) == model and row.get("layer") == layer:
                    a, b = languages.index(str(row["source"])), languages.index(str(row["target"]))
                    matrix[a, b] = matrix[b, a] = row["value"]
            matrices[model] = matrix
        if len(models) == 2:
            maps = {(): (f"{models[0]} above, {models[1]} below", both_triangles(*matrices.values()))}
        else:
            maps = {
                ((model.replace(", ", "-"),) if len(models) > 1 else ()): (model, matrix)
                for model, matrix in matrices.items()
            }
        for parts, (title, matrix) in maps.items():
            name = "-".join([*parts, *([f"layer{layer}"] if len(layers) > 1 else [])])
            title = f"{title}, layer {layer}" if layer is not None else title
            found[name] = heat_map(matrix, short(languages), short(languages), title=title, label=label)
    return found


def _names(rows: Iterable[Mapping[str, object]]) -> Callable[[Mapping[str, object]], str]:
    """Row -> its model, input, tuning and seed, those that tell rows apart; the model where nothing does."""
    varying = [name for name in ("model", "unit", "tuning", "seed") if len({row.get(name) for row in rows}) > 1] or [
        "model"
    ]
    return lambda row: ", ".join(str(row.get(name) or "") for name in varying)
