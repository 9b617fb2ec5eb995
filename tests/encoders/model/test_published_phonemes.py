"""The files of vinai/xphonebert-base as the hub has them: config.json of RoBERTa's type, weights, tokenizer.json."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from tokenizers import AddedToken, Tokenizer, models, pre_tokenizers, processors
from transformers import AutoModel, AutoTokenizer, RobertaConfig, RobertaForMaskedLM

from xl_encoders import EncoderError, load_encoder, load_tokenizer
from xl_encoders.model.export import export_transformers

# Common units of the hub's vocabulary: the boundary, segments, stressed and tied ones, marks.
UNITS = [
    "▁",
    "n",
    "a",
    "t",
    "i",
    "s",
    "ə",
    "ʃ",
    "ɾ",
    "m",
    "e",
    "h",
    "b",
    "d",
    "o",
    "l",
    "u",
    "ˈi",
    "ˈɛ",
    "t͡s",
    "t͡ʃ",
    "d͡ʒ",
    "tː",
    "ɪ̯",
    ",",
    ".",
]
SPECIALS = ("<s>", "<pad>", "</s>", "<unk>", "<mask>")
VOCABULARY = [*SPECIALS[:4], *UNITS, "madeupword0000", SPECIALS[4]]
TEXTS = ["m e ɾ h a b a ▁ d u n j a ▁ .", "t͡ʃ i tː a", "ˈi ▁ t͡s a ɪ̯ t", "madeup ▁ ʃ"]


def published(root: Path, tokenizer_class: str, units: Sequence[str] = UNITS) -> Path:
    """A small model in the hub's layout: neither tokenizer_config.json nor special_tokens_map.json."""
    vocabulary = [*SPECIALS[:4], *units, "madeupword0000", SPECIALS[4]]
    root.mkdir(parents=True)
    wordy = Tokenizer(models.WordLevel({unit: i for i, unit in enumerate(vocabulary)}, unk_token="<unk>"))
    wordy.add_special_tokens([AddedToken(token, special=True) for token in SPECIALS])
    wordy.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    wordy.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    wordy.save(str(root / "tokenizer.json"))
    config = RobertaConfig(
        vocab_size=len(vocabulary), hidden_size=16, num_hidden_layers=3, num_attention_heads=2, intermediate_size=24,
        max_position_embeddings=514, type_vocab_size=1, bos_token_id=0, eos_token_id=2, pad_token_id=1,
    )  # fmt: skip
    with torch.random.fork_rng():
        torch.manual_seed(1)
        RobertaForMaskedLM(config).save_pretrained(root)
    if tokenizer_class:
        about = json.loads((root / "config.json").read_text(encoding="utf-8"))
        (root / "config.json").write_text(json.dumps({**about, "tokenizer_class": tokenizer_class}), encoding="utf-8")
    return root


def by_hand(text: str) -> list[int]:
    """Each unit's line in the dictionary, between the two ends; what is not there is unknown."""
    return [0, *(VOCABULARY.index(unit) if unit in VOCABULARY else 3 for unit in text.split()), 2]


@pytest.mark.parametrize("tokenizer_class", ["", "PreTrainedTokenizerFast"])
def test_each_unit_is_its_line_of_the_dictionary(tmp_path: Path, tokenizer_class: str) -> None:
    folder = published(tmp_path / "hub", tokenizer_class)
    encoder = load_encoder(folder, with_head=True)
    for tokenizer in (encoder.tokenizer, load_tokenizer(folder)):
        assert tokenizer(TEXTS)["input_ids"] == [by_hand(text) for text in TEXTS]
        roles = ("bos", "cls", "pad", "eos", "sep", "unk", "mask")
        assert [getattr(tokenizer, f"{role}_token_id") for role in roles] == [0, 0, 1, 2, 2, 3, len(VOCABULARY) - 1]
    assert encoder.max_len == 512

    # What is written down is read alike by transformers itself, which the hub's own files are not.
    encoder.save(tmp_path / "saved")
    export_transformers(encoder, tmp_path / "out", layer=2)
    for name in ("saved", "out"):
        by_transformers: Any = AutoTokenizer.from_pretrained(tmp_path / name)
        assert by_transformers(TEXTS)["input_ids"] == [by_hand(text) for text in TEXTS]
        assert load_encoder(tmp_path / name).tokenizer.mask_token == "<mask>"
    with torch.no_grad():
        states = AutoModel.from_pretrained(tmp_path / "out")(torch.tensor([by_hand(TEXTS[0])])).last_hidden_state
    (vectors,) = encoder.embed([TEXTS[0]], layer=2, pooling="first")
    assert vectors == pytest.approx(states[0, 0].numpy(), abs=1e-5)


def test_pickled_weights_are_named(tmp_path: Path) -> None:
    folder = published(tmp_path / "hub", "")
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(EncoderError, match=r"only pytorch_model\.bin"):
        load_encoder(folder)
