"""A line a pair: figures where they belong, settings that differ as columns, the others in the caption."""

import re

import pytest

from xl_analysis import AnalysisError, coverage_beside, pair_table


def row(metric: str, value: float, **more: object) -> dict:
    return {"task": "retrieval", "metric": metric, "value": value, "source": "a", "target": "b", "n": 7, **more}


def test_one_line_a_pair_and_one_column_a_metric() -> None:
    table = pair_table([row("top1", 0.25), row("top10", 1.0), row("top1", 0.5, target="c"), row("cka", 0.12345)])
    assert table.header == ("source", "target", "top-1 %", "top-10 %", "cka", "n")
    assert table.body == (("a", "b", "25.0", "100.0", "0.123", "7"), ("a", "c", "50.0", "-", "-", "7"))
    assert table.caption.startswith("top-k: share of the n queries")
    assert table.caption.endswith("texts. task retrieval")
    assert pair_table([row("cka", 0.1)]).caption == "task retrieval"


def test_a_share_that_could_not_be_asked_is_told() -> None:
    caption = pair_table([row("top1", 0.5, coverage=0.91), row("top1", 0.5, target="c")]).caption
    assert "at least 91 % of the source's items" in caption


def test_settings_that_differ_become_columns() -> None:
    table = pair_table([row("top1", 0.1, layer=0, model="m"), row("top1", 0.2, layer=None, model="m")])
    assert table.header[:3] == ("layer", "source", "target")
    assert [line[0] for line in table.body] == ["0", ""]
    assert re.search(r"model m$", table.caption)
    assert "layer" not in pair_table([row("top1", 0.1, layer=None)]).caption


@pytest.mark.parametrize("field", ["split", "protocol", "tuning", "robust", "noise", "baseline"])
def test_rows_of_two_settings_are_two_lines(field: str) -> None:
    table = pair_table([row("top1", 0.1), row("top1", 0.2, **{field: "x"})])
    assert table.header[0] == field
    assert [line[-2] for line in table.body] == ["10.0", "20.0"]


def test_rows_without_a_needed_field_are_refused() -> None:
    with pytest.raises(AnalysisError, match="row 1 has no field 'source'"):
        pair_table([{"metric": "top1", "value": 1.0, "target": "b"}])
    with pytest.raises(AnalysisError, match="at least one"):
        pair_table([])


def test_where_a_prompt_begins_and_ends_is_seen() -> None:
    assert pair_table([row("cka", 0.1, prompt="query: ", unit="subword")]).caption.endswith(
        "prompt 'query: ', unit subword"
    )
    table = pair_table(
        [row("cka", 0.1, prompt="query: "), row("cka", 0.2, prompt="query:"), row("cka", 0.3, prompt="")]
    )
    assert [line[0] for line in table.body] == ["'query: '", "'query:'", ""]


def test_no_figure_is_shown_as_minus_nothing() -> None:
    """A difference that rounds to 0 has no sign of its own: 0.98999 less 0.99, an MMD^2 of -0.00001."""
    covered = [
        {"task": "coverage", "metric": metric, "value": value, "source": "eng_Latn", "target": "eng_Latn",
         "model": model, "unit": "subword"}
        for model, shift in (("a", 0.0), ("b", -1e-5))
        for metric, value in (("known_words", 0.99 + shift), ("pieces_per_word", 1.5 + shift))
    ]  # fmt: skip
    beside = coverage_beside(covered).render("text")
    assert "+0.0" in beside
    assert "+0.00" in beside
    assert "-0.0" not in beside
    row = {"task": "distance", "metric": "mmd2", "value": -1e-5, "source": "eng_Latn", "target": "tur_Latn"}
    assert "-0.000" not in pair_table([row]).render("text")
