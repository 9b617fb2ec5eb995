"""Pictures of result rows: heat maps of retrieval and CKA, scores before and after training, gaps, gains."""

import statistics
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from xl_analysis.pictures.bars import gain_bars
from xl_analysis.pictures.heat_map import both_triangles, heat_map
from xl_analysis.pictures.scatter import scatter
from xl_analysis.tables.figures import TELLING, Figure, Row, figures, lines, short
from xl_analysis.tables.groups import NO_MODEL, Gain

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Picture

_TELLING = tuple(field for field in TELLING if field != "task")
# Bars and heat maps of more are no picture but a wall.
_MOST_BARS = 40
_MOST_LANGUAGES = 60


def retrieval_pictures(rows: Iterable[Row], metric: str) -> "Iterator[tuple[str, Picture]]":
    """(caption, heat map) of the best system of each task and data set: queries down, candidates across."""
    for task, found in _by_task(figures(row for row in rows if row["metric"] == metric)):
        systems = lines([f for f in found if f.variant != NO_MODEL], lambda f: (f.source, f.target), _TELLING)
        if not systems:
            continue
        name, line = max(systems.items(), key=lambda item: statistics.fmean(f.value for f in item[1]))
        codes, matrix = _matrix(line, lambda f: 100 * f.value)
        # One language against all others is a line of the table, and no matrix.
        if 2 < len(codes) <= _MOST_LANGUAGES and np.isfinite(matrix).mean() > 0.5:
            picture = heat_map(
                matrix, short(codes), short(codes), label=f"{metric} %", limits=(0, 100), digits=0,
                row_label="query", column_label="candidates",
            )  # fmt: skip
            yield f"{task}, {name}: {metric} in per cent, queries down, candidates across.", picture


def cka_pictures(rows: Iterable[Row]) -> "Iterator[tuple[str, Picture]]":
    """(caption, heat map) of CKA between languages: two systems in two triangles, else a map each; at most six."""
    found = [figure for figure in figures(rows) if figure.metric == "cka"]
    systems = {name: _matrix(line, lambda f: f.value, mirrored=True) for name, line in _layers(found).items()}
    maps = {name: each for name, each in systems.items() if 2 < len(each[0]) <= _MOST_LANGUAGES}
    if len(maps) == 2 and len({tuple(codes) for codes, _ in maps.values()}) == 1:
        (above, (codes, upper)), (below, (_, lower)) = maps.items()
        both = both_triangles(upper, lower)
        yield (
            f"CKA between languages: above the diagonal {above}, below it {below}.",
            heat_map(both, short(codes), short(codes), label="CKA", limits=(0, 1)),
        )
        return
    for name, (codes, matrix) in list(maps.items())[:6]:
        picture = heat_map(matrix, short(codes), short(codes), label="CKA", limits=(0, 1))
        yield f"CKA between languages, {name}.", picture


def gain_pictures(found: Sequence[Gain]) -> "Iterator[tuple[str, Picture]]":
    """(caption, picture) of each task and metric: scores before and after training, and gains by target language."""
    for task, metric in dict.fromkeys((gain.task, gain.metric) for gain in found):
        own = [gain for gain in found if (gain.task, gain.metric) == (task, metric)]
        texts = [
            f"{gain.source} → {gain.target}, {gain.system}: {100 * gain.before:.1f} → {100 * gain.after:.1f}"
            for gain in own
        ]
        picture = scatter(
            [100 * gain.before for gain in own], [100 * gain.after for gain in own],
            groups=[gain.system for gain in own], texts=texts, line=(1.0, 0.0),
            x_label=f"{metric} %, {', '.join(dict.fromkeys(gain.start for gain in own))}", y_label="after training",
        )  # fmt: skip
        yield (
            f"{task}, {metric}: each point is a source and a target language; above the dashed line training helped.",
            picture,
        )
        system = own[-1].system
        targets: dict[str, list[float]] = {}
        for gain in own:
            if gain.system == system and gain.source != gain.target:
                targets.setdefault(gain.target, []).append(100 * gain.value)
        means = sorted(((statistics.fmean(values), name) for name, values in targets.items()), reverse=True)
        if 1 < len(means) <= _MOST_BARS:
            bars = gain_bars([name for _, name in means], [value for value, _ in means], label="gain in points")
            yield f"{task}, {metric}, {system}: mean gain by target language.", bars


