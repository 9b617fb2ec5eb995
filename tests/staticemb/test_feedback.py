"""Feedback in rounds: the file, directions by the closed form beside a descent on the goal, lengths and others kept."""

import numpy as np
import pytest
from numpy.typing import NDArray

from xl_staticemb import Marked, StaticembError, WordVectors, parse_feedback, refined_by_round
from xl_staticemb.lexicon.feedback import feedback_line


def vectors(prefix: str, n: int = 12, seed: int = 0) -> WordVectors:
    matrix = np.random.default_rng(seed).normal(size=(n, 5)) * np.arange(1, n + 1)[:, None]
    return WordVectors([f"{prefix}{i}" for i in range(n - 1)] + ["both"], matrix)


def descended(matrix: NDArray, keyword: int, near: list[int], far: list[int], weight: float) -> NDArray:
    """CLIME's goal lowered by plain gradient descent from unit vectors, then made unit again."""
    start = matrix / np.linalg.norm(matrix, axis=1, keepdims=True)
    e = start.copy()
    for _ in range(4000):
        slope = 2 * weight * (e - start)
        for rows, sign in ((near, -1), (far, 1)):
            for row in rows:
                slope[keyword] += sign * e[row]
                slope[row] += sign * e[keyword]
        e -= 0.05 * slope
    return e / np.linalg.norm(e, axis=1, keepdims=True)


def test_a_round_is_the_minimum_of_the_goal_on_directions_and_lengths_stay() -> None:
    source, target = vectors("s"), vectors("t", seed=1)
    marks = {"s2": Marked(["t3", "s4"], ["t5"])}
    (refined,) = refined_by_round(source, target, [marks], weight=1.5)
    rows = np.concatenate([source.matrix, target.matrix]).astype(np.float64)
    expected = descended(rows, 2, [12 + 3, 4], [12 + 5], 1.5)
    assert refined.target is not None
    found = np.concatenate([refined.source.matrix, refined.target.matrix])
    moved = [2, 4, 15, 17]
    np.testing.assert_allclose(found[moved] / np.linalg.norm(found[moved], axis=1, keepdims=True), expected[moved],
                               atol=1e-5)  # fmt: skip
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), np.linalg.norm(rows, axis=1), rtol=1e-5)
    still = np.setdiff1d(np.arange(24), moved)
    np.testing.assert_array_equal(found[still], rows[still].astype(np.float32))
    assert refined.n_refined == 4


def test_rounds_begin_where_the_last_one_ended() -> None:
    source, target = vectors("s"), vectors("t", seed=1)
    rounds = [{"s1": Marked(["t1"], [])}, {"s1": Marked(["t2"], ["s3"])}]
    first, second = refined_by_round(source, target, rounds)
    (alone,) = refined_by_round(first.source, first.target, rounds[1:])
    np.testing.assert_array_equal(second.source.matrix, alone.source.matrix)
    assert list(refined_by_round(source, target, [])) == []


def test_a_word_of_both_vocabularies_needs_its_side() -> None:
    source, target = vectors("s"), vectors("t", seed=1)
    with pytest.raises(StaticembError, match="'both', which both vocabularies hold"):
        list(refined_by_round(source, target, [{"both": Marked(["t1"], [])}]))
    (refined,) = refined_by_round(source, target, [{"source:both": Marked(["target:both"], [])}])
    assert refined.n_refined == 2
    (alone,) = refined_by_round(source, None, [{"both": Marked(["s1"], [])}])
    assert alone.target is None


def test_a_file_says_what_its_lines_say() -> None:
    lines = [feedback_line(2, "a", "b", "alike"), "a\tc\tunlike\n", "\n", feedback_line(2, "a", "d", "unlike")]
    assert parse_feedback(lines, "f") == {1: {"a": Marked([], ["c"])}, 2: {"a": Marked(["b"], ["d"])}}
    for line in ("a\tb", "a\tb\tgood", "x\ta\tb\talike", "1\t\tb\talike"):
        with pytest.raises(StaticembError, match=r"f:2: expected \[round TAB\] keyword TAB word TAB alike or unlike"):
            parse_feedback(["a\tb\talike\n", line], "f")
