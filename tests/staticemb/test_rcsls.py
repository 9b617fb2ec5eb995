"""RCSLS beside the formula written as loops, its gradient beside finite differences, and laws of its descent."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from tests.staticemb.test_mapping import planted

from xl_staticemb import MappingConfig, Normalization, WordVectors, induction_accuracy, learn_mapping
from xl_staticemb.mapping.descent import rcsls
from xl_staticemb.mapping.descent.rcsls import RcslsLoss, best_columns, in_spectral_ball


def unit(n: int, width: int, seed: int) -> NDArray[np.float32]:
    return Normalization(("unit",)).fit_apply(np.random.default_rng(seed).normal(size=(n, width)))


def loss_by_loops(x: NDArray, z: NDArray, pairs: tuple[NDArray, NDArray], w: NDArray, k: int) -> tuple[float, NDArray]:
    """Equation 5 of the paper as it stands, and the gradient of the terms that it picks."""
    total, gradient = 0.0, np.zeros_like(w)
    for i, j in zip(*pairs, strict=True):
        total -= 2 * x[i] @ w @ z[j]
        gradient -= 2 * np.outer(x[i], z[j])
        for score, other in sorted(((x[i] @ w @ other, tuple(other)) for other in z), reverse=True)[:k]:
            total += score / k
            gradient += np.outer(x[i], other) / k
        for score, other in sorted(((other @ w @ z[j], tuple(other)) for other in x), reverse=True)[:k]:
            total += score / k
            gradient += np.outer(other, z[j]) / k
    n = len(pairs[0])
    return total / n, gradient / n


def test_loss_and_gradient_are_those_of_the_formula() -> None:
    x, z = unit(40, 5, 0), unit(30, 4, 1)
    pairs = np.array([0, 3, 3, 39]), np.array([1, 2, 29, 0])
    w = np.random.default_rng(2).normal(size=(5, 4))
    loss, gradient = RcslsLoss(x, z, pairs, n_neighbours=3)(torch.from_numpy(w.astype(np.float32)))
    expected, slope = loss_by_loops(x.astype(np.float64), z.astype(np.float64), pairs, w, 3)
    assert loss == pytest.approx(expected, abs=1e-5)  # float32 products
    np.testing.assert_allclose(gradient.numpy(), slope, atol=1e-5)


def test_the_gradient_is_that_of_finite_differences() -> None:
    x, z = unit(60, 4, 3), unit(50, 4, 4)
    pairs = np.arange(20), np.arange(20)
    w = np.random.default_rng(5).normal(size=(4, 4))
    gradient = RcslsLoss(x, z, pairs, n_neighbours=4)(torch.from_numpy(w.astype(np.float32)))[1].numpy()
    step = 1e-5
    for place in np.ndindex(w.shape):
        sides = []
        for sign in (1, -1):
            moved = w.copy()
            moved[place] += sign * step
            sides.append(loss_by_loops(x.astype(np.float64), z.astype(np.float64), pairs, moved, 4)[0])
        # where the neighbours change within the step, a subgradient lies between; 1e-5 changes none here
        assert gradient[place] == pytest.approx((sides[0] - sides[1]) / (2 * step), abs=1e-4)


@given(seed=st.integers(0, 1000), share=st.floats(0, 1))
def test_the_loss_is_convex_and_grows_with_the_scale(seed: int, share: float) -> None:
    x, z = unit(30, 3, seed), unit(30, 3, seed + 1)
    loss = RcslsLoss(x, z, (np.arange(10), np.arange(10)), n_neighbours=3)
    a, b = torch.from_numpy(np.random.default_rng(seed).normal(size=(2, 3, 3)).astype(np.float32))
    ends = loss(a)[0], loss(b)[0]
    assert loss(share * a + (1 - share) * b)[0] <= share * ends[0] + (1 - share) * ends[1] + 1e-5
    assert loss(3 * a)[0] == pytest.approx(3 * ends[0], abs=1e-4)


@pytest.mark.parametrize(("n_keys", "k"), [(5, 10), (200, 3), (1000, 10), (1291, 10)])
def test_best_columns_are_those_of_a_whole_sort(n_keys: int, k: int) -> None:
    queries, keys = unit(30, 6, 6), unit(n_keys, 6, 7)
    k = min(k, n_keys)
    found = torch.cat(list(best_columns(torch.from_numpy(queries), torch.from_numpy(keys), k))).numpy()
    expected = np.argsort(-(queries @ keys.T), axis=1)[:, :k]
    np.testing.assert_array_equal(np.sort(found, 1), np.sort(expected, 1))


def test_the_spectral_ball_is_a_projection() -> None:
    matrix = torch.from_numpy(np.random.default_rng(8).normal(size=(5, 5)).astype(np.float32))
    inside = in_spectral_ball(matrix)
    assert float(torch.linalg.matrix_norm(inside, 2)) <= 1 + 1e-6
    torch.testing.assert_close(in_spectral_ball(inside), inside)
    # the nearest point of a convex set: every other one lies on the far side of the plane through it
    for seed in range(20):
        other = in_spectral_ball(torch.from_numpy(np.random.default_rng(seed).normal(size=(5, 5)).astype(np.float32)))
        assert float(((matrix - inside) * (other - inside)).sum()) <= 1e-5


def descended(
    monkeypatch: pytest.MonkeyPatch, losses: list[float], rate: float, steps: int
) -> tuple[list[float], list]:
    """Places at which the loss is asked for, in units of its gradient, which is a number's, and the losses kept."""
    places: list[float] = []

    class Loss:
        def __init__(self, *_: object, **__: object) -> None:
            self.products = torch.eye(1)

        def __call__(self, matrix: torch.Tensor) -> tuple[float, torch.Tensor]:
            places.append(1 - float(matrix))
            return losses[len(places) - 1], torch.ones(1, 1)

    monkeypatch.setattr(rcsls, "RcslsLoss", Loss)
    x = np.ones((2, 1), np.float32)
    config = MappingConfig.preset("rcsls", rcsls_rate=rate, rcsls_steps=steps)
    return places, list(rcsls.rcsls_map(x, x, (np.arange(2), np.arange(2)), config).losses)


