"""Words, L2, InfoNCE and drift against slow loops, closed forms, gradcheck and laws (reference.md 4.1, 4.2, 4.4)."""

import math
from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from xl_objectives import (
    ObjectiveError,
    drift_loss,
    gather_pairs,
    pool_words,
    seq_loss,
    word_l2_loss,
    word_nce_loss,
)

Pairs = list[list[tuple[int, int]]]
HOWS = ("last", "first", "mean", "all")


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@st.composite
def token_words(draw: st.DrawFn) -> Tensor:
    """(sentences, tokens) numbers of words, in any order and with gaps, negative for tokens of no word."""
    n_tokens = draw(st.integers(0, 9))
    row = st.lists(st.integers(-3, 5), min_size=n_tokens, max_size=n_tokens)
    rows = draw(st.lists(row, min_size=1, max_size=4))
    return torch.tensor(rows, dtype=torch.int64).reshape(len(rows), n_tokens)


def words_by_loop(states: Tensor, word_ids: Tensor, how: str) -> list[dict[int, Tensor]]:
    """For each sentence, position in the result -> vector: the definition, token by token."""
    sentences = []
    for vectors, ids in zip(states, word_ids.tolist(), strict=True):
        tokens_of: dict[int, list[int]] = {}
        for token, word in enumerate(ids):
            if word >= 0:
                tokens_of.setdefault(word, []).append(token)
        if how == "all":
            flat = sorted(token for tokens in tokens_of.values() for token in tokens)
            sentences.append({place: vectors[token] for place, token in enumerate(flat)})
        else:
            pick: dict[str, Callable[[list[int]], Tensor]] = {
                "last": lambda tokens, v=vectors: v[tokens[-1]],
                "first": lambda tokens, v=vectors: v[tokens[0]],
                "mean": lambda tokens, v=vectors: sum(v[token] for token in tokens) / len(tokens),
            }
            sentences.append({word: pick[how](tokens) for word, tokens in tokens_of.items()})
    return sentences


@settings(max_examples=150, deadline=None)
@given(word_ids=token_words(), how=st.sampled_from(HOWS))
def test_words_and_their_gradients_equal_a_slow_loop(word_ids: Tensor, how: str) -> None:
    states = normal(*word_ids.shape, 3).requires_grad_()
    words = pool_words(states, word_ids, how)
    expected = words_by_loop(states, word_ids, how)
    assert words.mask.shape == words.vectors.shape[:2]
    assert words.mask.shape[1] == max((max(sentence) + 1 for sentence in expected if sentence), default=0)
    weights = normal(*words.vectors.shape, seed=1)
    total = (words.vectors * weights).sum()
    by_loop = states.sum() * 0
    for s, sentence in enumerate(expected):
        assert words.mask[s].nonzero().squeeze(1).tolist() == sorted(sentence)
        assert not words.vectors[s][~words.mask[s]].any()
        for place, vector in sentence.items():
            assert torch.allclose(words.vectors[s, place], vector, rtol=0, atol=1e-12)  # float64
            by_loop = by_loop + (vector * weights[s, place]).sum()
    (gradient,) = torch.autograd.grad(total, states, retain_graph=True)
    (gradient_by_loop,) = torch.autograd.grad(by_loop, states)
    assert torch.allclose(gradient, gradient_by_loop, rtol=0, atol=1e-12)


@pytest.mark.parametrize("how", HOWS)
def test_tokens_of_no_word_are_never_read(how: str) -> None:
    word_ids = torch.tensor([[-1, 0, 0, 1, -1, -1], [-1, 0, 1, 2, 2, -1]])
    states = normal(2, 6, 4)
    clean = pool_words(states, word_ids, how)
    spoilt = states.masked_fill((word_ids < 0)[..., None], torch.nan).requires_grad_()
    words = pool_words(spoilt, word_ids, how)
    assert torch.equal(words.vectors, clean.vectors)
    words.vectors.square().sum().backward()
    assert spoilt.grad is not None
    assert spoilt.grad.isfinite().all()
    assert not spoilt.grad[word_ids < 0].any()


