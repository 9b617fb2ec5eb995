"""The table of token embeddings of a model of transformers, as a tensor: its own method gives a module of any kind."""

from torch import Tensor
from transformers import PreTrainedModel


def token_embeddings(model: PreTrainedModel) -> Tensor:
    """(n_pieces, width), the parameter itself."""
    return model.get_input_embeddings().get_parameter("weight")
