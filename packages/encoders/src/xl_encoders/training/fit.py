"""The training loop: draw, encode, backward, average, step, record. Of objectives it knows only what a part tells.

Runs on Accelerate (device, mixed precision, gradient scaling, trackers). Everything random in step k is drawn from
generators seeded by (seed, k), so that a run killed anywhere goes on from its last checkpoint to the same weights.
"""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from accelerate.utils import DistributedType
from torch import Tensor

from xl_encoders.config import FitConfig
from xl_encoders.distributed.processes import average_gradients, is_sharded, rank, sum_over_processes, world_size
from xl_encoders.distributed.sharding import Sharding, asked_for, clip_gradients, total_norm, unseen_by_accelerate
from xl_encoders.errors import DivergedError, EncoderError
from xl_encoders.model.encoder import Encoder
from xl_encoders.model.trainable import Trainable
from xl_encoders.optimizer.row_gradients import RowAdamW, add_gradients, row_gradients
from xl_encoders.optimizer.schedule import learning_rate
from xl_encoders.training.backward import backward_batch
from xl_encoders.training.checkpoint import Checkpoints
from xl_encoders.training.dev_scores import DevScores
from xl_encoders.training.part import Part, Share, mix
from xl_encoders.training.prefetch import Prefetch
from xl_objectives import ObjectiveConfig

_BETAS = (0.9, 0.999)
_EPSILON = 1e-8

# Layouts of other libraries, which want to own the model and the loop.
_FOREIGN = (DistributedType.DEEPSPEED, DistributedType.MEGATRON_LM)


@dataclass(frozen=True, kw_only=True)
class StepRecord:
    """What one optimiser step did.

    step: finished steps, from 1. n_steps: steps of the whole run.
    losses: unweighted mean over the step's micro-batches, by loss, in nats where they are logarithms.
    weights: factor of each loss in this step. loss: the weighted sum.
    grad_norm: of the whole gradient, before clipping. grad_norms: of each objective's share, where measured.
    lr: learning rate of this step. seconds: wall time.
    """

    step: int
    n_steps: int
    losses: Mapping[str, float]
    weights: Mapping[str, float]
    loss: float
    grad_norm: float
    lr: float
    seconds: float
    grad_norms: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class FitEnd:
    """Where training ended.

    step: finished steps. reason: "finished" (all were made), "early" (nothing got better any more) or "stopped".
    """

    step: int
    reason: str


