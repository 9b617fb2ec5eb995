"""`model.from` as a sentence encoder: read as its files say, with a head where one is needed, still one at the end."""

import json
import shutil
import warnings
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from tests.cli.conftest import Run, small
from tests.cli.made_data import about_of, log_of

from xl_cli.evaluation.opened import open_model
from xl_encoders import ModelConfig, load_encoder, new_encoder

WIDTH = 128


@pytest.fixture(scope="module")
def library() -> ModuleType:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the library's own, at its first import
        return pytest.importorskip("sentence_transformers", reason="the library whose folders are read")


@pytest.fixture(scope="module")
def plain(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A transformers folder without a masked-LM head."""
    folder = tmp_path_factory.mktemp("plain") / "encoder"
    texts = [line for file in sorted(corpus.iterdir()) for line in file.read_text(encoding="utf-8").splitlines()]
    encoder = new_encoder(texts, ModelConfig(size="tiny", pieces=90, max_len=32), seed=4)
    base: Any = encoder.model.base_model
    base.save_pretrained(folder)
    encoder.tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def sentence(plain: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same as sentence-transformers 0.4 wrote it: the transformer in a folder of its own."""
    folder = tmp_path_factory.mktemp("sentence") / "encoder"
    (folder / "0_BERT").mkdir(parents=True)
    for file in plain.iterdir():
        (folder / "0_BERT" / file.name).write_bytes(file.read_bytes())
    kinds = {"0_BERT": "Transformer", "1_Pooling": "Pooling", "2_Dense": "Dense", "3_Normalize": "Normalize"}
    modules = [
        {"idx": number, "name": str(number), "path": path, "type": f"sentence_transformers.models.{kind}"}
        for number, (path, kind) in enumerate(kinds.items())
    ]
    write(folder / "modules.json", modules)
    write(folder / "0_BERT" / "sentence_bert_config.json", {"max_seq_length": 24, "do_lower_case": False})
    write(folder / "1_Pooling" / "config.json", {"word_embedding_dimension": WIDTH, "pooling_mode": "cls"})
    write(folder / "2_Dense" / "config.json", {"in_features": WIDTH, "out_features": 16})
    generator = torch.Generator().manual_seed(7)
    weights = {
        "linear.weight": torch.randn(16, WIDTH, generator=generator),
        "linear.bias": torch.randn(16, generator=generator),
    }
    save_file(weights, folder / "2_Dense" / "model.safetensors")
    write(folder / "config_sentence_transformers.json", {"prompts": {"query": "ba: "}, "default_prompt_name": None})
    return folder


def write(path: Path, content: object) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(content), encoding="utf-8")


def test_a_sentence_encoder_is_trained_and_stays_one(
    xl: Run, corpus: Path, sentence: Path, tmp_path: Path, library: ModuleType
) -> None:
    settings = (f'model.from="{sentence}"', "train.variants=mlm+seq", "train.steps=2", "model.head_warmup=3")
    settings = (*settings, "train.lr=1e-30")  # what is saved is what training started from
    result = xl(*small(corpus, *settings), "--out", tmp_path / "run")
    assert result.returncode == 0, result.stderr
    assert "encoder is read at layer 2 with pooling first, as its modules.json says" in result.stderr
    assert "encoder has no masked-LM head, so one is made" in result.stderr
    about = about_of(tmp_path / "run")
    assert (about["layer"], about["pooling"], about["head"]) == (2, "first", {"new": True, "warmup": 3})
    # Warmed up alone: the encoder of the start is that of the folder, the head is another one after its three steps.
    start = load_file(tmp_path / "run" / "model" / "model.safetensors")
    own = load_file(sentence / "0_BERT" / "model.safetensors")
    for name, weight in own.items():
        if "pooler" not in name:  # biases that were 0 have moved by the rate
            assert float((start[f"roberta.{name}"] - weight).abs().max()) < 1e-28
    made = load_encoder(sentence / "0_BERT", with_head=True, new_head=True).model.state_dict()
    assert not torch.equal(start["lm_head.dense.weight"], made["lm_head.dense.weight"])
    head = [row for row in log_of(tmp_path / "run") if row["variant"] == "head"]
    assert [row["step"] for row in head] == [1, 2, 3]
    assert set(head[0]["losses"]) == {"mlm"}
    assert head[-1]["losses"]["mlm"] < head[0]["losses"]["mlm"]
    # The model of the run opens in the library, with the prompts, and gives what xl reads there.
    model = tmp_path / "run" / "model"
    texts = ["badi", "a longer one", ""]
    opened = open_model(str(tmp_path / "run"), prompt="query")
    found = opened.encoder.embed(texts, layer=opened.layers[0], pooling=opened.pooling)
    theirs = library.SentenceTransformer(str(model), device="cpu", local_files_only=True)
    wanted = theirs.encode(texts, prompt_name="query")
    np.testing.assert_allclose(found / np.linalg.norm(found, axis=1, keepdims=True), wanted, atol=1e-5)
    assert wanted.shape == (3, 16)


