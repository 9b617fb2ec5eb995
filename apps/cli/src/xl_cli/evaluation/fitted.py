"""Classification, tagging and question answering: models fitted to a source and scored on targets."""

import dataclasses
import hashlib
import json
import signal
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from functools import cached_property
from pathlib import Path
from typing import Any, NoReturn

from xl_cli.data.fingerprints import fingerprint_file
from xl_cli.errors import UsageError
from xl_cli.evaluation.config import EvaluateConfig
from xl_cli.evaluation.outline import Outline, outline
from xl_cli.evaluation.plans import ENCODER, SIDES, VECTORS, Job, NamedModel, Plan
from xl_cli.evaluation.preset_options import sources_there, targets_of, targets_there, with_preset
from xl_cli.evaluation.tuning_options import ROBUST, distinct, parse_grid, parse_settings, settings_text, split_settings
from xl_cli.folder.at_hand import FINE_TUNED, weights_of
from xl_cli.launch.progress import Progress, say
from xl_cli.launch.stopping import ENDING, Stopping
from xl_tasks.catalogue.task import Task
from xl_tasks.errors import StoppedError, TaskError
from xl_tasks.examples import Example, Examples
from xl_tasks.protocols.cells import Cell, Scored
from xl_tasks.protocols.data_folder import load_task
from xl_tasks.protocols.training_data import (
    default_source,
    scored_languages,
    trained_elsewhere,
    training_splits,
    with_limit,
    with_training,
)
from xl_tasks.protocols.transfer import JOIN, Candidate, CellExamples, Trial, TrialRun
from xl_tasks.robustness.config import RobustConfig
from xl_tasks.robustness.noise import parse_noise
from xl_tasks.tuning.config import settings_read
from xl_tasks.tuning.presets import PRESETS, tuning_config

_OF_BOTH = frozenset({
    "protocol", "preset", "probe", "set", "grid", "noise", "train_on", "train_limit", "on_error", "resamples",
    "save_models", "split", "limit", "mean",
})  # fmt: skip
_OF_TRAINING = frozenset({"seeds", "lora", "robust", "neighbours"})
_OF_PROBES = VECTORS


