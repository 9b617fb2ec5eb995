"""Ranks against scipy's rankdata, scores against plain loops."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray
from scipy import sparse
from scipy.spatial.distance import cdist
from scipy.stats import rankdata

from xl_staticemb import StaticembError, cosine_scores, csls_scores, gold_ranks, unit_rows


def normals(seed: int, *shape: int) -> NDArray[np.float64]:
    return np.random.default_rng(seed).normal(size=shape)


def oracle_ranks(queries: NDArray, candidates: NDArray, gold: NDArray) -> NDArray:
    """Average ranks of all candidates by descending cosine, rounded far below the tolerance so that ties are exact."""
    scores = np.zeros((len(queries), len(candidates)))
    for i, query in enumerate(queries):
        for j, candidate in enumerate(candidates):
            lengths = np.linalg.norm(query) * np.linalg.norm(candidate)
            scores[i, j] = round(float(query @ candidate / lengths), 9) if lengths else 0.0
    return rankdata(-scores, method="average", axis=1)[np.arange(len(queries)), gold]


@given(st.integers(1, 6), st.integers(1, 9), st.integers(1, 4), st.data())
@settings(deadline=None)
def test_ranks_with_many_ties_equal_average_ranks(n: int, m: int, width: int, data: st.DataObject) -> None:
    small = st.integers(-2, 2).map(float)  # few values, so that ties and rows of zeros are frequent
    queries = data.draw(arrays.arrays(np.float64, (n, width), elements=small))
    candidates = data.draw(arrays.arrays(np.float64, (m, width), elements=small))
    gold = data.draw(arrays.arrays(np.int64, (n,), elements=st.integers(0, m - 1)))
    found = gold_ranks(queries, candidates, gold, block=2)
    np.testing.assert_array_equal(found, oracle_ranks(queries, candidates, gold))


def test_ranks_do_not_depend_on_blocks_or_on_sparse_storage(monkeypatch: pytest.MonkeyPatch) -> None:
    queries, candidates = normals(0, 23, 5), normals(1, 31, 5)
    queries[np.abs(queries) < 0.5] = 0
    gold = np.arange(23)
    whole = gold_ranks(queries, candidates, gold)
    np.testing.assert_array_equal(whole, oracle_ranks(queries, candidates, gold))
    monkeypatch.setattr("xl_staticemb.search.neighbours._CANDIDATE_BLOCK", 7)
    np.testing.assert_array_equal(gold_ranks(queries, candidates, gold, block=4), whole)
    for store in (sparse.csr_array, sparse.csr_matrix, sparse.coo_array):
        np.testing.assert_array_equal(gold_ranks(store(queries), store(candidates), gold, block=4), whole)
        np.testing.assert_array_equal(gold_ranks(store(queries), candidates, gold), whole)
        np.testing.assert_array_equal(gold_ranks(queries, store(candidates), gold), whole)


def test_a_model_that_scores_all_alike_gets_the_middle_rank() -> None:
    ranks = gold_ranks(np.ones((4, 3), np.float32), np.full((9, 3), 7, np.float32), [0, 3, 8, 8])
    np.testing.assert_array_equal(ranks, 5.0)


def test_nan_never_wins() -> None:
    queries = np.array([[1.0, 0.0], [np.nan, 0.0], [1.0, 0.0]])
    candidates = np.array([[1.0, 0.1], [np.nan, 1.0], [0.0, 1.0], [1.0, 1.0]])
    # the NaN candidate does not push the third one down; a NaN query and a NaN gold are last
    np.testing.assert_array_equal(gold_ranks(queries, candidates, [2, 0, 1]), [3.0, 4.0, 4.0])


def test_scores_within_the_tolerance_tie() -> None:
    candidates = np.array([[1.0, 0.0], [1.0, 1e-2], [1.0, 2.0]])
    gap = 1 - 1 / np.sqrt(1 + 1e-4)  # cosine of the first minus that of the second
    query = np.array([[1.0, 0.0]])
    assert gold_ranks(query, candidates, [1], tolerance=gap * 1.01) == [1.5]
    assert gold_ranks(query, candidates, [1], tolerance=gap * 0.99) == [2.0]


def test_ranks_of_no_queries() -> None:
    assert gold_ranks(np.zeros((0, 3)), np.ones((2, 3)), np.zeros(0, int)).shape == (0,)


@pytest.mark.parametrize(
    ("gold", "words"),
    [([0, 5], "gold index 5 names none of the 3 candidates"), ([0, -1], "gold index -1"), ([0], "one a query")],
)
def test_wrong_gold_is_refused(gold: list[int], words: str) -> None:
    with pytest.raises(StaticembError, match=words):
        gold_ranks(np.ones((2, 2)), np.ones((3, 2)), gold)


def test_different_widths_are_refused() -> None:
    with pytest.raises(StaticembError, match="one width, not 2 and 3"):
        cosine_scores(np.ones((2, 2)), np.ones((3, 3)))
    with pytest.raises(StaticembError, match=r"shape \(2,\)"):
        unit_rows(np.ones(2))


@pytest.mark.parametrize("store", [np.asarray, sparse.csr_array])
def test_cosines_equal_those_of_scipy(store: type) -> None:
    queries, keys = normals(2, 7, 4), normals(3, 5, 4)
    np.testing.assert_allclose(
        cosine_scores(store(queries), store(keys)), 1 - cdist(queries, keys, "cosine"), atol=1e-12
    )


def test_unit_rows_keep_zeros_and_single_precision() -> None:
    rows = np.array([[3.0, 4.0], [0.0, 0.0], [1e30, 0.0]], np.float32)
    unit = unit_rows(rows)
    assert unit.dtype == np.float32
    np.testing.assert_allclose(unit, [[0.6, 0.8], [0, 0], [1, 0]], rtol=1e-6)  # float32
    np.testing.assert_allclose(unit_rows(sparse.csr_array(rows)).toarray()[:2], unit[:2], rtol=1e-6)


def loop_csls(x: NDArray, z: NDArray, sources: NDArray, k: int) -> NDArray:
    def cosine(a: NDArray, b: NDArray) -> float:
        return float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))

    def nearest(a: NDArray, others: NDArray) -> float:
        best = sorted((cosine(a, other) for other in others), reverse=True)[:k]
        return sum(best) / len(best)

    return np.array([[2 * cosine(a, b) - nearest(a, z) - nearest(b, sources) for b in z] for a in x])


@pytest.mark.parametrize("k", [1, 3, 100])
def test_csls_equals_a_plain_loop(k: int) -> None:
    sources, keys = normals(4, 12, 3), normals(5, 9, 3)
    np.testing.assert_allclose(csls_scores(sources, keys, k), loop_csls(sources, keys, sources, k), atol=1e-12)
    found = csls_scores(sources[:4], keys, k, sources=sources)
    np.testing.assert_allclose(found, loop_csls(sources[:4], keys, sources, k), atol=1e-12)


def test_csls_without_neighbours_is_refused() -> None:
    with pytest.raises(StaticembError, match="at least 1, not 0"):
        csls_scores(normals(6, 3, 2), normals(7, 2, 2), 0)
    with pytest.raises(StaticembError, match="no vectors"):
        csls_scores(normals(6, 3, 2), np.zeros((0, 2)))
