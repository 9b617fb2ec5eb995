"""Proxy A-distance against scikit-learn's discriminant fold by fold, the ends of its range, and what leaks."""

from typing import Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.neighbors import KNeighborsClassifier

from xl_analysis import AnalysisError, bound, proxy_a_distance

Classifier = Literal["linear", "mlp"]


def language(seed: int, n: int = 120, width: int = 6, shift: float = 0.0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, width)) @ rng.normal(size=(width, width)) + shift


def folds_of(n_items: int, n_folds: int, seed: int) -> list[np.ndarray]:
    """The parts that the docstring promises: of items, drawn from the seed."""
    return np.array_split(np.random.default_rng(seed).permutation(n_items), n_folds)


def discriminant_error(a: np.ndarray, b: np.ndarray, n_folds: int, seed: int) -> float:
    """scikit-learn's discriminant, on dimensions of pooled variance 1: there it shrinks towards the diagonal."""
    wrong = 0
    for fold in folds_of(len(a), n_folds, seed):
        rest = np.setdiff1d(np.arange(len(a)), fold)
        scale = np.sqrt((a[rest].var(axis=0) + b[rest].var(axis=0)) / 2)
        model = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=0.1)
        model.fit(np.concatenate([a[rest], b[rest]]) / scale, np.repeat([0, 1], len(rest)))
        wrong += (model.predict(a[fold] / scale) != 0).sum() + (model.predict(b[fold] / scale) != 1).sum()
    return wrong / (2 * len(a))


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 1000),
    n=st.integers(20, 90),
    width=st.integers(1, 40),
    shift=st.floats(0, 2),
    n_folds=st.integers(2, 7),
)
def test_the_linear_classifier_is_scikit_learns(seed: int, n: int, width: int, shift: float, n_folds: int) -> None:
    a, b = language(seed, n, width), language(seed + 1, n, width, shift)
    found = proxy_a_distance({"a": a, "b": b}, n_folds=n_folds, seed=seed)["a", "b"]
    error = discriminant_error(a, b, n_folds, seed)
    assert found.error == pytest.approx(error, abs=1e-12)
    assert found.value == pytest.approx(np.clip(2 * (1 - 2 * error), 0, 2), abs=1e-12)


def test_many_pairs_are_each_as_alone() -> None:
    views = {name: language(number, shift=number / 4) for number, name in enumerate("abcd")}
    together = proxy_a_distance(views)
    assert list(together) == [("a", "b"), ("a", "c"), ("a", "d"), ("b", "c"), ("b", "d"), ("c", "d")]
    for (a, b), found in together.items():
        assert found == proxy_a_distance({a: views[a], b: views[b]})[a, b]
        assert proxy_a_distance(views, [(b, a)])[b, a].error == found.error


@pytest.mark.parametrize("classifier", ["linear", "mlp"])
def test_zero_for_one_distribution_and_two_for_separable_ones(classifier: Classifier) -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 300, 4))
    same, far = (proxy_a_distance({"a": a, "b": y}, classifier=classifier)["a", "b"] for y in (b, b + 20))
    # 600 held-out vectors: the error is within 0.06 of a half with three standard deviations.
    assert same.value < 0.25
    assert same.low == 0
    assert (far.value, far.error, far.high) == (2, 0, 2)
    # Never wrong in 300 items is no proof of never.
    assert 1.9 < far.low < 2


def test_identical_views_are_at_chance() -> None:
    x = language(3)
    found = proxy_a_distance({"a": x, "b": x.copy()})["a", "b"]
    assert (found.value, found.error) == (0, 0.5)


def test_xor_needs_the_network() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.choice([-1.0, 1.0], size=(2, 300, 2))
    a[:, 1], b[:, 1] = a[:, 0], -b[:, 0]
    a, b = (x + 0.1 * rng.normal(size=x.shape) for x in (a, b))
    assert proxy_a_distance({"a": a, "b": b})["a", "b"].value < 0.4
    assert proxy_a_distance({"a": a, "b": b}, classifier="mlp")["a", "b"].value > 1.9


def test_random_folds_leak_and_folds_of_items_do_not() -> None:
    rng = np.random.default_rng(0)
    meaning = rng.normal(size=(200, 30))  # languages of one distribution, translations close together
    a, b = (meaning + 0.05 * rng.normal(size=meaning.shape) for _ in range(2))
    stacked, language_of = np.concatenate([a, b]), np.repeat([0, 1], 200)
    wrong = []
    for fold in folds_of(400, 5, 0):  # a split of vectors, which parts translations
        rest = np.setdiff1d(np.arange(400), fold)
        model = KNeighborsClassifier(1).fit(stacked[rest], language_of[rest])
        wrong.append(np.mean(model.predict(stacked[fold]) != language_of[fold]))
    assert np.mean(wrong) > 0.7
    every: tuple[Classifier, ...] = ("linear", "mlp")
    for classifier in every:
        assert proxy_a_distance({"a": a, "b": b}, classifier=classifier)["a", "b"].error == pytest.approx(0.5, abs=0.12)