class FittedPlan(Plan):
    """A task with labels: its examples, languages and settings."""

    @staticmethod
    def reads(entry: Task, config: EvaluateConfig) -> frozenset[str]:
        """See `Plan`; what is trained is used whole, and a probe draws nothing by chance and moves no weights."""
        own = _OF_PROBES if config.probe else _OF_TRAINING
        if config.preset in PRESETS and PRESETS[config.preset].groups:
            own |= {"group"}
        return SIDES | ENCODER | _OF_BOTH | (own if entry.of_kind.pooled else own - {"pooling", "prompt"})

    @staticmethod
    def settings(entry: Task, config: EvaluateConfig) -> frozenset[str]:
        """See `Plan`; `shared_lr` where a preset has learning rates of its own for languages."""
        tasks = PRESETS[config.preset].tasks if config.preset in PRESETS else {}
        own = tasks.get(entry.name) or tasks.get(entry.kind)
        rates = {"shared_lr"} if own is not None and own.by_language else set()
        return settings_read(entry.kind, config.mode) | rates

    def __init__(self, entry: Task, config: EvaluateConfig) -> None:
        self._given = config
        config = with_preset(entry, config)
        self._entry = entry
        self._config = config
        self.reads_last_layer = not config.probe
        self._split = config.split or entry.test_split
        if config.probe and not entry.of_kind.probed:
            message = f"a probe cannot answer questions; leave {entry.name} out, or train with --lora or all weights."
            raise UsageError(message)
        if self._split == "all":
            message = f"--split is all; {entry.name} is scored on one of train, dev and test."
            raise UsageError(message)
        self._root = Path(config.data) if config.data else None
        self._settings, self._robust = split_settings(parse_settings(config.set))
        self._grid = parse_grid(config.grid)
        if self._robust and not config.robust:
            message = f"--set robust.{next(iter(self._robust))} is given, but no --robust."
            raise UsageError(message)
        self._neighbours = _digest(Path(config.neighbours)) if config.neighbours else ""
        self._noises = ["", *dict.fromkeys(parse_noise(noise).name for noise in config.noise)]
        own = PRESETS[config.preset].tasks
        self._preset = config.preset if entry.name in own or entry.kind in own else "default"
        if self._preset != config.preset:
            say(f"note: {entry.name}: not in the paper of preset {config.preset}; fitted with the default settings.")
        self._examples, self._sources, self._origin = self._read()
        self._targets = self._scored_languages()
        self._examples = with_limit(self._examples, self._split, config.limit, self._targets)
        self._mixed: CellExamples = self._pairs() if "mixed-language" in config.protocol else {}

    def _read(self) -> tuple[Examples[Example], list[tuple[str, ...]], str]:
        """The examples, the sources (each one or several languages) and where training examples are from."""
        entry = self._entry
        examples = self._read_asked()
        config = self._config
        asked = [spec.split(JOIN) for spec in config.source]
        for (code, split), reasons in sorted(examples.skipped.items()):
            say(f"note: {entry.name} {code} {split}: {len(reasons)} items left out, the first: {reasons[0]}")
        if "in-language" in config.protocol:
            every = scored_languages(examples, [*config.target, *config.source], self._split)
            having = [code for code in every if config.target or examples.by_language[code].get("train")]
            sources: list[tuple[str, ...]] = [(code,) for code in having or every]
            if others := [code for code in every if code not in (having or every)]:
                say(f"note: {entry.name}: no training examples of {', '.join(others)} here, so no model of these.")
        elif asked:
            sources = [tuple(self._code(examples, code) for code in spec) for spec in asked]
        else:
            sources = [(default_source(examples, elsewhere=bool(entry.train_from or config.train_on)),)]
            say(f"note: {entry.name}: trained on {sources[0][0]}; name another with --source.")
        needed = list(dict.fromkeys(code for spec in sources for code in spec))
        examples, origin = with_training(
            entry, examples, needed, self._root, train_on=config.train_on, on_error=config.on_error
        )
        return examples, sources, origin

    def _read_asked(self) -> Examples[Example]:
        """The examples of the languages asked for; of a preset's sources and targets those that are there are kept."""
        sources = [code for spec in self._config.source for code in spec.split(JOIN)]
        elsewhere = self._entry.train_from or self._config.train_on
        own_sources = sources and not self._given.source and not elsewhere
        own_targets = self._config.target and not self._given.target
        if not own_sources and not own_targets:
            return self._load(sources)
        try:
            examples = self._load(sources)
        except TaskError:
            examples = self._load((), whole=True)  # one of them is not in the data
        if own_sources:
            having = [code for code in sources if {"train", "dev"} & examples.by_language.get(code, {}).keys()]
            self._config = sources_there(self._entry, self._config, self._given, having)
        having = [code for code in examples.languages if examples.by_language[code].get(self._split)]
        self._config = targets_there(self._entry, self._config, self._given, having)
        return examples

    def _scored_languages(self) -> tuple[str, ...]:
        """The targets; where no language has the split that is usually scored, those with training files instead."""
        config, examples = self._config, self._examples
        trained = {code for source in self._sources for code in source}
        if not config.split and not any(its.get(self._split) for its in examples.by_language.values()):
            others = [
                code for code in examples.languages if code not in trained and examples.by_language[code].get("train")
            ]
            if others:
                say(
                    f"note: {self._entry.name}: no {self._split} set with answers here; languages that are not "
                    "trained on are scored on their training files."
                )
                self._split = "train"
                return scored_languages(examples, config.target or others, "train")
        targets = scored_languages(examples, config.target, self._split)
        if self._split == "train" and trained & set(targets):
            both = ", ".join(sorted(trained & set(targets)))
            message = f"--split train: {both} would be scored on what it is trained on; choose other targets."
            raise UsageError(message)
        return targets

    def _load(self, sources: Sequence[str], *, whole: bool = False) -> Examples[Example]:
        """The task's own examples, of what its cells need alone where that can be told before reading."""
        config, entry = self._config, self._entry
        options: dict[str, Any] = {"on_error": config.on_error}
        if "mixed-language" in config.protocol:
            options |= entry.mixed_options or {}
        for name, argument in entry.reads.items():
            value = getattr(config, name)
            if not argument or value == EvaluateConfig.__dataclass_fields__[name].default:
                continue
            if name in entry.files_alone and self._root is None:
                message = f"--{name} {value} reads {entry.files_alone[name]}; name their folder: --data FOLDER."
                raise UsageError(message)
            options[argument] = value
        if not whole and not {"in-language", "translate-train"} & set(config.protocol):
            parts = self._load_parts(sources, options)
            if parts is not None:
                return parts
        if config.target and (config.train_on or (sources and entry.train_from)):
            return load_task(entry, self._root, config.target, **options)  # sources come from another task
        if config.target and (sources or "in-language" in config.protocol):
            return load_task(entry, self._root, [*sources, *config.target], **options)
        return load_task(entry, self._root, None, **options)

    def _load_parts(self, sources: Sequence[str], options: dict[str, Any]) -> Examples[Example] | None:
        """Training examples of the sources, scored ones of the targets: XNLI has 392,702 in each of fifteen languages.

        None where these are not all there, so that the whole must tell what is.
        """
        entry, root, targets = self._entry, self._root, self._config.target
        english = sources or ["eng_Latn"]
        elsewhere = trained_elsewhere(entry, english, root, self._config.train_on)
        splits = training_splits(entry)
        try:
            trained = None if elsewhere else load_task(entry, root, english, splits=splits, **options)
        except TaskError:
            if sources:
                raise
            return None
        # Without a source English is trained on, but where it has a dev set alone and others may have more.
        needed = splits if sources else ("train",)
        if trained and not all(_holds(trained, code, needed) for code in english):
            return None
        scored = load_task(entry, root, targets or None, splits=(self._split,), **options)
        there = [_holds(scored, code, (self._split,)) for code in targets or scored.languages]
        if not (all(there) if targets else any(there)):
            return None
        if trained is None:
            return scored
        if trained.labels != scored.labels:  # those that its files happen to have
            return None
        every = sorted({*trained.languages, *scored.languages})
        parts = [{**trained.by_language.get(code, {}), **scored.by_language.get(code, {})} for code in every]
        return dataclasses.replace(
            scored,
            by_language=dict(zip(every, parts, strict=True)),
            skipped={**trained.skipped, **scored.skipped},
            expected={**trained.expected, **scored.expected},
        )

    def _code(self, examples: Examples[Example], spelling: str) -> str:
        if self._config.train_on or self._entry.train_from:
            from xl_translit import language

            return language(spelling)
        return examples.resolve(spelling)

    def _pairs(self) -> CellExamples:
        """The examples of each ordered pair of target languages."""
        from xl_tasks.protocols.mixed_examples import NoPairsError, mixed_examples

        try:
            mixed = mixed_examples(self._entry, self._examples, self._split, self._targets)
        except NoPairsError as error:
            raise UsageError(str(error)) from None
        for reason in getattr(mixed, "dropped", ()):
            say(f"note: {reason}")
        return mixed

    def outline(self) -> Outline:
        """See `Plan`; of probes the layers that a model chooses itself count as one."""
        config = self._config
        repeated = (1 + len(config.robust)) * len(self._seeds()) * (max(1, len(config.layer)) if config.probe else 1)
        fits, cells, n_train, targets = 0, 0, 0, {}
        for source in self._sources:
            for protocols, scored, train in self._scored(source):
                fits += repeated
                names = [
                    name for protocol in protocols for part in self._names(protocol, scored).values() for name in part
                ]
                cells += repeated * len(names) * len(self._noises)
                targets[JOIN.join(source)] = targets.get(JOIN.join(source), 0) + len(scored)
                counts = [len(self._examples.split(code, "train")) for code in train]
                n_train += repeated * sum(min(count, config.train_limit or count) for count in counts)
        sources = [JOIN.join(source) for source in self._sources]
        return outline(
            self._entry, config, sources=sources, targets=targets, fits=fits, cells=cells,
            n_train=round(n_train / fits) if fits else None,
        )  # fmt: skip

    def jobs(self, model: NamedModel) -> Iterator[Job]:
        """One job a fitted model: source, seed, robust training and, for a probe, layer."""
        config = self._config
        probe = config.probe
        trained = [code for source in self._sources for code in source]
        in_own = config.protocol == ("in-language",)
        model.check_unit(dict.fromkeys([*trained, *(() if in_own else self._targets)]))
        layers = model.opened.layers if probe else [None]
        for source in self._sources:
            for robust in ("", *config.robust):
                for layer in layers:
                    for seed in self._seeds():
                        for protocols, targets, train in self._scored(source):
                            yield self._job(model, source, train, robust, layer, seed, protocols, targets)

    def _seeds(self) -> list[int]:
        """As many seeds as asked for, the preset's first; a probe has no chance in it and takes one."""
        if self._config.probe:
            return [0]
        own = list(PRESETS[self._preset].seeds)
        while len(own) < self._config.seeds:
            own.append(max(own) + 1)
        return own[: self._config.seeds]

    def _scored(self, source: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]]:
        """(protocols, targets, training languages) of each model of a source."""
        protocols = self._config.protocol
        if "in-language" in protocols:
            yield ("in-language",), source, source
        shared = tuple(name for name in ("zero-shot", "mixed-language") if name in protocols)
        if shared:
            yield shared, self._targets_of(source), source
        if "translate-train" in protocols:
            for target in self._targets_of(source):
                yield ("translate-train",), (target,), tuple(dict.fromkeys([*source, target]))

    def _targets_of(self, source: tuple[str, ...]) -> tuple[str, ...]:
        """The targets that are scored with a source: all, or of a preset's groups of languages those of its own."""
        if not self._config.group or self._given.target:
            return self._targets
        return targets_of(self._entry, self._config, self._given, source[0])

    def _job(
        self,
        model: NamedModel,
        source: tuple[str, ...],
        train: tuple[str, ...],
        robust: str,
        layer: int | None,
        seed: int,
        protocols: tuple[str, ...],
        targets: tuple[str, ...],
    ) -> Job:
        trial = self._trial(model, source, train, robust, layer, seed)
        cells = []
        for protocol in protocols:
            for split, names in self._names(protocol, targets).items():
                cells += trial.cells(names, protocol, noises=self._noises, splits=[split])
        # Of translate-train each target has a model of its own.
        trained = JOIN.join(dict.fromkeys([*source, *train]))
        parts = [self._entry.name, model.opened.encoder.name, trained, "+".join(protocols), robust]
        parts.append(f"seed {seed}" if layer is None else f"layer {layer}")
        label = " ".join(filter(None, parts))
        run = _Scoring(trial, model, self._mixed, label)
        group = "" if layer is None else f"{self.task} {trial.source}"
        return Job(label=label, cells=cells, score=run.score, group=group, save=run.save, is_saved=run.is_saved)

    def _names(self, protocol: str, targets: Sequence[str]) -> dict[str, list[str]]:
        """Split -> the targets that cells of a protocol have in it; dev beside test where there is a dev set."""
        names = [f"{a}{JOIN}{b}" for a, b in self._mixed] if protocol == "mixed-language" else targets
        splits = ("dev", "test") if protocol == "in-language" and self._split == "test" else (self._split,)
        has = self._examples.by_language
        return {split: [name for name in names if all(has[c].get(split) for c in name.split(JOIN))] for split in splits}

    def _trial(
        self,
        model: NamedModel,
        source: tuple[str, ...],
        train: tuple[str, ...],
        robust: str,
        layer: int | None,
        seed: int,
    ) -> Trial:
        config, entry = self._config, self._entry
        encoder = model.opened.encoder
        candidates = []
        for name, (tuned, changed) in distinct(self._grid, robust, self._robust).items():
            overrides: dict[str, object] = {**self._settings, **tuned, "mode": config.mode, "seed": seed}
            if config.max_len:
                overrides["max_len"] = config.max_len
            settings = tuning_config(
                self._preset,
                entry,
                unit=model.unit,
                language=source[0],
                model_type=getattr(encoder.model.config, "model_type", ""),
                overrides=overrides,
            )
            settings = dataclasses.replace(settings, max_len=min(settings.max_len, encoder.max_len))
            extra = None
            if robust:
                own = {**self._robust, **changed}
                if robust == "rs-da":
                    own["neighbours"] = config.neighbours
                extra = RobustConfig(kind=robust, seed=seed, **own)  # ty: ignore[invalid-argument-type]
            candidates.append(Candidate(tuning=settings, robust=extra, name=name))
        given = settings_text(self._settings)
        if config.train_limit:
            given = f"{given} train_limit={config.train_limit}".strip()
        axes = [f"{axis} by dev" for axis in config.grid]
        radii = [
            axis.removeprefix(ROBUST)
            for axis in axes
            if any(axis.partition("=")[0] in candidate.name for candidate in candidates if axis.startswith(ROBUST))
        ]
        tuned_by = [axis for axis in axes if not axis.startswith(ROBUST)]
        return Trial(
            entry=entry,
            examples=self._examples,
            encoder=encoder,
            weights=model.weights,
            variant=model.opened.variant,
            source=JOIN.join(source),
            train=train,
            # What is scored must not be chosen on.
            dev=() if self._split == "dev" else source,
            candidates=tuple(candidates),
            label=" ".join(filter(None, [f"{config.mode}/{self._preset}", given, *tuned_by, self._origin])),
            robust_label=" ".join(filter(None, [robust, settings_text(self._robust), *radii])) if robust else "",
            unit=model.unit,
            layer=layer,
            pooling=model.opened.pooling if layer is not None and self._entry.of_kind.pooled else "",
            train_limit=config.train_limit,
            digests={"neighbours": self._neighbours} if robust == "rs-da" else {},
        )