@pytest.mark.parametrize("how", HOWS)
def test_more_padding_changes_nothing(how: str) -> None:
    word_ids = torch.tensor([[-1, 0, 0, 1, 3, -1], [-1, 0, 1, 2, -1, -1]])
    states = normal(2, 6, 4)
    longer = pool_words(
        torch.cat([states, normal(2, 3, 4, seed=1)], 1), torch.nn.functional.pad(word_ids, (0, 3), value=-1), how
    )
    words = pool_words(states, word_ids, how)
    assert torch.equal(longer.vectors, words.vectors)
    assert torch.equal(longer.mask, words.mask)


def test_means_of_half_precision_are_rounded_once() -> None:
    states = normal(1, 700, 9).bfloat16()
    words = pool_words(states, torch.arange(700)[None] % 5, "mean")
    exact = torch.stack([states[0, k::5].double().mean(0) for k in range(5)])[None]
    assert words.vectors.dtype == torch.bfloat16
    assert torch.equal(words.vectors, exact.bfloat16())  # added up in bfloat16, most differ


def test_a_batch_without_words_has_none() -> None:
    states = normal(2, 3, 4).requires_grad_()
    for how in HOWS:
        words = pool_words(states, torch.full((2, 3), -1), how)
        assert words.vectors.shape == (2, 0, 4)
        assert words.mask.shape == (2, 0)
        words.vectors.sum().backward()


def test_pooling_names_what_does_not_fit() -> None:
    with pytest.raises(ObjectiveError, match=r"\(2, 3, 4\) and \(2, 4\)"):
        pool_words(normal(2, 3, 4), torch.zeros(2, 4, dtype=torch.int64))
    with pytest.raises(ObjectiveError, match="choose last, first, mean or all"):
        pool_words(normal(2, 3, 4), torch.zeros(2, 3, dtype=torch.int64), "max")


@st.composite
def aligned_batches(draw: st.DrawFn) -> tuple[Tensor, Tensor, Pairs]:
    n_sentences, n, m = draw(st.integers(1, 4)), draw(st.integers(1, 6)), draw(st.integers(1, 6))
    pair = st.tuples(st.integers(0, n - 1), st.integers(0, m - 1))
    pairs = draw(st.lists(st.lists(pair, max_size=8), min_size=n_sentences, max_size=n_sentences))
    seed = draw(st.integers(0, 10**6))
    return normal(n_sentences, n, 3, seed=seed), normal(n_sentences, m, 3, seed=seed + 1), pairs


def squared(left: Tensor, right: Tensor) -> float:
    return sum((a - b) ** 2 for a, b in zip(left.tolist(), right.tolist(), strict=True))


@settings(max_examples=100, deadline=None)
@given(batch=aligned_batches())
def test_l2_equals_a_loop_over_the_pairs(batch: tuple[Tensor, Tensor, Pairs]) -> None:
    x, y, pairs = batch
    distances = [squared(x[s, i], y[s, j]) for s, sentence in enumerate(pairs) for i, j in sentence]
    assert word_l2_loss(x, y, pairs, reduction="sum").item() == pytest.approx(sum(distances), rel=1e-12)
    mean = sum(distances) / len(distances) if distances else 0.0
    assert word_l2_loss(x, y, pairs).item() == pytest.approx(mean, rel=1e-12)
    single = word_l2_loss(x.float(), y.float(), pairs)
    assert single.dtype == torch.float32
    assert single.item() == pytest.approx(mean, rel=1e-5)  # float32


