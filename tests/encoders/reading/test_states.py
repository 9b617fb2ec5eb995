"""Hidden states at chosen layers: the bits of the whole model, and no block above the deepest of them runs."""

import pytest
import torch
from tests.encoders.conftest import FAMILIES, TEXTS, in_units
from tests.thinned import thinned
from torch import nn

from xl_encoders import Encoder
from xl_encoders.model.evaluation_mode import evaluation_mode
from xl_encoders.reading.states import hidden_states


@pytest.mark.parametrize("family", thinned(FAMILIES, 4), indirect=True)
def test_states_of_every_family_are_those_of_the_whole_model(request: pytest.FixtureRequest, family: Encoder) -> None:
    batch = family.batch([in_units(request.node.callspec.params["family"], text) for text in TEXTS])
    with torch.inference_mode(), evaluation_mode(family):
        whole = family(batch.ids, batch.real)
        for layer in range(family.n_layers + 1):
            found = hidden_states(family, batch, [layer, 0])
            assert set(found) == {layer, 0}
            assert torch.equal(found[layer], whole[layer])
            assert torch.equal(found[0], whole[0])


def test_blocks_above_the_deepest_layer_do_not_run(xlmr: Encoder) -> None:
    blocks = next(
        module
        for module in xlmr.model.base_model.modules()
        if isinstance(module, nn.ModuleList) and len(module) == xlmr.n_layers
    )
    xlmr.embed(["the first reading tries the model"], layer=0)
    run: list[int] = []
    hooks = [block.register_forward_hook(lambda *_, k=k: run.append(k)) for k, block in enumerate(blocks, start=1)]
    try:
        for layer in range(xlmr.n_layers + 1):
            run.clear()
            xlmr.embed(TEXTS, layer=layer)
            assert run == list(range(1, layer + 1))
        run.clear()
        xlmr.word_vectors(TEXTS, layer=1)
        assert run == [1]
    finally:
        for hook in hooks:
            hook.remove()


def test_a_block_that_gives_another_state_is_not_read_so(xlmr: Encoder, monkeypatch: pytest.MonkeyPatch) -> None:
    """A model that changes the states between two blocks is read whole."""
    with torch.inference_mode(), evaluation_mode(xlmr):
        batch = xlmr.batch(TEXTS)
        right = xlmr(batch.ids, batch.real)
        monkeypatch.setattr("xl_encoders.reading.states._known", {})
        doubled = tuple(2 * states for states in right)
        monkeypatch.setattr(xlmr, "forward", lambda ids, real: doubled)
        assert torch.equal(hidden_states(xlmr, batch, [1])[1], 2 * right[1])
