"""The alignment card as a table: a line a layer, means over the pairs of languages; or a line a pair."""

import statistics
from collections.abc import Iterable, Mapping

from xl_analysis.errors import AnalysisError
from xl_analysis.tables.figures import setting_text
from xl_analysis.tables.table import Table

# title, metric, what a value is multiplied with
_COLUMNS = (
    ("matched", "matched", 1),
    ("random", "random", 1),
    ("d'", "d_prime", 1),
    ("AUC %", "auc", 100),
    ("rom. matched", "romanised_matched", 1),
    ("rom. random", "romanised_random", 1),
    ("rom. d'", "romanised_d_prime", 1),
    ("rom. AUC %", "romanised_auc", 100),
    ("hub skew", "hub_skew", 1),
    ("misses %", "misses", 100),
    ("topic %", "miss_topic", 100),
    ("surface %", "miss_surface", 100),
    ("shorter %", "miss_shorter", 100),
    ("longer %", "miss_longer", 100),
    ("number %", "miss_number", 100),
    ("name %", "miss_name", 100),
)
_SETTINGS = ("data", "model", "variant", "pooling", "prompt", "seed", "layer")
_FEW_PAIRS = 12


def alignment_table(rows: Iterable[Mapping[str, object]]) -> Table:
    """A line for each pair of languages and layer; of more than twelve pairs a line a layer, with means over pairs.

    rows: mappings with the fields of `results.jsonl`, of task `alignment`. Columns that no row has are left out; kinds
    are shares of the misses, with what a wrong text drawn at random would be in the caption. AnalysisError for no row
    of that task.
    """
    found = [row for row in rows if row.get("task") == "alignment" and not row.get("baseline")]
    if not found:
        message = "no row of task 'alignment'; make some with xl analyze similarity."
        raise AnalysisError(message)
    values = {name: {setting_text(name, row.get(name)) for row in found} for name in _SETTINGS}
    varying = [name for name in _SETTINGS if len(values[name]) > 1]
    n_pairs = len({(row["source"], row["target"]) for row in found})
    names = [*varying, *(("source", "target") if n_pairs <= _FEW_PAIRS else ())]
    there = {str(row["metric"]) for row in found}
    columns = [column for column in _COLUMNS if column[1] in there]
    lines: dict[tuple[str, ...], dict[str, list[float]]] = {}
    chances: dict[str, list[float]] = {}
    for row in found:
        key = tuple(setting_text(name, row.get(name)) for name in names)
        metric, value = str(row["metric"]), row["value"]
        lines.setdefault(key, {}).setdefault(metric, []).append(float(value))  # ty: ignore[invalid-argument-type]
        if isinstance(chance := row.get("chance"), (int, float)):
            chances.setdefault(metric, []).append(float(chance))
    body = []
    for key, line in lines.items():
        cells = [
            f"{factor * statistics.fmean(line[metric]):.{1 if factor > 1 else 3}f}" if metric in line else "-"
            for _, metric, factor in columns
        ]
        body.append((*key, *cells))
    fixed = [f"{name} {next(iter(values[name]))}" for name in _SETTINGS if name not in varying and values[name] != {""}]
    by_chance = [
        f"{title.removesuffix(' %')} {100 * statistics.fmean(chances[metric]):.0f} %"
        for title, metric, _ in columns
        if metric in chances
    ]
    caption = (
        "Cosine of translations (matched) and of other texts (random), d' and AUC of the two; rom.: both texts in "
        "Latin letters. Hub skew: of how often a text is among the nearest. Misses: texts whose nearest is no "
        "translation, and what share of them has the query's topic, is nearer to it in spelling, is shorter or longer "
        "than the translation, has other numbers, lacks its names."
    )
    if by_chance:
        caption += f" A wrong text drawn at random: {', '.join(by_chance)}."
    if n_pairs > _FEW_PAIRS:
        caption += f" Means over {n_pairs} pairs of languages."
    caption += f" {', '.join(fixed)}"
    header = (*names, *(title for title, *_ in columns))
    return Table(header, tuple(body), caption, n_labels=len(names))
