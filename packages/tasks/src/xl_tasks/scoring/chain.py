"""The heaviest chain: pairs that go up on both sides, as sentences of a document and of its translation do."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def heaviest_chain(
    first: NDArray[np.int64], second: NDArray[np.int64], weights: NDArray[np.float64]
) -> NDArray[np.int64]:
    """Places (n,) of pairs that ascend on both sides, no row twice, with the largest sum of weights there is.

    first, second: (m,) rows of the two sides, from 0. weights: (m,), above 0; others are never taken. Time m log m.
    Found by a tree of running maxima (Fenwick 1994) over the second side's rows.
    """
    order = np.lexsort(
        (-second, first)
    )  # of one row of the first side the later partner comes first: it takes one alone
    order = order[weights[order] > 0]
    n_rows = int(second[order].max()) + 1 if order.size else 0
    tree: list[tuple[float, int]] = [(0.0, -1)] * (n_rows + 1)
    before: dict[int, int] = {}
    for place, row, weight in zip(order.tolist(), second[order].tolist(), weights[order].tolist(), strict=True):
        best, previous = _best_below(tree, row)
        before[place] = previous
        here = (best + weight, place)
        node = row + 1
        while node <= n_rows:
            if tree[node][0] < here[0]:
                tree[node] = here
            node += node & -node
    place = _best_below(tree, n_rows)[1]
    chain = []
    while place >= 0:
        chain.append(place)
        place = before[place]
    return np.array(chain[::-1], dtype=np.int64)


def _best_below(tree: Sequence[tuple[float, int]], row: int) -> tuple[float, int]:
    """The heaviest chain so far that ends before `row` of the second side: its weight and its last pair."""
    best = tree[0]
    while row > 0:
        if tree[row][0] > best[0]:
            best = tree[row]
        row -= row & -row
    return best
