"""Pieces for a new script: old texts are cut as before whatever the scores, start rows and choices by slow loops."""

import hashlib
import itertools
import math
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq
from tests.encoders.vocabulary.unigram import LATIN, SYLLABLES, tibetan, unigram_encoder
from tests.token_embeddings import token_embeddings

from xl_encoders import (
    Encoder,
    EncoderError,
    Source,
    add_pieces,
    learn_pieces,
    load_encoder,
    piece_sources,
    prune_pieces,
    unwritable,
)
from xl_encoders.vocabulary.start_vectors import nearest_softmax, sparsemax

TEXTS = tibetan(120)
LETTERS = sorted({char for text in LATIN for char in text})


def ids_of(encoder: Encoder, texts: list[str]) -> list[list[int]]:
    return encoder.tokenizer(texts, add_special_tokens=False)["input_ids"]


@settings(deadline=None, max_examples=20)
@given(
    st.lists(st.text(alphabet=LETTERS, max_size=30), max_size=5),
    st.lists(st.floats(-60, 0), min_size=4, max_size=4),
)
def test_old_text_is_cut_into_the_same_ids_whatever_the_scores(texts: list[str], scores: list[float]) -> None:
    encoder = unigram_encoder()
    texts = [*texts, *LATIN, "a <unk> ? ཨ"]  # the last with characters that are unknown, and stay so
    before = ids_of(encoder, texts)
    add_pieces(encoder, list(zip(["ལ", "▁ལ", "ལa", "theལthe"], scores, strict=True)), [None] * 4)
    assert ids_of(encoder, texts) == before
    assert encoder.tokenizer.unk_token_id not in ids_of(encoder, ["ལa ལ"])[0]


def test_pieces_are_learnt_for_what_could_not_be_written() -> None:
    encoder = unigram_encoder()
    new = unwritable(encoder, TEXTS)
    assert set(new) == {*"".join(SYLLABLES), "་"}
    learnt = learn_pieces(encoder, [*TEXTS, *LATIN], budget=60)
    names = [piece for piece, _ in learnt.pieces]
    assert len(names) == len(set(names)) <= 60
    assert all(any(char in new for char in name) for name in names)
    assert {name for name in names if len(name) == 1} == set(new)
    assert learnt.n_characters == len(new)
    best = min(learnt.losses.values())
    assert len(names) == min(number for number, loss in learnt.losses.items() if loss <= 1.01 * best)
    assert len(names) > len(new)  # syllables that come again and again
    before = encoder.tokenizer(TEXTS, add_special_tokens=False)["input_ids"]
    assert any(encoder.tokenizer.unk_token_id in row for row in before)
    add_pieces(encoder, learnt.pieces, [None] * len(names))
    again = learn_pieces(unigram_encoder(), [*LATIN, *TEXTS[::-1]], budget=60)
    assert again.pieces == learnt.pieces  # whatever the order of the texts
    assert all(encoder.tokenizer.unk_token_id not in row for row in ids_of(encoder, tibetan(30, seed=9)))


def test_pieces_end_with_punctuation() -> None:
    """Two syllables that always stand together stay two pieces, each with the tsheg behind it."""
    texts = [f"{a}་{b}་{a}་{b}" for a, b in itertools.pairwise(SYLLABLES) for _ in range(30)]
    names = [piece for piece, _ in learn_pieces(unigram_encoder(), texts, budget=60).pieces]
    assert not [name for name in names if "་" in name[:-1]]
    assert [name for name in names if len(name) > 1 and name.endswith("་")]


@pytest.mark.parametrize("seed", range(4))
def test_the_same_pieces_each_time(seed: int) -> None:
    """Random syllables make many pieces that are equally good."""
    random = np.random.default_rng(seed)
    letters = [chr(code) for code in range(0x0F40, 0x0F60)]
    syllables = ["".join(random.choice(letters, 3)) for _ in range(200)]
    texts = ["་".join(random.choice(syllables, 12)) for _ in range(150)]
    first, second, third = (learn_pieces(unigram_encoder(), some, budget=500) for some in (texts, texts, texts[::-1]))
    assert first == second == third


def test_the_loss_of_characters_alone_in_closed_form() -> None:
    """Each token a character or the mark of a word; one count more than seen for each there is, `<unk>` too."""
    found = learn_pieces(unigram_encoder(), TEXTS, budget=60)
    n_characters = found.n_characters
    # Which texts are kept back is said by a hash; any split of the right size that gives the loss will do.
    order = sorted(set(TEXTS), key=lambda text: hashlib.blake2b(text.encode(), digest_size=8).digest())
    back, rest = order[::10], [text for number, text in enumerate(order) if number % 10]
    counts, seen = (Counter(char for text in texts for char in f"▁{text}") for texts in (rest, back))
    total = sum(counts.values()) + n_characters + 2
    wanted = -sum(n * math.log((counts[char] + 1) / total) for char, n in seen.items()) / sum(map(len, back))
    assert found.losses[n_characters] == pytest.approx(wanted, rel=1e-9)
    assert found.unknown[n_characters] == 0


