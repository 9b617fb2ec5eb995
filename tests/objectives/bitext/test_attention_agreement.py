"""Agreement of attention: AMBER's formula with its traces, head by head."""

import itertools

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from xl_objectives import ObjectiveError, attention_agreement_loss


@given(
    lens=st.tuples(st.integers(1, 5), st.integers(1, 5)),
    heads=st.integers(1, 3),
    spent=st.floats(0, 1),
    seed=st.integers(0, 99),
)
def test_loss_is_one_less_the_traces(lens: tuple[int, int], heads: int, spent: float, seed: int) -> None:
    """spent: on a token's own sentence and on specials."""
    random = torch.Generator().manual_seed(seed)
    to_y, to_x = (torch.rand(heads, a, b, generator=random, dtype=torch.float64) for a, b in (lens, (lens[1], lens[0])))
    to_y, to_x = ((1 - spent) * weights / weights.sum(dim=2, keepdim=True) for weights in (to_y, to_x))
    places = itertools.product(range(heads), range(lens[0]), range(lens[1]))
    trace = sum(float(to_y[h, i, j]) * float(to_x[h, j, i]) for h, i, j in places)
    found = attention_agreement_loss(to_y, to_x).item()
    assert found == pytest.approx(1 - trace / heads / min(lens), abs=1e-9)
    assert found == pytest.approx(attention_agreement_loss(to_x, to_y).item(), abs=1e-12)  # symmetric
    assert -1e-9 <= found <= 1 + 1e-9


def test_certain_partners_agree_wholly() -> None:
    """Each token of the shorter sentence and its one partner look at each other alone: 0. At all alike: far off."""
    to_y = torch.eye(5)[[2, 0, 3]][None]
    to_x = torch.zeros(1, 5, 3)
    to_x[0, [2, 0, 3], [0, 1, 2]] = 1
    assert attention_agreement_loss(to_y, to_x).item() == pytest.approx(0, abs=1e-6)
    flat = attention_agreement_loss(torch.full((1, 3, 5), 1 / 5), torch.full((1, 5, 3), 1 / 3)).item()
    assert flat == pytest.approx(1 - 3 * 5 * (1 / 3) * (1 / 5) / 3)


@pytest.mark.parametrize("shapes", [((2, 3, 4), (2, 3, 4)), ((1, 0, 4), (1, 4, 0)), ((3, 4), (4, 3))])
def test_shapes_that_do_not_fit_are_refused(shapes: tuple[tuple[int, ...], tuple[int, ...]]) -> None:
    with pytest.raises(ObjectiveError, match=r"sentences with tokens"):
        attention_agreement_loss(*map(torch.zeros, shapes))
