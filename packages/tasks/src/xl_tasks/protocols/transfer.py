"""Transfer of a fitted encoder to languages: zero-shot, in-language, translate-train and mixed-language pairs.

zero-shot: trained on the source, every choice made on the source's dev set, scored on each target's test set.
in-language: trained, chosen and scored in one language; dev is reported beside test.
translate-train: trained on the source and on the target's translated training file; chosen on the source's dev set.
mixed-language: trained as zero-shot, scored on pairs whose two texts are in two languages (Huang et al., 2021).
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from xl_tasks.catalogue.task import Task
from xl_tasks.drawing import ranked_by_hash
from xl_tasks.errors import TaskError
from xl_tasks.examples import Example, Examples, Question
from xl_tasks.protocols.cells import Cell, Scored
from xl_tasks.robustness.config import RobustConfig
from xl_tasks.scoring.measures import Measure
from xl_tasks.tuning.config import TuningConfig
from xl_translit import replacing

if TYPE_CHECKING:
    from xl_encoders import Checkpoints, Encoder
    from xl_tasks.tuning.embedding_cache import EmbeddingCache
    from xl_tasks.tuning.fit import Fitted
    from xl_tasks.tuning.problem import Problem

PROTOCOLS = ("zero-shot", "in-language", "translate-train", "mixed-language")

# What a candidate that is fitted to its end scored on dev, in the folder of its state.
_SCORE = "score"

# Between the two languages of a pair of texts, in the target of a row.
JOIN = "+"


CellExamples: TypeAlias = Mapping[tuple[str, str], Sequence[Example]]


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """One choice of settings; of several the one that does best on the source's dev set is scored."""

    tuning: TuningConfig
    robust: RobustConfig | None = None
    name: str = ""
    """What sets it apart from the other candidates, "lr=3e-05"."""


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One model to be fitted, and on what."""

    entry: Task
    examples: Examples[Example]
    encoder: "Encoder"
    weights: str
    """Digest of the encoder's weights."""
    variant: str = ""
    source: str
    """As rows show it; several languages that are trained on together are joined by "+"."""
    train: tuple[str, ...]
    """Languages whose training examples are used."""
    dev: tuple[str, ...]
    """Languages on whose dev sets choices are made."""
    candidates: tuple[Candidate, ...]
    label: str
    """How rows show the tuning: mode, preset and what differs from it."""
    robust_label: str = ""
    unit: str = "subword"
    layer: int | None = None
    """`hidden_states` index that a probe reads; None for models that are trained as a whole."""
    pooling: str = ""
    train_limit: int = 0
    """Most training examples of each language, the first by the digest of their key; 0 takes all."""
    digests: Mapping[str, str] = field(default_factory=dict)
    """Digests of further files that decide the figures: a table of neighbours."""

    @cached_property
    def inputs(self) -> dict[str, str]:
        """Digests and settings that decide the fitted model."""
        return {
            "weights": self.weights,
            "train": self.examples.fingerprint(self.train, "train"),
            "dev": self.examples.fingerprint(self.dev, "dev"),
            "candidates": json.dumps([asdict(candidate) for candidate in self.candidates], sort_keys=True),
            "train_limit": str(self.train_limit),
            "max_len": str(self.encoder.max_len),
            "version": version("xl-tasks"),
            **self.digests,
        }

    def cells(
        self, targets: Sequence[str], protocol: str, *, noises: Sequence[str] = ("",), splits: Sequence[str]
    ) -> list[Cell]:
        """The cells of this trial, one for each target, noise and split.

        targets: languages, or two of them joined by "+" for the cells of mixed-language pairs.
        """
        shared = self.inputs
        return [
            Cell(
                task=self.entry.name,
                source=self.source,
                target=target,
                data=self.examples.name,
                model=self.encoder.name,
                split=split,
                protocol=protocol,
                seed=self.candidates[0].tuning.seed,
                variant=self.variant,
                layer=self.layer,
                pooling=self.pooling,
                prompt=self.encoder.prompt if self.pooling else "",
                unit=self.unit,
                tuning=self.label,
                robust=self.robust_label,
                noise=noise,
                inputs={**shared, "test": self.examples.fingerprint(sorted(set(target.split(JOIN))), split)},
            )
            for target in targets
            for split in splits
            for noise in noises
        ]