def test_what_is_set_by_hand_counts_and_a_recipes_own_layer_does_not(
    xl: Run, corpus: Path, sentence: Path, plain: Path
) -> None:
    """`ppa` says layer 8 of Glot500; of another model named in its place the files say, of a plain one the recipe."""

    def planned(*settings: str) -> str:
        sets = [part for one in (f'data.files="{corpus}"', "select.every=0", *settings) for part in ("--set", one)]
        result = xl("align", "ppa", "--dry-run", "--set", "model.max_len=24", *sets)
        assert result.returncode == 0, result.stderr
        return result.stdout + result.stderr

    said = planned(f'model.from="{sentence}"')
    assert "layer = -1" in said
    assert 'pooling = "first"' in said
    said = planned(f'model.from="{sentence}"', "model.layer=1")
    assert "layer = 1\n" in said
    assert 'pooling = "first"' in said
    said = planned(f'model.from="{plain}"', "model.layer=2")
    assert "layer = 2\n" in said
    assert 'pooling = "mean-all"' in said


def test_a_plain_encoder_is_read_at_two_thirds_of_its_depth(xl: Run, corpus: Path, plain: Path) -> None:
    result = xl(*small(corpus, f'model.from="{plain}"', "train.variants=seq"), "--dry-run")
    assert result.returncode == 0, result.stderr
    assert "encoder is read at layer 1 with pooling mean-all, two thirds of its depth" in result.stderr


def test_without_a_warm_up_the_head_is_trained_with_all_else(
    xl: Run, corpus: Path, plain: Path, tmp_path: Path
) -> None:
    settings = (f'model.from="{plain}"', "train.variants=mlm", "train.steps=1", "model.head_warmup=0")
    result = xl(*small(corpus, *settings), "--out", tmp_path / "run")
    assert result.returncode == 0, result.stderr
    assert about_of(tmp_path / "run")["head"] == {"new": True, "warmup": 0}
    assert {row["variant"] for row in log_of(tmp_path / "run")} == {"mlm"}
    # Nothing of it is made for objectives that read no head.
    result = xl(*small(corpus, f'model.from="{plain}"', "train.variants=seq", "train.steps=1"), "--out", tmp_path / "s")
    assert result.returncode == 0, result.stderr
    assert "head" not in about_of(tmp_path / "s")


@pytest.fixture
def unpooled(sentence: Path, tmp_path: Path) -> Path:
    """The same with a module in the place of its pooling that nobody knows."""
    folder = tmp_path / "unpooled"
    shutil.copytree(sentence, folder)
    modules = json.loads((folder / "modules.json").read_text(encoding="utf-8"))
    modules[1]["type"] = "somebody.LatentAttention"
    write(folder / "modules.json", modules)
    return folder


def test_an_encoder_without_a_known_pooling_has_to_be_told_one(xl: Run, corpus: Path, unpooled: Path) -> None:
    arguments = ["align", "ppa", "--dry-run", "--set", f'data.files="{corpus}"', "--set", f'model.from="{unpooled}"']
    arguments += ["--set", "model.max_len=24"]
    result = xl(*arguments)
    assert result.returncode == 2
    assert f"model.from is {unpooled}: modules.json names" in result.stderr
    assert "say how its vectors are pooled: --set model.pooling=" in result.stderr
    told = xl(*arguments, "--set", "model.pooling=first")
    assert told.returncode == 0, told.stderr
    assert "is read at layer 2 with pooling first" in told.stderr


def test_a_teacher_without_a_known_pooling_is_refused(xl: Run, corpus: Path, sentence: Path, unpooled: Path) -> None:
    files = [f'data.bitext.files=["{corpus / "ell_Grek.txt"}", "{corpus / "eng_Latn.txt"}"]', "vocabulary.budget=0"]
    models = [f'model.from="{sentence}"', f'model.teacher="{unpooled}"', "model.max_len=24", "vocabulary.start=mean"]
    result = xl("align", "adopt", "--dry-run", *(part for one in (*files, *models) for part in ("--set", one)))
    assert result.returncode == 1, result.stderr
    assert f"model.teacher is {unpooled}: modules.json names" in result.stderr
    assert "take another teacher" in result.stderr
