"""Sentences with translations: losses against the pure functions on sentences read one by one from the model itself."""

import math
from collections.abc import Callable, Sequence
from pathlib import Path

import ot
import pytest
import torch
from safetensors.torch import load_file
from tests.encoders.toy_parts import LEFT, RIGHT, assert_near, gradient
from tests.thinned import thinned
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from xl_encoders import Bitext, BitextPart, Encoder, EncoderError, Share, align_bitext, frozen_copy
from xl_objectives import (
    BitextConfig,
    L2Config,
    ObjectiveError,
    OtConfig,
    OtPairsConfig,
    SentenceNceConfig,
    WordNceConfig,
    ot_loss,
    word_l2_loss,
    word_nce_loss,
)

BITEXT = Bitext(name="a-b", left=LEFT, right=RIGHT)
SHORT = Bitext(name="c-b", left=RIGHT[2:7], right=LEFT[3:8])


def pieces_of(encoder: Encoder, word: str, number: int) -> list[int]:
    return encoder.tokenizer(("" if number == 0 else " ") + word, add_special_tokens=False)["input_ids"]


def word_vectors(encoder: Encoder, sentence: Sequence[str], layer: int, how: str) -> Tensor:
    """(words, width): the sentence alone through the model; which sub-words are whose from tokenising the words."""
    ids, owner = [0], [-1]
    for number, word in enumerate(sentence):
        pieces = pieces_of(encoder, word, number)
        ids += pieces
        owner += [-1 if piece == encoder.tokenizer.convert_tokens_to_ids("▁") else number for piece in pieces]
    assert ids[1:] == encoder.tokenizer(" ".join(sentence), add_special_tokens=False)["input_ids"]
    ids, owner = [*ids[: encoder.max_len - 1], 2], [*owner[: encoder.max_len - 1], -1]
    output = encoder.model(input_ids=torch.tensor([ids]), output_hidden_states=True)
    states = output.hidden_states[layer][0]
    of_word = [[t for t, number in enumerate(owner) if number == w] for w in range(max(owner) + 1)]
    if how == "all":
        return states[[number >= 0 for number in owner]]
    if how == "mean":
        return torch.stack([states[tokens].mean(dim=0) for tokens in of_word])
    return torch.stack([states[tokens[0 if how == "first" else -1]] for tokens in of_word])


