"""One stream of texts: MLM and TLM against `transformers`' loss on the same masks, SEQ on what `embed` gives."""

from collections.abc import Mapping, Sequence

import pytest
import torch
from tests.encoders.conftest import TEXTS
from tests.encoders.toy_parts import ROMANISED, gradient
from tests.thinned import thinned
from tests.token_embeddings import token_embeddings
from torch import Tensor

from xl_encoders import (
    CorpusBatches,
    Encoder,
    EncoderError,
    LengthBatches,
    PairBatch,
    Share,
    TextPart,
    encode_pairs,
)
from xl_encoders.training.text_part import MaskedRows
from xl_objectives import MlmConfig, ObjectiveConfig, OtConfig, SeqConfig, TlmConfig, seq_loss

ALL: dict[str, ObjectiveConfig] = {"mlm": MlmConfig(), "seq": SeqConfig(), "tlm": TlmConfig()}
ORIGINAL, LATIN, JOINED = 0, 1, 2


class Fixed:
    """One batch, whatever its number."""

    n_per_epoch = 1

    def __init__(self, batch: PairBatch) -> None:
        self.batch = batch

    def __getitem__(self, number: int) -> PairBatch:
        return self.batch


def make_part(
    encoder: Encoder,
    objectives: Mapping[str, ObjectiveConfig],
    *,
    texts: Sequence[str] = TEXTS[:6],
    romanised: Sequence[str] = ROMANISED[:6],
    layer: int = 2,
    tokens: int = 8192,
    seed: int = 1,
) -> TextPart:
    corpus = encode_pairs(texts, romanised, encoder.tokenizer, encoder.max_len)
    return TextPart(
        encoder, Fixed(corpus.batch(range(len(texts)))), objectives, layer=layer, tokens=tokens, seed=seed
    )  # fmt: skip


def losses_of(encoder: Encoder, part: TextPart, number: int = 0) -> dict[str, Tensor]:
    return gradient(encoder, part, dict.fromkeys(part.terms, 1.0), number=number)[0]


def library_loss(encoder: Encoder, batch: MaskedRows, view: int) -> Tensor:
    """The masked-LM loss that the library computes itself, with labels -100 where nothing is to be predicted."""
    members = [row for row, its in enumerate(batch.views) if its == view]
    width = max(len(batch.rows[row]) for row in members)
    ids = torch.full((len(members), width), encoder.tokenizer.pad_token_id)
    labels = torch.full((len(members), width), -100)
    attention = torch.zeros(len(members), width, dtype=torch.int64)
    for place, row in enumerate(members):
        n = len(batch.rows[row])
        ids[place, :n], attention[place, :n] = batch.rows[row], 1
        labels[place, :n] = batch.clean[row].masked_fill(~batch.picked[row], -100)
    return encoder.model(input_ids=ids, attention_mask=attention, labels=labels).loss


@pytest.mark.parametrize("tokens", thinned([8192, 40], 2))
def test_mlm_and_tlm_equal_the_library_on_the_same_masks(xlmr: Encoder, tokens: int) -> None:
    xlmr.eval()
    part = make_part(xlmr, {"mlm": MlmConfig(mask_prob=0.3), "tlm": TlmConfig()}, tokens=tokens)
    for number in range(3):
        batch = part.draw(number)
        losses = losses_of(xlmr, part, number)
        expected = library_loss(xlmr, batch, ORIGINAL) + library_loss(xlmr, batch, LATIN)
        assert torch.allclose(losses["mlm"], expected, atol=1e-5)  # float32, other padding
        assert torch.allclose(losses["tlm"], library_loss(xlmr, batch, JOINED), atol=1e-5)


@pytest.mark.parametrize(("text", "view"), [("original", ORIGINAL), ("romanised", LATIN)])
def test_one_side_of_mlm_alone(xlmr: Encoder, text: str, view: int) -> None:
    xlmr.eval()
    part = make_part(xlmr, {"mlm": MlmConfig(text=text, mask_prob=0.5)})
    batch = part.draw(0)
    assert set(batch.views) == {view}
    assert part.needs_romanised == (text == "romanised")
    assert torch.allclose(losses_of(xlmr, part)["mlm"], library_loss(xlmr, batch, view), atol=1e-5)


def test_masks_hide_what_they_should_and_nothing_else(xlmr: Encoder) -> None:
    """Specials are never picked; what is not picked reads as it was; every batch and seed has masks of its own."""
    part = make_part(xlmr, {"mlm": MlmConfig(mask_prob=0.5), "seq": SeqConfig(), "tlm": TlmConfig()})
    batch = part.draw(4)
    for rows, clean, picked, content in zip(batch.rows, batch.clean, batch.picked, batch.content, strict=True):
        assert content.equal(~torch.isin(clean, torch.tensor([0, 1, 2])))
        assert not (picked & ~content).any()
        assert torch.equal(rows[~picked], clean[~picked])
    assert batch.n_picked == [int(picked.sum()) for picked in batch.picked]
    again, other = part.draw(4), part.draw(5)
    assert all(torch.equal(a, b) for a, b in zip(batch.rows, again.rows, strict=True))
    assert any(not torch.equal(a, b) for a, b in zip(batch.picked, other.picked, strict=True))
    elsewhere = make_part(xlmr, {"mlm": MlmConfig(mask_prob=0.5), "seq": SeqConfig(), "tlm": TlmConfig()}, seed=2)
    assert any(not torch.equal(a, b) for a, b in zip(batch.picked, elsewhere.draw(4).picked, strict=True))