class TrialRun:
    """Fits the model of a trial and scores its cells, all targets of one model in one pass.

    cache: vectors of texts that several trials share.
    mixed: (first, second language) -> examples, for the cells of a matrix.
    checkpoints: folder for the state of the fit in work, from which another run of the same trial goes on; it is empty
        when all cells are scored.
    on_step, on_score, should_stop: see `fit_task`.
    """

    def __init__(
        self,
        trial: Trial,
        *,
        cache: "EmbeddingCache | None" = None,
        mixed: CellExamples | None = None,
        checkpoints: Path | None = None,
        on_step: Callable[..., None] = lambda *_: None,
        on_score: Callable[..., None] = lambda *_: None,
        should_stop: Callable[[], bool] = lambda: False,
    ) -> None:
        self._trial = trial
        self._cache = cache
        self._mixed = mixed or {}
        self._folder = checkpoints
        self._states: list[Checkpoints] = []
        self._told: dict[str, Any] = {"on_step": on_step, "on_score": on_score, "should_stop": should_stop}
        self.chosen: Candidate | None = None
        self.fitted: Fitted | None = None

    def scored(self, cells: Sequence[Cell]) -> Iterator[Scored]:
        """The figures of `cells`, one after another; the model is fitted before the first."""
        if not cells:
            return
        self.fit()
        for cell in cells:
            yield self._score(cell)
        self._forget()

    def fit(self) -> None:
        """Fit the candidates and choose one, where that is not done."""
        if self.fitted is not None:
            return
        from xl_tasks.tuning.fit import fit_task

        trial = self._trial
        train = {
            language: limited(trial.examples.split(language, "train"), trial.train_limit) for language in trial.train
        }
        # A probe takes no dev set where there is none; training keeps its last state then.
        dev = {language: trial.examples.by_language[language].get("dev", ()) for language in trial.dev}
        dev = {language: examples for language, examples in dev.items() if examples}
        if len(trial.candidates) > 1 and not dev:
            message = (
                f"{trial.entry.name}: the best of {len(trial.candidates)} settings is chosen on a dev set, and "
                f"{trial.source} has none that is not scored itself; give one setting."
            )
            raise TaskError(message)
        kept: dict[int, Fitted] = {}

        def fit_candidate(number: int) -> "Fitted":
            candidate = trial.candidates[number]
            problem = make_problem(trial.entry, trial.examples, trial.encoder, trial.unit, candidate.tuning)
            return fit_task(
                trial.encoder,
                problem,
                _augmented(train, candidate.robust, trial.entry),
                dev,
                candidate.tuning,
                layer=-1 if trial.layer is None else trial.layer,
                pooling=trial.pooling,
                perturbation=_perturbation(trial.encoder, candidate.robust),
                cache=self._cache,
                checkpoints=self._states[number] if self._states else None,
                **self._told,
            )

        self._states = self._checkpoints()
        scores = {
            number: score for number in range(len(trial.candidates)) if (score := self._known(number)) is not None
        }
        for number in range(len(trial.candidates)):
            if number in scores:
                continue
            fitted = fit_candidate(number)
            scores[number] = float("-inf") if fitted.score is None else fitted.score
            best = _first_best(scores)
            kept = {number: fitted} if best == number else kept
            self._keep(number, scores, best)
        if not scores:
            message = f"{trial.entry.name}: no settings to fit with."
            raise TaskError(message)
        best = _first_best(scores)
        self.chosen = trial.candidates[best]
        # One that an earlier call finished has its last state kept.
        self.fitted = kept.get(best) or fit_candidate(best)

    def _checkpoints(self) -> "list[Checkpoints]":
        """Of each candidate, where its state is kept; none without a folder."""
        from xl_encoders import Checkpoints

        if self._folder is None:
            return []
        trial = self._trial
        states = []
        for candidate in trial.candidates:
            about = [trial.entry.name, trial.source, trial.unit, trial.inputs, asdict(candidate)]
            name = hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()[:24]
            several = len(trial.candidates) > 1
            states.append(Checkpoints(self._folder / name, name, last=several, again="the same command"))
        return states

    def _known(self, number: int) -> float | None:
        """The dev score of a candidate that an earlier call has fitted to its end."""
        file = self._states[number].folder / _SCORE if self._states else None
        return float(file.read_text(encoding="ascii")) if file is not None and file.is_file() else None

    def _keep(self, number: int, scores: Mapping[int, float], best: int) -> None:
        """Write the score of a candidate of several; of those with one the best alone keeps its state."""
        from xl_encoders.distributed.processes import rank

        if len(self._trial.candidates) == 1 or not self._states or rank() != 0:
            return
        folder = self._states[number].folder
        folder.mkdir(parents=True, exist_ok=True)
        with replacing(folder / _SCORE) as file:
            file.write(repr(scores[number]))
        for other in scores:
            if other != best:
                self._states[other].clear(but=_SCORE)

    def _forget(self) -> None:
        """Delete what was kept of fits that have come to their end."""
        for state in self._states:
            state.clear()

    def _score(self, cell: Cell) -> Scored:
        trial, fitted = self._trial, self.fitted
        if fitted is None:
            message = "nothing was fitted; ask for scored(cells)."
            raise TaskError(message)
        language, examples = self._items(cell)
        read = _with_noise(examples, cell.noise, language)
        features = fitted.problem.features(read, language, training=False)
        logits = fitted.feature_logits(features, read, language)
        predictions = fitted.problem.decode(read, features, logits)
        languages = sorted(set(cell.target.split(JOIN)))
        measures = fitted.problem.measures(read, predictions, language)
        coverage = (
            getattr(self._mixed, "coverage", 1.0)
            if len(languages) > 1
            else trial.examples.coverage(cell.target.partition(JOIN)[0], cell.split)
        )
        skipped = sum(len(trial.examples.skipped.get((code, cell.split), ())) for code in languages)
        return Scored(
            cell=cell,
            keys=[example.key for example in examples],
            measures=measures,
            rows=[
                cell.row(metric, value, n, coverage=coverage, skipped=skipped)
                for metric, value, n in _parts(fitted.problem, measures)
            ],
            coverage=coverage,
            chosen=self.chosen.name if self.chosen is not None and len(trial.candidates) > 1 else "",
            skipped=skipped,
            outputs=_probabilities(logits) if fitted.problem.kind == "classification" and logits else None,
        )

    def _items(self, cell: Cell) -> tuple[str, Sequence[Example]]:
        first, join, second = cell.target.partition(JOIN)
        if not join:
            examples = self._trial.examples.split(cell.target, cell.split)
            # MLQA's questions on contexts in another language are cells of their own.
            own = [e for e in examples if not isinstance(e, Question) or e.context_language in ("", cell.target)]
            return cell.target, own
        return first, self._mixed[first, second]


