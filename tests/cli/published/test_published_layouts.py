"""A paper's own figures in its layout are its tables again: each cell, and the averages computed anew."""

from functools import cache

import pytest
from tests.cli.published.test_published_means import WRONG

from xl_analysis import Table, laid_out, read_layout
from xl_cli import published_rows

TITLES = {"mlm+seq+tlm": "Ours"}


@cache
def tables(paper: str) -> list[Table]:
    """All tables of a paper's layout from its own rows."""
    return laid_out([row.to_dict() for row in published_rows(paper)], read_layout(paper)).tables


def cell(table: Table, system: str, target: str, head: str) -> str:
    """A cell by its labels; of a table of averages alone, the line of the system."""
    labels = (system, target)[: table.n_labels]
    (line,) = (line for line in table.body if line[: table.n_labels] == labels)
    return line[table.header.index(head)]


@pytest.mark.parametrize("number", ["2", "3", "4", "5", "7", "8", "9", "10", "11", "12"])
def test_tables_of_the_first_paper(number: str) -> None:
    table = next(table for table in tables("ppa") if table.caption.startswith(f"Table {number} of"))
    printed = [row for row in published_rows("ppa") if row.table == number]
    assert len(printed) > 70
    wrong = {place: figures for place, figures in WRONG.items() if place[:2] == ("ppa", number)}
    for row in printed:
        system, head = row.variant or row.model, row.cell.split(" | ")[-1].replace(" ", " % ")
        if not row.metric.startswith("mean "):
            assert cell(table, system, row.target, head) == f"{100 * row.value:.1f}"
            continue
        again = float(cell(table, system, "Average", head))
        if number in ("4", "5"):  # they repeat the averages of the others, and their faults
            place = (
                "ppa",
                {"4": "2", "5": "3"}[number],
                f"{TITLES.get(system, system)} | Average | {head.replace(' % ', ' ')}",
            )
        else:
            place = ("ppa", number, row.cell)
        expected = 100 * row.value if place not in WRONG else WRONG[place][1]
        wrong.pop(place, None)
        assert again == pytest.approx(expected, abs=0.101), row.cell
    assert not wrong
