"""Objectives on texts and their transliterations, which share forward passes: MLM, SEQ, TLM (Xhelili et al. 2024)."""

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

from xl_objectives.errors import ObjectiveError
from xl_objectives.settings.checks import setting
from xl_objectives.settings.objective import ContrastConfig, ObjectiveConfig

# The three rows that a text gives, each masked for itself: the text, its transliteration, both joined.
VIEWS = ("original", "romanised", "joined")
# Chance that a token is picked where no objective of a part says another.
MASK_PROB = 0.15
# How a joined pair is cut to the longest row, what stands between its halves, and where positions of the second begin.
TRUNCATIONS = ("longest_first", "right")
FORMS = ("single", "native")
POSITIONS = ("continue", "reset")


class Joining(NamedTuple):
    """How joined pairs are made: one each of TRUNCATIONS, FORMS and POSITIONS."""

    truncate: str = TRUNCATIONS[0]
    form: str = FORMS[0]
    positions: str = POSITIONS[0]


@dataclass(frozen=True, kw_only=True)
class TextConfig(ObjectiveConfig):
    """What mlm, seq and tlm share: views of a text, masked, of which a loss models tokens or contrasts vectors.

    An objective that models views is called as `loss(logits, targets, reduction="none", **takes)`, (picked, vocabulary)
    and (picked,), and gives a value a token, of which each view's mean is taken. One that contrasts is called as
    `loss(originals, romanised, **takes)`, (texts, width) twice, row i of both of one text, and gives a scalar.
    """

    reads: ClassVar[tuple[str, ...]] = ("names", "parallel", "text")
    family: ClassVar[str] = "text"
    contrasts: ClassVar[bool] = False
    """Whether the loss compares the vectors of the texts of a batch with those of their transliterations."""

    @property
    def models(self) -> tuple[str, ...]:
        """The views whose picked tokens it predicts."""
        return ()

    def check_answers(self) -> None:
        """As of every objective, and that it models a view or contrasts, without which it would train nothing."""
        super().check_answers()
        if not self.contrasts and not self.models:
            message = (
                f"{type(self).__name__} models no view and contrasts nothing; say contrasts = True, or which views it "
                f"models."
            )
            raise ObjectiveError(message)

    @property
    def views(self) -> tuple[str, ...]:
        """The views that it reads."""
        contrasted = VIEWS[:2] if self.contrasts else ()
        return tuple(view for view in VIEWS if view in (*contrasted, *self.models))

    @property
    def reads_romanised(self) -> bool:
        """Whether it reads transliterations."""
        return bool({"romanised", "joined"} & set(self.views))

    @property
    def pools(self) -> tuple[int | None, str]:
        """Of a contrast: layer (None: that of the model) and pooling of the vectors that it compares."""
        return None, "mean-content"

    @property
    def masks(self) -> float | None:
        """Chance that a token is picked; None where it masks as the others do."""
        return None

    @property
    def joins(self) -> Joining | None:
        """How joined pairs are made; None where it joins as the others do."""
        return None

    @property
    def noise(self) -> int:
        """Of a contrast: Gaussian vectors for each text, which the loss is given as `negatives`; 0 for none."""
        return 0


@dataclass(frozen=True, kw_only=True)
class MlmConfig(TextConfig):
    """Masked language modelling on the text and on its romanisation."""

    name: ClassVar[str] = "mlm"
    title: ClassVar[str] = "masked-language modelling"
    short_title: ClassVar[str] = "masked words"
    loss: ClassVar[str] = "xl_objectives.mlm:mlm_loss"
    needs_head: ClassVar[bool] = True

    text: str = setting(
        "both",
        "which side is modelled: both (the sum of two means) | original | romanised",
        choices=("both", "original", "romanised"),
    )
    mask_prob: float = setting(MASK_PROB, "chance that a token is picked, in (0, 1]; seq and tlm mask alike")
    block: int = setting(0, "texts run on in blocks of so many tokens, specials included; 0: a text a row")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.block and self.block < 8:
            message = f"{self.key('block')} is {self.block}; give 8 tokens or more, or 0 for a text a row."
            raise ObjectiveError(message)
        if self.block and self.text != "original":
            message = f"{self.key('block')} joins texts, so no romanisation belongs to a block; give text = original."
            raise ObjectiveError(message)
        if not 0.0 < self.mask_prob <= 1.0:
            message = f"{self.key('mask_prob')} is {self.mask_prob}; give a probability above 0 and at most 1."
            raise ObjectiveError(message)

    @property
    def models(self) -> tuple[str, ...]:
        """The sides that `text` names."""
        return VIEWS[:2] if self.text == "both" else (self.text,)

    @property
    def masks(self) -> float:
        """Chance that a token is picked."""
        return self.mask_prob

    @property
    def block_len(self) -> int:
        """Tokens of a row where texts run on, specials included; 0 where each text is a row."""
        return self.block