def test_scale_of_dimensions_shift_and_order_do_not_matter() -> None:
    a, b = language(1), language(2, shift=0.5)
    found = proxy_a_distance({"a": a, "b": b})["a", "b"]
    scale, shift = np.array([1e-3, 1, 1e3, 5, 0.2, 40]), np.array([1e3, 0, -5, 2, 1, 7])
    assert proxy_a_distance({"a": a * scale + shift, "b": b * scale + shift})["a", "b"] == found
    # A dimension that is constant in both says nothing where it is the same, and all where it differs.
    for value, expected in ((1.0, found.value), (2.0, 2.0)):
        more = {"a": np.insert(a, 2, 1.0, axis=1), "b": np.insert(b, 2, value, axis=1)}
        assert proxy_a_distance(more)["a", "b"].value == expected


def test_single_precision_says_the_same() -> None:
    views = {"a": language(1, 300, 40), "b": language(2, 300, 40, 0.3)}
    single = {name: view.astype(np.float32) for name, view in views.items()}
    one, other = (proxy_a_distance(each)["a", "b"] for each in (views, single))
    assert one.error == pytest.approx(other.error, abs=2 / 600)  # a score next to 0 may change sides


def test_the_interval_covers_the_true_error() -> None:
    """Known: one Gaussian dimension, means 1 apart, so the best threshold errs with Phi(-1/2) = 0.3085."""
    truth = 2 * (1 - 2 * 0.30853754)
    covered = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        a, b = rng.normal(size=(2, 150, 1))
        found = proxy_a_distance({"a": a, "b": b + 1}, seed=seed)["a", "b"]
        covered += found.low <= truth <= found.high
    assert covered >= 51  # 95 % of 60 are 57; below 51 has a probability of 0.1 %


def test_bounds_are_as_written() -> None:
    # By hand: log(2 * 1000) = 7.6009, log(2 / 0.1) = 2.9957.
    assert bound(0.4, 3, 1000, 0.1, form="paper") == pytest.approx(
        0.2 + 2 * ((3 * 7.6009025 + 2.9957323) / 1000) ** 0.5
    )
    by_hand = 0.2 + 4 * ((6 * 7.6009025 + 2.9957323) / 1000) ** 0.5 + 0.05
    assert bound(0.4, 3, 1000, 0.1, lambda_=0.05) == pytest.approx(by_hand)
    assert bound(0, 385, 1004) > 1  # a linear classifier of 384 dimensions and a thousand sentences: vacuous
    assert bound(0, 3, 10**6) < 0.1


@settings(max_examples=50, deadline=None)
@given(d_hat=st.floats(0, 2), vc=st.integers(1, 10**8), n=st.integers(1, 10**6), delta=st.floats(0.001, 0.999))
def test_the_corrected_bound_is_never_below_the_printed_one(d_hat: float, vc: int, n: int, delta: float) -> None:
    assert bound(d_hat, vc, n, delta) >= bound(d_hat, vc, n, delta, form="paper")
    assert bound(d_hat, vc, 2 * n, delta) <= bound(d_hat, vc, n, delta)


def test_bad_input() -> None:
    x = language(0, 9)
    with pytest.raises(AnalysisError, match=r"^9 items are too few for 5 folds; give 2 folds or more, of at least 2 "):
        proxy_a_distance({"a": x, "b": x})
    with pytest.raises(AnalysisError, match="too few for 1 folds"):
        proxy_a_distance({"a": x, "b": x}, n_folds=1)
    with pytest.raises(
        AnalysisError, match=r"^view 'b' has the same vector for every item; there is nothing to measure"
    ):
        proxy_a_distance({"a": x, "b": np.ones_like(x)}, n_folds=2)
    with pytest.raises(AnalysisError, match="view 'b' holds numbers that are not finite"):
        proxy_a_distance({"a": x, "b": np.where(x == x[0, 0], np.nan, x)}, n_folds=2)
    with pytest.raises(AnalysisError, match="views must be two or more of one shape"):
        proxy_a_distance({"a": x, "b": x[:-1]}, n_folds=2)
    for d_hat, vc, n, delta, lambda_ in (
        (3, 3, 9, 0.1, 0),
        (1, 0, 9, 0.1, 0),
        (1, 3, 0, 0.1, 0),
        (1, 3, 9, 1, 0),
        (1, 3, 9, 0.1, -1),
    ):
        with pytest.raises(AnalysisError, match="d_hat is in"):
            bound(d_hat, vc, n, delta, lambda_=lambda_)
    with pytest.raises(AnalysisError, match="0 in the form of the paper"):
        bound(1, 3, 100, form="paper", lambda_=0.1)
