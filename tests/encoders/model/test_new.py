"""New encoders: the same seed gives the same weights, the tokenizer has XLM-R's layout and loses no known text."""

import json
import subprocess
import sys

import pytest
import torch
from tests.encoders.conftest import TEXTS

from xl_encoders import SIZES, EncoderError, ModelConfig, model_config, new_encoder, train_tokenizer


def test_same_seed_same_weights_and_the_global_generator_stays() -> None:
    config = ModelConfig(size="tiny", pieces=100, max_len=16)
    torch.manual_seed(0)
    before = torch.get_rng_state()
    one, two, other = (new_encoder(TEXTS, config, seed=seed) for seed in (1, 1, 2))
    assert torch.equal(torch.get_rng_state(), before)
    states = [encoder.model.state_dict() for encoder in (one, two, other)]
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])
    assert not all(torch.equal(states[0][name], states[2][name]) for name in states[0])


def test_specials_have_xlmr_ids_and_layout() -> None:
    tokenizer = train_tokenizer(TEXTS, n_pieces=150)
    assert tokenizer.convert_ids_to_tokens(list(range(5))) == ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    ids = tokenizer("white cat")["input_ids"]
    assert (ids[0], ids[-1]) == (0, 2)
    pair = tokenizer("white", "cat")["input_ids"]
    assert pair.count(2) == 3
    assert len(tokenizer) <= 150


@pytest.mark.parametrize("text", TEXTS)
def test_decoding_gives_the_text_back(text: str) -> None:
    tokenizer = train_tokenizer(TEXTS, n_pieces=400)
    assert tokenizer.decode(tokenizer(text)["input_ids"], skip_special_tokens=True) == text


def test_unknown_characters_become_unk_and_lower_casing_is_optional() -> None:
    tokenizer = train_tokenizer(TEXTS, n_pieces=150)
    assert "<unk>" in tokenizer.tokenize("漢")
    assert train_tokenizer(TEXTS, n_pieces=150, lower_case=True).tokenize("CAT") == tokenizer.tokenize("cat")


@pytest.mark.parametrize("size", SIZES)
def test_sizes_are_what_they_say(size: str) -> None:
    config = model_config(ModelConfig(size=size, max_len=32), vocabulary_size=100)
    n_layers, width, n_heads, feedforward_width = SIZES[size]
    assert (config.num_hidden_layers, config.hidden_size) == (n_layers, width)
    assert (config.num_attention_heads, config.intermediate_size) == (n_heads, feedforward_width)
    assert config.max_position_embeddings == 34


def test_no_text_is_refused() -> None:
    with pytest.raises(EncoderError, match="training texts are empty"):
        new_encoder([], ModelConfig(), seed=1)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"size": "huge"}, r"model\.size is 'huge'; choose one of pico, tiny"),
        ({"pooling": "maximum"}, r"model\.pooling is 'maximum'"),
        ({"max_len": 2}, r"model\.max_len is 2"),
        ({"dropout": 1.0}, r"model\.dropout is 1\.0"),
    ],
)
def test_config_speaks_of_its_keys(arguments: dict, words: str) -> None:
    with pytest.raises(EncoderError, match=words):
        ModelConfig(**arguments)


def test_the_tokenizer_does_not_depend_on_the_process() -> None:
    """Many equally rare characters, more than the vocabulary holds: which ones stay is decided by code point.

    Against a process whose hashes of texts have another seed.
    """
    program = (
        "from xl_encoders.model.new_tokenizer import train_pieces; import json\n"
        "texts = ['abc abc', *(chr(0x4E00 + i) for i in range(300))]\n"
        "print(json.dumps(train_pieces(texts, n_pieces=60).get_vocab()))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=120)
    texts = ["abc abc", *(chr(0x4E00 + i) for i in range(300))]
    assert json.loads(done.stdout) == train_tokenizer(texts, n_pieces=60).get_vocab()
    assert chr(0x4E00) in json.loads(done.stdout)
