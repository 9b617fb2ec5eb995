"""What fitting gives: a model of a task that predicts, whatever way it was fitted."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xl_tasks.errors import TaskError
from xl_tasks.examples import Example
from xl_tasks.scoring.measures import Measure
from xl_tasks.tuning.problem import Feature, Problem


@dataclass(frozen=True, kw_only=True)
class TuningStep:
    """One optimiser step: its number from 1 and that of all, mean loss in nats, gradient norm before clipping, rate."""

    step: int
    n_steps: int
    loss: float
    grad_norm: float
    lr: float
    n_examples: int
    seconds: float


class Fitted(ABC):
    """An encoder fitted to a task.

    steps: optimiser steps made; 0 for a probe.
    kept: the step whose weights these are.
    scores: step -> score on the dev set, 0 to 1, the mean over its languages; a probe has one at step 0.
    """

    def __init__(self, problem: Problem, *, steps: int, kept: int, scores: Mapping[int, float]) -> None:
        self.problem = problem
        self.steps = steps
        self.kept = kept
        self.scores = dict(scores)

    @property
    def score(self) -> float | None:
        """The dev score of the weights that were kept, by which trials are compared; None where there is no dev set."""
        return self.scores.get(self.kept)

    def predict(self, examples: Sequence[Example], language: str) -> list[Any]:
        """One prediction an example: a label, a tuple of tags, or the text of an answer."""
        features = self.problem.features(examples, language, training=False)
        return self.problem.decode(examples, features, self.feature_logits(features, examples, language))

    def logits(self, examples: Sequence[Example], language: str) -> list[NDArray[np.float32]]:
        """One array a feature, without padding: (n_labels,), (len, n_labels) or (len, 2)."""
        features = self.problem.features(examples, language, training=False)
        return self.feature_logits(features, examples, language)

    @abstractmethod
    def feature_logits(
        self, features: Sequence[Feature], examples: Sequence[Example], language: str
    ) -> list[NDArray[np.float32]]:
        """The logits of `features`, which `problem.features(examples, language)` gave."""

    @abstractmethod
    def save(self, folder: Path | str) -> None:
        """Write what was fitted to `folder`, whole or not at all."""


def main_score(measures: Sequence[Measure], metric: str) -> float:
    """The value of the measure called `metric`, of the first one for ""; TaskError with those that there are."""
    for measure in measures:
        if metric in ("", measure.metric):
            return measure.value
    message = f"metric is {metric!r}; this task has {', '.join(measure.metric for measure in measures)}."
    raise TaskError(message)
