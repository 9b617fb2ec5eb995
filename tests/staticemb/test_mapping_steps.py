"""The last map against the formulas on whole matrices, numpy's least squares, and laws of whitening."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.linalg import fractional_matrix_power, orthogonal_procrustes
from scipy.stats import ortho_group

from xl_staticemb import MappingConfig, learn_mapping
from xl_staticemb.mapping.steps import final_maps, spans, whitening


def sides(n: int, width: int, seed: int = 0) -> tuple[NDArray, NDArray, tuple[NDArray, NDArray]]:
    """Two vocabularies of which z is a noisy, stretched rotation of x, and a dictionary in no order."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, width)) * np.linspace(1, 0.2, width)
    z = x @ ortho_group.rvs(width, random_state=seed) * 1.3 + 0.2 * rng.normal(size=(n, width))
    order = rng.permutation(n)
    return x, z, (order, order)


def _same(n: int) -> tuple[NDArray, NDArray]:
    """A dictionary of the first n rows of both sides, each with its own."""
    return np.arange(n), np.arange(n)


def published(x: NDArray, z: NDArray, config: MappingConfig) -> tuple[NDArray, NDArray]:
    """Steps 1 to 5 on the rows of the dictionary, one after the other; gives the mapped rows."""
    _, s, vt = np.linalg.svd(x, full_matrices=False)
    wx = vt.T @ np.diag(1 / s) @ vt
    _, s, vt = np.linalg.svd(z, full_matrices=False)
    wz = vt.T @ np.diag(1 / s) @ vt
    if not config.whiten:
        wx, wz = np.eye(len(wx)), np.eye(len(wz))
    xw, zw = x @ wx, z @ wz
    a, s, bt = np.linalg.svd(xw.T @ zw)
    xw, zw = xw @ a, zw @ bt.T
    xw, zw = xw * s**config.src_reweight, zw * s**config.trg_reweight
    back = {"src": a.T @ np.linalg.inv(wx) @ a, "trg": bt @ np.linalg.inv(wz) @ bt.T, "none": np.eye(len(s))}
    xw, zw = xw @ back[config.src_dewhiten], zw @ back[config.trg_dewhiten]
    return (xw[:, : config.width], zw[:, : config.width]) if config.width else (xw, zw)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"src_reweight": 0.0, "trg_reweight": 1.0},
        {"src_dewhiten": "trg", "trg_dewhiten": "src"},
        {"src_dewhiten": "none", "trg_dewhiten": "none", "width": 4},
        {"src_dewhiten": "none"},
        {"whiten": False, "src_dewhiten": "none", "trg_dewhiten": "none"},
        {"width": 3},
    ],
)
def test_advanced_map_equals_the_steps_on_whole_matrices(options: dict) -> None:
    x, z, pairs = sides(110, 9)
    config = MappingConfig.preset("supervised", **options)
    maps = final_maps(x, z, pairs, config)
    xw, zw = published(x[pairs[0]], z[pairs[1]], config)
    ours_x, ours_z = x[pairs[0]] @ maps.source, z[pairs[1]] @ maps.target
    # A and B are determined up to the sign that both columns of a pair share, so products are compared
    np.testing.assert_allclose(ours_x @ ours_z.T, xw @ zw.T, atol=1e-10)
    np.testing.assert_allclose(ours_x @ ours_x.T, xw @ xw.T, atol=1e-10)
    np.testing.assert_allclose(ours_z @ ours_z.T, zw @ zw.T, atol=1e-10)
    assert ours_x.shape == xw.shape
    assert maps.warnings == ()


def test_sides_of_different_widths_meet_in_the_smaller() -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(size=(300, 12))
    z = x[:, :7] @ ortho_group.rvs(7, random_state=1)
    config = MappingConfig.preset("supervised", src_dewhiten="none", trg_dewhiten="none")
    maps = final_maps(x, z, _same(300), config)
    assert maps.source.shape == (12, 7)
    assert maps.target.shape == (7, 7)
    xw, zw = x @ maps.source, z @ maps.target
    np.testing.assert_allclose(xw, zw, atol=1e-8)  # z is a part of x: whitened, the two lie on each other


def test_whitening_decorrelates_and_equals_the_matrix_power() -> None:
    x = sides(80, 10)[0]
    white = whitening(x.T @ x, 0.0)
    np.testing.assert_allclose((x @ white.matrix).T @ (x @ white.matrix), np.eye(10), atol=1e-10)
    np.testing.assert_allclose(white.matrix, fractional_matrix_power(x.T @ x, -0.5), atol=1e-10)
    np.testing.assert_allclose(white.matrix @ white.inverse, np.eye(10), atol=1e-10)
    assert white.added == 0


