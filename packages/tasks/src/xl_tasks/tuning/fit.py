"""Fine-tuning: draw, forward, backward, average, step, and now and then a score on the dev set.

A loop of ours on Accelerate (device, gradient scaling). Order, dropout, head and perturbations come from the seed
alone, and torch's global generator is left as it was: the same seed on the same machine gives the same weights.
"""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from accelerate import Accelerator, PartialState
from accelerate.state import AcceleratorState
from accelerate.utils import DistributedType
from numpy.typing import NDArray
from torch import Tensor

from xl_encoders.distributed.processes import average_gradients, from_main, rank, sum_over_processes, world_size
from xl_encoders.model.encoder import position_limit
from xl_encoders.streams.length_order import length_batches
from xl_encoders.training.part import mix
from xl_tasks.errors import TaskError
from xl_tasks.examples import Example
from xl_tasks.tuning.config import TuningConfig
from xl_tasks.tuning.delta import delta_width
from xl_tasks.tuning.fitted import Fitted, TuningStep, main_score
from xl_tasks.tuning.inference import autocast, feature_logits, resolve_precision
from xl_tasks.tuning.lora import add_adapters
from xl_tasks.tuning.problem import Feature, Problem
from xl_tasks.tuning.schedule import learning_rate
from xl_tasks.tuning.task_model import TaskModel

if TYPE_CHECKING:
    from xl_encoders import Encoder
    from xl_tasks.robustness.perturbing import Perturbation
    from xl_tasks.tuning.embedding_cache import EmbeddingCache

_BETAS = (0.9, 0.999)
_EPSILON = 1e-8

# Layouts in which no process holds the whole model.
_SHARDED = (DistributedType.FSDP, DistributedType.DEEPSPEED, DistributedType.MEGATRON_LM)


def fit_task(
    encoder: "Encoder",
    problem: Problem,
    train: Mapping[str, Sequence[Example]],
    dev: Mapping[str, Sequence[Example]],
    config: TuningConfig,
    *,
    layer: int = -1,
    pooling: str = "",
    perturbation: "Perturbation | None" = None,
    cache: "EmbeddingCache | None" = None,
    on_step: Callable[[TuningStep], None] = lambda step: None,
    on_score: Callable[[int, float], None] = lambda step, score: None,
) -> Fitted:
    """Fit a copy of `encoder` to `problem`; the encoder itself stays as it is.

    train, dev: language -> examples. All languages are trained on together; the dev score is the mean over languages.
        Without dev examples the last state is kept.
    config: `mode` says how: "full" and "lora" run this loop, "probe" fits a linear model on frozen states.
    layer, pooling: what a probe reads: `hidden_states` index, and how token states become a text's vector ("" takes
        "mean-content").
    perturbation: robust training, in "full" and "lora".
    cache: where a probe's states are kept.
    on_step: sees each optimiser step. on_score: sees (finished steps, dev score).

    Dev is scored every `config.every` steps or after each epoch, and after the last step; the best state is the first
    one with the highest score. A step's gradient is that of the mean loss over its labelled items (examples, or tokens
    of tagging), however they are spread over micro-batches and processes.

    Started in several processes, each takes its share of every batch and of the dev set; gradients are averaged, so
    that all end with the same weights. Sharded launches (FSDP, DeepSpeed) are refused.

    Raises TaskError for no training examples, a loss that is not finite, and settings that do not fit the encoder.
    """
    _check(encoder, train, config)
    if config.mode == "probe":
        from xl_tasks.tuning.probe import fit_probe

        if perturbation is not None:
            message = "robust training moves weights, and a probe has frozen ones; use full or lora."
            raise TaskError(message)
        return fit_probe(encoder, problem, train, dev, config, layer=layer, pooling=pooling, cache=cache)
    accelerator = _accelerator(config)
    features = [
        feature for language in sorted(train) for feature in problem.features(train[language], language, training=True)
    ]
    if not features:
        message = "none of the training examples can be learnt from; look at their labels and max_len."
        raise TaskError(message)
    longest = max(len(feature.ids) for feature in features)
    if longest > position_limit(encoder.model):
        message = f"an input has {longest} tokens, more than {encoder.name} has positions for; give a smaller max_len."
        raise TaskError(message)
    scorer = _DevScores(problem, dev, config)
    with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
        model = TaskModel.of(encoder, problem, seed=config.seed)
        torch.manual_seed(mix(config.seed, 1))
        merge = add_adapters(model, config) if config.mode == "lora" else None
        model.to(accelerator.device)
        loop = _Loop(model, problem, features, config, accelerator, perturbation)
        fitted = loop.run(scorer, on_step, on_score)
        if merge:
            merge()
    model.eval()
    return fitted


