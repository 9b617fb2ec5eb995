"""What every objective has: its weight and schedule, and its answers to whoever reads, trains or describes it."""

from collections.abc import Callable
from dataclasses import dataclass, fields
from importlib import import_module
from typing import Any, ClassVar

from xl_objectives.errors import ObjectiveError
from xl_objectives.settings.checks import check_fields, setting

# Shares are rounded: 0.3 - 0.1 is a little less than 0.2.
_ROUNDING = 1e-9


@dataclass(frozen=True, kw_only=True)
class ObjectiveConfig:
    """What every objective has: its weight and schedule, its own batches, the data it reads.

    The answers are of the class where they hold for any settings, else properties. A new objective derives from what
    its family shares, says `name`, `title`, `loss` and `takes`, and what differs from the family's answers.
    """

    name: ClassVar[str] = "objective"
    """As recipes, logs and `--set` call it."""
    title: ClassVar[str] = ""
    """What it is, in a few words, for model cards: "canonical correlation with static word vectors"."""
    short_title: ClassVar[str] = ""
    """The same in still fewer words, for the lines under a table; empty takes the title."""
    reads: ClassVar[tuple[str, ...]] = ()
    """Kinds of [[data]] that it can read."""
    family: ClassVar[str] = ""
    """Which part trains it: "text", "word-vectors", "bitext" or "teacher"."""
    loss: ClassVar[str] = ""
    """Its pure function, "module:function", loaded on first use; the family says what it is called with."""
    takes: ClassVar[tuple[str, ...]] = ()
    """Fields that are handed to the loss as keyword arguments."""
    needs_head: ClassVar[bool] = False
    """Whether the encoder has to bring a trained masked-LM head."""

    needs_alignments: ClassVar[bool] = False
    """Of the family bitext: whether it reads which words belong together: those of the data, or of our aligner."""
    predicts_tokens: ClassVar[bool] = False
    """Of the family bitext: whether it predicts masked tokens of both sides joined, and no vectors are compared."""
    compares_attention: ClassVar[bool] = False
    """Of the family bitext: whether it compares how both sides joined attend to each other, and no vectors."""

    needs_width: ClassVar[bool] = False
    """Whether the static vectors that it reads have to be as wide as the encoder."""

    weight: float = setting(1.0, "factor of this loss in the sum, >= 0", low=0)
    begin: float = setting(0.0, "share of the steps after which it joins in, in [0, 1)")
    end: float = setting(1.0, "share of the steps after which it is left out, in (begin, 1]")
    warmup: float = setting(0.0, "share of the steps, from begin on, over which its weight climbs from 0")
    every: int = setting(1, "steps between two uses of it", low=1)
    batch: int = setting(0, "items a batch of it; 0 takes train.batch", low=0)
    data: tuple[str, ...] = setting((), "names of the [[data]] it reads; none takes all of a kind it can read")

    def __post_init__(self) -> None:
        check_fields(self, self.key, ObjectiveError)
        if not 0.0 <= self.begin < self.end <= 1.0:
            message = (
                f"{self.key('begin')} is {self.begin} and {self.key('end')} is {self.end}; "
                f"give shares with 0 <= begin < end <= 1."
            )
            raise ObjectiveError(message)
        if not 0.0 <= self.warmup <= self.end - self.begin + _ROUNDING:
            message = f"{self.key('warmup')} is {self.warmup}; give a share of at most end - begin."
            raise ObjectiveError(message)

    @classmethod
    def key(cls, name: str) -> str:
        """How errors and `--set` call the setting `name` of this objective."""
        return f"objective.{cls.name}.{name}"

    @property
    def arguments(self) -> dict[str, Any]:
        """The keyword arguments of the loss that are settings."""
        return {name: getattr(self, name) for name in self.takes}

    @property
    def projects(self) -> int:
        """Width of the learned projection that its vectors go through while training; 0: none."""
        return 0  # unless it is a `ContrastConfig`

    @property
    def reads_romanised(self) -> bool:
        """Whether it reads transliterations."""
        return False

    @property
    def reads_pairs(self) -> bool:
        """Whether it reads texts with their translations; else texts or words alone."""
        return "pairs" in self.reads

    @property
    def block_len(self) -> int:
        """Tokens of a row where texts run on, specials included; 0 where each text is a row."""
        return 0

    @property
    def takes_text_ids(self) -> bool:
        """Whether the loss is given `text_ids`, (2, n) with equal numbers for texts or words that are equal."""
        return False

    @classmethod
    def loss_function(cls) -> Callable[..., Any]:
        """The loss itself. Raises ObjectiveError where the settings name none."""
        if not cls.loss:
            message = f"{cls.__name__} names no loss; give it one as loss = 'module:function'."
            raise ObjectiveError(message)
        module, _, function = cls.loss.partition(":")
        try:
            return getattr(import_module(module), function)
        except (ImportError, AttributeError) as error:
            message = f"{cls.__name__}.loss is {cls.loss!r}, which is not there: {error}."
            raise ObjectiveError(message) from error

    def check_answers(self) -> None:
        """Refuse answers that training would stumble over, without loading the loss. Raises ObjectiveError."""
        if not self.loss:
            message = f"{type(self).__name__} names no loss; give it one as loss = 'module:function'."
            raise ObjectiveError(message)
        strange = [name for name in self.takes if name not in {item.name for item in fields(self)}]
        if strange:
            message = f"{type(self).__name__}.takes names {', '.join(strange)}, which {self.name} has no setting for."
            raise ObjectiveError(message)

    def weight_at(self, step: int, n_steps: int) -> float:
        """The weight in step `step` (from 0) of `n_steps`: 0 where the objective takes no part."""
        place = step / n_steps
        if step % self.every or not self.begin <= place < self.end:
            return 0.0
        climb = self.warmup * n_steps
        climbed = step - self.begin * n_steps + 1
        return self.weight * min(1.0, climbed / (climb + 1)) if climb else self.weight


@dataclass(frozen=True, kw_only=True)
class ContrastConfig(ObjectiveConfig):
    """What every contrast can have before it: a learned projection of its vectors (SimCLR)."""

    projector: int = setting(
        0, "width of a learned projection before the contrast, say 128; no part of the saved model; 0: none", low=0
    )

    @property
    def projects(self) -> int:
        """As `projector` says."""
        return self.projector
