"""Spans from logits against loops over all spans."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xl_tasks import TaskError
from xl_tasks.problems.answering.spans import Place, best_spans, candidates
from xl_tasks.problems.answering.windows import windows


@st.composite
def scored_tokens(draw, largest=12):
    n = draw(st.integers(0, largest))
    values = st.integers(-3, 3) if draw(st.booleans()) else st.floats(-9, 9, width=32)
    flags = st.lists(st.booleans(), min_size=n, max_size=n)
    logits = np.array(draw(st.lists(st.tuples(values, values), min_size=n, max_size=n)), dtype=np.float32)
    return logits.reshape(n, 2), np.array(draw(flags), dtype=bool), np.array(draw(flags), dtype=bool)


def all_spans(logits, can_start, can_end, answer_len):
    """(score, first, last) of every span, best first, the earlier of equal ones first."""
    n = len(logits)
    found = [
        (float(logits[i, 0]) + float(logits[j, 1]), i, j)
        for i in range(n)
        for j in range(i, min(n, i + answer_len))
        if can_start[i] and can_end[j]
    ]
    return sorted(found, key=lambda item: (-item[0], item[1], item[2]))


def as_list(found):
    return list(zip(found.scores.tolist(), found.first.tolist(), found.last.tolist(), strict=True))


@settings(deadline=None)
@given(scored_tokens(), st.integers(1, 14))
def test_all_tokens_compared_are_all_spans(tokens, answer_len):
    logits, can_start, can_end = tokens
    found = best_spans(logits, can_start=can_start, can_end=can_end, answer_len=answer_len, n_best=200)
    assert as_list(found) == all_spans(logits, can_start, can_end, answer_len)[:200]


@settings(deadline=None)
@given(scored_tokens(), st.integers(1, 14), st.integers(1, 5))
def test_few_tokens_compared_are_the_best_of_each_side(tokens, answer_len, n_best):
    logits, can_start, can_end = tokens
    starts, ends = (
        sorted(np.flatnonzero(allowed).tolist(), key=lambda i, scores=scores: (-scores[i], i))[:n_best]
        for scores, allowed in ((logits[:, 0], can_start), (logits[:, 1], can_end))
    )
    everything = all_spans(logits, can_start, can_end, answer_len)
    of_the_best = [item for item in everything if item[1] in starts and item[2] in ends]
    found = best_spans(logits, can_start=can_start, can_end=can_end, answer_len=answer_len, n_best=n_best)
    assert as_list(found) == (of_the_best or everything)[:n_best]


TEXT = "abcdefghijklmnop"


@st.composite
def windows_of_a_text(draw):
    """One to three windows over one-letter tokens, each with one special in front and one behind."""
    n, room = draw(st.integers(1, len(TEXT))), draw(st.integers(4, 16))
    cuts = tuple(windows(n, room, draw(st.integers(1, room))))
    value = st.integers(-4, 4)
    places, logits = [], []
    for number, (first, end) in enumerate(cuts):
        # Every fifth token stands for no character.
        offsets = np.array([(t, t + 1 - (t % 5 == 4)) for t in range(first, end)], dtype=np.int64).reshape(-1, 2)
        places.append(Place(1, offsets, number, cuts))
        rows = draw(st.lists(st.tuples(value, value), min_size=end - first + 2, max_size=end - first + 2))
        logits.append(np.array(rows, dtype=np.float32))
    return TEXT[:n], places, logits


def fullest_slowly(cuts, t, u):
    """The window in which tokens t to u have most context beside them."""
    return max(
        (number for number, (a, e) in enumerate(cuts) if a <= t and u < e),
        key=lambda number: (
            min(t - cuts[number][0], cuts[number][1] - 1 - u), cuts[number][1] - cuts[number][0], -number
        ),
    )  # fmt: skip


@settings(deadline=None)
@given(windows_of_a_text(), st.integers(1, 6), st.booleans())
def test_candidates_over_windows_against_a_loop(made, answer_len, no_answer):
    text, places, logits = made
    best = {}
    for place, values in zip(places, logits, strict=True):
        for i in range(len(place.spans)):
            for j in range(i, min(len(place.spans), i + answer_len)):
                (start, a), (b, end) = place.spans[i].tolist(), place.spans[j].tolist()
                begin = place.cuts[place.number][0]
                if start < a and b < end and fullest_slowly(place.cuts, begin + i, begin + j) == place.number:
                    assert (start, end) not in best
                    best[start, end] = float(values[place.offset + i, 0] + values[place.offset + j, 1])
    expected = [(score, text[slice(*span)]) for span, score in best.items()]
    if no_answer:
        expected.append((min(float(v[0].sum()) for v in logits), ""))
    found = candidates(text, places, logits, answer_len=answer_len, n_best=500, no_answer=no_answer)
    assert sorted((c.score, c.text) for c in found) == sorted(expected)
    assert [c.score for c in found] == sorted((c.score for c in found), reverse=True)
    assert all(text[c.start : c.end] == c.text for c in found)
    if found:
        weights = np.exp([c.score for c in found])
        # Tolerance: float64 sums of a few hundred exponentials.
        np.testing.assert_allclose([c.probability for c in found], weights / weights.sum(), rtol=1e-9)


def test_no_text_no_candidate():
    place = Place(1, np.zeros((0, 2), dtype=np.int64), 0, ((0, 0),))
    assert candidates("", [place], [np.zeros((2, 2))], answer_len=5, n_best=5) == []
    [only] = candidates("", [place], [np.zeros((2, 2))], answer_len=5, n_best=5, no_answer=True)
    assert only == ("", 0, 0, 0.0, 1.0)


def test_logits_that_are_no_numbers():
    place = Place(1, np.array([[0, 1]]), 0, ((0, 1),))
    with pytest.raises(TaskError, match="not finite"):
        candidates("a", [place], [np.full((3, 2), np.nan)], answer_len=5, n_best=5)
