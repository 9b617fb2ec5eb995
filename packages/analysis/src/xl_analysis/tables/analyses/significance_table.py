"""The table of `xl analyze significance`: differences, and what is and what is not significant."""

from collections.abc import Iterable
from dataclasses import replace

from xl_analysis.statistics.comparison import verdict
from xl_analysis.tables.figures import Figure, Row, figures
from xl_analysis.tables.gain_tables import gain_table
from xl_analysis.tables.table import Table


def significance_table(rows: Iterable[Row]) -> Table:
    """`gain_table` of the rows of `xl analyze significance`; its caption says what is and what is not significant."""
    kept = list(rows)
    table = gain_table(kept)
    return replace(table, caption=f"{_verdict(figures(kept))} {table.caption}")


def _verdict(every: list[Figure]) -> str:
    sentences = []
    for metric in dict.fromkeys(figure.metric for figure in every):
        own = [figure for figure in every if figure.metric == metric]
        cells = [figure for figure in own if figure.target != "languages"]
        counts = {"higher": 0, "lower": 0, "no difference shown": 0, "not tested": 0}
        for figure in cells:
            counts[verdict(figure.value, figure.p_holm)] += 1
        said = ", ".join(f"{count} {which}" for which, count in counts.items() if count)
        sentence = f"{metric}: of {len(cells)} cells {said}"
        for figure in own:
            if figure.target == "languages":
                sentence += f"; {figure.task} over {figure.n} languages: {verdict(figure.value, figure.p_holm)}"
                sentence += f" (p {figure.p_holm:.2g})" if figure.p_holm is not None else ", too few for a test"
        sentences.append(f"{sentence}.")
    return " ".join(sentences)