def test_a_step_that_raises_the_loss_is_undone_and_halves_the_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    places, kept = descended(monkeypatch, [0.0, 1.0, 0.5, -1.0, -1.0, 0.0], 8.0, 5)
    # 8 and 4 are too far; 2 is kept, then 4, which is no worse; from there 6 is too far, and the steps are over
    assert places == pytest.approx([0, 8, 4, 2, 4, 6])
    assert kept == [0.0, -1.0, -1.0]


def test_the_descent_ends_when_the_rate_is_as_small_as_the_published_code_has_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    places, kept = descended(monkeypatch, [0.0, *[1.0] * 99], 1.0, 99)
    assert places == pytest.approx([0, *(0.5**n for n in range(14))], abs=1e-6)  # 2^-14 < 1e-4 < 2^-13
    assert kept == [0.0]


def held_out(mode: str, n_pairs: int, **options: float) -> tuple[float, float]:
    """P@1 (CSLS) of words that are not learnt from, and of those that are, where no rotation relates two languages."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(1500, 12)) * np.exp(-np.arange(12) / 12)
    left, right = (np.linalg.qr(rng.normal(size=(12, 12)))[0] for _ in range(2))
    z = x @ left @ np.diag(np.exp(np.linspace(-1, 1, 12))) @ right
    z /= np.linalg.norm(z, axis=1, keepdims=True)
    z += 0.8 / np.sqrt(12) * rng.normal(size=z.shape)
    config = MappingConfig.preset(mode, **options)
    sides = [Normalization(config.normalization).fit_apply(side.astype(np.float32)) for side in (x, z)]
    order = rng.permutation(1500)
    mapping = learn_mapping(*sides, config, pairs=(order[:n_pairs], order[:n_pairs]))
    words = [str(i) for i in range(1500)]
    mapped = WordVectors(words, sides[0] @ mapping.source), WordVectors(words, sides[1] @ mapping.target)
    asked = ([(words[i], words[i]) for i in rows] for rows in (order[1000:], order[:n_pairs]))
    scores = [induction_accuracy(*mapped, pairs, retrieval="csls").precision[1] for pairs in asked]
    return scores[0], scores[1]


def test_it_is_ahead_of_the_rotation_where_none_relates_the_languages_and_pairs_are_many() -> None:
    # 500 words are asked: three points are a standard error and a half
    assert held_out("rcsls", 1000, rcsls_rate=25.0)[0] > held_out("orthogonal", 1000)[0] + 0.03


@pytest.mark.parametrize("ball", ["none", "spectral"])
def test_no_step_raises_the_loss_and_a_ball_holds_the_map(ball: str) -> None:
    config = MappingConfig.preset("rcsls", ball=ball, rcsls_rate=50.0)
    x, z = planted(config, 800, 20, 0.5)
    pairs = np.arange(300), np.arange(300)
    mapping = learn_mapping(x, z, config, pairs=pairs)
    assert list(mapping.losses) == sorted(mapping.losses, reverse=True)
    assert mapping.losses[-1] < mapping.losses[0]
    last = RcslsLoss(x, z, pairs, n_neighbours=10)(torch.from_numpy(mapping.source))[0]
    assert last == pytest.approx(mapping.losses[-1], rel=1e-4)
    if ball == "spectral":
        assert np.linalg.norm(mapping.source, 2) <= 1 + 1e-5
    np.testing.assert_array_equal(mapping.target, np.eye(20))
