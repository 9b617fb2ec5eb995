"""SEQ against a double loop, closed forms and laws (reference: transliteration post-training paper, section 3)."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from xl_objectives import ObjectiveError, SeqConfig, seq_loss


def vectors(n_pairs: int, width: int = 5, seed: int = 0) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    drawn = torch.randn(2, n_pairs, width, generator=generator, dtype=torch.float64).float()
    return drawn[0], drawn[1]


def seq_by_loop(
    original: Tensor,
    romanised: Tensor,
    temperature: float,
    factor: float,
    cosine: bool,
    text_ids: Tensor | None,
    negatives: Tensor | None = None,
) -> float:
    """The definition, row by row in plain Python: rows interleaved as in the paper, u_1 v_1 u_2 v_2 ..."""
    rows = [row.tolist() for pair in zip(original, romanised, strict=True) for row in pair]
    texts = list(range(len(rows))) if text_ids is None else [int(t) for pair in text_ids.T for t in pair]
    noise = [] if negatives is None else negatives.tolist()
    if cosine:
        rows, noise = ([[x / math.sqrt(sum(y * y for y in row)) for x in row] for row in its] for its in (rows, noise))
    losses = []
    for a, anchor in enumerate(rows):
        partner = a + 1 if a % 2 == 0 else a - 1
        scores = {}
        for b, other in enumerate(rows):
            same_text = texts[b] in (texts[a], texts[partner])
            if b != a and (b == partner or not same_text):
                scores[b] = sum(x * y for x, y in zip(anchor, other, strict=True)) / temperature
        for number, other in enumerate(noise):
            scores[-1 - number] = sum(x * y for x, y in zip(anchor, other, strict=True)) / temperature
        largest = max(scores.values())
        log_sum = largest + math.log(sum(math.exp(score - largest) for score in scores.values()))
        losses.append(log_sum - scores[partner])
    return factor * sum(losses) / len(losses)


@settings(max_examples=40, deadline=None)
@given(
    n_pairs=st.integers(1, 6),
    seed=st.integers(0, 10**6),
    temperature=st.floats(0.2, 3.0),
    factor=st.sampled_from([0.5, 1.0]),
    similarity=st.sampled_from(["dot", "cosine"]),
    with_texts=st.booleans(),
    noise=st.sampled_from([0, 3]),
)
def test_equals_a_double_loop(
    n_pairs: int, seed: int, temperature: float, factor: float, similarity: str, with_texts: bool, noise: int
) -> None:
    original, romanised = vectors(n_pairs, seed=seed)
    texts = torch.randint(4, (2, n_pairs), generator=torch.Generator().manual_seed(seed)) if with_texts else None
    negatives = torch.randn(noise * n_pairs, 5, generator=torch.Generator().manual_seed(seed + 1)) if noise else None
    loss = seq_loss(
        original, romanised, similarity=similarity, temperature=temperature, factor=factor, text_ids=texts,
        negatives=negatives,
    )  # fmt: skip
    expected = seq_by_loop(original, romanised, temperature, factor, similarity == "cosine", texts, negatives)
    assert loss.item() == pytest.approx(expected, rel=1e-4, abs=1e-5)  # float32 sums of up to 12 terms


def test_one_pair_has_no_negative_and_costs_nothing() -> None:
    assert seq_loss(*vectors(1)).item() == 0.0


@pytest.mark.parametrize("n_pairs", [2, 3, 17])
def test_equal_vectors_everywhere_give_half_the_log_of_the_candidates(n_pairs: int) -> None:
    same = torch.ones(n_pairs, 4)
    assert seq_loss(same, same).item() == pytest.approx(0.5 * math.log(2 * n_pairs - 1), rel=1e-6)  # float32


def test_order_of_the_pairs_does_not_matter() -> None:
    original, romanised = vectors(9)
    order = torch.randperm(9, generator=torch.Generator().manual_seed(3))
    texts = torch.arange(18).reshape(2, 9) // 2
    loss = seq_loss(original, romanised, text_ids=texts)
    assert torch.allclose(loss, seq_loss(original[order], romanised[order], text_ids=texts[:, order]))


def test_sides_are_interchangeable() -> None:
    original, romanised = vectors(6)
    assert torch.allclose(seq_loss(original, romanised), seq_loss(romanised, original))


def test_gradients_of_processes_that_each_own_a_part_add_up_to_the_whole() -> None:
    """Each of W processes sees all vectors but lets gradient into its own only: the sum is the true gradient."""
    original, romanised = (side.double().requires_grad_() for side in vectors(6))
    seq_loss(original, romanised).backward()
    summed = torch.zeros_like(original)
    for rank in range(3):
        own = torch.zeros(6, dtype=torch.bool)
        own[2 * rank : 2 * rank + 2] = True
        live, live_romanised = (side.detach().clone().requires_grad_() for side in (original, romanised))
        mixed = torch.where(own[:, None], live, live.detach())
        mixed_romanised = torch.where(own[:, None], live_romanised, live_romanised.detach())
        seq_loss(mixed, mixed_romanised).backward()
        assert live.grad is not None
        summed += live.grad
    assert original.grad is not None
    assert torch.allclose(summed, original.grad, atol=1e-6)  # similarities are float32 inside


def test_a_repeated_text_is_no_negative() -> None:
    """The anchor of a text that stands twice in the batch sees what it would see if its copy were not there."""
    original, romanised = vectors(3)
    original[2], romanised[2] = original[0], romanised[0]
    texts = torch.tensor([[0, 1, 0], [2, 3, 2]])
    kept = seq_loss(original, romanised, text_ids=texts)
    # By hand for the anchor u_0: v_0 is the positive, u_1 and v_1 are the negatives; its copy u_2, v_2 is neither.
    rows = torch.stack([romanised[0], original[1], romanised[1]])
    first = torch.logsumexp(rows @ original[0], 0) - romanised[0] @ original[0]
    rows = torch.stack([original[0], original[1], romanised[1]])
    second = torch.logsumexp(rows @ romanised[0], 0) - original[0] @ romanised[0]
    # Text 1 is right to push away all four vectors of text 0 and its copy.
    rows = torch.cat([romanised[1:2], original[[0, 2]], romanised[[0, 2]]])
    third = torch.logsumexp(rows @ original[1], 0) - romanised[1] @ original[1]
    rows = torch.cat([original[1:2], original[[0, 2]], romanised[[0, 2]]])
    fourth = torch.logsumexp(rows @ romanised[1], 0) - original[1] @ romanised[1]
    assert kept.item() == pytest.approx(0.5 * (2 * first + 2 * second + third + fourth).item() / 6, rel=1e-5)


def test_half_precision_input_is_compared_in_float32() -> None:
    original, romanised = (30 * side for side in vectors(4, width=64))
    expected = seq_loss(original.bfloat16().float(), romanised.bfloat16().float())
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = seq_loss(original.bfloat16(), romanised.bfloat16())
    assert loss.dtype == torch.float32
    assert loss.item() == pytest.approx(expected.item(), rel=1e-6)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"temperature": 0.0}, "temperature is 0.0"),
        ({"similarity": "l2"}, "choose dot or cosine"),
    ],
)
def test_settings_out_of_range_are_named(arguments: dict, words: str) -> None:
    with pytest.raises(ObjectiveError, match=words):
        seq_loss(*vectors(2), **arguments)


def test_unequal_or_empty_input_is_named() -> None:
    original, romanised = vectors(3)
    with pytest.raises(ObjectiveError, match=r"\(3, 5\) and \(2, 5\)"):
        seq_loss(original, romanised[:2])
    with pytest.raises(ObjectiveError, match="at least one pair"):
        seq_loss(original[:0], romanised[:0])


def test_config_speaks_of_its_keys() -> None:
    with pytest.raises(ObjectiveError, match=r"objective\.seq\.temperature is 0"):
        SeqConfig(temperature=0)
    with pytest.raises(ObjectiveError, match=r"objective\.seq\.similarity is 'l2'"):
        SeqConfig(similarity="l2")
