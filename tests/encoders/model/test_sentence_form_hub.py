"""The form of a sentence encoder by its hub id: `huggingface_hub` itself, against repositories on the loopback."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path

import pytest
from tests.tasks.hub_server import hub

from xl_encoders import read_sentence_form

Call = Callable[..., dict]

# The address of the hub is read when its client is loaded, hence a process of its own, one for all calls.
_CALLS = """
import json, sys
from dataclasses import asdict
from xl_encoders import EncoderError, read_sentence_form
for line in sys.stdin:
    name, revision = json.loads(line)
    try:
        form = read_sentence_form(name, revision=revision)
        print(json.dumps({"form": form and asdict(form)}), flush=True)
    except EncoderError as error:
        print(json.dumps({"error": str(error)}), flush=True)
"""

# As the library has written them since release 0.3: the transformer in a folder of its own, one switch a mode.
_FIRST = {
    "modules.json": [
        {"idx": 0, "name": "0", "path": "0_Transformer", "type": "sentence_transformers.models.Transformer"},
        {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
    ],
    "0_Transformer/sentence_bert_config.json": {"max_seq_length": 128, "do_lower_case": False},
    "1_Pooling/config.json": {"word_embedding_dimension": 384, "pooling_mode_cls_token": True},
}
# As E5 is published: the transformer in the repository's own folder, length 1, prompts.
_NEWER = {
    "modules.json": [
        {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
        {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
        {"idx": 2, "name": "2", "path": "2_Normalize", "type": "sentence_transformers.models.Normalize"},
    ],
    "sentence_bert_config.json": {"max_seq_length": 512, "do_lower_case": False},
    "1_Pooling/config.json": {"pooling_mode_mean_tokens": True, "pooling_mode_cls_token": False},
    "config_sentence_transformers.json": {"prompts": {"query": "query: "}, "default_prompt_name": "query"},
}
_FOLDERS = {
    "made/encoder/v1": _FIRST,
    "made/encoder/main": _NEWER,
    "made/plain/main": {"config.json": {"model_type": "bert"}},
    "made/broken/main": {"modules.json": "not a list"},
}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hub")
    for place, files in _FOLDERS.items():
        for name, content in files.items():
            path = folder / "hub" / place / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(content), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def read(root: Path) -> Iterator[Call]:
    """What `read_sentence_form` gives of a hub id at a revision."""
    with hub(root / "hub") as address, started(root, address) as process:
        yield lambda name, revision="": asked(process, name, revision)
        process.communicate(timeout=60)


def started(root: Path, address: str) -> subprocess.Popen[str]:
    environment = {
        **os.environ, "HF_ENDPOINT": address, "HF_HOME": str(root / "home"), "HF_HUB_OFFLINE": "0", "PYTHONUTF8": "1",
        "NO_PROXY": "127.0.0.1", "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    }  # fmt: skip
    arguments = [sys.executable, "-c", _CALLS]
    return subprocess.Popen(
        arguments, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
    )


def asked(process: subprocess.Popen[str], name: str, revision: str) -> dict:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(json.dumps([name, revision]) + "\n")
    process.stdin.flush()
    return json.loads(process.stdout.readline())


@pytest.mark.parametrize(("revision", "folder"), [("", "main"), ("main", "main"), ("v1", "v1")])
def test_a_repository_says_what_its_folder_says(read: Call, root: Path, revision: str, folder: str) -> None:
    form = read_sentence_form(str(root / "hub" / "made" / "encoder" / folder))
    assert form is not None
    assert read("made/encoder", revision) == {"form": json.loads(json.dumps(asdict(form)))}


def test_the_two_revisions_differ(read: Call) -> None:
    """Each as its files have it, so that the comparison with the folder cannot hold for nothing."""
    newer, first = (read("made/encoder", revision)["form"] for revision in ("main", "v1"))
    assert (newer["path"], newer["pooling"], newer["max_len"], newer["normalizes"]) == ("", "mean-all", 512, True)
    assert (newer["prompts"], newer["default_prompt"]) == ({"query": "query: "}, "query")
    assert (first["path"], first["pooling"], first["max_len"], first["normalizes"]) == ("0_Transformer", "first", 128,
                                                                                        False)  # fmt: skip
    assert first["prompts"] == {}


@pytest.mark.parametrize(
    ("name", "revision"), [("made/plain", ""), ("made/nothing", ""), ("made/encoder", "v9"), ("not an id!", "")]
)
def test_without_modules_there_is_no_form(read: Call, name: str, revision: str) -> None:
    assert read(name, revision) == {"form": None}


def test_modules_of_another_shape_are_refused(read: Call) -> None:
    assert read("made/broken") == {"error": "made/broken: modules.json is no list of modules with type and path."}


def test_what_was_fetched_is_read_without_the_hub(read: Call, root: Path) -> None:
    """Port 9 of the loopback, where nothing listens: the client's cache answers, and knows nothing of the others."""
    there = read("made/encoder", "v1")
    with started(root, "http://127.0.0.1:9") as process:
        assert asked(process, "made/encoder", "v1") == there
        assert asked(process, "made/unseen", "") == {"form": None}
        process.communicate(timeout=60)
