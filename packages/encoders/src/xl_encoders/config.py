"""Settings of models and of training: the only place where a default and its help text stand. Imports nothing heavy."""

import math
from dataclasses import dataclass

from xl_encoders.errors import EncoderError
from xl_objectives import check_fields, setting

POOLINGS = ("mean-content", "mean-all", "mean-weighted", "mean-sqrt", "max", "first", "last")
"""How the states of a text's tokens become one vector; several, joined by commas, stand one behind the other."""
POOLING_HELP = (
    "mean-content (no specials) | mean-all (specials too) | mean-weighted (by place) | mean-sqrt (sum over the root of "
    "their number) | max | first | last, or several, joined by commas"
)
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

    name: str = setting("", "name in result rows; empty takes the run folder's")
    from_: str = setting("new", "hub id, folder, or new (a small XLM-R from random weights)", key="from")
    revision: str = setting("", "commit or tag of a hub model; empty takes the newest")
    layer: int = setting(
        -1,
        "hidden_states index of sentence vectors, 0 = embeddings; negative from the end [left out: of a pretrained "
        "encoder what its modules.json says, else two thirds of the depth; of a new one the last]",
    )
    pooling: str = setting(
        "mean-content",
        f"how retrieval pools tokens: {POOLING_HELP} [left out: of a pretrained encoder what its modules.json says, "
        "else mean-all]",
        choices=POOLINGS,
        joined=",",
    )
    prompt: str | None = setting(
        None,
        "put in front of every text whose vector is scored or compared with a teacher's, e.g. 'query: ', or the name "
        "of one of the model's own prompts; '' for none [left out: the model's default prompt]",
    )
    teacher: str = setting(
        "", "hub id or folder of the frozen encoder that teaches; empty: model.from as it is before any change"
    )
    teacher_prompt: str | None = setting(
        None, "the same of model.teacher, where that is another encoder [left out: its default prompt]"
    )
    max_len: int = setting(128, "longest input in tokens, specials included, >= 8", low=8)
    extend_vocabulary: str = setting(
        "",
        "add romanised pieces to a pretrained vocabulary, each as the max | min | mean of its sources",
        choices=("", "max", "min", "mean"),
    )
    head_warmup: int = setting(
        200,
        "steps in which a masked-LM head that had to be made is trained alone first (rate 1e-3, down to 0), where an "
        "objective needs one and model.from has none; 0: with all else from the start",
        low=0,
    )
    size: str = setting("tiny", f"shape of a new model: {' | '.join(SIZES)}", choices=tuple(SIZES))
    pieces: int = setting(8000, "vocabulary of a new model's tokenizer, in sub-words", low=16)
    lower_case: bool = setting(False, "a new model's tokenizer lower-cases its input")
    dropout: float = setting(
        0.1, "dropout probability of a new model, in [0, 1)", low=0, below=1, wanted="a probability in [0, 1)"
    )

    def __post_init__(self) -> None:
        check_fields(self, lambda name: f"model.{name}", EncoderError)
        if self.teacher_prompt is not None and not self.teacher:
            message = "model.teacher_prompt is given, but model.teacher is not: model.from teaches, with model.prompt."
            raise EncoderError(message)


@dataclass(frozen=True, kw_only=True)
class FitConfig:
    """How training runs: length, step size, precision, what is saved."""

    lr: float = setting(2e-5, "peak learning rate of AdamW, > 0", above=0)
    embedding_lr: float = setting(
        0.0,
        "peak learning rate of the token embeddings, which then have no weight decay, so that rows of pieces that no "
        "text has stay as they are; 0: as train.lr, with decay",
        low=0,
    )
    batch: int = setting(16, "texts a micro-batch; their number is the pool of seq's negatives", low=1)
    accumulate: int = setting(1, "micro-batches summed into one step", low=1)
    tokens: int = setting(8192, "most tokens of one forward pass; a batch takes as many passes as it needs", low=1)
    gradient_cache: bool = setting(
        False, "encode twice, so that a contrast over any batch takes the memory of one forward pass"
    )
    steps: int = setting(0, "optimiser steps; 0 lets epochs decide", low=0)
    epochs: float = setting(1.0, "passes over the training texts, used where steps is 0")
    warmup: float = setting(
        0.0,
        "share of the steps in which the rate climbs, in [0, 1)",
        low=0,
        below=1,
        wanted="a share of the steps in [0, 1)",
    )
    schedule: str = setting("linear", "after the warm-up: linear (to 0) | cosine | constant", choices=SCHEDULES)
    weight_decay: float = setting(0.01, "AdamW's, on matrices only, >= 0", low=0)
    clip: float = setting(1.0, "largest gradient norm; 0 does not clip", low=0)
    precision: str = setting("no", "mixed precision: no (float32) | bf16 | fp16 (GPU only)", choices=PRECISIONS)
    checkpointing: bool = setting(False, "compute activations again in the backward pass: less memory, a third slower")
    compile: bool = setting(False, "torch.compile the encoder (needs a C++ compiler)")
    compat: str = setting(
        "none",
        "published: contrast counts 1/processes and means are each process's own, as in the papers' runs",
        choices=("none", "published"),
    )
    norms_every: int = setting(
        100, "steps between logged gradient norms of each objective (costs a pass each); 0: none", low=0
    )
    trackers: tuple[str, ...] = setting(
        (), "also log to tensorboard, wandb ... (any tracker of Accelerate's that is installed)"
    )
    save_dtype: str = setting(
        "float32",
        "dtype of the trained weights in model/: float32 (what they are trained in, whatever model.from is "
        "saved in) | folder (that of model.from; bfloat16 and float16 take half the room and round)",
        choices=SAVED_DTYPES,
    )
    save_every: int = setting(500, "steps between checkpoints; 0 saves at a stop only", low=0)
    log_every: int = setting(10, "steps between rows of log.jsonl", low=1)
    seed: int = setting(1, "source of everything random in the run", low=0)

    def __post_init__(self) -> None:
        check_fields(self, lambda name: f"train.{name}", EncoderError)
        if self.steps == 0 and self.epochs <= 0:
            message = "train.steps and train.epochs are both 0; give one of them a number above 0."
            raise EncoderError(message)


def check_pooling(pooling: str) -> None:
    """EncoderError for what is neither one of POOLINGS nor several of them, joined by commas."""
    if not {*pooling.split(",")} <= {*POOLINGS}:
        message = f"pooling is {pooling!r}; choose one of {', '.join(POOLINGS)}, or several, joined by commas."
        raise EncoderError(message)


def count_steps(n_batches_per_epoch: int, config: FitConfig) -> int:
    """Optimiser steps of a run: `config.steps`, or as many as its epochs take."""
    return config.steps or max(1, math.ceil(config.epochs * n_batches_per_epoch / config.accumulate))
