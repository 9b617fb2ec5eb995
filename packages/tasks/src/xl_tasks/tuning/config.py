"""How an encoder is fitted to a task. Imports nothing heavy."""

from dataclasses import dataclass, field, fields

from xl_tasks.errors import TaskError

MODES = ("full", "lora", "probe")
SCHEDULES = ("linear", "cosine", "constant")
KEPT = ("best", "last")
PRECISIONS = ("auto", "no", "bf16", "fp16")

_OF_PROBES = frozenset({"max_len", "precision", "metric"})
_OF_ANSWERING = frozenset({"window_step", "query_len", "answer_len", "n_best"})
_OF_LORA = frozenset({"lora_rank", "lora_alpha", "lora_dropout"})


@dataclass(frozen=True, kw_only=True)
class TuningConfig:
    """Fine-tuning of an encoder with a new head, or a linear probe on its frozen states."""

    mode: str = field(
        default="full",
        metadata={"help": "full | lora (low-rank updates, needs peft) | probe (a linear model on frozen states)"},
    )
    lr: float = field(default=2e-5, metadata={"help": "peak learning rate"})
    weight_decay: float = field(default=0.01, metadata={"help": "pull of matrices towards zero, of AdamW"})
    batch: int = field(default=32, metadata={"help": "examples a forward pass"})
    accumulate: int = field(default=1, metadata={"help": "forward passes a step"})
    epochs: float = field(default=5.0, metadata={"help": "passes over the training examples"})
    steps: int = field(default=0, metadata={"help": "optimiser steps instead of epochs; 0 takes the epochs"})
    max_len: int = field(default=128, metadata={"help": "longest input in tokens, specials included"})
    schedule: str = field(default="linear", metadata={"help": "linear | cosine (both to 0) | constant"})
    warmup: float = field(
        default=0.0, metadata={"help": "share of the steps in which the rate rises, or their number if 1 or more"}
    )
    clip: float = field(default=1.0, metadata={"help": "largest gradient norm; 0 does not clip"})
    precision: str = field(default="auto", metadata={"help": "auto (bf16 on a GPU that has it) | no | bf16 | fp16"})
    every: int = field(
        default=0, metadata={"help": "steps between two scores on the source's dev set; 0 scores each epoch"}
    )
    patience: int = field(
        default=0, metadata={"help": "scores without a better one after which training ends; 0 never"}
    )
    keep: str = field(default="best", metadata={"help": "which state is scored on the targets: best (on dev) | last"})
    metric: str = field(default="", metadata={"help": "dev metric that best means; empty takes the task's main one"})
    window_step: int = field(
        default=128,
        metadata={"help": "answering: tokens from one window's start to the next one's (XTREME: doc_stride)"},
    )
    query_len: int = field(default=64, metadata={"help": "answering: most tokens of the question"})
    answer_len: int = field(default=30, metadata={"help": "answering: most tokens of an answer"})
    n_best: int = field(default=20, metadata={"help": "answering: spans of a window that are compared"})
    lora_rank: int = field(default=8, metadata={"help": "rank of the low-rank updates"})
    lora_alpha: float = field(default=16.0, metadata={"help": "their scale is alpha over rank"})
    lora_dropout: float = field(default=0.1, metadata={"help": "dropout in front of them"})
    seed: int = field(default=42, metadata={"help": "of the head, the order of examples and dropout"})

    def __post_init__(self) -> None:
        for name, known in (("mode", MODES), ("schedule", SCHEDULES), ("keep", KEPT), ("precision", PRECISIONS)):
            if getattr(self, name) not in known:
                message = f"{name} is {getattr(self, name)!r}; choose one of {', '.join(known)}."
                raise TaskError(message)
        for name, low in (
            ("batch", 1), ("accumulate", 1), ("steps", 0), ("max_len", 8), ("warmup", 0), ("clip", 0), ("every", 0),
            ("patience", 0), ("window_step", 1), ("query_len", 1), ("answer_len", 1), ("n_best", 1), ("lora_rank", 1),
            ("weight_decay", 0), ("seed", 0),
        ):  # fmt: skip
            if getattr(self, name) < low:
                message = f"{name} is {getattr(self, name)}; give {low} or more."
                raise TaskError(message)
        if self.lr <= 0 or self.epochs <= 0:
            message = f"lr is {self.lr} and epochs {self.epochs}; give numbers above 0."
            raise TaskError(message)


def settings_read(kind: str, mode: str) -> frozenset[str]:
    """The fields of TuningConfig, `mode` and `seed` aside, that fitting a task of a kind in one of MODES looks at."""
    if mode == "probe":
        return _OF_PROBES
    read = {each.name for each in fields(TuningConfig)} - {"mode", "seed"}
    if kind != "answering":
        read -= _OF_ANSWERING
    return frozenset(read if mode == "lora" else read - _OF_LORA)
