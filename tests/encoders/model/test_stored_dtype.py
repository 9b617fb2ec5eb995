"""Folders saved in half precision: opened, trained and saved in float32, like the same numbers saved in float32."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file
from tests.encoders.conftest import TEXTS
from tests.encoders.toy_parts import KINDS, make_part, state_of
from tests.thinned import thinned
from transformers import AutoModel

from xl_encoders import (
    Checkpoints,
    Encoder,
    FitConfig,
    export_sentence_transformers,
    export_transformers,
    fit,
    load_encoder,
    save_model,
)

HALVES = {"bfloat16": torch.bfloat16, "float16": torch.float16}


def dtypes_in(folder: Path) -> set[torch.dtype]:
    return {tensor.dtype for tensor in load_file(folder / "model.safetensors").values()}


@pytest.fixture(params=HALVES)
def folders(request: pytest.FixtureRequest, xlmr: Encoder, tmp_path: Path) -> tuple[Path, Path, torch.dtype]:
    """A folder saved in half precision by transformers, one of the same numbers in float32, and the dtype."""
    dtype = HALVES[request.param]
    xlmr.model.to(dtype).save_pretrained(tmp_path / "half")
    xlmr.model.float().save_pretrained(tmp_path / "whole")
    for name in ("half", "whole"):
        xlmr.tokenizer.save_pretrained(tmp_path / name)
    assert dtypes_in(tmp_path / "half") == {dtype}
    return tmp_path / "half", tmp_path / "whole", dtype


def test_a_folder_opens_in_float32_and_says_what_it_was(folders: tuple[Path, Path, torch.dtype]) -> None:
    half, whole = (load_encoder(str(folder), max_len=24) for folder in folders[:2])
    assert (half.stored_dtype, whole.stored_dtype) == (folders[2], torch.float32)
    assert {tensor.dtype for tensor in half.parameters()} == {torch.float32}
    np.testing.assert_array_equal(half.embed(TEXTS), whole.embed(TEXTS))


@pytest.mark.parametrize("sharded", [False, True])
def test_the_files_tell_where_the_config_does_not(folders: tuple[Path, Path, torch.dtype], sharded: bool) -> None:
    half, _, dtype = folders
    if sharded:
        AutoModel.from_pretrained(half).save_pretrained(half, max_shard_size="100KB")
        (half / "model.safetensors").unlink(missing_ok=True)
        assert (half / "model.safetensors.index.json").is_file()
    config = json.loads((half / "config.json").read_text(encoding="utf-8"))
    del config["dtype"]
    (half / "config.json").write_text(json.dumps(config), encoding="utf-8")
    opened = load_encoder(str(half), max_len=24)
    assert opened.stored_dtype == dtype
    assert opened.model.dtype == torch.float32


@pytest.mark.slow
def test_training_is_that_of_the_same_numbers_in_float32(
    folders: tuple[Path, Path, torch.dtype], tmp_path: Path
) -> None:
    found = []
    for folder in folders[:2]:
        encoder = load_encoder(str(folder), max_len=24)
        begun = state_of(encoder)
        objectives = KINDS["mlm+seq+tlm"]
        checkpoints = Checkpoints(tmp_path / f"{folder.name}-checkpoints", "a")
        part = make_part(encoder, "mlm+seq+tlm")
        fit(encoder, [part], objectives, n_steps=3, config=FitConfig(lr=2e-5), checkpoints=checkpoints)
        with safe_open(tmp_path / f"{folder.name}-checkpoints" / "step-00000003.safetensors", "pt") as file:
            kinds = {file.get_tensor(key).dtype for key in file.keys()}  # noqa: SIM118
        assert kinds == {torch.float32}  # weights and both moments
        save_model(encoder, tmp_path / f"{folder.name}-trained")
        assert dtypes_in(tmp_path / f"{folder.name}-trained") == {torch.float32}
        after = state_of(encoder)
        blocks = [name for name in after if "encoder.layer" in name and name.endswith("weight")]
        moved = [(after[name] != begun[name]).float().mean().item() for name in blocks]
        assert min(moved) > 0.99  # in bfloat16 a step at this rate leaves most weights where they are
        found.append(after)
    assert all(torch.equal(found[0][name], found[1][name]) for name in found[0])


def test_a_model_in_half_precision_is_trained_in_float32(xlmr: Encoder) -> None:
    xlmr.model.to(torch.bfloat16)
    fit(xlmr, [make_part(xlmr, "seq")], KINDS["seq"], n_steps=1, config=FitConfig())
    assert {tensor.dtype for tensor in xlmr.parameters()} == {torch.float32}


def test_saving_in_another_dtype_leaves_the_encoder_alone(xlmr: Encoder, tmp_path: Path) -> None:
    before = state_of(xlmr)
    save_model(xlmr, tmp_path / "half", dtype=torch.bfloat16)
    assert dtypes_in(tmp_path / "half") == {torch.bfloat16}
    after = state_of(xlmr)
    assert all(torch.equal(before[name], after[name]) for name in before)
    reopened = state_of(load_encoder(str(tmp_path / "half"), max_len=24))
    assert all(torch.equal(reopened[name], before[name].bfloat16().float()) for name in reopened)
    opened = AutoModel.from_pretrained(tmp_path / "half")
    assert opened.dtype == torch.bfloat16


@pytest.mark.parametrize("write", thinned([export_transformers, export_sentence_transformers], 2))
def test_an_export_is_float32_unless_told_otherwise(
    folders: tuple[Path, Path, torch.dtype], tmp_path: Path, write: Callable[..., None]
) -> None:
    encoder = load_encoder(str(folders[0]), max_len=24)
    write(encoder, tmp_path / "whole-out", layer=1)
    write(encoder, tmp_path / "own-out", layer=1, dtype=encoder.stored_dtype)
    assert dtypes_in(tmp_path / "whole-out") == {torch.float32}
    assert dtypes_in(tmp_path / "own-out") == {folders[2]}
    assert {tensor.dtype for tensor in encoder.parameters()} == {torch.float32}
