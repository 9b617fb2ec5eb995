"""Agreement of attention: AMBER's formula with its traces, head by head and sentence by sentence."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from xl_objectives import ObjectiveError, attention_agreement_loss


@given(
    lens=st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=4),
    heads=st.sampled_from([1, 2, 3]),
    seed=st.integers(0, 99),
)
def test_loss_is_one_less_the_traces(lens: list[tuple[int, int]], heads: int, seed: int) -> None:
    width, random = 6, torch.Generator().manual_seed(seed)
    sides, masks = [], []
    for side in (0, 1):
        counts = torch.tensor([its[side] for its in lens])
        mask = torch.arange(5) < counts[:, None]
        masks.append(mask)
        vectors = torch.randn(len(lens), 5, 2 * width, generator=random, dtype=torch.float64)
        sides.append(vectors.masked_fill(~mask[:, :, None], 1e4))
    terms = []
    for x, y, (n, m) in zip(*sides, lens, strict=True):
        if not n or not m:
            continue
        total = 0.0
        for head in range(heads):
            part = slice(head * width // heads, (head + 1) * width // heads)
            (x_query, x_key), (y_query, y_key) = (
                (words[:, :width][:count, part], words[:, width:][:count, part]) for words, count in ((x, n), (y, m))
            )
            to_y = torch.softmax(x_query @ y_key.T / math.sqrt(width / heads), dim=1)  # (n, m)
            to_x = torch.softmax(y_query @ x_key.T / math.sqrt(width / heads), dim=1)  # (m, n)
            total += float(torch.trace(to_x @ to_y))
        terms.append(1 - total / heads / min(n, m))
    found = attention_agreement_loss(*sides, *masks, heads=heads).item()
    assert found == pytest.approx(sum(terms) / len(terms) if terms else 0.0, abs=1e-9)
    assert -1e-9 <= found <= 1


def test_certain_partners_agree_wholly() -> None:
    """Each word of the shorter sentence and its one partner look at each other alone: 0. At all alike: far off."""
    order = torch.tensor([2, 0, 3])
    x_query = 40 * torch.eye(3)
    y_query = torch.zeros(5, 3)
    y_query[order] = 40 * torch.eye(3)
    x, y = (torch.cat([query, query], dim=1)[None] for query in (x_query, y_query))
    masks = torch.ones(1, 3, dtype=torch.bool), torch.ones(1, 5, dtype=torch.bool)
    assert attention_agreement_loss(x, y, *masks).item() == pytest.approx(0, abs=1e-6)
    flat = attention_agreement_loss(torch.zeros_like(x), torch.zeros_like(y), *masks).item()
    assert flat == pytest.approx(1 - 3 * 5 * (1 / 3) * (1 / 5) / 3)


def test_shapes_that_do_not_fit_are_refused() -> None:
    x, mask = torch.zeros(1, 2, 6), torch.ones(1, 2, dtype=torch.bool)
    with pytest.raises(ObjectiveError, match=r"heads that divide width"):
        attention_agreement_loss(x, x, mask, mask, heads=2)