def test_joined_rows_hold_both_texts_in_either_order(xlmr: Encoder) -> None:
    part = make_part(xlmr, {"tlm": TlmConfig()}, texts=["white cat"], romanised=["WHITE CAT"])
    first, second = (xlmr.tokenizer(text, add_special_tokens=False)["input_ids"] for text in ("white cat", "WHITE CAT"))
    seen = {tuple(part.draw(number).clean[0].tolist()) for number in range(20)}
    assert seen == {(0, *first, 2, *second, 2), (0, *second, 2, *first, 2)}


def test_truncation_of_joined_rows_is_the_setting(xlmr: Encoder) -> None:
    long, short = " ".join(TEXTS), "white"
    tail = xlmr.tokenizer(short, add_special_tokens=False)["input_ids"]
    for truncate, stays in (("longest_first", True), ("right", False)):
        part = make_part(xlmr, {"tlm": TlmConfig(truncate=truncate)}, texts=[long], romanised=[short])
        rows = [part.draw(number).clean[0].tolist() for number in range(20)]
        assert all(len(row) <= xlmr.max_len for row in rows)
        assert all(row[-1] == 2 for row in rows) == stays
        assert all(row[-1 - len(tail) : -1] == tail or row[1 : 1 + len(tail)] == tail for row in rows) == stays


def test_positions_of_a_joined_pair_run_on(xlmr: Encoder) -> None:
    seen = []
    embeddings = xlmr.model.base_model.get_submodule("embeddings.position_embeddings")
    embeddings.register_forward_hook(lambda module, inputs, output: seen.append(inputs[0]))
    part = make_part(xlmr, {"tlm": TlmConfig()}, texts=TEXTS[:1], romanised=ROMANISED[:1])
    losses_of(xlmr, part)
    n = len(part.draw(0).rows[0])
    assert seen[0].reshape(-1).tolist() == list(range(2, 2 + n))  # XLM-R counts from behind its padding id, 1


@pytest.mark.parametrize("pooling", thinned(["mean-content", "mean-all", "first"], 3))
@pytest.mark.parametrize("layer", [0, 1, 2])
def test_seq_contrasts_what_embed_gives(xlmr: Encoder, layer: int, pooling: str) -> None:
    """With next to nothing masked; the layer from the part, or from the objective's own settings."""
    xlmr.eval()
    original, romanised = (
        torch.tensor(xlmr.embed(texts[:6], layer=layer, pooling=pooling)) for texts in (TEXTS, ROMANISED)
    )
    for cut in (8192, 30):
        objectives = {"mlm": MlmConfig(mask_prob=1e-9), "seq": SeqConfig(pooling=pooling)}
        part = make_part(xlmr, objectives, layer=layer, tokens=cut)
        losses = losses_of(xlmr, part)
        assert losses["mlm"].item() == 0.0
        assert torch.allclose(losses["seq"], seq_loss(original, romanised), atol=1e-5)
    settings = SeqConfig(layer=layer, pooling=pooling, similarity="cosine", temperature=0.1, factor=2.0)
    part = make_part(xlmr, {"mlm": MlmConfig(mask_prob=1e-9), "seq": settings}, layer=(layer + 1) % 3)
    expected = seq_loss(original, romanised, similarity="cosine", temperature=0.1, factor=2.0)
    assert torch.allclose(losses_of(xlmr, part)["seq"], expected, atol=1e-5)


def test_mask_tokens_count_in_the_pooled_vector(xlmr: Encoder) -> None:
    """SEQ reads the masked rows: their own states, mean over all but the specials."""
    xlmr.eval()
    part = make_part(xlmr, {"mlm": MlmConfig(mask_prob=0.5), "seq": SeqConfig()})
    batch = part.draw(0)
    with torch.no_grad():
        vectors = torch.stack(
            [xlmr(row[None], torch.ones(1, len(row), dtype=torch.bool))[2][0, 1:-1].mean(dim=0) for row in batch.rows]
        )
    assert any(4 in row for row in batch.rows) or xlmr.tokenizer.mask_token_id != 4
    assert torch.allclose(losses_of(xlmr, part)["seq"], seq_loss(vectors[:6], vectors[6:]), atol=1e-5)


def test_equal_texts_are_negatives_only_when_asked(xlmr: Encoder) -> None:
    xlmr.eval()
    texts, romanised = ["the cat", "white", "The Cat"], ["tk", "wt", "tk"]
    vectors = [torch.tensor(xlmr.embed(side)) for side in (texts, romanised)]
    text_ids = torch.tensor([[0, 1, 0], [2, 3, 2]])
    for kept in (False, True):
        objectives = {"mlm": MlmConfig(mask_prob=1e-9), "seq": SeqConfig(false_negatives=kept)}
        losses = losses_of(xlmr, make_part(xlmr, objectives, texts=texts, romanised=romanised))
        expected = seq_loss(*vectors, text_ids=None if kept else text_ids)
        assert torch.allclose(losses["seq"], expected, atol=1e-5)
    assert not torch.allclose(seq_loss(*vectors), seq_loss(*vectors, text_ids=text_ids))


