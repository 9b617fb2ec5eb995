"""Settings of taking static vectors out of an encoder: the only place where a default and its text stand."""

from dataclasses import dataclass, field

from xl_staticemb.errors import StaticembError
from xl_staticemb.ranges import check_choices, check_lowest, check_positive

METHODS = ("x2static", "aggregate")
VARIANTS = ("sentence", "paragraph")
CONTEXTS = ("all", "exclude_target", "no_special")
CASES = ("key", "both", "none")


@dataclass(frozen=True, kw_only=True)
class X2StaticConfig:
    """How a vocabulary is chosen, contexts are read and vectors are trained (Gupta and Jaggi 2021; defaults: X2Static).

    Raises StaticembError for a value out of range.
    """

    method: str = field(
        default="x2static",
        metadata={
            "help": "x2static (trained to predict words from contexts) | aggregate (mean of a word's states over its "
            "occurrences)"
        },
    )
    variant: str = field(
        default="sentence",
        metadata={
            "help": "sentence (a line is a sentence) | paragraph (a line is a paragraph, read as a whole; a word's "
            "context is its sentence)"
        },
    )
    context: str = field(
        default="all",
        metadata={
            "help": "x2static: mean over all tokens of the sentence, specials too (published) | exclude_target "
            "(without the word's own tokens) | no_special"
        },
    )
    lower: str = field(
        default="key",
        metadata={
            "help": "key (words in lower case, the encoder reads the text as written) | both (it reads lower case too, "
            "as published) | none"
        },
    )
    min_count: int = field(default=10, metadata={"help": "occurrences below which a word gets no vector"})
    max_words: int = field(default=200_000, metadata={"help": "most words, the most frequent ones"})
    subsample: float = field(
        default=5e-6,
        metadata={
            "help": "x2static: t; an occurrence of a word of relative frequency f is kept with probability "
            "sqrt(t/f) + t/f; 0 keeps all"
        },
    )
    negatives: int = field(default=10, metadata={"help": "x2static: random words against each kept occurrence"})
    negative_power: float = field(
        default=0.5, metadata={"help": "x2static: negatives are drawn in proportion to count ** this"}
    )
    epochs: int = field(default=5, metadata={"help": "x2static: passes over the text"})
    batch: int = field(default=128, metadata={"help": "x2static: lines a step"})
    lr: float = field(default=1e-3, metadata={"help": "x2static: learning rate of row-wise Adam, constant"})
    dim: int = field(
        default=0,
        metadata={
            "help": "width of the vectors; 0 takes the encoder's; any other is reached by a linear map of the "
            "contexts, trained along (x2static)"
        },
    )
    compat: bool = field(
        default=False,
        metadata={"help": "x2static: scores beyond +-20 get no gradient, as in the published code (else softplus)"},
    )
    first: int = field(
        default=0, metadata={"help": "aggregate: read only the first so many occurrences of each word; 0 reads all"}
    )
    buffer: int = field(
        default=1 << 18, metadata={"help": "x2static: lines that are shuffled together, their contexts in memory"}
    )
    save_every: int = field(default=5000, metadata={"help": "x2static: steps between two saved states of the training"})
    seed: int = field(default=0, metadata={"help": "of the first vectors, subsampling, negatives and order"})

    def __post_init__(self) -> None:
        check_choices(self, {"method": METHODS, "variant": VARIANTS, "context": CONTEXTS, "lower": CASES})
        lowest = {
            "min_count": 1, "max_words": 1, "subsample": 0, "negatives": 1, "epochs": 1, "batch": 1, "dim": 0,
            "first": 0, "buffer": 1, "save_every": 1, "seed": 0,
        }  # fmt: skip
        check_lowest(self, lowest)
        check_positive(self, "lr")
        if not abs(self.negative_power) < float("inf"):
            message = f"negative_power is {self.negative_power}; give a finite number, 0.5 as published."
            raise StaticembError(message)
        if self.method == "aggregate" and self.dim:
            message = f"dim is {self.dim}, but aggregate has no map to train: its vectors are as wide as the encoder's."
            raise StaticembError(message)
        if self.method == "x2static" and self.first:
            message = f"first is {self.first}, which only aggregate heeds; leave it out or choose method aggregate."
            raise StaticembError(message)
