"""Tables 2 and 3 of the first paper, made again from its rows, are as they are printed there."""

from pathlib import Path

import pytest

from xl_analysis import transfer_table
from xl_cli import published_rows
from xl_translit import language

TASKS = {"SR-B": "bible", "Taxi1500": "taxi1500", "SIB200": "sib200", "NER": "panx", "POS": "udpos"}
MARKS = [
    line.split("\t")
    for line in Path(__file__).with_name("marks.tsv").read_text(encoding="utf-8").splitlines()
]  # fmt: skip


@pytest.mark.parametrize(("number", "n_columns"), [("2", 20), ("3", 19)])
def test_the_papers_own_layout(number: str, n_columns: int) -> None:
    rows = [row for row in published_rows("ppa") if row.table == number]
    scores = [row for row in rows if not row.metric.startswith("mean ")]
    table = transfer_table(row.to_dict() for row in rows)
    assert len(table.header) == 2 + n_columns
    places = {}
    for r, (system, target, *cells) in enumerate(table.body):
        for c, (cell, title) in enumerate(zip(cells, table.header[2:], strict=True), start=2):
            task, _, source = title.split()
            places[system, target, task, source] = (r, c, cell)
    for row in scores:
        key = (row.variant or row.model, row.target, row.data or row.task, row.source[:3])
        assert places[key][2] == f"{100 * row.value:.1f}"
    assert sum(cell not in ("-", "src") for (_, target, *_), (*_, cell) in places.items() if target != "mean") == len(
        scores
    )
    sources = {(row.data or row.task, row.cell.split()[-1]): row.source[:3] for row in scores}
    underlined = {
        ({"Ours": "mlm+seq+tlm"}.get(system, system), language(target), TASKS[task], sources[TASKS[task], script])
        for paper, table_number, label, _, *columns in MARKS
        if (paper, table_number) == ("ppa", number) and "Average" not in label
        for system, target in [label.split(" | ")]
        for task, script in map(str.split, columns)
    }
    assert len(underlined) > 60
    assert {places[key][:2] for key in underlined} <= table.best_source
    tex = table.render("tex")
    assert tex.count(r"\underline{") == len(table.best_source)
    assert tex.count(r"\textbf{") == len(table.best)
