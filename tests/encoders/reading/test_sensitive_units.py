"""Units with many times the weights of their neighbours are computed in 32 bits under autocast."""

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from xl_encoders import Encoder
from xl_encoders.reading import sensitive_units
from xl_encoders.reading.sensitive_units import exact_units

WIDTH, UNIT = 64, 5


def layer_with_a_sensitive_unit() -> nn.Linear:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        layer = nn.Linear(WIDTH, 32)
        with torch.no_grad():
            layer.weight[UNIT] *= 40
    return layer


def states() -> torch.Tensor:
    """(8, width)."""
    return 3 * torch.randn(8, WIDTH, generator=torch.Generator().manual_seed(1))


def test_a_sensitive_unit_is_that_of_float32_and_the_others_are_left() -> None:
    layer, inputs = layer_with_a_sensitive_unit(), states()
    exact = nn.functional.linear(inputs.double(), layer.weight.double(), layer.bias.double())
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        plain = layer(inputs)
        with exact_units(layer):
            mended = layer(inputs)
        after = layer(inputs)
    assert torch.equal(plain, after)
    assert mended.dtype == torch.bfloat16
    others = torch.arange(32) != UNIT
    assert torch.equal(mended[:, others], plain[:, others])
    assert torch.equal(mended[:, UNIT], exact[:, UNIT].float().bfloat16())
    assert not torch.equal(plain[:, UNIT], mended[:, UNIT])


def test_weights_that_change_are_looked_at_again() -> None:
    layer, inputs = layer_with_a_sensitive_unit(), states()
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16), exact_units(layer):
        layer(inputs)
    with torch.no_grad():
        layer.weight[UNIT] /= 40
        layer.weight[7] *= 40
    exact = nn.functional.linear(inputs.double(), layer.weight.double(), layer.bias.double())
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16), exact_units(layer):
        assert torch.equal(layer(inputs)[:, 7], exact[:, 7].float().bfloat16())


def test_weights_in_half_precision_have_no_more_to_give() -> None:
    layer = layer_with_a_sensitive_unit().bfloat16()
    with torch.inference_mode(), exact_units(layer):
        assert torch.equal(layer(states().bfloat16()), layer.forward(states().bfloat16()))
        assert not layer._forward_hooks


def cosines(one: NDArray[np.float32], other: NDArray[np.float32]) -> NDArray[np.float32]:
    return (one * other).sum(1) / np.linalg.norm(one, axis=1) / np.linalg.norm(other, axis=1)


def test_vectors_of_an_encoder_with_such_a_unit(xlmr: Encoder, monkeypatch: pytest.MonkeyPatch) -> None:
    # A unit that is the small difference of large products, and that decides over what its block gives.
    text = ["the white house"]
    block: Any = next(module for module in xlmr.model.modules() if isinstance(module, nn.ModuleList))[0]
    up, down = block.intermediate.dense, block.output.dense
    seen: list[torch.Tensor] = []
    with torch.no_grad():
        up.weight[UNIT] *= 1000
        hook = up.register_forward_hook(lambda layer, inputs, output: seen.append(output[0, :, UNIT]))
        xlmr.embed(text)
        hook.remove()
        up.bias[UNIT] -= seen[-1][1] - 0.5  # 0.5 for the second token
        down.weight[:, UNIT] *= 20
    exact = xlmr.embed(text)
    mended = cosines(exact, xlmr.embed(text, precision="bf16"))[0]
    monkeypatch.setattr(sensitive_units, "_NORMS", float("inf"))
    sensitive_units._found.clear()
    plain = cosines(exact, xlmr.embed(text, precision="bf16"))[0]
    assert mended > 0.999 > plain
