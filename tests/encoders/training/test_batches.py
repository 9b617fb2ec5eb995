"""Batches: every text once an epoch, like lengths together, a function of seed and number alone."""

from typing import Any

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


@settings(max_examples=40, deadline=None)
@given(n_texts=st.integers(1, 700), batch=st.integers(1, 30), seed=st.integers(0, 99), epoch=st.integers(0, 3))
def test_an_epoch_is_shuffled_sorted_by_sixteen_batches_and_shuffled(
    n_texts: int, batch: int, seed: int, epoch: int
) -> None:
    lengths = np.random.default_rng(seed).integers(1, 50, n_texts)
    random = np.random.default_rng([seed, epoch])
    texts = random.permutation(n_texts).tolist()
    expected = []
    for start in range(0, n_texts, 16 * batch):
        window = sorted(texts[start : start + 16 * batch], key=lambda text: lengths[text])
        expected += [window[i : i + batch] for i in range(0, len(window), batch)]
    expected = [expected[i] for i in random.permutation(len(expected))]
    batches = LengthBatches(lengths, batch=batch, seed=seed)
    n = batches.n_per_epoch
    assert [batches[epoch * n + i] for i in range(n)] == expected


def shares(counts: list[int], temperature: float) -> list[int]:
    """The formula, one language after another."""
    weights = [n ** (1 / temperature) for n in counts]
    return [max(1, round(sum(counts) * weight / sum(weights))) for weight in weights]


@settings(max_examples=40, deadline=None)
@given(
    counts=st.lists(st.integers(1, 200), min_size=1, max_size=5),
    temperature=st.sampled_from([0.5, 1.0, 1.5, 3.0, float("inf")]),
    tokens=st.sampled_from([None, 60, 400]),
    seed=st.integers(0, 99),
)
def test_languages_are_drawn_by_temperature_and_no_text_is_left_out(
    counts: list[int], temperature: float, tokens: int | None, seed: int
) -> None:
    random = np.random.default_rng(seed)
    groups = random.permutation(np.repeat(np.arange(len(counts)) * 3, counts))
    lengths = random.integers(1, 50, len(groups))
    batches = LengthBatches(lengths, batch=8, seed=seed, groups=groups, temperature=temperature, tokens=tokens)
    draws = shares(counts, temperature)
    n_epochs = 3
    drawn = np.zeros(len(groups), dtype=int)
    for epoch in range(n_epochs):
        members = [batches[epoch * batches.n_per_epoch + i] for i in range(batches.n_per_epoch)]
        here = np.bincount([text for batch in members for text in batch], minlength=len(groups))
        assert [here[groups == 3 * language].sum() for language in range(len(counts))] == draws
        drawn += here
    for language, (count, n_draws) in enumerate(zip(counts, draws, strict=True)):
        times = drawn[groups == 3 * language]
        if tokens is None or temperature == 1:
            # Whole passes over the language, and a part of the next one.
            assert set(times) <= {n_epochs * n_draws // count, -(-n_epochs * n_draws // count)}
        else:
            # Whole passes over each block of like length, whose shares are rounded.
            assert abs(times - n_epochs * n_draws / count).max() <= 1 + n_epochs * 64 / count


def test_temperature_one_with_languages_changes_nothing() -> None:
    lengths = np.arange(300) % 41
    plain = LengthBatches(lengths, batch=8, seed=2)
    grouped = LengthBatches(lengths, batch=8, seed=2, groups=np.arange(300) % 7)
    assert [plain[i] for i in range(80)] == [grouped[i] for i in range(80)]


@settings(max_examples=80, deadline=None)
@given(
    n_texts=st.integers(1, 600),
    tokens=st.integers(1, 500),
    batch=st.sampled_from([None, 1, 5]),
    seed=st.integers(0, 99),
)
def test_batches_by_tokens_hold_every_text_once_within_the_budget(
    n_texts: int, tokens: int, batch: int | None, seed: int
) -> None:
    sizes = np.random.default_rng(seed).integers(1, 90, n_texts)
    batches = LengthBatches(sizes, seed=seed, tokens=tokens, batch=batch)
    n = batches.n_per_epoch
    for epoch in range(2):
        drawn = [batches[epoch * n + i] for i in range(n)]
        assert sorted(text for members in drawn for text in members) == list(range(n_texts))
        assert all(1 <= len(members) <= (batch or n_texts) for members in drawn)
        assert all(sizes[members].sum() <= tokens or len(members) == 1 for members in drawn)


def test_batches_by_tokens_are_nearly_full_alike_and_new_in_each_epoch() -> None:
    lengths = np.minimum(np.random.default_rng(0).lognormal(3.3, 0.8, 40_000).astype(int) + 1, 510)
    batches = LengthBatches(lengths, seed=1, tokens=4096)
    n = batches.n_per_epoch
    assert n <= 1.1 * lengths.sum() / 4096
    drawn = [batches[i] for i in range(n)]
    padded = sum(int(lengths[members].max()) * len(members) for members in drawn)
    assert padded < 1.2 * lengths.sum()
    first, second = ({frozenset(batches[i]) for i in numbers} for numbers in (range(n), range(n, 2 * n)))
    assert not first & second
    jumping = LengthBatches(lengths, seed=1, tokens=4096)
    assert jumping[2 * n - 1] == batches[2 * n - 1]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"batch": 0}, "batch is 0"),
        ({"tokens": 0}, "tokens is 0"),
        ({}, "neither batch nor tokens"),
        ({"batch": 4, "temperature": 0.0}, "temperature is 0.0"),
        ({"batch": 4, "temperature": float("nan")}, "temperature is nan"),
        ({"batch": 4, "temperature": 2.0}, "no text has a language"),
        ({"batch": 4, "groups": np.zeros(2, dtype=int)}, "2 languages for 3 texts"),
    ],
)
def test_settings_out_of_range_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(EncoderError, match=message):
        LengthBatches(np.ones(3, dtype=int), seed=0, **settings)


def test_no_texts_are_refused() -> None:
    with pytest.raises(EncoderError, match="no texts"):
        LengthBatches(np.empty(0, dtype=int), batch=4, seed=0)
