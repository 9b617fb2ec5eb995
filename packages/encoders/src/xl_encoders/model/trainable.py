"""What the training loop trains: a `transformers` model in a module of its own, whatever head it has."""

from typing import TYPE_CHECKING

import torch
from torch import nn

if TYPE_CHECKING:
    from transformers import PreTrainedModel


class Trainable(nn.Module):
    """A module around a `transformers` model."""

    model: "PreTrainedModel"

    @property
    def width(self) -> int:
        """Length of a state vector."""
        return self.model.config.hidden_size

    @property
    def token_embeddings(self) -> nn.Parameter | None:
        """The table of token embeddings, (pieces, width); None for a model that hashes its input and has none."""
        try:
            weight = self.model.get_input_embeddings().weight
        except (NotImplementedError, AttributeError):
            return None
        return weight if isinstance(weight, nn.Parameter) else None

    @property
    def device(self) -> torch.device:
        """Where the weights lie."""
        return self.model.device
