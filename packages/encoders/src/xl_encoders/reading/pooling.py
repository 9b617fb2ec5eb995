"""From token states to one vector a text: means over chosen positions (reference: Reimers and Gurevych 2019)."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor


def mean_pool(
    states: Float[Tensor, "batch len width"], keep: Bool[Tensor, "batch len"]
) -> Float[Tensor, "batch width"]:
    """sum_t keep_t h_t / max(1, sum_t keep_t): the mean state over the kept positions, in the dtype of `states`.

    states: (batch, len, width), any float dtype.
    keep: (batch, len) bool, true for positions that count. A row without any gives the zero vector, not NaN.
    """
    weights = keep.to(states.dtype)
    total = torch.bmm(weights.unsqueeze(1), states).squeeze(1)
    return total / weights.sum(dim=1, keepdim=True).clamp(min=1)
