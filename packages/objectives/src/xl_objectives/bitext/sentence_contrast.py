"""Sentence alignment of AMBER: a sentence finds its translation among the sentences of the batch.

    l(x, y) = -log( exp(c_x . c_y) / sum_{y'} exp(c_x . c_y') ),    c the mean of a sentence's states

y' runs over all other sentences of the batch, of both languages. Source: Hu et al. 2021, "Explicit Alignment Objectives
for Multilingual Bidirectional Encoders", section 3, restated from general knowledge of the paper; the authors' code was
not at hand. Both directions are taken, as here everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from xl_objectives.settings.bitext import BitextConfig
from xl_objectives.settings.checks import setting
from xl_objectives.settings.objective import ContrastConfig

if TYPE_CHECKING:
    from jaxtyping import Bool, Float
    from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class SentenceNceConfig(ContrastConfig, BitextConfig):
    """Sentence alignment of AMBER: each sentence finds its translation among the sentences of the batch."""

    name: ClassVar[str] = "sentence-nce"
    title: ClassVar[str] = "contrast between sentences and their translations"
    short_title: ClassVar[str] = "contrast of translations"
    loss: ClassVar[str] = "xl_objectives.bitext.sentence_contrast:sentence_nce_loss"
    takes: ClassVar[tuple[str, ...]] = ("similarity", "temperature", "negatives")

    words: str = setting(
        "all",
        "what a sentence is the mean of: all sub-words (as published) | last | first | mean sub-word of each word",
        choices=("all", "last", "first", "mean"),
    )
    drift: float = setting(0.0, "factor of the squared distance of words to the frozen start, >= 0", low=0)
    similarity: str = setting("dot", "dot (raw product, as published) | cosine", choices=("dot", "cosine"))
    temperature: float = setting(1.0, "the similarities are divided by it, > 0; with cosine about 0.05", above=0)
    negatives: str = setting(
        "all", "sentences of both languages (all, as published) | of the other one (across)", choices=("across", "all")
    )

    @property
    def means_sentences(self) -> bool:
        """Always: it is sentences that a projector projects."""
        return True


def sentence_nce_loss(
    x: Float[Tensor, "sentences x_words width"],
    y: Float[Tensor, "sentences y_words width"],
    x_mask: Bool[Tensor, "sentences x_words"],
    y_mask: Bool[Tensor, "sentences y_words"],
    *,
    similarity: str = "dot",
    temperature: float = 1.0,
    negatives: str = "all",
) -> Float[Tensor, ""]:
    """`word_nce_loss` of the means of the sentences' words; sentence i of x and of y is a pair.

    x, y, x_mask, y_mask: as `ot_loss` takes them, of words or of sentences that are one vector already. A pair with a
        side without words is left out.
    """
    from xl_objectives.word_pairs import word_nce_loss

    kept = x_mask.any(dim=1) & y_mask.any(dim=1)
    x, y = _means(x[kept], x_mask[kept]), _means(y[kept], y_mask[kept])
    return word_nce_loss(x, y, similarity=similarity, temperature=temperature, negatives=negatives)


def _means(
    words: Float[Tensor, "sentences words width"], mask: Bool[Tensor, "sentences words"]
) -> Float[Tensor, "sentences width"]:
    """Means of the true words, in float32 at least."""
    import torch

    with torch.autocast(words.device.type, enabled=False):
        words = words.to(torch.promote_types(words.dtype, torch.float32)).masked_fill(~mask[:, :, None], 0.0)
        return words.sum(dim=1) / mask.sum(dim=1, keepdim=True)
