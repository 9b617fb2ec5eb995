"""Tables of correlations of several systems, and panels of what is correlated."""

from typing import Any

import numpy as np
import pytest

from xl_analysis import AnalysisError, correlation_table, laid_out, pair_panels, read_layout


def row(metric: str, value: float, points: str = "all points", unit: str = "phonemes", **more: Any) -> dict[str, Any]:
    about = {"task": "correlate", "source": "gap", "target": "cka", "variant": points, "n": 12, "p": 0.01}
    return {**about, "metric": metric, "value": value, "unit": unit, "model": "m", **more}


ROWS = [
    row("spearman", -0.7), row("kendall", -0.5, p=0.2), row("spearman", 0.1, "within pair", p=0.6),
    row("spearman", 0.3, unit="subword", p=0.4),
]  # fmt: skip


def test_systems_are_told_apart_and_the_trap_names_its_own() -> None:
    table = correlation_table(ROWS)
    assert table.header[:2] == ("system", "x")
    assert [line[0] for line in table.body] == ["phonemes", "phonemes", "phonemes", "subword"]
    assert "spearman phonemes gap <-> cka over all points is not shown within pair." in table.caption
    alone = correlation_table(ROWS[:3])
    assert alone.header[0] == "x"
    assert "spearman over all points is not shown within pair." in alone.caption


def test_the_papers_form_has_coefficients_side_by_side() -> None:
    [table] = laid_out(ROWS, read_layout("phonemic")).tables
    assert table.header == (
        "system", "correlation", "points", "spearman", "p of spearman", "kendall", "p of kendall", "n",
    )  # fmt: skip
    assert [line[:7] for line in table.body] == [
        ("phonemes", "gap <-> cka", "all points", "-0.700", "0.010", "-0.500", "0.200"),
        ("phonemes", "gap <-> cka", "within pair", "+0.100", "0.600", "-", "-"),
        ("subword", "gap <-> cka", "all points", "+0.300", "0.400", "-", "-"),
    ]


def test_panels_have_every_point_and_its_mean() -> None:
    points = [("a", "eng-swh", 1.0), ("a", "eng-swh", 3.0), ("b", "eng-urd", 5.0)]
    figure = pair_panels({"gap": points, "cka": points[:2]}, {"cka": ["a: -0.5"]})
    first, second = figure.axes
    shown = sorted(y for dots in first.collections for _, y in np.asarray(dots.get_offsets()).tolist())
    assert shown == [1.0, 3.0, 5.0]
    assert sorted(np.asarray(line.get_ydata()).tolist() for line in first.lines) == [[2.0, 2.0], [5.0, 5.0]]
    assert second.get_xlabel() == "a: -0.5"
    assert [tick.get_text() for tick in second.get_xticklabels()] == ["eng-swh", "eng-urd"]
    with pytest.raises(AnalysisError, match="at least one point"):
        pair_panels({"gap": []})
