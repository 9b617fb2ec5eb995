"""Pairs of a transport plan: POT's plans, sentence by sentence, read in slow loops."""

import numpy as np
import ot
import pytest
import torch
from torch import Tensor

from xl_objectives import ObjectiveError, plan_pairs, plan_pairs_loss


def batch(seed: int = 0) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Four sentence pairs of other lengths, of which one has no word on the left; what is padding is huge."""
    random = torch.Generator().manual_seed(seed)
    lens = torch.tensor([[5, 3], [2, 6], [0, 4], [4, 4]])
    sides, masks = [], []
    for side in (0, 1):
        vectors = torch.randn(4, int(lens[:, side].max()), 7, generator=random, dtype=torch.float64)
        mask = torch.arange(vectors.shape[1]) < lens[:, side, None]
        sides.append(vectors.masked_fill(~mask[:, :, None], 1e3))
        masks.append(mask)
    return sides[0], sides[1], masks[0], masks[1]


def slow_pairs(plan: np.ndarray) -> list[tuple[int, int]]:
    plan = plan.round(9)  # equal masses are equal
    found = []
    for i in range(plan.shape[0]):
        for j in range(plan.shape[1]):
            if plan[i, j] > 0 and plan[i].tolist().index(plan[i].max()) == j:
                column = plan[:, j].tolist()
                if column.index(max(column)) == i:
                    found.append((i, j))
    return found


@pytest.mark.parametrize("p", [1, 2])
@pytest.mark.parametrize("by", ["l2", "contrast"])
@pytest.mark.parametrize("transport", [0.0, 0.5])
def test_loss_is_that_of_the_pairs_and_of_the_transport(p: int, by: str, transport: float) -> None:
    x, y, x_mask, y_mask = batch()
    costs, left, right = [], [], []
    for a, b, a_mask, b_mask in zip(x, y, x_mask, y_mask, strict=True):
        a, b = a[a_mask], b[b_mask]
        if len(a) and len(b):
            distances = torch.cdist(a, b).numpy()
            cost = distances if p == 1 else distances**2 / 2
            plan = ot.emd([], [], cost)
            costs.append((plan * cost).sum())
            for i, j in slow_pairs(plan):
                left.append(a[i])
                right.append(b[j])
    one, other = torch.stack(left), torch.stack(right)
    if by == "l2":
        expected = (one - other).square().sum(dim=1).mean()
    else:
        scores = torch.nn.functional.cosine_similarity(one[:, None], other[None], dim=2) / 0.2
        aim = torch.arange(len(scores))
        cross_entropy = torch.nn.functional.cross_entropy
        expected = (cross_entropy(scores, aim) + cross_entropy(scores.T, aim)) / 2
    found = plan_pairs_loss(x, y, x_mask, y_mask, by=by, transport=transport, p=p, temperature=0.2)
    assert found.item() == pytest.approx(expected.item() + transport * float(np.mean(costs)), rel=1e-6)


def test_words_in_another_order_are_found() -> None:
    """Sentence b is sentence a shuffled and a little moved: the pairs are the shuffle, the loss what is left."""
    random = torch.Generator().manual_seed(3)
    x = 5 * torch.randn(1, 6, 8, generator=random)
    order = torch.tensor([3, 0, 5, 1, 4, 2])
    y = x[:, order] + 0.01
    mask = torch.ones(1, 6, dtype=torch.bool)
    loss = plan_pairs_loss(x, y, mask, mask, transport=0.0)
    assert loss.item() == pytest.approx(8 * 0.01**2, rel=1e-2)
    plan = torch.zeros(1, 6, 6)
    plan[0, order, torch.arange(6)] = 1 / 6
    sentences, i, j = plan_pairs(plan)
    assert sentences.tolist() == [0] * 6
    assert {(a, b) for a, b in zip(i.tolist(), j.tolist(), strict=True)} == {(int(k), n) for n, k in enumerate(order)}


def test_gradient_is_that_of_fixed_labels() -> None:
    x, y, x_mask, y_mask = batch(1)
    x.requires_grad_()
    plan_pairs_loss(x, y, x_mask, y_mask, by="l2", transport=0.0).backward()
    assert x.grad is not None
    assert torch.isfinite(x.grad).all()
    assert not x.grad[~x_mask].any()
    eps, at = 1e-6, (0, 1, 2)
    shifted = [x.detach().clone() for _ in range(2)]
    shifted[0][at] += eps
    shifted[1][at] -= eps
    up, down = (plan_pairs_loss(one, y, x_mask, y_mask, transport=0.0) for one in shifted)
    assert x.grad[at].item() == pytest.approx(float((up - down) / (2 * eps)), rel=1e-5, abs=1e-8)


def test_no_words_are_no_pairs() -> None:
    x, y = torch.zeros(2, 0, 4, requires_grad=True), torch.zeros(2, 3, 4)
    loss = plan_pairs_loss(x, y, torch.zeros(2, 0, dtype=torch.bool), torch.ones(2, 3, dtype=torch.bool))
    assert loss.item() == 0
    with pytest.raises(ObjectiveError, match=r"by is 'cosine'"):
        plan_pairs_loss(x, y, torch.zeros(2, 0, dtype=torch.bool), torch.ones(2, 3, dtype=torch.bool), by="cosine")
