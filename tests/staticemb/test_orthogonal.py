"""Procrustes against scipy and against a rotation put in on purpose."""

import numpy as np
import pytest
from scipy.linalg import orthogonal_procrustes
from scipy.stats import ortho_group

from xl_staticemb import StaticembError, orthogonal_map


def test_map_equals_that_of_scipy() -> None:
    rng = np.random.default_rng(0)
    x, z = rng.normal(size=(40, 6)), rng.normal(size=(40, 6))
    np.testing.assert_allclose(orthogonal_map(x, z), orthogonal_procrustes(x, z)[0], atol=1e-12)


def test_a_planted_rotation_is_found_in_single_precision() -> None:
    x = np.random.default_rng(1).normal(size=(200, 20)).astype(np.float32)
    rotation = ortho_group.rvs(20, random_state=2)
    found = orthogonal_map(x, (x @ rotation).astype(np.float32))
    np.testing.assert_allclose(found, rotation, atol=1e-6)  # float32 input


def test_map_is_orthogonal_even_with_fewer_pairs_than_dimensions() -> None:
    rng = np.random.default_rng(3)
    w = orthogonal_map(rng.normal(size=(3, 8)), rng.normal(size=(3, 8)))
    np.testing.assert_allclose(w @ w.T, np.eye(8), atol=1e-12)


def test_bad_input_is_refused() -> None:
    with pytest.raises(StaticembError, match=r"one shape .* not \(2, 3\) and \(3, 3\)"):
        orthogonal_map(np.ones((2, 3)), np.ones((3, 3)))
    with pytest.raises(StaticembError, match="not finite"):
        orthogonal_map([[1.0, np.nan]], [[1.0, 2.0]])
