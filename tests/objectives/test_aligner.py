"""The aligner against exact rational arithmetic and planted alignments; the filters of pairs by their definition."""

from fractions import Fraction

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from xl_objectives import ObjectiveError, align_words, drop_identical, keep_one_to_one

Pairs = list[tuple[int, int]]


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def everywhere(words: Tensor) -> Tensor:
    return torch.ones(words.shape[:2], dtype=torch.bool)


def cosine_order(left: list[int], right: list[int]) -> Fraction:
    """Sign times square of the cosine of two integer vectors: ordered as the cosines are, and exact."""
    dot = sum(a * b for a, b in zip(left, right, strict=True))
    return Fraction(dot * abs(dot), sum(a * a for a in left) * sum(b * b for b in right))


def mutual_by_loop(x: list[list[int] | None], y: list[list[int] | None]) -> Pairs:
    """Definition, with None for padding; vectors without a direction stay out."""
    here = [{k: word for k, word in enumerate(side) if word is not None and any(word)} for side in (x, y)]
    order = {(i, j): cosine_order(a, b) for i, a in here[0].items() for j, b in here[1].items()}
    if not order:
        return []
    best_of_x = {i: min(here[1], key=lambda j: (-order[i, j], j)) for i in here[0]}
    best_of_y = {j: min(here[0], key=lambda i: (-order[i, j], i)) for j in here[1]}
    return [(i, j) for i, j in best_of_x.items() if best_of_y[j] == i]


# Small integers, so that equal cosines of equal and of unequal vectors, zero vectors and gaps are frequent.
integer_words = st.lists(st.none() | st.lists(st.integers(-2, 2), min_size=3, max_size=3), max_size=7)


def padded(sentences: list[list[list[int] | None]], dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    n_words = max(map(len, sentences))
    words = torch.full((len(sentences), n_words, 3), torch.nan, dtype=dtype)
    mask = torch.zeros(len(sentences), n_words, dtype=torch.bool)
    for s, sentence in enumerate(sentences):
        for k, word in enumerate(sentence):
            if word is not None:
                words[s, k], mask[s, k] = torch.tensor(word, dtype=dtype), True
    return words, mask


@settings(max_examples=300, deadline=None)
@given(
    batch=st.lists(st.tuples(integer_words, integer_words), min_size=1, max_size=4),
    dtype=st.sampled_from([torch.float32, torch.float64, torch.bfloat16]),
)
def test_equals_exact_arithmetic_ties_included(
    batch: list[tuple[list[list[int] | None], list[list[int] | None]]], dtype: torch.dtype
) -> None:
    (x, x_mask), (y, y_mask) = (padded([pair[side] for pair in batch], dtype) for side in range(2))
    assert align_words(x, y, x_mask, y_mask) == [mutual_by_loop(*pair) for pair in batch]


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6), n_words=st.integers(1, 30))
def test_a_planted_permutation_is_found(seed: int, n_words: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    order = torch.randperm(n_words, generator=generator)
    x = torch.randn(1, n_words, 64, generator=generator)
    # y_j is x_order[j], longer and with noise a tenth as large: 64 random coordinates tell thirty words apart.
    y = 3 * x[:, order] + 0.3 * torch.randn(1, n_words, 64, generator=generator)
    expected = sorted(zip(order.tolist(), range(n_words), strict=True))
    assert align_words(x, y, everywhere(x), everywhere(y)) == [expected]


def test_sides_and_sentences_may_change_places() -> None:
    x, y = normal(5, 9, 4), normal(5, 7, 4, seed=1)
    aligned = align_words(x, y, everywhere(x), everywhere(y))
    back = align_words(y, x, everywhere(y), everywhere(x))
    assert [sorted((i, j) for j, i in sentence) for sentence in back] == aligned
    order = [3, 1, 4, 0, 2]
    assert align_words(x[order], y[order], everywhere(x), everywhere(y)) == [aligned[s] for s in order]


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6), n=st.integers(2, 12), m=st.integers(2, 12), more=st.integers(0, 9))
def test_repeated_words_tie_alike_alone_and_in_any_batch(seed: int, n: int, m: int, more: int) -> None:
    """Equal vectors at several positions: the first is taken, however the batch shapes the matrix product."""
    generator = torch.Generator().manual_seed(seed)
    kinds = torch.randn(3, 200, generator=generator)
    picks = [torch.randint(3, (length,), generator=generator) for length in (n, m)]
    x, y = (kinds[pick][None] for pick in picks)
    alone = align_words(x, y, everywhere(x), everywhere(y))[0]
    firsts = [{kind: side.tolist().index(kind) for kind in set(side.tolist())} for side in picks]
    both = firsts[0].keys() & firsts[1].keys()
    assert {(firsts[0][kind], firsts[1][kind]) for kind in both} <= set(alone)
    assert all(i in firsts[0].values() and j in firsts[1].values() for i, j in alone)
    wide = [torch.cat([side, normal(1, more, 200)], 1).repeat(3, 1, 1) for side in (x, y)]
    masks = [torch.arange(n + more) < n, torch.arange(m + more) < m]
    batched = align_words(*wide, *(mask.repeat(3, 1) for mask in masks))
    assert batched == [alone] * 3