def fit(
    encoder: Trainable,
    parts: Sequence[Part],
    objectives: Mapping[str, ObjectiveConfig],
    *,
    n_steps: int,
    config: FitConfig,
    checkpoints: Checkpoints | None = None,
    selection: DevScores | None = None,
    on_step: Callable[[StepRecord], None] = lambda record: None,
    should_stop: Callable[[], bool] = lambda: False,
    trackers: tuple[Path, str] | None = None,
) -> FitEnd:
    """Train `encoder` in place on all `parts` together.

    objectives: settings of every objective that the parts name: weights and schedules.
    checkpoints: where to save every `config.save_every` steps and at a stop, and where to go on from.
    selection: scores the encoder now and then, keeps the best, and may end training early.
    on_step: sees each step's record; `should_stop` is asked after it.
    trackers: folder for the files of `config.trackers`, and the run's name there.

    Weights in bfloat16 or float16 are turned to float32 first, and stay so: most steps of training are less than those
    dtypes can hold. Every process of a distributed run calls this alike; each encodes its share of the same batches.
    Launched with FSDP (`accelerate launch --use_fsdp`), the blocks are sharded while it runs and whole again, with new
    parameters, when it ends. Raises EncoderError when a loss is not finite, and for a launch or setting that it cannot
    follow.
    """
    if AcceleratorState._shared_state.get("_mixed_precision", config.precision) != config.precision:
        AcceleratorState._reset_state()  # one precision a process, unless an earlier run's is forgotten
    sharded = asked_for()
    if sharded and not isinstance(encoder, Encoder):
        message = (
            "Accelerate was told to shard the model by FSDP, which fine-tuning here cannot follow; "
            "launch with --multi_gpu instead."
        )
        raise EncoderError(message)
    if sharded and (config.precision == "fp16" or config.compile):
        setting = "train.precision is fp16" if config.precision == "fp16" else "train.compile is on"
        message = f"{setting}, which does not go with FSDP here; give bf16 and no compile, or launch with --multi_gpu."
        raise EncoderError(message)
    with unseen_by_accelerate():
        accelerator = Accelerator(
            mixed_precision=config.precision,
            log_with=list(config.trackers) or None,
            project_dir=trackers[0] if trackers else None,
        )
    if accelerator.distributed_type in _FOREIGN:
        message = (
            f"Accelerate was told to shard the model by {accelerator.distributed_type.value}, which training here "
            f"cannot follow; launch with --use_fsdp or --multi_gpu instead."
        )
        raise EncoderError(message)
    if trackers and config.trackers:
        accelerator.init_trackers(trackers[1])
    encoder.to(accelerator.device)
    encoder.zero_grad()  # of whatever the caller did before
    _prepare_model(encoder, config)
    sharding = Sharding(encoder) if isinstance(encoder, Encoder) and sharded and world_size() > 1 else None
    optimizer = RowAdamW(_groups(encoder, config), lr=config.lr, betas=_BETAS, eps=_EPSILON, fused=True)
    done = 0
    if checkpoints:
        take = selection.restore if selection else lambda more: None
        done = checkpoints.restore(encoder, optimizer, accelerator.scaler, take)
    if selection:
        selection.forget_after(done)
    optimizer = accelerator.prepare(optimizer)
    encoder.train()
    saved = done

    def save() -> None:
        if checkpoints:
            checkpoints.save(
                done, encoder, optimizer.optimizer, accelerator.scaler, selection.state() if selection else {}
            )

    loop = _Steps(encoder, parts, objectives, n_steps, config, accelerator, sharding)

    def ends(step: int) -> bool:
        """Score the encoder after `step` steps: whether nothing got better any more."""
        if selection is None:
            return False
        with sharding.whole_on_main() if sharding else nullcontext():
            return selection(encoder, step)

    reason = "finished"
    with ExitStack() as stack:
        stack.enter_context(torch.random.fork_rng(devices=range(torch.cuda.device_count())))
        stack.enter_context(row_gradients(encoder, compiled=config.compile))
        loop.open(stack)
        # A stop comes before the score of its step, which is then made here.
        last = n_steps
        if selection and selection.late(done, n_steps, accelerator.device) and ends(done):
            last, reason = done, "early" if done < n_steps else "finished"
        for step in range(done, last):
            started = time.perf_counter()
            lr = learning_rate(step, n_steps, config)
            for group in optimizer.param_groups:
                group["lr"] = lr * group["rate"]
            losses, weights, norms = loop.run(step)
            if not all(math.isfinite(value) for value in losses.values()):
                raise DivergedError(step + 1, losses)
            if not sharding:
                accelerator.unscale_gradients()
            norm = float(clip_gradients(loop.parameters, config.clip or math.inf))
            optimizer.step()
            optimizer.zero_grad()
            done = step + 1
            record = StepRecord(
                step=done,
                n_steps=n_steps,
                losses=losses,
                weights=weights,
                loss=sum(weights[name] * value for name, value in losses.items()),
                grad_norm=norm,
                lr=lr,
                seconds=time.perf_counter() - started,
                grad_norms=norms,
            )
            on_step(record)
            if config.trackers and (done % config.log_every == 0 or done == n_steps):
                accelerator.log(_flat(record), step=done)
            stop = _any_process(should_stop(), accelerator.device)
            early = bool(selection) and not stop and selection.due(done, n_steps) and ends(done)
            due = config.save_every and done % config.save_every == 0
            if checkpoints and done < n_steps and not early and (stop or due):
                save()
                saved = done
            if stop or early:
                reason = "finished" if done == n_steps else "stopped" if stop else "early"
                break
    if checkpoints and checkpoints.last and done == n_steps and saved != done:
        save()
    if sharding:
        optimizer.zero_grad()
        sharding.undo()
    if config.trackers:
        accelerator.end_training()
    return FitEnd(step=done, reason=reason)


