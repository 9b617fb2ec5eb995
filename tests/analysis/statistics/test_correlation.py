"""Correlations against scipy's, against slow loops and against laws: partial ones, and those within groups."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from tests.thinned import thinned

from xl_analysis import AnalysisError, correlation

PEERS = {"spearman": stats.spearmanr, "kendall": stats.kendalltau, "pearson": stats.pearsonr}
KINDS = list(PEERS)


def columns(n: int, seed: int = 0, *, ties: bool = False) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    y = 0.6 * x + rng.normal(size=n)
    return (np.round(x), np.round(y)) if ties else (x, y)


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_value_and_asymptotic_p_are_scipys(kind: str, ties: bool) -> None:
    x, y = columns(30, ties=ties)
    found = correlation(x, y, kind=kind, p="asymptotic", n_resamples=99)
    more = {"method": "asymptotic"} if kind == "kendall" else {}
    peer = PEERS[kind](x, y, **more)
    assert (found.value, found.p) == pytest.approx((peer.statistic, peer.pvalue), rel=1e-9)
    assert (found.n, found.p_method) == (30, "asymptotic")


@settings(deadline=None, max_examples=25)
@given(st.lists(st.tuples(*[st.integers(0, 4)] * 2), min_size=4, max_size=6), st.sampled_from(KINDS))
@pytest.mark.slow
def test_exact_p_counts_every_order(points: list[tuple[int, int]], kind: str) -> None:
    x, y = np.array(points, dtype=float).T
    if np.ptp(x) == 0 or np.ptp(y) == 0:
        return
    found = correlation(x, y, kind=kind, n_resamples=9)

    def statistic(moved: np.ndarray) -> float:
        return float(PEERS[kind](x, moved).statistic)

    with np.errstate(all="ignore"):
        peer = stats.permutation_test(
            (y,), statistic, permutation_type="pairings", n_resamples=10**6, alternative="greater"
        )
    # scipy has two-sided as twice a tail; here it is how many are as far from 0.
    far = np.mean(abs(peer.null_distribution) >= abs(peer.statistic) - 1e-9)
    assert found.p_method == "exact"
    assert found.p == pytest.approx(far)


def test_exact_tau_without_ties_is_scipys() -> None:
    x, y = columns(8)
    assert correlation(x, y, kind="kendall").p == pytest.approx(stats.kendalltau(x, y, method="exact").pvalue)


@pytest.mark.parametrize("kind", thinned(KINDS, 3))
def test_drawn_orders_come_near_the_asymptotic_p(kind: str) -> None:
    x, y = columns(40, seed=5)
    drawn, far = (correlation(x, 0.3 * y + columns(40, 9)[0], kind=kind, p=p) for p in ("permutation", "asymptotic"))
    assert drawn.p is not None
    assert far.p is not None
    # Four standard errors of a share of 9,999 draws, and what an approximation is off by at 40 points.
    assert drawn.p == pytest.approx(far.p, abs=4 * np.sqrt(far.p / 9999) + 0.01)
    assert correlation(x, x, kind=kind).p == 1 / 10_000


def test_p_is_uniform_where_nothing_goes_together() -> None:
    rng = np.random.default_rng(1)
    found = [
        correlation(rng.normal(size=12), rng.normal(size=12), kind="spearman", n_resamples=199, seed=trial).p or 0.0
        for trial in range(150)
    ]
    assert stats.kstest(found, "uniform").pvalue > 1e-3


@pytest.mark.parametrize("kind", thinned(KINDS, 3))
def test_interval_is_the_percentile_one(kind: str) -> None:
    pytest.importorskip("scipy", "1.15")  # rng
    x, y = columns(60)
    found = correlation(x, y, kind=kind)
    peer = stats.bootstrap(
        (x, y),
        lambda a, b: PEERS[kind](a, b).statistic,
        paired=True,
        vectorized=False,
        method="percentile",
        n_resamples=1999,
        rng=np.random.default_rng(3),
    )
    # The error of a 2.5 percentile is 0.06 of a standard deviation with 1,999 resamples; four of them, twice.
    tolerance = 4 * 1.42 * 0.06 * peer.standard_error
    assert (found.low, found.high) == pytest.approx(tuple(peer.confidence_interval), abs=tolerance)


@pytest.mark.parametrize("kind", KINDS)
def test_partial_by_the_formula_of_three(kind: str) -> None:
    x, y = columns(50)
    z = x + 0.5 * np.random.default_rng(8).normal(size=50)
    found = correlation(x, y, kind=kind, given=z, n_resamples=199)
    xy, xz, yz = (PEERS[kind](*pair).statistic for pair in ((x, y), (x, z), (y, z)))
    assert found.value == pytest.approx((xy - xz * yz) / np.sqrt((1 - xz**2) * (1 - yz**2)), rel=1e-9)
    assert (found.p is None) == (kind == "kendall")


def test_partial_p_is_that_of_a_regression() -> None:
    x, y = columns(40, seed=2)
    rng = np.random.default_rng(0)
    given = np.stack([x + rng.normal(size=40), rng.normal(size=40)], axis=1)
    found = correlation(x, y, kind="pearson", given=given, p="asymptotic", n_resamples=99)
    # t of x in the regression of y on x, the two columns and a constant.
    design = np.column_stack([x, given, np.ones(40)])
    beta, residual, *_ = np.linalg.lstsq(design, y, rcond=None)
    variance = residual[0] / 36 * np.linalg.inv(design.T @ design)[0, 0]
    assert found.p == pytest.approx(2 * stats.t.sf(abs(beta[0]) / np.sqrt(variance), 36), rel=1e-9)
    drawn = correlation(x, y, kind="pearson", given=given)
    assert drawn.p == pytest.approx(found.p, abs=0.02)


def simpson() -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Two pairs of languages: far apart together, and against each other within each."""
    rng = np.random.default_rng(4)
    steps = rng.normal(size=(2, 15))
    x = np.concatenate([steps[0], 8 + steps[1]])
    y = np.concatenate([-steps[0], 8 - steps[1]]) + 0.3 * rng.normal(size=30)
    return x, y, ["eng-swa"] * 15 + ["eng-urd"] * 15


