"""Perturbations against closed forms, slow loops and the distribution that they claim (reference.md 5.1 and 12)."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kstest
from torch import Tensor, nn

from xl_objectives import ObjectiveError, project, random_in_ball, worst_delta


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def some_mask(seed: int = 0, batch: int = 4, length: int = 7) -> Tensor:
    mask = torch.rand(batch, length, generator=seeded(seed)) < 0.6
    mask[:, 0] = False  # specials
    mask[:, 1] = True
    return mask


@pytest.mark.parametrize("width", [1, 2, 5, 64])
def test_random_in_ball_is_uniform(width: int) -> None:
    """Of the uniform ball: (length / radius)^width is uniform, and so is the angle of any plane, or the sign."""
    drawn = random_in_ball((4000, width), 3.0, None, seeded()).double()
    assert kstest((drawn.norm(dim=-1) / 3.0) ** width, "uniform").pvalue > 1e-3
    if width == 1:
        assert kstest(drawn[:, 0] / 3.0, "uniform", args=(-1, 2)).pvalue > 1e-3
        return
    for one, other in {(0, 1), (width - 1, width // 2)}:
        if one != other:
            angle = torch.atan2(drawn[:, one], drawn[:, other])
            assert kstest(angle, "uniform", args=(-math.pi, 2 * math.pi)).pvalue > 1e-3


def test_isotropy_and_variance() -> None:
    """The covariance of the uniform ball is radius^2 / (width + 2) times the identity."""
    drawn = random_in_ball((20000, 6), 2.0, None, seeded(1))
    assert torch.allclose(drawn.T @ drawn / len(drawn), torch.eye(6) * 4.0 / 8, atol=0.02)
    assert drawn.mean(0).abs().max() < 0.02


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    radius=st.sampled_from([0.0, 1e-6, 0.07, 3.0, 1e4]),
    width=st.integers(1, 40),
    steps=st.integers(0, 3),
)
def test_length_is_bounded_and_masked_tokens_are_zero(seed: int, radius: float, width: int, steps: int) -> None:
    mask = some_mask(seed)
    slope = torch.randn(*mask.shape, width, generator=seeded(seed + 1))
    delta = worst_delta(
        lambda delta: (delta * slope).sum() + delta.square().sum(),
        slope.shape,
        radius,
        mask=mask,
        steps=steps,
        step_size=radius or 1.0,
        generator=seeded(seed),
    )
    assert delta.shape == slope.shape
    assert delta.dtype == torch.float32
    assert not delta.requires_grad
    lengths = delta.double().norm(dim=-1)
    assert (lengths <= radius * (1 + 1e-7)).all()
    assert (delta[~mask] == 0).all()
    if radius:
        assert (lengths[mask] > 0).all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16, torch.bfloat16], ids=str)
def test_projection(dtype: torch.dtype) -> None:
    """To the nearest point of the ball: inside untouched, outside along the ray, never longer than the radius."""
    drawn = (torch.randn(200, 24, generator=seeded()) * torch.logspace(-2, 1, 200)[:, None]).to(dtype)
    projected = project(drawn, 2.0)
    assert projected.dtype == dtype
    before, after = drawn.double().norm(dim=1), projected.double().norm(dim=1)
    inside = before <= 2.0
    assert 50 < inside.sum() < 150
    assert torch.equal(projected[inside], drawn[inside])
    assert (after <= 2.0).all()
    slack = 8 * torch.finfo(dtype).eps
    assert (after[~inside] >= 2.0 * (1 - slack)).all()
    cosine = (drawn.double() * projected.double()).sum(1) / (before * after)
    assert (cosine > 1 - slack).all()
    assert torch.equal(project(projected, 2.0), projected)


def test_linear_loss_reaches_its_maximum() -> None:
    """max of sum_i g_i . delta_i in the balls is eps sum_i ||g_i||, at delta_i = eps g_i / ||g_i||."""
    mask = some_mask()
    slope = torch.randn(*mask.shape, 16, generator=seeded(5)) * torch.logspace(-6, 3, 7)[None, :, None]
    delta = worst_delta(
        lambda delta: (slope * delta).sum(), slope.shape, 0.3, mask=mask, steps=4, step_size=0.3, generator=seeded()
    )
    # Four steps of the radius reach the boundary from anywhere and turn to the gradient at least half way each time;
    # the exact maximum needs a step that forgets the start, as one a thousand times the radius does.
    exact = worst_delta(
        lambda delta: (slope * delta).sum(), slope.shape, 0.3, mask=mask, steps=1, step_size=1e6, generator=seeded()
    )
    best = 0.3 * slope.norm(dim=-1)[mask].sum()
    assert (slope * exact).sum() == pytest.approx(best.item(), rel=1e-5)
    assert torch.allclose(exact[mask], (0.3 * nn.functional.normalize(slope, dim=-1))[mask], atol=1e-5)
    assert 0.97 * best < (slope * delta).sum() <= best * (1 + 1e-6)


def test_equals_the_loop_of_the_definition() -> None:
    """delta <- Proj(delta + alpha g / ||g||), written token by token with the gradient by hand."""
    mask = some_mask(3)
    target = torch.randn(*mask.shape, 5, generator=seeded(7)).double()
    found = worst_delta(
        lambda delta: (delta - target).square().sum(),
        target.shape,
        0.5,
        mask=mask,
        steps=3,
        step_size=0.2,
        generator=seeded(9),
    )
    start = random_in_ball(target.shape, 0.5, mask, seeded(9)).double()
    for place in mask.nonzero().tolist():
        delta, goal = start[tuple(place)], target[tuple(place)]
        for _ in range(3):
            gradient = 2 * (delta - goal)
            delta = delta + 0.2 * gradient / gradient.norm()
            delta = delta * min(1.0, 0.5 / delta.norm().item())
        assert torch.allclose(found[tuple(place)].double(), delta, atol=1e-5)


def test_a_gradient_of_zero_or_one_that_is_not_finite_leaves_the_token_where_it_is() -> None:
    mask = torch.ones(1, 4, dtype=torch.bool)
    factor = torch.tensor([0.0, 1e-30, math.inf, 1.0])[None, :, None]
    start = random_in_ball((1, 4, 3), 1.0, mask, seeded(2))
    found = worst_delta(
        lambda delta: (factor * delta).sum(), (1, 4, 3), 1.0, mask=mask, steps=2, step_size=0.1, generator=seeded(2)
    )
    assert found.isfinite().all()
    assert torch.equal(found[0, 0], start[0, 0])
    assert torch.equal(found[0, 2], start[0, 2])
    moved = (found - start)[0, [1, 3]]  # a tiny gradient has a direction too
    assert (moved.sum(-1) > 0.1).all()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
def test_half_precision_finds_the_same_direction(dtype: torch.dtype) -> None:
    """A loss whose float16 gradients are below the smallest number: they are enlarged before they vanish."""
    mask = torch.ones(2, 3, dtype=torch.bool)
    slope = nn.functional.normalize(torch.randn(2, 3, 4, generator=seeded(3)), dim=-1)

    def loss(delta: Tensor) -> Tensor:
        return (delta.to(dtype) * slope.to(dtype)).sum() * torch.tensor(1e-7, dtype=dtype)

    found = worst_delta(loss, slope.shape, 0.1, mask=mask, steps=1, step_size=1e6, generator=seeded())
    assert found.dtype == torch.float32
    assert torch.allclose(found, 0.1 * slope, atol=2e-3)


def test_no_gradient_reaches_the_parameters() -> None:
    model = nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 1))
    inputs = torch.randn(3, 5, 6, generator=seeded())
    mask = torch.ones(3, 5, dtype=torch.bool)
    kept = torch.ones(8)
    model[0].bias.grad = kept
    with torch.no_grad():  # and the caller's mode does not matter
        worst_delta(
            lambda delta: model(inputs + delta).square().mean(), inputs.shape, 0.1, mask=mask, steps=3, step_size=0.05
        )
    assert [parameter.grad is None for parameter in model.parameters()] == [True, False, True, True]
    assert model[0].bias.grad is kept
    assert torch.equal(kept, torch.ones(8))


def test_losses_are_ordered_adversarial_random_clean() -> None:
    """On the mean of many draws, for a loss that bends upwards as cross-entropy does around its minimum."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(5 * 8, 3))
    inputs = torch.randn(64, 5, 8, generator=seeded(1))
    labels = torch.randint(3, (64,), generator=seeded(2))
    mask = torch.ones(64, 5, dtype=torch.bool)

    def loss(delta: Tensor) -> Tensor:
        return nn.functional.cross_entropy(model(inputs + delta), labels)

    clean = loss(torch.zeros_like(inputs)).item()
    random = [loss(random_in_ball(inputs.shape, 0.5, mask, seeded(i))).item() for i in range(200)]
    worst = [
        loss(worst_delta(loss, inputs.shape, 0.5, mask=mask, steps=n, step_size=0.25, generator=seeded(1))).item()
        for n in range(4)
    ]
    assert worst[0] < worst[1] < worst[2] <= worst[3]
    assert worst[3] > max(random)
    assert sum(random) / len(random) > clean  # convex in delta: Jensen