@dataclass(frozen=True, kw_only=True)
class SeqConfig(ContrastConfig, TextConfig):
    """Sentence contrast: a text and its romanisation find each other among the others of the batch."""

    name: ClassVar[str] = "seq"
    title: ClassVar[str] = "contrast between sentences and their romanisations"
    short_title: ClassVar[str] = "contrast of sentences"
    loss: ClassVar[str] = "xl_objectives.seq:seq_loss"
    takes: ClassVar[tuple[str, ...]] = ("similarity", "temperature", "factor")
    contrasts: ClassVar[bool] = True

    similarity: str = setting("dot", "dot (raw product, as published) | cosine", choices=("dot", "cosine"))
    temperature: float = setting(1.0, "the similarities are divided by it, > 0; with cosine about 0.05", above=0)
    factor: float = setting(0.5, "constant before the mean, as in the authors' code, > 0", above=0)
    false_negatives: bool = setting(False, "true keeps equal texts of a batch as negatives, as published")
    random_negatives: int = setting(
        0, "Gaussian vectors a pair that stand as negatives too; 3 is the smoothing of the authors' code", low=0
    )
    layer: int | None = setting(None, "hidden_states index that is pooled; left out: model.layer")
    pooling: str = setting(
        "mean-content",
        "mean-content (no specials, <mask> counts) | mean-all | first (CLS)",
        choices=("mean-content", "mean-all", "first"),
    )

    @property
    def pools(self) -> tuple[int | None, str]:
        """As `layer` and `pooling` say."""
        return self.layer, self.pooling

    @property
    def noise(self) -> int:
        """As `random_negatives` says."""
        return self.random_negatives

    @property
    def takes_text_ids(self) -> bool:
        """Equal texts are told to the loss unless they count as negatives."""
        return not self.false_negatives


@dataclass(frozen=True, kw_only=True)
class TlmConfig(TextConfig):
    """Translation language modelling on a text joined with its romanisation, in random order."""

    name: ClassVar[str] = "tlm"
    title: ClassVar[str] = "masked-language modelling over pairs"
    short_title: ClassVar[str] = "masked words of pairs"
    loss: ClassVar[str] = "xl_objectives.mlm:mlm_loss"
    needs_head: ClassVar[bool] = True

    truncate: str = setting(
        TRUNCATIONS[0],
        "how a pair is cut to max_len: longest_first (both sides stay) | right (as published)",
        choices=TRUNCATIONS,
    )
    form: str = setting(
        FORMS[0],
        "what stands between both: single (</s>, as published) | native (the tokenizer's own pair form, </s></s> of "
        "XLM-R, with the token types of BERT)",
        choices=FORMS,
    )
    positions: str = setting(
        POSITIONS[0],
        "of the second: continue (as published) | reset (from the first again, as in XLM; single then keeps its <s>, "
        "</s><s>, as in the authors' code)",
        choices=POSITIONS,
    )

    @property
    def models(self) -> tuple[str, ...]:
        """The joined view alone."""
        return VIEWS[2:]

    @property
    def joins(self) -> Joining:
        """As `truncate`, `form` and `positions` say."""
        return Joining(self.truncate, self.form, self.positions)
