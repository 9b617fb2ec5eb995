"""One post-training step: MLM, SEQ and TLM on shared masked passes, against `transformers`' loss on the same masks."""

import pytest
import torch

from tests.encoders.conftest import TEXTS
from xl_encoders import Encoder, EncoderError, PairBatch, encode_pairs, translit_losses
from xl_objectives import MlmConfig, SeqConfig, TlmConfig, join_pairs, mask_tokens, seq_loss

ROMANISED = [text.swapcase() for text in TEXTS]
ALL = {"mlm": MlmConfig(), "seq": SeqConfig(), "tlm": TlmConfig()}


def make_batch(encoder: Encoder, n: int = 6) -> PairBatch:
    return encode_pairs(TEXTS[:n], ROMANISED[:n], encoder.tokenizer, encoder.max_len).batch(range(n))


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(11)


def library_loss(encoder: Encoder, rows: list[list[int]], picked: torch.Tensor, masked: torch.Tensor) -> torch.Tensor:
    """The masked-LM loss that the library computes itself, with labels -100 where nothing is to be predicted."""
    width = masked.shape[1]
    ids = torch.tensor([row + [encoder.tokenizer.pad_token_id] * (width - len(row)) for row in rows])
    attention = torch.tensor([[1] * len(row) + [0] * (width - len(row)) for row in rows])
    return encoder.model(input_ids=masked, attention_mask=attention, labels=ids.masked_fill(~picked, -100)).loss


def test_mlm_and_tlm_equal_the_library_on_the_same_masks(xlmr: Encoder) -> None:
    xlmr.eval()
    batch = make_batch(xlmr)
    losses = translit_losses(xlmr, batch, {"mlm": MlmConfig(), "tlm": TlmConfig()}, layer=2, generator=generator())

    # The same draws again: one generator, first both sides, then the coins and masks of the joined pairs.
    again = generator()
    edges = {"mask_id": xlmr.tokenizer.mask_token_id, "vocabulary_size": len(xlmr.tokenizer)}
    sides = [[0, *row, 2] for row in (*batch.original, *batch.romanised)]
    padded = xlmr.pad([torch.tensor(row) for row in sides])
    masked, picked = mask_tokens(padded.ids, padded.content, generator=again, **edges)
    n = len(batch.original)
    expected = library_loss(xlmr, sides[:n], picked[:n], masked[:n]) + library_loss(
        xlmr, sides[n:], picked[n:], masked[n:]
    )
    assert torch.allclose(losses["mlm"], expected, atol=1e-5)  # float32, other padding

    joined = join_pairs(batch.original, batch.romanised, bos_id=0, eos_id=2, max_len=xlmr.max_len, generator=again)
    padded = xlmr.pad(joined)
    masked, picked = mask_tokens(padded.ids, padded.content, generator=again, **edges)
    assert not (picked & torch.isin(padded.ids, torch.tensor([0, 1, 2]))).any()
    expected = library_loss(xlmr, [row.tolist() for row in joined], picked, masked)
    assert torch.allclose(losses["tlm"], expected, atol=1e-5)


def test_seq_contrasts_the_pooled_states_of_the_layer(xlmr: Encoder) -> None:
    """With next to nothing masked, SEQ sees what `embed` gives."""
    xlmr.eval()
    batch = make_batch(xlmr)
    objectives = {"mlm": MlmConfig(mask_prob=1e-9), "seq": SeqConfig()}
    for layer in range(3):
        losses = translit_losses(xlmr, batch, objectives, layer=layer, generator=generator())
        original, romanised = (torch.tensor(xlmr.embed(texts[:6], layer=layer)) for texts in (TEXTS, ROMANISED))
        assert losses["mlm"].item() == 0.0
        assert torch.allclose(losses["seq"], seq_loss(original, romanised), atol=1e-5)


def test_positions_of_a_joined_pair_run_on(xlmr: Encoder) -> None:
    seen = []
    embeddings = xlmr.model.base_model.embeddings.position_embeddings
    embeddings.register_forward_hook(lambda module, inputs, output: seen.append(inputs[0]))
    batch = make_batch(xlmr, 1)
    translit_losses(xlmr, batch, {"tlm": TlmConfig()}, layer=2, generator=generator())
    n = len(batch.original[0]) + len(batch.romanised[0]) + 3
    assert seen[0][0].tolist() == list(range(2, 2 + n))  # XLM-R counts from behind its padding id, 1


@pytest.mark.parametrize("names", [("mlm",), ("seq",), ("tlm",), ("mlm", "seq"), ("seq", "tlm"), ("mlm", "seq", "tlm")])
def test_every_mix_gives_its_losses_and_a_gradient(xlmr: Encoder, names: tuple[str, ...]) -> None:
    losses = translit_losses(
        xlmr, make_batch(xlmr), {name: ALL[name] for name in names}, layer=1, generator=generator()
    )
    assert tuple(losses) == names
    torch.stack(list(losses.values())).sum().backward()
    assert xlmr.model.get_input_embeddings().weight.grad is not None


def test_one_side_of_mlm_alone(xlmr: Encoder) -> None:
    xlmr.eval()
    batch = make_batch(xlmr)
    parts = {
        text: translit_losses(xlmr, batch, {"mlm": MlmConfig(text=text)}, layer=2, generator=generator())["mlm"]
        for text in ("both", "original", "romanised")
    }
    assert torch.allclose(parts["both"], parts["original"] + parts["romanised"])


def test_equal_texts_are_negatives_only_when_asked(xlmr: Encoder) -> None:
    xlmr.eval()
    corpus = encode_pairs(["the cat", "white", "The Cat"], ["tk", "wt", "tk"], xlmr.tokenizer, 24)
    losses = [
        translit_losses(
            xlmr, corpus.batch(range(3)), {"seq": SeqConfig(false_negatives=kept)}, layer=2, generator=generator()
        )["seq"]
        for kept in (False, True)
    ]
    assert losses[0] < losses[1]


def test_works_for_bert(bert: Encoder) -> None:
    corpus = encode_pairs(["the cat", "white"], ["cat", "house"], bert.tokenizer, bert.max_len)
    losses = translit_losses(bert, corpus.batch([0, 1]), ALL, layer=3, generator=generator())
    assert all(torch.isfinite(loss) for loss in losses.values())


def test_no_objective_is_refused(xlmr: Encoder) -> None:
    with pytest.raises(EncoderError, match="nothing to train"):
        translit_losses(xlmr, make_batch(xlmr), {}, layer=1, generator=generator())
