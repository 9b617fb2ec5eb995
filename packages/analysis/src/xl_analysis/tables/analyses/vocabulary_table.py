"""What a changed vocabulary did to each language: `<unk>`, tokens a text, and how many texts are cut as before."""

from collections.abc import Iterable, Mapping

from xl_analysis.errors import AnalysisError
from xl_analysis.tables.figures import setting_text
from xl_analysis.tables.table import Table

# What tells two lines of a language apart.
_SETTINGS = ("model", "seed")


def vocabulary_table(rows: Iterable[Mapping[str, object]]) -> Table:
    """One line a language, before and after.

    rows: mappings with the fields of `results.jsonl`, of task `vocabulary`, whose variant is `before` or `after`; those
    of several models or seeds are lines of their own. AnalysisError where no row is of that task.
    """
    found = [row for row in rows if row.get("task") == "vocabulary"]
    if not found:
        message = "no row of task 'vocabulary'; xl align writes some where [vocabulary] changes one."
        raise AnalysisError(message)
    varying = [name for name in _SETTINGS if len({setting_text(name, row.get(name)) for row in found}) > 1]
    lines: dict[tuple[str, ...], dict[tuple[object, object], Mapping[str, object]]] = {}
    for row in found:
        key = (*(setting_text(name, row.get(name)) for name in varying), str(row["target"]))
        lines.setdefault(key, {})[row["metric"], row.get("variant")] = row
    columns = (
        ("<unk> % before", "unknown_pieces", "before", 100, 2),
        ("<unk> % after", "unknown_pieces", "after", 100, 2),
        ("tokens a text before", "tokens_per_text", "before", 1, 1),
        ("tokens a text after", "tokens_per_text", "after", 1, 1),
        ("cut as before %", "cut_as_before", "after", 100, 1),
    )
    body = []
    for labels, values in lines.items():
        cells = []
        for _, metric, variant, factor, digits in columns:
            row = values.get((metric, variant))
            cells.append("-" if row is None else f"{factor * float(str(row['value'])):.{digits}f}")
        body.append((*labels, *cells, str(next(iter(values.values())).get("n", ""))))
    header = (*varying, "language", *(title for title, *_ in columns), "n")
    caption = (
        "The vocabulary before and after it was changed: share of <unk> among the tokens, tokens a text, and the share "
        "of n texts that are cut into the same tokens as before."
    )
    return Table(header, tuple(body), caption, n_labels=len(varying) + 1)
