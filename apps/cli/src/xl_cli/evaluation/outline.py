"""What a call of `xl eval` would do and cost, said before it starts: models to fit, cells, steps, time."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from xl_cli.alignment.training_time import seconds_of
from xl_cli.errors import UsageError
from xl_cli.evaluation.config import EvaluateConfig
from xl_cli.evaluation.experiment import read_plan
from xl_cli.evaluation.preset_options import targets_of, with_preset
from xl_cli.evaluation.tuning_options import distinct, parse_grid, parse_settings, split_settings
from xl_cli.folder.at_hand import run_model
from xl_cli.launch.durations import words
from xl_tasks.catalogue.task import Task
from xl_tasks.errors import TaskError
from xl_tasks.tuning.presets import PRESETS, tuning_config

# Tokens of a text (verses and tagged sentences have about as many); weights of an encoder of base size without tables.
_TEXT, _BASE = 32, 85_000_000


@dataclass(frozen=True, kw_only=True)
class Outline:
    """What a task asks of each model."""

    task: str
    sources: tuple[str, ...]
    """Each what one model is fitted to, or asks with."""
    targets: Mapping[str, int | None]
    """Source -> number of languages that are scored with it; None where only the data tell."""
    fits: int
    """Models to fit: 0 where nothing is."""
    cells: int | None
    n_train: int | None = None
    """Training examples of a model."""
    steps: int | None = None
    """Steps of a model."""
    texts: int = 0
    """Texts that all its models read in training."""
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class EvaluationPlan:
    """The outlines of a call's tasks, for so many models, and an estimate of the time that training takes."""

    outlines: Sequence[Outline]
    n_models: int
    time: str
    said: str = ""

    @property
    def cells(self) -> int | None:
        """Cells of all tasks and models; None where only the data tell."""
        counts = [each.cells for each in self.outlines]
        return None if None in counts else self.n_models * sum(count for count in counts if count is not None)

    def __str__(self) -> str:
        from xl_analysis import Table

        header = ("task", "sources", "targets", "models to fit", "cells", "examples a model", "steps a model")
        body = []
        for each in self.outlines:
            fits = str(each.fits * self.n_models) if each.fits else "-"
            cells = None if each.cells is None else each.cells * self.n_models
            about = (_text(each.n_train), _text(each.steps)) if each.fits else ("-", "-")
            body.append((each.task, " ".join(each.sources), _range(each.targets.values()), fits, _text(cells), *about))
        total = sum(each.fits for each in self.outlines) * self.n_models
        body.append(("all", "", "", str(total), _text(self.cells), "", ""))
        lines = [Table(header, tuple(body), self.said, n_labels=2).render("text")]
        lines += [f"{each.task}: {each.note}" for each in self.outlines if each.note]
        return "\n".join([*lines, f"about time: {self.time}"])


def planned(entries: Sequence[Task], config: EvaluateConfig) -> EvaluationPlan:
    """The plan of a call; of a task whose data are not there from what the preset says."""
    outlines = [_outline(entry, config) for entry in entries]
    weights = [_weights(name, config.revision) for name in config.model] or [_BASE]
    tokens = _TEXT * sum(each.texts for each in outlines)
    seconds, rests_on = seconds_of(tokens, sum(weights))
    about = "unknown" if seconds is None else words(seconds)
    if not tokens:
        trains = any(each.fits for each in outlines)
        unknown = "unknown" if config.data else "unknown without --data"
        about, rests_on = unknown if trains else "nothing is trained", ""
    else:
        rests_on += (
            "" if config.model else f"; for an encoder of {_BASE // 1_000_000} million weights without its tables"
        )
        rests_on += f"; {_TEXT} tokens a text"
    said = (
        ""
        if config.data
        else "Without --data: the languages that the preset names, the largest training sets published."
    )
    return EvaluationPlan(outlines=outlines, n_models=len(weights), time=f"{about}{rests_on}", said=said)