@settings(max_examples=60, deadline=None)
@given(batch=aligned_batches(), data=st.data())
def test_pairs_of_words_that_are_not_there_are_left_out(
    batch: tuple[Tensor, Tensor, Pairs], data: st.DataObject
) -> None:
    x, y, pairs = batch
    masks = [
        torch.tensor(data.draw(st.lists(st.booleans(), min_size=side[..., 0].numel(), max_size=side[..., 0].numel())))
        .bool()
        .reshape(side.shape[:2])
        for side in (x, y)
    ]
    beyond = [[*sentence, (x.shape[1] + 2, 0), (0, y.shape[1])] for sentence in pairs]
    left, right = gather_pairs(x, y, beyond, x_mask=masks[0], y_mask=masks[1])
    expected = [(s, i, j) for s, sentence in enumerate(pairs) for i, j in sentence if masks[0][s, i] and masks[1][s, j]]
    assert left.shape == right.shape == (len(expected), 3)
    for row, (s, i, j) in enumerate(expected):
        assert torch.equal(left[row], x[s, i])
        assert torch.equal(right[row], y[s, j])
    kept = [[(i, j) for t, i, j in expected if t == s] for s in range(len(x))]
    masked = word_l2_loss(x, y, beyond, x_mask=masks[0], y_mask=masks[1], reduction="sum")
    assert torch.equal(masked, word_l2_loss(x, y, kept, reduction="sum"))


def test_one_mask_alone_is_heeded() -> None:
    x, y = normal(1, 2, 3), normal(1, 2, 3, seed=1)
    left, right = gather_pairs(x, y, [[(0, 0), (1, 1)]], y_mask=torch.tensor([[False, True]]))
    assert torch.equal(left, x[0, 1:])
    assert torch.equal(right, y[0, 1:])


def test_l2_does_not_see_a_common_rotation_and_shift() -> None:
    x, y, pairs = normal(2, 4, 5), normal(2, 3, 5, seed=1), [[(0, 0), (3, 2), (3, 1)], [(1, 1)]]
    rotation, _ = torch.linalg.qr(normal(5, 5, seed=2))
    moved = word_l2_loss(x @ rotation + 7, y @ rotation + 7, pairs)
    assert torch.allclose(moved, word_l2_loss(x, y, pairs), rtol=1e-12)


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_l2_and_drift_have_the_gradients_of_their_values(reduction: str) -> None:
    x, y = normal(2, 3, 4).requires_grad_(), normal(2, 3, 4, seed=1).requires_grad_()
    pairs = [[(0, 0), (0, 1), (2, 1)], []]  # words in two pairs and in none
    assert torch.autograd.gradcheck(lambda a, b: word_l2_loss(a, b, pairs, reduction=reduction), (x, y))
    mask = torch.tensor([[True, False, True], [False, True, False]])
    start = y.detach()
    assert torch.autograd.gradcheck(lambda a: drift_loss(a, start, mask, reduction=reduction), (x,))


@pytest.mark.parametrize(
    ("pairs", "words"),
    [
        ([[(0, 0)], [(1, 1), (2, 0)]], "sentence 1 has the pair 2-0, but its x side has 2 words"),
        ([[(0, 3)], []], "sentence 0 has the pair 0-3, but its y side has 3 words"),
        ([[(-1, 0)], []], "pair -1-0"),
        ([[(0, 0)]], r"\(2, 2, 4\), \(2, 3, 4\) and pairs of 1 sentences"),
    ],
)
def test_pairs_that_do_not_fit_are_named(pairs: Pairs, words: str) -> None:
    with pytest.raises(ObjectiveError, match=words):
        word_l2_loss(normal(2, 2, 4), normal(2, 3, 4), pairs)


def test_negative_positions_and_wrong_masks_are_refused_with_masks_too() -> None:
    x = normal(1, 2, 4)
    mask = torch.ones(1, 2, dtype=torch.bool)
    with pytest.raises(ObjectiveError, match="pair 0--1"):
        gather_pairs(x, x, [[(0, -1)]], x_mask=mask, y_mask=mask)
    with pytest.raises(ObjectiveError, match=r"x_mask is \(1, 3\); \(1, 2\) fits"):
        gather_pairs(x, x, [[(0, 0)]], x_mask=torch.ones(1, 3, dtype=torch.bool))
    with pytest.raises(ObjectiveError, match="width"):
        gather_pairs(x, normal(1, 2, 5), [[]])


