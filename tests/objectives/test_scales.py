"""Every objective of the registry over input from a millionth to a million of its size, and on degenerate input.

A new objective is tested without a line here: what it is called with follows from its family. Float32 is compared with
float64 on the same numbers, and both with the law of the formula: a cosine does not see the scale, a squared distance
grows with its square, blurred transport goes over into that of means, or the exact one.
"""

from collections.abc import Callable, Iterator
from dataclasses import fields
from itertools import product
from pkgutil import resolve_name
from typing import Any

import pytest
import torch
from tests.thinned import thinned
from torch import Tensor

from xl_objectives import OBJECTIVES, BitextConfig, ObjectiveConfig, ObjectiveError, align_words, ot_loss, worst_delta

EPS = torch.finfo(torch.float32).eps
POWERS = range(-6, 7)
SENTENCES, X_WORDS, Y_WORDS, WIDTH, ROWS = 3, 6, 5, 8, 7

Loss = Callable[..., Tensor]


def settings_of(name: str) -> Iterator[ObjectiveConfig]:
    """The objective with every combination of its loss's choices that may go together."""
    kind = resolve_name(OBJECTIVES[name])
    choices = {
        item.name: item.metadata["choices"]
        for item in fields(kind)
        if item.name in kind.takes and "choices" in item.metadata
    }
    for values in product(*choices.values()):
        try:
            yield kind(**dict(zip(choices, values, strict=True)))
        except ObjectiveError:
            continue


