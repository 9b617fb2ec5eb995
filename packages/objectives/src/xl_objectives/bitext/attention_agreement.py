"""Word alignment of AMBER: attention from a sentence to its translation agrees with attention the other way.

    l(x, y) = 1 - 1/H sum_h tr(A_yx^T A_xy) / min(|x|, |y|)

A_xy, (|x|, |y|) for each head h, holds how much token i of x attends to token j of y, and A_yx^T, of the same shape,
the other direction. The trace counts what both say; the loss is 0 where every token of the shorter sentence has one
partner that both directions are sure of, and never below. A_xy is what one block of the encoder has when it reads the
pair as a translator would: y sees itself alone, a token of x sees all of y and what precedes it in x. So rows of A_xy
sum to 1 less what a token spends on its own sentence and on specials. Source: Hu et al. 2021, "Explicit Alignment
Objectives for Multilingual Bidirectional Encoders", section 2; the formula as others restate it, what a token sees from
general knowledge of the paper. The authors' code was not at hand.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from xl_objectives.errors import ObjectiveError
from xl_objectives.settings.checks import setting
from xl_objectives.settings.objective import ObjectiveConfig

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class AttentionConfig(ObjectiveConfig):
    """Word alignment of AMBER: attention between translations agrees in both directions.

    Called for each sentence pair as `loss(to_y, to_x)`.
    """

    name: ClassVar[str] = "attention"
    title: ClassVar[str] = "agreement of the attention between translations"
    short_title: ClassVar[str] = "agreement of attention"
    reads: ClassVar[tuple[str, ...]] = ("pairs", "parallel", "names")
    family: ClassVar[str] = "bitext"
    loss: ClassVar[str] = "xl_objectives.bitext.attention_agreement:attention_agreement_loss"
    compares_attention: ClassVar[bool] = True
    drift: ClassVar[float] = 0.0

    layer: int = setting(-1, "block whose heads attend, from 1, negative from the end")


def attention_agreement_loss(
    to_y: Float[Tensor, "heads x_len y_len"], to_x: Float[Tensor, "heads y_len x_len"]
) -> Float[Tensor, ""]:
    """1 - 1/H sum_h tr(A_yx^T A_xy) / min(|x|, |y|) of a sentence pair, in [0, 1].

    to_y: A_xy, how much each token of x attends to each of y, (heads, x_len, y_len), >= 0, rows summing to 1 at most.
    to_x: A_yx, (heads, y_len, x_len) likewise.

    Computed in float32 at least, also under autocast. Raises ObjectiveError for shapes that do not fit, and for a
    sentence without tokens.
    """
    import torch

    if to_y.ndim != 3 or to_y.mT.shape != to_x.shape or not to_y.numel():
        message = (
            f"attention agreement needs (heads, x_len, y_len) and (heads, y_len, x_len) of sentences with tokens; "
            f"got {tuple(to_y.shape)} and {tuple(to_x.shape)}."
        )
        raise ObjectiveError(message)
    with torch.autocast(to_y.device.type, enabled=False):
        to_y, to_x = (weights.to(torch.promote_types(weights.dtype, torch.float32)) for weights in (to_y, to_x))
        return 1 - (to_y * to_x.mT).sum(dim=(1, 2)).mean() / min(to_y.shape[1:])
