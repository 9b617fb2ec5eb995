"""The attention of AMBER's pairs against the model itself: token by token, each read with what it may see alone."""

from typing import Any

import pytest
import torch
from tests.encoders.toy_parts import LEFT, RIGHT, assert_near, gradient
from torch import Tensor

from xl_encoders import AttentionPart, Bitext, Encoder, EncoderError, Share
from xl_objectives import AttentionConfig

BITEXT = Bitext(name="a-b", left=LEFT, right=RIGHT)
SHORT = Bitext(name="c-b", left=LEFT[:3], right=[[], *RIGHT[1:3]])  # of the first pair one side is empty


def slow_attention(encoder: Encoder, first: list[int], second: list[int], block: int) -> Tensor:
    """(heads, len(second), len(first)): the model's own attention weights under a mask that loops write, unpacked."""
    start, end = encoder.tokenizer.cls_token_id, encoder.tokenizer.sep_token_id
    ids = [start, *first, end, *second, end]
    length, begin = len(ids), len(first) + 2
    mask = torch.full((1, 1, length, length), torch.finfo(torch.float32).min)
    for query in range(length):
        for key in range(length):
            own_past = query >= begin and key < query
            if key < begin or own_past:
                mask[0, 0, query, key] = 0.0
    model: Any = encoder.model.base_model
    before = model.config._attn_implementation
    model.set_attn_implementation("eager")
    with torch.no_grad():
        weights = model(input_ids=torch.tensor([ids]), attention_mask=mask, output_attentions=True).attentions
    model.set_attn_implementation(before)
    return weights[block - 1][0, :, begin:-1, 1 : begin - 1]


def ids_of(encoder: Encoder, words: list[str]) -> list[int]:
    return encoder.tokenizer(" ".join(words), add_special_tokens=False)["input_ids"]


def expected_loss(encoder: Encoder, pairs: list[tuple[list[str], list[str]]], block: int) -> float:
    """The formula in loops, of the pairs whose sentences both have tokens."""
    terms = []
    for words in pairs:
        x, y = (ids_of(encoder, side) for side in words)
        if not x or not y:
            continue
        assert len(x) + len(y) + 3 <= encoder.max_len
        to_y, to_x = slow_attention(encoder, y, x, block), slow_attention(encoder, x, y, block)
        heads = range(len(to_y))
        traces = [sum(float(to_x[h, j] @ to_y[h, :, j]) for j in range(len(y))) for h in heads]  # tr(A_yx A_xy)
        terms.append(1 - sum(traces) / len(traces) / min(len(x), len(y)))
    return sum(terms) / len(terms)


@pytest.mark.parametrize("family", ["bert", "roberta", "distilbert", "modernbert"], indirect=True)
@pytest.mark.parametrize("layer", [1, -1])
def test_loss_is_that_of_the_models_own_attention(family: Encoder, layer: int) -> None:
    check_loss(family, layer)


@pytest.mark.parametrize("layer", [1, 2])
def test_loss_is_that_of_the_models_own_attention_in_xlmr(xlmr: Encoder, layer: int) -> None:
    check_loss(xlmr.eval(), layer)


def check_loss(encoder: Encoder, layer: int) -> None:
    short = [number for number, (a, b) in enumerate(zip(LEFT, RIGHT, strict=True)) if len(" ".join(a + b)) < 22]
    left, right = ([side[number] for number in short] for side in (LEFT, RIGHT))
    assert len(short) > 3
    bitexts = [
        Bitext(name="a-b", left=left, right=right),
        Bitext(name="c-b", left=left[:2], right=[[], right[1]]),  # a pair with an empty side counts nothing
    ]
    part = AttentionPart(encoder, bitexts, "attention", AttentionConfig(layer=layer), batch=len(short), tokens=60)
    batch = part.draw(0)
    assert len(part.chunks(batch, Share(), {"attention"})) > 1
    losses, _ = gradient(encoder, part, {"attention": 1.0})
    pairs = [*zip(left, right, strict=True), (left[1], right[1])]
    expected = expected_loss(encoder, pairs, encoder.resolve_layer(layer))
    assert losses["attention"].item() == pytest.approx(expected, rel=1e-4)


def test_a_gradient_is_a_small_difference(xlmr: Encoder) -> None:
    """Of the queries of the block, and of a block below."""
    xlmr.eval().double()
    part = AttentionPart(xlmr, [BITEXT, SHORT], "attention", AttentionConfig(layer=2), batch=4)
    _, slopes = gradient(xlmr, part, {"attention": 1.0})
    batch = part.draw(0)
    chunks = part.chunks(batch, Share(), {"attention"})
    for block in (0, 1):
        name = f"model.roberta.encoder.layer.{block}.attention.self.query.weight"
        weight = dict(xlmr.named_parameters())[name]
        values = []
        for step in (1e-5, -1e-5):
            with torch.no_grad():
                weight[3, 5] += step
                shares = [part.encode(batch, chunk, Share(), {"attention"}).losses for chunk in chunks]
                weight[3, 5] -= step
            values.append(sum(its["attention"].item() for its in shares))
        assert (values[0] - values[1]) / 2e-5 == pytest.approx(float(slopes[name][3, 5]), rel=1e-2, abs=1e-9)
    unread = [name for name, slope in slopes.items() if ".layer.1.output" in name and bool(slope.any())]
    assert not unread  # what lies above the queries of the last block


def test_both_orders_hold_the_same_tokens_of_a_pair_that_is_cut(xlmr: Encoder) -> None:
    long = Bitext(name="a-b", left=[["white"] * 20, ["cat"]], right=[["the"] * 9, ["house"] * 40])
    part = AttentionPart(xlmr, [long], "attention", AttentionConfig(), batch=2)
    assert part.n_cut == 2
    for pair in part.draw(0).pairs:
        forth, back = pair.forth.tolist(), pair.back.tolist()
        assert len(forth) == len(back) == xlmr.max_len
        x, y = forth[1 : pair.n_left + 1], forth[pair.n_left + 2 : -1]
        assert (back[1 : pair.n_right + 1], back[pair.n_right + 2 : -1]) == (y, x)
        assert len(x) == pair.n_left
        assert len(y) == pair.n_right


def test_shares_of_two_processes_add_up(xlmr: Encoder) -> None:
    xlmr.eval()
    part = AttentionPart(xlmr, [BITEXT, SHORT], "attention", AttentionConfig(), batch=4)
    _, whole = gradient(xlmr, part, {"attention": 1.0})
    shares = [gradient(xlmr, part, {"attention": 1.0}, share=Share(rank, 2))[1] for rank in (0, 1)]
    together = {name: torch.stack([its[name] for its in shares]).mean(dim=0) for name in whole}
    assert_near(together, whole, rel=1e-4)


def test_what_cannot_be_read_is_told(xlmr: Encoder) -> None:
    with pytest.raises(EncoderError, match=r"block 0; blocks count from 1"):
        AttentionPart(xlmr, [BITEXT], "attention", AttentionConfig(layer=0))
    with pytest.raises(EncoderError, match=r"has no sentence pairs"):
        AttentionPart(xlmr, [], "attention", AttentionConfig())


@pytest.mark.parametrize("family", ["xlm"], indirect=True)
def test_a_family_that_cannot_read_forward_is_told(family: Encoder) -> None:
    with pytest.raises(EncoderError, match=r"read forward, which .* cannot do"):
        AttentionPart(family, [BITEXT], "attention", AttentionConfig())
