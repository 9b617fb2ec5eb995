"""Mean squared error between contextual and static word vectors: the loss "MSE" of Haemmerl et al. 2022, section 3.2.

Static vectors have length 1, states of an encoder are some ten times as long: against unit targets the loss mostly
shrinks the last layer. Hence the targets are given the length of the states unless parity with the paper is wanted.

An objective in one file: its settings, which say all that the rest of the project asks of it, and its loss, which alone
imports torch. The table in `registry` names it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from xl_objectives.errors import ObjectiveError
from xl_objectives.settings.checks import setting
from xl_objectives.settings.word_vectors import WordVectorConfig

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor

SCALES = ("match_norm", "unit")


@dataclass(frozen=True, kw_only=True)
class MseConfig(WordVectorConfig):
    """Mean squared error of words encoded alone to their static vectors, which need the encoder's width."""

    name: ClassVar[str] = "mse"
    title: ClassVar[str] = "distance to static word vectors"
    short_title: ClassVar[str] = "distance to static vectors"
    loss: ClassVar[str] = "xl_objectives.mse:mse_loss"
    takes: ClassVar[tuple[str, ...]] = ("scale",)
    needs_width: ClassVar[bool] = True

    scale: str = setting(
        "match_norm",
        "match_norm (targets as long as the words are before training) | unit (as published)",
        choices=SCALES,
    )

    @property
    def takes_norm(self) -> bool:
        """The length of the targets, where they have one of their own."""
        return self.scale == "match_norm"


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
    import torch
    from torch.nn import functional

    from xl_objectives.word_pairs import unit

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
        targets = unit(target.detach().to(states.dtype))
        if scale == "match_norm":
            targets = targets * (_mean_norm(states) if norm is None else norm)
        return functional.mse_loss(states, targets)


def _mean_norm(states: Tensor) -> Tensor:
    import torch

    return torch.linalg.vector_norm(states.detach(), dim=-1).mean()
