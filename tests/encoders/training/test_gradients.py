"""Gradients of objectives against plain autograd of a loss that is written out here."""

from collections.abc import Collection, Sequence
from typing import Any

import torch
from tests.encoders.toy_parts import gradients_of, make_part, small_encoder, state_of
from torch import Tensor

from xl_encoders import Encoded, Share, Term, objective_gradients, weights_by_layer
from xl_encoders.optimizer.row_gradients import row_gradients


class Named:
    """A part whose losses have another name and factor."""

    def __init__(self, part: Any, name: str, factor: float) -> None:
        self._part, self._name, self._factor = part, name, factor
        ((self._term, _),) = part.terms.items()
        self.n_per_epoch = part.n_per_epoch

    @property
    def terms(self) -> dict[str, Term]:
        return {self._name: Term(self._name, self._factor)}

    @property
    def joint_terms(self) -> frozenset[str]:
        return frozenset({self._name})

    def draw(self, number: int) -> Any:
        return self._part.draw(number)

    def chunks(self, batch: Any, share: Share, terms: Collection[str]) -> Any:
        return self._part.chunks(batch, share, {self._term})

    def encode(self, batch: Any, chunk: Any, share: Share, terms: Collection[str]) -> Encoded:
        return self._part.encode(batch, chunk, share, {self._term})

    def joint(self, batch: Any, vectors: Tensor, terms: Collection[str]) -> dict[str, Tensor]:
        return {self._name: self._part.joint(batch, vectors, {self._term})[self._term]}


def cosine(a: Sequence[Tensor], b: Sequence[Tensor]) -> float:
    x, y = (torch.cat([each.double().flatten() for each in side]) for side in (a, b))
    return float(x @ y / (x.norm() * y.norm()))


def test_each_is_the_gradient_of_its_own_losses_over_the_batches() -> None:
    encoder = small_encoder(dropout=0.1)
    part = make_part(encoder, "mlm+seq+tlm", tokens=10_000)
    before = state_of(encoder)
    found = objective_gradients(encoder, [part], n_batches=2)
    assert {*found} == {"mlm", "seq", "tlm"}
    assert encoder.training
    assert not gradients_of(encoder)
    layers = weights_by_layer(encoder)
    encoder.eval()
    for objective in ("mlm", "seq"):
        loss = torch.zeros(())
        for number in (0, 1):
            batch = part.draw(number)
            chunks = part.chunks(batch, Share(), {objective})
            encoded = [part.encode(batch, chunk, Share(), {objective}) for chunk in chunks]
            if objective == "seq":
                rows = torch.cat([one.vectors for one in encoded])
                places = torch.cat([chunk.slots for chunk in chunks])
                vectors = torch.empty_like(rows).index_copy(0, places, rows)
                loss = loss + part.joint(batch, vectors, {"seq"})["seq"] / 2
            else:
                loss = loss + sum(one.losses[objective] for one in encoded) / 2
        for layer, weights in layers.items():
            expected = torch.autograd.grad(loss, weights, retain_graph=True, allow_unused=True)
            for ours, theirs in zip(found[objective][layer], expected, strict=True):
                assert torch.allclose(ours, torch.zeros_like(ours) if theirs is None else theirs, atol=1e-6)
    assert all(torch.equal(before[name], tensor) for name, tensor in state_of(encoder).items())


def test_an_objective_agrees_with_itself_and_undoes_its_negative() -> None:
    encoder = small_encoder()
    part = make_part(encoder, "seq")
    parts: list[Any] = [part, Named(part, "same", 3.0), Named(part, "not", -1.0)]
    found = objective_gradients(encoder, parts, n_batches=1)
    for layer in (0, 1):  # sentences are read at layer 1
        assert abs(cosine(found["seq"][layer], found["same"][layer]) - 1) < 1e-5  # float32
        assert abs(cosine(found["seq"][layer], found["not"][layer]) + 1) < 1e-5


def test_every_weight_of_the_encoder_has_one_layer() -> None:
    encoder = small_encoder()
    layers = weights_by_layer(encoder)
    assert [*layers] == [0, 1, 2]
    numbers = [id(each) for its in layers.values() for each in its]
    assert sorted(numbers) == sorted(id(each) for each in encoder.model.base_model.parameters())
    names = {id(each): name for name, each in encoder.model.base_model.named_parameters()}
    assert all(names[id(each)].startswith("embeddings.") for each in layers[0])
    assert all(names[id(each)].startswith("encoder.layer.1.") for each in layers[2])


def test_the_same_in_the_midst_of_training() -> None:
    """Where `fit` keeps the gradient of token embeddings as rows."""
    encoder = small_encoder()
    part = make_part(encoder, "seq", tokens=10_000)
    found = objective_gradients(encoder, [part], n_batches=1)["seq"]
    with row_gradients(encoder):
        inside = objective_gradients(encoder, [part], n_batches=1)["seq"]
    for layer, gradients in found.items():
        for one, same in zip(gradients, inside[layer], strict=True):
            assert not same.is_sparse
            torch.testing.assert_close(one, same)
