"""Queries and keys of one block of an encoder: what its attention compares, made of states by its own weights."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from xl_encoders.errors import EncoderError
from xl_encoders.model.encoder import Encoder

# Where the families keep the two linear maps within a block, as "attention.self.query" of XLM-R.
_PLACES = (
    ("attention.self.query", "attention.self.key"),  # BERT, RoBERTa, XLM-R, ELECTRA, CamemBERT
    ("attention.q_lin", "attention.k_lin"),  # DistilBERT
)


def queries_and_keys(
    encoder: Encoder, block: int, states: Float[Tensor, "rows width"]
) -> Float[Tensor, "rows twice_width"]:
    """The query, then the key of each row in `block` (from 1), whose input is hidden state `block` - 1.

    Raises EncoderError for a family whose blocks are not known here.
    """
    query, key = attention_maps(encoder, block)
    return torch.cat([query(states), key(states)], dim=-1)


def attention_maps(encoder: Encoder, block: int) -> tuple[nn.Module, nn.Module]:
    """The linear maps of a block (from 1) that make queries and keys. Raises EncoderError where they are not known."""
    for module in encoder.model.base_model.modules():
        if isinstance(module, nn.ModuleList) and len(module) == encoder.model.config.num_hidden_layers:
            for names in _PLACES:
                query, key = (_submodule(module[block - 1], name) for name in names)
                if query is not None and key is not None:
                    return query, key
    message = (
        f"{encoder.name} ({type(encoder.model).__name__}) keeps the weights of its attention where they are not known "
        "here; the families of BERT, RoBERTa, XLM-R and DistilBERT can be read."
    )
    raise EncoderError(message)


def _submodule(module: nn.Module, name: str) -> nn.Module | None:
    try:
        return module.get_submodule(name)
    except AttributeError:
        return None
