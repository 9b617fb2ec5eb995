"""Layers, pooling and batching of `Encoder.embed`, against `transformers` called sentence by sentence."""

from typing import Any

import numpy as np
import pytest
import torch
from tests.encoders.conftest import TEXTS
from tests.thinned import thinned

from xl_encoders import Encoder, EncoderError, mean_pool


def by_hand(encoder: Encoder, text: str, layer: int, keep: str) -> np.ndarray:
    """One sentence, no padding, the library's own tokenisation, a plain Python mean."""
    ids = encoder.tokenizer(text, truncation=True, max_length=encoder.max_len)["input_ids"]
    encoder.model.eval()
    with torch.no_grad():
        output = encoder.model(input_ids=torch.tensor([ids]), output_hidden_states=True)
    states = output.hidden_states[layer][0].double().numpy()
    if keep == "first":
        return states[0]
    rows = [state for state, token in zip(states, ids, strict=True) if keep == "all" or token not in edge_ids(encoder)]
    return np.mean(rows, axis=0)


def edge_ids(encoder: Encoder) -> tuple[int, int]:
    return encoder.tokenizer.cls_token_id, encoder.tokenizer.sep_token_id


@pytest.mark.parametrize("shape", ["xlmr", "bert"])
@pytest.mark.parametrize(
    ("pooling", "keep"), thinned([("mean-content", "content"), ("mean-all", "all"), ("first", "first")], 3)
)
def test_equals_one_by_one(request: pytest.FixtureRequest, shape: str, pooling: str, keep: str) -> None:
    encoder = request.getfixturevalue(shape)
    texts = TEXTS if shape == "xlmr" else [text for text in TEXTS if text.isascii()]
    for layer in range(encoder.n_layers + 1):
        vectors = encoder.embed(texts, layer=layer, pooling=pooling)
        expected = np.stack([by_hand(encoder, text, layer, keep) for text in texts])
        assert vectors.dtype == np.float32
        assert np.abs(vectors - expected).max() < 1e-5  # float32, other order of summation


def test_layer_is_the_hidden_states_index() -> None:
    """A model whose every block adds one: the layer can be read off the vector."""

    class Counting(torch.nn.Module):
        def forward(self, input_ids: torch.Tensor, **_: object) -> object:
            states = tuple(torch.full((*input_ids.shape, 4), float(k)) for k in range(6))
            return type("Output", (), {"hidden_states": states})

    encoder = make_counting(Counting())
    for layer in range(6):
        assert (encoder.embed(["abc"], layer=layer) == layer).all()
    assert (encoder.embed(["abc"], layer=-1) == 5).all()
    assert (encoder.embed(["abc"], layer=-6) == 0).all()


def make_counting(base: torch.nn.Module) -> Encoder:
    from xl_encoders.model.new import train_tokenizer

    tokenizer = train_tokenizer(["abc"], n_pieces=20)
    model: Any = torch.nn.Module()
    model.base_model = base
    sizes = {"num_hidden_layers": 5, "hidden_size": 4, "max_position_embeddings": 0}
    model.config = type("Config", (), {"model_type": "counting", **sizes})
    model.get_input_embeddings = lambda: torch.nn.Embedding(len(tokenizer), 4)
    model.device, model.dtype = torch.device("cpu"), torch.float32
    return Encoder(model, tokenizer, name="counting")


def test_mask_tokens_count_and_specials_do_not(xlmr: Encoder) -> None:
    batch = xlmr.batch(["white cat"])
    masked = batch.ids.clone()
    masked[0, 1] = xlmr.tokenizer.mask_token_id
    again = xlmr.pad(list(masked))
    assert torch.equal(again.content, batch.content)
    assert batch.content.sum() == batch.real.sum() - 2
    states = torch.randn(*batch.ids.shape, 8)
    changed = states.clone()
    changed[~batch.content] += 100
    assert torch.equal(mean_pool(states, batch.content), mean_pool(changed, batch.content))
    changed[0, 1] += 1
    assert not torch.equal(mean_pool(states, batch.content), mean_pool(changed, batch.content))


def test_padding_does_not_change_states(xlmr: Encoder) -> None:
    xlmr.eval()
    alone = xlmr.batch(["the cat"])
    padded = xlmr.batch(["the cat", "a longer line with several words in it"])
    with torch.no_grad():
        short, long = xlmr(alone.ids, alone.real), xlmr(padded.ids, padded.real)
    n = alone.ids.shape[1]
    for a, b in zip(short, long, strict=True):
        assert torch.allclose(a[0], b[0, :n], atol=1e-6)


def test_modes_are_left_as_found(xlmr: Encoder) -> None:
    xlmr.train()
    xlmr.embed(["the cat"])
    assert xlmr.training
    assert torch.is_grad_enabled()
    with torch.no_grad():
        xlmr.embed(["the cat"])
        assert not torch.is_grad_enabled()


def test_embedding_twice_is_the_same_despite_dropout(xlmr: Encoder) -> None:
    xlmr.train()
    assert np.array_equal(xlmr.embed(TEXTS), xlmr.embed(TEXTS))


def test_empty_and_overlong_texts(xlmr: Encoder, caplog: pytest.LogCaptureFixture) -> None:
    vectors = xlmr.embed(["", "cat " * 200])
    assert "the end of 1 in 2 texts is cut" in caplog.text
    assert np.array_equal(vectors[0], np.zeros(xlmr.width))
    assert np.isfinite(vectors).all()
    assert xlmr.embed([]).shape == (0, xlmr.width)
    assert xlmr.batch(["cat " * 200]).ids.shape[1] == xlmr.max_len


@pytest.mark.parametrize("layer", [3, -4, 99])
def test_layer_out_of_range_says_which_there_are(xlmr: Encoder, layer: int) -> None:
    with pytest.raises(EncoderError, match=rf"layer {layer} is out of range: new has 0 \(embeddings\) to 2"):
        xlmr.embed(["a"], layer=layer)


def test_unknown_pooling_lists_the_known(xlmr: Encoder) -> None:
    with pytest.raises(EncoderError, match="mean-content, mean-all, mean-weighted"):
        xlmr.embed(["a"], pooling="median")


def test_more_tokens_than_positions_are_refused(xlmr: Encoder) -> None:
    with pytest.raises(EncoderError, match="positions for 24 tokens"):
        Encoder(xlmr.model, xlmr.tokenizer, name="new", max_len=25)


def test_tokenizer_larger_than_the_model_is_refused(bert: Encoder, xlmr: Encoder) -> None:
    with pytest.raises(EncoderError, match="do not belong together"):
        Encoder(bert.model, xlmr.tokenizer, name="mixed", max_len=24)
