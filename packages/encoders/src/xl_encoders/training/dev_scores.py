"""Scores of a model while it trains, of which the best state is kept, and which may end training."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from xl_encoders.distributed.processes import from_main
from xl_encoders.model.trainable import Trainable


@dataclass(frozen=True)
class StepScore:
    """A score of the encoder after so many steps."""

    step: int
    score: float


class DevScores(ABC):
    """What the training loop asks for scores.

    every: steps between two scores; the last step is scored as well. 0: that alone.
    patience: scores without a new best after which training ends; 0 never ends it.
    on_score: sees each score as it is known.

    Higher is better; of equal scores the earlier is better.
    """

    def __init__(self, *, every: int, patience: int = 0, on_score: Callable[[StepScore], None] = lambda scored: None):
        self._every = every
        self._patience = patience
        self._on_score = on_score

    def due(self, step: int, n_steps: int) -> bool:
        """Whether the model is to be scored after `step` of `n_steps` steps."""
        return step == n_steps or (bool(self._every) and step % self._every == 0)

    def late(self, step: int, n_steps: int, device: torch.device) -> bool:
        """Whether a run that goes on after `step` steps was stopped before it could score the model of that step."""
        missing = step > 0 and self.due(step, n_steps) and all(scored.step != step for scored in self.scores())
        return bool(from_main(float(missing), device))

    @abstractmethod
    def __call__(self, model: Any, step: int, /) -> bool:
        """Score, keep, and say whether training should end; all processes call this alike."""

    @abstractmethod
    def scores(self) -> list[StepScore]:
        """All scores so far, in order."""

    @abstractmethod
    def forget_after(self, step: int) -> None:
        """Drop scores of steps that are about to be trained again."""

    def state(self) -> dict[str, Tensor]:
        """What a checkpoint has to hold, so that a run which goes on from it knows the scores before."""
        return {}

    def restore(self, state: Mapping[str, Tensor]) -> None:  # noqa: B027  (nothing, where it gives nothing)
        """Take the `state` of a checkpoint."""

    def _over(self, scores: Sequence[StepScore]) -> bool:
        """Whether nothing got better for too long."""
        return bool(self._patience) and len(scores) - 1 - scores.index(best_first(scores)[0]) >= self._patience


class BestState(DevScores):
    """The best state held in memory, and in the checkpoints of the run.

    score: of the model, the same on every process, all of which call it.
    keep: whether the weights of the best score are held at all.
    """

    def __init__(self, score: Callable[[Any], float], *, keep: bool = True, **settings: Any) -> None:
        super().__init__(**settings)
        self._score = score
        self._keep = keep
        self._scores: list[StepScore] = []
        self._weights: dict[str, Tensor] = {}

    def __call__(self, model: Trainable, step: int) -> bool:
        """Score, keep, and say whether training should end."""
        # One decision for all processes, whatever rounding did.
        self._scores.append(StepScore(step, from_main(float(self._score(model)), model.device)))
        if self._keep and self.best() == self._scores[-1]:
            self._weights = {name: tensor.detach().cpu().clone() for name, tensor in _trained(model).items()}
        self._on_score(self._scores[-1])
        return self._over(self._scores)

    def scores(self) -> list[StepScore]:
        """All scores so far, in order."""
        return list(self._scores)

    def forget_after(self, step: int) -> None:
        """Drop scores of steps that are about to be trained again."""
        self._scores = [scored for scored in self._scores if scored.step <= step]

    def best(self) -> StepScore | None:
        """The best score; None without any."""
        return best_first(self._scores)[0] if self._scores else None

    def put_back(self, model: nn.Module) -> None:
        """Give `model` the weights of the best score, where any are held."""
        with torch.no_grad():
            for name, tensor in _trained(model).items():
                if name in self._weights:
                    tensor.copy_(self._weights[name])

    def state(self) -> dict[str, Tensor]:
        """Scores and weights."""
        scores = torch.tensor([[scored.step, scored.score] for scored in self._scores], dtype=torch.float64)
        return {"scores": scores, **{f"best/{name}": tensor for name, tensor in self._weights.items()}}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Take the `state` of a checkpoint."""
        self._scores = [StepScore(int(step), score) for step, score in state["scores"].tolist()]
        self._weights = {name.removeprefix("best/"): its for name, its in state.items() if name.startswith("best/")}


def best_first(scores: Sequence[StepScore]) -> list[StepScore]:
    """`scores`, the best first."""
    return sorted(scores, key=lambda scored: (-scored.score, scored.step))


def _trained(model: nn.Module) -> dict[str, nn.Parameter]:
    return {name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad}