class FittedModel(Fitted):
    """A fine-tuned model, on the device that it was trained on."""

    def __init__(
        self,
        problem: Problem,
        model: TaskModel,
        precision: str,
        *,
        steps: int,
        kept: int,
        scores: Mapping[int, float],
    ) -> None:
        super().__init__(problem, steps=steps, kept=kept, scores=scores)
        self.model = model
        self.precision = precision

    def feature_logits(
        self, features: Sequence[Feature], examples: Sequence[Example], language: str
    ) -> list[NDArray[np.float32]]:
        """The logits of `features`: batches of like length, evaluation mode, no gradient, in this process alone."""
        return feature_logits(self.model, features, self.precision)

    def save(self, folder: Path | str) -> None:
        """Write a folder that the kind's `AutoModelFor...` and `AutoTokenizer` open, adapters merged."""
        self.model.save(folder)


class _DevScores:
    """The score on the dev set, whose features are made once."""

    def __init__(self, problem: Problem, dev: Mapping[str, Sequence[Example]], config: TuningConfig) -> None:
        self._problem = problem
        self._dev = {language: dev[language] for language in sorted(dev) if dev[language]}
        self._metric = config.metric
        self._features = {
            language: problem.features(examples, language, training=False) for language, examples in self._dev.items()
        }

    def __bool__(self) -> bool:
        return bool(self._dev)

    def __call__(self, model: TaskModel, precision: str) -> float:
        scores = []
        for language, examples in self._dev.items():
            features = self._features[language]
            logits = feature_logits(model, features, precision, shared=True)
            predictions = self._problem.decode(examples, features, logits)
            scores.append(main_score(self._problem.measures(examples, predictions, language), self._metric))
        # One decision for all processes, whatever rounding did.
        return from_main(float(np.mean(scores)), model.device)


@dataclass(frozen=True)
class _Plan:
    """The order of one run: steps, and after which of them an epoch ends."""

    n_steps: int
    per_epoch: int


