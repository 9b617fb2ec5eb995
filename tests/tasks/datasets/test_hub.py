"""The hub's reader, on folders that stand for its data sets, as `datasets` allows; the network is never asked."""

import builtins
import json
import os
import socket

import pytest

from xl_tasks import TaskError
from xl_tasks.datasets.readers.hub import hub_config_names, hub_rows


@pytest.fixture(autouse=True)
def _offline(monkeypatch, tmp_path):
    datasets = pytest.importorskip("datasets")
    import huggingface_hub.constants

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    datasets.disable_progress_bars()
    yield
    datasets.enable_progress_bars()


def test_rows_of_a_split(tmp_path):
    rows = [{"id": 1, "text": 'a\u2028"b'}, {"id": 2, "text": "ç"}]
    for split, content in (("train", rows), ("test", rows[::-1])):
        (tmp_path / f"{split}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in content), "utf-8")
    files = {split: f"{split}.jsonl" for split in ("train", "test")}
    assert list(hub_rows(str(tmp_path), split="train", data_files=files)) == rows
    assert list(hub_rows(str(tmp_path), split="test", data_files=files)) == rows[::-1]
    with pytest.raises(TaskError, match=r"tr, train: BuilderConfig 'tr' not found.*; choose one that the hub has"):
        list(hub_rows(str(tmp_path), "tr", "train"))
    with pytest.raises(TaskError, match=r'dev: Unknown split "dev"'):
        list(hub_rows(str(tmp_path), split="dev", data_files=files))


def test_no_network():
    with pytest.raises(
        TaskError, match=r"^Davlan/sib200, tur_Latn, test: the hub cannot be reached.*give a folder"
    ) as one:
        list(hub_rows("Davlan/sib200", "tur_Latn", "test"))
    assert "\n" not in str(one.value)


@pytest.mark.parametrize("ask", [lambda name: list(hub_rows(name, "a", "test")), hub_config_names])
def test_a_hub_that_gives_no_answer_is_asked_once(monkeypatch, ask):
    """Its client asks six times, with pauses of 31 s in sum."""
    import datasets.config
    from huggingface_hub import constants

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and does not listen
        endpoint = f"http://127.0.0.1:{taken.getsockname()[1]}"
        monkeypatch.setattr(constants, "ENDPOINT", endpoint)
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(datasets.config, "HF_ENDPOINT", endpoint)
        monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", False)
        pauses = []
        monkeypatch.setattr("huggingface_hub.utils._http.time.sleep", pauses.append)
        told = rf"\({endpoint} could not be reached: .*\); connect to it, or give a folder of files: --data FOLDER\.$"
        with pytest.raises(TaskError, match=told) as one:
            ask("someone/nothing")
        assert "offline" not in str(one.value).lower()  # nobody asked for that
    assert pauses == []
    assert not constants.HF_HUB_OFFLINE
    assert not datasets.config.HF_HUB_OFFLINE


def test_no_such_data_set(tmp_path):
    with pytest.raises(
        TaskError, match=r"check the name, log in where it is gated, or give a folder of files: --data FOLDER\.$"
    ):
        list(hub_rows(os.fspath(tmp_path / "nothing")))


def test_without_the_library(monkeypatch):
    plain = builtins.__import__

    def absent(name, *rest, **more):
        if name.partition(".")[0] == "datasets":
            raise ImportError(name)
        return plain(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", absent)
    with pytest.raises(TaskError, match=r"install xl-tasks\[hub\], or give a folder"):
        list(hub_rows("Davlan/sib200"))
