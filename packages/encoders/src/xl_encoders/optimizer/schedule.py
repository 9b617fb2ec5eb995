"""The learning rate of each step, by the schedules of transformers."""

from functools import lru_cache
from typing import TYPE_CHECKING

import torch

from xl_encoders.config import FitConfig

if TYPE_CHECKING:
    from collections.abc import Callable


def learning_rate(step: int, n_steps: int, config: FitConfig) -> float:
    """Rate of step `step` (from 0): up linearly over the warm-up, then linear or cosine to 0, or constant.

    The schedules of transformers, begun at their second rate, since the first of a warm-up is 0: a step for nothing.
    """
    return config.lr * _factor(config.schedule, config.warmup * n_steps + 1, n_steps + 1)(step + 1)


@lru_cache(maxsize=8)
def _factor(schedule: str, n_warmup: float, n_steps: int) -> "Callable[[int], float]":
    """Share of the peak at each step, of which the rate rises in the first `n_warmup`."""
    from transformers import get_scheduler

    # A schedule is made for an optimiser. What it gives depends on the step alone, so that a run goes on anywhere.
    optimizer = torch.optim.SGD([torch.zeros(1)], lr=1.0)
    name = "constant_with_warmup" if schedule == "constant" else schedule
    return get_scheduler(name, optimizer, n_warmup, n_steps).lr_lambdas[0]  # ty: ignore[invalid-argument-type]
