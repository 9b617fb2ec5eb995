"""Tables of robustness: what noise costs each language, and what goes with it."""

from collections.abc import Iterable

from xl_analysis.errors import AnalysisError
from xl_analysis.tables.figures import Row, figures, short
from xl_analysis.tables.gain_tables import probability
from xl_analysis.tables.table import Table


def robustness_tables(rows: Iterable[Row]) -> list[Table]:
    """A line a language with its scores and what it is like; below, a line a predictor with its slopes.

    rows: mappings with the fields of `results.jsonl`, of task `robustness`. AnalysisError where no row is of it.
    """
    kept = [row for row in rows if is_robustness(row)]
    every = figures(kept)
    if not every:
        message = "no row of task 'robustness'; make some with xl analyze robustness."
        raise AnalysisError(message)
    by_language = [figure for figure in every if figure.target != "all"]
    metrics = list(dict.fromkeys(figure.metric for figure in by_language))
    languages = list(dict.fromkeys(figure.target for figure in by_language))
    cells = {(figure.target, figure.metric): f"{figure.value:z.3f}" for figure in by_language}
    body = tuple(
        (name, *(cells.get((code, metric), "-") for metric in metrics))
        for name, code in zip(short(languages), languages, strict=True)
    )
    notes = list(dict.fromkeys(str(row["note"]) for row in kept if row.get("note")))
    sources = list(dict.fromkeys(figure.source for figure in by_language))
    table = Table(("language", *(metric.replace("_", " ") for metric in metrics)), body, _caption(sources, notes))
    slopes = [figure for figure in every if figure.metric == "slope"]
    r2 = {figure.variant: figure for figure in every if figure.metric == "r2"}
    lines = tuple(
        (
            figure.source,
            figure.variant,
            f"{figure.value:+z.2f}",
            "-" if figure.low is None or figure.high is None else f"{figure.low:+z.2f} to {figure.high:+z.2f}",
            probability(figure.p),
            probability(figure.p_holm),
            f"{r2[figure.variant].value:.2f}" if figure.variant in r2 else f"{figure.value**2:.2f}",
            str(figure.n),
        )
        for figure in slopes
    )
    header = ("predictor", "regression", "slope", "95 % interval", "p", "p Holm", "R2", "languages")
    caption = (
        "Standard deviations that the outcome moves with one of the predictor, alone or all predictors together, with "
        "the 95 % bootstrap interval over languages; p of t; p Holm: corrected over the predictors of a regression."
    )
    return [table, *([Table(header, lines, caption, n_labels=2)] if lines else [])]


def is_robustness(row: Row) -> bool:
    """Whether `robustness_tables` shows a row."""
    return row.get("task") == "robustness" and not row.get("baseline")


def _caption(sources: list[str], notes: list[str]) -> str:
    text = "Each language as a target"
    text += f" of {sources[0]}" if len(sources) == 1 else ""
    return f"{text}. {' '.join(f'{note[:1].upper()}{note[1:]}.' for note in notes)}".strip()
