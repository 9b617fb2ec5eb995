"""`xl align` and `xl export` on folders saved in half precision: trained in float32, saved as the recipe says."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from tests.cli.conftest import Run, small
from tests.cli.made_data import about_of, same_weights
from tests.thinned import thinned
from transformers import AutoModelForMaskedLM, AutoTokenizer

from xl_cli.data.run_data import load_data
from xl_cli.launch.stopping import Stopping
from xl_cli.recipe.recipe import parse_recipe

STEPS = ("train.lr=2e-5", "eval.string_match=false", "train.steps=3")


@pytest.fixture(scope="module")
def starts(xl: Run, corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One model saved in bfloat16, and the same numbers in float32."""
    folder = tmp_path_factory.mktemp("starts")
    made = xl(*small(corpus, "train.steps=1", "eval.string_match=false"), "--out", folder / "run")
    assert made.returncode == 0, made.stderr
    tokenizer: Any = AutoTokenizer.from_pretrained(folder / "run" / "model")
    model = AutoModelForMaskedLM.from_pretrained(folder / "run" / "model")
    for name, dtype in (("bfloat16", torch.bfloat16), ("float32", torch.float32)):
        model.to(dtype).save_pretrained(folder / name)
        tokenizer.save_pretrained(folder / name)
    return {name: folder / name for name in ("bfloat16", "float32")}


def dtypes_in(out: Path) -> set[torch.dtype]:
    return {tensor.dtype for tensor in load_file(out / "model.safetensors").values()}


def settings(corpus: Path, start: Path, *more: str) -> list[str]:
    return small(corpus, f'model.from="{start}"', "train.variants=mlm+seq", *STEPS, *more)


@pytest.mark.parametrize("selected", thinned([False, True], 2))
def test_a_run_from_bfloat16_is_the_run_from_float32(
    xl: Run, corpus: Path, starts: dict[str, Path], tmp_path: Path, selected: bool
) -> None:
    more = ("select.every=2",) if selected else ()
    for name, start in starts.items():
        result = xl(*settings(corpus, start, *more), "--out", tmp_path / name)
        assert result.returncode == 0, result.stderr
        assert dtypes_in(tmp_path / name / "model") == {torch.float32}
        assert about_of(tmp_path / name)["dtype"] == {"folder": name, "trained": "float32", "saved": "float32"}
        assert ("is saved in bfloat16; it is trained in float32" in result.stderr) == (name == "bfloat16")
    assert same_weights(tmp_path / "bfloat16", tmp_path / "float32")


@pytest.mark.slow
def test_the_recipe_may_keep_the_folder_s_dtype(xl: Run, corpus: Path, starts: dict[str, Path], tmp_path: Path) -> None:
    for name, more in (("whole", ()), ("own", ("train.save_dtype=folder",))):
        result = xl(*settings(corpus, starts["bfloat16"], *more), "--out", tmp_path / name)
        assert result.returncode == 0, result.stderr
    assert dtypes_in(tmp_path / "own" / "model") == {torch.bfloat16}
    assert about_of(tmp_path / "own")["dtype"]["saved"] == "bfloat16"
    whole, own = (load_file(tmp_path / name / "model" / "model.safetensors") for name in ("whole", "own"))
    assert all(torch.equal(own[name], whole[name].bfloat16()) for name in whole)
    # The scores are those of what was saved.
    again = xl(*settings(corpus, tmp_path / "own", "train.steps=1", "train.lr=1e-12"), "--out", tmp_path / "again")
    assert again.returncode == 0, again.stderr
    rows = {
        name: [
            (row["metric"], row["source"], row["target"], row["value"])
            for row in map(json.loads, (tmp_path / name / "results.jsonl").read_text(encoding="utf-8").splitlines())
            if row["variant"] == variant
        ]
        for name, variant in (("own", "mlm+seq"), ("again", "pretrained"))
    }
    assert rows["own"]
    assert rows["own"] == rows["again"]


