"""What a preset sets beside hyper-parameters: sources that are there, seeds, protocol, what means are over."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from tests.cli.conftest import Run
from tests.cli.every_task import make_every_task

from xl_cli.errors import UsageError
from xl_cli.evaluation.config import EvaluateConfig
from xl_cli.evaluation.preset_options import mean_of, sources_there, with_preset
from xl_tasks import TASKS, Row, write_rows
from xl_tasks.tuning.presets import PRESETS

_GIVEN = {"seeds": 2, "source": ("tur_Latn",), "protocol": ("translate-train",)}


@pytest.fixture(scope="module")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from xl_encoders import ModelConfig, new_encoder

    new_encoder(["line of some words", "ada went home"], ModelConfig(size="pico", pieces=60), seed=1).save(
        folder := tmp_path_factory.mktemp("model") / "tiny"
    )
    return folder


def config(**more: Any) -> EvaluateConfig:
    given: dict[str, Any] = {"model": ("m",), "preset": "ppa", **more}
    return EvaluateConfig(**given)


@pytest.mark.parametrize(("preset", "task"), [(name, task) for name in PRESETS for task in PRESETS[name].tasks
                                              if name != "default" and task in TASKS])  # fmt: skip
def test_a_preset_sets_all_that_it_names_and_nothing_that_the_user_does(preset: str, task: str, capsys) -> None:
    paper, entry = PRESETS[preset], TASKS[task]
    named = {code for codes in paper.sources.get(task, {}).values() for code in codes}
    found = with_preset(entry, config(preset=preset))
    assert (set(found.source), found.seeds, found.protocol) == (named, len(paper.seeds), (paper.protocol,))
    note = capsys.readouterr().err
    assert note.count("\n") == 1
    assert f"preset {preset} sets" in note
    for word in (f"--seeds {len(paper.seeds)} ", f"--protocol {paper.protocol}", *named):
        assert word in note
    for option, value in _GIVEN.items():
        kept = with_preset(entry, config(preset=preset, **{option: value}))
        assert getattr(kept, option) == value
        assert f"--{option} " not in capsys.readouterr().err
    assert with_preset(entry, given := config(preset=preset, **_GIVEN)) == given
    assert capsys.readouterr().err == ""


_LR = "lr=3e-05,5e-05,0.0001,0.0003"
_RADII = "robust.eps_rel=0.01,0.03,0.1,0.3"


@pytest.mark.parametrize(
    ("preset", "task", "more", "grid"),
    [
        ("phonemic", "panx", {}, ()),
        ("phonemic", "panx", {"grid": ("preset",)}, (_LR,)),
        ("phonemic", "panx", {"grid": ("preset", "epochs=1,2")}, ("epochs=1,2", _LR)),
        ("phonemic", "panx", {"grid": ("preset", "lr=1e-5,2e-5")}, ("lr=1e-5,2e-5",)),
        ("robust-xlt", "pawsx", {}, ()),
        # Nobody has published a radius: it is chosen unless the user does.
        ("robust-xlt", "pawsx", {"robust": ("at", "rs-rp")}, (_RADII,)),
        ("robust-xlt", "pawsx", {"robust": ("at",), "set": ("robust.eps_rel=0.2",)}, ()),
        # Words in the place of others have no radius.
        ("robust-xlt", "pawsx", {"robust": ("rs-da",), "neighbours": "table"}, ()),
        ("robust-xlt", "pawsx", {"robust": ("rs-da", "at"), "neighbours": "table"}, (_RADII,)),
        ("robust-xlt", "pawsx", {"robust": ("at",), "set": ("robust.eps=1",)}, ()),
        ("robust-xlt", "pawsx", {"robust": ("at",), "grid": ("robust.eps_rel=0.2,0.3",)}, ("robust.eps_rel=0.2,0.3",)),
    ],
)
def test_a_grid_is_the_preset_s_where_that_is_asked_for(preset, task, more, grid, capsys) -> None:
    assert with_preset(TASKS[task], config(preset=preset, **more)).grid == grid
    told = [text for text in grid if text not in more.get("grid", ())]
    assert [text in capsys.readouterr().err for text in told] == [True] * len(told)


@pytest.mark.parametrize(
    ("preset", "task"), [("xtreme", "panx"), ("phonemic", "sib200"), ("default", "panx"), ("robust-xlt", "pawsx")]
)
def test_a_preset_without_a_grid_is_refused(preset, task) -> None:
    with pytest.raises(UsageError, match=r"--grid preset: preset .* has no grid for"):
        with_preset(TASKS[task], config(preset=preset, grid=("preset",)))
    with pytest.raises(UsageError, match="--grid preset: preset robust-xlt has no grid for pawsx"):
        with_preset(TASKS["pawsx"], config(preset="robust-xlt", grid=("preset",), robust=("rs-da",), neighbours="t"))


def test_without_a_preset_one_model_is_trained_and_nothing_is_said(capsys) -> None:
    for preset in ("default", "wordot"):  # that paper has no topics
        found = with_preset(TASKS["sib200"], config(preset=preset))
        assert (found.source, found.seeds, found.protocol) == ((), 1, ("zero-shot",))
    assert capsys.readouterr().err == ""
    with pytest.raises(UsageError, match="--preset is 'papa'; choose one of"):
        with_preset(TASKS["sib200"], config(preset="papa"))


def test_sources_of_a_preset_that_the_data_lacks_are_left_out_those_of_the_user_are_not(capsys) -> None:
    entry, given = TASKS["sib200"], config()
    asked = with_preset(entry, given)
    there = [*asked.source[:2], "nld_Latn"]
    capsys.readouterr()
    assert sources_there(entry, asked, given, there).source == asked.source[:2]
    assert f"nothing to train or ask with in {', '.join(asked.source[2:])}." in capsys.readouterr().err
    with pytest.raises(UsageError, match="none of the sources of preset ppa"):
        sources_there(entry, asked, given, ["nld_Latn"])
    own = config(source=("tur_Latn",))
    assert sources_there(entry, own, own, ["nld_Latn"]) == own


@pytest.mark.slow
def test_xl_eval_trains_as_often_and_on_what_the_preset_says(xl: Run, tmp_path: Path, tiny_model: Path) -> None:
    data = make_every_task(tmp_path / "data")
    quick = ("--set", "steps=1", "--set", "max_len=16", "--set", "batch=2", "--resamples", 0)
    call = ("eval", "sib200", "--preset", "ppa", "--data", data, "--model", tiny_model, *quick)
    done = xl(*call, "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    from xl_tasks import read_rows

    rows = read_rows(tmp_path / "out/results.jsonl")
    assert {row.seed for row in rows} == set(PRESETS["ppa"].seeds)
    assert {row.source for row in rows} == {"eng_Latn", "ell_Grek"}  # the other sources are not in this data
    assert "nothing to train or ask with in" in done.stderr
    assert "each line without what it was trained on" in done.stdout
    assert "each line with what it was trained on" in xl(*call, "--seeds", 1, "--mean", "all").stdout
    assert xl(*call, "--mean", "most").returncode == 2


@pytest.mark.parametrize(("tuning", "mean"), [("full/xtreme", "all"), ("full/ppa lr=1", "others"), ("probe", "others"),
                                              ("full/wordot", "all"), ("full/unknown", "others")])  # fmt: skip
def test_a_report_averages_as_the_paper_of_the_preset(xl: Run, tmp_path: Path, tuning: str, mean: str) -> None:
    rows = [
        Row(task="xnli", metric="accuracy", value=value, n=9, source="eng_Latn", target=target, variant="v",
            split="test", protocol="zero-shot", tuning=tuning)
        for target, value in (("eng_Latn", 0.9), ("tur_Latn", 0.5))
    ]  # fmt: skip
    assert mean_of(map(asdict, rows)) == mean
    write_rows(tmp_path / "results.jsonl", rows)
    for option, shown in (((), mean), (("--mean", "all"), "all"), (("--mean", "others"), "others")):
        done = xl("report", tmp_path, *option)
        assert ("70.0" in done.stdout) == (shown == "all"), done.stderr


def test_presets_that_do_not_agree_average_over_the_others() -> None:
    assert mean_of([{"tuning": "full/xtreme"}, {"tuning": "full/ppa"}]) == "others"
    assert mean_of([{"tuning": None}]) == "others"
