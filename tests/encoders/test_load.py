"""Opening folders: what a saved encoder gives back, and what is refused in which words."""

from pathlib import Path

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import (
    AutoModel,
    AutoModelForMaskedLM,
    AutoTokenizer,
    CanineConfig,
    CanineModel,
    CanineTokenizer,
    PreTrainedTokenizerFast,
    RobertaConfig,
    RobertaForMaskedLM,
)

from tests.encoders.conftest import TEXTS
from xl_encoders import Encoder, EncoderError, load_encoder, save_model


@pytest.mark.parametrize("shape", ["xlmr", "bert"])
def test_round_trip(request: pytest.FixtureRequest, tmp_path: Path, shape: str) -> None:
    encoder = request.getfixturevalue(shape)
    folder = tmp_path / "model"
    save_model(encoder, folder)
    loaded = load_encoder(str(folder), max_len=encoder.max_len)
    assert loaded.name == "model"
    assert not loaded.training
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


def test_canine_reads_characters_the_same_in_every_batch(tmp_path: Path) -> None:
    """Shortened layers come back at the length of the text, and neighbours in a batch change nothing."""
    config = CanineConfig(
        hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=40, max_position_embeddings=512,
        num_hash_functions=2, num_hash_buckets=512, local_transformer_stride=16,
    )  # fmt: skip
    CanineModel(config).save_pretrained(tmp_path)
    CanineTokenizer().save_pretrained(tmp_path)
    encoder = load_encoder(str(tmp_path))
    texts = ["", "a", "the cat", "ο άσπρος γάτος", "long " * 30]
    for layer in range(encoder.n_layers + 1):
        together = encoder.embed(texts, layer=layer)
        alone = np.concatenate([encoder.embed([text], layer=layer) for text in texts])
        assert np.abs(together - alone).max() < 1e-5  # float32
    batch = encoder.batch(["the cat"])
    with torch.no_grad():
        last = encoder.model(input_ids=batch.ids, attention_mask=batch.real.long()).last_hidden_state
        assert torch.equal(encoder(batch.ids, batch.real)[-1], last)


def test_xphonebert_shape_splits_at_spaces(tmp_path: Path) -> None:
    """A RoBERTa whose tokenizer knows whole phonemes, separated by spaces."""
    ids = {token: i for i, token in enumerate(["<s>", "<pad>", "</s>", "<unk>", "a", "b", "▁", "<mask>"])}
    tokenizer = Tokenizer(models.WordLevel(ids, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>", unk_token="<unk>", pad_token="<pad>",
        mask_token="<mask>", cls_token="<s>", sep_token="</s>",
    ).save_pretrained(tmp_path)  # fmt: skip
    config = RobertaConfig(
        vocab_size=8, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=20,
        max_position_embeddings=40, type_vocab_size=1, pad_token_id=1, bos_token_id=0, eos_token_id=2,
    )  # fmt: skip
    RobertaForMaskedLM(config).save_pretrained(tmp_path)
    encoder = load_encoder(str(tmp_path))
    assert encoder.max_len == 38
    assert encoder.batch(["a ▁ b"]).ids.tolist() == [[0, 4, 6, 5, 2]]
    assert encoder.embed(["a b ▁ a", "b"], layer=1).shape == (2, 16)
