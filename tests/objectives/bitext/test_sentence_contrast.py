"""Contrast of sentences with their translations: the formula of AMBER in slow loops."""

import math

import pytest
import torch

from xl_objectives import sentence_nce_loss


@pytest.mark.parametrize("negatives", ["all", "across"])
@pytest.mark.parametrize("similarity", ["dot", "cosine"])
def test_loss_is_the_formula(negatives: str, similarity: str) -> None:
    random = torch.Generator().manual_seed(1)
    lens = ([3, 1, 4, 2], [2, 5, 0, 1])  # the third pair has no word on one side
    sides, masks = [], []
    for its in lens:
        mask = torch.arange(max(its)) < torch.tensor(its)[:, None]
        masks.append(mask)
        sides.append(torch.randn(4, max(its), 6, generator=random).masked_fill(~mask[:, :, None], torch.nan))
    kept = [0, 1, 3]
    c = [[sides[s][k, : lens[s][k]].mean(dim=0) for k in kept] for s in (0, 1)]
    if similarity == "cosine":
        c = [[vector / vector.norm() for vector in side] for side in c]
    terms = []
    for side, other in ((0, 1), (1, 0)):
        for k in range(3):
            candidates = list(c[other])
            if negatives == "all":
                candidates += [c[side][n] for n in range(3) if n != k]
            scores = [math.exp(float(c[side][k] @ one) / 0.7) for one in candidates]
            terms.append(-math.log(scores[k] / sum(scores)))
    found = sentence_nce_loss(*sides, *masks, similarity=similarity, temperature=0.7, negatives=negatives)
    assert found.item() == pytest.approx(sum(terms) / len(terms), rel=1e-5)


def test_no_sentence_gives_nothing() -> None:
    x = torch.zeros(2, 3, 4, requires_grad=True)
    mask = torch.zeros(2, 3, dtype=torch.bool)
    loss = sentence_nce_loss(x, x, mask, mask)
    loss.backward()
    assert loss.item() == 0
