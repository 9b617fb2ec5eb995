"""Word alignment of AMBER: attention from a sentence to its translation agrees with attention the other way.

    l(x, y) = 1 - 1/H sum_h tr(A_yx^T A_xy) / min(|x|, |y|)

A_xy, (|x|, |y|) for each head h, holds how much word i of x attends to word j of y, rows summing to 1; A_yx^T, of the
same shape, the other direction. The trace counts what both say; the loss is 0 where every word of the shorter sentence
has one partner that both directions are sure of, and never below. Source: Hu et al. 2021, "Explicit Alignment
Objectives for Multilingual Bidirectional Encoders", section 3, restated from general knowledge of the
paper; the authors' code was not at hand. There a word attends to the other sentence and to what precedes it in its own;
here the sentences are encoded apart and attend to each other alone, by the query and key weights of a block.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from xl_objectives.errors import ObjectiveError
from xl_objectives.settings.bitext import BitextConfig
from xl_objectives.settings.checks import setting

if TYPE_CHECKING:
    from jaxtyping import Bool, Float
    from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class AttentionConfig(BitextConfig):
    """Word alignment of AMBER: attention between translations agrees in both directions."""

    name: ClassVar[str] = "attention"
    title: ClassVar[str] = "agreement of the attention between translations"
    short_title: ClassVar[str] = "agreement of attention"
    loss: ClassVar[str] = "xl_objectives.bitext.attention_agreement:attention_agreement_loss"

    layer: int = setting(-1, "block whose heads attend, negative from the end; they read the states below it")
    words: str = setting(
        "all",
        "what attends: all sub-words | last | first | mean sub-word of each word",
        choices=("all", "last", "first", "mean"),
    )
    drift: float = setting(0.0, "factor of the squared distance of words to the frozen start, >= 0", low=0)

    @property
    def takes_attention(self) -> bool:
        """Its vectors are queries and keys of a block."""
        return True


def attention_agreement_loss(
    x: Float[Tensor, "sentences x_words twice_width"],
    y: Float[Tensor, "sentences y_words twice_width"],
    x_mask: Bool[Tensor, "sentences x_words"],
    y_mask: Bool[Tensor, "sentences y_words"],
    *,
    heads: int = 1,
) -> Float[Tensor, ""]:
    """Mean over the sentence pairs of 1 - 1/H sum_h tr(A_yx^T A_xy) / min(|x|, |y|), in [0, 1].

    x, y: for each word its query, then its key, (sentences, words, 2 * width); heads lie one behind another in both.
    x_mask, y_mask: (sentences, words) bool, true for a word; what stands elsewhere is padding. Pairs with a side
        without words are left out; of no pair at all the loss is 0.
    heads: a divisor of width; products are divided by sqrt(width / heads), as in attention.

    Computed in float32 at least, also under autocast. Raises ObjectiveError for shapes that do not fit.
    """
    import torch

    if x.ndim != 3 or y.ndim != 3 or x.shape[2] != y.shape[2] or x.shape[2] % (2 * heads):
        message = (
            f"attention agreement needs (sentences, words, 2 * width) queries and keys and heads that divide width; "
            f"got {tuple(x.shape)}, {tuple(y.shape)} and {heads} heads."
        )
        raise ObjectiveError(message)
    kept = x_mask.any(dim=1) & y_mask.any(dim=1)
    if not bool(kept.any()):
        return (x.sum() + y.sum()) * 0.0
    with torch.autocast(x.device.type, enabled=False):
        x_mask, y_mask = x_mask[kept], y_mask[kept]
        x_query, x_key = _by_head(x[kept], heads)
        y_query, y_key = _by_head(y[kept], heads)
        scale = x_query.shape[-1] ** -0.5
        to_y = (scale * x_query @ y_key.mT).masked_fill(~y_mask[:, None, None, :], -torch.inf).softmax(dim=-1)
        to_x = (scale * y_query @ x_key.mT).masked_fill(~x_mask[:, None, None, :], -torch.inf).softmax(dim=-1)
        both = (x_mask[:, :, None] & y_mask[:, None, :])[:, None]
        agreed = (to_y * to_x.mT).masked_fill(~both, 0.0).sum(dim=(2, 3)).mean(dim=1)
        return (1 - agreed / torch.minimum(x_mask.sum(dim=1), y_mask.sum(dim=1))).mean()


def _by_head(words: Float[Tensor, "sentences words twice_width"], heads: int) -> tuple[Tensor, Tensor]:
    """Queries and keys, (sentences, heads, words, head_width) each, in float32 at least."""
    import torch

    words = words.to(torch.promote_types(words.dtype, torch.float32))
    query, key = (side.reshape(*side.shape[:2], heads, -1).transpose(1, 2) for side in words.chunk(2, dim=2))
    return query, key
