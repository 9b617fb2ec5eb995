"""Windows over contexts: laws, and the definition of BERT's script as slow loops."""

from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from xl_tasks.problems.answering.windows import fullest_window, windows

SIZES = st.tuples(st.integers(0, 60), st.integers(1, 20), st.integers(1, 40))


def cut_slowly(n_tokens, room, step):
    """The loop of BERT's run_squad.py, whose `doc_stride` is the step."""
    found, start = [], 0
    while True:
        length = min(room, n_tokens - start)
        found.append((start, start + length))
        if start + length == n_tokens:
            return found
        start += min(length, step)


@settings(deadline=None)
@given(SIZES)
def test_windows_cover_a_context_and_start_a_step_apart(sizes):
    n_tokens, room, step = sizes
    found = windows(n_tokens, room, step)
    assert found == cut_slowly(n_tokens, room, step)
    assert {t for first, end in found for t in range(first, end)} == set(range(n_tokens))
    for (one, _), (other, _) in pairwise(found):
        assert other - one == min(step, room)


@settings(deadline=None)
@given(SIZES)
def test_each_span_that_fits_a_window_counts_in_one(sizes):
    cuts = windows(*sizes)
    fitting = sorted({(t, u) for first, end in cuts for t in range(first, end) for u in range(t, end)})
    first, last = np.array(fitting, dtype=np.int64).reshape(-1, 2).T
    found = fullest_window(cuts, first, last).tolist() if fitting else []
    for (t, u), number in zip(fitting, found, strict=True):
        beside = [(min(t - a, e - 1 - u), e - a, -other) for other, (a, e) in enumerate(cuts) if a <= t and u < e]
        assert -max(beside)[2] == number


def test_an_answer_at_the_end_of_a_context_counts():
    cuts = [(0, 20), (17, 21)]
    assert fullest_window(cuts, np.array([19, 19, 2]), np.array([20, 19, 3])).tolist() == [1, 1, 0]