def _first_best(scores: Mapping[int, float]) -> int:
    """The number of the highest score, of equal ones the first."""
    return min(scores, key=lambda number: (-scores[number], number))


def make_problem(
    entry: Task, examples: Examples[Example], encoder: "Encoder", unit: str, config: TuningConfig
) -> "Problem":
    """The problem of a task's kind, for the tokenizer of `encoder`."""
    from xl_tasks.units.choosing import input_unit

    settings: dict[str, Any] = {
        "unit": input_unit(unit, encoder.tokenizer),
        "config": config,
        "metrics": entry.metrics,
    }
    if examples.kind == "classification":
        from xl_tasks.problems.classification.problem import ClassificationProblem as Kind
    elif examples.kind == "tagging":
        from xl_tasks.problems.tagging.problem import TaggingProblem as Kind
    else:
        from xl_tasks.problems.answering.problem import AnsweringProblem as Kind
    return Kind(encoder.tokenizer, examples.labels, **settings)


def _probabilities(logits: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    """The softmax of (n_labels,) logits of each item, (n_items, n_labels)."""
    rows = np.stack(logits).astype(np.float64)
    shares = np.exp(rows - rows.max(axis=1, keepdims=True))
    return (shares / shares.sum(axis=1, keepdims=True)).astype(np.float32)


def _parts(problem: "Problem", measures: Sequence[Measure]) -> list[tuple[str, float, int]]:
    """(metric, value, number of items) of each part that a score is made up of: of tags."""
    from xl_tasks.problems.tagging.problem import TaggingProblem

    return problem.parts(measures) if isinstance(problem, TaggingProblem) else []


def limited(examples: Sequence[Example], limit: int) -> Sequence[Example]:
    """At most `limit` examples (0 for all), those whose keys' digests come first, in their own order."""
    if not limit or limit >= len(examples):
        return examples
    ranked = ranked_by_hash([example.key for example in examples])
    return [examples[i] for i in sorted(ranked[:limit])]


def _augmented(
    train: Mapping[str, Sequence[Example]], robust: RobustConfig | None, entry: Task
) -> Mapping[str, Sequence[Example]]:
    if robust is None or robust.kind != "rs-da":
        return train
    from xl_tasks.robustness.substitution import exchanged

    return exchanged(train, robust, entry.name)


def _perturbation(encoder: "Encoder", robust: RobustConfig | None) -> Any:
    if robust is None or robust.kind == "rs-da":
        return None
    from xl_tasks.robustness.perturbing import Perturbation
    from xl_tasks.tuning.task_model import mean_embedding_norm

    return Perturbation.of(robust, mean_embedding_norm(encoder))


def _with_noise(examples: Sequence[Example], noise: str, language: str) -> Sequence[Example]:
    if not noise:
        return examples
    from xl_tasks.robustness.noise import parse_noise
    from xl_tasks.robustness.noisy_examples import noisy

    return noisy(examples, parse_noise(noise), language)
