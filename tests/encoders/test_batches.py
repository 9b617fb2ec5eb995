"""Batches: every text once an epoch, like lengths together, a function of seed and number alone."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xl_encoders import Encoder, EncoderError, LengthBatches, encode_pairs


@settings(max_examples=60, deadline=None)
@given(n_texts=st.integers(1, 300), batch=st.integers(1, 40), seed=st.integers(0, 1000))
def test_an_epoch_holds_every_text_once(n_texts: int, batch: int, seed: int) -> None:
    lengths = np.random.default_rng(seed).integers(1, 50, n_texts)
    batches = LengthBatches(lengths, batch=batch, seed=seed)
    for epoch in range(2):
        drawn = [batches[epoch * batches.n_per_epoch + i] for i in range(batches.n_per_epoch)]
        assert sorted(text for members in drawn for text in members) == list(range(n_texts))
        assert all(1 <= len(members) <= batch for members in drawn)


def test_a_batch_depends_on_its_number_not_on_the_way_there() -> None:
    lengths = np.arange(500) % 37
    straight = LengthBatches(lengths, batch=16, seed=5)
    expected = [straight[i] for i in range(100)]
    jumping = LengthBatches(lengths, batch=16, seed=5)
    assert [jumping[i] for i in (99, 3, 64, 3)] == [expected[i] for i in (99, 3, 64, 3)]
    assert expected[: straight.n_per_epoch] != expected[straight.n_per_epoch : 2 * straight.n_per_epoch]
    other = LengthBatches(lengths, batch=16, seed=6)
    assert [other[i] for i in range(100)] != expected


def test_batches_waste_little_on_padding() -> None:
    lengths = np.random.default_rng(0).integers(1, 100, 2048)
    batches = LengthBatches(lengths, batch=32, seed=0)
    bucketed = sum(int(lengths[batches[i]].max()) * 32 for i in range(batches.n_per_epoch))
    random = sum(int(part.max()) * 32 for part in np.random.default_rng(1).permutation(lengths).reshape(-1, 32))
    assert bucketed < 1.15 * lengths.sum() < random


def test_equal_strings_share_a_number(xlmr: Encoder) -> None:
    corpus = encode_pairs(["Cat", "mat", "cat"], ["cat", "mat", "ΓΆΤΟΣ"], xlmr.tokenizer, 24)
    assert corpus.text_ids.tolist() == [[0, 1, 0], [0, 1, 2]]
    assert len(corpus) == 3
    assert corpus.n_cut == 0


def test_long_texts_are_cut_and_counted(xlmr: Encoder) -> None:
    corpus = encode_pairs(["cat " * 50, "cat"], ["cat " * 50, "cat"], xlmr.tokenizer, 10)
    assert corpus.n_cut == 2
    assert max(map(len, corpus.original)) == 8


def test_unequal_sides_are_refused(xlmr: Encoder) -> None:
    with pytest.raises(EncoderError, match="2 texts and 1 romanisations"):
        encode_pairs(["a", "b"], ["a"], xlmr.tokenizer, 10)
    with pytest.raises(EncoderError, match="at least one"):
        encode_pairs([], [], xlmr.tokenizer, 10)
