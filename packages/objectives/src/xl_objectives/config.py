"""Settings of the objectives: the only place where a default and its help text stand. Imports nothing heavy."""

from dataclasses import dataclass, field

from xl_objectives.errors import ObjectiveError

SIMILARITIES = ("dot", "cosine")
TRUNCATIONS = ("longest_first", "right")
VIEWS = ("both", "original", "romanised")


@dataclass(frozen=True, kw_only=True)
class MlmConfig:
    """Masked language modelling on the text and on its romanisation."""

    weight: float = field(default=1.0, metadata={"help": "factor of this loss in the sum, >= 0"})
    text: str = field(default="both", metadata={"help": "which side is modelled: both | original | romanised"})
    mask_prob: float = field(
        default=0.15, metadata={"help": "chance that a token is picked, in (0, 1]; tlm masks alike"}
    )

    def __post_init__(self) -> None:
        _check_weight("mlm", self.weight)
        _check_choice("objective.mlm.text", self.text, VIEWS)
        if not 0.0 < self.mask_prob <= 1.0:
            message = f"objective.mlm.mask_prob is {self.mask_prob}; give a probability above 0 and at most 1."
            raise ObjectiveError(message)


@dataclass(frozen=True, kw_only=True)
class SeqConfig:
    """Sentence contrast: a text and its romanisation find each other among the others of the batch."""

    weight: float = field(default=1.0, metadata={"help": "factor of this loss in the sum, >= 0"})
    similarity: str = field(default="dot", metadata={"help": "dot (raw product, as published) | cosine"})
    temperature: float = field(
        default=1.0, metadata={"help": "the similarities are divided by it, > 0; with cosine about 0.05"}
    )
    factor: float = field(default=0.5, metadata={"help": "constant before the mean, as in the authors' code, > 0"})
    false_negatives: bool = field(
        default=False, metadata={"help": "true keeps equal texts of a batch as negatives, as published"}
    )

    def __post_init__(self) -> None:
        _check_weight("seq", self.weight)
        _check_choice("objective.seq.similarity", self.similarity, SIMILARITIES)
        for name in ("temperature", "factor"):
            if getattr(self, name) <= 0:
                message = f"objective.seq.{name} is {getattr(self, name)}; give a number above 0."
                raise ObjectiveError(message)


@dataclass(frozen=True, kw_only=True)
class TlmConfig:
    """Translation language modelling on a text joined with its romanisation, in random order."""

    weight: float = field(default=1.0, metadata={"help": "factor of this loss in the sum, >= 0"})
    truncate: str = field(
        default="longest_first",
        metadata={"help": "how a pair is cut to max_len: longest_first (both sides stay) | right (as published)"},
    )

    def __post_init__(self) -> None:
        _check_weight("tlm", self.weight)
        _check_choice("objective.tlm.truncate", self.truncate, TRUNCATIONS)


def _check_weight(objective: str, weight: float) -> None:
    if weight < 0:
        message = f"objective.{objective}.weight is {weight}; give 0 or more."
        raise ObjectiveError(message)


def _check_choice(key: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        message = f"{key} is {value!r}; choose one of {', '.join(choices)}."
        raise ObjectiveError(message)
