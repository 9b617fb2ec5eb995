"""Masked words of a sentence joined with its translation: TLM, and WEAM, where a word is read off its translation too.

A masked word is predicted at its own place (translation language modelling, Conneau and Lample 2019; the "multilingual
prediction" of WEAM) and, where an aligner linked it, at the place of its partner in the other language (WEAM's
"cross-lingual prediction": Yang et al. 2021, arXiv 2106.01732, restated from general knowledge of the paper, which does
not say how words of several sub-words are read: here the k-th of a word at its partner's k-th, or last).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from xl_objectives.errors import ObjectiveError
from xl_objectives.settings.bitext import LinkedConfig
from xl_objectives.settings.checks import setting
from xl_objectives.settings.objective import ObjectiveConfig
from xl_objectives.settings.text import MASK_PROB, TRUNCATIONS


@dataclass(frozen=True, kw_only=True)
class MaskedBitextConfig(ObjectiveConfig):
    """What bitext-tlm and weam share: a sentence and its translation as one row, of which words are masked.

    Called as `loss(logits, targets, reduction="none")`, (picked, vocabulary) and (picked,), a value a token.
    """

    reads: ClassVar[tuple[str, ...]] = ("pairs", "parallel", "names")
    family: ClassVar[str] = "bitext"
    loss: ClassVar[str] = "xl_objectives.mlm:mlm_loss"
    needs_head: ClassVar[bool] = True
    predicts_tokens: ClassVar[bool] = True
    drift: ClassVar[float] = 0.0

    mask_prob: float = setting(MASK_PROB, "chance that a token, of weam a word, is picked, in (0, 1]", above=0)
    truncate: str = setting(
        TRUNCATIONS[0],
        "how a pair is cut to max_len: longest_first (both sides stay) | right",
        choices=TRUNCATIONS,
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.mask_prob > 1.0:
            message = f"{self.key('mask_prob')} is {self.mask_prob}; give a probability above 0 and at most 1."
            raise ObjectiveError(message)

    @property
    def own_place(self) -> float:
        """Factor of the prediction at a word's own place."""
        return 1.0


@dataclass(frozen=True, kw_only=True)
class BitextTlmConfig(MaskedBitextConfig):
    """Translation language modelling on sentences joined with their translations, in random order."""

    name: ClassVar[str] = "bitext-tlm"
    title: ClassVar[str] = "masked-language modelling over sentences and their translations"
    short_title: ClassVar[str] = "masked words of translations"


@dataclass(frozen=True, kw_only=True)
class WeamConfig(MaskedBitextConfig, LinkedConfig):
    """A masked word is predicted where its aligned word stands, and at its own place (WEAM, Yang et al. 2021)."""

    name: ClassVar[str] = "weam"
    title: ClassVar[str] = "masked words predicted at their aligned words"
    short_title: ClassVar[str] = "words by their aligned words"
    needs_alignments: ClassVar[bool] = True

    words: str = setting(
        "last", "of our own aligner: a word is its last | first | mean sub-word", choices=("last", "first", "mean")
    )
    tlm: float = setting(1.0, "factor of the prediction at the word's own place, >= 0", low=0)

    @property
    def own_place(self) -> float:
        """As `tlm` says."""
        return self.tlm
