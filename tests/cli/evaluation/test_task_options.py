"""Every option of `xl eval` on every task: it changes what is computed, or it is refused; nothing in between.

The command is asked for its options, so that a new one must be given a value here and a plan that reads it.
"""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
import typer.main
from tests.cli.conftest import Run
from tests.cli.every_task import make_every_task
from tests.cli.recorded import recorded, seen
from tests.thinned import thinned

from xl_cli.errors import CliError, UsageError
from xl_cli.evaluation import opened as evaluation
from xl_cli.evaluation.config import EvaluateConfig
from xl_cli.evaluation.plans import NamedModel, plan_class, task_plan
from xl_cli.evaluation.task_options import check_task_options, options_read
from xl_cli.evaluation.tuning_options import tuning_keys
from xl_cli.main import app
from xl_encoders import Encoder, ModelConfig, new_encoder
from xl_tasks import TASKS
from xl_tasks.catalogue.task import TASK_KINDS
from xl_tasks.errors import TaskError
from xl_tasks.robustness.config import KINDS, RobustConfig, robust_settings_read
from xl_tasks.tuning.config import MODES, TuningConfig, settings_read
from xl_tasks.tuning.presets import PRESETS
from xl_translit import TranslitError

# Of the command itself, read whatever the tasks are.
_COMMAND = {"tasks", "out", "as_json", "dry_run", "help"}
# Read when figures are there, not when cells are planned: see the tests below.
_LATER = {"resamples", "mean", "save_models", "engine", "cell_cpus", "cell_gpus", "cell_retries", "cell_processes"}

# A value of each option that is not its default, and what has to stand beside it.
_VALUES: dict[str, dict[str, object]] = {
    "model": {"model": ("org/model", "org/other")},
    "data": {"data": "EMPTY"},
    "source": {"source": ("tur",)},
    "target": {"target": ("tur",)},
    "protocol": {"protocol": ("in-language",)},
    "preset": {"preset": "xtreme"},
    "group": {"preset": "ppa", "group": "maf"},
    "probe": {"probe": True},
    "lora": {"lora": True},
    "set": {"set": ("max_len=24",)},
    "grid": {"grid": ("max_len=24,32",)},
    "seeds": {"seeds": 2},
    "score": {"score": "csls"},
    "input": {"input": "romanised"},
    "noise": {"noise": ("drop-diacritics",)},
    "robust": {"robust": ("at",)},
    "neighbours": {"robust": ("rs-da",), "neighbours": "EMPTY"},
    "train_on": {"train_on": "xnli"},
    "train_limit": {"train_limit": 2},
    "treebank": {"treebank": ("English-TB", "Turkish-TB")},
    "words": {"words": "surface"},
    "tag_scheme": {"tag_scheme": "iob1"},
    "on_error": {"on_error": "skip"},
    "resamples": {"resamples": 5},
    "mean": {"mean": "all"},
    "save_models": {"save_models": True},
    "engine": {"engine": "ray"},
    "cell_cpus": {"engine": "ray", "cell_cpus": 2.0},
    "cell_gpus": {"engine": "ray", "cell_gpus": 0.5},
    "cell_processes": {"engine": "ray", "cell_processes": 2},
    "cell_retries": {"engine": "ray", "cell_retries": 0},
    "layer": {"layer": ("0",)},
    "pooling": {"pooling": "first"},
    "prompt": {"prompt": "query: "},
    "transform": {"transform": ("center",)},
    "revision": {"revision": "abc"},
    "max_len": {"max_len": 9},
    "split": {"split": "dev"},
    "limit": {"limit": 2},
}


# What has to stand beside an option, and values that suit a task or its kind.
_BESIDE: dict[tuple[str, str], dict[str, object]] = {
    **{("group", kind): {"preset": "ppa"} for kind in TASK_KINDS},
    ("target", "retrieval"): {"source": ("eng",)},
    ("neighbours", "classification"): {"robust": ("rs-rp",)},
}
_SUITED: dict[tuple[str, str], dict[str, object]] = {
    ("source", "retrieval"): {"source": ("tur",), "target": ("tur",)},
    ("target", "retrieval"): {"target": ("eng",)},
    ("target", "bucc2018"): {"target": ("tur",)},
    ("target", "lexical"): {"target": ("deu",)},
    ("split", "answering"): {"split": "train"},
    ("train_on", "tagging"): {"train_on": "masakhaner"},
    ("train_on", "answering"): {"train_on": "tydiqa"},
}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_every_task(tmp_path_factory.mktemp("every"))