class _Steps:
    """The gradient of one step: every part that takes part in it, micro-batch by micro-batch."""

    def __init__(
        self,
        encoder: Trainable,
        parts: Sequence[Part],
        objectives: Mapping[str, ObjectiveConfig],
        n_steps: int,
        config: FitConfig,
        accelerator: Accelerator,
        sharding: Sharding | None,
    ) -> None:
        for part in parts:
            for term in part.terms.values():
                if term.objective not in objectives:
                    message = f"a part computes {term.objective}, for which there are no settings."
                    raise EncoderError(message)
        self.parameters = [parameter for parameter in encoder.parameters() if parameter.requires_grad]
        self._encoder = encoder
        self._parts = parts
        self._objectives = objectives
        self._n_steps = n_steps
        self._config = config
        self._accelerator = accelerator
        self._sharding = sharding
        self._share = Share(rank(), world_size(), config.compat != "published")
        # How often each part was used before a step, which says what batches it is at.
        self._used = [
            np.concatenate([[0], np.cumsum([bool(self._weights(part, step)) for step in range(n_steps)])])
            for part in parts
        ]
        self._streams: list[Prefetch] = []

    def open(self, stack: ExitStack) -> None:
        """Draw batches ahead from now on, until `stack` is left."""
        ahead = max(2, self._config.accumulate)
        for part, used in zip(self._parts, self._used, strict=True):
            stream = Prefetch(part.draw, ahead=ahead, stop=int(used[-1]) * self._config.accumulate)
            self._streams.append(stream)
            stack.push(lambda error, *_, stream=stream: stream.close(finish=error is None))

    def run(self, step: int) -> tuple[dict[str, float], dict[str, float], dict[str, float]]:
        """Leave the gradient of step `step` in the parameters: losses, weights by loss, and norms by objective."""
        config = self._config
        weights = [self._weights(part, step) for part in self._parts]
        batches = [
            [self._streams[place][int(used[step]) * config.accumulate + micro] for micro in range(config.accumulate)]
            if part_weights
            else []
            for place, (used, part_weights) in enumerate(zip(self._used, weights, strict=True))
        ]
        norms: dict[str, float] = {}
        names = {part.terms[name].objective for part, its in zip(self._parts, weights, strict=True) for name in its}
        if config.norms_every and step % config.norms_every == 0 and len(names) > 1:
            losses: dict[str, Tensor] = {}
            total: dict[Tensor, Tensor] = {}
            for objective in sorted(names):
                only = [
                    {name: weight for name, weight in its.items() if part.terms[name].objective == objective}
                    for part, its in zip(self._parts, weights, strict=True)
                ]
                losses |= self._backward(step, batches, only)
                gradients = {p: p.grad for p in self.parameters if p.grad is not None}
                norms[objective] = float(total_norm(gradients.values())) / self._scale()
                for parameter, gradient in gradients.items():
                    total[parameter] = add_gradients(total[parameter], gradient) if parameter in total else gradient
                    parameter.grad = None
            # What no objective has a gradient for keeps none, as in a step without norms.
            for parameter, gradient in total.items():
                parameter.grad = gradient
        else:
            losses = self._backward(step, batches, weights)
        flat = {name: weight for its in weights for name, weight in its.items()}
        return {name: float(value) for name, value in losses.items()}, flat, norms

    def _backward(
        self, step: int, batches: Sequence[Sequence[object]], weights: Sequence[Mapping[str, float]]
    ) -> dict[str, Tensor]:
        """Add up the gradients of all micro-batches and average them over the processes; the losses' means."""
        config, accelerator = self._config, self._accelerator
        means: dict[str, Tensor] = {}
        for place, (part, part_weights) in enumerate(zip(self._parts, weights, strict=True)):
            if not part_weights:
                continue
            for micro, batch in enumerate(batches[place]):
                values = backward_batch(
                    part,
                    batch,
                    {name: weight / config.accumulate for name, weight in part_weights.items()},
                    share=self._share,
                    seed=mix(config.seed, step, place, micro),
                    cached=config.gradient_cache,
                    backward=accelerator.backward,
                    autocast=accelerator.autocast,
                    width=self._encoder.width,
                    device=accelerator.device,
                    sharding=self._sharding,
                )
                for name, value in values.items():
                    means[name] = means.get(name, torch.zeros_like(value)) + value / config.accumulate
        average_gradients(self.parameters)
        return means

    def _weights(self, part: Part, step: int) -> dict[str, float]:
        """Factor of each of a part's losses in a step; none for those that take no part in it."""
        weights = {
            name: term.factor * self._objectives[term.objective].weight_at(step, self._n_steps)
            for name, term in part.terms.items()
        }
        return {name: weight for name, weight in weights.items() if weight}

    def _scale(self) -> float:
        scaler = self._accelerator.scaler
        return float(scaler.get_scale()) if scaler is not None else 1.0


