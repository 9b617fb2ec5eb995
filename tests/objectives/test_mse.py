"""MSE against a loop over words and coordinates, closed forms and laws (reference.md 3.5)."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from xl_objectives import ObjectiveError, mse_loss


def vectors(n_words: int, width: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    drawn = torch.randn(2, n_words, width, generator=torch.Generator().manual_seed(seed))
    return 3 * drawn[0], drawn[1]


def mse_by_loop(view: Tensor, target: Tensor, length: float | None) -> float:
    rows, goals = view.tolist(), target.tolist()
    norms = [math.sqrt(sum(x * x for x in row)) for row in rows]
    length = sum(norms) / len(norms) if length is None else length
    total = 0.0
    for row, goal in zip(rows, goals, strict=True):
        size = math.sqrt(sum(y * y for y in goal))
        total += sum((x - length * y / size) ** 2 for x, y in zip(row, goal, strict=True))
    return total / (len(rows) * len(rows[0]))


@settings(max_examples=40, deadline=None)
@given(
    n_words=st.integers(1, 9),
    width=st.integers(1, 8),
    seed=st.integers(0, 10**6),
    setting=st.sampled_from([("match_norm", None), ("match_norm", 11.5), ("unit", None)]),
)
def test_equals_a_loop(n_words: int, width: int, seed: int, setting: tuple[str, float | None]) -> None:
    view, target = vectors(n_words, width, seed)
    loss = mse_loss(view, target, scale=setting[0], norm=setting[1])
    expected = mse_by_loop(view, target, 1.0 if setting[0] == "unit" else setting[1])
    assert loss.item() == pytest.approx(expected, rel=1e-4, abs=1e-5)  # float32; nearly equal vectors at width 1


@pytest.mark.parametrize(("scale", "norm"), [("match_norm", None), ("match_norm", 2.0), ("unit", None)])
def test_gradient_by_finite_differences_sees_a_constant_target(scale: str, norm: float | None) -> None:
    """The gradient is 2 (x - y') / (words width), y' the scaled target, also where its length is the batch's."""
    view, target = (side.double() for side in vectors(4, 3))
    length = {"unit": 1.0}.get(scale, norm or float(view.norm(dim=1).mean()))
    goal = length * target / target.norm(dim=1, keepdim=True)
    view.requires_grad_()
    loss = mse_loss(view, target, scale=scale, norm=norm)
    loss.backward()
    assert view.grad is not None
    assert torch.allclose(view.grad, 2 * (view.detach() - goal) / 12)
    assert loss.dtype == torch.float64
    if norm or scale == "unit":
        assert torch.autograd.gradcheck(lambda states: mse_loss(states, target, scale=scale, norm=norm), view)


def test_length_of_the_targets_does_not_matter_and_order_neither() -> None:
    view, target = vectors(6, 5)
    order = torch.tensor([3, 1, 5, 0, 2, 4])
    expected = mse_loss(view, target)
    assert torch.allclose(mse_loss(view, target * torch.tensor([[1.0], [2], [3], [4], [5], [6]])), expected)
    assert torch.allclose(mse_loss(view[order], target[order]), expected)


def test_states_that_point_the_right_way_cost_nothing() -> None:
    _, target = vectors(6, 5)
    unit = target / target.norm(dim=1, keepdim=True)
    assert mse_loss(7 * unit, target).item() == pytest.approx(0, abs=1e-10)
    assert mse_loss(7 * unit, target, norm=7.0).item() == pytest.approx(0, abs=1e-10)
    assert mse_loss(7 * unit, target, scale="unit").item() == pytest.approx(36 / 5, rel=1e-5)


def test_zero_vectors_are_finite() -> None:
    view = torch.zeros(3, 4, requires_grad=True)
    loss = mse_loss(view, torch.zeros(3, 4))
    loss.backward()
    assert loss.item() == 0
    assert view.grad is not None
    assert torch.equal(view.grad, torch.zeros(3, 4))


def test_half_precision_is_computed_in_float32_and_the_target_has_no_gradient() -> None:
    view, target = (side.bfloat16().requires_grad_() for side in vectors(6, 5))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = mse_loss(view, target)
    loss.backward()
    assert loss.dtype == torch.float32
    assert loss.item() == pytest.approx(mse_by_loop(view, target, None), rel=1e-5)
    assert view.grad is not None
    assert target.grad is None


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"scale": "max"}, "scale is 'max'; choose one of match_norm, unit"),
        ({"norm": 0.0}, "norm is 0.0"),
        ({"norm": math.inf}, "norm is inf"),
        ({"scale": "unit", "norm": 2.0}, "leave one of them out"),
    ],
)
def test_settings_out_of_range_are_named(arguments: dict, words: str) -> None:
    with pytest.raises(ObjectiveError, match=words):
        mse_loss(*vectors(2, 3), **arguments)


def test_unequal_or_empty_input_is_named() -> None:
    view, target = vectors(3, 5)
    with pytest.raises(ObjectiveError, match=r"\(3, 5\) and \(3, 4\). For vectors of another width take dcca"):
        mse_loss(view, target[:, :4])
    with pytest.raises(ObjectiveError, match="at least one word"):
        mse_loss(view[:0], target[:0])
