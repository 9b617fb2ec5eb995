"""The loss with shifted vectors: against the closed form of a linear model, and what the loop around it relies on."""

import dataclasses
import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from xl_objectives import random_in_ball
from xl_tasks import Perturbation, RobustConfig, TaskError
from xl_tasks.robustness.perturbing import symmetric_divergence

BATCH, LENGTH, WIDTH = 6, 5, 8


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


class Model(nn.Module):
    """Vectors of tokens -> logits of examples, or of tokens; dropout inside."""

    def __init__(self, n_outputs: int = 3, dropout: float = 0.0, each_token: bool = False) -> None:
        super().__init__()
        torch.manual_seed(3)
        self.dropout = nn.Dropout(dropout)
        self.inner = nn.Linear(WIDTH, 16)
        self.outer = nn.Linear(16, n_outputs)
        self.each_token = each_token
        self.calls: list[Tensor | None] = []
        self.inputs = torch.randn(BATCH, LENGTH, WIDTH, generator=seeded(1))

    def forward(self, delta: Tensor | None) -> Tensor:
        self.calls.append(delta)
        states = self.dropout(torch.tanh(self.inner(self.inputs if delta is None else self.inputs + delta)))
        return self.outer(states if self.each_token else states.mean(1))


def gradients(model: nn.Module) -> list[Tensor]:
    return [parameter.grad.clone() for parameter in model.parameters() if parameter.grad is not None]


def content() -> Tensor:
    mask = torch.ones(BATCH, LENGTH, dtype=torch.bool)
    mask[:, 0] = False
    mask[2:, -2:] = False
    return mask


def criterion(logits: Tensor) -> Tensor:
    labels = torch.arange(BATCH) % logits.shape[-1]
    if logits.ndim == 3:
        return nn.functional.cross_entropy(logits.flatten(0, 1), labels.repeat_interleave(LENGTH))
    return nn.functional.cross_entropy(logits, labels)


def perturbed(
    model: Model, seed: int = 0, kind: str = "classification", robust: str = "at", eps: float = 0.4, **options: Any
) -> Tensor:
    config = RobustConfig(kind=robust, eps=eps, **options)
    return Perturbation.of(config, mean_norm=1.0).loss(
        model, criterion, content=content(), width=WIDTH, generator=seeded(seed), kind=kind
    )


def test_eps_wins_over_eps_rel_and_the_step_is_half_of_it() -> None:
    relative = Perturbation.of(RobustConfig(eps_rel=0.1), mean_norm=1.4)
    assert (relative.eps, relative.step_size) == (pytest.approx(0.14), pytest.approx(0.07))
    absolute = Perturbation.of(RobustConfig(eps=0.3, eps_rel=0.1, step_size=0.01, layer=4), mean_norm=1.4)
    assert (absolute.eps, absolute.step_size, absolute.layer) == (0.3, 0.01, 4)
    with pytest.raises(TaskError, match="exchanges words"):
        Perturbation.of(RobustConfig(kind="rs-da", neighbours="t.tsv"), mean_norm=1.0)
    with pytest.raises(TaskError, match="mean length of 0"):
        Perturbation.of(RobustConfig(), mean_norm=0.0)


def test_passes_and_where_they_are_shifted() -> None:
    """steps + 1 passes, one more with the clean one; every shift in the ball, on text alone."""
    cases: tuple[tuple[dict[str, Any], int], ...] = (
        ({}, 4),
        ({"steps": 1}, 2),
        ({"steps": 0}, 1),
        ({"loss": "both"}, 5),
        ({"loss": "kl"}, 5),
        ({"robust": "rs-rp"}, 1),
        ({"robust": "rs-rp", "loss": "kl"}, 2),
    )
    for options, n_calls in cases:
        model = Model()
        perturbed(model, **options)
        assert len(model.calls) == n_calls, options
        shifts = [call for call in model.calls if call is not None]
        assert len(shifts) == n_calls - ("loss" in options)
        for shift in shifts:
            assert shift.shape == (BATCH, LENGTH, WIDTH)
            assert (shift.norm(dim=-1) <= 0.4 * (1 + 1e-6)).all()
            assert (shift[~content()] == 0).all()
            assert (shift[content()].norm(dim=-1) > 0).all()
        assert not shifts[-1].requires_grad


def test_at_is_worse_than_random_and_random_than_clean_on_the_mean() -> None:
    """Cross-entropy of a fitted model: shifts hurt, and those that were searched for hurt more."""
    model = Model()
    optimizer = torch.optim.Adam(model.parameters(), 0.05)
    for _ in range(60):
        optimizer.zero_grad()
        criterion(model(None)).backward()
        optimizer.step()
    mean = {
        kind: sum(perturbed(model, seed, robust=kind, eps=1.5).item() for seed in range(50)) / 50
        for kind in ("at", "rs-rp")
    }
    assert mean["at"] > mean["rs-rp"] > criterion(model(None)).item()


def test_the_gradient_is_that_of_the_shifted_loss_alone() -> None:
    """Nothing of the search is left in the parameters: backward gives what the last shift gives by itself."""
    model = Model()
    loss = perturbed(model)
    assert all(parameter.grad is None for parameter in model.parameters())
    loss.backward()
    found = gradients(model)
    shift = model.calls[-1]
    model.zero_grad()
    criterion(model(shift)).backward()
    for ours, expected in zip(found, gradients(model), strict=True):
        assert torch.equal(ours, expected)