def nce_by_loop(
    x: Tensor, y: Tensor, temperature: float, cosine: bool, everyone: bool, text_ids: Tensor | None
) -> float:
    """The definition in plain Python: nodes (side, pair), each looks for the other side of its pair."""
    rows = {(side, k): matrix[k].tolist() for side, matrix in enumerate((x, y)) for k in range(len(x))}
    if cosine:
        rows = {node: [a / math.hypot(*row) for a in row] for node, row in rows.items()}
    words = [{int(t) for t in text_ids[:, k]} if text_ids is not None else {("pair", k)} for k in range(len(x))]
    losses = []
    for side, k in rows:
        positive = (1 - side, k)
        scores = {}
        for other in rows:
            candidate = other[0] != side or (everyone and other != (side, k))
            if candidate and (other == positive or not words[other[1]] & words[k]):
                scores[other] = sum(a * b for a, b in zip(rows[side, k], rows[other], strict=True)) / temperature
        largest = max(scores.values())
        losses.append(largest + math.log(sum(math.exp(s - largest) for s in scores.values())) - scores[positive])
    return sum(losses) / len(losses)


@settings(max_examples=100, deadline=None)
@given(
    n_pairs=st.integers(1, 6),
    seed=st.integers(0, 10**6),
    temperature=st.floats(0.05, 3.0),
    similarity=st.sampled_from(["dot", "cosine"]),
    negatives=st.sampled_from(["across", "all"]),
    with_texts=st.booleans(),
)
def test_nce_equals_a_double_loop(
    n_pairs: int, seed: int, temperature: float, similarity: str, negatives: str, with_texts: bool
) -> None:
    x, y = normal(2, n_pairs, 4, seed=seed)
    texts = torch.randint(8, (2, n_pairs), generator=torch.Generator().manual_seed(seed)) if with_texts else None
    settings = {"temperature": temperature, "similarity": similarity, "negatives": negatives, "text_ids": texts}
    expected = nce_by_loop(x, y, temperature, similarity == "cosine", negatives == "all", texts)
    assert word_nce_loss(x, y, **settings).item() == pytest.approx(expected, rel=1e-10, abs=1e-12)
    # float32: the scores are rounded by 1e-7 of their size, up to 60 with this temperature
    assert word_nce_loss(x.float(), y.float(), **settings).item() == pytest.approx(expected, rel=1e-4, abs=1e-4)


