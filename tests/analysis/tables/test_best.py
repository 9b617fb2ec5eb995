"""The best cells of tables of scores, against a loop over all pairs of cells; and how formats mark them."""

import itertools
import re

from hypothesis import given
from hypothesis import strategies as st

from xl_analysis import Table, retrieval_table, task_table
from xl_analysis.tables.best import Candidate, best_cells

SHOWN = st.dictionaries(st.integers(1, 3), st.sampled_from([0.0, 10.0, 20.0]))
LINES = st.lists(
    st.builds(
        Candidate, block=st.sampled_from("xy"), source=st.sampled_from(["eng", "tur"]), system=st.sampled_from("ab"),
        shown=SHOWN,
    ),
    max_size=6,
)  # fmt: skip


@given(LINES)
def test_best_cells_are_those_that_no_rival_exceeds(lines: list[Candidate]) -> None:
    best, sources = best_cells(lines)
    for row, column in itertools.product(range(len(lines)), (1, 2, 3)):
        own = lines[row]
        if column not in own.shown:
            assert (row, column) not in best | sources
            continue
        rivals = [
            o.shown[column] for o in lines if (o.block, o.source) == (own.block, own.source) and column in o.shown
        ]
        assert ((row, column) in best) == (own.shown[column] == max(rivals) > min(rivals))
        family = [o for o in lines if (o.block, o.system) == (own.block, own.system)]
        several = len({o.source for o in family}) == len(family)
        values = [o.shown[column] for o in family if column in o.shown]
        assert ((row, column) in sources) == (several and own.shown[column] == max(values) > min(values))


def score(source: str, target: str, value: float, variant: str, **more: object) -> dict[str, object]:
    row = {"task": "sib200", "metric": "macro_f1", "protocol": "zero-shot", "split": "test", "seed": 1}
    return {**row, "source": source, "target": target, "value": value, "variant": variant, **more}


def test_table_2_of_ppa_in_small() -> None:
    """Rows 1 and 2 of table 2, SIB-200: Glot500 81.4 and 78.9, ours 85.6 and 85.2 into Turkish and Maltese."""
    printed = {("Glot500", "eng_Latn"): 81.4, ("Glot500", "arz_Arab"): 82.9, ("ours", "eng_Latn"): 85.6,
               ("ours", "arz_Arab"): 84.5}  # fmt: skip
    rows = [score(source, "tur_Latn", value / 100, name) for (name, source), value in printed.items()]
    table = task_table([*rows, score("eng_Latn", "tur_Latn", 0.99, "ours", split="dev")])
    lines = {line[0]: number for number, line in enumerate(table.body)}
    column = table.header.index("tur")
    assert {row for row, place in table.best if place == column} == {
        lines["ours (from eng_Latn)"], lines["ours (from arz_Arab)"],
    }  # fmt: skip
    assert {row for row, place in table.best_source if place == column} == {
        lines["Glot500 (from arz_Arab)"], lines["ours (from eng_Latn)"],
    }  # fmt: skip


def test_two_models_of_one_source_are_no_sources_of_one_system() -> None:
    rows = [score("eng_Latn", "tur_Latn", value, "ours", model=model) for model, value in (("m", 0.5), ("n", 0.25))]
    table = task_table(rows)
    assert table.best_source == frozenset()
    assert {table.body[row][0] for row, _ in table.best} == {"ours (m)"}


def test_what_is_shown_alike_is_best_alike() -> None:
    rows = [
        {
            "task": "retrieval",
            "metric": "top10",
            "value": value,
            "source": "a_Latn",
            "target": "b_Grek",
            "variant": name,
        }
        for name, value in (("x", 0.50001), ("y", 0.50004), ("z", 0.4))
    ]
    table = retrieval_table(rows, metrics=("top10",))
    assert {table.body[row][0] for row, _ in table.best} == {"x", "y"}


def test_formats_mark_them_and_text_and_csv_do_not() -> None:
    table = Table(
        ("a", "b"), (("x_1", "2.0"), ("|", "1.0")), best=frozenset({(0, 1)}), best_source=frozenset({(0, 1), (1, 1)})
    )
    assert "**<u>2.0</u>**" in table.render("md")
    assert "<u>1.0</u>" in table.render("md")
    tex = table.render("tex")
    assert r"\textbf{\underline{2.0}}" in tex
    assert r"x\_1" in tex
    assert [line for line in tex.split("\n") if line.endswith("rule")] == [r"\toprule", r"\midrule", r"\bottomrule"]
    assert re.search(r"<strong><u><bdi>2\.0</bdi></u></strong>", table.render("html"))
    for form in ("text", "csv"):
        assert not re.search(r"[*<\\]", table.render(form))
