"""A paper's own figures in its layout are its tables again: each cell, and the averages computed anew."""

from collections import Counter
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


UNITS = ("subword", "romanised")


def test_table_6_of_the_first_paper() -> None:
    """Vocabulary in use by each group of languages, as written and romanised."""
    (table,) = (table for table in tables("ppa") if "Distinct vocabulary items" in table.caption)
    printed = {(row.data, row.unit): f"{row.value:.0f}" for row in published_rows("ppa") if row.table == "6"}
    assert len(printed) == 4
    data, *units = (table.header.index(name) for name in ("data", "distinct orig", "distinct rom"))
    shown = {(line[data], unit): line[at] for line in table.body for unit, at in zip(UNITS, units, strict=True)}
    assert shown == printed


# Papers' tables that print cells of their own, with how the heads of their averages are called.
OTHERS = [("ot", number, {"seen", "all", "Avg"}) for number in ("2", "4", "7", "8")]
OTHERS += [("static", number, {"avg"}) for number in ("5", "6", "7", "8", "9", "10", "11", "12")]


@pytest.mark.parametrize(("paper", "number", "averages"), OTHERS)
def test_tables_of_other_papers(paper: str, number: str, averages: set[str]) -> None:
    single, means = Counter(), []
    for table in tables(paper):
        if not table.caption.startswith(f"Table {number} of") or "difference" in table.caption:
            continue
        for line in table.body:
            for head, text in zip(table.header[table.n_labels :], line[table.n_labels :], strict=True):
                if averages & set(head.split(" % ")):
                    means.append(float(text))
                elif text != "-":
                    single[float(text)] += 1
    rows = [row for row in published_rows(paper) if row.table == number]
    factor = 1 if rows[0].task == "similarity" else 100
    assert single == Counter(round(factor * row.value, 3) for row in rows if not row.metric.startswith("mean "))
    if printed := [row for row in rows if row.metric.startswith("mean ")]:
        expected = [WRONG.get((paper, number, row.cell), (0, factor * row.value))[1] for row in printed]
        assert sorted(means) == pytest.approx(sorted(expected), abs=0.101 if factor == 100 else 0.00201)


def test_averages_over_tasks_and_over_the_pairs_of_all_systems() -> None:
    """Table 1 (pairs that all systems have) and table 3 (languages, then tasks) of the static-embedding paper."""
    for number, metric in (("1", "mean p@1"), ("3", "mean")):
        table = next(table for table in tables("static") if table.caption.startswith(f"Table {number} of"))
        shown = {(line[0], head): text for line in table.body for head, text in zip(table.header, line, strict=True)}
        printed = [row for row in published_rows("static") if row.table == number and row.metric.startswith(metric)]
        for row in printed:
            name, column = row.variant or row.model, row.cell.split(" | ")[-1]
            head = column if number == "1" else f"all % {column}"
            expected = WRONG.get(("static", number, row.cell), (0, 100 * row.value))[1]
            assert float(shown[name, head]) == pytest.approx(expected, abs=0.0101 if column != "avg" else 0.07)
        assert len(printed) >= 10


def test_seen_languages_of_the_transport_paper() -> None:
    """Table 1 repeats the averages of seen languages of table 7."""
    table = tables("ot")[0]
    shown = {line[0]: [float(cell) for cell in line[1:]] for line in table.body if "-" not in line[1:]}
    assert shown["WordOT (mBERT)"] == pytest.approx([75.4, 74.7, 59.0], abs=0.101)
    assert shown["L2 (mBERT)"] == pytest.approx([74.6, 68.0, 51.6], abs=0.101)
    assert shown["mBERT"] == pytest.approx([71.9, 73.1, 57.0], abs=0.101)


def test_tables_of_the_fifth_paper() -> None:
    """Scores, deviations, mean relative differences and gaps to English, as printed; correlations are copied."""
    printed = [row for row in published_rows("phonemic") if row.table in ("1", "2") and row.task != "cka"]
    assert len(printed) == 69
    units = {"character": "CANINE", "phonemes": "XPhoneBERT", "subword": "mBERT"}
    names = {"panx": "NER", "udpos": "POS"}
    heads = {"std": "Std.", "mean_rpd": "Mean RPD"}
    by_caption = {table.caption.split(" of ")[0]: table for table in tables("phonemic")}
    for row in printed:
        table = by_caption[f"Table {row.table}"]
        task = row.data if row.task == "gap" else row.task
        labels = (names[task], units[row.unit]) if row.table == "1" else (units[row.unit],)
        (line,) = (line for line in table.body if line[: table.n_labels] == labels)
        shown = {head.partition(" % ")[2] or head: cell for head, cell in zip(table.header, line, strict=True)}
        if row.task != "gap":
            assert shown[row.target.partition("_")[0]] == f"{100 * row.value:.2f}", row.cell
            continue
        head = heads.get(row.metric) or row.cell.split(" | ")[1]
        value = row.value if row.metric in ("rpd", "mean_rpd") else 100 * row.value
        if labels == ("NER", "XPhoneBERT"):  # printed is the population's deviation, and a mean that is cut
            value = {"std": 2.73, "mean_rpd": 3.53}[row.metric]
        assert float(shown[head]) == pytest.approx(value, abs=0.011), row.cell
    coefficients = next(table for table in tables("phonemic") if table.header[0] == "correlation")
    copied = {(row.target, row.metric): row for row in published_rows("phonemic") if row.table == "3"}
    assert len(coefficients.body) == 3
    for line in coefficients.body:
        shown = dict(zip(coefficients.header, line, strict=True))
        for kind in ("spearman", "kendall"):
            row = copied.pop((shown["correlation"].partition(" <-> ")[2], kind))
            assert (shown[kind], shown["n"]) == (f"{row.value:+.3f}", "30")
            assert float(shown[f"p of {kind}"]) == pytest.approx(row.p, rel=0.2)
    assert not copied
