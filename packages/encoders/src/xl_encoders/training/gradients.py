"""The gradient of each objective alone, layer by layer, at the weights as they are."""

from collections.abc import Mapping, Sequence
from contextlib import nullcontext

import torch
from torch import Tensor, nn

from xl_encoders.errors import EncoderError
from xl_encoders.model.encoder import Encoder
from xl_encoders.model.evaluation_mode import evaluation_mode
from xl_encoders.training.backward import backward_batch
from xl_encoders.training.part import Part, Share

Gradients = Mapping[str, Mapping[int, Sequence[Tensor]]]


def objective_gradients(encoder: Encoder, parts: Sequence[Part], *, n_batches: int, first: int = 0) -> Gradients:
    """Objective -> layer -> gradients of the layer's weights, on the CPU, in the order of `weights_by_layer`.

    Each is the mean over the batches `first` to `first + n_batches - 1` of the objective's part, of its losses with
    their factors, without dropout: what a step takes that trains it alone, up to its weight. The weights stay as they
    are, and hold no gradient at the end. Zero where an objective does not reach a weight.
    """
    layers = weights_by_layer(encoder)
    found: dict[str, dict[int, list[Tensor]]] = {}
    with torch.random.fork_rng(devices=range(torch.cuda.device_count())), evaluation_mode(encoder):
        for part in parts:
            for objective in dict.fromkeys(term.objective for term in part.terms.values()):
                encoder.zero_grad()
                weights = {name: term.factor for name, term in part.terms.items() if term.objective == objective}
                for number in range(first, first + n_batches):
                    backward_batch(
                        part,
                        part.draw(number),
                        {name: factor / n_batches for name, factor in weights.items()},
                        share=Share(),
                        seed=number,
                        cached=False,
                        backward=lambda loss: loss.backward(),
                        autocast=nullcontext,
                        width=encoder.width,
                        device=encoder.device,
                    )
                found[objective] = {layer: [_gradient(each) for each in its] for layer, its in layers.items()}
    encoder.zero_grad()
    return found


def weights_by_layer(encoder: Encoder) -> dict[int, list[nn.Parameter]]:
    """The weights of the encoder without its head: 0 the embeddings, k block k, as `hidden_states` are numbered.

    What stands behind the last block counts with it. EncoderError for a model whose blocks are no list of modules.
    """
    base = encoder.model.base_model
    n_blocks = encoder.model.config.num_hidden_layers
    stack = next(
        (
            name
            for name, module in base.named_modules()
            if isinstance(module, nn.ModuleList) and len(module) == n_blocks
        ),
        None,
    )
    if stack is None:
        message = f"{encoder.name} ({type(base).__name__}) has no list of {n_blocks} blocks; its layers are not known."
        raise EncoderError(message)
    layers: dict[int, list[nn.Parameter]] = {layer: [] for layer in range(n_blocks + 1)}
    behind = False
    for name, parameter in base.named_parameters():
        inside = name.startswith(f"{stack}.")
        behind |= inside
        layer = int(name.removeprefix(f"{stack}.").partition(".")[0]) + 1 if inside else n_blocks if behind else 0
        layers[layer].append(parameter)
    return layers


def _gradient(parameter: nn.Parameter) -> Tensor:
    gradient = parameter.grad if parameter.grad is not None else torch.zeros_like(parameter)
    return gradient.detach().to_dense().float().cpu().clone()  # in the midst of `fit` token embeddings have rows
