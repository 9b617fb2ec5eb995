"""The shape of a cloud of vectors against definitions written out, and known clouds."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.decomposition import PCA

from xl_analysis import AnalysisError, geometry


def isoscore(x: np.ndarray) -> float:
    """Rudman et al. 2022, section 4, step by step, with scikit-learn's principal axes."""
    width = x.shape[1]
    turned = PCA(n_components=width).fit_transform(x)
    variances = np.diagonal(np.cov(turned.T))
    normalised = np.sqrt(width) * variances / np.linalg.norm(variances)
    defect = np.linalg.norm(normalised - 1) / np.sqrt(2 * (width - np.sqrt(width)))
    used = (width - defect**2 * (width - np.sqrt(width))) ** 2 / width**2
    return (width * used - 1) / (width - 1)


def mean_cosine(x: np.ndarray) -> float:
    values = []
    for i in range(len(x)):
        for j in range(i):
            values.append(x[i] @ x[j] / np.linalg.norm(x[i]) / np.linalg.norm(x[j]))
    return float(np.mean(values))


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 1000), n=st.integers(2, 40), width=st.integers(2, 12), shift=st.floats(-3, 3))
def test_equals_the_definitions(seed: int, n: int, width: int, shift: float) -> None:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, width)) * rng.uniform(0.1, 3, size=width) + shift
    found = geometry(x)
    assert found.random_cosine == pytest.approx(mean_cosine(x), abs=1e-9)
    if n >= width:
        assert found.isotropy == pytest.approx(isoscore(x), abs=1e-9)
    assert -1e-12 <= found.isotropy <= 1 + 1e-12
    squares = (x**2).sum(axis=0)
    assert found.outlier_share == pytest.approx(max(squares) / sum(squares))
    turn = np.linalg.qr(rng.normal(size=(width, width)))[0]
    assert geometry(2 * x @ turn).isotropy == pytest.approx(found.isotropy, abs=1e-9)
    assert geometry(2 * x @ turn).random_cosine == pytest.approx(found.random_cosine, abs=1e-9)


def test_known_clouds() -> None:
    rng = np.random.default_rng(0)
    ball = geometry(rng.normal(size=(20_000, 10)))
    # 20,000 Gaussian vectors of 10 dimensions: both within a hundredth of their limits.
    assert (ball.isotropy, ball.random_cosine, ball.outlier_dims) == (
        pytest.approx(1, abs=0.01),
        pytest.approx(0, abs=0.01),
        0,
    )
    line = geometry(np.outer(rng.uniform(1, 2, size=50), np.ones(8)))
    assert (line.isotropy, line.random_cosine) == (pytest.approx(0, abs=1e-9), pytest.approx(1))
    one_in_four = rng.normal(size=(20_000, 4)) * [1, 0, 0, 0]
    assert geometry(one_in_four + np.array([0, 1, 1, 1])).isotropy == pytest.approx(0, abs=1e-9)
    rogue = rng.normal(size=(200, 50))
    rogue[:, 7] += 30
    assert geometry(rogue).outlier_dims == 1
    assert geometry(rogue).outlier_share == pytest.approx(901 / 950, abs=0.01)


def test_outlier_dimensions_are_those_that_the_transform_removes() -> None:
    from xl_encoders.model.transforms import OutlierRemoval

    x = np.random.default_rng(0).standard_cauchy(size=(50, 60))
    assert geometry(x).outlier_dims == len(OutlierRemoval.fit(x).dims) > 0


def test_bad_input() -> None:
    with pytest.raises(AnalysisError, match=r"^view 'vectors' has the same vector for every item"):
        geometry(np.ones((5, 3)))
    with pytest.raises(AnalysisError, match=r"has a vector of zeros \(item 2\), which has no cosine"):
        geometry(np.array([[1.0, 2], [0, 0], [3, 1]]))
    with pytest.raises(AnalysisError, match="at least 2 items and 2 dimensions"):
        geometry(np.arange(4.0)[:, None])
    with pytest.raises(AnalysisError, match=r"has shape \(4,\)"):
        geometry(np.arange(4.0))
