"""Units of linear layers that 16 bits would lose, computed in 32 bits.

Under autocast the inputs and weights of a linear layer are rounded to 16 bits, and a unit's error grows with the norm
of its weights. A few units of pretrained encoders have many times the norm of their neighbours and give a small
difference of large products: of the 1,536 units of block 5 of multilingual-e5-small, number 778, with 7 times the norm,
is 0.40 for the last token of the Finnish "Haluatko jatkaa?", 0.68 in bf16, and decides over that token's states from
there on. Such units are few, so they cost next to nothing.
"""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any
from weakref import WeakKeyDictionary

import torch
from jaxtyping import Int
from torch import Tensor, nn
from torch.nn import functional

from xl_encoders.distributed.processes import is_sharded

_NORMS = 4.0
"""A unit is sensitive whose weights have so many times the mean norm of its layer's units."""

# The sensitive units of a layer, and the state of the weights in which it was looked for.
_found: "WeakKeyDictionary[nn.Linear, tuple[object, Int[Tensor, ' units']]]" = WeakKeyDictionary()


@contextmanager
def exact_units(model: nn.Module) -> Generator[None]:
    """Inside, under autocast, the sensitive units of `model` are computed in float32. For reading, without gradients.

    Only weights in float32 have more to give than autocast takes of them; sharded ones are left alone.
    """
    hooks = []
    for layer in model.modules():
        if isinstance(layer, nn.Linear) and layer.weight.dtype == torch.float32 and not is_sharded(layer.weight):
            units = _sensitive(layer)
            if len(units):
                hooks.append(layer.register_forward_hook(_Exactly(units)))
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


class _Exactly:
    """A forward hook that computes some units anew, from the inputs as they came."""

    def __init__(self, units: Int[Tensor, " units"]) -> None:
        self._units = units

    def __call__(self, layer: nn.Linear, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
        bias = None if layer.bias is None else layer.bias[self._units]
        with torch.autocast(output.device.type, enabled=False):
            exact = functional.linear(inputs[0].float(), layer.weight[self._units], bias)
        return output.index_copy(-1, self._units, exact.to(output.dtype))


def _sensitive(layer: nn.Linear) -> Int[Tensor, " units"]:
    weight: Any = layer.weight
    state = (weight.data_ptr(), weight.device, 0 if weight.is_inference() else weight._version)
    known = _found.get(layer)
    if known is None or known[0] != state:
        norms = weight.detach().norm(dim=1)
        known = _found[layer] = (state, (norms > _NORMS * norms.mean()).nonzero().squeeze(1))
    return known[1]
