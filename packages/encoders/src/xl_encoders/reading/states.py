"""Hidden states at chosen layers, without the blocks above the deepest of them and, of rows, without padding.

The input of block k + 1 is hidden state k in every family whose blocks are a list: hooks in front of the blocks read
it, and the pass ends where no more is asked. Whether that is so of a model is tried once, on a padded batch.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from xl_encoders.distributed.processes import is_sharded
from xl_encoders.model.packing import encode_rows, supports_packing
from xl_encoders.reading.tokens import TokenBatch

if TYPE_CHECKING:
    from xl_encoders.model.encoder import Encoder

_PROBES = ("one two", "one two three four five")

# The blocks of each model that can be read so; None of one that cannot.
_known: "WeakKeyDictionary[nn.Module, nn.ModuleList | None]" = WeakKeyDictionary()


class _EnoughError(Exception):
    """The deepest state that is asked for was read."""


def hidden_states(
    encoder: "Encoder", batch: TokenBatch, layers: Collection[int]
) -> Mapping[int, Float[Tensor, "batch len width"]]:
    """Layer -> (batch, len, width), the same bits as `encoder(batch.ids, batch.real)[layer]`, for each of `layers`.

    batch: on the encoder's device. layers: `hidden_states` indices from 0. For reading, without gradients.
    """
    if max(layers) < encoder.n_layers and (blocks := _blocks(encoder)) is not None:
        return _read_below(lambda: encoder(batch.ids, batch.real), layers, blocks)
    states = encoder(batch.ids, batch.real)
    return {layer: states[layer] for layer in layers}


def row_states(
    encoder: "Encoder", rows: Sequence[Int[Tensor, " len"]], layers: Collection[int]
) -> Mapping[int, Float[Tensor, "tokens width"]]:
    """Layer -> (tokens, width), the tokens of all rows one behind another; no padding is computed where that can be.

    rows: int64 ids (len,) on the CPU, specials included, longest first. layers: as `hidden_states` takes them.
    """
    if not supports_packing(encoder):
        batch = encoder.pad(rows).to(encoder.device)
        return {layer: states[batch.real] for layer, states in hidden_states(encoder, batch, layers).items()}
    if max(layers) < encoder.n_layers and (blocks := _blocks(encoder)) is not None:
        found = _read_below(lambda: encode_rows(encoder, rows, [], packed=True), layers, blocks)
        return {layer: states[0] for layer, states in found.items()}
    return encode_rows(encoder, rows, layers, packed=True).layers


def _read_below(run: Callable[[], object], layers: Collection[int], blocks: nn.ModuleList) -> dict[int, Tensor]:
    """What comes in front of the blocks in a forward pass, `run`, that ends before the first that is not needed."""
    found: dict[int, Tensor] = {}
    deepest = max(layers)

    def hook(layer: int) -> RemovableHandle:
        def read(block: nn.Module, inputs: tuple[Tensor, ...]) -> None:
            found[layer] = inputs[0]
            if layer == deepest:
                raise _EnoughError

        return blocks[layer].register_forward_pre_hook(read)

    with ExitStack() as hooks:
        for layer in set(layers):
            hooks.enter_context(hook(layer))
        with suppress(_EnoughError):
            run()
    return found


def _blocks(encoder: "Encoder") -> nn.ModuleList | None:
    """The blocks of a model whose states can be read in front of them; None where they cannot."""
    model = encoder.model
    if any(map(is_sharded, model.parameters())):  # a pass that ends early would leave its weights gathered
        return None
    if model not in _known:
        base = model.base_model
        stacks = [
            module
            for module in base.modules()
            if isinstance(module, nn.ModuleList) and len(module) == model.config.num_hidden_layers == encoder.n_layers
        ]
        _known[model] = next((stack for stack in stacks if _is_exact(encoder, stack)), None)
    return _known[model]


@torch.inference_mode()
def _is_exact(encoder: "Encoder", blocks: nn.ModuleList) -> bool:
    """Whether all states in front of `blocks` are those that the model gives itself."""
    batch = encoder.batch(_PROBES).to(encoder.device)
    layers = range(encoder.n_layers)
    whole = encoder(batch.ids, batch.real)
    try:
        found = _read_below(lambda: encoder(batch.ids, batch.real), layers, blocks)
        return set(found) == set(layers) and all(torch.equal(found[layer], whole[layer]) for layer in layers)
    except (LookupError, TypeError):  # blocks that are given their state by name, or more than it at once
        return False
