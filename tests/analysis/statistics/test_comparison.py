"""Comparing two runs by their rows: scipy's t tests, Newcombe's own example, all signs counted one by one."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from xl_analysis import AnalysisError, compare, signed_rank_p

Row = dict[str, object]
LANGUAGES = ["tur_Latn", "ell_Grek", "amh_Ethi", "heb_Hebr", "hin_Deva", "mlt_Latn"]


def row(value: float, **more: object) -> Row:
    return {"task": "t", "metric": "f1", "value": value, "source": "eng_Latn", "target": "tur_Latn", "n": 0, **more}


def seeds(values: list[float], **more: object) -> list[Row]:
    return [row(value, seed=seed, **more) for seed, value in enumerate(values)]


def test_shares_as_in_newcombes_example() -> None:
    # Newcombe 1998, table II (a): 56 of 70 and 48 of 80, method 10.
    a, b = row(48 / 80, metric="accuracy", n=80), row(56 / 70, metric="accuracy", n=70)
    [cell] = compare([a], [b]).cells
    assert (cell.low, cell.high) == pytest.approx((0.0524, 0.3339), abs=5e-5)
    assert (cell.test, cell.verdict) == ("intervals", "higher")
    turned = compare([b], [a]).cells[0]
    assert (turned.low, turned.high, turned.p) == pytest.approx((-0.3339, -0.0524, cell.p), abs=5e-5)


def test_seeds_as_in_scipys_t_tests() -> None:
    one, other = [0.61, 0.63, 0.60, 0.66, 0.62], [0.65, 0.64, 0.66, 0.69, 0.63]
    paired = compare(seeds(one), seeds(other)).cells[0]
    expected = stats.ttest_rel(other, one)
    assert paired.p == pytest.approx(expected.pvalue, rel=1e-9)
    assert [paired.low, paired.high] == pytest.approx(list(expected.confidence_interval()), rel=1e-9)
    assert (paired.n_seeds, paired.test) == (5, "seeds")
    later = [row | {"seed": 9 + place} for place, row in enumerate(seeds(other))]
    unpaired = compare(seeds(one), later).cells[0]
    welch = stats.ttest_ind(other, one, equal_var=False)
    assert unpaired.p == pytest.approx(welch.pvalue, rel=1e-9)
    assert [unpaired.low, unpaired.high] == pytest.approx(list(welch.confidence_interval()), rel=1e-9)


def test_intervals_add_as_independent_errors_and_seeds_to_them() -> None:
    a, b = row(0.5, low=0.47, high=0.53), row(0.58, low=0.54, high=0.62)
    cell = compare([a], [b]).cells[0]
    assert (cell.low, cell.high) == pytest.approx((0.08 - 0.05, 0.08 + 0.05))
    error = 0.05 / stats.norm.ppf(0.975)
    assert cell.p == pytest.approx(2 * stats.norm.sf(0.08 / error), rel=1e-6)
    more = compare(seeds([0.5, 0.52], low=0.47, high=0.55), seeds([0.58, 0.59], low=0.54, high=0.63)).cells[0]
    assert more.test == "intervals, seeds"
    assert cell.low is not None
    assert more.low is not None
    assert more.low < cell.low + 0.02 - 0.015
    assert compare([row(0.5)], [row(0.6)]).cells[0].verdict == "not tested"


@settings(deadline=None, max_examples=40)
@given(
    st.lists(st.tuples(*[st.integers(0, 40)] * 2), min_size=1, max_size=5),
)
def test_p_and_interval_say_the_same(counts: list[tuple[int, int]]) -> None:
    sides = [
        [row(pair[side] / 40, metric="accuracy", n=40, target=f"l{i}_Latn") for i, pair in enumerate(counts)]
        for side in (0, 1)
    ]
    for cell in compare(*sides).cells:
        assert cell.low is not None
        assert cell.high is not None
        assert cell.p is not None
        assert cell.p_holm is not None
        assert cell.low <= cell.value <= cell.high
        assert (cell.p < 0.05) == (cell.low > 0 or cell.high < 0)
        assert cell.p_holm >= cell.p


@settings(deadline=None, max_examples=40)
@given(st.lists(st.integers(-3, 3), min_size=1, max_size=9))
def test_signed_ranks_against_all_signs(values: list[int]) -> None:
    kept = np.array([value for value in values if value], dtype=float)
    ranks = stats.rankdata(abs(kept))
    found = (ranks * (kept > 0)).sum()
    sums = np.array([(ranks * signs).sum() for signs in product((0, 1), repeat=len(kept))])
    tails = (sums <= found + 1e-9).mean(), (sums >= found - 1e-9).mean()
    assert signed_rank_p([value / 10 for value in values]) == pytest.approx(min(1.0, 2 * min(tails)))


def test_one_family_a_metric_and_a_test_over_languages() -> None:
    gains = [0.02, 0.04, 0.03, 0.05, 0.06, 0.01]
    first = [row(0.5, target=code, low=0.495, high=0.505) for code in LANGUAGES]
    second = [
        row(0.5 + gain, target=code, low=0.495 + gain, high=0.505 + gain)
        for code, gain in zip(LANGUAGES, gains, strict=True)
    ]
    found = compare(first, second)
    p = [cell.p or 0.0 for cell in found.cells]
    assert max(cell.p_holm or 0.0 for cell in found.cells) == pytest.approx(max(p))
    assert min(cell.p_holm or 0.0 for cell in found.cells) == pytest.approx(6 * min(p))
    [line] = found.languages
    assert (line.n_languages, line.n_higher, line.n_lower, line.verdict) == (6, 6, 0, "higher")
    assert line.p == pytest.approx(2 / 2**6)
    assert found.verdict == "f1: of 6 cells 6 higher; t, over 6 languages: higher (p 0.031)."
    few = compare(first[:3], second[:3])
    assert few.languages[0].p is None
    assert "3 languages are too few for a test over languages" in few.verdict
    assert compare(first, first).languages[0].verdict == "no difference shown"


def test_differences_drawn_item_by_item_come_first() -> None:
    a, b = row(0.5, low=0.4, high=0.6), row(0.55, low=0.45, high=0.65, variant="mlm")
    assert compare([a], [b]).cells[0].verdict == "no difference shown"
    drawn = row(0.05, low=0.03, high=0.07, p=0.002, baseline="run=a", variant="mlm")
    [cell] = compare([a], [b], paired=[drawn]).cells
    assert (cell.test, cell.p, cell.low, cell.verdict) == ("items", 0.002, 0.03, "higher")


def test_systems_called_alike_are_compared() -> None:
    layers = [row(value, layer=layer) for layer, value in ((4, 0.4), (8, 0.6))]
    other = [row(value, layer=layer, variant="x") for layer, value in ((8, 0.7), (12, 0.9))]
    found = compare(layers, other)
    assert [(cell.told["layer"], round(cell.value, 6)) for cell in found.cells] == [("8", 0.1)]
    assert (found.n_only_a, found.n_only_b) == (1, 1)
    # A row from a paper that does not say which split it is of.
    assert len(compare([row(0.5, split="test", data="d")], [row(0.6)]).cells) == 1


def test_what_cannot_be_compared_is_one_sentence() -> None:
    with pytest.raises(AnalysisError, match=r"the second run says t f1 of 'm' from eng_Latn .* twice: 0.5 and 0.6"):
        compare([row(0.5)], [row(0.5, variant="m"), row(0.6, variant="m")])
    with pytest.raises(AnalysisError, match="target is tur_Latn in the first run and ell_Grek in the second"):
        compare([row(0.5)], [row(0.5, target="ell_Grek")])
    with pytest.raises(AnalysisError, match="the second run has no score"):
        compare([row(0.5)], [row(0.5, baseline="noise=none")])
    with pytest.raises(AnalysisError, match="row 1: value is nan; a finite number is needed"):
        compare([row(float("nan"))], [row(0.5)])
