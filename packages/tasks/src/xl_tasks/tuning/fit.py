"""Fine-tuning: a task as a part of the training loop, and now and then a score on the dev set.

Order, dropout, head and perturbations come from the seed alone, and torch's global generator is left as it was: the
same seed on the same machine gives the same weights.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from accelerate import PartialState
from numpy.typing import NDArray

from xl_encoders.config import FitConfig
from xl_encoders.errors import DivergedError
from xl_encoders.model.positions import position_limit
from xl_encoders.training.dev_scores import BestState
from xl_encoders.training.fit import StepRecord, fit
from xl_encoders.training.part import mix
from xl_objectives import ObjectiveConfig
from xl_tasks.errors import StoppedError, TaskError
from xl_tasks.examples import Example
from xl_tasks.tuning.config import TuningConfig
from xl_tasks.tuning.fitted import Fitted, TuningStep, main_score
from xl_tasks.tuning.inference import feature_logits, resolve_precision
from xl_tasks.tuning.lora import add_adapters
from xl_tasks.tuning.problem import Feature, Problem
from xl_tasks.tuning.task_model import TaskModel
from xl_tasks.tuning.task_part import LOSS, TaskPart

if TYPE_CHECKING:
    from xl_encoders import Checkpoints, Encoder
    from xl_tasks.robustness.perturbing import Perturbation
    from xl_tasks.tuning.embedding_cache import EmbeddingCache


# Steps between two checkpoints: minutes on a GPU, where writing one takes seconds.
_SAVE_EVERY = 2000


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
    checkpoints: "Checkpoints | None" = None,
    on_step: Callable[[TuningStep], None] = lambda step: None,
    on_score: Callable[[int, float], None] = lambda step, score: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Fitted:
    """Fit a copy of `encoder` to `problem`; the encoder itself stays as it is.

    train, dev: language -> examples. All languages are trained on together; the dev score is the mean over languages.
        Without dev examples the last state is kept.
    config: `mode` says how: "full" and "lora" run this loop, "probe" fits a linear model on frozen states.
    layer, pooling: what a probe reads: `hidden_states` index, and how token states become a text's vector ("" takes
        "mean-content").
    perturbation: robust training, in "full" and "lora".
    cache: where a probe's states are kept.
    checkpoints: where "full" and "lora" save their state now and then and at a stop, and go on from.
    on_step: sees each optimiser step. on_score: sees (finished steps, dev score). should_stop: asked after each step.

    Dev is scored every `config.every` steps or after each epoch, and after the last step; the best state is the first
    one with the highest score. A step's gradient is that of the mean loss over its labelled items (examples, or tokens
    of tagging), however they are spread over micro-batches and processes.

    Started in several processes, each takes its share of every batch and of the dev set; gradients are averaged, so
    that all end with the same weights. Sharded launches (FSDP, DeepSpeed) are refused.

    Raises TaskError for no training examples, a loss that is not finite, and settings that do not fit the encoder;
    StoppedError where it was told to stop.
    """
    _check(encoder, train, config)
    if config.mode == "probe":
        from xl_tasks.tuning.probe import fit_probe

        if perturbation is not None:
            message = "robust training moves weights, and a probe has frozen ones; use full or lora."
            raise TaskError(message)
        return fit_probe(encoder, problem, train, dev, config, layer=layer, pooling=pooling, cache=cache)
    precision = resolve_precision(config.precision, PartialState().device or torch.device("cpu"))
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
    with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
        model = TaskModel.of(encoder, problem, seed=config.seed)
        torch.manual_seed(mix(config.seed, 1))
        merge = add_adapters(model, config) if config.mode == "lora" else None
        part = TaskPart(model, problem, features, config, precision=precision, perturbation=perturbation)
        n_steps = config.steps or max(1, math.ceil(config.epochs * part.n_per_epoch))
        scores = _dev_scores(problem, dev, config, part, precision, on_score)
        try:
            end = fit(
                model,
                [part],
                {LOSS: ObjectiveConfig()},
                n_steps=n_steps,
                config=fit_config(config, n_steps, precision),
                checkpoints=checkpoints,
                selection=scores,
                on_step=lambda record: on_step(_told(record, part.n_examples)),
                should_stop=should_stop,
            )
        except DivergedError as error:
            message = f"step {error.step}: the loss is {error.losses[LOSS]}; lower lr, or give precision no."
            raise TaskError(message) from error
        if end.reason == "stopped":
            raise StoppedError(end.step, n_steps)
        kept = end.step
        if config.keep == "best" and scores and (best := scores.best()):
            scores.put_back(model)
            kept = best.step
        if merge:
            merge()
    model.eval()
    dev_scores = {scored.step: scored.score for scored in scores.scores()} if scores else {}
    return FittedModel(problem, model, precision, steps=end.step, kept=kept, scores=dev_scores)


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


def fit_config(config: TuningConfig, n_steps: int, precision: str) -> FitConfig:
    """How the training loop makes the `n_steps` steps of `config`. precision: "no", "bf16" or "fp16"."""
    n_warmup = config.warmup if config.warmup >= 1 else config.warmup * n_steps
    return FitConfig(
        lr=config.lr,
        # A share below 1, of which even the greatest is all the steps.
        warmup=min(n_warmup / n_steps, math.nextafter(1, 0)),
        schedule=config.schedule,
        weight_decay=config.weight_decay,
        clip=config.clip,
        precision=precision,
        seed=config.seed,
        norms_every=0,
        save_every=_SAVE_EVERY,
    )


def _dev_scores(
    problem: Problem,
    dev: Mapping[str, Sequence[Example]],
    config: TuningConfig,
    part: TaskPart,
    precision: str,
    on_score: Callable[[int, float], None],
) -> BestState | None:
    """The scores on the dev set, whose features are made once; None without any."""
    languages = [language for language in sorted(dev) if dev[language]]
    if not languages:
        return None
    features = {language: problem.features(dev[language], language, training=False) for language in languages}

    def score(model: TaskModel) -> float:
        scores = []
        for language in languages:
            logits = feature_logits(model, features[language], precision, shared=True)
            predictions = problem.decode(dev[language], features[language], logits)
            scores.append(main_score(problem.measures(dev[language], predictions, language), config.metric))
        return float(np.mean(scores))

    # What is neither chosen nor stopped by is scored at the end only.
    every = config.every or (part.n_per_epoch if config.keep == "best" or config.patience else 0)
    return BestState(
        score,
        keep=config.keep == "best",
        every=every,
        patience=config.patience,
        on_score=lambda scored: on_score(scored.step, scored.score),
    )


def _told(record: StepRecord, n_examples: int) -> TuningStep:
    return TuningStep(
        step=record.step,
        n_steps=record.n_steps,
        loss=record.loss,
        grad_norm=record.grad_norm,
        lr=record.lr,
        n_examples=n_examples,
        seconds=record.seconds,
    )


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
