"""`xl eval --preset PAPER` without a task: the paper's tasks, each source with the targets of its groups."""

import re
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from tests.cli.every_task import make_every_task

from xl_analysis import read_layout
from xl_cli import Rows, UsageError, evaluate, plan_evaluation, published_rows
from xl_tasks.tuning.presets import PRESETS, preset_sources, preset_targets

PPA = PRESETS["ppa"]


@pytest.fixture(scope="module")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from xl_encoders import ModelConfig, new_encoder

    new_encoder(["line of some words", "ada went home"], ModelConfig(size="pico", pieces=60), seed=1).save(
        folder := tmp_path_factory.mktemp("model") / "tiny"
    )
    return folder


def run(model: Path, data: Path, **more: Any) -> Rows:
    quick: dict[str, Any] = {"set": ["steps=1", "max_len=16", "batch=2"], "resamples": 0, "seeds": 1, "preset": "ppa"}
    return evaluate(model=str(model), data=str(data), **{**quick, **more})


def test_every_source_has_the_targets_of_its_groups_as_the_papers_tables_have_them() -> None:
    layout = read_layout("ppa")
    scores = {score.task if score.task != "retrieval" else "bible": score for score in layout.scores}
    assert list(scores) == list(PPA.experiment)
    groups = {"maf": "2", "sea": "3"}
    tables = {table.number: table for table in layout.tables}
    assert set(groups) == set(PPA.groups)
    for group, number in groups.items():
        assert PPA.groups[group].languages == tables[number].languages
        for task, score in scores.items():
            sources = [score.sources[script] for script in tables[number].sources if script in score.sources]
            assert preset_sources("ppa", task, group) == sources
            targets = [code for code in tables[number].languages if code in score.languages]
            assert preset_targets("ppa", task, group) == targets
            for source in sources[1:]:
                assert preset_targets("ppa", task, "all", source) == targets
            both = {*preset_targets("ppa", task, "maf"), *preset_targets("ppa", task, "sea")}
            assert set(preset_targets("ppa", task, "all", "eng_Latn")) == both


