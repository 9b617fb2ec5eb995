"""All rows in the tables made for them: none lost, none twice."""

import csv
import dataclasses

import pytest

from xl_analysis import metric_table, result_tables, retrieval_table
from xl_analysis.tables.figures import TELLING
from xl_tasks import Row

LANGUAGES = ("eng_Latn", "tur_Latn", "ell_Grek")
FORMATS = ("text", "md", "html", "tex", "csv")


def row(task, metric, value, target="tur_Latn", **more) -> dict:
    return {
        "task": task,
        "metric": metric,
        "value": value,
        "source": "eng_Latn",
        "target": target,
        "variant": "mlm",
    } | more


def everything() -> list[dict]:
    fitted = {"protocol": "zero-shot", "split": "test"}
    mixed = fitted | {"protocol": "mixed-language"}
    rows = [row(task, "top10", 0.11, **{"split": "test"}) for task in ("tatoeba", "bible")]
    rows += [row("xnli", "accuracy", 0.12 + i / 100, t, **fitted) for i, t in enumerate(LANGUAGES)]
    rows += [row("panx", "f1", 0.22 + i / 100, t, **fitted) for i, t in enumerate(LANGUAGES)]
    rows += [row("xnli", "accuracy", 0.31 + i / 100, f"{a}+{a}", **mixed) for i, a in enumerate(LANGUAGES)]
    rows += [row("xnli", "accuracy", 0.32, "diagonal", **mixed)]
    rows += [row("xnli", "accuracy", 0.041, "diagonal", **mixed, baseline="robust=none", low=0.01, high=0.05, p=0.01)]
    rows += [row("bli", "p@1", 0.51, pooling="csls", data="xling"), row("similarity", "harmonic", 0.52)]
    rows += [row("bucc2018", "f1", 0.61, split="test"), row("coverage", "known_words", 0.71)]
    return rows


def test_each_kind_has_its_table_and_no_row_two():
    tables = result_tables(everything())
    assert [table.header[0] for table in tables] == [
        "variant", "variant", "system", "system", "system", "first \\ second", "source", "source", "task", "task",
    ]  # fmt: skip
    text = "\n".join(" ".join(line) for table in tables for line in table.body)
    for figure in ("11.0", "13.0", "23.0", "31.0", "32.0", "33.0", "+4.1", "51.0", "0.520", "61.0", "0.7100"):
        assert figure in text
    assert "diagonal mean 32.0" in tables[5].caption
    # The mean of the diagonal is in the caption, and its row in no table of its own.
    assert not any("diagonal" in table.header for table in tables)


def test_means_of_a_matrix_that_is_not_there_are_shown():
    means = [r for r in everything() if r["target"] == "diagonal" and "baseline" not in r]
    (table,) = result_tables(means)
    assert table.header == ("system", "mean %", "diagonal")


def test_a_paper_beside_ours_and_a_paper_alone():
    paper = {"task": "panx", "metric": "f1", "value": 0.5, "source": "eng_Latn", "target": "tur_Latn", "model": "paper"}
    tables = result_tables([*everything(), paper])
    assert [line[0] for line in tables[3].body] == ["mlm", "paper"]
    (alone,) = result_tables([paper])
    assert alone.header == ("task", "metric", "variant", "mean", "rows")


def test_a_trained_task_is_no_retrieval_even_when_its_metric_is_asked_for():
    rows = [r for r in everything() if r["task"] == "panx"]
    assert result_tables(rows, metrics=("f1",))[0].header[0] == "system"


def test_differences_are_averaged_with_no_score():
    score = row("tatoeba", "top10", 0.5)
    gain = score | {"value": 0.02, "baseline": "model=a"}
    assert retrieval_table([score, gain]).body[0][1] == "50.0"
    assert [line[1:4] for line in metric_table([score, gain]).body] == [
        ("top10", "mlm", "0.5000"),
        ("top10 against model=a", "mlm", "0.0200"),
    ]
    assert len(result_tables([score, gain])) == 2


def test_every_field_of_a_row_tells_systems_apart_or_is_known_not_to():
    figure = {
        "metric",
        "value",
        "n",
        "seed",
        "coverage",
        "skipped",
        "baseline",
        "low",
        "high",
        "chance",
        "p",
        "p_holm",
        "version",
    }
    line = {"variant", "source", "target"}
    place = {"table", "cell", "note"}  # in the paper; a table tells if all else is the same
    assert {field.name for field in dataclasses.fields(Row)} - figure - line - place == set(TELLING)


@pytest.mark.parametrize("form", FORMATS)
def test_all_of_them_render(form):
    for table in result_tables(everything()):
        text = table.render(form)
        assert table.body[0][0].split("_")[0] in text
        if form == "csv":
            assert [tuple(line) for line in csv.reader(text.split("\n"))] == [table.header, *table.body]


def test_links_of_words_have_a_line_a_method():
    rows = [row("align-words", m, v, pooling=p) for p in ("ot", "mutual") for m, v in (("aer", 0.25), ("recall", 0.5))]
    (table,) = result_tables(rows)
    assert table.header == ("pooling", "source", "target", "aer", "recall %", "n")
    assert table.body == (("ot", "eng_Latn", "tur_Latn", "0.250", "50.0", ""), ("mutual", *table.body[0][1:]))


def test_cosines_of_gradients_have_a_line_a_layer():
    rows = [row("gradients", "cosine", v, "seq", layer=n, source="mlm") for n, v in ((0, 0.5), (1, -0.25))]
    (table,) = result_tables(rows)
    assert table.body == (("0", "mlm", "seq", "0.500", ""), ("1", "mlm", "seq", "-0.250", ""))
