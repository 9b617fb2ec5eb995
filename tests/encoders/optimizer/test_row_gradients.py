"""Gradients of rows: the optimiser against torch's on the same gradients in dense form, and training with both."""

import copy
from contextlib import nullcontext
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tests.encoders.conftest import TEXTS
from tests.token_embeddings import token_embeddings
from torch import Tensor

from xl_encoders import (
    CorpusBatches,
    Encoder,
    FitConfig,
    LengthBatches,
    TextPart,
    encode_pairs,
    fit,
)
from xl_encoders.optimizer import row_gradients as module
from xl_encoders.training import fit as loop
from xl_objectives import MlmConfig, ObjectiveConfig, SeqConfig, TlmConfig


@given(
    steps=st.lists(st.lists(st.integers(0, 10), max_size=12), min_size=1, max_size=5),
    decay=st.sampled_from([0.0, 0.3]),
    seed=st.integers(0, 99),
)
def test_takes_the_step_of_the_dense_gradient(steps: list[list[int]], decay: float, seed: int) -> None:
    """Rows in any order, several times or not at all, over several blocks; a second parameter beside."""
    generator = torch.Generator().manual_seed(seed)

    def values(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator)

    start, other = values(11, 3), values(4)
    ours, theirs = ([torch.nn.Parameter(x.clone()) for x in (start, other)] for _ in range(2))
    settings: dict[str, Any] = {"lr": 0.1, "betas": (0.8, 0.9), "weight_decay": decay}
    by_rows = module.RowAdamW(ours, **settings, fused=True)
    dense = torch.optim.AdamW(theirs, **settings)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_BLOCK", 4)
        for rows in steps:
            places, changes = torch.tensor(rows, dtype=torch.int64), values(len(rows), 3)
            ours[0].grad = torch.sparse_coo_tensor(places[None], changes, start.shape, check_invariants=True)
            theirs[0].grad = torch.zeros_like(start).index_add(0, places, changes)
            ours[1].grad = theirs[1].grad = values(4)
            by_rows.step()
            dense.step()
            for one, same in zip(ours, theirs, strict=True):
                torch.testing.assert_close(one, same, rtol=1e-5, atol=1e-6)
    for key in ("step", "exp_avg", "exp_avg_sq"):
        torch.testing.assert_close(by_rows.state[ours[0]][key], dense.state[theirs[0]][key], rtol=1e-5, atol=1e-6)


OBJECTIVES: dict[str, dict[str, ObjectiveConfig]] = {
    "rows alone": {"seq": SeqConfig()},
    "rows and a tied head": {"mlm": MlmConfig(), "seq": SeqConfig(weight=2.0), "tlm": TlmConfig()},
}


@pytest.mark.parametrize(
    ("names", "norms_every", "cached", "first"),
    [
        ("rows alone", 0, True, 0),
        ("rows alone", 0, False, 20),
        ("rows and a tied head", 1, False, 0),
        ("rows and a tied head", 0, True, 20),
    ],
)
def test_trains_as_with_dense_gradients(
    xlmr: Encoder, monkeypatch: pytest.MonkeyPatch, names: str, *, norms_every: int, cached: bool, first: int
) -> None:
    """Also where only pieces from `first` on are trained, and where norms of each objective are taken."""
    config = FitConfig(
        lr=1e-2, accumulate=2, clip=0.05, weight_decay=0.1, seed=1, tokens=40, gradient_cache=cached,
        norms_every=norms_every,
    )  # fmt: skip
    corpus = encode_pairs(TEXTS, [text[::-1] for text in TEXTS], xlmr.tokenizer, xlmr.max_len)
    objectives = OBJECTIVES[names]
    if first:
        xlmr.train_embeddings(first)
    start = token_embeddings(xlmr.model).detach().clone()
    layouts: list[bool] = []
    record_layouts(monkeypatch, layouts)
    trained: list[dict[str, Tensor]] = []
    norms: list[list[Any]] = []
    for dense in (False, True):
        encoder = copy.deepcopy(xlmr)
        if first:
            encoder.train_embeddings(first)  # a copy has no hooks
        part = TextPart(
            encoder, CorpusBatches(corpus, LengthBatches(corpus.lengths, batch=4, seed=1)), objectives, layer=1,
            tokens=config.tokens, seed=1,
        )  # fmt: skip
        if dense:
            monkeypatch.setattr(loop, "row_gradients", lambda *_, **__: nullcontext())
        seen: list[Any] = []
        fit(
            encoder, [part], objectives, n_steps=4, config=config,
            on_step=lambda record, seen=seen: seen.append((record.grad_norm, dict(record.grad_norms))),
        )  # fmt: skip
        norms.append(seen)
        trained.append(dict(encoder.state_dict()))
    assert layouts == 4 * [names == "rows alone"] + 4 * [False]
    # All weights together: AdamW makes a full step of a gradient that is nothing but rounding.
    ours, theirs, before = (
        torch.cat([weight.flatten() for weight in weights.values()]) for weights in (*trained, xlmr.state_dict())
    )
    assert (ours - theirs).norm() <= 1e-3 * (theirs - before).norm()
    for one, same in zip(*norms, strict=True):
        assert one[0] == pytest.approx(same[0], rel=1e-4)
        assert one[1] == pytest.approx(same[1], rel=1e-4)
    table = trained[0]["model." + next(n for n, p in xlmr.model.named_parameters() if p is xlmr.token_embeddings)]
    assert torch.equal(table[:first], start[:first])
    assert not torch.equal(table[first:], start[first:])


def record_layouts(monkeypatch: pytest.MonkeyPatch, layouts: list[bool]) -> None:
    """Note at each step whether a gradient is of rows."""
    step = module.RowAdamW.step

    def noted(self: module.RowAdamW, closure: Any = None) -> Any:
        gradients = [p.grad for group in self.param_groups for p in group["params"] if p.grad is not None]
        layouts.append(any(gradient.is_sparse for gradient in gradients))
        return step(self, closure)

    monkeypatch.setattr(module.RowAdamW, "step", noted)