@pytest.mark.slow
def test_the_tasks_that_there_are_run_and_the_others_are_told_once(
    tmp_path: Path, tiny_model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = make_every_task(tmp_path / "data")
    for folder in ("taxi1500", "sib200", "ud"):
        shutil.rmtree(data / folder)
    rows = run(tiny_model, data, out=tmp_path / "out")
    told = capsys.readouterr().err
    (note,) = re.findall(r"note: left out, as the data lack them:\n((?:    .*\n)+)", told)
    assert [line.split(":")[0].strip() for line in note.splitlines()] == ["taxi1500", "sib200", "udpos"]
    assert f"taxi1500: put into {data / 'taxi1500'}: eng_{{train,dev,test}}.tsv" in note
    pairs = {(row.task, row.source, row.target) for row in rows}
    # Sources and targets of the groups, as far as these data go; the queries are in the source language.
    assert pairs == {
        ("retrieval", "eng_Latn", "tur_Latn"),
        ("panx", "eng_Latn", "tur_Latn"), ("panx", "eng_Latn", "ell_Grek"), ("panx", "ell_Grek", "tur_Latn"),
    }  # fmt: skip
    assert "Table 2 of Xhelili" in str(rows)
    assert "Table 3 of" not in str(rows)
    again = run(tiny_model, data, out=tmp_path / "out", seeds=2)
    told = capsys.readouterr().err
    labels = [line for line in told.splitlines() if "finished before" in line]
    assert len(labels) == 1 + 2  # retrieval, and seed 42 of each source
    assert Counter(row.seed for row in again if row.task == "panx").keys() == {42, 43}
    assert {(row.task, row.source, row.target) for row in again} == pairs


def test_one_group_and_limits_by_options(tmp_path: Path, tiny_model: Path, capsys) -> None:
    data = make_every_task(tmp_path / "data")
    with pytest.raises(UsageError, match="the data have no task of preset ppa: bible"):
        run(tiny_model, data, group="sea")
    rows = run(tiny_model, data, source="eng", target="tur", group="maf")
    assert {(row.source, row.target) for row in rows} == {("eng_Latn", "tur_Latn")}


def test_a_broken_file_is_an_error_and_not_left_out(tmp_path: Path, tiny_model: Path) -> None:
    data = make_every_task(tmp_path / "data")
    (data / "panx" / "test-tr.tsv").write_text("no tag\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"test-tr.tsv:1"):
        run(tiny_model, data)


def test_what_is_no_experiment_is_refused_in_a_sentence(tiny_model: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no TASK; name one or more .*, or the experiment of a paper: --preset ppa"):
        evaluate(model=str(tiny_model))
    with pytest.raises(UsageError, match="--group medi: preset ppa: choose one of maf, sea, all"):
        evaluate("sib200", model=str(tiny_model), preset="ppa", group="medi", data=str(make_every_task(tmp_path)))
    with pytest.raises(UsageError, match="--group: no meaning for xnli with preset xtreme"):
        evaluate("xnli", model=str(tiny_model), preset="xtreme", group="maf")
    with pytest.raises(UsageError, match="no --model; name a run folder"):
        evaluate(preset="ppa")


def test_the_plan_without_data_has_the_cells_of_the_papers_tables() -> None:
    printed = Counter(
        ("bible" if row.task == "retrieval" else row.task)
        for row in published_rows("ppa")
        if row.table in ("2", "3") and row.variant and not row.metric.startswith("mean ")
    )
    plan = plan_evaluation(preset="ppa")
    assert {each.task: each.cells for each in plan.outlines} == {
        task: count * (1 if task == "bible" else 5) for task, count in printed.items()
    }
    assert plan.cells == printed["bible"] + 5 * (sum(printed.values()) - printed["bible"])
    # Seven sources, six where Thai is none, five seeds each.
    assert {each.task: each.fits for each in plan.outlines} == {
        "bible": 0, "taxi1500": 35, "sib200": 35, "panx": 35, "udpos": 30,
    }  # fmt: skip
    assert {each.task: each.steps for each in plan.outlines if each.fits} == {
        "taxi1500": 40 * 27, "sib200": 40 * 22, "panx": 5 * 313, "udpos": 10 * 196,
    }  # fmt: skip
    assert "Without --data" in str(plan)
    few = plan_evaluation(preset="ppa", group="maf", seeds=1, source="eng", target=["tur", "ell"], train_limit=64)
    assert {each.task: each.cells for each in few.outlines} == dict.fromkeys(PPA.experiment, 2)
    assert [each.steps for each in few.outlines] == [None, 40 * 2, 40 * 2, 5, 10]
    unread = plan_evaluation("xnli", preset="xtreme")
    assert unread.cells is None  # which languages, the data tell
    assert (sum(each.fits for each in unread.outlines), unread.time) == (3, "unknown without --data")
    assert plan_evaluation("tatoeba").time == "nothing is trained"


def test_a_plan_counts_the_cells_that_a_run_has(tmp_path: Path, tiny_model: Path) -> None:
    data = make_every_task(tmp_path / "data")
    options: dict[str, Any] = {"data": str(data), "seeds": 2, "train_limit": 3, "set": ["max_len=16", "batch=2"]}
    options |= {"model": str(tiny_model), "noise": "typos=0.5", "protocol": "in-language"}
    rows = evaluate("sib200", **options, resamples=0)
    plan = plan_evaluation("sib200", **options)
    cells = {(row.target, row.seed, row.split, row.noise) for row in rows if row.metric == "macro_f1"}
    assert plan.cells == len(cells)
    assert [(each.n_train, each.steps) for each in plan.outlines] == [(3, 20 * 2)]


def test_a_plan_counts_each_setting_of_a_grid_where_it_is_read() -> None:
    """Plain training has no radius; of phonemic input the search space of table 5."""
    robust = plan_evaluation(preset="robust-xlt")
    assert {each.task: each.fits for each in robust.outlines} == dict.fromkeys(("pawsx", "xnli"), 1 + 4 + 4)
    alone = plan_evaluation(preset="robust-xlt", set="robust.eps_rel=0.1", robust="at")
    assert [each.fits for each in alone.outlines] == [2, 2]
    phonemic = plan_evaluation(preset="phonemic", seeds=1)
    assert {each.task: each.fits for each in phonemic.outlines} == {"panx": 10, "udpos": 10, "xnli": 3}
    searched = plan_evaluation(preset="phonemic", seeds=1, grid="preset")
    assert {each.task: each.fits for each in searched.outlines} == {"panx": 40, "udpos": 40, "xnli": 3 * 5 * 4 * 2}


@pytest.mark.slow
def test_robust_training_is_scored_on_pairs_of_languages_too(tmp_path: Path, tiny_model: Path) -> None:
    data = make_every_task(tmp_path / "data")
    rows = run(tiny_model, data, preset="robust-xlt", grid=["robust.eps_rel=0.1,0.2"])
    of_cells = [row for row in rows if not row.baseline]
    kinds = {row.robust.partition(" ")[0] for row in of_cells}
    assert {(row.protocol, row.robust.partition(" ")[0]) for row in of_cells} == {
        (protocol, kind) for protocol in ("zero-shot", "mixed-language") for kind in ("", "at", "rs-rp")
    }
    assert kinds == {"", "at", "rs-rp"}
    assert {row.tuning.partition(": ")[2] == "" for row in of_cells if not row.robust} == {True}
    chosen = {row.tuning.partition(": ")[2] for row in of_cells if row.robust}
    assert chosen <= {"robust.eps_rel=0.1", "robust.eps_rel=0.2"}
    assert "first text down, second across" in str(rows)


def test_a_plan_of_models_in_each_language_knows_its_cells_without_data(capsys: pytest.CaptureFixture[str]) -> None:
    plan = plan_evaluation(preset="phonemic")
    languages = {"panx": 10, "udpos": 10, "xnli": 3}  # tables 1 and 2 of Jung et al. (2024), 15 seeds
    for each in plan.outlines:
        assert set(each.targets.values()) == {1}
        assert (each.fits, each.cells) == (15 * languages[each.task], 2 * 15 * languages[each.task])  # dev beside test
    assert "no rate is published" not in capsys.readouterr().err  # what will be read is not known
    plan_evaluation(preset="robust-xlt")
    assert "--seeds 1 (7);" in capsys.readouterr().err


def test_languages_without_training_examples_are_told(
    tmp_path: Path, tiny_model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = make_every_task(tmp_path / "data")
    (data / "panx" / "train-tr.tsv").unlink()
    rows = run(tiny_model, data, tasks="panx", preset="phonemic")
    assert {row.target for row in rows} == {"eng_Latn"}
    assert "note: panx: no training examples of tur_Latn here, so no model of these." in capsys.readouterr().err