def _prepare_model(encoder: Trainable, config: FitConfig) -> None:
    if encoder.model.dtype in (torch.bfloat16, torch.float16):
        encoder.model.float()
    if config.checkpointing:
        # Renamed within version 5 of transformers.
        model = encoder.model
        enable = getattr(model, "activation_checkpointing_enable", model.gradient_checkpointing_enable)
        enable({"use_reentrant": False})
    if config.compile:
        # In place: the names of the weights stay as they are.
        encoder.model.base_model.compile(dynamic=True)


def _groups(encoder: Trainable, config: FitConfig) -> list[dict[str, object]]:
    """Weight decay pulls matrices towards zero; biases and layer norms have no reason to be there."""
    trained = [parameter for parameter in encoder.parameters() if parameter.requires_grad]
    groups: list[dict[str, object]] = []
    table = encoder.token_embeddings
    if config.embedding_lr and table is None:
        message = "train.embedding_lr is given, but the model has no table of token embeddings; leave it out."
        raise EncoderError(message)
    # Where some weights are to stay as they are, rows that no text has are as well.
    partly = any(not parameter.requires_grad for parameter in encoder.model.parameters())
    if table is not None and table.requires_grad and (config.embedding_lr or partly):
        rate = config.embedding_lr / config.lr if config.embedding_lr else 1.0
        groups.append({"params": [table], "weight_decay": 0.0, "rate": rate})
        trained = [parameter for parameter in trained if parameter is not table]
    sliced = [parameter for parameter in trained if is_sharded(parameter)]
    whole = [parameter for parameter in trained if not is_sharded(parameter)]
    # One call of the fused optimiser takes slices or whole weights, not both.
    for some in (whole, sliced) if sliced else (whole,):
        groups.append({"params": [p for p in some if p.ndim > 1], "weight_decay": config.weight_decay, "rate": 1.0})
        groups.append({"params": [p for p in some if p.ndim <= 1], "weight_decay": 0.0, "rate": 1.0})
    return groups


def _any_process(flag: bool, device: torch.device) -> bool:
    """Whether any process says so: a signal may reach one of them first."""
    return bool(sum_over_processes(torch.tensor([float(flag)], device=device))) if world_size() > 1 else flag


def _flat(record: StepRecord) -> dict[str, float]:
    """A record as the figures that trackers draw."""
    return {
        **{f"loss/{name}": value for name, value in record.losses.items()},
        **{f"grad_norm/{name}": value for name, value in record.grad_norms.items()},
        "loss": record.loss,
        "grad_norm": record.grad_norm,
        "lr": record.lr,
    }
