"""Cosines, d' and AUC of matched against random pairs, against sklearn and laws."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score
from sklearn.metrics.pairwise import cosine_similarity

from xl_analysis import AnalysisError, cosines, separation


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 1000), n=st.integers(3, 20), digits=st.integers(0, 6))
def test_against_sklearn(seed: int, n: int, digits: int) -> None:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 5))
    y = x + rng.normal(size=(n, 5))
    matrix = cosines(x, y)
    np.testing.assert_allclose(matrix, cosine_similarity(x, y), atol=1e-12)
    matrix = matrix.round(digits)  # few digits: many pairs are equally near
    found = separation(matrix)
    is_matched = np.eye(n, dtype=bool)
    assert found.auc == pytest.approx(roc_auc_score(is_matched.ravel(), matrix.ravel()), abs=1e-12)
    matched, random = matrix[is_matched], matrix[~is_matched]
    assert found.matched == pytest.approx(matched.mean(), abs=1e-12)
    assert found.random == pytest.approx(random.mean(), abs=1e-12)
    spread = np.sqrt((matched.var() + random.var()) / 2)
    expected = (matched.mean() - random.mean()) / spread if spread > 0 else 0.0
    assert found.d_prime == pytest.approx(expected, abs=1e-9)


def test_laws() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 30)).astype(np.float32)
    same = separation(cosines(x, 3 * x))
    assert same.matched == pytest.approx(1, abs=1e-6)
    assert same.auc == 1
    nothing = separation(cosines(x, rng.normal(size=(200, 30))))
    assert nothing.auc == pytest.approx(0.5, abs=0.08)  # standard error 1 / sqrt(12 x 200) = 0.02
    assert abs(nothing.d_prime) < 0.3
    # What shifts all cosines alike changes neither d' nor AUC.
    matrix = cosines(x, x + rng.normal(size=(200, 30)))
    shifted = separation(0.5 * matrix + 0.4)
    assert shifted.auc == pytest.approx(separation(matrix).auc, abs=1e-12)
    assert shifted.d_prime == pytest.approx(separation(matrix).d_prime, rel=1e-6)


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        (np.zeros(3), np.eye(3), "the source has shape"),
        (np.eye(3), np.zeros((3, 3)), "vector 0 of the target is not finite or has length 0"),
        (np.array([[1.0, 0], [np.nan, 1]]), np.eye(2), "vector 1 of the source is not finite"),
        (np.eye(3), np.eye(2), "widths 3 and 2"),
    ],
)
def test_cosines_refuse(x: np.ndarray, y: np.ndarray, message: str) -> None:
    with pytest.raises(AnalysisError, match=message):
        cosines(x, y)


@pytest.mark.parametrize("matrix", [np.eye(2), np.ones((3, 4)), np.full((3, 3), np.nan)])
def test_separation_refuses(matrix: np.ndarray) -> None:
    with pytest.raises(AnalysisError):
        separation(matrix)