def draw(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def case(config: ObjectiveConfig, n: int = ROWS) -> tuple[Loss, list[Tensor]]:
    """The loss of floating tensors, called as its family calls it, and such tensors of n rows."""
    loss, said = config.loss_function(), config.arguments
    numbers = torch.arange(n)
    if "precision" in said:
        said = {name: value for name, value in said.items() if name != "precision"}
        plain = loss
        loss = lambda *views, **more: plain(*views, precision=str(views[0].dtype).removeprefix("torch."), **more)  # noqa: E731
    answers = {name: getattr(config, name, False) for name in ("models", "predicts_tokens", "compares_attention")}
    if answers["models"] or answers["predicts_tokens"]:
        return lambda logits: loss(logits, numbers % WIDTH), [draw(n, WIDTH)]
    if answers["compares_attention"]:
        return loss, [draw(2, n, Y_WORDS).softmax(2), draw(2, Y_WORDS, n, seed=1).softmax(2)]
    if config.family == "teacher":
        ids = torch.stack([numbers, numbers])
        if config.reads_pairs:
            said = {**said, "own": numbers, "text_ids": ids}
            call = lambda students, teachers: loss(students, teachers, bank=teachers, pivots=1.5 * students, **said)  # noqa: E731
            return call, [draw(n, WIDTH), draw(n, WIDTH, seed=1)]
    elif isinstance(config, BitextConfig) and not config.needs_alignments:
        masks = [torch.arange(words) < torch.tensor([[words], [words - 1], [words]]) for words in (X_WORDS, Y_WORDS)]
        vectors = [draw(SENTENCES, X_WORDS, WIDTH), draw(SENTENCES, Y_WORDS, WIDTH, seed=1)]
        return lambda x, y: loss(x, y, *masks, **said), vectors
    elif config.family == "word-vectors":
        n = 8 * n if n > 1 else n  # more words than directions
    first, noise = draw(n, WIDTH), draw(n, WIDTH, seed=1)
    return lambda x, y: loss(x, y, **said), [first, first + noise]


def value_and_gradient(loss: Loss, inputs: list[Tensor]) -> tuple[Tensor, Tensor]:
    """In float64, of the precision of the inputs; the gradient is that of the first."""
    first = inputs[0].detach().requires_grad_()
    value = loss(first, *inputs[1:])
    value.backward()
    assert value.dtype == first.dtype
    assert first.grad is not None
    return value.detach().double(), first.grad.double()


def all_settings() -> list[Any]:
    """Each objective with each of its settings that its loss tells apart."""
    found = {
        f"{name} {' '.join(map(str, config.arguments.values()))}": config
        for name in OBJECTIVES
        for config in settings_of(name)
    }
    return [pytest.param(config, id=name) for name, config in found.items()]


def degree(config: ObjectiveConfig) -> int | None:
    """Its loss of c x is c^degree times that of x; None where no such law is written down."""
    said = config.arguments
    if "cosine" in (said.get("similarity"), said.get("distance")) or said.get("variant") == "subspace":
        return 0
    if config.name == "teach":
        return None
    if said.get("cost") == "gromov":
        return 2 * said["p"]
    if said.get("solver") == "exact" and said.get("by", "l2") == "l2":
        return said["p"] if "by" not in said else (2 if said["p"] == 2 else None)
    squares = said.get("distance") == "mse" or said.get("scale") == "match_norm" or config.name == "l2"
    return 2 if squares else None


@pytest.mark.parametrize("config", thinned(all_settings(), 4))
def test_float32_is_float64_but_for_rounding_at_every_scale(config: ObjectiveConfig) -> None:
    """Off by 64 times of eps and of what rounding the input once more does to the float64 result, at most."""
    loss, inputs = case(config)
    at_one = value_and_gradient(loss, [each.double() for each in inputs])
    law, solver = degree(config), config.arguments.get("solver")
    for power in POWERS[:: 2 if solver in ("sinkhorn", "geomloss") else 1]:  # these iterate long
        scaled = [each * 10.0**power for each in inputs]
        exact = value_and_gradient(loss, [each.double() for each in scaled])
        rounded = [each.double() * (1 + EPS * draw(*each.shape, seed=9).double()) for each in scaled]
        moved = value_and_gradient(loss, rounded)
        for ours, should, other, whole, grows in zip(
            value_and_gradient(loss, scaled), exact, moved, at_one, (0, -1), strict=True
        ):
            assert ours.isfinite().all(), power
            if solver != "geomloss":  # another package, in float32 as it is
                allowed = 64 * (EPS * should.norm() + (other - should).norm())
                # Exponents are exact to 0.01, as `ot_loss` has it, and so is the plan, which makes the gradient.
                allowed += 0.01 * should.norm() if solver == "sinkhorn" and grows else 0
                assert (ours - should).norm() <= allowed, power
            if law is not None:  # the input was rounded to float32 when it was scaled
                assert (should * 10.0 ** (-power * (law + grows)) - whole).norm() <= 1e-4 * whole.norm(), power


DEGENERATE: dict[str, Callable[[Tensor], Tensor]] = {
    "zeros": torch.zeros_like,
    "equal": torch.ones_like,
    "a row of zeros": lambda each: torch.cat([0 * each[:1], each[1:]]),
    "equal rows": lambda each: each[:1].expand_as(each),
    "one row": lambda each: each,
}


@pytest.mark.filterwarnings("ignore:dcca:UserWarning")  # too few words, as it says
@pytest.mark.parametrize("config", thinned(all_settings(), 4))
def test_degenerate_input_gives_ordinary_gradients_or_one_error(config: ObjectiveConfig) -> None:
    for name, change in DEGENERATE.items():
        loss, inputs = case(config, 1 if name == "one row" else ROWS)
        changed = [change(each).clone() for each in inputs]
        for given in (changed, [changed[0], *inputs[1:]]):
            try:
                value, gradient = value_and_gradient(loss, given)
            except ObjectiveError:
                assert config.family == "word-vectors"
                assert name == "one row"
                continue
            assert value.isfinite(), name
            assert gradient.norm() < 1e3, name  # none of the 1e12 of a norm's epsilon


@pytest.mark.parametrize("p", [1, 2])
def test_blurred_transport_is_that_of_the_means_where_blur_is_wide_and_the_exact_one_where_it_is_not(p: int) -> None:
    """eps -> infinity: S = E c(x, y) - E c(x, x') / 2 - E c(y, y') / 2 (Feydy et al. 2019)."""
    x, y = draw(1, X_WORDS, WIDTH), draw(1, Y_WORDS, WIDTH, seed=1)
    masks = [torch.ones(1, words, dtype=torch.bool) for words in (X_WORDS, Y_WORDS)]
    near, far = 1e-6 * x, 1e-6 * y
    between, within, other = (
        torch.cdist(*(side[0].double() for side in two)) ** p / p for two in ((near, far), (near, near), (far, far))
    )
    expected = float(between.mean() - within.mean() / 2 - other.mean() / 2)
    # Entropy's next term is of the order of the costs in units of epsilon: 1e-4 at p = 1, 1e-8 at p = 2.
    assert ot_loss(near, far, *masks, p=p, solver="sinkhorn").item() == pytest.approx(expected, rel=1e-3, abs=0)
    if p == 2:
        assert expected == pytest.approx(float((near.mean(1) - far.mean(1)).square().sum() / 2), rel=1e-5)
    for scale in (1e3, 1e6):
        wide = (scale * x).requires_grad_(), scale * y
        found = [
            torch.autograd.grad(ot_loss(*wide, *masks, p=p, solver=solver), wide[0])[0]
            for solver in ("sinkhorn", "exact")
        ]
        assert torch.allclose(*found, rtol=1e-3, atol=1e-3 * float(found[1].abs().max()))


def test_the_aligner_and_the_adversary_see_directions_alone() -> None:
    x, y = draw(SENTENCES, X_WORDS, WIDTH), draw(SENTENCES, Y_WORDS, WIDTH, seed=1)
    masks = [torch.ones(side.shape[:2], dtype=torch.bool) for side in (x, y)]

    def found(scale: float) -> tuple[list[list[tuple[int, int]]], Tensor]:
        pairs = align_words(scale * x, scale * y, *masks)
        return pairs, worst_delta(
            lambda delta: scale * ((x + delta) ** 2).sum(), x.shape, 0.1, mask=masks[0], steps=3, step_size=0.05,
            generator=torch.Generator().manual_seed(0),
        )  # fmt: skip

    pairs, delta = found(1.0)
    assert sum(map(len, pairs)) > SENTENCES
    for power in POWERS:
        same, again = found(10.0**power)
        assert same == pairs, power
        assert torch.allclose(again, delta, atol=1e-5), power
