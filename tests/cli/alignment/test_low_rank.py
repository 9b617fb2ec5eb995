"""`train.lora_rank`: the trained model is the start plus matrices of that rank, in queries and values alone."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from tests.cli.conftest import Run
from tests.cli.made_data import about_of, greek, log_of, same_weights, sentences, write_lines

from xl_encoders import FitConfig, ModelConfig, new_encoder


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    lines = sentences(16, seed=5)
    write_lines(tmp_path / "a.ell", [greek(line) for line in lines])
    write_lines(tmp_path / "a.eng", lines)
    config = ModelConfig(size="pico", pieces=90, max_len=64)
    new_encoder([*lines, *map(greek, lines)], config, seed=2).save(tmp_path / "start")
    files = [str(tmp_path / "a.ell"), str(tmp_path / "a.eng")]
    path = tmp_path / "mine.toml"
    path.write_text(
        f'[model]\nfrom = "{tmp_path / "start"}"\nmax_len = 64\n'
        f'[[data]]\nkind = "pairs"\nfiles = {json.dumps(files)}\n[[objective]]\nname = "ot"\n'
        '[train]\nvariants = ["ot"]\nbatch = 8\nsteps = 4\nlr = 1e-2\nlog_every = 1\nlora_rank = 2\n',
        encoding="utf-8",
    )
    return path


def test_the_model_differs_from_its_start_by_matrices_of_that_rank(xl: Run, recipe: Path, tmp_path: Path) -> None:
    pytest.importorskip("peft")
    result = xl("align", recipe, "--out", tmp_path / "run")
    assert result.returncode == 0, result.stderr
    assert "low-rank updates of rank 2" in result.stderr
    start = load_file(tmp_path / "start" / "model.safetensors")
    trained = load_file(tmp_path / "run" / "model" / "model.safetensors")
    assert trained.keys() == start.keys()
    changed = {name for name, weight in start.items() if not torch.equal(weight, trained[name])}
    assert changed
    for name in changed:
        assert "attention.self.query.weight" in name or "attention.self.value.weight" in name
        assert torch.linalg.matrix_rank(trained[name].double() - start[name].double(), rtol=1e-4) <= 2
    losses = [row["losses"]["ot"] for row in log_of(tmp_path / "run")]
    assert losses[-1] < losses[0]
    assert "Low-rank updates of rank 2" in (tmp_path / "run" / "model" / "README.md").read_text(encoding="utf-8")
    assert about_of(tmp_path / "run")["status"] == "finished"


@pytest.mark.slow
def test_a_run_cut_short_goes_on_to_the_same_weights(
    xl: Run, recipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Updates with dropout in front of them, a contrast behind a projector; cut after two of four steps."""
    from xl_encoders.training import fit as fit_loop

    more = 'variants = ["ot+sentence-nce"]\nsave_every = 1'
    text = recipe.read_text(encoding="utf-8").replace('variants = ["ot"]', more)
    recipe.write_text(text + '[[objective]]\nname = "sentence-nce"\nprojector = 6\n', encoding="utf-8")
    whole = xl("align", recipe, "--out", tmp_path / "whole")
    assert whole.returncode == 0, whole.stderr
    right = fit_loop.learning_rate

    def stop(step: int, n_steps: int, config: FitConfig) -> float:
        if step == 2:
            raise RuntimeError
        return right(step, n_steps, config)

    with monkeypatch.context() as patch:
        patch.setattr(fit_loop, "learning_rate", stop)
        with pytest.raises(RuntimeError):
            xl("align", recipe, "--out", tmp_path / "cut")
    (path,) = (tmp_path / "cut" / "checkpoints").glob("*/step-*.safetensors")
    kept = {name for name in load_file(path) if name.startswith("weight/")}
    assert kept
    assert all("lora_" in name or "projectors." in name for name in kept)  # nothing else is trained
    result = xl("align", "--resume", "--out", tmp_path / "cut")
    assert result.returncode == 0, result.stderr
    assert "going on from step 2" in result.stderr
    assert same_weights(tmp_path / "whole", tmp_path / "cut")
    assert [row["losses"] for row in log_of(tmp_path / "whole")] == [row["losses"] for row in log_of(tmp_path / "cut")]


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        ("model.from=new", "model.from is new: low-rank updates leave all other weights"),
        ("model.extend_vocabulary=mean", "model.extend_vocabulary adds pieces"),
        ("train.lora_rank=0 train.lora_alpha=4.0", "train.lora_alpha is 4.0, but train.lora_rank is 0"),
    ],
)
def test_what_makes_no_sense_is_refused(xl: Run, recipe: Path, setting: str, told: str) -> None:
    settings = [part for one in setting.split(" ") for part in ("--set", one)]
    result = xl("align", recipe, *settings, "--dry-run")
    assert result.returncode == 2
    assert told in result.stderr