def test_a_generator_gives_the_same_numbers_again() -> None:
    mask = some_mask()
    draws = [random_in_ball((*mask.shape, 6), 1.0, mask, seeded(4)) for _ in range(2)]
    assert torch.equal(*draws)
    assert not torch.equal(draws[0], random_in_ball((*mask.shape, 6), 1.0, mask, seeded(5)))
    one, other = seeded(4), seeded(4)
    for steps, generator in ((0, one), (3, other)):
        worst_delta(
            lambda delta: delta.sum(),
            (*mask.shape, 6),
            1.0,
            mask=mask,
            steps=steps,
            step_size=0.1,
            generator=generator,
        )
    assert torch.equal(one.get_state(), other.get_state())


@pytest.mark.gpu
def test_a_generator_on_the_cpu_gives_a_gpu_the_same_numbers() -> None:
    mask = some_mask()
    there = random_in_ball((*mask.shape, 6), 1.0, mask.cuda(), seeded(4))
    assert there.is_cuda
    assert torch.equal(there.cpu(), random_in_ball((*mask.shape, 6), 1.0, mask, seeded(4)))


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: random_in_ball((2, 3), -1.0), "radius is -1.0"),
        (lambda: random_in_ball((2, 3), math.nan), "radius is nan"),
        (lambda: random_in_ball((3,), 1.0), "shape is"),
        (lambda: random_in_ball((2, 3, 4), 1.0, torch.ones(2, 4, dtype=torch.bool)), "mask is of shape"),
        (lambda: _worst(steps=-1), "steps is -1"),
        (lambda: _worst(step_size=0.0), "step_size 0.0"),
    ],
    ids=["negative", "nan", "flat", "mask", "steps", "size"],
)
def test_what_has_no_meaning_is_named(call, words: str) -> None:
    with pytest.raises(ObjectiveError, match=words):
        call()


def _worst(steps: int = 1, step_size: float = 0.1) -> Tensor:
    mask = torch.ones(1, 2, dtype=torch.bool)
    return worst_delta(lambda delta: delta.sum(), (1, 2, 3), 1.0, mask=mask, steps=steps, step_size=step_size)
