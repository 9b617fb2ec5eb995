"""Masking rates, what is never masked, and the loss on what was picked (Devlin et al. 2019; reference.md 1.3)."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from xl_objectives import MlmConfig, ObjectiveError, mask_tokens, mlm_loss

MASK = 4
VOCABULARY = 1000


def draw(
    n_rows: int = 400, n_columns: int = 500, **arguments: float
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(7)
    ids = torch.randint(5, VOCABULARY, (n_rows, n_columns), generator=generator)
    content = torch.rand(ids.shape, generator=generator) < 0.8
    masked, picked = mask_tokens(
        ids, content, mask_id=MASK, vocabulary_size=VOCABULARY, generator=generator, **arguments
    )
    return ids, content, torch.stack([masked, picked.long()])


def test_rates_are_those_of_the_paper() -> None:
    ids, content, (masked, picked) = draw()
    picked = picked.bool()
    n_candidates, n_picked = int(content.sum()), int(picked.sum())
    # 160,000 candidates: four standard deviations are 0.0036 for the rate and 0.011 for the shares.
    assert n_picked / n_candidates == pytest.approx(0.15, abs=0.0036)
    assert int((masked[picked] == MASK).sum()) / n_picked == pytest.approx(0.8, abs=0.011)
    kept = int((masked[picked] == ids[picked]).sum()) / n_picked
    assert kept == pytest.approx(0.1, abs=0.011)


def test_random_replacements_come_from_the_whole_vocabulary() -> None:
    ids, _, (masked, picked) = draw(mask_prob=1.0)
    replaced = picked.bool() & (masked != ids) & (masked != MASK)
    drawn = masked[replaced]
    assert int(drawn.min()) < 5  # special ids are drawn too, as in the library that the papers used
    assert int(drawn.max()) > VOCABULARY - 20
    assert drawn.unique().numel() > 0.99 * VOCABULARY


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 10**6), mask_prob=st.floats(0.01, 1.0), n_columns=st.integers(1, 12))
def test_only_content_changes_and_only_where_picked(seed: int, mask_prob: float, n_columns: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    ids = torch.randint(VOCABULARY, (3, n_columns), generator=generator)
    before = ids.clone()
    content = torch.rand(ids.shape, generator=generator) < 0.5
    masked, picked = mask_tokens(
        ids, content, mask_id=MASK, vocabulary_size=VOCABULARY, mask_prob=mask_prob, generator=generator
    )
    assert torch.equal(ids, before)
    assert not (picked & ~content).any()
    assert torch.equal(masked[~picked], ids[~picked])


def test_the_same_generator_state_gives_the_same_masks() -> None:
    assert torch.equal(draw()[2], draw()[2])


def test_loss_is_the_mean_over_picked_tokens() -> None:
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(7, 11, generator=generator)
    targets = torch.randint(11, (7,), generator=generator)
    expected = 0.0
    for row, target in zip(logits.tolist(), targets.tolist(), strict=True):
        expected += math.log(sum(math.exp(x) for x in row)) - row[target]
    assert mlm_loss(logits, targets).item() == pytest.approx(expected / 7, rel=1e-5)  # float32


def test_nothing_picked_is_zero_and_stays_on_the_graph() -> None:
    weight = torch.randn(3, 5, requires_grad=True)
    states = torch.randn(2, 4, 3)
    content = torch.zeros(2, 4, dtype=torch.bool)
    ids = torch.full((2, 4), 9)
    _, picked = mask_tokens(ids, content, mask_id=0, vocabulary_size=5)
    loss = mlm_loss(states[picked] @ weight, ids[picked])
    loss.backward()
    assert loss.item() == 0.0
    assert weight.grad is not None
    assert torch.equal(weight.grad, torch.zeros_like(weight))


@pytest.mark.parametrize(("mask_prob", "mask_id"), [(0.0, 4), (1.5, 4), (0.15, VOCABULARY)])
def test_settings_out_of_range_are_refused(mask_prob: float, mask_id: int) -> None:
    ids = torch.zeros(1, 2, dtype=torch.long)
    with pytest.raises(ObjectiveError, match=r"mask_prob is|lies outside"):
        mask_tokens(ids, ids.bool(), mask_id=mask_id, vocabulary_size=VOCABULARY, mask_prob=mask_prob)


def test_config_speaks_of_its_keys() -> None:
    with pytest.raises(ObjectiveError, match=r"objective\.mlm\.mask_prob is 2"):
        MlmConfig(mask_prob=2)
    with pytest.raises(ObjectiveError, match=r"objective\.mlm\.text is 'left'"):
        MlmConfig(text="left")
    with pytest.raises(ObjectiveError, match=r"objective\.mlm\.weight is -1"):
        MlmConfig(weight=-1)
