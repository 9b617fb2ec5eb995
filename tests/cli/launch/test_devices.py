"""One way to choose the device: that of training, Accelerate's. `meta` stands for an accelerator that is not CUDA."""

from pathlib import Path

import pytest
import torch
from accelerate import PartialState

from xl_cli.errors import UsageError
from xl_cli.evaluation.opened import open_model
from xl_cli.folder.run_folder import environment
from xl_cli.launch import processes
from xl_cli.vectors.word_files import usable_device
from xl_encoders import ModelConfig, new_encoder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model")
    new_encoder(["some words of a line", "ada went home"], ModelConfig(size="pico", pieces=60), seed=1).save(path)
    return path


def test_the_device_is_accelerates() -> None:
    assert processes.device() == PartialState().device


def test_what_reads_a_model_computes_where_training_would(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert open_model(str(folder)).encoder.device == processes.device()
    monkeypatch.setattr(processes, "device", lambda: torch.device("meta"))
    # eval, export, analyze and static extract open their models here.
    assert open_model(str(folder)).encoder.device.type == "meta"
    assert environment()["device"] == "meta"


def test_searches_take_the_same_device_by_its_word(monkeypatch: pytest.MonkeyPatch) -> None:
    assert usable_device("cpu") == "cpu"
    monkeypatch.setattr(processes, "device", lambda: torch.device("meta"))
    assert usable_device("auto") == "meta"
    with pytest.raises(UsageError, match="--device is 'abacus', which torch cannot use here"):
        usable_device("abacus")