@pytest.mark.parametrize("n_pairs", [1, 2, 17])
def test_equal_vectors_everywhere_give_the_log_of_the_candidates(n_pairs: int) -> None:
    same = torch.ones(n_pairs, 4)
    assert word_nce_loss(same, same).item() == pytest.approx(math.log(n_pairs), rel=1e-6, abs=1e-6)  # float32
    everyone = word_nce_loss(same, same, negatives="all")
    assert everyone.item() == pytest.approx(math.log(2 * n_pairs - 1), rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("similarity", ["dot", "cosine"])
def test_contrast_with_all_is_the_sentence_contrast(similarity: str) -> None:
    x, y = normal(2, 7, 5).float()
    of_sentences = seq_loss(x, y, similarity=similarity, temperature=0.3, factor=1.0)
    of_words = word_nce_loss(x, y, similarity=similarity, temperature=0.3, negatives="all")
    assert torch.allclose(of_words, of_sentences, rtol=1e-5)  # float32


@pytest.mark.parametrize("negatives", ["across", "all"])
def test_nce_keeps_its_value_when_sides_or_pairs_change_places(negatives: str) -> None:
    x, y = normal(2, 9, 5)
    texts = torch.tensor([[0, 1, 2, 0, 3, 4, 5, 6, 7], [10, 11, 12, 13, 14, 15, 11, 16, 7]])
    loss = word_nce_loss(x, y, negatives=negatives, text_ids=texts)
    assert torch.allclose(loss, word_nce_loss(y, x, negatives=negatives, text_ids=texts.flip(0)))
    order = torch.randperm(9, generator=torch.Generator().manual_seed(3))
    shuffled = word_nce_loss(x[order], y[order], negatives=negatives, text_ids=texts[:, order])
    assert torch.allclose(loss, shuffled)


@pytest.mark.parametrize("negatives", ["across", "all"])
def test_pairs_that_all_share_a_word_have_no_negative_and_cost_nothing(negatives: str) -> None:
    x, y = normal(2, 5, 4)
    texts = torch.stack([torch.full((5,), 3), torch.arange(10, 15)])
    assert word_nce_loss(x, y, negatives=negatives, text_ids=texts).item() == 0.0


@pytest.mark.parametrize("negatives", ["across", "all"])
@pytest.mark.parametrize("similarity", ["dot", "cosine"])
def test_nce_has_the_gradient_of_its_value(similarity: str, negatives: str) -> None:
    x, y = (side.requires_grad_() for side in (normal(5, 3), normal(5, 3, seed=1)))
    texts = torch.tensor([[0, 1, 2, 0, 3], [4, 5, 6, 7, 6]])

    def loss(a: Tensor, b: Tensor) -> Tensor:
        return word_nce_loss(a, b, temperature=0.7, similarity=similarity, negatives=negatives, text_ids=texts)

    assert torch.autograd.gradcheck(loss, (x, y))


@pytest.mark.parametrize("negatives", ["across", "all"])
@pytest.mark.parametrize(("similarity", "scale"), [("cosine", 0.0), ("cosine", 1e4), ("dot", 1e4)])
def test_extreme_vectors_leave_finite_gradients(similarity: str, scale: float, negatives: str) -> None:
    x, y = (scale * normal(2, 6, 4)).float()
    x[0] = 0
    x, y = x.requires_grad_(), y.requires_grad_()
    loss = word_nce_loss(x, y, similarity=similarity, temperature=0.05, negatives=negatives)
    loss.backward()
    assert loss.isfinite()
    for side in (x, y):
        assert side.grad is not None
        assert side.grad.isfinite().all()
        # A gradient is at most a vector over the temperature; 1/eps of a guarded norm would be 1e12.
        assert side.grad.abs().max() <= 2 * max(1.0, scale) * 10 / 0.05


def test_no_pair_costs_nothing_and_stays_on_the_graph() -> None:
    x, y = normal(1, 2, 3).requires_grad_(), normal(1, 2, 3).requires_grad_()
    mask = torch.zeros(1, 2, dtype=torch.bool)
    left, right = gather_pairs(x, y, [[]])
    for loss in (
        word_l2_loss(x, y, [[]]),
        word_l2_loss(x, y, [[]], reduction="sum"),
        word_nce_loss(left, right),
        drift_loss(x, y, mask),
    ):
        (gradient,) = torch.autograd.grad(loss, x)
        assert loss.item() == 0.0
        assert not gradient.any()


def test_nothing_has_drifted_at_the_start() -> None:
    states = normal(2, 3, 4).requires_grad_()
    loss = drift_loss(states, states.detach().clone(), torch.ones(2, 3, dtype=torch.bool))
    loss.backward()
    assert loss.item() == 0.0
    assert states.grad is not None
    assert not states.grad.any()


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6), kept=st.lists(st.booleans(), min_size=6, max_size=6))
def test_drift_equals_a_loop_whatever_stands_in_the_padding(seed: int, kept: list[bool]) -> None:
    mask = torch.tensor(kept).reshape(2, 3)
    states, start = normal(2, 2, 3, 4, seed=seed)
    distances = [squared(states[s, j], start[s, j]) for s in range(2) for j in range(3) if mask[s, j]]
    spoilt = states.masked_fill(~mask[..., None], torch.nan).requires_grad_()
    total = drift_loss(spoilt, start, mask, reduction="sum")
    assert total.item() == pytest.approx(sum(distances), rel=1e-12)
    mean = drift_loss(spoilt, start, mask)
    assert mean.item() == pytest.approx(sum(distances) / max(1, len(distances)), rel=1e-12)
    mean.backward()
    expected = 2 * (states - start) / max(1, len(distances)) * mask[..., None]
    assert spoilt.grad is not None
    assert torch.allclose(spoilt.grad, expected, rtol=1e-12)