@pytest.fixture(autouse=True)
def model(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tiny encoder in the place of every hub id, called after its revision."""
    tiny = request.getfixturevalue("tiny")

    def load(source: str, *, revision: str = "", max_len: int | None = None, **_: object) -> Encoder:
        return Encoder(tiny.model, tiny.tokenizer, name=f"{source}@{revision}", max_len=max_len or tiny.max_len)

    monkeypatch.setattr(evaluation, "load_encoder", load)
    monkeypatch.setattr(evaluation, "read_sentence_form", lambda *_, **__: None)


@pytest.fixture(scope="module")
def tiny() -> Encoder:
    return new_encoder(["line of some words", "ada went home"], ModelConfig(size="pico", pieces=60), seed=1)


def options() -> list[str]:
    """Field names of all options of `xl eval`."""
    group: Any = typer.main.get_command(app)
    return [parameter.name for parameter in group.commands["eval"].params if parameter.name not in _COMMAND]


def base(task: str, root: Path, **more: Any) -> EvaluateConfig:
    folder = {"names": "", "retrieval": str(root / "lines")}.get(task, str(root))
    given: dict[str, Any] = {"model": ("org/model",), "data": folder}
    if task == "names":  # of two locales, which are read faster than nine
        given |= {"source": ("eng",), "target": ("tur",)}
    given |= more
    return EvaluateConfig(**given)


def outcome(task: str, config: EvaluateConfig) -> object:
    """What a call would compute: digests of all that decides its figures, or why it would compute nothing."""
    try:
        one = task_plan(TASKS[task], config)
        models = [NamedModel(name, config, None) for name in config.model]
        return {cell.name for model in models for job in one.jobs(model) for cell in job.cells}
    except (CliError, TaskError, TranslitError) as error:
        return str(error)


def test_every_option_has_a_value_here_and_a_task_that_reads_it() -> None:
    assert set(options()) == set(_VALUES)
    calls = [
        base("xnli", Path(), probe=probe, preset=preset) for probe in (False, True) for preset in ("default", "ppa")
    ]
    read = {name for entry in TASKS.values() for call in calls for name in options_read(entry, call)}
    assert read == set(_VALUES)


_CASES = [(task, way) for task, entry in TASKS.items() for way in ("", "probe")
          if not way or entry.kind in ("classification", "tagging")]  # fmt: skip


@pytest.mark.parametrize(("task", "way"), thinned(_CASES, 4))
def test_an_option_changes_what_is_computed_or_is_refused(task: str, way: str, data: Path, tmp_path: Path) -> None:
    entry = TASKS[task]
    ours: dict[str, object] = {"probe": True, "layer": ("1",)} if way else {}
    faults = []
    assert not isinstance(plain := outcome(task, base(task, data, **ours)), str), plain
    for name in sorted(set(options()) - _LATER - set(ours)):
        beside = {**ours, **_BESIDE.get((name, entry.kind), {})}
        own = _SUITED.get((name, task), _SUITED.get((name, entry.kind), {}))
        given = {**beside, **_VALUES[name], **own}
        given = {key: str(tmp_path) if value == "EMPTY" else value for key, value in given.items()}
        try:
            before, config = base(task, data, **beside), base(task, data, **given)
        except UsageError:
            continue  # two options that exclude each other on any task
        reads = name in options_read(entry, config)
        if name in ("on_error", "tag_scheme"):  # act on broken items, and on tags of that scheme, alone
            watched = recorded(EvaluateConfig, **{key: getattr(config, key) for key in _VALUES})
            outcome(task, watched)
            changed = name in seen(watched)
        else:
            changed = outcome(task, config) != outcome(task, before)
        if changed != reads:
            faults.append(f"--{name}: {'changes' if changed else 'does not change'} what is computed")
        if not reads:
            with pytest.raises(UsageError, match=f"--{name.replace('_', '-')}.*: no meaning for {task}"):
                check_task_options([entry], config)
    assert faults == []


@pytest.mark.slow
def test_a_refusal_names_every_such_option_and_whose_it_is(xl: Run, data: Path) -> None:
    for arguments, words in (
        (["names", "--seeds", 5, "--preset", "xtreme", "--protocol", "translate-train"],
         "--protocol and --seeds: no meaning for names, only for all of classification, all of tagging and all of"),
        (["bli", "--score", "csls", "--data", data], "--score: no meaning for bli, only for all of retrieval;"),
        (["bli", "--score", "cosine", "--data", data], "--score: no meaning for bli"),  # its default, but written out
        (["sib200", "--layer", 8, "--data", data], "--layer: no meaning for sib200 without --probe"),
        (["sib200", "panx", "--probe", "--seeds", 3], "--seeds: no meaning for sib200 and panx with --probe"),
        (["sib200", "--preset", "xtreme"], "--preset: no meaning for sib200, only for xnli"),
        (["similarity", "--resamples", 9], "--resamples: no meaning for similarity, only for"),
        (["names", "--revision", "main"], "--revision: no meaning for models in folders"),
        (["bli", "--layer", 3, "--pooling", "first"], "--layer and --pooling: no meaning for models in files of vec"),
        (["sib200", "--set", "n_best=3"], "n_best: no meaning for sib200;"),
        (["sib200", "--set", "lora_rank=3"], "lora_rank: no meaning for sib200 without --lora"),
        (["sib200", "--probe", "--grid", "lr=1e-3,1e-4"], "lr: no meaning for sib200 with --probe"),
        (["sib200", "--set", "steps=3", "--set", "epochs=2"], "epochs: no meaning beside steps"),
        (["sib200", "--set", "shared_lr=true"], "shared_lr: no meaning for sib200"),
        (["sib200", "--robust", "at", "--set", "robust.copies=2"], "robust.copies: no meaning for at"),
        (["sib200", "--robust", "at", "--set", "robust.eps=1", "--set", "robust.eps_rel=1"], "eps_rel: no meaning"),
        (["sib200", "--robust", "at", "--set", "robust.weight=2"], "robust.weight: no meaning for at"),
    ):  # fmt: skip
        result = xl("eval", *arguments, "--model", data)  # a folder, though not one of a model: no model is opened
        assert result.returncode == 2, result.stderr
        assert words in result.stderr
        assert result.stdout == ""


@pytest.mark.slow
def test_a_refusal_comes_before_heavy_imports() -> None:
    script = (
        "import sys\n"
        "sys.argv = ['xl', 'eval', 'names', '--seeds', '5', '--model', 'm']\n"
        "from xl_cli.main import main\n"
        "try:\n    main()\nexcept SystemExit as stopped:\n    print(stopped.code, 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["2", "False"]


def test_an_option_that_one_of_the_tasks_reads_is_taken(data: Path) -> None:
    config = base("sib200", data, score="csls", seeds=2, treebank=("English-TB",))
    check_task_options([TASKS["sib200"], TASKS["tatoeba"], TASKS["udpos"]], config)
    with pytest.raises(UsageError, match="--treebank: no meaning for sib200 and tatoeba, only for uner and udpos"):
        check_task_options([TASKS["sib200"], TASKS["tatoeba"]], config)


@pytest.mark.parametrize("task", ["tatoeba", "bucc2018", "bli", "similarity"])
def test_resamples_are_read_where_rows_have_intervals(task: str, data: Path) -> None:
    from xl_cli.evaluation.evaluation import Evaluation

    entry = TASKS[task]
    config = base(task, data)
    rows = Evaluation(config, None).run([entry])
    assert rows
    assert any(row.low is not None for row in rows) == ("resamples" in options_read(entry, config))


@pytest.mark.parametrize(
    ("task", "mode"),
    thinned(
        [
            ("sib200", "full"),
            ("sib200", "lora"),
            ("sib200", "probe"),
            ("panx", "full"),
            ("panx", "lora"),
            ("panx", "probe"),
            ("squad", "full"),
            ("squad", "lora"),
        ],
        3,
    ),
)
def test_settings_are_read_by_what_they_are_said_to_be_read_by(task: str, mode: str, data: Path, tiny: Encoder) -> None:
    from xl_tasks.protocols.data_folder import load_task
    from xl_tasks.protocols.transfer import make_problem
    from xl_tasks.tuning.fit import fit_task

    entry = TASKS[task]
    examples = load_task(entry, data, None)
    split = {name: {"eng_Latn": examples.split("eng_Latn", name)} for name in ("train", "dev")}
    config = recorded(TuningConfig, mode=mode, epochs=2.0, batch=3, max_len=24, every=2, query_len=4)
    fitted = fit_task(tiny, make_problem(entry, examples, tiny, "subword", config), *split.values(), config)
    fitted.predict(examples.split("eng_Latn", "dev"), "eng_Latn")
    assert seen(config) - {"mode", "seed"} == settings_read(entry.kind, mode)


@pytest.mark.parametrize("mode", MODES)
def test_a_setting_is_read_or_refused_for_every_task(mode: str) -> None:
    keys = {key: default for key, default, _ in tuning_keys() if not key.startswith("robust.") and default}
    given: dict[str, Any] = {"model": ("org/model",), **({} if mode == "full" else {mode: True})}
    for task, entry in TASKS.items():
        for key, default in keys.items():
            config = EvaluateConfig(set=(f"{key}={default.lower() if key == 'shared_lr' else default}",), **given)
            reads = plan_class(entry).settings(entry, config)
            assert reads == (settings_read(entry.kind, mode) if "set" in options_read(entry, config) else set())
            if key in reads:
                check_task_options([entry], config)
            else:
                with pytest.raises(
                    UsageError, match=rf"(^|; |--){'set' if not reads else key}.*: no meaning for {task}"
                ):
                    check_task_options([entry], config)


def test_every_setting_is_read_by_something() -> None:
    kinds = {entry.kind for entry in TASKS.values()}
    read = set().union(*(settings_read(kind, mode) for kind in kinds for mode in MODES))
    assert read == set(TuningConfig.__dataclass_fields__) - {"mode", "seed"}
    read = set().union(*(robust_settings_read(kind, ["kl"]) for kind in KINDS))
    assert read == set(RobustConfig.__dataclass_fields__) - {"kind", "seed"}


@pytest.mark.parametrize("loss", ["adversarial", "kl"])
@pytest.mark.parametrize("kind", ["at", "rs-rp"])
def test_settings_of_shifts_change_the_loss_where_they_are_read(kind: str, loss: str) -> None:
    from xl_tasks.robustness.perturbing import Perturbation

    states = torch.randn(4, 5, 8, generator=torch.Generator().manual_seed(0))
    weights = torch.randn(8, 3, generator=torch.Generator().manual_seed(1))

    def value(**settings: Any) -> float:
        perturbation = Perturbation.of(RobustConfig(kind=kind, loss=loss, **settings), 1.0)
        found = perturbation.loss(
            lambda delta: (states if delta is None else states + delta).tanh().mean(1) @ weights,
            lambda logits: torch.nn.functional.cross_entropy(logits, torch.tensor([0, 1, 2, 0])),
            content=torch.ones(4, 5, dtype=torch.bool),
            width=8,
            generator=torch.Generator().manual_seed(2),
        )
        return float(found)

    other = {"eps": 0.7, "eps_rel": 0.7, "steps": 5, "step_size": 0.01, "weight": 3.0, "copies": 5, "n_neighbours": 2,
             "keep_original": False, "min_similarity": 0.1, "match": "exact", "neighbours": "x"}  # fmt: skip
    changed = {name for name, setting in other.items() if value(**{name: setting}) != value()}
    assert changed | {"loss", "layer"} == robust_settings_read(kind, [loss])


def test_settings_of_exchanged_words(data: Path, tmp_path: Path) -> None:
    from xl_tasks.protocols.data_folder import load_task
    from xl_tasks.robustness.substitution import exchanged

    table = tmp_path / "near.json"
    table.write_text('{"the": ["one"], "old": ["new"]}', encoding="utf-8")
    config = recorded(RobustConfig, kind="rs-da", neighbours=str(table))
    exchanged({"eng_Latn": load_task(TASKS["sib200"], data, ["eng"]).split("eng_Latn", "train")}, config, "sib200")
    assert seen(config) - {"kind", "seed"} == robust_settings_read("rs-da", ["adversarial"])


@pytest.mark.parametrize("preset", thinned([name for name in PRESETS if name != "default"], 3))
def test_one_side_beside_a_preset_is_planned_or_refused_in_words(preset: str, data: Path) -> None:
    """Of the tasks that a preset's paper has and of those that it lacks."""
    for task in TASKS:
        assert outcome(task, base(task, data, preset=preset, target=("tur",)))
        assert outcome(task, base(task, data, preset=preset, source=("eng",)))
