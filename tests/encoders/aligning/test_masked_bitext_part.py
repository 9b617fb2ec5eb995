"""Masked bitexts: rows, masks and partners read off the tokens again, losses against the model's own on single rows."""

from collections.abc import Sequence

import pytest
import torch
from tests.encoders.toy_parts import LEFT, RIGHT, assert_near, gradient
from torch import Tensor
from torch.nn import functional

from xl_encoders import Bitext, Encoder, EncoderError, Share
from xl_encoders.aligning.masked_bitext_part import MaskedBitextPart
from xl_objectives import BitextTlmConfig, WeamConfig

LINKS = [[(i, len(words) - 1 - i) for i in range(len(words))] for words in LEFT]  # RIGHT is LEFT reversed
BITEXT = Bitext(name="a-b", left=LEFT, right=RIGHT, alignments=LINKS)
SHORT = Bitext(name="c-b", left=LEFT[:3], right=RIGHT[:3], alignments=LINKS[:3])


def part_of(encoder: Encoder, settings: BitextTlmConfig | WeamConfig, **more: int) -> MaskedBitextPart:
    return MaskedBitextPart(encoder, [BITEXT, SHORT], settings.name, settings, batch=4, **more)


def words_of(encoder: Encoder, sentence: Sequence[str]) -> tuple[list[int], list[int]]:
    """Ids of a sentence, and the word of each, -1 for a space alone."""
    ids, owner = [], []
    for number, word in enumerate(sentence):
        pieces = encoder.tokenizer(("" if number == 0 else " ") + word, add_special_tokens=False)["input_ids"]
        ids += pieces
        owner += [-1 if piece == encoder.tokenizer.convert_tokens_to_ids("▁") else number for piece in pieces]
    return ids, owner


def found_again(encoder: Encoder, clean: Tensor) -> tuple[int, list[tuple[int, int]]]:
    """Which pair a row is, and of each place its side and word, (-1, -1) for none; rows that were cut are not found."""
    for pair in range(len(LEFT)):
        sides = [words_of(encoder, side[pair]) for side in (LEFT, RIGHT)]
        for order in ((0, 1), (1, 0)):
            a, b = (sides[side] for side in order)
            if clean.tolist() == [0, *a[0], 2, *b[0], 2]:
                where = [(-1, -1)]
                for side in order:
                    where += [(side, word) if word >= 0 else (-1, -1) for word in sides[side][1]] + [(-1, -1)]
                return pair, where
    return -1, []


def test_a_masked_word_is_read_at_its_partner(xlmr: Encoder) -> None:
    part = part_of(xlmr, WeamConfig(mask_prob=0.4))
    n_linked = n_rows = 0
    orders = set()
    for number in range(4):
        for row in part.draw(number).rows:
            assert len(row.clean) <= xlmr.max_len
            pair, where = found_again(xlmr, row.clean)
            if pair < 0:
                continue
            n_rows += 1
            orders.add(next(side for side, _ in where if side >= 0))
            picked = {where[place] for place in row.picked.nonzero()[:, 0].tolist()}
            assert (-1, -1) not in picked
            assert {place for place, its in enumerate(where) if its in picked} == set(
                row.picked.nonzero()[:, 0].tolist()
            )  # whole words
            links = [(i, j) for i, j in LINKS[pair] if LEFT[pair][i] != RIGHT[pair][j]]
            assert not any((0, i) in picked and (1, j) in picked for i, j in links)
            expected = set()
            for i, j in links:
                for own, other in (((0, i), (1, j)), ((1, j), (0, i))):
                    if own in picked:
                        read = [place for place, its in enumerate(where) if its == other]
                        asked = [place for place, its in enumerate(where) if its == own]
                        expected |= {(place, read[min(k, len(read) - 1)]) for k, place in enumerate(asked)}
            assert set(zip(row.targets.tolist(), row.read_at.tolist(), strict=True)) == expected
            n_linked += len(expected)
            changed = (row.ids != row.clean).nonzero()[:, 0].tolist()
            assert set(changed) <= set(row.picked.nonzero()[:, 0].tolist())
    assert n_rows > 5
    assert n_linked > 10
    assert orders == {0, 1}


@pytest.mark.parametrize("settings", [WeamConfig(mask_prob=0.3, tlm=0.5), BitextTlmConfig(mask_prob=0.3)])
def test_losses_are_those_of_the_model(xlmr: Encoder, settings: WeamConfig | BitextTlmConfig) -> None:
    xlmr.eval()
    part = part_of(xlmr, settings, tokens=40)
    own, crossed = [], []
    with torch.no_grad():
        for row in part.draw(0).rows:
            logits = xlmr.model(input_ids=row.ids[None]).logits[0]
            own += [functional.cross_entropy(logits[k], row.clean[k]) for k in row.picked.nonzero()[:, 0].tolist()]
            pairs = zip(row.targets.tolist(), row.read_at.tolist(), strict=True)
            crossed += [functional.cross_entropy(logits[read], row.clean[target]) for target, read in pairs]
    expected = {f"{settings.name}-tlm" if crossed else settings.name: torch.stack(own).mean()}
    if crossed:
        expected["weam"] = torch.stack(crossed).mean()
    assert {name: term.factor for name, term in part.terms.items()} == {
        name: 0.5 if name == "weam-tlm" else 1.0 for name in expected
    }
    losses, _ = gradient(xlmr, part, dict.fromkeys(expected, 1.0))
    assert losses.keys() == expected.keys()
    for name, loss in expected.items():
        assert losses[name].item() == pytest.approx(loss.item(), rel=1e-5)


def test_shares_of_two_processes_add_up(xlmr: Encoder) -> None:
    xlmr.eval()
    part = part_of(xlmr, WeamConfig(mask_prob=0.4))
    weights = {"weam": 1.0, "weam-tlm": 0.5}
    _, whole = gradient(xlmr, part, weights)
    shares = [gradient(xlmr, part, weights, share=Share(rank, 2))[1] for rank in (0, 1)]
    # each is scaled for the mean that follows
    together = {name: (shares[0][name] + shares[1][name]) / 2 for name in whole}
    assert_near(together, whole, rel=1e-4)


def test_the_same_batch_is_drawn_again(xlmr: Encoder) -> None:
    one, other = (part_of(xlmr, WeamConfig(), seed=3).draw(2).rows for _ in range(2))
    assert all(torch.equal(a.ids, b.ids) and torch.equal(a.read_at, b.read_at) for a, b in zip(one, other, strict=True))
    assert any(not torch.equal(a.ids, b.ids) for a, b in zip(one, part_of(xlmr, WeamConfig(), seed=4).draw(2).rows,
                                                             strict=True))  # fmt: skip


def test_what_is_missing_is_told(xlmr: Encoder) -> None:
    bare = Bitext(name="a-b", left=LEFT, right=RIGHT)
    with pytest.raises(EncoderError, match=r"needs word alignments, and a-b has none"):
        MaskedBitextPart(xlmr, [bare], "weam", WeamConfig())
    with pytest.raises(EncoderError, match=r"has no sentence pairs"):
        MaskedBitextPart(xlmr, [], "weam", WeamConfig())
    assert MaskedBitextPart(xlmr, [bare], "bitext-tlm", BitextTlmConfig()).terms.keys() == {"bitext-tlm"}
