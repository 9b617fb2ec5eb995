"""Normalisation against sklearn and plain numpy, by blocks and in one piece."""

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.preprocessing import StandardScaler, normalize

from xl_staticemb import Normalization, StaticembError
from xl_staticemb.mapping.normalization import ACTIONS

STEPS = {
    "unit": normalize,
    "center": StandardScaler(with_std=False).fit_transform,
    "unitdim": lambda rows: normalize(rows, axis=0),
    "centeremb": lambda rows: StandardScaler(with_std=False).fit_transform(rows.T).T,
}


def cut(matrix: NDArray, size: int) -> Iterator[NDArray]:
    for start in range(0, len(matrix), size):
        yield matrix[start : start + size]


@given(st.lists(st.sampled_from(ACTIONS), max_size=4), st.integers(3, 40), st.integers(1, 50), st.integers(0, 9))
@settings(deadline=None, max_examples=50)
def test_any_list_equals_sklearn_whatever_the_blocks(actions: list[str], n: int, size: int, seed: int) -> None:
    matrix = np.random.default_rng(seed).normal(size=(n, 7)) + 1
    expected = matrix
    for action in actions:
        expected = STEPS[action](expected)
    passes = 0

    def blocks() -> Iterator[NDArray]:
        nonlocal passes
        passes += 1
        return cut(matrix, size)

    fitted = Normalization(actions).fit(blocks)
    np.testing.assert_allclose(fitted.apply(matrix), expected, atol=1e-6)  # float32
    assert passes == max(1, sum(action in ("center", "unitdim") for action in actions))
    pieces = np.concatenate([fitted.apply(block) for block in cut(matrix, 3)])
    np.testing.assert_array_equal(pieces, fitted.apply(matrix))


def test_default_gives_float32_rows_of_length_one_with_nearly_no_mean() -> None:
    matrix = np.random.default_rng(0).normal(size=(500, 20)).astype(np.float32) + 3
    result = Normalization().fit_apply(matrix)
    assert result.dtype == np.float32
    assert Normalization().actions == ("unit", "center", "unit")
    np.testing.assert_allclose(np.linalg.norm(result, axis=1), 1, atol=1e-6)  # float32
    assert np.abs(result.mean(0)).max() < 0.05
    np.testing.assert_array_equal(matrix, np.random.default_rng(0).normal(size=(500, 20)).astype(np.float32) + 3)


def test_rows_and_columns_of_zeros_stay() -> None:
    matrix = np.array([[3.0, 4.0, 0.0], [0.0, 0.0, 0.0]])
    np.testing.assert_allclose(Normalization(["unit"]).fit_apply(matrix), [[0.6, 0.8, 0], [0, 0, 0]])
    np.testing.assert_allclose(Normalization(["unitdim"]).fit_apply(matrix), [[1, 1, 0], [0, 0, 0]])


def test_a_row_unseen_in_fitting_takes_the_statistics_of_those_seen() -> None:
    rng = np.random.default_rng(1)
    seen, other = rng.normal(size=(50, 4)), rng.normal(size=(3, 4))
    scaler = StandardScaler(with_std=False).fit(normalize(seen))
    expected = normalize(scaler.transform(normalize(other)))
    np.testing.assert_allclose(Normalization().fit(lambda: [seen]).apply(other), expected, atol=1e-7)


def test_large_float32_numbers_do_not_overflow() -> None:
    matrix = np.array([[3e30, 4e30]], dtype=np.float32)
    np.testing.assert_allclose(Normalization(["unit"]).fit_apply(matrix), [[0.6, 0.8]], atol=1e-7)


def test_bad_input_is_refused() -> None:
    with pytest.raises(StaticembError, match="normalisation 'centre' is not known; it can be unit, center"):
        Normalization(["centre"])
    with pytest.raises(StaticembError, match="call fit first"):
        Normalization().apply(np.ones((2, 2)))
    for actions in ([], ["center"]):
        with pytest.raises(StaticembError, match="no vectors to normalise"):
            Normalization(actions).fit(lambda: [])
    with pytest.raises(StaticembError, match="not finite"):
        Normalization(["unit"]).fit_apply(np.array([[1.0, np.inf]]))
    with pytest.raises(StaticembError, match=r"one width, not of shape \(2, 2\)"):
        Normalization(["center"]).fit(lambda: [np.ones((2, 3)), np.ones((2, 2))])
    with pytest.raises(StaticembError, match=r"width 3, not on a matrix of shape \(2, 2\)"):
        Normalization(["center"]).fit(lambda: [np.ones((2, 3))]).apply(np.ones((2, 2)))


@pytest.mark.parametrize("first", ["unit", "unitdim"])
def test_the_scale_of_vectors_is_not_seen_behind_a_unit(first: str) -> None:
    matrix = np.random.default_rng(0).normal(size=(30, 7))
    for actions in ((first,), (first, "center", "unit"), (first, "centeremb", "unitdim")):
        at_one = Normalization(actions).fit_apply(matrix)
        for power in range(-6, 7):
            np.testing.assert_allclose(
                Normalization(actions).fit_apply(10.0**power * matrix), at_one, rtol=1e-5, atol=1e-6
            )
