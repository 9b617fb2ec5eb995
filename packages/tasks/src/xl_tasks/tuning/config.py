"""How an encoder is fitted to a task. Imports nothing heavy."""

from dataclasses import dataclass, fields

from xl_objectives import check_fields, setting
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

    mode: str = setting(
        "full", "full | lora (low-rank updates, needs peft) | probe (a linear model on frozen states)", choices=MODES
    )
    lr: float = setting(2e-5, "peak learning rate")
    weight_decay: float = setting(0.01, "pull of matrices towards zero, of AdamW", low=0)
    batch: int = setting(32, "examples a forward pass", low=1)
    accumulate: int = setting(1, "forward passes a step", low=1)
    epochs: float = setting(5.0, "passes over the training examples")
    steps: int = setting(0, "optimiser steps instead of epochs; 0 takes the epochs", low=0)
    max_len: int = setting(128, "longest input in tokens, specials included", low=8)
    schedule: str = setting("linear", "linear | cosine (both to 0) | constant", choices=SCHEDULES)
    warmup: float = setting(0.0, "share of the steps in which the rate rises, or their number if 1 or more", low=0)
    clip: float = setting(1.0, "largest gradient norm; 0 does not clip", low=0)
    precision: str = setting("auto", "auto (bf16 on a GPU that has it) | no | bf16 | fp16", choices=PRECISIONS)
    every: int = setting(0, "steps between two scores on the source's dev set; 0 scores each epoch", low=0)
    patience: int = setting(0, "scores without a better one after which training ends; 0 never", low=0)
    keep: str = setting("best", "which state is scored on the targets: best (on dev) | last", choices=KEPT)
    metric: str = setting("", "dev metric that best means; empty takes the task's main one")
    window_step: int = setting(
        128, "answering: tokens from one window's start to the next one's (XTREME: doc_stride)", low=1
    )
    query_len: int = setting(64, "answering: most tokens of the question", low=1)
    answer_len: int = setting(30, "answering: most tokens of an answer", low=1)
    n_best: int = setting(20, "answering: spans of a window that are compared", low=1)
    lora_rank: int = setting(8, "rank of the low-rank updates", low=1)
    lora_alpha: float = setting(16.0, "their scale is alpha over rank")
    lora_dropout: float = setting(0.1, "dropout in front of them")
    seed: int = setting(42, "of the head, the order of examples and dropout", low=0)

    def __post_init__(self) -> None:
        check_fields(self, str, TaskError)
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