def padded(vectors: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    lengths = torch.tensor([len(one) for one in vectors])
    stacked = pad_sequence(list(vectors), batch_first=True)
    return stacked, torch.arange(stacked.shape[1]) < lengths[:, None]


def members_of(part: BitextPart, number: int) -> Sequence[Sequence[int]]:
    return part.draw(number).members


def both_sides(encoder: Encoder, bitext: Bitext, members: Sequence[int], layer: int, how: str) -> list:
    return [
        padded([word_vectors(encoder, side[i], layer, how) for i in members]) for side in (bitext.left, bitext.right)
    ]


@pytest.mark.parametrize("how", thinned(["last", "first", "mean", "all"], 4))
@pytest.mark.parametrize("scope", ["batch", "sentence"])
def test_ot_adds_up_the_bitexts(xlmr: Encoder, how: str, scope: str) -> None:
    xlmr.eval()
    settings = OtConfig(words=how, scope=scope, p=1, layer=1, drift=0.0)
    part = BitextPart(xlmr, [BITEXT, SHORT], "ot", settings, batch=4, tokens=25)
    assert set(part.terms) == {"ot"}
    losses, _ = gradient(xlmr, part, {"ot": 1.0}, number=1)
    expected = torch.zeros(())
    with torch.no_grad():
        for bitext, members in zip((BITEXT, SHORT), members_of(part, 1), strict=True):
            (x, x_mask), (y, y_mask) = both_sides(xlmr, bitext, members, 1, how)
            loss = ot_loss(x, y, x_mask, y_mask, p=1, scope=scope)
            assert isinstance(loss, Tensor)
            expected += loss
    assert torch.allclose(losses["ot"], expected, rtol=1e-5)


def test_languages_in_one_transport_are_one_cloud_a_side(xlmr: Encoder) -> None:
    """Appendix E: one problem between all words of the other languages and all of the pivot, here POT's own."""
    xlmr.eval()
    settings = OtConfig(scope="languages", p=1, layer=1, drift=0.0)
    part = BitextPart(xlmr, [BITEXT, SHORT], "ot", settings, batch=4, tokens=25)
    losses, _ = gradient(xlmr, part, {"ot": 1.0}, number=1)
    clouds: list[list[Tensor]] = [[], []]
    with torch.no_grad():
        for bitext, members in zip((BITEXT, SHORT), members_of(part, 1), strict=True):
            for cloud, side in zip(clouds, (bitext.left, bitext.right), strict=True):
                cloud += [word_vectors(xlmr, side[i], 1, "last") for i in members]
    x, y = (torch.cat(cloud).double() for cloud in clouds)
    expected = float(ot.emd2([], [], torch.cdist(x, y).numpy()))
    assert losses["ot"].item() == pytest.approx(expected, rel=1e-4)
    each = BitextPart(xlmr, [BITEXT, SHORT], "ot", OtConfig(p=1, layer=1, drift=0.0), batch=4, tokens=25)
    apart, _ = gradient(xlmr, each, {"ot": 1.0}, number=1)
    assert apart["ot"].item() != pytest.approx(expected, rel=1e-2)


@pytest.mark.parametrize("weighting", ["idf", "tf-idf"])
@pytest.mark.parametrize("how", thinned(["last", "all"], 4))
def test_idf_is_counted_over_each_side_alone(xlmr: Encoder, how: str, weighting: str) -> None:
    """A slow count: the log of (1 + sentences) over those of the same side that have the word, however capitalised."""
    xlmr.eval()
    settings = OtConfig(words=how, weights=weighting, drift=0.0, solver="sinkhorn", blur=0.3)
    part = BitextPart(xlmr, [BITEXT], "ot", settings, batch=5)
    losses, _ = gradient(xlmr, part, {"ot": 1.0})
    (members,) = members_of(part, 0)
    bare = xlmr.tokenizer.convert_tokens_to_ids("▁")

    def weights(side: Sequence[Sequence[str]], mask: Tensor) -> Tensor:
        result = torch.zeros(mask.shape)
        for row, i in enumerate(members):
            place = 0
            for number, word in enumerate(side[i]):
                has = sum(any(word.lower() == other.lower() for other in sentence) for sentence in side)
                pieces = [piece for piece in pieces_of(xlmr, word, number) if piece != bare]
                for _ in pieces if how == "all" else [0]:
                    if place < mask.shape[1] and mask[row, place]:
                        idf = math.log((1 + len(side)) / has)
                        result[row, place] = idf / len(side[i]) if weighting == "tf-idf" else idf
                    place += 1
        return result

    with torch.no_grad():
        (x, x_mask), (y, y_mask) = both_sides(xlmr, BITEXT, members, 2, how)
        masses = (weights(LEFT, x_mask), weights(RIGHT, y_mask))
        expected = ot_loss(x, y, x_mask, y_mask, solver="sinkhorn", blur=0.3, weights=masses)
        uniform = ot_loss(x, y, x_mask, y_mask, solver="sinkhorn", blur=0.3)
    assert torch.allclose(losses["ot"], expected, rtol=1e-5)
    assert not torch.allclose(losses["ot"], uniform, rtol=1e-3)


def projection(encoder: Encoder, name: str) -> Callable[[Tensor], Tensor]:
    """The projector of an objective, from its weights."""
    weights = {key: weight for key, weight in encoder.state_dict().items() if key.startswith(f"projectors.{name}")}
    inner, inner_bias, outer, outer_bias = weights.values()
    return lambda rows: (rows @ inner.T + inner_bias).clamp(min=0) @ outer.T + outer_bias


def test_a_sentence_is_projected_as_a_whole(xlmr: Encoder) -> None:
    """The mean of its words goes through the projector; the drift beside it is that of its words."""
    xlmr.eval()
    settings = SentenceNceConfig(projector=5, drift=0.5, drift_side="both", words="mean")
    part = BitextPart(xlmr, [BITEXT], "sentence-nce", settings, batch=4)
    assert part.vector_width == 5
    with torch.no_grad():
        for name, weight in xlmr.named_parameters():
            if name.startswith("model."):
                weight += 0.01  # away from the frozen start
    (members,) = members_of(part, 0)
    losses, _ = gradient(xlmr, part, {"sentence-nce": 1.0, "sentence-nce-drift": 0.5})
    sides = [[word_vectors(xlmr, side[pair], 2, "mean") for pair in members] for side in (LEFT, RIGHT)]
    project = projection(xlmr, "sentence-nce")
    with torch.no_grad():
        x, y = (project(torch.stack([words.mean(dim=0) for words in side])) for side in sides)
        expected = word_nce_loss(x, y, similarity="dot", temperature=1.0, negatives="all")
        before = [word_vectors(part._frozen, side[pair], 2, "mean") for side in (LEFT, RIGHT) for pair in members]  # ty: ignore[invalid-argument-type]
        moved = torch.cat([now - then for now, then in zip([*sides[0], *sides[1]], before, strict=True)])
    assert losses["sentence-nce"].item() == pytest.approx(expected.item(), rel=1e-4)
    assert losses["sentence-nce-drift"].item() == pytest.approx(float(moved.square().sum(dim=1).mean()), rel=1e-4)


def test_pairs_are_found_among_words_and_contrasted_behind_the_projector(xlmr: Encoder) -> None:
    xlmr.eval()
    settings = OtPairsConfig(by="contrast", projector=5, drift=0.0, transport=0.5)
    part = BitextPart(xlmr, [BITEXT], "ot-pairs", settings, batch=4)
    assert part.vector_width == xlmr.width + 5
    (members,) = members_of(part, 0)
    losses, _ = gradient(xlmr, part, {"ot-pairs": 1.0})
    project = projection(xlmr, "ot-pairs")
    costs, left, right = [], [], []
    with torch.no_grad():
        for pair in members:
            x, y = (word_vectors(xlmr, side[pair], 2, "last") for side in (LEFT, RIGHT))
            cost = 0.5 * torch.cdist(x, y).square()
            plan = torch.from_numpy(ot.emd([], [], cost.double().numpy()))
            costs.append(float((plan * cost).sum()))
            for i in range(len(x)):
                j = int(plan[i].argmax())
                if int(plan[:, j].argmax()) == i:
                    left.append(project(x[i]))
                    right.append(project(y[j]))
        contrast = word_nce_loss(torch.stack(left), torch.stack(right), temperature=0.1)
    expected = 0.5 * sum(costs) / len(costs) + contrast.item()
    assert losses["ot-pairs"].item() == pytest.approx(expected, rel=1e-4)
    with pytest.raises(ObjectiveError, match=r"projector goes before a contrast, but objective.ot-pairs.by is l2"):
        OtPairsConfig(projector=5)


def test_a_contrast_may_go_through_a_projector(xlmr: Encoder, tmp_path: Path) -> None:
    """Two maps of its own, trained with the encoder, in its state and not in the folder that it is saved to."""
    xlmr.eval()
    bitext = Bitext(name="a-b", left=LEFT, right=RIGHT, alignments=ALIGNMENTS)
    settings = WordNceConfig(projector=5, drift=0.0, false_negatives=True)
    before = torch.get_rng_state()
    part = BitextPart(xlmr, [bitext], "word-nce", settings, batch=4)
    assert torch.equal(before, torch.get_rng_state())
    losses, slopes = gradient(xlmr, part, {"word-nce": 1.0})
    weights = [name for name in xlmr.state_dict() if name.startswith("projectors.word-nce")]
    project = projection(xlmr, "word-nce")
    (members,) = members_of(part, 0)
    sides: list[list[Tensor]] = [[], []]
    with torch.no_grad():
        for pair in members:
            x, y = (word_vectors(xlmr, side[pair], 2, "last") for side in (LEFT, RIGHT))
            for i, j in ALIGNMENTS[pair]:
                if LEFT[pair][i] != RIGHT[pair][j]:
                    sides[0].append(x[i])
                    sides[1].append(y[j])
        left, right = (project(torch.stack(side)) for side in sides)
        assert left.shape[1] == 5
        expected = word_nce_loss(left, right)
    assert torch.allclose(losses["word-nce"], expected, rtol=1e-5)
    assert set(weights) <= set(slopes)
    xlmr.save(tmp_path)
    assert not any("projector" in name for name in load_file(tmp_path / "model.safetensors"))
    assert not part.terms.keys() - {"word-nce"}


ALIGNMENTS = [[(i, len(words) - 1 - i) for i in range(len(words))] for words in LEFT]  # RIGHT is LEFT reversed


@pytest.mark.parametrize("how", ["last", "first", "mean"])
@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_l2_over_the_aligned_words(xlmr: Encoder, how: str, reduction: str) -> None:
    xlmr.eval()
    bitext = Bitext(name="a-b", left=LEFT, right=RIGHT, alignments=ALIGNMENTS)
    settings = L2Config(words=how, reduction=reduction, drift=0.0)
    part = BitextPart(xlmr, [bitext], "l2", settings, batch=5, tokens=25)
    losses, _ = gradient(xlmr, part, {"l2": 1.0}, number=1)
    (members,) = members_of(part, 1)
    total, count = 0.0, 0
    with torch.no_grad():
        for pair in members:
            x, y = (word_vectors(xlmr, side[pair], 2, how) for side in (LEFT, RIGHT))
            for i, j in ALIGNMENTS[pair]:
                if LEFT[pair][i] != RIGHT[pair][j] and i < len(x) and j < len(y):
                    total, count = total + float((x[i] - y[j]).square().sum()), count + 1
    assert losses["l2"].item() == pytest.approx(total / (count if reduction == "mean" else 1), rel=1e-5)


@pytest.mark.parametrize("kept", [False, True])
@pytest.mark.parametrize("negatives", thinned(["across", "all"], 2))
def test_word_contrast_knows_equal_words(xlmr: Encoder, negatives: str, kept: bool) -> None:
    xlmr.eval()
    bitext = Bitext(name="a-b", left=LEFT, right=RIGHT, alignments=ALIGNMENTS)
    settings = WordNceConfig(negatives=negatives, false_negatives=kept, identical=True, drift=0.0)
    part = BitextPart(xlmr, [bitext], "word-nce", settings, batch=12, tokens=40)
    losses, _ = gradient(xlmr, part, {"word-nce": 1.0})
    left, right, words = [], [], []
    with torch.no_grad():
        for pair in members_of(part, 0)[0]:
            x, y = (word_vectors(xlmr, side[pair], 2, "last") for side in (LEFT, RIGHT))
            for i, j in ALIGNMENTS[pair]:
                if i < len(x) and j < len(y):
                    left.append(x[i])
                    right.append(y[j])
                    words.append((LEFT[pair][i].lower(), RIGHT[pair][j].lower()))
    spelled = sorted({word for pair in words for word in pair})
    text_ids = torch.tensor([[spelled.index(pair[side]) for pair in words] for side in (0, 1)])
    expected = word_nce_loss(
        torch.stack(left), torch.stack(right), negatives=negatives, text_ids=None if kept else text_ids
    )
    assert losses["word-nce"].item() == pytest.approx(expected.item(), rel=1e-5)


def test_which_word_pairs_count(xlmr: Encoder) -> None:
    """Words aligned twice and words spelled alike are left out unless the settings keep them."""
    left, right = [["white", "cat", "ev"]], [["WHITE", "cat", "beyaz"]]
    bitext = Bitext(name="a-b", left=left, right=right, alignments=[[(0, 0), (1, 1), (2, 2), (2, 0)]])
    xlmr.eval()
    with torch.no_grad():
        x, y = (word_vectors(xlmr, side[0], 2, "last") for side in (left, right))
    distance = {(i, j): float((x[i] - y[j]).square().sum()) for i in range(3) for j in range(3)}
    for one_to_one, identical, pairs in (
        (True, False, []),
        (True, True, [(1, 1)]),
        (False, False, [(0, 0), (2, 2), (2, 0)]),
        (False, True, [(0, 0), (1, 1), (2, 2), (2, 0)]),
    ):
        settings = L2Config(one_to_one=one_to_one, identical=identical, reduction="sum", drift=0.0)
        losses, _ = gradient(xlmr, BitextPart(xlmr, [bitext], "l2", settings), {"l2": 1.0})
        assert losses["l2"].item() == pytest.approx(sum(distance[pair] for pair in pairs), rel=1e-5)


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("side", thinned(["pivot", "both"], 2))
def test_drift_is_nothing_at_the_start_and_the_squared_way_later(xlmr: Encoder, side: str, reduction: str) -> None:
    xlmr.eval()
    start = frozen_copy(xlmr)
    settings = OtConfig(drift=0.3, drift_side=side, drift_reduction=reduction)
    part = BitextPart(xlmr, [BITEXT, SHORT], "ot", settings, batch=4, tokens=25)
    assert part.terms["ot-drift"] == ("ot", 0.3)
    losses, _ = gradient(xlmr, part, {"ot": 1.0, "ot-drift": 0.3})
    assert losses["ot-drift"].item() == pytest.approx(0.0, abs=1e-6)
    with torch.no_grad():
        for parameter in xlmr.parameters():
            parameter *= 1.1
    losses, _ = gradient(xlmr, part, {"ot": 1.0, "ot-drift": 0.3})
    expected = 0.0
    with torch.no_grad():
        for bitext, members in zip((BITEXT, SHORT), members_of(part, 0), strict=True):
            total, count = 0.0, 0
            for sentences in (bitext.left, bitext.right) if side == "both" else (bitext.right,):
                for i in members:
                    now, before = (word_vectors(one, sentences[i], 2, "last") for one in (xlmr, start))
                    total, count = total + float((now - before).square().sum()), count + len(now)
            expected += total / (count if reduction == "mean" else 1)
    assert losses["ot-drift"].item() == pytest.approx(expected, rel=1e-4)


def moved(encoder: Encoder) -> None:
    """The encoder somewhere else than at its start."""
    with torch.no_grad():
        for parameter in encoder.parameters():
            parameter *= 1.1


@pytest.mark.parametrize("cached", [True, False])
@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("ot", OtConfig()),
        ("ot", OtConfig(drift_side="both", solver="geomloss", blur=0.5)),
        ("ot", OtConfig(drift_reduction="sum")),
        ("l2", L2Config(identical=True)),
        ("word-nce", WordNceConfig(identical=True)),
    ],
    ids=["ot", "ot, both sides", "ot, sum", "l2", "word-nce"],
)
@pytest.mark.slow
def test_the_same_bitext_twice_is_twice_its_losses_and_gradient(
    xlmr: Encoder, name: str, settings: BitextConfig, cached: bool
) -> None:
    """Equation 2 is summed over the bitexts: transport and regulariser alike."""
    xlmr.eval()
    bitext = Bitext(name="a-b", left=LEFT, right=RIGHT, alignments=ALIGNMENTS)
    once, twice = (
        BitextPart(xlmr, [bitext] * n, name, settings, batch=len(LEFT), tokens=25) for n in (1, 2)
    )  # the whole bitext in a batch, in whatever order
    moved(xlmr)
    for terms in ({name: 1.0}, {f"{name}-drift": 1.0}, {name: 1.0, f"{name}-drift": 0.3}):
        losses, slopes = gradient(xlmr, once, terms, cached=cached)
        found, found_slopes = gradient(xlmr, twice, terms, cached=cached)
        assert all(loss > 0 for loss in losses.values())
        for term, loss in losses.items():
            assert torch.allclose(found[term], 2 * loss, rtol=1e-4)
        assert_near(found_slopes, {key: 2 * slope for key, slope in slopes.items()}, rel=1e-3)