def test_dewhitening_undoes_whitening_without_weights_on_equal_sides() -> None:
    x = sides(80, 10)[0]
    config = MappingConfig.preset("supervised", src_reweight=0.0, trg_reweight=0.0)
    maps = final_maps(x, x, _same(80), config)
    # x W A A^T W^-1 A = x A: a rotation alone is left, the same on both sides
    np.testing.assert_allclose(maps.source @ maps.source.T, np.eye(10), atol=1e-9)
    np.testing.assert_allclose(maps.source, maps.target, atol=1e-9)


def test_with_fewer_pairs_than_dimensions_all_stays_finite_and_the_map_says_so() -> None:
    x, z, _ = sides(400, 40, seed=2)
    few = np.arange(25)
    config = MappingConfig.preset("supervised")
    mapping = learn_mapping(x, z, config, pairs=(few, few))
    assert np.isfinite(mapping.source).all()
    assert np.isfinite(mapping.target).all()
    assert "the 25 pairs of the dictionary do not determine a whitening of 40 and 40 dimensions" in mapping.warnings[0]
    # a length of the source is not blown up: 1/s of the published form would be about 1e7
    lengths = np.linalg.norm(x @ mapping.source, axis=1) / np.linalg.norm(x, axis=1)
    assert lengths.max() < 3


def test_many_pairs_that_lie_in_a_plane_get_a_ridge_too() -> None:
    rng = np.random.default_rng(4)
    flat = rng.normal(size=(200, 3)) @ rng.normal(size=(3, 8))
    assert not spans(flat.T @ flat, 200)
    white = whitening(flat.T @ flat, 1.0)
    assert white.added == pytest.approx(np.trace(flat.T @ flat) / 8)
    assert np.abs(white.matrix).max() < 1
    x = sides(200, 8)[0]
    assert spans(x.T @ x, 200)
    assert not spans(x.T @ x, 7)
    # one side that does not span its space: both are whitened with the ridge
    pairs = _same(200)
    found, asked = (final_maps(flat, x, pairs, MappingConfig(ridge=ridge)) for ridge in (-1.0, 1.0))
    assert "ridge of 1 was used" in found.warnings[0]
    np.testing.assert_array_equal(found.source, asked.source)
    np.testing.assert_array_equal(found.target, asked.target)


def test_few_pairs_for_a_whitening_are_named() -> None:
    x, z, pairs = sides(60, 5)
    few, enough = ((pairs[0][:n], pairs[1][:n]) for n in (49, 50))
    assert "49 pairs of the dictionary are few" in final_maps(x, z, few, MappingConfig()).warnings[0]
    assert final_maps(x, z, enough, MappingConfig()).warnings == ()


def test_a_ridge_that_is_asked_for_is_used_and_warns_of_nothing() -> None:
    x, z, pairs = sides(60, 9)
    squares = x.T @ x
    share = 0.3
    added = share * np.trace(squares) / 9
    expected = fractional_matrix_power(squares + added * np.eye(9), -0.5)
    np.testing.assert_allclose(whitening(squares, share).matrix, expected, atol=1e-10)
    assert final_maps(x, z, pairs, MappingConfig(ridge=share)).warnings == ()
    zero = whitening(np.diag([4.0, 1.0, 0.0]), 0.0)  # asked for none: the direction without rows is left out
    np.testing.assert_allclose(zero.matrix, np.diag([0.5, 1, 0]), atol=1e-12)


def test_orthogonal_map_is_procrustes_on_the_dictionary() -> None:
    x, z, pairs = sides(60, 9)
    pairs = pairs[0][:30], pairs[1][:30]
    maps = final_maps(x, z, pairs, MappingConfig.preset("orthogonal"))
    np.testing.assert_allclose(maps.source, orthogonal_procrustes(x[pairs[0]], z[pairs[1]])[0], atol=1e-10)
    np.testing.assert_allclose(maps.source @ maps.source.T, np.eye(9), atol=1e-10)
    np.testing.assert_array_equal(maps.target, np.eye(9))


@pytest.mark.parametrize("n_pairs", [60, 5])
def test_unconstrained_map_is_least_squares(n_pairs: int) -> None:
    x, z, pairs = sides(60, 9)
    pairs = pairs[0][:n_pairs], pairs[1][:n_pairs]
    maps = final_maps(x, z, pairs, MappingConfig.preset("unconstrained"))
    np.testing.assert_allclose(maps.source, np.linalg.pinv(x[pairs[0]]) @ z[pairs[1]], atol=1e-10)
    assert bool(maps.warnings) == (n_pairs < 9)
