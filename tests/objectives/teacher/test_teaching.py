"""The losses with a teacher against loops over texts, closed forms, laws and numerical gradients."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from xl_objectives import ObjectiveError, RetainConfig, TeachConfig, retain_loss, teach_loss

PLAIN: dict[str, Any] = {"distance_weight": 0.0, "pivot": 0.0, "contrast": 0.0, "reverse": 0.0}


def cosine(a: Tensor, b: Tensor) -> float:
    length = math.sqrt(float(a @ a)) * math.sqrt(float(b @ b))
    return float(a @ b) / length if length else 0.0


def by_loops(students: Tensor, teachers: Tensor, bank: Tensor, own: Tensor, ids: Tensor, said: dict[str, Any]) -> float:
    """The formulas of the module, text by text; equal texts, or equal translations, are no negatives."""
    n, temperature = len(students), said["temperature"]
    total = 0.0
    for i in range(n):
        if said["distance"] == "cosine":
            distance = 2 - 2 * cosine(students[i], teachers[i])
        else:
            distance = sum((float(a) - float(b)) ** 2 for a, b in zip(students[i], teachers[i], strict=True))
            distance /= students.shape[1]
        alike = [j for j in range(n) if ids[0, i] == ids[0, j] or ids[1, i] == ids[1, j]]
        no_negatives = {int(own[j]) for j in alike} - {int(own[i])}
        others = [b for b in range(len(bank)) if b not in no_negatives]
        score = cosine(students[i], bank[own[i]]) / temperature
        forward = math.log(sum(math.exp(cosine(students[i], bank[b]) / temperature) for b in others)) - score
        found = [j for j in range(n) if j == i or j not in alike]
        back = math.log(sum(math.exp(cosine(teachers[i], students[j]) / temperature) for j in found))
        back -= cosine(teachers[i], students[i]) / temperature
        total += said["distance_weight"] * distance + said["contrast"] * forward + said["reverse"] * back
    return total / n


@settings(deadline=None, max_examples=60)
@given(
    seed=st.integers(0, 10**6),
    n=st.integers(1, 6),
    n_bank=st.integers(1, 6),
    distance=st.sampled_from(["cosine", "mse"]),
    factors=st.tuples(*[st.floats(0.0, 3.0)] * 3),
    temperature=st.floats(0.1, 2.0),
)
def test_loops_over_texts(
    seed: int, n: int, n_bank: int, distance: str, factors: tuple[float, ...], temperature: float
) -> None:
    random = np.random.default_rng(seed)
    students = torch.from_numpy(random.normal(size=(n, 4)))
    bank = torch.from_numpy(random.normal(size=(n_bank, 4)))
    own = torch.from_numpy(random.integers(0, n_bank, n))
    ids = torch.stack([torch.from_numpy(random.integers(0, 3, n)), own])
    said: dict[str, Any] = dict(zip(("distance_weight", "contrast", "reverse"), factors, strict=True))
    said |= {"distance": distance, "temperature": temperature}
    ours = teach_loss(students, bank[own], bank=bank, own=own, text_ids=ids, **said)
    assert float(ours) == pytest.approx(by_loops(students, bank[own], bank, own, ids, said), rel=1e-9, abs=1e-9)


def made(n: int = 5, width: int = 6) -> tuple[Tensor, Tensor, dict[str, Any]]:
    generator = torch.Generator().manual_seed(n)
    students, teachers = torch.randn(2, n, width, generator=generator, dtype=torch.float64)
    numbers = torch.arange(n)
    return students, teachers, {"bank": teachers, "own": numbers, "text_ids": torch.stack([numbers, numbers])}


def changed(given_: dict[str, Any], **others: Any) -> dict[str, Any]:
    return {**given_, **others}


def test_gradients_are_those_of_finite_differences() -> None:
    students, teachers, given_ = made()
    given_["text_ids"][0, 3] = 1
    pivots = teachers.flip(0).clone()
    for distance in ("cosine", "mse"):
        assert torch.autograd.gradcheck(
            lambda s, p, how=distance: teach_loss(s, teachers, pivots=p, distance=how, temperature=0.5, **given_),
            (students.requires_grad_(), pivots.requires_grad_()),
        )


def test_the_teacher_gets_no_gradient() -> None:
    students, teachers, given_ = made()
    teachers.requires_grad_()
    teach_loss(students.requires_grad_(), teachers, pivots=students * 2, **changed(given_, bank=teachers)).backward()
    assert teachers.grad is None
    assert students.grad is not None


def test_closed_forms() -> None:
    """Where each text is its translation's vector, the distance is 0; of one pair both contrasts are 0 as well."""
    _, teachers, given_ = made()
    scaled = 3 * teachers
    assert float(retain_loss(scaled, teachers)) == pytest.approx(0, abs=1e-12)
    assert float(retain_loss(scaled, teachers, distance="mse")) == pytest.approx(4 * float(teachers.square().mean()))
    assert float(retain_loss(-teachers, teachers)) == pytest.approx(4)
    one: dict[str, Any] = {
        "bank": teachers[:1],
        "own": torch.tensor([0]),
        "text_ids": torch.zeros(2, 1, dtype=torch.int64),
    }
    assert float(teach_loss(scaled[:1], teachers[:1], **one)) == pytest.approx(0, abs=1e-12)
    # Orthogonal translations, each text on its own: log(1 + (n - 1) exp(-1/T)) in both directions.
    eye = torch.eye(5, dtype=torch.float64)
    both = teach_loss(eye, eye, **changed(given_, bank=eye, **changed(PLAIN, contrast=1.0, reverse=1.0)))
    assert float(both) == pytest.approx(2 * math.log(1 + 4 * math.exp(-20)))


