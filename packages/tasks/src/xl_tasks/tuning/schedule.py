"""The learning rate of each step."""

import math

from xl_tasks.tuning.config import TuningConfig


def n_warmup(n_steps: int, config: TuningConfig) -> float:
    """Steps in which the rate rises: `config.warmup` itself where it is 1 or more, else that share of the steps."""
    return min(config.warmup if config.warmup >= 1 else config.warmup * n_steps, n_steps)


def learning_rate(step: int, n_steps: int, config: TuningConfig) -> float:
    """Rate of step `step` (from 0): up linearly over the warm-up, then linear or cosine to 0, or constant."""
    rising = n_warmup(n_steps, config)
    if step < rising:
        return config.lr * (step + 1) / (rising + 1)
    left = (n_steps - step) / (n_steps - rising)
    if config.schedule == "linear":
        return config.lr * left
    if config.schedule == "cosine":
        return config.lr * 0.5 * (1 + math.cos(math.pi * (1 - left)))
    return config.lr
