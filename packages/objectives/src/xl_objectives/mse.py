"""Mean squared error between contextual and static word vectors: the loss "MSE" of Haemmerl et al. 2022, section 3.2.

Static vectors have length 1, states of an encoder are some ten times as long: against unit targets the loss mostly
shrinks the last layer. Hence the targets are given the length of the states unless parity with the paper is wanted.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from xl_objectives.errors import ObjectiveError

SCALES = ("match_norm", "unit")


def mse_loss(
    view: Float[Tensor, "words width"],
    target: Float[Tensor, "words width"],
    *,
    scale: str = "match_norm",
    norm: float | None = None,
) -> Float[Tensor, ""]:
    """1 / (words width) sum_ij (x_ij - c y_ij / |y_i|)^2 over words i and coordinates j, c the length of all targets.

    view: (words, width), from the encoder. target: (words, width), static vectors, without gradient; only their
        directions count. A zero vector stays zero.
    scale: "match_norm", c = `norm`; "unit", c = 1, as published.
    norm: length of the targets under "match_norm", > 0, in units of the states. Give the mean length of the states of
        the encoder as training starts: a constant holds the encoder where it was. None takes the mean length of this
        batch's states, without gradient; it needs no first pass, but follows the encoder where that drifts.

    Computed in float32, in float64 for such input, also under autocast.
    Raises ObjectiveError for unequal or empty shapes, an unknown scale, and a norm that is not positive or not used.
    """
    if view.shape != target.shape or view.ndim != 2 or view.numel() == 0:
        message = (
            f"mse needs two (words, width) matrices of one shape with at least one word; "
            f"got {tuple(view.shape)} and {tuple(target.shape)}. For vectors of another width take dcca."
        )
        raise ObjectiveError(message)
    if scale not in SCALES:
        message = f"mse scale is {scale!r}; choose one of {', '.join(SCALES)}."
        raise ObjectiveError(message)
    if norm is not None and scale == "unit":
        message = f"mse norm is {norm}, but scale is 'unit'; leave one of them out."
        raise ObjectiveError(message)
    if norm is not None and not 0 < norm < math.inf:
        message = f"mse norm is {norm}; give a length above 0."
        raise ObjectiveError(message)
    with torch.autocast(view.device.type, enabled=False):
        states = view.to(torch.promote_types(view.dtype, torch.float32))
        targets = functional.normalize(target.detach().to(states.dtype), dim=-1)
        if scale == "match_norm":
            targets = targets * (_mean_norm(states) if norm is None else norm)
        return functional.mse_loss(states, targets)


def _mean_norm(states: Tensor) -> Tensor:
    return torch.linalg.vector_norm(states.detach(), dim=-1).mean()