def gap_pictures(rows: Iterable[Row], cka: Iterable[Row]) -> "Iterator[tuple[str, Picture]]":
    """(caption, scatter) of each task and metric: how far a target falls behind its source, by the CKA of the two.

    As figure 3 of Jung et al. (2024). A score and a CKA belong together where they name one variant, model and layer;
    where CKA was measured at one layer alone, it is taken for scores of other layers too.
    """
    likeness: dict[tuple[str, str, frozenset[str]], dict[str, float]] = {}
    for figure in figures(cka):
        if figure.metric == "cka":
            pair = figure.variant, figure.told["model"], frozenset((figure.source, figure.target))
            likeness.setdefault(pair, {})[figure.told["layer"]] = figure.value
    for task, found in _by_task(figures(row for row in rows if row.get("protocol") == "zero-shot")):
        for metric in dict.fromkeys(figure.metric for figure in found):
            scores = {
                (*_system(figure), figure.source, figure.target): figure
                for figure in found
                if figure.metric == metric and figure.told["split"] != "dev"
            }
            points = []
            for figure in scores.values():
                home = scores.get((*_system(figure), figure.source, figure.source))
                pair = figure.variant, figure.told["model"], frozenset((figure.source, figure.target))
                by_layer = likeness.get(pair, {})
                alike = by_layer.get(figure.told["layer"])
                if alike is None and len(by_layer) == 1:
                    alike = next(iter(by_layer.values()))
                if figure.source != figure.target and home is not None and alike is not None:
                    gap = 100 * (home.value - figure.value)
                    layer = f" (layer {figure.told['layer']})" if figure.told["layer"] else ""
                    name = f"{figure.variant}{layer}"
                    text = f"{figure.source} → {figure.target}, {name}: CKA {alike:.3f}, gap {gap:.1f}"
                    points.append((alike, gap, name, text))
            if len(points) > 2:
                x, y, variants, texts = zip(*points, strict=True)
                picture = scatter(
                    x, y, groups=variants, texts=texts, x_label="CKA of source and target",
                    y_label=f"{metric} points behind the source",
                )  # fmt: skip
                yield (
                    f"{task}, {metric}: what a target lacks to its source, by how alike the two are arranged.",
                    picture,
                )


def _system(figure: Figure) -> tuple[object, ...]:
    fields = ("model", "layer", "pooling", "unit", "prompt", "tuning", "robust", "noise", "data")
    return figure.variant, figure.seed, *(figure.told[field] for field in fields)


def _layers(found: Sequence[Figure]) -> Mapping[str, list[Figure]]:
    """Systems of CKA rows, each at its last layer."""
    last: dict[tuple[str, str], int] = {}
    for figure in found:
        key = figure.variant, figure.told["model"]
        last[key] = max(last.get(key, 0), int(figure.told["layer"] or 0))
    kept = [f for f in found if int(f.told["layer"] or 0) == last[f.variant, f.told["model"]]]
    return lines(kept, lambda f: (f.source, f.target), _TELLING)


def _matrix(
    line: Sequence[Figure], value: Callable[[Figure], float], *, mirrored: bool = False
) -> tuple[list[str], np.ndarray]:
    """Languages, and the mean figure of each pair of them; NaN where there is none."""
    codes = sorted({code for figure in line for code in (figure.source, figure.target)})
    cells: dict[tuple[int, int], list[float]] = {}
    for figure in line:
        place = codes.index(figure.source), codes.index(figure.target)
        for row, column in {place, place[::-1]} if mirrored else {place}:
            cells.setdefault((row, column), []).append(value(figure))
    matrix = np.full((len(codes), len(codes)), np.nan)
    for place, values in cells.items():
        matrix[place] = statistics.fmean(values)
    return codes, matrix


def _by_task(found: Iterable[Figure]) -> list[tuple[str, list[Figure]]]:
    """Figures by "task in data"."""
    tasks: dict[str, list[Figure]] = {}
    for figure in found:
        if not figure.baseline:
            data = figure.told["data"]
            tasks.setdefault(figure.task if data in ("", figure.task) else f"{figure.task} in {data}", []).append(
                figure
            )
    return list(tasks.items())