def test_published_drift_is_each_process_s_own_mean_of_each_bitext(xlmr: Encoder) -> None:
    xlmr.eval()
    start = frozen_copy(xlmr)
    part = BitextPart(xlmr, [BITEXT, SHORT], "ot", OtConfig(), batch=5, tokens=25)
    moved(xlmr)
    for rank in range(2):
        losses, _ = gradient(xlmr, part, {"ot-drift": 1.0}, share=Share(rank, 2, exact=False))
        expected = 0.0
        with torch.no_grad():
            for bitext, members in zip((BITEXT, SHORT), members_of(part, 0), strict=True):
                ways = [
                    (word_vectors(xlmr, bitext.right[i], 2, "last") - word_vectors(start, bitext.right[i], 2, "last"))
                    for i in members[rank::2]
                ]
                expected += float(torch.cat(ways).square().sum(dim=1).mean())
        assert losses["ot-drift"].item() == pytest.approx(expected / 2, rel=1e-4)  # of the mean over two processes


def test_the_frozen_start_has_no_dropout_and_no_gradient(xlmr: Encoder) -> None:
    xlmr.train()
    part = BitextPart(xlmr, [BITEXT], "ot", OtConfig(), batch=4)
    losses = [gradient(xlmr, part, {"ot-drift": 1.0}, seed=seed) for seed in (1, 2)]
    assert 0.0 < losses[0][0]["ot-drift"] != losses[1][0]["ot-drift"] > 0.0  # dropout of the encoder itself
    frozen = frozen_copy(xlmr)
    assert not frozen.training
    assert not any(parameter.requires_grad for parameter in frozen.parameters())
    assert all(torch.equal(a, b) for a, b in zip(frozen.parameters(), xlmr.parameters(), strict=True))
    assert frozen.max_len == xlmr.max_len


