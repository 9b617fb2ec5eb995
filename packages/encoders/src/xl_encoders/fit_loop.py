"""The training loop: batch, losses, backward, step, record. It knows neither objectives nor data, only their callables.

Runs on Accelerate (device, mixed precision, gradient clipping). Everything random in step k is drawn from generators
seeded by (seed, k), so that a run killed anywhere goes on from its last checkpoint to the same weights.
"""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import torch
from accelerate import Accelerator
from torch import Tensor

from xl_encoders.checkpoint import Checkpoints
from xl_encoders.config import FitConfig
from xl_encoders.encoder import Encoder
from xl_encoders.errors import EncoderError

BatchT = TypeVar("BatchT")

_BETAS = (0.9, 0.999)
_EPSILON = 1e-8


@dataclass(frozen=True, kw_only=True)
class StepRecord:
    """What one optimiser step did.

    step: finished steps, from 1. n_steps: steps of the whole run.
    losses: unweighted mean over the step's micro-batches, by objective, in nats.
    loss: their weighted sum. grad_norm: before clipping. lr: learning rate of this step.
    seconds: wall time of this step.
    """

    step: int
    n_steps: int
    losses: Mapping[str, float]
    loss: float
    grad_norm: float
    lr: float
    seconds: float


def fit(
    encoder: Encoder,
    draw: Callable[[int], BatchT],
    losses: Callable[[BatchT, torch.Generator], dict[str, Tensor]],
    *,
    weights: Mapping[str, float],
    n_steps: int,
    config: FitConfig,
    checkpoints: Checkpoints | None = None,
    on_step: Callable[[StepRecord], None] = lambda record: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> int:
    """Train `encoder` in place and return the number of finished steps: `n_steps`, or fewer if told to stop.

    draw: micro-batch by number, counted from 0 over the whole run.
    losses: unweighted losses by name on one micro-batch; its generator (CPU) is the only randomness to use besides
        dropout.
    weights: factor of each loss in the sum; a loss without one counts once.
    checkpoints: where to save every `config.save_every` steps and at a stop, and where to go on from.
    on_step: sees each step's record, `should_stop` is asked after it.

    Raises EncoderError when a loss is not finite, and for more than one process.
    """
    accelerator = Accelerator(mixed_precision=config.precision)
    if accelerator.num_processes > 1:
        message = (
            f"started with {accelerator.num_processes} processes, but seq compares texts of one process only so far; "
            f"start one process."
        )
        raise EncoderError(message)
    encoder.to(accelerator.device)
    optimizer = torch.optim.AdamW(_groups(encoder, config), lr=config.lr, betas=_BETAS, eps=_EPSILON, fused=True)
    done = checkpoints.restore(encoder, optimizer) if checkpoints else 0
    model, optimizer = accelerator.prepare(encoder, optimizer)
    model.train()
    saved = done
    with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
        for step in range(done, n_steps):
            started = time.perf_counter()
            lr = learning_rate(step, n_steps, config)
            for group in optimizer.param_groups:
                group["lr"] = lr
            torch.manual_seed(_mix(config.seed, step))  # dropout of this step
            means: dict[str, Tensor] = {}
            for micro in range(config.accumulate):
                number = step * config.accumulate + micro
                generator = torch.Generator().manual_seed(_mix(config.seed + 1, number))
                with accelerator.autocast():
                    parts = losses(draw(number), generator)
                total = sum(weights.get(name, 1.0) * value for name, value in parts.items()) / config.accumulate
                accelerator.backward(total)
                for name, value in parts.items():
                    means[name] = means.get(name, 0.0) + value.detach() / config.accumulate
            norm = accelerator.clip_grad_norm_(model.parameters(), config.clip or math.inf)
            values = {name: float(value) for name, value in means.items()}
            if not all(math.isfinite(value) for value in values.values()):
                shown = ", ".join(f"{name} {value:g}" for name, value in values.items())
                message = f"step {step + 1}: a loss is not finite ({shown}); lower train.lr or give train.precision no."
                raise EncoderError(message)
            optimizer.step()
            optimizer.zero_grad()
            done = step + 1
            loss = sum(weights.get(name, 1.0) * value for name, value in values.items())
            seconds = time.perf_counter() - started
            on_step(
                StepRecord(
                    step=done, n_steps=n_steps, losses=values, loss=loss, grad_norm=float(norm), lr=lr, seconds=seconds
                )
            )
            stop = should_stop()
            if checkpoints and done < n_steps and (stop or (config.save_every and done % config.save_every == 0)):
                checkpoints.save(done, encoder, optimizer.optimizer)
                saved = done
            if stop:
                break
    if checkpoints and done == n_steps and saved != done:
        checkpoints.save(done, encoder, optimizer.optimizer)
    return done


def learning_rate(step: int, n_steps: int, config: FitConfig) -> float:
    """Rate of step `step` (from 0): up linearly over the warm-up, then linear or cosine to 0, or constant."""
    n_warmup = config.warmup * n_steps
    if step < n_warmup:
        return config.lr * (step + 1) / (n_warmup + 1)
    left = (n_steps - step) / (n_steps - n_warmup)
    if config.schedule == "linear":
        return config.lr * left
    if config.schedule == "cosine":
        return config.lr * 0.5 * (1 + math.cos(math.pi * (1 - left)))
    return config.lr


def count_steps(n_batches_per_epoch: int, config: FitConfig) -> int:
    """Optimiser steps of a run: `config.steps`, or as many as its epochs take."""
    return config.steps or max(1, math.ceil(config.epochs * n_batches_per_epoch / config.accumulate))


def _groups(encoder: Encoder, config: FitConfig) -> list[dict[str, object]]:
    """Weight decay pulls matrices towards zero; biases and layer norms have no reason to be there."""
    trained = [parameter for parameter in encoder.parameters() if parameter.requires_grad]
    return [
        {"params": [p for p in trained if p.ndim > 1], "weight_decay": config.weight_decay},
        {"params": [p for p in trained if p.ndim <= 1], "weight_decay": 0.0},
    ]


def _mix(seed: int, number: int) -> int:
    """One 63-bit seed from two numbers; neighbours of either give unrelated streams."""
    return int(np.random.SeedSequence((seed, number)).generate_state(1, np.uint64)[0] >> np.uint64(1))
