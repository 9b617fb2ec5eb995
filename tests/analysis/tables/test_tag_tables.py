"""Scores by tag: one table a task and measure, apart from the scores of the whole."""

from statistics import fmean

import pytest

from xl_analysis import AnalysisError, gains, is_by_tag, language_scores, result_tables, rows_by_kind, tag_tables

FITTED = {
    "task": "udpos",
    "source": "eng_Latn",
    "protocol": "zero-shot",
    "split": "test",
    "variant": "mlm",
    "data": "ud",
}
SCORES = {
    ("mlm", "tur_Latn"): {"f1 NOUN": 0.6, "f1 X": 0.1},
    ("mlm", "ell_Grek"): {"f1 NOUN": 0.8},
    ("mlm+seq", "tur_Latn"): {"f1 NOUN": 0.7, "f1 X": 0.1},
    ("mlm+seq", "ell_Grek"): {"f1 NOUN": 0.8, "f1 X": 0.3},
}


def rows():
    whole = [{**FITTED, "metric": "accuracy", "value": 0.9, "target": target} for target in ("tur_Latn", "ell_Grek")]
    parts = [
        {**FITTED, "variant": variant, "metric": metric, "value": value, "target": target, "n": 7}
        for (variant, target), scores in SCORES.items()
        for metric, value in scores.items()
    ]
    return [*whole, *parts]


def test_a_tag_has_a_column_and_a_target_a_line():
    (table,) = tag_tables(rows())
    assert table.header == ("system", "target", "NOUN", "X")
    cells = {(name, target): values for name, target, *values in table.body}
    for (name, target), scores in SCORES.items():
        expected = [f"{100 * scores[metric]:.1f}" if metric in scores else "-" for metric in ("f1 NOUN", "f1 X")]
        assert cells[name, target] == expected
    means = [fmean(scores["f1 NOUN"] for (name, _), scores in SCORES.items() if name == system) for system in ("mlm",)]
    assert cells["mlm", "mean"][0] == f"{100 * means[0]:.1f}"
    # Bold where systems differ on one target: NOUN in Turkish and in the means, X in the means.
    bold = {(table.body[row][0], table.body[row][1], table.header[column]) for row, column in table.best}
    assert bold == {("mlm+seq", "tur_Latn", "NOUN"), ("mlm+seq", "mean", "NOUN"), ("mlm+seq", "mean", "X")}
    assert "Of each there are 7 to 7." in table.caption


@pytest.mark.parametrize("layout", ["systems", "targets"])
def test_no_other_table_has_the_scores_of_tags(layout):
    score, by_tag = result_tables(rows(), layout=layout)
    assert by_tag == tag_tables(rows())[0]
    assert score == result_tables(rows()[:2], layout=layout)[0]
    assert list(rows_by_kind(rows())) == ["task", "tag"]


def test_gaps_and_gains_are_those_of_the_whole():
    (system,) = language_scores(rows())
    assert system.scores == {"tur_Latn": 0.9, "ell_Grek": 0.9}
    assert system.row["metric"] == "accuracy"
    before = [{**row, "variant": "untrained", "value": row["value"] / 2} for row in rows()[:4]]
    assert {gain.metric for gain in gains([*rows()[:4], *before])} == {"accuracy"}


def test_what_is_no_tag():
    assert [name for name in ("f1", "accuracy", "mean f1", "mean macro_f1", "f1 ", "top1") if is_by_tag(name)] == []
    with pytest.raises(AnalysisError, match="no row of a tag"):
        tag_tables(rows()[:2])
