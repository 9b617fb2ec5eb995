"""`xl analyze gradients`: of a recipe as it trains, of a run, and what cannot be measured."""

import json
from pathlib import Path

import pytest
from tests.cli.conftest import Run, small
from tests.cli.task_data import make_sib200

import xl_cli
from xl_encoders import ModelConfig, new_encoder


@pytest.fixture(scope="module")
def recipe(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Arguments that name a recipe which trains three objectives for six steps."""
    _, *settings = small(corpus, 'train.variants=["mlm", "mlm+seq+tlm"]')
    return ["scratch", *settings]


def rows_of(text: str) -> dict[tuple[str, int | None, str, str], float]:
    rows = [json.loads(line) for line in text.splitlines()]
    return {(row["variant"], row["layer"], row["source"], row["target"]): row["value"] for row in rows}


@pytest.mark.slow
def test_a_run_trains_again_to_the_gradients_of_its_model(xl: Run, recipe: list[str], tmp_path: Path) -> None:
    """The model that a run kept is the state after its last step, which training again from its start comes to."""
    done = xl("align", *recipe, "--out", tmp_path / "run")
    assert done.returncode == 0, done.stderr
    call = ("analyze", "gradients", "--batches", 2, "--json")
    kept = xl(*call, tmp_path / "run", "--picture", tmp_path / "g.png", "--out", tmp_path / "rows")
    assert kept.returncode == 0, kept.stderr
    again = xl(*call, tmp_path / "run", "--steps", 0, "--steps", 6)
    found, states = rows_of(kept.stdout), rows_of(again.stdout)
    assert {variant for variant, *_ in states} == {"mlm+seq+tlm step 0", "mlm+seq+tlm step 6"}
    pairs = {("mlm", "seq"), ("mlm", "tlm"), ("seq", "tlm")}
    assert {(a, b) for _, _, a, b in found} == pairs
    assert len(found) == 3 * (len({layer for _, layer, *_ in found}))
    for key, value in found.items():
        assert -1 <= value <= 1
        assert states[key] == pytest.approx(value, abs=1e-5)  # float32
    assert (tmp_path / "g.png").read_bytes().startswith(b"\x89PNG")
    assert "step 6" in xl("report", tmp_path / "rows").stdout
    # By the recipe alone, the start is the same.
    alone = xl(*call, *recipe)
    assert alone.returncode == 0, alone.stderr
    for key, value in rows_of(alone.stdout).items():
        assert states[key] == pytest.approx(value, abs=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("more", ["objective.seq.projector=6", "train.lora_rank=2"])
def test_what_a_model_does_not_keep_is_trained_again(
    xl: Run, recipe: list[str], corpus: Path, tmp_path: Path, more: str
) -> None:
    """A projector, and updates that were added to the weights, are no part of the model that a run leaves."""
    if "lora" in more:
        lines = (corpus / "tr.txt").read_text(encoding="utf-8").split("\n")
        new_encoder(lines, ModelConfig(size="pico", pieces=90), seed=2).save(tmp_path / "start")
        recipe = [*recipe, "--set", f"model.from={tmp_path / 'start'}"]
    done = xl("align", *recipe, "--set", 'train.variants=["mlm+seq"]', "--set", more, "--out", tmp_path / "run")
    assert done.returncode == 0, done.stderr
    call = ("analyze", "gradients", tmp_path / "run", "--batches", 2, "--json")
    last, again = xl(*call), xl(*call, "--steps", 6, "--steps", 0)
    assert last.returncode == 0, last.stderr
    found, states = rows_of(last.stdout), rows_of(again.stdout)
    assert found
    for key, value in found.items():
        assert states[key] == pytest.approx(value, abs=1e-5)
    if "lora" in more:  # the frozen embeddings have no gradient
        assert {layer for _, layer, *_ in found} == {layer for _, layer, *_ in states} == {None, 1}
    assert {state for state, *_ in states} == {"mlm+seq step 0", "mlm+seq step 6"}


def test_a_task_pulls_too(xl: Run, recipe: list[str], tmp_path: Path) -> None:
    make_sib200(tmp_path)
    call = ("analyze", "gradients", *recipe, "--variant", "mlm", "--batches", 1, "--json")
    done = xl(*call, "--task", "sib200", "--data", tmp_path, "--source", "eng")
    assert done.returncode == 0, done.stderr
    found = rows_of(done.stdout)
    assert {(a, b) for _, _, a, b in found} == {("mlm", "sib200")}
    assert {0, None} <= {layer for _, layer, *_ in found}
    assert "--source: no meaning without --task" in xl(*call, "--source", "eng").stderr
    assert "--task panx is a task of kind tagging" in xl(*call, "--task", "panx").stderr


def test_what_cannot_be_measured_is_one_sentence(xl: Run, recipe: list[str], tmp_path: Path, corpus: Path) -> None:
    def told(*arguments: object) -> str:
        done = xl("analyze", "gradients", *arguments)
        lines = [line for line in done.stderr.splitlines() if line.startswith("xl: ")]
        assert (done.returncode in (1, 2), len(lines)) == (True, 1), done.stderr
        return lines[0]

    assert "mlm trains mlm alone; a cosine is of the gradients of two: give --task" in told(*recipe, "--variant", "mlm")
    assert "--variant is 'seq'; scratch trains mlm, mlm+seq+tlm" in told(*recipe, "--variant", "seq")
    assert "--steps 7: mlm+seq+tlm has 6 steps; give 0 to 6" in told(*recipe, "--steps", 7)
    assert "--steps is 'first'" in told(*recipe, "--steps", "first")
    assert f"{corpus} is no run (it has no run.json)" in told(corpus)
    (tmp_path / "run.json").write_text('{"status": "finished", "tasks": ["cka"]}', encoding="utf-8")
    assert f"{tmp_path} trained nothing (it has no recipe)" in told(tmp_path)
    assert "--set: no meaning for a run" in told(tmp_path, "--set", "train.steps=1")
    with pytest.raises(xl_cli.UsageError, match="no picture"):
        xl_cli.analyze("gradients", run="names", picture="a.gif")