def test_every_batch_has_as_many_pairs_of_each_bitext(xlmr: Encoder) -> None:
    """The short one begins again; each goes through all its pairs once a pass."""
    part = BitextPart(xlmr, [BITEXT, SHORT], "ot", OtConfig(drift=0.0), batch=3)
    assert part.n_per_epoch == 4
    seen = [members_of(part, number) for number in range(4)]
    assert sorted(i for members in seen for i in members[0]) == list(range(12))
    assert sorted(i for members in seen[:2] for i in members[1]) == list(range(5))
    assert sorted(i for members in seen[2:] for i in members[1]) == list(range(5))


def test_sentences_are_shared_by_pairs(xlmr: Encoder) -> None:
    part = BitextPart(xlmr, [BITEXT, SHORT], "ot", OtConfig(), batch=5, tokens=25)
    batch = part.draw(0)
    wanted = {"ot", "ot-drift"}
    shares = [[row for chunk in part.chunks(batch, Share(rank, 3), wanted) for row in chunk.rows] for rank in range(3)]
    assert sorted(row for share in shares for row in share) == list(range(len(batch.rows)))
    slots = [int(s) for rank in range(3) for c in part.chunks(batch, Share(rank, 3), wanted) for s in c.slots]
    assert sorted(slots) == list(range(batch.n_slots))
    only = [batch.rows[row].side for chunk in part.chunks(batch, Share(), {"ot-drift"}) for row in chunk.rows]
    assert set(only) == {1}
    assert part.chunks(batch, Share(), {"mlm"}) == []


