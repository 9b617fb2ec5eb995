"""A sentence encoder of the hub is read as its own files say, as the same files in a folder are."""

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.cli.made_data import sentences
from tests.hub import Hub, serve_here

from xl_cli.alignment.run import pretrained
from xl_cli.evaluation.opened import open_model
from xl_cli.recipe.recipe import load_recipe
from xl_encoders import ModelConfig, new_encoder

MODEL = "hub/someone/model/main"
FILES = {
    "modules.json": [
        {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
        {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
    ],
    "1_Pooling/config.json": {"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False},
    "config_sentence_transformers.json": {"prompts": {"query": "ask "}, "default_prompt_name": "query"},
    "sentence_bert_config.json": {"max_seq_length": 17},
}


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    folder = tmp_path / MODEL
    new_encoder(sentences(60), ModelConfig(size="tiny", pieces=80, max_len=32), seed=3).save(folder)
    (folder / "1_Pooling").mkdir()
    for name, content in FILES.items():
        (folder / name).write_text(json.dumps(content), encoding="utf-8")
    with serve_here(tmp_path / "hub", tmp_path / "cache", monkeypatch) as hub:
        yield hub


def test_eval_reads_it_so_and_out_of_the_cache_too(hub: Hub, tmp_path: Path) -> None:
    here = open_model(str(tmp_path / MODEL))
    assert here.form is not None
    for hub.up in (True, False):
        there = open_model("someone/model")
        assert (there.layers, there.pooling) == ([there.encoder.n_layers], "first")
        assert (there.encoder.prompt, there.encoder.max_len) == ("ask ", 17)
        assert there.form is not None
        assert dataclasses.astuple(there.form) == dataclasses.astuple(here.form)
        assert "as its modules.json says" in there.note
        assert (there.encoder.embed(["a b"], layer=-1) == here.encoder.embed(["a b"], layer=-1)).all()


@pytest.mark.slow
def test_align_tells_how_it_was_trained_to_be_read(hub: Hub, capsys: pytest.CaptureFixture[str]) -> None:
    settings = ["data.files=['a', 'b']", "model.from=someone/model", "model.layer=1", "model.max_len=16"]
    pretrained(load_recipe("ot-word", settings))
    assert "was trained to be read at layer 2 with pooling first" in capsys.readouterr().err


@pytest.mark.slow
def test_a_word_that_names_no_prompt_is_told_from_one_that_does(hub: Hub, tmp_path: Path) -> None:
    for prompt, text, told in (
        ("query", "ask ", False),
        ("passage", "passage", True),
        ("passage: ", "passage: ", False),
    ):
        opened = open_model("someone/model", layer=["1"], prompt=prompt)
        assert opened.encoder.prompt == text
        assert ("has no prompt called 'passage' (its prompts: query)" in opened.note) == told
    (tmp_path / MODEL / "modules.json").unlink()
    assert "has no prompt called 'query' (its files name none)" in open_model("someone/model", prompt="query").note
