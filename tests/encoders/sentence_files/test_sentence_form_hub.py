"""The form of a sentence encoder by its hub id: `huggingface_hub` itself, against repositories on the loopback."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.hub import Hub, serve_here
from tests.thinned import thinned

from xl_encoders import EncoderError, read_sentence_form

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


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    for place, files in _FOLDERS.items():
        for name, content in files.items():
            path = tmp_path / place / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(content), encoding="utf-8")
    with serve_here(tmp_path, tmp_path / "cache", monkeypatch) as hub:
        yield hub


@pytest.mark.usefixtures("hub")
@pytest.mark.parametrize(("revision", "folder"), thinned([("", "main"), ("main", "main"), ("v1", "v1")], 3))
def test_a_repository_says_what_its_folder_says(tmp_path: Path, revision: str, folder: str) -> None:
    form = read_sentence_form(str(tmp_path / "made" / "encoder" / folder))
    assert form is not None
    assert read_sentence_form("made/encoder", revision=revision) == form


@pytest.mark.usefixtures("hub")
def test_the_two_revisions_differ() -> None:
    """Each as its files have it, so that the comparison with the folder cannot hold for nothing."""
    newer, first = (read_sentence_form("made/encoder", revision=revision) for revision in ("main", "v1"))
    assert newer is not None
    assert first is not None
    assert (newer.path, newer.pooling, newer.max_len, newer.normalizes) == ("", "mean-all", 512, True)
    assert (newer.prompts, newer.default_prompt) == ({"query": "query: "}, "query")
    assert (first.path, first.pooling, first.max_len, first.normalizes) == ("0_Transformer", "first", 128, False)
    assert first.prompts == {}


@pytest.mark.usefixtures("hub")
@pytest.mark.parametrize(
    ("name", "revision"), [("made/plain", ""), ("made/nothing", ""), ("made/encoder", "v9"), ("not an id!", "")]
)
def test_without_modules_there_is_no_form(name: str, revision: str) -> None:
    assert read_sentence_form(name, revision=revision) is None


@pytest.mark.usefixtures("hub")
def test_modules_of_another_shape_are_refused() -> None:
    with pytest.raises(EncoderError, match=r"^made/broken: modules\.json is no list of modules with type and path\.$"):
        read_sentence_form("made/broken")


def test_what_was_fetched_is_read_without_the_hub(hub: Hub) -> None:
    """The client's cache answers, and knows nothing of the others."""
    there = read_sentence_form("made/encoder", revision="v1")
    hub.up = False
    assert there is not None
    assert read_sentence_form("made/encoder", revision="v1") == there
    assert read_sentence_form("made/unseen") is None
