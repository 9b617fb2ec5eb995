"""The part of training that reads labelled examples: the loss of a task, plain or of shifted inputs."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from xl_encoders.training.pair_corpus import LengthBatches
from xl_encoders.training.part import Chunk, Encoded, Share, Term, mix
from xl_tasks.tuning.config import TuningConfig
from xl_tasks.tuning.delta import delta_width
from xl_tasks.tuning.inference import autocast
from xl_tasks.tuning.problem import Feature, Problem
from xl_tasks.tuning.task_model import TaskModel

if TYPE_CHECKING:
    from xl_tasks.robustness.perturbing import Perturbation

# The one logged loss, and the name of its objective.
LOSS = "task"


@dataclass(frozen=True)
class StepFeatures:
    """What one optimiser step is made of.

    step: its number, from 0. batches: numbers of features, one list a forward pass. n_labelled: items with a label.
    """

    step: int
    batches: Sequence[Sequence[int]]
    n_labelled: int


class TaskPart:
    """The loss of `problem` on `features`; one batch of the part is all of one optimiser step.

    So a step's loss is the mean over its labelled items, however they are spread over forward passes and processes,
    and an epoch ends with a step of its own. features: at least one. precision: "no", "bf16" or "fp16".
    perturbation: what takes the place of the plain loss.
    """

    def __init__(
        self,
        model: TaskModel,
        problem: Problem,
        features: Sequence[Feature],
        config: TuningConfig,
        *,
        precision: str = "no",
        perturbation: "Perturbation | None" = None,
    ) -> None:
        self._model = model
        self._problem = problem
        self._features = features
        self._accumulate = config.accumulate
        self._seed = config.seed
        self._precision = precision
        self._perturbation = perturbation
        self.n_examples = 0  # of all processes in the step that is being made
        self._width = delta_width(model.model, perturbation.layer) if perturbation is not None else 0
        lengths = np.array([len(feature.ids) for feature in features])
        self._batches = LengthBatches(lengths, batch=config.batch, seed=config.seed)

    @property
    def terms(self) -> dict[str, Term]:
        """The loss of the task."""
        return {LOSS: Term(LOSS)}

    @property
    def joint_terms(self) -> frozenset[str]:
        """None: the loss is a sum over examples."""
        return frozenset()

    @property
    def n_per_epoch(self) -> int:
        """Steps in one pass over the features."""
        return -(-self._batches.n_per_epoch // self._accumulate)

    def draw(self, number: int) -> StepFeatures:
        """All of step `number`: batches of like length, in an order of the epoch's."""
        epoch, place = divmod(number, self.n_per_epoch)
        n_batches = self._batches.n_per_epoch
        places = range(place * self._accumulate, min((place + 1) * self._accumulate, n_batches))
        batches = [self._batches[epoch * n_batches + place] for place in places]
        return StepFeatures(number, batches, sum(_n_labelled(self._features[i]) for batch in batches for i in batch))

    def chunks(self, batch: StepFeatures, share: Share, terms: Collection[str]) -> list[Chunk]:
        """The share of each batch that is this process's, one forward pass each."""
        self.n_examples = sum(map(len, batch.batches))
        own = [members[share.rank :: share.world] for members in batch.batches]
        return [Chunk(rows=rows, slots=torch.empty(0, dtype=torch.int64)) for rows in own if rows]

    def encode(self, batch: StepFeatures, chunk: Chunk, share: Share, terms: Collection[str]) -> Encoded:
        """The loss of a chunk's features, as a share of the mean over the step's labelled items."""
        features = [self._features[i] for i in chunk.rows]
        device = self._model.device
        none = torch.zeros(0, self._model.width, device=device)
        n_labelled = sum(map(_n_labelled, features))
        if not n_labelled:  # a mean over nothing
            return Encoded(none, {})
        tokens = self._model.collate(features)
        target = self._problem.targets(features, tokens.ids.shape[1])
        micro = next(number for number, members in enumerate(batch.batches) if chunk.rows[0] in members)
        with torch.autocast(device.type, enabled=False):
            loss = self._loss(tokens.to(device), target.to(device), (batch.step, micro, share.rank))
        return Encoded(none, {LOSS: loss * (n_labelled / batch.n_labelled)})

    def joint(self, batch: StepFeatures, vectors: Tensor, terms: Collection[str]) -> dict[str, Tensor]:
        """Nothing is joint."""
        return {}

    def _loss(self, batch: Any, target: Tensor, place: tuple[int, int, int]) -> Tensor:
        """Mean loss of a forward pass; `place` decides its dropout and shifts."""
        perturbation = self._perturbation
        torch.manual_seed(mix(self._seed, 2, *place))

        def forward(delta: Tensor | None = None) -> Tensor:
            with autocast(self._precision, batch.ids.device):
                return self._model(batch, delta, perturbation.layer if perturbation is not None else 0)

        def criterion(logits: Tensor) -> Tensor:
            return self._problem.loss(logits.float(), target)

        if perturbation is None:
            return criterion(forward())
        return perturbation.loss(
            forward,
            criterion,
            content=batch.content,
            width=self._width,
            generator=torch.Generator(batch.ids.device).manual_seed(mix(self._seed, 3, *place)),
            kind=self._problem.kind,
        )


def _n_labelled(feature: Feature) -> int:
    """Labels of a feature: one of a text, one a tagged token, two of an answer."""
    return int((np.asarray(feature.target) >= 0).sum())