@pytest.mark.parametrize("form", ["both", "kl"])
def test_loss_forms_are_their_sums(form: str) -> None:
    model = Model()
    loss = perturbed(model, loss=form, weight=0.7)
    clean, shifted = model(None), model(next(call for call in reversed(model.calls) if call is not None))
    if form == "both":
        expected = criterion(clean) + 0.7 * criterion(shifted)
    else:
        p, q = clean.softmax(-1), shifted.softmax(-1)
        expected = criterion(clean) + 0.7 * ((p * (p / q).log()).sum(-1) + (q * (q / p).log()).sum(-1)).mean()
    assert loss.item() == pytest.approx(expected.item(), rel=1e-5)


def test_kl_searches_for_the_shift_that_changes_the_prediction() -> None:
    def divergence(steps: int) -> float:
        model = Model()
        with torch.no_grad():
            loss = perturbed(model, loss="kl", steps=steps)
            return loss.item() - criterion(model(None)).item()

    values = [divergence(steps) for steps in (0, 1, 3)]
    assert 0 < values[0] < values[1] < values[2]


@pytest.mark.parametrize("form", ["adversarial", "both", "kl"])
def test_the_search_climbs_what_is_learnt(form: str) -> None:
    """One step far beyond the ball ends at eps times the direction of the gradient at the random start."""
    model = Model()
    perturbed(model, seed=6, loss=form, steps=1, step_size=1e6)
    found = next(call for call in reversed(model.calls) if call is not None)
    start = random_in_ball((BATCH, LENGTH, WIDTH), 0.4, content(), seeded(6)).requires_grad_()
    logits, clean = model(start), model(None).detach()
    if form == "kl":
        p, q = clean.softmax(-1), logits.softmax(-1)
        objective = (p * (p / q).log() + q * (q / p).log()).sum(-1).mean()
    else:
        objective = criterion(logits)
    (gradient,) = torch.autograd.grad(objective, start)
    expected = 0.4 * nn.functional.normalize(gradient, dim=-1)
    assert torch.allclose(found[content()], expected[content()], atol=1e-4)


def test_divergence_of_tags_is_over_text_and_of_answers_over_places() -> None:
    tagger = Model(n_outputs=4, each_token=True)
    loss = perturbed(tagger, kind="tagging", loss="kl")
    shifted, clean = tagger(tagger.calls[-1]), tagger(None)
    places = content().nonzero().tolist()
    by_hand = sum(symmetric_by_loop(clean[i, j], shifted[i, j]) for i, j in places) / len(places)
    assert loss.item() == pytest.approx(criterion(clean).item() + by_hand, rel=1e-4)

    answerer = Model(n_outputs=2, each_token=True)
    loss = perturbed(answerer, kind="answering", loss="kl")
    shifted, clean = answerer(answerer.calls[-1]), answerer(None)
    by_hand = sum(symmetric_by_loop(clean[i, :, k], shifted[i, :, k]) for i in range(BATCH) for k in (0, 1)) / BATCH
    assert loss.item() == pytest.approx(criterion(clean).item() + by_hand, rel=1e-4)
    with pytest.raises(TaskError, match="needs tagging or answering"):
        perturbed(answerer, kind="", loss="kl")


def symmetric_by_loop(one: Tensor, other: Tensor) -> float:
    p, q = one.double().softmax(0).tolist(), other.double().softmax(0).tolist()
    return sum(a * math.log(a / b) + b * math.log(b / a) for a, b in zip(p, q, strict=True))


def test_divergence_is_symmetric_positive_and_zero_for_equal_logits() -> None:
    one, other = torch.randn(2, 9, 5, generator=seeded())
    assert torch.allclose(symmetric_divergence(one, other), symmetric_divergence(other, one))
    assert (symmetric_divergence(one, other) > 0).all()
    assert torch.allclose(symmetric_divergence(one, one + 3), torch.zeros(9), atol=1e-6)


def test_all_passes_of_a_step_drop_the_same_and_a_run_draws_as_one_without() -> None:
    for robust, form in (("at", "both"), ("rs-rp", "kl")):
        model = Recording(dropout=0.5)
        torch.manual_seed(11)
        perturbed(model, robust=robust, loss=form, eps=1e-12)
        state = torch.get_rng_state()
        torch.manual_seed(11)
        plain = model(None)
        assert torch.equal(torch.get_rng_state(), state)
        assert len(model.outputs) > 2
        assert all(torch.equal(output, plain) for output in model.outputs)
        assert not torch.equal(model(None), plain)


class Recording(Model):
    """Keeps what it put out."""

    def forward(self, delta: Tensor | None) -> Tensor:
        if not self.calls:
            self.outputs: list[Tensor] = []
        self.outputs.append(super().forward(delta))
        return self.outputs[-1]


def test_rs_rp_shifts_by_the_draw_of_the_generator() -> None:
    model = Model()
    perturbed(model, seed=5, robust="rs-rp")
    shift = model.calls[-1]
    assert shift is not None
    assert torch.equal(shift, random_in_ball((BATCH, LENGTH, WIDTH), 0.4, content(), seeded(5)))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"kind": "pgd"}, "robust.kind is 'pgd'; choose one of at, rs-rp, rs-da"),
        ({"loss": "trades"}, "robust.loss"),
        ({"match": "lemma"}, "robust.match"),
        ({"eps": -1.0}, "robust.eps is -1.0"),
        ({"eps_rel": math.inf}, "robust.eps_rel is inf"),
        ({"eps_rel": 0.0}, "both 0"),
        ({"steps": -1}, "robust.steps"),
        ({"n_neighbours": 0}, "robust.n_neighbours"),
        ({"kind": "rs-da"}, "robust.neighbours is empty"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else "",
)
def test_settings_out_of_range_are_named(options: dict, words: str) -> None:
    with pytest.raises(TaskError, match=words):
        RobustConfig(**options)


def test_every_setting_has_a_help_text() -> None:
    for setting in dataclasses.fields(RobustConfig):
        assert setting.metadata["help"], setting.name
