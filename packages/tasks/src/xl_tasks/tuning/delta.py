"""Where a perturbation enters a model: the output of its word embeddings, or of one of its blocks."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from xl_tasks.errors import TaskError

if TYPE_CHECKING:
    from transformers import PreTrainedModel

# Names of the list of blocks below the base model, as the families have them. XLM keeps no blocks, only lists of their
# parts, the last of which is a norm.
_BLOCKS = ("encoder.layer", "transformer.layer", "layers", "layer_norm2")


def delta_point(model: "PreTrainedModel", layer: int) -> nn.Module:
    """The module to whose output a perturbation is added.

    layer: 0 for the word embeddings, before positions and norm; k for block k. TaskError for one that there is not.
    """
    base = model.base_model
    if layer == 0:
        return _embeddings(base)
    if hasattr(base, "char_embeddings"):
        message = f"{type(base).__name__} has blocks of other lengths than its input; perturb its layer 0."
        raise TaskError(message)
    for name in _BLOCKS:
        blocks = _submodule(base, name)
        if isinstance(blocks, nn.ModuleList) and len(blocks) == model.config.num_hidden_layers:
            if not 0 < layer <= len(blocks):
                message = f"layer {layer} cannot be perturbed: {type(base).__name__} has 0 to {len(blocks)}."
                raise TaskError(message)
            return blocks[layer - 1]
    message = f"the blocks of {type(base).__name__} are not known here; perturb layer 0."
    raise TaskError(message)


def delta_width(model: "PreTrainedModel", layer: int) -> int:
    """Length of the vectors behind `delta_point`: word embeddings may be narrower than states (ALBERT, ELECTRA)."""
    if layer:
        return model.config.hidden_size
    return _embeddings(model.base_model).weight.shape[1]


def mean_row_norm(model: "PreTrainedModel") -> float:
    """Mean Euclidean norm of the rows of the table of word embeddings, padding left out.

    CANINE concatenates one row from each of several tables: the root of the sum of their mean squares.
    """
    tables = [
        module
        for name, module in model.base_model.named_modules()
        if name.startswith("char_embeddings.HashBucketCodepointEmbedder_")
    ]
    with torch.no_grad():
        if tables:
            return float(sum(table.weight.float().square().sum(1).mean() for table in tables) ** 0.5)
        table = _embeddings(model.base_model)
        norms = table.weight.detach().float().norm(dim=1)
        if getattr(table, "padding_idx", None) is not None:
            norms = torch.cat([norms[: table.padding_idx], norms[table.padding_idx + 1 :]])
        return float(norms.mean())


@contextmanager
def adding(module: nn.Module, delta: Tensor | None) -> Generator[None]:
    """`delta` is added to the output of `module` inside: (batch, len, width), the output's own shape."""
    if delta is None:
        yield
        return

    def add(_: nn.Module, __: Any, output: Any) -> Any:
        if isinstance(output, tuple):
            return (output[0] + delta.to(output[0].dtype), *output[1:])
        return output + delta.to(output.dtype)

    handle = module.register_forward_hook(add)
    try:
        yield
    finally:
        handle.remove()


def _embeddings(base: nn.Module) -> Any:
    characters = getattr(base, "char_embeddings", None)
    if characters is not None:
        # CANINE concatenates hashed pieces outside any module, and adds its token types to that before all else.
        return characters.token_type_embeddings
    return base.get_input_embeddings()  # ty: ignore[not-callable]


def _submodule(module: nn.Module, name: str) -> nn.Module | None:
    inner: Any = module
    for part in name.split("."):
        inner = getattr(inner, part, None)
    return inner
