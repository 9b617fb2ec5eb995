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
    def device(self) -> torch.device:
        """Where the weights lie."""
        return self.model.device