def test_a_hub_costs_in_the_reverse_direction_alone() -> None:
    """A text that all translations find first: told by the reverse contrast, which the forward one does not see."""
    n, width = 6, 12
    teachers = torch.eye(width, dtype=torch.float64)[:n]
    students = teachers + 0.2 * torch.eye(width, dtype=torch.float64)[n : 2 * n]
    hub = students.clone()
    hub[0] = teachers.sum(dim=0) + 0.3 * teachers[0]  # its own translation is still its nearest
    numbers = torch.arange(n)
    given_: dict[str, Any] = {"bank": teachers, "own": numbers, "text_ids": torch.stack([numbers, numbers])}

    def of_others(vectors: Tensor, which: str) -> float:
        """The loss of the other texts alone."""
        said = changed(PLAIN, temperature=0.2, **{which: 1.0})
        whole = n * float(teach_loss(vectors, teachers, **given_, **said))
        first = torch.tensor([0])
        alone: dict[str, Any] = {"bank": teachers, "own": first, "text_ids": given_["text_ids"][:, :1]}
        return whole - (float(teach_loss(vectors[:1], teachers[:1], **alone, **said)) if which == "contrast" else 0)

    assert of_others(hub, "contrast") == pytest.approx(of_others(students, "contrast"))
    assert of_others(hub, "reverse") > of_others(students, "reverse") + 0.5


def test_pivots_add_their_distance() -> None:
    students, teachers, given_ = made()
    pivots = torch.roll(teachers, 1, dims=0)
    plain = teach_loss(students, teachers, **given_)
    held = teach_loss(students, teachers, pivots=pivots, pivot=0.5, **given_)
    assert float(held - plain) == pytest.approx(0.5 * float(retain_loss(pivots, teachers)))


def test_no_texts_and_zero_vectors() -> None:
    none = torch.zeros(0, 4, requires_grad=True)
    ids = torch.zeros(2, 0, dtype=torch.int64)
    loss = teach_loss(none, none.detach(), bank=torch.ones(1, 4), own=ids[0], text_ids=ids)
    loss.backward()
    assert float(loss.detach()) == 0
    zero = torch.zeros(2, 4, requires_grad=True)
    given_: dict[str, Any] = {
        "bank": torch.eye(4)[:2],
        "own": torch.tensor([0, 1]),
        "text_ids": torch.tensor([[0, 1]] * 2),
    }
    teach_loss(zero, torch.eye(4)[:2], **given_).backward()
    assert zero.grad is not None
    assert torch.isfinite(zero.grad).all()


def test_half_precision_is_computed_in_float32() -> None:
    students, teachers, given_ = made(4, 8)
    halves = changed(given_, bank=teachers.bfloat16())
    with torch.autocast("cpu", torch.bfloat16):
        ours = teach_loss(students.bfloat16(), teachers.bfloat16(), **halves)
    expected = teach_loss(students.bfloat16().float(), teachers.bfloat16().float(), **halves)
    assert ours.dtype == torch.float32
    assert torch.allclose(ours, expected)


def test_what_does_not_fit_is_refused() -> None:
    students, teachers, given_ = made()
    with pytest.raises(ObjectiveError, match="give two"):
        retain_loss(students, teachers[:, :3])
    with pytest.raises(ObjectiveError, match="choose cosine or mse"):
        retain_loss(students, teachers, distance="dot")
    with pytest.raises(ObjectiveError, match="does not fit 5 texts"):
        teach_loss(students, teachers, **changed(given_, own=torch.tensor([0])))
    with pytest.raises(ObjectiveError, match="temperature is 0"):
        teach_loss(students, teachers, **given_, temperature=0.0)
    with pytest.raises(ObjectiveError, match="are all 0; give one a factor"):
        TeachConfig(**PLAIN)
    assert not RetainConfig().reads_pairs
    assert TeachConfig().reads_pairs
