"""The heaviest chain against all subsets, and pairs of documents against pairs without order."""

import itertools

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from xl_tasks.scoring.chain import heaviest_chain
from xl_tasks.scoring.margin import Neighbours, in_order, one_to_one

PAIRS = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5), st.integers(-2, 9)), max_size=9)


@settings(max_examples=100, deadline=None)
@given(PAIRS)
def test_equals_the_best_of_all_subsets(pairs: list[tuple[int, int, int]]) -> None:
    def heaviest() -> int:
        best = 0
        for size in range(len(pairs) + 1):
            for some in itertools.combinations(sorted(pairs), size):
                if all(a[0] < b[0] and a[1] < b[1] for a, b in itertools.pairwise(some)):
                    best = max(best, sum(each[2] for each in some))
        return best

    columns = np.array(pairs, dtype=np.int64).reshape(-1, 3)
    chain = heaviest_chain(columns[:, 0], columns[:, 1], columns[:, 2].astype(np.float64))
    rows = columns[chain]
    assert (np.diff(rows[:, 0]) > 0).all()
    assert (np.diff(rows[:, 1]) > 0).all()
    assert (rows[:, 2] > 0).all()
    assert rows[:, 2].sum() == heaviest()


def test_order_finds_translations_that_are_not_the_nearest() -> None:
    """A document with refrains: each refrain's nearest is any of the others, and its place alone tells which."""
    rng = np.random.default_rng(0)
    lines, refrain = rng.normal(size=(40, 12)), rng.normal(size=12)
    lines[::4] = refrain
    x = lines + 0.3 * rng.normal(size=lines.shape)
    z = lines + 0.3 * rng.normal(size=lines.shape)
    cosines = (x / np.linalg.norm(x, axis=1)[:, None]) @ (z / np.linalg.norm(z, axis=1)[:, None]).T

    def top(table: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        order = np.argsort(-table, axis=1)[:, :10]
        return order, np.take_along_axis(table, order, axis=1)

    near = Neighbours(top(cosines), top(cosines.T))
    ordered, free = in_order(near), one_to_one(near)
    assert (ordered.first == ordered.second).mean() > 0.95
    assert len(ordered.first) >= 34  # 30 lines stand once, 10 are the refrain
    assert (free.first == free.second).sum() < (ordered.first == ordered.second).sum()
