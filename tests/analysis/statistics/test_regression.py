"""Least squares over languages against scipy's, against the normal equations in raw units, and against laws."""

import numpy as np
import pytest
from scipy import stats

from xl_analysis import AnalysisError, regression


def languages(n: int, seed: int = 0) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    rng = np.random.default_rng(seed)
    x = {"cka": rng.random(n), "script": (rng.random(n) < 0.5).astype(float)}
    return 0.3 * x["cka"] - 0.1 * x["script"] + 0.1 * rng.normal(size=n), x


def test_one_predictor_is_scipys_line() -> None:
    y, x = languages(20)
    [slope] = regression(y, {"cka": x["cka"]}).slopes.values()
    peer = stats.linregress(x["cka"], y)
    assert (slope.value, slope.p) == pytest.approx((peer.rvalue, peer.pvalue), rel=1e-9)
    assert slope.low < slope.value < slope.high


def test_several_by_the_normal_equations() -> None:
    y, x = languages(15)
    fit = regression(y, x)
    design = np.column_stack([np.ones(15), *x.values()])
    inverse = np.linalg.inv(design.T @ design)
    beta = inverse @ design.T @ y
    left = y - design @ beta
    error = np.sqrt(left @ left / 12 * np.diagonal(inverse))
    assert fit.r2 == pytest.approx(1 - left @ left / ((y - y.mean()) @ (y - y.mean())))
    for place, name in enumerate(x, start=1):
        slope = fit.slopes[name]
        assert slope.value == pytest.approx(beta[place] * x[name].std() / y.std())
        assert slope.p == pytest.approx(2 * stats.t.sf(abs(beta[place] / error[place]), 12))


def test_units_and_order_do_not_matter() -> None:
    y, x = languages(12)
    plain = regression(y, x)
    bent = regression(100 * y - 3, {name: 7 * x[name] + 1 for name in reversed(x)})
    for name in x:
        one, other = plain.slopes[name], bent.slopes[name]
        assert (one.value, one.low, one.p) == pytest.approx((other.value, other.low, other.p))


@pytest.mark.slow
def test_intervals_hold_what_is_true_about_as_often_as_they_say() -> None:
    rng = np.random.default_rng(3)
    held = 0
    for trial in range(60):
        x = rng.normal(size=40)
        y = x + rng.normal(size=40)
        slope = regression(y, {"x": x}, n_resamples=199, seed=trial).slopes["x"]
        held += slope.low <= np.sqrt(0.5) <= slope.high
    # 57 of 60 expected; under 47 has a probability below 1e-4 for 0.95, and of 1e-2 for an honest 0.9.
    assert held >= 47


def test_what_cannot_be_fitted_is_told() -> None:
    y, x = languages(6)
    with pytest.raises(AnalysisError, match="3 languages; a regression over languages needs at least 4"):
        regression(y[:3], {"cka": x["cka"][:3]})
    with pytest.raises(AnalysisError, match="2 predictors for 4 languages; leave some out, or score 5 languages or"):
        regression(y[:4], {name: values[:4] for name, values in x.items()})
    with pytest.raises(AnalysisError, match="script is 1 in every language; a constant explains nothing"):
        regression(y, {"script": np.ones(6)})
    with pytest.raises(AnalysisError, match="a, b explain each other"):
        regression(y, {"a": x["cka"], "b": 2 * x["cka"]})
    with pytest.raises(AnalysisError, match="y holds a number that is not finite"):
        regression(np.where(y > y.mean(), np.nan, y), {"cka": x["cka"]})
