"""Options of TLM and SEQ against the library's own forward pass of each pair alone, ids, positions, types given."""

import itertools
from typing import Any

import pytest
import torch
from tests.encoders.toy_parts import gradient
from torch import Tensor

from xl_encoders import Encoder, EncoderError, PairBatch, TextPart, encode_pairs
from xl_encoders.model import packing
from xl_objectives import SeqConfig, TlmConfig

COMBINED = list(itertools.product(("single", "native"), ("continue", "reset")))
# Specials between both texts, and whether the model tells the texts apart by token types.
NATIVE = {"xlmr": (2, False), "bert": (1, True)}


class Fixed:
    """One batch, whatever its number."""

    n_per_epoch = 1

    def __init__(self, batch: PairBatch) -> None:
        self.batch = batch

    def __getitem__(self, number: int) -> PairBatch:
        return self.batch


def part_of(encoder: Encoder, objectives: dict[str, Any]) -> TextPart:
    texts = ["white", "a white cat", "beyaz ev", "hbyt hlbn", "the house"]
    romanised = ["ev", "gatos", "house", "the cat", "mat"]
    corpus = encode_pairs(texts, romanised, encoder.tokenizer, encoder.max_len)
    return TextPart(encoder, Fixed(corpus.batch(range(len(texts)))), objectives, layer=2)


@pytest.mark.parametrize(("form", "positions"), COMBINED)
@pytest.mark.parametrize("shape", ["xlmr", "bert"])
@pytest.mark.parametrize("packed", [True, False])
def test_each_pair_alone_costs_the_same(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, shape: str, form: str, positions: str, packed: bool
) -> None:
    encoder: Encoder = request.getfixturevalue(shape).eval()
    tokenizer, pad = encoder.tokenizer, encoder.tokenizer.pad_token_id
    if shape == "bert":  # as BERT's own tokenizer says
        tokenizer.model_input_names = ["input_ids", "token_type_ids", "attention_mask"]
    if not packed:
        monkeypatch.setattr(packing, "supports_packing", lambda encoder: positions == "reset")
        monkeypatch.setattr(packing, "_read_packed", lambda *given: packing._read_padded(*given[:4]))
    part = part_of(encoder, {"tlm": TlmConfig(form=form, positions=positions)})
    batch = part.draw(0)
    first, last = (tokenizer("")["input_ids"][i] for i in (0, -1))
    n_between, typed = NATIVE[shape]
    total, n_picked = torch.zeros(()), 0
    for row, clean, picked, text in zip(batch.rows, batch.clean, batch.picked, batch.texts, strict=True):
        own = part._batches[0]
        a, b = list(own.original[text]), list(own.romanised[text])
        native = [last] * n_between if form == "native" else [last]
        between = [last, first] if (form, positions) == ("single", "reset") else native
        orders = [[first, *x, *between, *y, last] for x, y in ((a, b), (b, a))]
        assert clean.tolist() in orders
        n_first = len(a) if clean.tolist() == orders[0] else len(b)
        second = 1 + n_first + 1
        start = pad + 1 if shape == "xlmr" else 0
        place = [start + i for i in range(len(row))]
        if positions == "reset":
            place = [start + (i if i < second else i - second) for i in range(len(row))]
        if shape == "xlmr":  # a padding id that masking drew takes no position, as in the library
            assert pad not in row.tolist()
        types = [int(form == "native" and typed and i >= second) for i in range(len(row))]
        ids, place_ids, type_ids = (torch.tensor([its]) for its in (row.tolist(), place, types))
        logits = encoder.model(input_ids=ids, position_ids=place_ids, token_type_ids=type_ids).logits[0]
        labels = torch.where(picked, clean, -100)
        total = total + torch.nn.functional.cross_entropy(logits, labels, ignore_index=-100, reduction="sum")
        n_picked += int(picked.sum())
    assert n_picked > 3
    found = gradient(encoder, part, {"tlm": 1.0})[0]["tlm"]
    assert float(found) == pytest.approx(float(total.detach() / n_picked), rel=1e-5)  # float32, tokens in another order


def test_the_forms_differ(xlmr: Encoder) -> None:
    losses = {
        (form, positions): float(
            gradient(xlmr.eval(), part_of(xlmr, {"tlm": TlmConfig(form=form, positions=positions)}), {"tlm": 1.0})[0][
                "tlm"
            ]
        )
        for form, positions in COMBINED
    }
    assert len(set(losses.values())) == 4


@pytest.mark.parametrize("similarity", ["dot", "cosine"])
def test_smoothing_and_cls_pooling_as_written_out(xlmr: Encoder, similarity: str) -> None:
    """3 N vectors below every line, the first position of the masked texts, one text at a time."""
    encoder = xlmr.eval()
    settings = SeqConfig(
        random_negatives=3, pooling="first", similarity=similarity, temperature=2.0, false_negatives=True
    )
    part = part_of(encoder, {"seq": settings})
    batch = part.draw(4)

    def first_state(view: int) -> Tensor:
        rows = [row for row, its in zip(batch.rows, batch.views, strict=True) if its == view]
        states = [encoder.model.base_model(row[None], output_hidden_states=True).hidden_states[2] for row in rows]
        return torch.stack([state[0, 0] for state in states])

    u, v = first_state(0), first_state(1)
    n, width = u.shape
    noise = torch.randn(3 * n, width, generator=torch.Generator().manual_seed(batch.seed))
    assert abs(float(noise.mean())) < 0.05
    if similarity == "cosine":
        u, v, noise = (its / its.norm(dim=1, keepdim=True) for its in (u, v, noise))
    total = 0.0
    for i in range(n):
        for anchor, positive in ((u[i], v[i]), (v[i], u[i])):
            others = [*(u[j] for j in range(n) if j != i), *(v[j] for j in range(n) if j != i), *noise, positive]
            scores = torch.stack([anchor @ other for other in others]) / 2.0
            total += (torch.logsumexp(scores, 0) - anchor @ positive / 2.0).item()
    found = gradient(encoder, part, {"seq": 1.0}, number=4)[0]["seq"]
    assert float(found) == pytest.approx(0.5 * total / (2 * n), rel=1e-5)
    other = gradient(encoder, part, {"seq": 1.0}, number=5)[0]["seq"]
    assert float(other) != float(found)


@pytest.mark.parametrize("family", ["canine"], indirect=True)
def test_positions_that_cannot_be_given_are_refused(family: Encoder) -> None:
    with pytest.raises(EncoderError, match="takes no positions from outside, so they cannot restart"):
        part_of(family, {"tlm": TlmConfig(positions="reset")})
