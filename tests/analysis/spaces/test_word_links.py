"""Word links against slow loops, POT and closed forms, and the laws they obey."""

import itertools
from typing import Any

import numpy as np
import ot
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xl_analysis import LINK_METHODS, AnalysisError, WordLinks, link_words


def vectors(seed: int, n: int, m: int, width: int = 8) -> tuple[np.ndarray, np.ndarray]:
    """Sentences whose words are partly translations of one another."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, width))
    y = rng.normal(size=(m, width))
    kept = min(n, m, 4)
    y[:kept] = x[rng.permutation(n)[:kept]] + 0.3 * rng.normal(size=(kept, width))
    return x, y


def cosine(a: np.ndarray, b: np.ndarray) -> float:
    return float(a @ b / np.sqrt((a @ a) * (b @ b)))


def lifted(sub_words: list[tuple[int, int]], x_words: list[int], y_words: list[int]) -> list[tuple[int, int]]:
    return sorted({(x_words[i], y_words[j]) for i, j in sub_words})


seeds = st.integers(0, 2**31)
sizes = st.integers(1, 9)


@settings(max_examples=30, deadline=None)
@given(seeds, sizes, sizes)
def test_mutual_links_are_those_of_a_loop(seed: int, n: int, m: int) -> None:
    x, y = vectors(seed, n, m)
    found = link_words(x, y)
    expected = []
    for i, j in itertools.product(range(n), range(m)):
        mine = cosine(x[i], y[j])
        if all(cosine(x[i], y[k]) <= mine for k in range(m)) and all(cosine(x[k], y[j]) <= mine for k in range(n)):
            expected.append((i, j))
    assert found.pairs == expected
    shares = link_words(x, y, method="ot").matrix
    assert found.scores.tolist() == [shares[link] for link in found.pairs]


@settings(max_examples=30, deadline=None)
@given(seeds, sizes, sizes, st.floats(0.001, 0.5), st.floats(0.3, 3))
def test_softmax_links_are_those_of_a_loop(seed: int, n: int, m: int, threshold: float, temperature: float) -> None:
    x, y = vectors(seed, n, m)
    found = link_words(x, y, method="softmax", threshold=threshold, temperature=temperature)
    raised = [[np.exp(float(x[i] @ y[j]) / temperature) for j in range(m)] for i in range(n)]
    for i, j in itertools.product(range(n), range(m)):
        right = raised[i][j] / sum(raised[i])
        left = raised[i][j] / sum(raised[k][j] for k in range(n))
        assert found.matrix[i, j] == pytest.approx(np.sqrt(right * left), abs=1e-9)
        if abs(right - threshold) > 1e-9 and abs(left - threshold) > 1e-9:  # rounding decides at the threshold itself
            assert ((i, j) in found.pairs) == (right > threshold and left > threshold)


@pytest.mark.parametrize(("seed", "n", "m"), [(0, 2, 2), (1, 3, 6), (2, 7, 4), (3, 1, 5), (4, 6, 6)])
def test_transport_is_that_of_solvers_in_the_log_domain(seed: int, n: int, m: int) -> None:
    x, y = vectors(seed, n, m)
    cost = np.array([[1 - cosine(a, b) for b in y] for a in x])
    cost /= cost.max()
    a, b = np.ones(n) / n, np.ones(m) / m
    plans = {
        "ot": ot.bregman.sinkhorn_log(a, b, cost, 0.1, numItermax=500, stopThr=1e-7, warn=False),
        "ot-unbalanced": ot.unbalanced.sinkhorn_stabilized_unbalanced(a, b, cost, 0.1, 0.4, numItermax=500),
    }
    for method, plan in plans.items():
        found = link_words(x, y, method=method, blur=0.1, reach=0.4, threshold=0.2)
        shares = plan * max(n, m)
        # what is left of the marginals where the solver stops, 1e-6 by its own measure
        np.testing.assert_allclose(found.matrix, shares.clip(0, 1), atol=2e-3)
        near = np.abs(shares - 0.2) < 2e-3
        assert set(found.pairs) - {*zip(*near.nonzero(), strict=True)} == {
            (i, j) for i, j in zip(*(shares > 0.2).nonzero(), strict=True) if not near[i, j]
        }


@pytest.mark.parametrize(("seed", "n", "m", "mass"), [(0, 2, 2, 0.5), (1, 3, 6, 0.3), (2, 6, 4, 0.8), (3, 1, 5, 0.1)])
def test_partial_transport_moves_its_share_at_least_cost(seed: int, n: int, m: int, mass: float) -> None:
    """As a linear program: row and column sums are at most the masses, all together `mass`."""
    from scipy.optimize import linprog

    x, y = vectors(seed, n, m)
    cost = np.array([[1 - cosine(a, b) for b in y] for a in x])
    cost /= cost.max()
    plan = link_words(x, y, method="ot-partial", mass=mass).matrix / max(n, m)
    sums = np.zeros((n + m, n * m))
    for i, j in itertools.product(range(n), range(m)):
        sums[i, i * m + j] = sums[n + j, i * m + j] = 1
    bound = np.concatenate([np.ones(n) / n, np.ones(m) / m])
    least = linprog(cost.ravel(), A_ub=sums, b_ub=bound, A_eq=np.ones((1, n * m)), b_eq=[mass]).fun
    assert plan.sum() == pytest.approx(mass, abs=1e-6)
    assert (cost * plan).sum() == pytest.approx(least, abs=1e-6)  # both solvers' tolerance
    assert (plan.sum(axis=1) <= 1 / n + 1e-9).all()
    assert (plan.sum(axis=0) <= 1 / m + 1e-9).all()


@pytest.mark.parametrize("method", LINK_METHODS)
def test_a_permuted_sentence_is_linked_to_itself(method: str) -> None:
    x = 4 * np.eye(6)
    order = [3, 0, 5, 1, 4, 2]
    found = link_words(x, x[order], method=method, mass=1.0)
    assert found.pairs == sorted((word, place) for place, word in enumerate(order))
    assert (found.left_alone, found.right_alone, found.alone) == ([], [], 0.0)
    assert found.scores.min() > 0.8


@pytest.mark.parametrize("method", LINK_METHODS)
@settings(max_examples=10, deadline=None)
@given(seed=seeds, n=st.integers(2, 8), m=st.integers(2, 8))
def test_words_are_linked_where_any_sub_word_is(method: str, seed: int, n: int, m: int) -> None:
    rng = np.random.default_rng(seed)
    x, y = vectors(seed, n, m)
    x_words, y_words = (rng.integers(0, 3, size).tolist() for size in (n, m))
    sub_words = link_words(x, y, method=method)
    found = link_words(x, y, x_words=x_words, y_words=y_words, lens=(4, 5), method=method)
    assert found.pairs == lifted(sub_words.pairs, x_words, y_words)
    assert found.matrix.shape == (4, 5)
    for (i, j), score in zip(found.pairs, found.scores, strict=True):
        if method == "mutual":
            continue  # means of words have shares of their own: below
        below = [
            value
            for (a, b), value in zip(sub_words.pairs, sub_words.scores, strict=True)
            if (x_words[a], y_words[b]) == (i, j)
        ]
        assert score == max(below)
    assert 3 in found.left_alone  # a word without a sub-word
    n_alone = len(found.left_alone) + len(found.right_alone)
    assert found.alone == n_alone / 9
    assert {i for i, _ in found.pairs} | {*found.left_alone} == {*range(4)}
    assert {j for _, j in found.pairs} | {*found.right_alone} == {*range(5)}


def test_scores_of_mutual_links_are_shares_between_words() -> None:
    x, y = vectors(5, 6, 7)
    x_words, y_words = [0, 0, 1, 3, 3, 3], [2, 0, 0, 1, 1, 1, 4]
    means = [
        np.stack([side[[word == each for each in words]].mean(axis=0) for word in sorted(set(words))])
        for side, words in ((x, x_words), (y, y_words))
    ]
    shares = link_words(*means, method="ot").matrix
    found = link_words(x, y, x_words=x_words, y_words=y_words, lens=(4, 6))
    np.testing.assert_allclose(found.matrix[np.ix_([0, 1, 3], [0, 1, 2, 4])], shares, atol=1e-12)
    assert found.scores.tolist() == [found.matrix[link] for link in found.pairs]


@pytest.mark.parametrize("method", LINK_METHODS)
@settings(max_examples=10, deadline=None)
@given(seed=seeds, n=st.integers(2, 8), m=st.integers(2, 8))
def test_two_sides_change_places(method: str, seed: int, n: int, m: int) -> None:
    x, y = vectors(seed, n, m)
    there, back = link_words(x, y, method=method), link_words(y, x, method=method)
    # Plans stop within a tolerance, from the one side or from the other.
    np.testing.assert_allclose(there.matrix, back.matrix.T, atol=2e-3)
    if method in ("mutual", "softmax"):
        assert there.pairs == sorted((i, j) for j, i in back.pairs)


def test_a_direction_that_is_none_stays_alone_and_equal_ones_go_to_the_first() -> None:
    x = np.array([[1.0, 0], [0, 0], [0, 1]])
    y = np.array([[0.0, 2], [0, 3], [5, 0]])
    found = link_words(x, y)
    assert found.pairs == [(0, 2), (2, 0)]
    assert (found.left_alone, found.right_alone) == ([1], [1])


@pytest.mark.parametrize("method", LINK_METHODS)
def test_a_sentence_without_words_has_no_links(method: str) -> None:
    found = link_words(np.zeros((0, 4)), np.ones((2, 4)), method=method)
    assert isinstance(found, WordLinks)
    assert (found.pairs, found.alone, found.matrix.shape) == ([], 1.0, (0, 2))
    assert link_words(np.zeros((0, 4)), np.zeros((0, 4)), method=method).alone == 1.0


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"method": "argmax"}, "method is 'argmax'; choose one of mutual, softmax, ot, ot-partial, ot-unbalanced"),
        ({"threshold": 1.0}, "threshold is 1.0; give 0 or more and less than 1"),
        ({"temperature": 0.0}, "temperature is 0.0"),
        ({"blur": 0.001}, "blur is 0.001; give 0.01 or more"),
        ({"mass": 0.0}, "mass is 0.0"),
        ({"reach": float("nan")}, "reach is nan"),
        ({"x_words": [0]}, "x_words has shape"),
        ({"x_words": [0, -1]}, "x_words has shape"),
        ({"lens": (1, 2)}, "there are words up to 1 and 1"),
    ],
)
def test_what_does_not_fit_is_refused(wrong: dict[str, Any], told: str) -> None:
    with pytest.raises(AnalysisError, match=told):
        link_words(np.ones((2, 3)), np.ones((2, 3)), **wrong)


def test_vectors_that_are_none_are_refused() -> None:
    with pytest.raises(AnalysisError, match=r"x has shape \(3,\)"):
        link_words(np.ones(3), np.ones((2, 3)))
    with pytest.raises(AnalysisError, match="y holds numbers that are not finite"):
        link_words(np.ones((2, 3)), np.full((2, 3), np.nan))
    with pytest.raises(AnalysisError, match="width 3, y of 4"):
        link_words(np.ones((2, 3)), np.ones((2, 4)))