@pytest.mark.slow
def test_sentences_without_words(xlmr: Encoder) -> None:
    empty = Bitext(name="a-b", left=[["white"], []], right=[[], ["ev"]], alignments=[[], []])
    nothing = Bitext(name="a-b", left=[[]], right=[[]], alignments=[[]])
    for bitext in (empty, nothing):
        for name, settings in (("ot", OtConfig()), ("l2", L2Config()), ("word-nce", WordNceConfig())):
            part = BitextPart(xlmr, [bitext], name, settings, batch=2, tokens=2)
            for weights in ({name: 1.0, f"{name}-drift": 1.0}, {f"{name}-drift": 1.0}):
                for cached in (False, True):
                    losses, _ = gradient(xlmr, part, weights, cached=cached)
                    assert all(torch.isfinite(loss) for loss in losses.values())


def test_long_sentences_are_cut_and_counted(xlmr: Encoder) -> None:
    long = [word for sentence in LEFT for word in sentence]
    bitext = Bitext(name="a-b", left=[long, ["ev"]], right=[["ev"], long], alignments=[[(len(long) - 1, 0)], [(0, 0)]])
    part = BitextPart(xlmr, [bitext], "l2", L2Config(identical=True, drift=0.0), batch=2)
    assert part.n_cut == 2
    assert max(len(row.ids) for row in part.draw(0).rows) == xlmr.max_len
    xlmr.eval()
    losses, _ = gradient(xlmr, part, {"l2": 1.0})  # the pair of a word that was cut off is left out
    with torch.no_grad():
        x, y = (word_vectors(xlmr, side[1], 2, "last")[:1] for side in (bitext.left, bitext.right))
        expected = word_l2_loss(x[None], y[None], [[(0, 0)]])
    assert losses["l2"].item() == pytest.approx(expected.item(), rel=1e-5)