def test_the_start_receives_no_gradient() -> None:
    states, start = normal(1, 2, 3).requires_grad_(), normal(1, 2, 3, seed=1).requires_grad_()
    drift_loss(states, start, torch.ones(1, 2, dtype=torch.bool)).backward()
    assert states.grad is not None
    assert start.grad is None


def test_half_precision_input_is_compared_in_float32() -> None:
    x, y = (30 * normal(2, 3, 5, 64)).bfloat16()
    mask, pairs = torch.ones(3, 5, dtype=torch.bool), [[(0, 0), (1, 2)], [(4, 4)], [(2, 0)]]

    def losses(left: Tensor, right: Tensor) -> list[Tensor]:
        contrast = word_nce_loss(left[0], right[0], similarity="dot", temperature=100.0)
        return [word_l2_loss(left, right, pairs), drift_loss(left, right, mask), contrast]

    expected = losses(x.float(), y.float())
    with torch.autocast("cpu", dtype=torch.bfloat16):
        for loss, wanted in zip(losses(x, y), expected, strict=True):
            assert loss.dtype == torch.float32
            assert loss.item() == pytest.approx(wanted.item(), rel=1e-6)


def test_grad_mode_and_random_state_stay_as_found() -> None:
    x, mask = normal(2, 3, 4).requires_grad_(), torch.ones(2, 3, dtype=torch.bool)
    random_state = torch.get_rng_state()
    with torch.no_grad():
        losses = [word_l2_loss(x, x, [[(0, 0)], []]), word_nce_loss(x[0], x[1]), drift_loss(x, x, mask)]
        losses.append(pool_words(x, torch.zeros(2, 3, dtype=torch.int64)).vectors)
        assert not torch.is_grad_enabled()
    assert not any(loss.requires_grad for loss in losses)
    assert torch.equal(torch.get_rng_state(), random_state)


def test_settings_out_of_range_are_named() -> None:
    x, mask = normal(2, 3, 4), torch.ones(2, 3, dtype=torch.bool)
    for temperature in (0.0, -1.0, math.nan):
        with pytest.raises(ObjectiveError, match=f"temperature is {temperature}"):
            word_nce_loss(x[0], x[1], temperature=temperature)
    with pytest.raises(ObjectiveError, match="similarity is 'l2'; choose cosine or dot"):
        word_nce_loss(x[0], x[1], similarity="l2")
    with pytest.raises(ObjectiveError, match="negatives is 'weak'; choose across or all"):
        word_nce_loss(x[0], x[1], negatives="weak")
    with pytest.raises(ObjectiveError, match=r"\(3, 4\) and \(2, 4\)"):
        word_nce_loss(x[0], x[1, :2])
    with pytest.raises(ObjectiveError, match=r"text_ids is \(2, 2\); \(2, 3\) fits 3 pairs"):
        word_nce_loss(x[0], x[1], text_ids=torch.zeros(2, 2, dtype=torch.int64))
    with pytest.raises(ObjectiveError, match="word_l2 reduction is 'max'; choose mean or sum"):
        word_l2_loss(x, x, [[], []], reduction="max")
    with pytest.raises(ObjectiveError, match="drift reduction is 'max'"):
        drift_loss(x, x, mask, reduction="max")
    with pytest.raises(ObjectiveError, match=r"\(2, 3, 4\), \(2, 2, 4\) and \(2, 3\)"):
        drift_loss(x, x[:, :2], mask)
    with pytest.raises(ObjectiveError, match=r"and \(2, 2\)"):
        drift_loss(x, x, mask[:, :2])