class _Loop:
    def __init__(
        self,
        model: TaskModel,
        problem: Problem,
        features: Sequence[Feature],
        config: TuningConfig,
        accelerator: Accelerator,
        perturbation: "Perturbation | None",
    ) -> None:
        self._model = model
        self._problem = problem
        self._features = features
        self._config = config
        self._accelerator = accelerator
        self._perturbation = perturbation
        self._precision = resolve_precision(config.precision, accelerator.device)
        self._trained = {name: p for name, p in model.model.named_parameters() if p.requires_grad}
        self._optimizer: Any = accelerator.prepare(
            torch.optim.AdamW(_groups(self._trained, config), lr=config.lr, betas=_BETAS, eps=_EPSILON, fused=True)
        )
        self._lengths = np.array([len(feature.ids) for feature in features])
        per_epoch = math.ceil(math.ceil(len(features) / config.batch) / config.accumulate)
        self._plan = _Plan(config.steps or max(1, math.ceil(config.epochs * per_epoch)), per_epoch)
        self._width = delta_width(model.model, perturbation.layer) if perturbation is not None else 0

    def run(
        self, scorer: _DevScores, on_step: Callable[[TuningStep], None], on_score: Callable[[int, float], None]
    ) -> FittedModel:
        """Train to the end, or until nothing gets better; the weights of the kept state are in the model then."""
        config, n_steps = self._config, self._plan.n_steps
        scores: dict[int, float] = {}
        best: tuple[int, dict[str, Tensor]] | None = None
        behind = 0
        done = 0
        self._model.train()
        for step in range(n_steps):
            started = time.perf_counter()
            lr = learning_rate(step, n_steps, config)
            for group in self._optimizer.param_groups:
                group["lr"] = lr
            batches = self._batches(step)
            loss = self._gradient(step, batches)
            norm = float(self._accelerator.clip_grad_norm_(list(self._trained.values()), config.clip or math.inf))
            self._optimizer.step()
            self._optimizer.zero_grad()
            done = step + 1
            n_examples = sum(map(len, batches))
            seconds = time.perf_counter() - started
            on_step(
                TuningStep(
                    step=done, n_steps=n_steps, loss=loss, grad_norm=norm, lr=lr, n_examples=n_examples, seconds=seconds
                )
            )
            if not scorer or not self._due(done):
                continue
            scores[done] = score = scorer(self._model, self._precision)
            on_score(done, score)
            if best is None or score > scores[best[0]]:
                behind = 0
                best = done, self._copy() if config.keep == "best" and done < n_steps else {}
            else:
                behind += 1
            if config.patience and behind >= config.patience:
                break
        kept = done
        if config.keep == "best" and best is not None and best[0] != done:
            kept = best[0]
            with torch.no_grad():
                for name, value in best[1].items():
                    self._trained[name].copy_(value)
        return FittedModel(self._problem, self._model, self._precision, steps=done, kept=kept, scores=scores)

    def _due(self, done: int) -> bool:
        """Whether dev is scored after `done` steps. What is neither chosen nor stopped by is scored at the end only."""
        config, plan = self._config, self._plan
        if done == plan.n_steps:
            return True
        if config.every:
            return done % config.every == 0
        return (config.keep == "best" or config.patience > 0) and done % plan.per_epoch == 0

    def _batches(self, step: int) -> list[list[int]]:
        """Numbers of the features of each micro-batch of a step: batches of like length, in an order of the epoch's."""
        epoch, place = divmod(step, self._plan.per_epoch)
        if place == 0:
            random = np.random.default_rng([self._config.seed, epoch])
            order = random.permutation(len(self._features))
            self._epoch = length_batches(order, self._lengths, self._config.batch, random)
        first = place * self._config.accumulate
        return [batch.tolist() for batch in self._epoch[first : first + self._config.accumulate]]

    def _gradient(self, step: int, batches: Sequence[Sequence[int]]) -> float:
        """Leave the gradient of a step in the parameters, and return its mean loss."""
        own = [[self._features[i] for i in batch[rank() :: world_size()]] for batch in batches]
        inputs = [(self._model.collate(batch), batch) for batch in own if batch]
        targets = [self._problem.targets(batch, tokens.ids.shape[1]) for tokens, batch in inputs]
        counts = torch.tensor([float((target >= 0).sum()) for target in targets])
        device = self._model.device
        total = float(sum_over_processes(counts.sum().to(device)).clamp(min=1))
        mean = torch.zeros((), device=device)
        for micro, ((tokens, _), target) in enumerate(zip(inputs, targets, strict=True)):
            torch.manual_seed(mix(self._config.seed, 2, step, micro, rank()))
            loss = self._loss(tokens.to(device), target.to(device), step, micro)
            share = float(counts[micro]) / total
            # Averaged over the processes below, where a sum is wanted. Without a labelled item a loss is 0 / 0.
            if share:
                self._accelerator.backward(loss * (share * world_size()), retain_graph=False)
                mean += loss.detach().float() * share
        average_gradients(self._trained.values())
        value = float(sum_over_processes(mean))
        if not math.isfinite(value):
            message = f"step {step + 1}: the loss is {value}; lower lr, or give precision no."
            raise TaskError(message)
        return value

    def _loss(self, batch: Any, target: Tensor, step: int, micro: int) -> Tensor:
        perturbation = self._perturbation

        def forward(delta: Tensor | None = None) -> Tensor:
            with autocast(self._precision, batch.ids.device):
                return self._model(batch, delta, perturbation.layer if perturbation is not None else 0)

        def criterion(logits: Tensor) -> Tensor:
            return self._problem.loss(logits.float(), target)

        if perturbation is None:
            return criterion(forward())
        generator = torch.Generator(batch.ids.device).manual_seed(mix(self._config.seed, 3, step, micro, rank()))
        return perturbation.loss(
            forward,
            criterion,
            content=batch.content,
            width=self._width,
            generator=generator,
            kind=self._problem.kind,
        )

    def _copy(self) -> dict[str, Tensor]:
        return {name: parameter.detach().cpu().clone() for name, parameter in self._trained.items()}


def _check(encoder: "Encoder", train: Mapping[str, Sequence[Example]], config: TuningConfig) -> None:
    if not any(train.values()):
        message = f"no training examples in {', '.join(sorted(train)) or 'any language'}."
        raise TaskError(message)
    limit = position_limit(encoder.model)
    if config.max_len > limit:
        message = (
            f"max_len is {config.max_len}, but {encoder.name} has positions for {limit} tokens; give {limit} or less."
        )
        raise TaskError(message)


def _accelerator(config: TuningConfig) -> Accelerator:
    precision = resolve_precision(config.precision, PartialState().device or torch.device("cpu"))
    if AcceleratorState._shared_state.get("_mixed_precision", precision) != precision:
        AcceleratorState._reset_state()  # one precision a process, unless an earlier run's is forgotten
    accelerator = Accelerator(mixed_precision=precision)
    if accelerator.distributed_type in _SHARDED:
        message = (
            f"Accelerate was told to shard the model by {accelerator.distributed_type.value}, which fine-tuning here "
            f"cannot follow; launch with --multi_gpu instead."
        )
        raise TaskError(message)
    return accelerator


def _groups(trained: Mapping[str, Tensor], config: TuningConfig) -> list[dict[str, object]]:
    """Weight decay pulls matrices towards zero; biases and layer norms have no reason to be there."""
    return [
        {"params": [p for p in trained.values() if p.ndim > 1], "weight_decay": config.weight_decay},
        {"params": [p for p in trained.values() if p.ndim <= 1], "weight_decay": 0.0},
    ]