class _Scoring:
    """One trial as a job: progress while it runs, the model to save afterwards."""

    def __init__(self, trial: Trial, model: NamedModel, mixed: CellExamples, label: str) -> None:
        self._trial = trial
        self._model = model
        self._mixed = mixed
        self._label = label
        self._run: TrialRun | None = None

    def score(self, cells: Sequence[Cell]) -> Iterator[Scored]:
        """Fit, then score `cells`."""
        from xl_tasks.tuning.fitted import TuningStep

        bar: Progress | None = None
        latest = ""

        def on_step(step: TuningStep) -> None:
            nonlocal bar
            if bar is None:
                bar = Progress(self._label, step.n_steps, "steps", step.step - 1)
                bar.__enter__()
            bar.advance(step.step, f"loss {step.loss:.3f}{latest}")
            if step.step == step.n_steps:
                bar.__exit__(None, None, None)
                bar = None

        def on_score(step: int, score: float) -> None:
            nonlocal latest
            latest = f"  dev {100 * score:.1f} at {step}"

        stopping = Stopping()
        out = self._model.out
        self._run = TrialRun(
            self._trial,
            cache=self._model.cache,
            mixed=self._mixed,
            checkpoints=out / "checkpoints" if out else None,
            on_step=on_step,
            on_score=on_score,
            should_stop=stopping,
        )
        try:
            # A stop is put off to the end of a step where there is one, and something to keep.
            with stopping if out and self._trial.layer is None else nullcontext():
                self._run.fit()
            if stopping():
                _end(stopping)
            for number, scored in enumerate(self._run.scored(cells)):
                if number == 0:
                    say(f"{self._label}: {self._about()}")
                yield scored
        except StoppedError as error:
            say(f"{self._label}: {error}; the same command goes on from there.")
            _end(stopping)
        finally:
            if bar is not None:
                bar.__exit__(KeyboardInterrupt, None, None)

    def _about(self) -> str:
        run = self._run
        if run is None or run.fitted is None:
            return "nothing fitted"
        fitted = run.fitted
        trial = self._trial
        counts = [len(trial.examples.split(code, "train")) for code in trial.train]
        n = sum(min(count, trial.train_limit or count) for count in counts)
        best = f", dev {100 * fitted.score:.1f}" if fitted.score is not None else ""
        kept = f" (step {fitted.kept} of {fitted.steps} kept)" if fitted.steps else ""
        chosen = ""
        if len(self._trial.candidates) > 1 and run.chosen is not None:
            chosen = f"; best of {len(self._trial.candidates)}: {run.chosen.name}"
        return f"{n} training examples{best}{kept}{chosen}"

    def save(self, folder: Path) -> None:
        """Write the fitted model to a folder called after the job."""
        from xl_translit import replacing

        if self._run is not None and self._run.fitted is not None:
            folder.mkdir(parents=True, exist_ok=True)
            self._run.fitted.save(folder / self._folder)
            trial = self._trial
            about = {
                "encoder": self._model.opened.encoder.name,
                "variant": trial.variant,
                "seed": trial.candidates[0].tuning.seed,
                "tuning": trial.label,
                "task": trial.entry.name,
                "source": trial.source,
                "unit": trial.unit,
                "robust": trial.robust_label,
                "weights": weights_of(folder / self._folder),
            }
            with replacing(folder / self._folder / FINE_TUNED) as file:
                file.write(json.dumps(about, ensure_ascii=False) + "\n")

    def is_saved(self, folder: Path) -> bool:
        """Whether `save` has written the model there."""
        return (folder / self._folder / FINE_TUNED).is_file()

    @cached_property
    def _folder(self) -> str:
        """Its label, and a few digits that tell models apart whose input or settings alone differ."""
        trial = self._trial
        about = [trial.inputs, trial.train, trial.unit, trial.label, trial.robust_label, trial.pooling]
        digits = hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()[:6]
        return "".join(char if char.isalnum() or char in "-_+" else "-" for char in f"{self._label} {digits}")


def _holds(examples: Examples[Example], spelling: str, splits: Sequence[str]) -> bool:
    """Whether a language has any of these splits."""
    try:
        code = examples.resolve(spelling)
    except TaskError:
        return False
    return any(examples.by_language[code].get(split) for split in splits)


def _end(stopping: Stopping) -> NoReturn:
    """End as the signal would have ended it."""
    ENDING.signal_number = stopping.signal_number or signal.SIGINT
    raise KeyboardInterrupt


def _digest(path: Path) -> str:
    """Digest of a table, or of every table in a folder."""
    if not path.exists():
        message = f"--neighbours {path}: no such file or folder."
        raise UsageError(message)
    files = sorted(file for file in path.iterdir() if file.is_file()) if path.is_dir() else [path]
    return " ".join(fingerprint_file(file) for file in files)
