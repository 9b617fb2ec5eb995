"""MMD against its sums written out, the closed form of Gaussians, and what its test must keep to."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import pdist

from xl_analysis import AnalysisError, mmd


def loop(x: np.ndarray, y: np.ndarray, s: float) -> float:
    """Gretton et al. 2012, equation 4."""

    def k(p: np.ndarray, q: np.ndarray) -> float:
        return np.exp(-((p - q) ** 2).sum() / (2 * s**2))

    n, total = len(x), 0.0
    for i in range(n):
        for j in range(n):
            if i != j:
                total += k(x[i], x[j]) + k(y[i], y[j]) - k(x[i], y[j]) - k(x[j], y[i])
    return total / (n * (n - 1))


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 1000), n=st.integers(2, 15), width=st.integers(1, 6), s=st.floats(0.3, 3))
def test_equals_the_sums(seed: int, n: int, width: int, s: float) -> None:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, width))
    y = 0.5 * x + rng.normal(size=(n, width)) + 0.5
    assert mmd(x, y, bandwidth=s).value == pytest.approx(loop(x, y, s), abs=1e-10)
    default = float(np.median(pdist(np.concatenate([x, y]))))
    assert mmd(x, y).value == pytest.approx(loop(x, y, default), abs=1e-10)
    assert mmd(y, x).value == pytest.approx(mmd(x, y).value, abs=1e-12)
    assert mmd(y, x).p == mmd(x, y).p


def gaussians(shift: float, s: float, width: int) -> float:
    """MMD^2 of N(0, I) and N(shift, I): E k of two Gaussians is a Gaussian integral."""
    wide = s**2 + 2
    scale = (s**2 / wide) ** (width / 2)
    return 2 * scale * (1 - np.exp(-width * shift**2 / (2 * wide)))


@pytest.mark.parametrize("paired", [False, True])
def test_unbiased_for_gaussians_whose_rows_are_translations_too(paired: bool) -> None:
    width, s, values = 3, 1.5, []
    for seed in range(200):
        rng = np.random.default_rng(seed)
        x = rng.normal(size=(40, width))
        # Rows of one item correlate, the distribution of either language stays N(shift, I).
        y = 0.9 * x + np.sqrt(1 - 0.81) * rng.normal(size=x.shape) if paired else rng.normal(size=x.shape)
        values.append(mmd(x, y + 0.4, bandwidth=s, n_permutations=1).value)
    error = np.std(values) / np.sqrt(len(values))
    assert np.mean(values) == pytest.approx(gaussians(0.4, s, width), abs=4 * error)


@pytest.mark.parametrize("paired", [False, True])
def test_p_is_uniform_where_there_is_no_difference(paired: bool) -> None:
    below = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        x, noise = rng.normal(size=(2, 25, 3))
        y = x + 0.3 * noise if paired else noise
        x = x + 0.3 * rng.normal(size=x.shape) if paired else x
        below += mmd(x, y, n_permutations=99, seed=seed).p <= 0.1
    assert 6 <= below <= 36  # 20 of 200 expected; outside with a probability of 0.1 %
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, 50, 3))
    assert mmd(x, y + 1, n_permutations=199).p == 1 / 200


def test_single_precision_and_identical_views() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, 100, 20))
    y = y + 0.1
    single = mmd(x.astype(np.float32), y.astype(np.float32))
    assert single.value == pytest.approx(mmd(x, y).value, abs=1e-5)  # kernels are at most 1
    same = mmd(x, x.copy())
    assert (same.value, same.p) == (pytest.approx(0, abs=1e-12), 1)


def test_bad_input() -> None:
    x = np.random.default_rng(0).normal(size=(4, 3))
    with pytest.raises(AnalysisError, match="bandwidth above 0"):
        mmd(x, x + 1, bandwidth=0)
    with pytest.raises(AnalysisError, match="view 'y' has the same vector for every item"):
        mmd(x, np.zeros_like(x))
