"""Margins and hubness against loops and scipy."""

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from xl_analysis import AnalysisError, hubness, margins


def cosines(seed: int, n: int, m: int, width: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    a, b = rng.normal(size=(n, width)), rng.normal(size=(m, width)) + 0.3
    return (a / np.linalg.norm(a, axis=1, keepdims=True)) @ (b / np.linalg.norm(b, axis=1, keepdims=True)).T


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 1000), n=st.integers(1, 25), m=st.integers(1, 25), k=st.integers(1, 30))
def test_hubness_is_scipys_skewness_of_counts(seed: int, n: int, m: int, k: int) -> None:
    similarities = cosines(seed, n, m, 4)
    counts = np.zeros(m)
    for row in similarities:
        for candidate in sorted(range(m), key=lambda j: -row[j])[:k]:
            counts[candidate] += 1
    expected = scipy.stats.skew(counts) if np.ptp(counts) else 0.0
    assert hubness(similarities, k) == pytest.approx(expected, abs=1e-9)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 1000), n=st.integers(1, 20), k=st.integers(1, 25))
def test_margins_are_a_loops(seed: int, n: int, k: int) -> None:
    similarities = cosines(seed, n, n, 3) + 1.5  # away from a mean of 0
    found = margins(similarities, k)
    for i in range(n):
        around = np.mean(sorted(similarities[i])[-k:]) / 2 + np.mean(sorted(similarities[:, i])[-k:]) / 2
        assert found[i] == pytest.approx(similarities[i, i] / around)


def test_one_hub_and_none() -> None:
    n = 50
    hub = np.eye(n)
    hub[:, 3] = 2  # nearest of all
    counts = np.zeros(n)
    counts[3] = n
    assert hubness(hub, 1) == pytest.approx(scipy.stats.skew(counts)) == pytest.approx(n**0.5, rel=0.05)
    assert hubness(np.eye(n), 1) == 0
    assert margins(np.eye(n), 1) == pytest.approx(np.ones(n))
    assert (margins(np.eye(n), 4) == 4).all()  # nothing else is near


def test_margins_need_the_same_items() -> None:
    with pytest.raises(AnalysisError, match=r"shape \(3, 4\); margins need the same items"):
        margins(np.ones((3, 4)))