@pytest.mark.parametrize("kind", KINDS)
def test_simpsons_trap(kind: str) -> None:
    x, y, groups = simpson()
    pooled, within = correlation(x, y, kind=kind), correlation(x, y, kind=kind, groups=groups)
    assert pooled.value > 0
    assert within.value < -0.6
    assert within.high < 0
    assert within.p == 1 / 10_000


def test_within_groups_as_slow_loops_have_it() -> None:
    x, y, groups = simpson()
    y = np.round(2 * y)
    sides = [0, 0]
    total = 0
    for i, j in combinations(range(30), 2):
        if groups[i] == groups[j]:
            a, b = np.sign(x[i] - x[j]), np.sign(y[i] - y[j])
            total += a * b
            sides = [sides[0] + a * a, sides[1] + b * b]
    assert correlation(x, y, kind="kendall", groups=groups, n_resamples=9).value == pytest.approx(
        total / np.sqrt(sides[0] * sides[1])
    )
    # Group means taken away is the same as the partial correlation given a column that tells the groups.
    told = np.array([float(group == "eng-swa") for group in groups])
    by_groups = correlation(x, y, kind="pearson", groups=groups, p="asymptotic", n_resamples=9)
    by_column = correlation(x, y, kind="pearson", given=told, p="asymptotic", n_resamples=9)
    assert (by_groups.value, by_groups.p) == pytest.approx((by_column.value, by_column.p), rel=1e-9)
    ranks = [np.concatenate([stats.rankdata(c[:15]), stats.rankdata(c[15:])]) for c in (x, y)]
    spearman = correlation(x, y, kind="spearman", groups=groups, n_resamples=9).value
    assert spearman == pytest.approx(correlation(*ranks, kind="pearson", groups=groups, n_resamples=9).value)


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 999), st.sampled_from(["spearman", "kendall"]))
def test_ranks_do_not_see_the_scale(seed: int, kind: str) -> None:
    x, y = columns(12, seed)
    plain = correlation(x, y, kind=kind, n_resamples=99)
    bent = correlation(np.exp(x), y**3, kind=kind, n_resamples=99)
    turned = correlation(x, -y, kind=kind, n_resamples=99)
    assert (plain.value, plain.low, plain.high, plain.p) == (bent.value, bent.low, bent.high, bent.p)
    assert turned.value == pytest.approx(-plain.value)


def test_many_points_are_quick_and_the_same() -> None:
    x, y = columns(400, ties=True)
    found = correlation(x, y, kind="kendall", n_resamples=20)
    assert found.p_method == "asymptotic"
    assert found.value == pytest.approx(stats.kendalltau(x, y).statistic)


def test_what_has_no_correlation_is_told() -> None:
    x, y = columns(6)
    for wrong, told in (
        ((x[:3], y[:3]), "3 points; a correlation needs at least 4"),
        (
            (x, np.full(6, 0.5)),
            r"y is the same at every point \(0.5 at the first\); nothing correlates with a constant",
        ),
        ((x, np.where(x > 0, np.nan, y)), "y holds a number that is not finite"),
        ((x, y[:5]), "one number a point"),
    ):
        with pytest.raises(AnalysisError, match=told):
            correlation(*wrong)
    with pytest.raises(AnalysisError, match="x is the same throughout each group"):
        correlation([1, 1, 2, 2], [1, 2, 3, 4], groups="aabb")
    with pytest.raises(AnalysisError, match="the given columns explain x or y entirely"):
        correlation(x, y, given=2 * x, kind="pearson")
    with pytest.raises(AnalysisError, match="p is 'exact', which is for up to 8 points of one group, and there are 9"):
        correlation(*columns(9), p="exact")
    with pytest.raises(AnalysisError, match="kind is 'tau'; choose one of spearman, kendall, pearson"):
        correlation(x, y, kind="tau")