def test_rows_start_from_weighted_means_and_old_ones_stay(tmp_path: Path) -> None:
    encoder = unigram_encoder()
    tables = ("roberta.embeddings.word_embeddings.weight", "lm_head.bias")
    old = {name: encoder.model.state_dict()[name].clone() for name in tables}
    n_old = len(encoder.tokenizer)
    starts = [Source((5, 9), (0.25, 0.75)), None]
    add_pieces(encoder, [("ལ", -1.0), ("རི", -2.0)], starts)
    text = [index for index in range(n_old) if index not in encoder.tokenizer.all_special_ids]
    for name, before in old.items():
        after = encoder.model.state_dict()[name]
        assert torch.equal(after[:n_old], before)
        torch.testing.assert_close(after[n_old], 0.25 * before[5] + 0.75 * before[9])
        torch.testing.assert_close(after[n_old + 1], sum(before[index] for index in text) / len(text))
    head = encoder.model.get_output_embeddings()
    assert head is not None
    assert head.weight is encoder.model.get_input_embeddings().weight
    encoder.save(tmp_path)
    again = load_encoder(str(tmp_path), with_head=True)
    assert ids_of(again, ["ལ", *LATIN]) == ids_of(encoder, ["ལ", *LATIN])
    np.testing.assert_array_equal(again.embed(["ལ", "a"]), encoder.embed(["ལ", "a"]))


def test_starts_from_romanisation_and_dictionary_by_loops() -> None:
    encoder = unigram_encoder()
    tokenizer, unknown = encoder.tokenizer, encoder.tokenizer.unk_token_id
    pieces = [("▁ལ", -1.0), ("རི", -2.0), ("་", -1.0)]
    spelled = {"ལ": "la", "རི": "ri the", "་": ""}
    found = piece_sources(encoder, pieces, "romanised", romanise=lambda texts: [spelled[text] for text in texts])
    for source, text in zip(found, spelled.values(), strict=True):
        counts = Counter(tokenizer(text, add_special_tokens=False)["input_ids"])
        wanted = {index: n / sum(counts.values()) for index, n in counts.items()}
        assert (dict(zip(source.ids, source.weights, strict=True)) if source else {}) == pytest.approx(wanted)
    entries = [("ལ", "house"), ("ལརི", "the sea"), ("རི", "?ཨ")]
    found = piece_sources(encoder, pieces, "dictionary", entries=entries)
    sums: list[Counter[int]] = []
    for word in ("house", "the sea"):
        ids = tokenizer(word, add_special_tokens=False)["input_ids"]
        sums.append(Counter({index: n / len(ids) for index, n in Counter(ids).items()}))
    assert found[0] is not None  # ▁ལ: part of both words
    wanted = {index: (sums[0][index] + sums[1][index]) / 2 for index in {*sums[0], *sums[1]}}
    assert dict(zip(found[0].ids, found[0].weights, strict=True)) == pytest.approx(wanted)
    assert found[2] is None
    ids = [index for index in tokenizer("?", add_special_tokens=False)["input_ids"] if index != unknown]
    assert found[1] is not None
    assert set(found[1].ids) == {*sums[1], *ids}


@pytest.mark.parametrize("how", ["focus", "ofa"])
def test_starts_from_near_words_by_loops(how: str) -> None:
    """A piece is the mean of the words it is part of; weights by sparsemax of all cosines or softmax of the nearest."""
    encoder = unigram_encoder()
    generator = np.random.default_rng(3)
    words = sorted({word for text in LATIN for word in text.split()})
    vectors = {word: generator.normal(size=8).astype(np.float32) for word in [*words, "ལ", "ལརི"]}
    found = piece_sources(encoder, [("▁ལ", -1.0), ("་", -1.0)], how, vectors=vectors)
    assert found[1] is None
    wanted_vector = (vectors["ལ"] + vectors["ལརི"]) / 2
    of_piece: dict[int, list[np.ndarray]] = {}
    for word in words:
        for index in set(encoder.tokenizer(word, add_special_tokens=False)["input_ids"]):
            of_piece.setdefault(index, []).append(vectors[word])
    cosines = {}
    for index, its in of_piece.items():
        if index != encoder.tokenizer.unk_token_id:
            mean = np.mean(np.array(its, dtype=np.float64), axis=0)
            cosines[index] = float(mean @ wanted_vector / np.linalg.norm(mean) / np.linalg.norm(wanted_vector))
    if how == "ofa":
        nearest = sorted(cosines, key=lambda index: -cosines[index])[:10]
        total = sum(math.exp(cosines[index] / 0.1) for index in nearest)
        wanted = {index: math.exp(cosines[index] / 0.1) / total for index in nearest}
    else:
        # The threshold at which what stands above it adds up to 1.
        level = brentq(lambda t: sum(max(0.0, c - t) for c in cosines.values()) - 1, -3, 1, xtol=1e-14)
        wanted = {index: c - level for index, c in cosines.items() if c > level}
    assert found[0] is not None
    assert dict(zip(found[0].ids, found[0].weights, strict=True)) == pytest.approx(wanted, rel=1e-5, abs=1e-6)