def test_sentences_without_words_have_no_pairs() -> None:
    x, y = normal(2, 3, 4), normal(2, 0, 4)
    assert align_words(x, y, everywhere(x), everywhere(y)) == [[], []]
    assert align_words(y, x, everywhere(y), everywhere(x)) == [[], []]
    assert align_words(x[:0], x[:0], everywhere(x[:0]), everywhere(x[:0])) == []


def test_grad_mode_and_input_stay_as_found() -> None:
    x, y = normal(1, 3, 4).requires_grad_(), normal(1, 3, 4, seed=1)
    before = x.detach().clone()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        inside = align_words(x, y, everywhere(x), everywhere(y))
    assert torch.is_grad_enabled()
    saved: list[Tensor] = []  # what a graph would keep for its backward pass
    with torch.autograd.graph.saved_tensors_hooks(saved.append, lambda _: saved[0]):
        align_words(x, y, everywhere(x), everywhere(y))
    assert not saved
    assert inside == align_words(x, y, everywhere(x), everywhere(y))
    assert torch.equal(x, before)
    with torch.no_grad():
        align_words(x, y, everywhere(x), everywhere(y))
        assert not torch.is_grad_enabled()


def test_what_cannot_be_aligned_is_named() -> None:
    x, y = normal(2, 3, 4), normal(2, 5, 4)
    with pytest.raises(ObjectiveError, match="method is 'itermax'; there is mutual-argmax"):
        align_words(x, y, everywhere(x), everywhere(y), method="itermax")
    with pytest.raises(ObjectiveError, match=r"\(2, 3, 4\), \(2, 5, 4\), \(2, 5\) and \(2, 5\)"):
        align_words(x, y, everywhere(y), everywhere(y))
    with pytest.raises(ObjectiveError, match="needs two"):
        align_words(x, y[..., :3], everywhere(x), everywhere(y))
    for spoilt in (torch.nan, torch.inf):
        y[1, 2, 0] = spoilt
        with pytest.raises(ObjectiveError, match="word 2 of sentence 1 of y is not finite"):
            align_words(x, y, everywhere(x), everywhere(y))


pairs_of_a_sentence = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), max_size=8)


@settings(max_examples=200, deadline=None)
@given(pairs=st.lists(pairs_of_a_sentence, max_size=3))
def test_one_to_one_pairs_share_no_word_with_another(pairs: list[Pairs]) -> None:
    for sentence, kept in zip(pairs, keep_one_to_one(pairs), strict=True):
        assert len(kept) == len(set(kept))
        for pair in set(sentence):
            alone = not any(other != pair and (other[0] == pair[0] or other[1] == pair[1]) for other in sentence)
            assert (pair in kept) == alone
        assert kept == [pair for k, pair in enumerate(sentence) if pair in kept and pair not in sentence[:k]]


def test_words_spelled_alike_are_dropped() -> None:
    x_words, y_words = [["Paris", "ist", "alt"], ["ja"]], [["is", "Paris", "old"], ["yes"]]
    assert drop_identical([[(0, 1), (1, 0), (2, 2)], []], x_words, y_words) == [[(1, 0), (2, 2)], []]


def test_pairs_that_do_not_fit_the_words_are_named() -> None:
    with pytest.raises(ObjectiveError, match="1 sentences do not fit words of 2 and 1"):
        drop_identical([[]], [["a"], ["b"]], [["c"]])
    with pytest.raises(ObjectiveError, match="sentence 1 has the pair 0-1, but 1 and 1 words"):
        drop_identical([[], [(0, 1)]], [[], ["a"]], [[], ["b"]])
    with pytest.raises(ObjectiveError, match="pair -1-0"):
        drop_identical([[(-1, 0)]], [["a"]], [["b"]])