@pytest.mark.parametrize("how", ["last", "first", "mean"])
def test_our_aligner_is_mutual_argmax_in_its_layer(xlmr: Encoder, how: str) -> None:
    """Over more sentences than it encodes at a time, whatever mode the encoder is in."""
    left, right = LEFT * 7, RIGHT[5:] * 12
    bitext = Bitext(name="a-b", left=left, right=right[: len(left)])
    xlmr.train()
    found = align_bitext(xlmr, bitext, layer=1, words=how)
    assert xlmr.training
    xlmr.eval()
    for number in range(0, len(left), 5):
        with torch.no_grad():
            x, y = (word_vectors(xlmr, side[number], 1, how).double() for side in (left, right))
        cosines = torch.nn.functional.cosine_similarity(x[:, None], y[None], dim=2)
        margins = [one.topk(2).values.diff().abs().min() if one.shape[1] > 1 else 1.0 for one in (cosines, cosines.T)]
        if min(margins) < 1e-6:  # a word that occurs twice: either is right
            continue
        pairs = [
            (i, j)
            for i in range(len(x))
            for j in range(len(y))
            if cosines[i].argmax() == j and cosines[:, j].argmax() == i
        ]
        assert found[number] == pairs


@pytest.mark.parametrize("settings", [L2Config(), WordNceConfig()])
def test_missing_alignments_are_named(xlmr: Encoder, settings: BitextConfig) -> None:
    with pytest.raises(EncoderError, match="objective x needs word alignments, and a-b has none"):
        BitextPart(xlmr, [BITEXT], "x", settings)


def test_what_does_not_fit_is_refused(xlmr: Encoder) -> None:
    with pytest.raises(EncoderError, match="a-b: 2 sentences stand against 1"):
        Bitext(name="a-b", left=LEFT[:2], right=RIGHT[:1])
    with pytest.raises(EncoderError, match="a-b: 1 lines of alignments for 2 sentence pairs"):
        Bitext(name="a-b", left=LEFT[:2], right=RIGHT[:2], alignments=[[]])
    with pytest.raises(EncoderError, match="objective ot has no sentence pairs"):
        BitextPart(xlmr, [Bitext(name="a-b", left=[], right=[])], "ot", OtConfig())
    outside = Bitext(name="a-b", left=LEFT[:1], right=RIGHT[:1], alignments=[[(0, 7)]])
    with pytest.raises(ObjectiveError, match="0-7"):
        BitextPart(xlmr, [outside], "l2", L2Config())
    with pytest.raises(EncoderError, match="layer -9 is out of range"):
        BitextPart(xlmr, [BITEXT], "ot", OtConfig(layer=-9))
    with pytest.raises(ObjectiveError, match="BitextConfig names no loss"):
        BitextPart(xlmr, [BITEXT], "x", BitextConfig(drift=0.0))
