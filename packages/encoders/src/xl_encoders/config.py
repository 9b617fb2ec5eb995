"""Settings of models and of training: the only place where a default and its help text stand. Imports nothing heavy."""

import math
from dataclasses import dataclass, field

from xl_encoders.errors import EncoderError

POOLINGS = ("mean-content", "mean-all", "first")
SCHEDULES = ("linear", "cosine", "constant")
PRECISIONS = ("no", "bf16", "fp16")
SAVED_DTYPES = ("float32", "folder")

# size -> (blocks, width, attention heads, feed-forward width); base is the shape of XLM-R base
SIZES = {
    "pico": (1, 128, 4, 256),
    "tiny": (2, 128, 4, 512),
    "mini": (4, 256, 4, 1024),
    "small": (6, 512, 8, 2048),
    "base": (12, 768, 12, 3072),
}


@dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """Which encoder a run starts from, and where its sentence vectors are read."""

    name: str = field(default="", metadata={"help": "name in result rows; empty takes the run folder's"})
    from_: str = field(
        default="new", metadata={"help": "hub id, folder, or new (a small XLM-R from random weights)", "key": "from"}
    )
    revision: str = field(default="", metadata={"help": "commit or tag of a hub model; empty takes the newest"})
    layer: int = field(
        default=-1, metadata={"help": "hidden_states index of sentence vectors, 0 = embeddings; negative from the end"}
    )
    pooling: str = field(
        default="mean-content", metadata={"help": "how retrieval pools tokens: mean-content | mean-all | first"}
    )
    max_len: int = field(default=128, metadata={"help": "longest input in tokens, specials included, >= 8"})
    extend_vocabulary: str = field(
        default="",
        metadata={
            "help": "add romanised pieces to a pretrained vocabulary, each as the max | min | mean of its sources"
        },
    )
    size: str = field(default="tiny", metadata={"help": f"shape of a new model: {' | '.join(SIZES)}"})
    pieces: int = field(default=8000, metadata={"help": "vocabulary of a new model's tokenizer, in sub-words"})
    lower_case: bool = field(default=False, metadata={"help": "a new model's tokenizer lower-cases its input"})
    dropout: float = field(default=0.1, metadata={"help": "dropout probability of a new model, in [0, 1)"})

    def __post_init__(self) -> None:
        _one_of("model.pooling", self.pooling, POOLINGS)
        _one_of("model.size", self.size, tuple(SIZES))
        _one_of("model.extend_vocabulary", self.extend_vocabulary, ("", "max", "min", "mean"))
        _at_least("model.max_len", self.max_len, 8)
        _at_least("model.pieces", self.pieces, 16)
        if not 0.0 <= self.dropout < 1.0:
            message = f"model.dropout is {self.dropout}; give a probability in [0, 1)."
            raise EncoderError(message)


@dataclass(frozen=True, kw_only=True)
class FitConfig:
    """How training runs: length, step size, precision, what is saved."""

    lr: float = field(default=2e-5, metadata={"help": "peak learning rate of AdamW, > 0"})
    batch: int = field(
        default=16, metadata={"help": "texts a micro-batch; their number is the pool of seq's negatives"}
    )
    accumulate: int = field(default=1, metadata={"help": "micro-batches summed into one step"})
    tokens: int = field(
        default=8192, metadata={"help": "most tokens of one forward pass; a batch takes as many passes as it needs"}
    )
    gradient_cache: bool = field(
        default=False,
        metadata={"help": "encode twice, so that a contrast over any batch takes the memory of one forward pass"},
    )
    steps: int = field(default=0, metadata={"help": "optimiser steps; 0 lets epochs decide"})
    epochs: float = field(default=1.0, metadata={"help": "passes over the training texts, used where steps is 0"})
    warmup: float = field(default=0.0, metadata={"help": "share of the steps in which the rate climbs, in [0, 1)"})
    schedule: str = field(default="linear", metadata={"help": "after the warm-up: linear (to 0) | cosine | constant"})
    weight_decay: float = field(default=0.01, metadata={"help": "AdamW's, on matrices only, >= 0"})
    clip: float = field(default=1.0, metadata={"help": "largest gradient norm; 0 does not clip"})
    precision: str = field(default="no", metadata={"help": "mixed precision: no (float32) | bf16 | fp16 (GPU only)"})
    checkpointing: bool = field(
        default=False, metadata={"help": "compute activations again in the backward pass: less memory, a third slower"}
    )
    compile: bool = field(default=False, metadata={"help": "torch.compile the encoder (needs a C++ compiler)"})
    compat: str = field(
        default="none",
        metadata={
            "help": "published: contrast counts 1/processes and means are each process's own, as in the papers' runs"
        },
    )
    norms_every: int = field(
        default=100,
        metadata={"help": "steps between logged gradient norms of each objective (costs a pass each); 0: none"},
    )
    trackers: tuple[str, ...] = field(
        default=(),
        metadata={"help": "also log to tensorboard, wandb ... (any tracker of Accelerate's that is installed)"},
    )
    save_dtype: str = field(
        default="float32",
        metadata={
            "help": "dtype of the trained weights in model/: float32 (what they are trained in, whatever model.from is "
            "saved in) | folder (that of model.from; bfloat16 and float16 take half the room and round)"
        },
    )
    save_every: int = field(default=500, metadata={"help": "steps between checkpoints; 0 saves at a stop only"})
    log_every: int = field(default=10, metadata={"help": "steps between rows of log.jsonl"})
    seed: int = field(default=1, metadata={"help": "source of everything random in the run"})

    def __post_init__(self) -> None:
        _one_of("train.schedule", self.schedule, SCHEDULES)
        _one_of("train.precision", self.precision, PRECISIONS)
        _one_of("train.compat", self.compat, ("none", "published"))
        _one_of("train.save_dtype", self.save_dtype, SAVED_DTYPES)
        for name, low in (
            ("batch", 1),
            ("accumulate", 1),
            ("steps", 0),
            ("save_every", 0),
            ("log_every", 1),
            ("tokens", 1),
            ("norms_every", 0),
        ):
            _at_least(f"train.{name}", getattr(self, name), low)
        for name in ("weight_decay", "clip", "seed"):
            _at_least(f"train.{name}", getattr(self, name), 0)
        if self.lr <= 0:
            message = f"train.lr is {self.lr}; give a number above 0."
            raise EncoderError(message)
        if self.steps == 0 and self.epochs <= 0:
            message = "train.steps and train.epochs are both 0; give one of them a number above 0."
            raise EncoderError(message)
        if not 0.0 <= self.warmup < 1.0:
            message = f"train.warmup is {self.warmup}; give a share of the steps in [0, 1)."
            raise EncoderError(message)


def count_steps(n_batches_per_epoch: int, config: FitConfig) -> int:
    """Optimiser steps of a run: `config.steps`, or as many as its epochs take."""
    return config.steps or max(1, math.ceil(config.epochs * n_batches_per_epoch / config.accumulate))


def _one_of(key: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        message = f"{key} is {value!r}; choose one of {', '.join(filter(None, choices))}."
        raise EncoderError(message)


def _at_least(key: str, value: float, low: float) -> None:
    if value < low:
        message = f"{key} is {value}; give {low} or more."
        raise EncoderError(message)
