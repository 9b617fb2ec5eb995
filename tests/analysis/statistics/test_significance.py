"""The paired bootstrap against scipy's, against a slow loop, and against what a test of significance must satisfy."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from xl_analysis import AnalysisError, bootstrap_interval, paired_bootstrap
from xl_analysis.statistics import significance
from xl_tasks.scoring.measures import FORMS


def of_hits(hits) -> np.ndarray:
    """(n_seeds, n_items) scores -> statistics of their mean."""
    hits = np.asarray(hits, dtype=float)
    return np.stack([hits, np.ones_like(hits)], axis=-1)


def two_systems(n_items, n_seeds=1, *, gap=0.0, seed=0):
    """Right answers of two systems of one accuracy (plus gap) that agree on most items."""
    rng = np.random.default_rng(seed)
    base = rng.random((1, n_items))
    sides = []
    for accuracy in (0.6 + gap, 0.6):
        # The mean of two uniform numbers is below 1 - sqrt((1 - a) / 2) with probability a, for a over 0.5.
        own = rng.random((n_seeds, n_items))
        sides.append((base + own) / 2 < 1 - np.sqrt((1 - accuracy) / 2))
    return of_hits(sides[0]), of_hits(sides[1])


def macro_f1_stats(rng, n_seeds, n_items, n_classes=3):
    gold = rng.integers(0, n_classes, n_items)
    right = rng.random((n_seeds, n_items)) < 0.5
    predicted = np.where(right, gold, rng.integers(0, n_classes, (n_seeds, n_items)))
    one = np.eye(n_classes)
    stats = np.stack([one[predicted] * one[gold], one[predicted], np.broadcast_to(one[gold], one[predicted].shape)], -1)
    return stats.reshape(n_seeds, n_items, 3 * n_classes)


def test_means_as_scipy_has_them():
    pytest.importorskip("scipy", "1.15")  # rng
    ours, theirs = two_systems(400, gap=0.03)
    found = paired_bootstrap(FORMS["mean"], ours, theirs, n_resamples=9999)
    peer = scipy_stats.bootstrap(
        (ours[0, :, 0], theirs[0, :, 0]),
        lambda x, y, axis: x.mean(axis) - y.mean(axis),
        paired=True,
        vectorized=True,
        n_resamples=9999,
        method="percentile",
        rng=np.random.default_rng(1),
    )
    assert found.value == pytest.approx(ours[0, :, 0].mean() - theirs[0, :, 0].mean(), abs=1e-12)
    # The standard error of a 2.5 percentile is 0.026 of a standard deviation with 9,999 resamples; four of them.
    tolerance = 4 * 0.037 * peer.standard_error
    assert found.low == pytest.approx(peer.confidence_interval.low, abs=tolerance)
    assert found.high == pytest.approx(peer.confidence_interval.high, abs=tolerance)
    single = bootstrap_interval(FORMS["mean"], ours, n_resamples=9999)
    peer = scipy_stats.bootstrap(
        (ours[0, :, 0],), np.mean, n_resamples=9999, method="percentile", rng=np.random.default_rng(1)
    )
    assert single.low == pytest.approx(peer.confidence_interval.low, abs=4 * 0.037 * peer.standard_error)
    assert single.high == pytest.approx(peer.confidence_interval.high, abs=4 * 0.037 * peer.standard_error)


def test_items_alike_are_drawn_as_one(monkeypatch):
    ours, theirs = two_systems(900, 2, gap=0.04)
    counted = paired_bootstrap(FORMS["mean"], ours, theirs, n_resamples=9999)
    assert len(significance._distinct(ours[0])[0]) == 2
    monkeypatch.setattr(significance, "_FEW", 1000)
    assert len(significance._distinct(ours[0])[0]) == 900
    one_by_one = paired_bootstrap(FORMS["mean"], ours, theirs, n_resamples=9999)
    # As above: four standard errors of a percentile of 9,999 resamples.
    tolerance = 4 * 0.037 * (counted.high - counted.low) / 3.92
    assert counted.low == pytest.approx(one_by_one.low, abs=tolerance)
    assert counted.high == pytest.approx(one_by_one.high, abs=tolerance)
    assert counted.value == one_by_one.value


@pytest.mark.parametrize("form", ["mean", "f1", "macro_f1"])
def test_a_slow_loop_over_the_same_draws(form, monkeypatch):
    monkeypatch.setattr(significance, "_FEW", 1000)
    rng = np.random.default_rng(3)
    n_stats = {"mean": 2, "f1": 3, "macro_f1": 9}[form]
    stats = macro_f1_stats(rng, 5, 30)[:, :, :n_stats]
    ours, theirs = stats[:2], stats[2:]
    draws = []

    def recorded(times, n_rows, rng, counts=significance._counts):
        draws.append(counts(times, n_rows, rng))
        return draws[-1]

    monkeypatch.setattr(significance, "_counts", recorded)
    found = paired_bootstrap(FORMS[form], ours, theirs, n_resamples=60, seed=4)
    items, own_seeds, their_seeds = draws
    assert items.shape == (60, 30)
    assert own_seeds.shape == (60, 2)
    assert their_seeds.shape == (60, 3)
    differences = []
    for row in range(60):
        means = []
        for system, seeds in ((ours, own_seeds), (theirs, their_seeds)):
            scores = []
            for number, times in enumerate(seeds[row]):
                chosen = [system[number, item] for item in range(30) for _ in range(int(items[row, item]))]
                assert len(chosen) == 30
                scores += [float(FORMS[form](np.sum(chosen, axis=0)))] * int(times)
            assert len(scores) == len(system)
            means.append(sum(scores) / len(scores))
        differences.append(means[0] - means[1])
    assert (found.low, found.high) == pytest.approx(tuple(np.percentile(differences, [2.5, 97.5])), abs=1e-12)
    turned = min(sum(d <= 0 for d in differences), sum(d >= 0 for d in differences))
    assert found.p == pytest.approx(min(1, 2 * (turned + 1) / 61), abs=1e-12)
    assert (found.n_items, found.n_seeds) == (30, 2)


def test_the_interval_holds_the_truth_95_times_in_a_hundred():
    rng = np.random.default_rng(5)
    n_trials, held = 400, 0
    for trial in range(n_trials):
        # Item by item correlated systems, 0.70 against 0.60.
        shared = rng.random(150)
        ours, theirs = (
            of_hits([shared < 0.7]),
            of_hits([np.where(rng.random(150) < 0.5, shared, rng.random(150)) < 0.6]),
        )
        found = paired_bootstrap(FORMS["mean"], ours, theirs, n_resamples=300, seed=trial)
        held += found.low <= 0.1 <= found.high
    # Binomial(400, 0.95) leaves 0.91 to 0.98 less than once in a thousand times.
    assert 0.91 <= held / n_trials <= 0.98


@pytest.mark.slow
def test_the_interval_with_seeds_covers_the_next_training():
    rng = np.random.default_rng(6)
    n_trials = 100
    held = {"both": 0, "items alone": 0}
    for trial in range(n_trials):
        # The true accuracies of eight trainings spread more than the sampling error of 500 items.
        accuracies = 0.7 + 0.05 * rng.standard_normal(8)
        ours = of_hits(rng.random((8, 500)) < accuracies[:, None])
        found = bootstrap_interval(FORMS["mean"], ours, n_resamples=300, seed=trial)
        held["both"] += found.low <= 0.7 <= found.high
        # The eight runs as one: what leaving the seeds out would say.
        joined = bootstrap_interval(FORMS["mean"], ours.mean(0, keepdims=True), n_resamples=300, seed=trial)
        held["items alone"] += joined.low <= 0.7 <= joined.high
    assert held["both"] / n_trials > 0.85
    assert held["items alone"] / n_trials < 0.7


def test_p_is_uniform_where_there_is_no_difference():
    p = [
        paired_bootstrap(FORMS["mean"], *two_systems(300, seed=trial), n_resamples=400, seed=trial).p
        for trial in range(300)
    ]
    # Equal accuracies tie now and then, which moves p up; below, it must not be under the diagonal.
    for level in (0.05, 0.1, 0.2, 0.5):
        share = np.mean(np.array(p) <= level)
        assert share == pytest.approx(level, abs=4 * np.sqrt(level * (1 - level) / 300))


def test_laws():
    ours, theirs = two_systems(200, 3, gap=0.05)
    found = paired_bootstrap(FORMS["mean"], ours, theirs)
    turned = paired_bootstrap(FORMS["mean"], theirs, ours)
    assert (turned.value, turned.low, turned.high) == pytest.approx((-found.value, -found.high, -found.low), abs=1e-12)
    assert turned.p == found.p
    assert found == paired_bootstrap(FORMS["mean"], ours, theirs)
    assert found != paired_bootstrap(FORMS["mean"], ours, theirs, seed=1)
    # p is below 0.05 where the interval excludes 0, but for the resample counted on top.
    assert (found.p <= 0.052) == (found.low > 0 or found.high < 0)
    same = paired_bootstrap(FORMS["mean"], ours, ours)
    assert (same.value, same.low, same.p) == (0, -same.high, 1)
    sure = paired_bootstrap(FORMS["mean"], of_hits(np.ones((1, 50))), of_hits(np.zeros((1, 50))), n_resamples=99)
    assert (sure.value, sure.high, sure.p) == (1, 1, 0.02)


def test_blocks_of_resamples_change_nothing(monkeypatch):
    rng = np.random.default_rng(7)
    stats = macro_f1_stats(rng, 4, 50)
    whole = paired_bootstrap(FORMS["macro_f1"], stats[:2], stats[2:])
    monkeypatch.setattr(significance, "_COUNTS_AT_ONCE", 333)
    assert paired_bootstrap(FORMS["macro_f1"], stats[:2], stats[2:]) == whole
    monkeypatch.setattr(significance, "_COUNTS_AT_ONCE", 1)
    assert paired_bootstrap(FORMS["macro_f1"], stats[:2], stats[2:]) == whole


def test_bad_input():
    ours, theirs = two_systems(10)
    with pytest.raises(AnalysisError, match=r"stats are of shape \(1, 10, 2\) and baseline of \(1, 9, 2\)"):
        paired_bootstrap(FORMS["mean"], ours, theirs[:, 1:])
    with pytest.raises(AnalysisError, match=r"baseline are of shape \(10, 2\); give \(n_seeds, n_items, n_stats\)"):
        paired_bootstrap(FORMS["mean"], ours, theirs[0])
    with pytest.raises(AnalysisError, match=r"stats are of shape \(1, 0, 2\)"):
        bootstrap_interval(FORMS["mean"], ours[:, :0])
    with pytest.raises(AnalysisError, match="n_resamples is 0"):
        paired_bootstrap(FORMS["mean"], ours, theirs, n_resamples=0)
    with pytest.raises(AnalysisError, match="not finite"):
        bootstrap_interval(FORMS["mean"], ours * np.nan)


@given(n=st.integers(1, 300), n_seeds=st.integers(1, 3), right=st.booleans())
def test_all_items_alike_have_the_exact_interval_of_a_share(n, n_seeds, right):
    hits = np.full((n_seeds, n), float(right))
    found = bootstrap_interval(FORMS["mean"], of_hits(hits), n_resamples=5)
    exact = scipy_stats.binomtest(n * right, n).proportion_ci(0.95, method="exact")
    assert (found.low, found.high) == pytest.approx((exact.low, exact.high), abs=1e-12)


def test_items_without_statistics_do_not_count():
    stats = np.zeros((1, 50, 3))
    stats[:, :20, 2] = 1  # 20 gold entities, none found; the other sentences have none
    found = bootstrap_interval(FORMS["f1"], stats, n_resamples=5)
    exact = scipy_stats.binomtest(0, 20).proportion_ci(0.95, method="exact")
    assert (found.low, found.high) == pytest.approx((exact.low, exact.high))


@pytest.mark.parametrize("n", [1, 3, 5, 6, 40])
def test_systems_that_differ_in_no_item_or_in_each(n):
    right, wrong = of_hits(np.ones((2, n))), of_hits(np.zeros((2, n)))
    most = scipy_stats.binomtest(0, n).proportion_ci(0.95, method="exact").high
    same = paired_bootstrap(FORMS["mean"], right, right, n_resamples=99)
    assert (same.value, same.low, same.high, same.p) == (0, pytest.approx(-most), pytest.approx(most), 1)
    better = paired_bootstrap(FORMS["mean"], right, wrong, n_resamples=99)
    assert (better.value, better.low, better.high) == (1, pytest.approx(1 - 2 * most), 1)
    assert better.p == pytest.approx(max(scipy_stats.binomtest(n, n, 0.5).pvalue, 2 / 100))
    assert (better.p < 0.05) == (better.low > 0)
    worse = paired_bootstrap(FORMS["mean"], wrong, right, n_resamples=99)
    assert (worse.low, worse.high, worse.p) == (-better.high, pytest.approx(-better.low), better.p)


@pytest.mark.parametrize("share", [0.0, 0.001, 0.01, 0.05])
def test_rare_differences_lie_in_the_interval(share):
    """In draws without a difference, however rare differences are, at least 95 times in a hundred of all."""
    n, rng = 60, np.random.default_rng(3)
    out = 0
    for _ in range(400):
        other = rng.random((1, n)) < share
        found = paired_bootstrap(FORMS["mean"], of_hits(np.ones((1, n))), of_hits(~other), n_resamples=99)
        out += not other.any() and not found.low <= share <= found.high
    assert out <= 0.05 * 400
