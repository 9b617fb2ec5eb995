"""What tells two lines apart when all else is the same: the model, then the table of a paper."""

from collections.abc import Mapping

import pytest

from xl_analysis import AnalysisError, task_table

ROW = {"task": "xnli", "metric": "accuracy", "source": "eng_Latn", "target": "fra_Latn", "variant": "L2"}
OTHER = {**ROW, "value": 0.5}


def names(*rows: Mapping[str, object]) -> list[str]:
    return [line[0] for line in task_table(rows).body]


def test_two_tables_of_a_paper_that_differ_are_two_lines() -> None:
    printed = [{**ROW, "paper": "ot", "table": table, "value": value} for table, value in (("2", 0.744), ("7", 0.743))]
    assert names(*printed) == ["L2 (table 2)", "L2 (table 7)"]
    assert names(*printed, OTHER) == ["L2 (ot, table 2)", "L2 (ot, table 7)", "L2"]


def test_two_tables_that_agree_are_one_line() -> None:
    assert names(*({**ROW, "table": table, "value": 0.744} for table in ("2", "7"))) == ["L2"]


def test_the_model_tells_before_the_table() -> None:
    assert names({**OTHER, "model": "a", "table": "1"}, {**ROW, "value": 0.6, "model": "b", "table": "2"}) == [
        "L2 (a)",
        "L2 (b)",
    ]


def test_a_model_that_is_the_name_already_is_not_told_again() -> None:
    of_a_model = {**ROW, "variant": "", "model": "mBERT"}
    printed = [
        {**of_a_model, "paper": "ot", "table": table, "value": value} for table, value in (("2", 0.7), ("7", 0.8))
    ]
    others = [{**OTHER, "model": "a"}, {**ROW, "value": 0.6, "model": "b"}]
    assert names(*printed, *others) == ["mBERT (table 2)", "mBERT (table 7)", "L2 (a)", "L2 (b)"]


def test_rows_that_nothing_tells_apart_are_refused() -> None:
    with pytest.raises(AnalysisError, match=r"two rows say accuracy of 'L2' from eng_Latn to fra_Latn"):
        names(OTHER, {**ROW, "value": 0.6})
