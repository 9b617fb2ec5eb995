"""Refinement by feedback: finite differences, scipy's minimiser, laws, and what has no minimum."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from xl_staticemb import RefinedRows, StaticembError, WordVectors, refine, refine_rows, unit_rows
from xl_staticemb.lexicon import refinement

Feedback = list[tuple[int, list[int], list[int]]]


def unit(n: int, width: int, seed: int) -> np.ndarray:
    return unit_rows(np.random.default_rng(seed).standard_normal((n, width)))


def goal(new: np.ndarray, old: np.ndarray, feedback: Feedback, weight: float) -> float:
    """The published goal, term by term."""
    total = weight * float(((new - old) ** 2).sum())
    for keyword, near, far in feedback:
        total += sum(float(new[keyword] @ new[word]) for word in far)
        total -= sum(float(new[keyword] @ new[word]) for word in near)
    return total


def refined(old: np.ndarray, feedback: Feedback, **options: Any) -> tuple[np.ndarray, RefinedRows]:
    result = refine_rows(old, feedback, normalize_after=False, **options)
    new = old.copy()
    new[result.rows] = result.matrix
    return new, result


FEEDBACK = [(0, [1, 2], [3]), (4, [5], [6, 1]), (2, [6], [])]


def test_the_minimum_is_the_one_scipy_finds() -> None:
    old = unit(9, 4, 0)
    weight = 2.0
    new, result = refined(old, FEEDBACK, weight=weight)
    found = minimize(
        lambda flat: goal(flat.reshape(old.shape), old, FEEDBACK, weight), old.ravel(), method="BFGS", tol=1e-9
    )
    np.testing.assert_allclose(new, found.x.reshape(old.shape), atol=2e-5)  # BFGS with numerical gradients
    before, after = result.objective
    assert before == pytest.approx(goal(old, old, FEEDBACK, weight))
    assert after == pytest.approx(goal(new, old, FEEDBACK, weight), abs=1e-6)  # the result is in float32
    assert after < before


def test_no_direction_leads_down_by_finite_differences() -> None:
    old = unit(9, 4, 1)
    new, _ = refined(old, FEEDBACK, weight=1.7)
    step = 1e-4
    for row in range(9):
        for column in range(4):
            moved = [new.copy(), new.copy()]
            moved[0][row, column] += step
            moved[1][row, column] -= step
            up, down = (goal(matrix, old, FEEDBACK, 1.7) for matrix in moved)
            assert abs(up - down) / (2 * step) < 1e-5
            assert up + down > 2 * goal(new, old, FEEDBACK, 1.7)


@settings(max_examples=80, deadline=None)
@given(data=st.data(), seed=st.integers(0, 1000))
def test_feedback_is_followed(data: st.DataObject, seed: int) -> None:
    """At the minimum the dot products, signed as the goal signs them, sum to less than before."""
    n = data.draw(st.integers(3, 12))
    rows = st.integers(0, n - 1)
    feedback: Feedback = []
    for keyword in data.draw(st.lists(rows, min_size=1, max_size=4, unique=True)):
        marks = data.draw(st.dictionaries(rows.filter(lambda row, k=keyword: row != k), st.booleans(), min_size=1))
        near = [word for word, liked in marks.items() if liked]
        feedback.append((keyword, near, [word for word in marks if word not in near]))
    old = unit(n, 5, seed)
    new, result = refined(old, feedback)
    dots = [goal(matrix, matrix, feedback, 0.0) for matrix in (old, new)]
    assert dots[1] < dots[0] + 1e-6
    # a matrix of its own, and its least eigenvalue: below that weight the goal has no minimum
    signs = np.zeros((n, n))
    for keyword, near, far in feedback:
        for word in near:
            signs[keyword, word] -= 1
            signs[word, keyword] -= 1
        for word in far:
            signs[keyword, word] += 1
            signs[word, keyword] += 1
    assert result.least_weight == pytest.approx(max(0.0, -np.linalg.eigvalsh(signs)[0] / 2), abs=1e-9)
    assert result.weight > result.least_weight
    touched = np.flatnonzero(np.abs(signs).sum(axis=1))
    named = {row for keyword, near, far in feedback for row in (keyword, *near, *far)}
    assert set(result.rows.tolist()) == named >= set(touched.tolist())


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("attract", [True, False])
def test_one_pair_by_closed_form(seed: int, attract: bool) -> None:
    """E_k = (c E0_k +- E0_w) c / (c^2 - 1) with c = 2 weight; attracted words come nearer, repelled ones go farther."""
    old = unit(2, 6, seed)
    weight = 1.5
    new, _ = refined(old, [(0, [1], []) if attract else (0, [], [1])], weight=weight)
    c, sign = 2 * weight, 1.0 if attract else -1.0
    expected = np.stack([c * old[0] + sign * old[1], c * old[1] + sign * old[0]]) * c / (c**2 - 1)
    np.testing.assert_allclose(new, expected, atol=1e-6)
    cosines = [unit_rows(matrix)[0] @ unit_rows(matrix)[1] for matrix in (old, new)]
    assert (cosines[1] > cosines[0]) == attract


def test_a_keyword_between_friends_and_strangers() -> None:
    old = unit(7, 50, 4)
    result = refine_rows(old, [(0, [1, 2, 3], [4, 5, 6])])
    assert result.weight == pytest.approx(np.sqrt(6))  # twice the least, sqrt(6) / 2: the published 1 is below it
    new = result.matrix
    assert (new[0] @ new[1:4].T > old[0] @ old[1:4].T).all()
    assert (new[0] @ new[4:].T < old[0] @ old[4:].T).all()
    np.testing.assert_allclose(np.linalg.norm(new, axis=1), 1, atol=1e-6)


def test_lengths_are_given_back() -> None:
    old = unit(4, 5, 0) * np.array([[1.0], [2.0], [0.5], [0.0]])
    new = refine_rows(old, [(0, [1, 3], [2])]).matrix
    np.testing.assert_allclose(np.linalg.norm(new, axis=1), [1, 2, 0.5, 0], atol=1e-6)


@pytest.mark.parametrize("n_words", [1, 3, 4, 10])
def test_too_small_a_weight_is_refused_with_the_least_one(n_words: int) -> None:
    """A star of n edges has the eigenvalues -+sqrt(n), whatever their signs."""
    old = unit(n_words + 1, 8, 0)
    words = list(range(1, n_words + 1))
    feedback = [(0, words[: n_words // 2], words[n_words // 2 :])]
    least = np.sqrt(n_words) / 2
    for weight in (0.5 * least, least, 0.0, -1.0):
        with pytest.raises(StaticembError, match=f"no minimum; it must be greater than {least:.6g}"):
            refine_rows(old, feedback, weight=weight)
    assert np.isfinite(refine_rows(old, feedback, weight=1.001 * least).matrix).all()
    assert refine_rows(old, feedback).weight == pytest.approx(max(1.0, 2 * least))
    # and it is true: along the least eigenvector the goal falls for ever
    direction = np.zeros_like(old)
    direction[0, 0] = 1.0
    for word in words:
        direction[word, 0] = (1.0 if word in feedback[0][1] else -1.0) / np.sqrt(n_words)
    far = [goal(old + scale * direction, old, feedback, 0.9 * least) for scale in (0.0, 1e2, 1e3)]
    assert far[0] > far[1] > far[2]


def test_many_rows_are_solved_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    """The way of large feedback (Lanczos, sparse) and of small feedback give the same."""
    rng = np.random.default_rng(5)
    old = unit(600, 8, 5)
    feedback = [
        (k, rng.choice(np.arange(100, 350), 4).tolist(), rng.choice(np.arange(350, 600), 3).tolist()) for k in range(90)
    ]
    small = refine_rows(old, feedback)
    monkeypatch.setattr(refinement, "_DENSE", 10)
    large = refine_rows(old, feedback)
    assert large.least_weight == pytest.approx(small.least_weight, rel=1e-8)
    np.testing.assert_allclose(large.matrix, small.matrix, atol=1e-6)


def test_words_of_two_vocabularies_and_nothing_else_moves() -> None:
    source = WordVectors(["dog", "cat", "taxi", "sun"], unit(4, 6, 1))
    target = WordVectors(["Hund", "Katze", "taxi", "Sonne"], unit(4, 6, 2))
    result = refine(source, [("dog", ["Hund", ("target", "taxi")], ["cat"])], target=target)
    assert result.n_refined == 4
    stacked = np.concatenate([source.matrix, target.matrix])
    rows = refine_rows(stacked, [(0, [4, 6], [1])])
    assert result.target is not None
    new = np.concatenate([result.source.matrix, result.target.matrix])
    np.testing.assert_array_equal(new[rows.rows], rows.matrix)
    untouched = np.setdiff1d(np.arange(8), rows.rows)
    assert new[untouched].tobytes() == stacked[untouched].tobytes()
    assert (result.source.words, result.target.words) == (source.words, target.words)
    # the vocabularies that were given are as they were
    assert source.matrix.tobytes() == stacked[:4].tobytes()
    np.testing.assert_array_equal(source.matrix, unit(4, 6, 1).astype(np.float32))


def test_one_vocabulary() -> None:
    source = WordVectors(["dog", "cat", "sun"], unit(3, 6, 1))
    result = refine(source, [("dog", ["cat"], [])])
    assert result.target is None
    assert result.source.matrix[2].tobytes() == source.matrix[2].tobytes()
    assert result.source.matrix[0] @ result.source.matrix[1] > source.matrix[0] @ source.matrix[1]


def test_marks_count_once_and_keywords_as_often_as_given() -> None:
    old = unit(4, 5, 3)
    once = refine_rows(old, [(0, [1], [2])], weight=3.0).matrix
    np.testing.assert_array_equal(refine_rows(old, [(0, [1, 1], [2, 2, 2])], weight=3.0).matrix, once)
    # two equal signs on each pair and twice the weight: the same minimum
    twice = refine_rows(old, [(0, [1], [2]), (0, [1], [2])], weight=6.0).matrix
    np.testing.assert_allclose(twice, once, atol=1e-6)


@pytest.mark.parametrize(
    ("feedback", "message"),
    [
        ([], "marks no words"),
        ([("dog", [], [])], "marks no words"),
        ([("dog", ["Hund"], ["Hund"])], "'Hund' is both attracted and repelled by the keyword 'dog'"),
        ([("dog", ["dog"], [])], "the keyword 'dog' is marked for itself"),
        ([("dgo", ["cat"], [])], "'dgo', which has no vector"),
        ([("dog", ["taxi"], [])], "'taxi', which both vocabularies hold"),
        ([("dog", [("target", "cat")], [])], "'cat', which has no vector in the target"),
        ([("dog", [("left", "cat")], [])], "whose side is not one of source, target"),
    ],
)
def test_bad_feedback_is_refused(feedback: list, message: str) -> None:
    source = WordVectors(["dog", "cat", "taxi"], unit(3, 6, 1))
    target = WordVectors(["Hund", "taxi"], unit(2, 6, 2))
    with pytest.raises(StaticembError, match=message):
        refine(source, feedback, target=target)


def test_bad_matrices_are_refused() -> None:
    with pytest.raises(StaticembError, match="rows go from 0 to 2"):
        refine_rows(np.eye(3), [(0, [3], [])])
    with pytest.raises(StaticembError, match="feedback names row -1"):
        refine_rows(np.eye(3), [(0, [-1], [])])
    with pytest.raises(StaticembError, match=r"not of shape \(3,\)"):
        refine_rows(np.ones(3), [(0, [1], [])])
    with pytest.raises(StaticembError, match="widths are 3 and 2"):
        refine(WordVectors(["a"], np.eye(3)[:1]), [("a", ["b"], [])], target=WordVectors(["b"], np.eye(2)[:1]))
    with pytest.raises(StaticembError, match=r"is not one of source$"):
        refine(WordVectors(["a", "b"], np.eye(3)[:2]), [("a", [("target", "b")], [])])