@settings(deadline=None)
@given(st.lists(st.floats(-2, 2), min_size=1, max_size=12))
def test_sparsemax_is_the_nearest_point_of_the_simplex(scores: list[float]) -> None:
    """By its conditions: a threshold t with p = max(0, s - t) and the sum 1."""
    values = np.array(scores)
    weights = sparsemax(values)
    assert weights.sum() == pytest.approx(1)
    kept = weights > 0
    thresholds = (values - weights)[kept]
    np.testing.assert_allclose(thresholds, thresholds[0], atol=1e-9)
    assert (values[~kept] <= thresholds[0] + 1e-9).all()
    assert nearest_softmax(values, 3, 0.1).sum() == pytest.approx(1)


@pytest.mark.parametrize("with_new", [False, True])
def test_pruning_keeps_what_the_texts_need_and_its_rows(tmp_path: Path, with_new: bool) -> None:
    encoder = unigram_encoder()
    if with_new:
        add_pieces(encoder, [("ལ", -1.0)], [None])
    texts = ["the cat ལ", "a big house"]
    tokens = [encoder.tokenizer.tokenize(text) for text in [*texts, "ཨ the"]]
    vectors, old = encoder.embed(texts), encoder.model.state_dict()["roberta.embeddings.word_embeddings.weight"].clone()
    names = encoder.tokenizer.get_vocab()
    pruned = prune_pieces(encoder, texts)
    assert len(pruned.tokenizer) < len(names)
    assert [pruned.tokenizer.tokenize(text) for text in [*texts, "ཨ the"]] == tokens
    np.testing.assert_array_equal(pruned.embed(texts), vectors)
    rows = token_embeddings(pruned.model)
    assert len(rows) == len(pruned.tokenizer)
    for name, index in pruned.tokenizer.get_vocab().items():
        assert torch.equal(rows[index], old[names[name]])
    assert pruned.tokenizer.mask_token_id == pruned.tokenizer.convert_tokens_to_ids("<mask>")
    pruned.save(tmp_path)
    again = load_encoder(str(tmp_path), with_head=True)
    np.testing.assert_array_equal(again.embed(texts), vectors)


def test_what_cannot_be_done_is_said(family_folder: Callable[[str], Path]) -> None:
    encoder = unigram_encoder()
    with pytest.raises(EncoderError, match=r"has a piece for every character of these texts"):
        learn_pieces(encoder, LATIN, budget=100)
    n = len(unwritable(encoder, TEXTS))
    with pytest.raises(EncoderError, match=rf"vocabulary\.budget is {n - 1}, but the texts have {n} characters"):
        learn_pieces(encoder, TEXTS, budget=n - 1)
    assert len(learn_pieces(encoder, TEXTS, budget=n).pieces) == n
    with pytest.raises(EncoderError, match="as a new one it would change how texts are cut"):
        add_pieces(encoder, [("the", -1.0)], [None])
    with pytest.raises(EncoderError, match="the romaniser writes none of the new pieces"):
        piece_sources(encoder, [("ལ", -1.0)], "romanised", romanise=list)
    with pytest.raises(EncoderError, match="no word of the dictionary holds any"):
        piece_sources(encoder, [("ལ", -1.0)], "dictionary", entries=[("cat", "house")])
    with pytest.raises(EncoderError, match="no word with a vector holds any"):
        piece_sources(encoder, [("ལ", -1.0)], "ofa", vectors={"cat": np.ones(3, dtype=np.float32)})
    for family, words in (
        ("canine", "reads characters"),
        ("roberta", "writes in bytes"),
        ("xlmr", "is of the kind BPE"),
    ):
        with pytest.raises(EncoderError, match=words):
            learn_pieces(load_encoder(family_folder(family)), TEXTS, budget=100)
    with pytest.raises(EncoderError, match="is of the kind BPE"):
        prune_pieces(load_encoder(family_folder("xlmr")), ["a cat"])
