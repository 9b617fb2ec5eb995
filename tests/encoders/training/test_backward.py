"""The gradient cache against plain autograd, with dropout on; cutting a batch into passes against one pass."""

from collections.abc import Collection
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.encoders.toy_parts import KINDS, LEFT, SUMS, assert_near, gradient, make_part, small_encoder, weights_of
from tests.thinned import thinned

from xl_encoders import Bitext, BitextPart, Chunk, Encoded, Encoder, Share, Term
from xl_objectives import L2Config, WordNceConfig


@pytest.fixture(scope="module")
def with_dropout() -> Encoder:
    return small_encoder(dropout=0.1)


@pytest.fixture(scope="module")
def without_dropout() -> Encoder:
    return small_encoder(dropout=0.0)


@pytest.mark.parametrize("kind", thinned([kind for kind in KINDS if kind not in SUMS], 4))
def test_the_cache_changes_nothing_with_dropout_on(with_dropout: Encoder, kind: str) -> None:
    part = make_part(with_dropout, kind)
    weights = weights_of(part, kind)
    chunks = part.chunks(part.draw(0), Share(), set(weights))
    assert sum(len(chunk.slots) > 0 for chunk in chunks) > 1  # else nothing is cached
    losses, plain = gradient(with_dropout, part, weights)
    cached_losses, cached = gradient(with_dropout, part, weights, cached=True)
    assert_near(cached, plain)
    assert cached_losses.keys() == losses.keys() == set(weights)
    for name, loss in losses.items():
        assert torch.allclose(cached_losses[name], loss, rtol=1e-6)
    other, _ = gradient(with_dropout, part, weights, seed=6, cached=True)
    assert all(other[name] != losses[name] for name in losses)  # dropout was on


@pytest.mark.parametrize("kind", thinned(KINDS, 3))
def test_passes_of_a_batch_are_one_pass_without_dropout(without_dropout: Encoder, kind: str) -> None:
    whole = make_part(without_dropout, kind, tokens=100_000)
    weights = weights_of(whole, kind)
    with_vectors = [
        chunk for chunk in whole.chunks(whole.draw(0), Share(), set(weights)) if len(chunk.slots) or kind in SUMS
    ]
    assert len(with_vectors) == 1
    losses, expected = gradient(without_dropout, whole, weights)
    part = make_part(without_dropout, kind, tokens=30)
    assert len(part.chunks(part.draw(0), Share(), set(weights))) > 3
    for cached in (False, True):
        ours, found = gradient(without_dropout, part, weights, cached=cached)
        assert_near(found, expected, rel=2e-5)  # the sums of a pass are added up in another order
        for name, loss in losses.items():
            assert torch.allclose(ours[name], loss, rtol=1e-5)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:dcca .* cannot tell:UserWarning")  # of two words
@settings(deadline=None, max_examples=10)
@given(
    kind=st.sampled_from(list(KINDS)),
    tokens=st.integers(1, 200),
    batch=st.integers(2, 14),
    number=st.integers(0, 9),
)
def test_the_cache_at_any_size(kind: str, tokens: int, batch: int, number: int) -> None:
    encoder = small_encoder(dropout=0.1) if not _SHARED else _SHARED[0]
    _SHARED[:] = [encoder]
    part = make_part(encoder, kind, batch=batch, tokens=tokens)
    weights = weights_of(part, kind)
    losses, plain = gradient(encoder, part, weights, number=number)
    cached_losses, cached = gradient(encoder, part, weights, number=number, cached=True)
    assert_near(cached, plain)
    for name, loss in losses.items():
        assert torch.allclose(cached_losses[name], loss, rtol=1e-6, atol=1e-7)


# One encoder for all examples: hypothesis and fixtures of a function do not go together.
_SHARED: list[Encoder] = []


class Dots:
    """Vectors 1, 2, 3 times a parameter, one chunk each; the joint loss is the square of their sum."""

    def __init__(self, weight: torch.Tensor) -> None:
        self.weight = weight
        self.calls: list[tuple[int, frozenset[str]]] = []
        self.terms = {"joint": Term("joint"), "own": Term("own")}
        self.joint_terms = frozenset({"joint"})
        self.n_per_epoch = 1

    def draw(self, number: int) -> int:
        return number

    def chunks(self, batch: int, share: Share, terms: Collection[str]) -> list[Chunk]:
        slots = [[0], [1], [2], []]
        return [Chunk(rows=[i], slots=torch.tensor(s, dtype=torch.int64)) for i, s in enumerate(slots)]

    def encode(self, batch: int, chunk: Chunk, share: Share, terms: Collection[str]) -> Encoded:
        row = chunk.rows[0]
        self.calls.append((row, frozenset(terms)))
        drawn = torch.rand(1)  # stands for dropout
        vectors = (self.weight * (row + 1) + drawn)[None][: len(chunk.slots)]
        return Encoded(vectors, {"own": self.weight.sum() * (row + drawn[0])} if "own" in terms else {})

    def joint(self, batch: int, vectors: torch.Tensor, terms: Collection[str]) -> dict[str, torch.Tensor]:
        return {"joint": vectors.sum().square()}


def test_by_hand() -> None:
    """The gradient of a (6 w + d_0 + d_1 + d_2)^2 + b (0 + 1 + 2 + 3 + all draws) w, and what is encoded when."""
    for cached in (False, True):
        weight = torch.nn.Parameter(torch.tensor([2.0]))
        toy = Dots(weight)
        encoder: Any = torch.nn.ParameterList([weight])
        encoder.width, encoder.device = 1, torch.device("cpu")
        losses, _ = gradient(encoder, toy, {"joint": 3.0, "own": 0.5}, cached=cached)
        drawn = float(losses["own"]) / 2.0 - 6.0  # of all four chunks
        root = float(losses["joint"].sqrt())
        assert 12.0 < root < 15.0
        assert weight.grad is not None
        assert weight.grad.item() == pytest.approx(3.0 * 2.0 * root * 6.0 + 0.5 * (6.0 + drawn), rel=1e-5)
        first_pass = [(row, frozenset({"joint"})) for row in range(3)] if cached else []
        assert toy.calls == [*first_pass, *((row, frozenset({"joint", "own"})) for row in range(4))]
        # Each loss alone: a weight of 0 is the same as none.
        gradient(encoder, toy, {"own": 0.5, "joint": 0.0}, cached=cached)
        assert weight.grad.item() == pytest.approx(0.5 * (6.0 + drawn), rel=1e-5)


@pytest.mark.parametrize("cached", [False, True])
@pytest.mark.parametrize("settings_of", [L2Config, WordNceConfig])
def test_no_aligned_word_gives_zero_on_the_graph(with_dropout: Encoder, cached: bool, settings_of: type) -> None:
    bitext = Bitext(name="a-b", left=LEFT, right=LEFT, alignments=[[] for _ in LEFT])
    part = BitextPart(with_dropout, [bitext], "x", settings_of(drift=0.0), batch=6, tokens=30)
    losses, found = gradient(with_dropout, part, {"x": 1.0}, cached=cached)
    assert losses["x"] == 0.0
    assert all(not slope.any() for slope in found.values())