def _outline(entry: Task, config: EvaluateConfig) -> Outline:
    note = ""
    if config.data:
        try:
            if (told := read_plan(entry, config).outline()) is not None:
                return told
        except (UsageError, TaskError) as error:
            note = f"{error} Numbers are those of the preset."
    asked = with_preset(entry, config)
    sources = asked.source or (("eng_Latn",) if entry.scored_by == "fit" else ())
    targets: dict[str, int | None] = {}
    own = entry.scored_by == "fit" and "in-language" in asked.protocol
    sources = asked.target if own and asked.target else sources
    for source in sources:
        scored = (source,) if own else targets_of(entry, asked, config, source)
        targets[source] = len(scored) if scored else None
    n_seeds = 1 if asked.probe else asked.seeds
    fits = len(sources) * n_seeds * (1 + len(asked.robust)) if entry.scored_by == "fit" else 0
    counts = [count for count in targets.values() if count is not None]
    known = len(counts) == len(targets) > 0
    a_source = (fits // len(sources) if fits else 1) * (1 + len(asked.noise)) if sources else 0
    a_source *= 2 if own and not asked.split and entry.test_split == "test" else 1  # dev beside test
    size = PRESETS[config.preset].train_examples.get(entry.name) if config.preset in PRESETS else None
    return outline(
        entry, asked, sources=sources, targets=targets, fits=fits, n_train=size, note=note,
        cells=sum(counts) * a_source if known else None,
    )  # fmt: skip


def outline(
    entry: Task, config: EvaluateConfig, *, sources: Sequence[str], targets: Mapping[str, int | None], fits: int,
    cells: int | None, n_train: int | None = None, note: str = "",
) -> Outline:  # fmt: skip
    """An outline with the steps and texts that the settings make of `fits` models on `n_train` examples each.

    fits: without those that a grid is for, which it adds.
    """
    steps, texts = None, 0
    if fits and not config.probe:
        if n_train is not None and config.train_limit:
            n_train = min(n_train, config.train_limit)
        grid = parse_grid(config.grid)
        plain, robust = split_settings(parse_settings(config.set))
        kinds = ("", *config.robust)
        each, fits = fits // len(kinds), 0
        for kind in kinds:
            for tuned, _ in distinct(grid, kind, robust).values():
                own = PRESETS[config.preset].tasks
                preset = config.preset if entry.name in own or entry.kind in own else "default"
                language, given = sources[0].split("+")[0], {**plain, **tuned}
                settings = tuning_config(preset, entry, unit=config.input, language=language, overrides=given)
                steps = settings.steps or _steps(n_train, settings.batch, settings.accumulate, settings.epochs)
                fits += each
                texts += 0 if steps is None else each * steps * settings.batch * settings.accumulate
    return Outline(
        task=entry.name, sources=tuple(sources), targets=targets, fits=fits, cells=cells, n_train=n_train, steps=steps,
        texts=texts, note=note,
    )  # fmt: skip


def _steps(n_train: int | None, batch: int, accumulate: int, epochs: float) -> int | None:
    """Steps of a model on so many examples; None where only the data tell their number."""
    if n_train is None:
        return None
    return max(1, math.ceil(epochs * math.ceil(math.ceil(n_train / batch) / accumulate)))


def _weights(name: str, revision: str) -> int:
    """Weights that a text runs through; those of a base-size encoder where the model's files do not tell."""
    from xl_encoders import EncoderError
    from xl_encoders.model.model_files import read_model_files

    try:
        files = read_model_files(run_model(name)[0], revision=revision)
    except EncoderError:
        return _BASE
    return files.n_parameters - files.n_embedded if files.n_parameters else _BASE


def _text(count: int | None) -> str:
    return "?" if count is None else str(count)


def _range(counts: Iterable[int | None]) -> str:
    """The fewest and the most, "8-16"."""
    known = sorted({count for count in counts if count is not None})
    return "-".join(map(str, (known[0], known[-1])[: len(known)])) if known else "?"