@pytest.mark.parametrize("tokens", [8192, 12])
def test_nothing_picked_is_zero_on_the_graph(xlmr: Encoder, tokens: int) -> None:
    part = make_part(xlmr, {"mlm": MlmConfig(mask_prob=1e-9), "tlm": TlmConfig()}, tokens=tokens)
    assert sum(part.draw(0).n_picked) == 0
    losses, slopes = gradient(xlmr, part, {"mlm": 1.0, "tlm": 1.0})
    assert losses == {"mlm": 0.0, "tlm": 0.0}
    assert len(slopes) == len(list(xlmr.parameters()))
    assert all(not slope.any() for slope in slopes.values())


@pytest.mark.parametrize("names", [("mlm",), ("seq",), ("tlm",), ("mlm", "seq"), ("seq", "tlm"), ("mlm", "seq", "tlm")])
def test_every_mix_gives_its_losses_and_a_gradient(xlmr: Encoder, names: tuple[str, ...]) -> None:
    part = make_part(xlmr, {name: ALL[name] for name in names}, layer=1)
    losses, _ = gradient(xlmr, part, dict.fromkeys(names, 1.0))
    assert set(part.terms) == set(losses) == set(names)
    slope = token_embeddings(xlmr.model).grad
    assert slope is not None
    assert slope.any()


def test_what_no_wanted_objective_reads_is_not_encoded(xlmr: Encoder) -> None:
    """A step in which TLM rests encodes no joined rows; one with SEQ alone projects nothing to the vocabulary."""
    part = make_part(xlmr, ALL)
    batch = part.draw(0)
    for wanted, views in (({"mlm"}, {0, 1}), ({"seq"}, {0, 1}), ({"tlm"}, {2}), ({"mlm", "tlm"}, {0, 1, 2})):
        rows = [row for chunk in part.chunks(batch, Share(), wanted) for row in chunk.rows]
        assert sorted(rows) == [row for row, view in enumerate(batch.views) if view in views]
    xlmr.model.lm_head.register_forward_hook(lambda *_: pytest.fail("the head was used"))
    gradient(xlmr, part, {"seq": 1.0})


def test_processes_share_texts_without_gap_or_overlap(xlmr: Encoder) -> None:
    part = make_part(xlmr, ALL)
    batch = part.draw(0)
    shares = [
        [row for chunk in part.chunks(batch, Share(rank, 4), set(ALL)) for row in chunk.rows] for rank in range(4)
    ]
    assert sorted(row for share in shares for row in share) == list(range(len(batch.rows)))
    for rank, share in enumerate(shares):
        assert {batch.texts[row] % 4 for row in share} <= {rank}


def test_passes_keep_to_their_tokens(xlmr: Encoder) -> None:
    part = make_part(xlmr, ALL, texts=TEXTS, romanised=ROMANISED, tokens=31)
    batch = part.draw(0)
    for chunk in part.chunks(batch, Share(), set(ALL)):
        lengths = [len(batch.rows[row]) for row in chunk.rows]
        assert sum(lengths) <= 31 or len(lengths) == 1


def test_works_for_bert(bert: Encoder) -> None:
    bert.eval()
    part = make_part(bert, ALL, texts=["the cat", "white"], romanised=["cat", "house"], layer=3)
    batch = part.draw(2)
    losses = losses_of(bert, part, 2)
    assert torch.allclose(losses["tlm"], library_loss(bert, batch, JOINED), atol=1e-5)
    assert torch.isfinite(losses["seq"])


def test_an_epoch_is_that_of_its_batches(xlmr: Encoder) -> None:
    corpus = encode_pairs(TEXTS, ROMANISED, xlmr.tokenizer, 24)
    batches = CorpusBatches(corpus, LengthBatches(corpus.lengths, batch=5, seed=1))
    part = TextPart(xlmr, batches, {"mlm": MlmConfig()})
    assert part.n_per_epoch == 3
    assert sum(part.draw(number).n_texts for number in range(3)) == len(TEXTS)


def test_what_cannot_be_trained_is_refused(xlmr: Encoder) -> None:
    with pytest.raises(EncoderError, match="nothing to train: no objectives"):
        make_part(xlmr, {})
    with pytest.raises(EncoderError, match="objective ot is of family bitext, which reads no texts"):
        make_part(xlmr, {"seq": SeqConfig(), "ot": OtConfig()})
    with pytest.raises(EncoderError, match=r"share their rows, but masks of them differ: a 0\.1, b 0\.3; give one"):
        make_part(xlmr, {"a": MlmConfig(mask_prob=0.1), "b": MlmConfig(mask_prob=0.3), "c": SeqConfig()})
    with pytest.raises(EncoderError, match="layer 5 is out of range"):
        make_part(xlmr, {"seq": SeqConfig(layer=5)})
