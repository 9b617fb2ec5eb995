"""Two tokenizers side by side: what each makes of the same texts, and the difference."""

from collections.abc import Iterable, Mapping

from xl_analysis.tables.figures import setting_text
from xl_analysis.tables.pairs import coverage_table, is_covered
from xl_analysis.tables.table import Table

# title, metric, what a value is multiplied with, decimals
_COLUMNS = (
    ("distinct", "distinct_pieces", 1, 0),
    ("pieces/word", "pieces_per_word", 1, 2),
    ("unknown %", "unknown_pieces", 100, 1),
    ("words known %", "known_words", 100, 1),
)
_FORMS = {"subword": "written", "romanised": "romanised"}


def coverage_beside(rows: Iterable[Mapping[str, object]]) -> Table:
    """A line a language and form of its text; of each figure the first model, the second, and second minus first.

    rows: mappings with the fields of `results.jsonl`, of task `coverage`. Of one model, or more than two, the table is
    that of `coverage_table`, with its AnalysisError.
    """
    found = [row for row in rows if is_covered(row)]
    models = list(dict.fromkeys(setting_text("model", row.get("model")) for row in found))
    if len(models) != 2:
        return coverage_table(found)
    lines: dict[tuple[str, str], dict[tuple[str, str], float]] = {}
    for row in found:
        line = lines.setdefault((str(row["source"]), _FORMS[str(row["unit"])]), {})
        line[str(row["metric"]), setting_text("model", row.get("model"))] = float(row["value"])  # ty: ignore[invalid-argument-type]
    body = []
    for label, line in sorted(lines.items(), key=lambda each: (each[0][0] == "all", each[0][0])):
        cells: list[str] = []
        for _, metric, factor, digits in _COLUMNS:
            values = [factor * line[metric, model] if (metric, model) in line else None for model in models]
            first, second = values
            cells += ["-" if value is None else f"{value:.{digits}f}" for value in values]
            cells.append("-" if first is None or second is None else f"{second - first:+z.{digits}f}")
        body.append((*label, *cells))
    header = ("language", "text", *(name for title, *_ in _COLUMNS for name in (f"{title} A", "B", "B - A")))
    caption = (
        "Distinct vocabulary items, pieces a word, unknown pieces and words without one; text as written and "
        f"romanised. A is {models[0]}, B {models[1]}. {found[0].get('data') or ''}"
    ).rstrip()
    return Table(header, tuple(body), caption, n_labels=2)