@pytest.mark.slow
def test_a_vocabulary_that_grows_keeps_the_folder_s_dtype(
    xl: Run, corpus: Path, starts: dict[str, Path], tmp_path: Path
) -> None:
    more = ("train.save_dtype=folder", "model.extend_vocabulary=mean")
    result = xl(*settings(corpus, starts["bfloat16"], *more), "--out", tmp_path / "run")
    assert result.returncode == 0, result.stderr
    assert dtypes_in(tmp_path / "run" / "model") == {torch.bfloat16}


@pytest.mark.slow
def test_a_run_of_an_earlier_release_goes_on(
    xl: Run, corpus: Path, starts: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its run.json lacks the keys of now, and what it trained in bfloat16 lies in bfloat16 in its checkpoint."""
    out = tmp_path / "run"
    with monkeypatch.context() as patch:
        asked = iter([False, True])
        patch.setattr(Stopping, "__call__", lambda self: next(asked))
        stopped = xl(*settings(corpus, starts["bfloat16"], "train.steps=4"), "--out", out)
    assert "stopped after step 2 of 4" in stopped.stderr
    about = about_of(out)
    del about["dtype"], about["recipe"]["train"]["save_dtype"]
    (out / "run.json").write_text(json.dumps(about), encoding="utf-8")
    (file,) = (out / "checkpoints").glob("*/step-*.safetensors")
    said = {key: value for key, value in about["recipe"].items() if key not in ("description", "note", "eval")}
    data = load_data(parse_recipe(about["recipe_name"], about["recipe"]))
    identity = json.dumps([said, "mlm+seq", data.fingerprint], sort_keys=True)
    meta = {"step": 2, "fingerprint": hashlib.sha256(identity.encode()).hexdigest(), "scaler": None}
    halves = {key: value if key.startswith("step/") else value.bfloat16() for key, value in load_file(file).items()}
    save_file(halves, file, metadata={"xl": json.dumps(meta)})
    result = xl("align", "--resume", "--out", out)
    assert result.returncode == 0, result.stderr
    assert "going on from step 2" in result.stderr
    assert dtypes_in(out / "model") == {torch.float32}


def test_what_reads_vectors_computes_in_float32(xl: Run, corpus: Path, starts: dict[str, Path], tmp_path: Path) -> None:
    found = []
    for name, start in starts.items():
        scored = xl("eval", "retrieval", "--model", start, "--data", corpus, "--limit", 20, "--json")
        assert scored.returncode == 0, scored.stderr
        out = tmp_path / f"{name}.vec"
        text = corpus / "eng_Latn.txt"
        quick = ("--min-count", "1", "--epochs", "1", "--tokenized")
        extracted = xl("static", "extract", text, "--model", start, "--out", out, *quick)
        assert extracted.returncode == 0, extracted.stderr
        rows = [json.loads(line) for line in scored.stdout.splitlines()]
        found.append(([(row["metric"], row["source"], row["value"]) for row in rows], out.read_bytes()))
    assert found[0] == found[1]


@pytest.mark.parametrize("form", thinned(["transformers", "sentence-transformers"], 2))
def test_export_asks_for_the_folder_s_dtype(xl: Run, starts: dict[str, Path], tmp_path: Path, form: str) -> None:
    for name, more in (("whole", ()), ("own", ("--dtype", "folder"))):
        result = xl("export", starts["bfloat16"], "--format", form, "--out", tmp_path / name, *more)
        assert result.returncode == 0, result.stderr
    assert dtypes_in(tmp_path / "whole") == {torch.float32}
    assert dtypes_in(tmp_path / "own") == {torch.bfloat16}


def test_a_wrong_dtype_is_wrong_usage(xl: Run, corpus: Path, starts: dict[str, Path], tmp_path: Path) -> None:
    result = xl(*small(corpus, "train.save_dtype=bf16"), "--dry-run")
    assert result.returncode == 2
    assert "train.save_dtype is 'bf16'; choose one of float32, folder." in result.stderr
    result = xl("export", starts["bfloat16"], "--dtype", "bf16", "--out", tmp_path / "out")
    assert result.returncode == 2
    assert "--dtype is 'bf16'; choose one of float32, folder." in result.stderr
