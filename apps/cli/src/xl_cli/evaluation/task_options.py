"""Which options of `xl eval` each task reads; one that no task asked for reads is refused. Imports nothing heavy."""

import dataclasses
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from xl_cli.evaluation.config import EvaluateConfig
from xl_cli.evaluation.preset_options import has_task
from xl_cli.evaluation.tuning_options import parse_grid, parse_settings, split_settings
from xl_cli.unread_options import listed, refuse, without_meaning
from xl_tasks import TASKS
from xl_tasks.catalogue.task import TASK_KINDS, Task
from xl_tasks.robustness.config import robust_settings_read
from xl_tasks.tuning.config import settings_read
from xl_tasks.tuning.presets import PRESETS

_SIDES = frozenset({"model", "data", "source", "target"})
_ENCODER = frozenset({"revision", "max_len", "input"})
_VECTORS = frozenset({"layer", "pooling", "prompt"})
# A probe draws nothing by chance and moves no weights.
_TRAINING = frozenset({"seeds", "lora", "robust", "neighbours"})


@dataclass(frozen=True, kw_only=True)
class PlanKind:
    """A way to score tasks: the class that does it ("module:class") and the options that it reads.

    A task may read more, `Task.reads`, and a call may leave some of them without meaning; see `options_read`.
    """

    factory: str
    reads: frozenset[str]


PLANS: Mapping[str, PlanKind] = {
    "retrieval": PlanKind(
        factory="xl_cli.evaluation.retrieval:RetrievalPlan",
        reads=_SIDES | _ENCODER | _VECTORS | {"preset", "transform", "score", "noise", "split", "limit", "resamples"},
    ),
    "mining": PlanKind(
        factory="xl_cli.evaluation.mining:MiningPlan", reads=_SIDES | _ENCODER | _VECTORS | {"score", "resamples"}
    ),
    "lexical": PlanKind(
        factory="xl_cli.evaluation.lexical:LexicalPlan", reads=_SIDES | _ENCODER | _VECTORS | {"split", "on_error"}
    ),
    "fitted": PlanKind(
        factory="xl_cli.evaluation.fitted:FittedPlan",
        reads=_SIDES | _ENCODER | _VECTORS | _TRAINING | {
            "protocol", "preset", "probe", "set", "grid", "noise", "train_on", "train_limit", "on_error", "resamples",
            "save_models", "split", "limit", "mean",
        },
    ),
}  # fmt: skip


def plan_kind(entry: Task) -> PlanKind:
    """How a task is scored."""
    if entry.name == "bucc2018":
        return PLANS["mining"]
    return PLANS[entry.kind if entry.kind in PLANS else "fitted"]


def options_read(entry: Task, config: EvaluateConfig) -> frozenset[str]:
    """The options, by their names in EvaluateConfig, that can change what a call with `config` gives for a task."""
    read = plan_kind(entry).reads | set(entry.reads)
    if not entry.layout:  # data of a library
        read -= {"data"}
    if "probe" in read:
        # A model that is trained is used whole; a tagger has a state for each word, so nothing is pooled.
        read -= _TRAINING if config.probe else _VECTORS
        if entry.kind != "classification":
            read -= {"pooling", "prompt"}
    if config.preset in PRESETS and not has_task(config.preset, entry):
        read -= {"preset"}
    if all(Path(name).is_dir() for name in config.model):
        read -= {"revision"}
    if entry.kind == "lexical" and all(is_vector_folder(Path(name)) for name in config.model):
        read -= _ENCODER | _VECTORS
    return frozenset(read)


def is_vector_folder(path: Path) -> bool:
    """Whether a model is a folder of word vectors, not of an encoder."""
    return path.is_dir() and not any((path / name).exists() for name in ("config.json", "run.json"))


