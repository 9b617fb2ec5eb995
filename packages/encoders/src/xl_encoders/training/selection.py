"""Selection while training: score the encoder now and then, keep the best ones, stop when nothing gets better."""

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from xl_encoders.distributed.processes import from_main, rank
from xl_encoders.model.encoder import Encoder, save_model
from xl_encoders.whole_files import remove_leftovers, replace_whole


@dataclass(frozen=True)
class StepScore:
    """A score of the encoder after so many steps."""

    step: int
    score: float


class Selection:
    """The scores of one variant of a run and the models that got the best of them.

    folder: made on the first score; holds `scores.json` and one `save_pretrained` folder a kept model.
    score: the encoder's score, higher is better; called on the main process only, in evaluation mode.
    every: steps between two scores; the last step is scored as well. keep: models kept.
    patience: scores without a new best after which training ends; 0 never ends it.
    on_score: sees each score as it is known.

    Of equal scores the earlier is better. Scores lie on disk before anything depends on them, so that a run which goes
    on from a checkpoint forgets the later ones and finds them again.
    """

    def __init__(
        self,
        folder: Path,
        score: Callable[[Encoder], float],
        *,
        every: int,
        keep: int = 1,
        patience: int = 0,
        on_score: Callable[[StepScore], None] = lambda scored: None,
    ) -> None:
        self.folder = folder
        self._score = score
        self._every = every
        self._keep = keep
        self._patience = patience
        self._on_score = on_score
        self._file = folder / "scores.json"

    def due(self, step: int, n_steps: int) -> bool:
        """Whether the encoder is to be scored after `step` of `n_steps` steps."""
        return step == n_steps or step % self._every == 0

    def late(self, step: int, n_steps: int, device: torch.device) -> bool:
        """Whether a run that goes on after `step` steps was stopped before it could score the encoder of that step."""
        missing = step > 0 and self.due(step, n_steps) and all(scored.step != step for scored in self.scores())
        return bool(from_main(float(missing), device))

    def __call__(self, encoder: Encoder, step: int) -> bool:
        """Score, keep, and say whether training should end."""
        value = 0.0
        if rank() == 0:
            training = encoder.training
            encoder.eval()
            value = float(self._score(encoder))
            encoder.train(training)
        value = from_main(value, encoder.device)
        if rank() == 0:
            scores = [*self.scores(), StepScore(step, value)]
            best = _ranked(scores)[: self._keep]
            if scores[-1] in best:
                save_model(encoder, self._model(step))
            self._write(scores)
            for scored in scores:
                if scored not in best:
                    shutil.rmtree(self._model(scored.step), ignore_errors=True)
            self._on_score(scores[-1])
            ended = bool(self._patience) and len(scores) - 1 - scores.index(best[0]) >= self._patience
        else:
            ended = False
        return bool(from_main(float(ended), encoder.device))

    def scores(self) -> list[StepScore]:
        """All scores so far, in order."""
        if not self._file.is_file():
            return []
        return [
            StepScore(int(step), float(score)) for step, score in json.loads(self._file.read_text(encoding="utf-8"))
        ]

    def best(self) -> tuple[StepScore, Path] | None:
        """The best score with the folder of its model, among the models there are; None without any."""
        kept = [scored for scored in _ranked(self.scores()) if self._model(scored.step).is_dir()]
        return (kept[0], self._model(kept[0].step)) if kept else None

    def forget_after(self, step: int) -> None:
        """Drop scores of steps that are about to be trained again; their models stay until they are found again."""
        if rank() == 0 and self.folder.is_dir():
            remove_leftovers(self.folder)
            kept = [scored for scored in self.scores() if scored.step <= step]
            if len(kept) < len(self.scores()):
                self._write(kept)

    def _model(self, step: int) -> Path:
        return self.folder / f"step-{step:08d}"

    def _write(self, scores: list[StepScore]) -> None:
        text = json.dumps([[scored.step, scored.score] for scored in scores])
        replace_whole(self._file, lambda path: path.write_text(text, encoding="utf-8"))


def _ranked(scores: list[StepScore]) -> list[StepScore]:
    return sorted(scores, key=lambda scored: (-scored.score, scored.step))
