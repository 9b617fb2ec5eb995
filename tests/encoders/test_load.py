"""Opening folders: what a saved encoder gives back, and what is refused in which words."""

from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoModel, AutoModelForMaskedLM, AutoTokenizer

from tests.encoders.conftest import TEXTS
from xl_encoders import Encoder, EncoderError, load_encoder, save_model


@pytest.mark.parametrize("shape", ["xlmr", "bert"])
def test_round_trip(request: pytest.FixtureRequest, tmp_path: Path, shape: str) -> None:
    encoder = request.getfixturevalue(shape)
    folder = tmp_path / "model"
    save_model(encoder, folder)
    loaded = load_encoder(str(folder), max_len=encoder.max_len)
    assert loaded.name == "model"
    assert np.array_equal(loaded.embed(TEXTS, layer=1), encoder.embed(TEXTS, layer=1))
    tokenizer = AutoTokenizer.from_pretrained(folder)
    assert tokenizer(TEXTS)["input_ids"] == encoder.tokenizer(TEXTS)["input_ids"]
    masked = AutoModelForMaskedLM.from_pretrained(folder)
    assert torch.equal(masked.get_input_embeddings().weight, masked.get_output_embeddings().weight)
    bare = AutoModel.from_pretrained(folder).eval()
    ids = torch.tensor([tokenizer("the cat")["input_ids"]])
    encoder.eval()
    with torch.no_grad():
        ours = encoder(ids, torch.ones_like(ids).bool())[-1]
        assert torch.allclose(bare(input_ids=ids).last_hidden_state, ours, atol=1e-6)


def test_no_temporary_files_are_left(xlmr: Encoder, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    save_model(xlmr, folder)
    save_model(xlmr, folder)  # onto an existing one
    assert [path.name for path in tmp_path.iterdir()] == ["model"]
    assert not list(folder.glob("*.bin"))


def test_pickled_weights_are_refused(xlmr: Encoder, tmp_path: Path) -> None:
    xlmr.save(tmp_path)
    (tmp_path / "model.safetensors").rename(tmp_path / "pytorch_model.bin")
    with pytest.raises(EncoderError, match=r"no model\.safetensors \(only pytorch_model\.bin, which is pickled\)"):
        load_encoder(str(tmp_path))


def test_a_folder_without_a_model(tmp_path: Path) -> None:
    with pytest.raises(EncoderError, match=r"holds no config\.json"):
        load_encoder(str(tmp_path))
    with pytest.raises(EncoderError, match="no such model folder"):
        load_encoder(str(tmp_path / "missing"))


def test_a_damaged_folder_is_named(xlmr: Encoder, tmp_path: Path) -> None:
    xlmr.save(tmp_path)
    (tmp_path / "config.json").write_text('{"model_type": "no-such-type"}')
    with pytest.raises(EncoderError, match="cannot be opened as an encoder"):
        load_encoder(str(tmp_path))


def test_a_hub_id_out_of_reach(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(EncoderError, match="neither a folder here nor a model that could be fetched"):
        load_encoder("someone/no-such-encoder")


def test_a_model_without_a_head_cannot_be_trained_further(xlmr: Encoder, tmp_path: Path) -> None:
    xlmr.model.base_model.save_pretrained(tmp_path)
    xlmr.tokenizer.save_pretrained(tmp_path)
    assert load_encoder(str(tmp_path)).width == xlmr.width
    with pytest.raises(EncoderError, match="no trained masked-LM head"):
        load_encoder(str(tmp_path), with_head=True)
