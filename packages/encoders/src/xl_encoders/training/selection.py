"""Selection while training: score the encoder now and then, keep the best ones, stop when nothing gets better."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

from xl_encoders.distributed.processes import from_main, rank
from xl_encoders.errors import CheckpointError
from xl_encoders.model.encoder import Encoder, save_model
from xl_encoders.training.dev_scores import DevScores, StepScore, best_first
from xl_encoders.whole_files import remove_abandoned, replace_whole


class Selection(DevScores):
    """The scores of one variant of a run and the models that got the best of them.

    folder: made on the first score; holds `scores.json` and one `save_pretrained` folder a kept model.
    score: the encoder's score, higher is better; called on the main process only, in evaluation mode. None scores
        nothing: the later a state, the better, and `on_score` is not told.
    keep: models kept, 0 for all. every, patience, on_score: see `DevScores`.

    Scores lie on disk before anything depends on them, so that a run which goes
    on from a checkpoint forgets the later ones and finds them again.
    """

    def __init__(
        self,
        folder: Path,
        score: Callable[[Encoder], float] | None,
        *,
        every: int,
        keep: int = 1,
        patience: int = 0,
        on_score: Callable[[StepScore], None] = lambda scored: None,
    ) -> None:
        super().__init__(every=every, patience=patience, on_score=on_score)
        self.folder = folder
        self._score = score
        self._keep = keep
        self._file = folder / "scores.json"

    @property
    def is_scored(self) -> bool:
        """Whether there is a score to choose by."""
        return self._score is not None

    def __call__(self, encoder: Encoder, step: int) -> bool:
        """Score, keep, and say whether training should end."""
        value = float(step)
        if rank() == 0 and self._score is not None:
            training = encoder.training
            encoder.eval()
            value = float(self._score(encoder))
            encoder.train(training)
        value = from_main(value, encoder.device)
        if rank() == 0:
            scores = [*self.scores(), StepScore(step, value)]
            best = best_first(scores)[: self._keep or None]
            if scores[-1] in best:
                save_model(encoder, self._model(step))
            self._write(scores)
            for scored in scores:
                if scored not in best:
                    shutil.rmtree(self._model(scored.step), ignore_errors=True)
            if self._score is not None:
                self._on_score(scores[-1])
            ended = self._over(scores)
        else:
            ended = False
        return bool(from_main(float(ended), encoder.device))

    def scores(self) -> list[StepScore]:
        """All scores so far, in order."""
        if not self._file.is_file():
            return []
        try:
            read = json.loads(self._file.read_bytes())
            return [StepScore(int(step), float(score)) for step, score in read]
        except (ValueError, TypeError, RecursionError) as error:
            message = f"{self._file} is damaged ({error}); give a new --out."
            raise CheckpointError(message) from error

    def best(self) -> tuple[StepScore, Path] | None:
        """The best score with the folder of its model, among the models there are; None without any."""
        kept = [scored for scored in best_first(self.scores()) if self._model(scored.step).is_dir()]
        return (kept[0], self._model(kept[0].step)) if kept else None

    def forget_after(self, step: int) -> None:
        """Drop scores of steps that are about to be trained again; their models stay until they are found again."""
        if rank() == 0 and self.folder.is_dir():
            remove_abandoned(self.folder)
            kept = [scored for scored in self.scores() if scored.step <= step]
            if len(kept) < len(self.scores()):
                self._write(kept)

    def _model(self, step: int) -> Path:
        return self.folder / f"step-{step:08d}"

    def _write(self, scores: list[StepScore]) -> None:
        text = json.dumps([[scored.step, scored.score] for scored in scores])
        replace_whole(self._file, lambda path: path.write_text(text, encoding="utf-8"))
