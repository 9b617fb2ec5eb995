"""Calibration against pool-adjacent-violators in a loop, a general minimiser, scikit-learn and closed forms."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss

from xl_analysis import (
    CALIBRATIONS,
    AnalysisError,
    Calibration,
    brier_score,
    calibration_error,
    fit_calibration,
    reliability_curve,
)


def answered(seed: int, n: int = 300) -> tuple[np.ndarray, np.ndarray]:
    """Scores, and answers that are right with the square of the score as probability."""
    rng = np.random.default_rng(seed)
    scores = rng.random(n)
    return scores, rng.random(n) < scores**2


def pooled(scores: np.ndarray, right: np.ndarray) -> dict[float, float]:
    """Best heights that never fall: neighbours that do are pooled, one pair after the other (Ayer et al. 1955)."""
    blocks: list[list[float]] = []  # sum, count, and the scores
    members: list[list[float]] = []
    for value in np.unique(scores):
        own = right[scores == value]
        blocks.append([float(own.sum()), float(len(own))])
        members.append([float(value)])
        while len(blocks) > 1 and blocks[-2][0] / blocks[-2][1] >= blocks[-1][0] / blocks[-1][1]:
            last, names = blocks.pop(), members.pop()
            blocks[-1] = [blocks[-1][0] + last[0], blocks[-1][1] + last[1]]
            members[-1] += names
    return {v: total / n for (total, n), values in zip(blocks, members, strict=True) for v in values}


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**31))
def test_isotonic_is_pool_adjacent_violators(seed: int) -> None:
    scores, right = answered(seed, 120)
    scores = scores.round(1)  # with ties
    fitted = fit_calibration(scores, right)
    expected = pooled(scores, right)
    np.testing.assert_allclose(fitted([*expected]), [*expected.values()], atol=1e-9)
    assert fitted([-5.0])[0] == min(expected.values())
    assert fitted([5.0])[0] == max(expected.values())


@settings(max_examples=5, deadline=None)
@given(st.integers(0, 2**31), st.floats(0.01, 100))
def test_platt_is_the_least_loss_of_a_general_minimiser(seed: int, scale: float) -> None:
    scores, right = answered(seed, 150)
    scores = scores * scale
    high, low = (right.sum() + 1) / (right.sum() + 2), 1 / ((~right).sum() + 2)

    def loss(weights: np.ndarray) -> float:
        total = 0.0
        for score, answer in zip(scores / scale, right, strict=True):
            p = 1 / (1 + math.exp(-(weights[0] * score + weights[1])))
            target = high if answer else low
            total -= target * math.log(p) + (1 - target) * math.log(1 - p)
        return total

    slope, shift = minimize(loss, [1.0, 0.0], method="Nelder-Mead", options={"xatol": 1e-7, "fatol": 1e-10}).x
    fitted = fit_calibration(scores, right, "platt")
    # where two minimisers of a flat valley stop
    assert fitted.slope * scale == pytest.approx(slope, rel=1e-3)
    assert fitted.shift == pytest.approx(shift, rel=1e-3, abs=1e-3)
    assert fitted([2.0 * scale])[0] == pytest.approx(1 / (1 + math.exp(-2 * slope - shift)), abs=1e-3)


@pytest.mark.parametrize("method", CALIBRATIONS)
def test_a_calibration_never_falls_and_helps_on_what_it_did_not_see(method: str) -> None:
    fitted = fit_calibration(*answered(0, 2000), method)
    scores, right = answered(1, 2000)
    assert (np.diff(fitted(np.linspace(-1, 2, 200))) >= -1e-12).all()
    assert brier_score(fitted(scores), right) < brier_score(scores, right)
    assert calibration_error(fitted(scores), right) < 0.05 < calibration_error(scores, right)
    # What predicts p and is right with p has the Brier score E p (1 - p): of p = u^2, u uniform, 1/3 - 1/5.
    assert brier_score(scores**2, right) == pytest.approx(1 / 3 - 1 / 5, abs=0.02)  # 2 to 3 standard errors of 2,000


@pytest.mark.parametrize("method", CALIBRATIONS)
def test_scores_that_speak_against_themselves_get_the_share_that_is_right(method: str) -> None:
    scores, right = answered(2)
    fitted = fit_calibration(-scores, right, method)
    np.testing.assert_allclose(fitted([-1.0, -0.5, 0.0]), right.mean(), atol=0.01)  # Platt's targets are drawn together


@pytest.mark.parametrize("method", CALIBRATIONS)
def test_it_is_kept_as_text(method: str) -> None:
    fitted = fit_calibration(*answered(3), method)
    text = fitted.to_json(model="e5", layer=8)
    assert '"model": "e5"' in text
    assert Calibration.from_json(text) == fitted


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", "null", '{"method": "isotonic", "knots": [], "slope": 0, "shift": 0, "n": 1}',
             '{"method": "beta", "knots": [[0, 1]], "slope": 0, "shift": 0, "n": 1}',
             '{"method": "platt", "knots": [], "slope": NaN, "shift": 0, "n": 1}'],
)  # fmt: skip
def test_text_that_is_no_calibration_is_refused(text: str) -> None:
    with pytest.raises(AnalysisError, match=r"c\.json is no calibration"):
        Calibration.from_json(text, "c.json")


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=60))
def test_brier_and_bins_are_those_of_a_loop(links: list[tuple[float, bool]]) -> None:
    confidences, right = np.array([c for c, _ in links]), np.array([r for _, r in links])
    assert brier_score(confidences, right) == pytest.approx(sum((c - r) ** 2 for c, r in links) / len(links))
    bins: dict[int, list[tuple[float, bool]]] = {}
    for c, r in links:
        number = next(k for k in range(10) if k / 10 < c <= (k + 1) / 10 or k == 9 or (k == 0 and c == 0))
        if abs(c * 10 - round(c * 10)) > 1e-9 or c in (0, 1):  # at a bound rounding decides
            bins.setdefault(number, []).append((c, r))
    if sum(map(len, bins.values())) < len(links):
        return
    curve = reliability_curve(confidences, right)
    assert [each.n for each in curve] == [len(bins[k]) for k in sorted(bins)]
    error = 0.0
    for each, k in zip(curve, sorted(bins), strict=True):
        confidence, share = (sum(v) / len(v) for v in zip(*bins[k], strict=True))
        assert (each.confidence, each.right) == (pytest.approx(confidence), pytest.approx(share))
        error += len(bins[k]) / len(links) * abs(confidence - share)
    assert calibration_error(confidences, right) == pytest.approx(error)


def test_brier_and_bins_are_scikit_learns() -> None:
    scores, right = answered(4)
    assert brier_score(scores, right) == pytest.approx(brier_score_loss(right, scores))
    share, confidence = calibration_curve(right, scores, n_bins=10)
    curve = reliability_curve(scores, right)
    np.testing.assert_allclose([each.right for each in curve], share)
    np.testing.assert_allclose([each.confidence for each in curve], confidence)


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(AnalysisError, match="9 of 300 links are right; a calibration needs 10 right and 10 wrong"):
        fit_calibration(np.arange(300) / 300, np.arange(300) < 9)
    with pytest.raises(AnalysisError, match="method is 'beta'; choose one of isotonic, platt"):
        fit_calibration([0.5], [True], "beta")
    with pytest.raises(AnalysisError, match=r"confidences run from 0\.5 to 1\.5"):
        brier_score([0.5, 1.5], [True, False])
    with pytest.raises(AnalysisError, match=r"scores have shape \(2,\), answers \(1,\)"):
        brier_score([0.5, 0.5], [True])
    with pytest.raises(AnalysisError, match=r"scores have shape \(0,\)"):
        reliability_curve([], [])
    with pytest.raises(AnalysisError, match="not finite"):
        fit_calibration([float("nan")], [True])