def check_options(entries: Sequence[Task], config: EvaluateConfig, given: Collection[str] | None = None) -> None:
    """UsageError for options, and settings of --set and --grid, that none of the tasks reads; it names all of them.

    given: names of the options that the user gave; by default those that are not what they are without being given.
    """
    if given is None:
        given = [field.name for field in dataclasses.fields(config) if getattr(config, field.name) != field.default]
    names = [field.name for field in dataclasses.fields(config) if field.name in given]
    unread = [name for name in names if not any(name in options_read(entry, config) for entry in entries)]
    by_reason: dict[str, list[str]] = {}
    for name in unread:
        by_reason.setdefault(_reason(name, entries, config), []).append(f"--{name.replace('_', '-')}")
    faults = without_meaning(by_reason)
    if not {"set", "grid"} & set(unread):
        faults += _unread_settings(entries, config)
    refuse(faults)


def _reason(name: str, entries: Sequence[Task], config: EvaluateConfig) -> str:
    """What a refusal says behind the option's name: where it would have a meaning."""
    asked = listed(entry.name for entry in entries)
    other = dataclasses.replace(config, probe=not config.probe, lora=False, robust=(), neighbours="")
    if any(name in options_read(entry, other) for entry in entries):
        return f"for {asked} {'with' if config.probe else 'without'} --probe"
    if (
        name != "revision"
        and name in _ENCODER | _VECTORS
        and all(is_vector_folder(Path(model)) for model in config.model)
    ):
        return "for models in files of vectors"
    if readers := [entry for entry in TASKS.values() if name in options_read(entry, config)]:
        return f"for {asked}, only for {_tasks_in_words(readers)}"
    return "for models in folders"


def _unread_settings(entries: Sequence[Task], config: EvaluateConfig) -> list[str]:
    """A fault for each kind of key of --set and --grid that no task reads."""
    fitted = [entry for entry in entries if plan_kind(entry) is PLANS["fitted"]]
    every = [{**parse_settings(config.set), **combination} for combination in parse_grid(config.grid)]
    tuning, robust = (set().union(*(split_settings(one)[side] for one in every)) for side in (0, 1))
    faults = []
    for taken, other in (("steps", "epochs"), ("robust.eps", "robust.eps_rel")):
        if any(one.get(taken) and other in one for one in every):
            faults.append(f"{other}: no meaning beside {taken}")
    read = {"shared_lr"} if any(_has_rates(entry, config.preset) for entry in fitted) else set()
    for entry in fitted:
        read |= settings_read(entry.kind, config.mode)
    if others := sorted(tuning - read):
        way = " with --probe" if config.probe else " without --lora" if _reads_with_lora(others, fitted) else ""
        faults.append(f"{listed(others)}: no meaning for {listed(entry.name for entry in fitted)}{way}")
    losses = {str(split_settings(one)[1].get("loss", "adversarial")) for one in every}
    read = set().union(*(robust_settings_read(kind, losses) for kind in config.robust))
    if config.robust and (others := sorted(robust - read)):
        faults.append(f"{listed(f'robust.{key}' for key in others)}: no meaning for {listed(config.robust)}")
    return faults


def _reads_with_lora(names: Iterable[str], fitted: Sequence[Task]) -> bool:
    return any(name in settings_read(entry.kind, "lora") for name in names for entry in fitted)


def _has_rates(entry: Task, preset: str) -> bool:
    """Whether a preset has learning rates of its own for languages."""
    tasks = PRESETS[preset].tasks if preset in PRESETS else {}
    own = tasks.get(entry.name) or tasks.get(entry.kind)
    return own is not None and bool(own.by_language)


def _tasks_in_words(readers: Sequence[Task]) -> str:
    """Names of tasks; a kind's alone where all of the kind are among them."""
    names = {entry.name for entry in readers}
    words = []
    for kind in TASK_KINDS:
        of_kind = [entry.name for entry in TASKS.values() if entry.kind == kind]
        words += [f"all of {kind}"] if names.issuperset(of_kind) else [name for name in of_kind if name in names]
    return listed(words)
