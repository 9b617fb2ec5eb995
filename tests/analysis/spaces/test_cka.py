"""CKA against its definition with explicit Gram matrices, and the laws it has to obey."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import pdist, squareform

from xl_analysis import AnalysisError, MinibatchCka, cka_matrix, linear_cka


def gram_cka(x: np.ndarray, y: np.ndarray, *, grams: bool = False) -> float:
    """Kornblith et al., equation 3: HSIC(K, L) = tr(K H L H), with the centring matrix H written out."""
    n = len(x)
    centring = np.eye(n) - np.ones((n, n)) / n

    def hsic(k: np.ndarray, m: np.ndarray) -> float:
        return np.trace(k @ centring @ m @ centring)

    k, m = (x, y) if grams else (x @ x.T, y @ y.T)
    return hsic(k, m) / np.sqrt(hsic(k, k) * hsic(m, m))


def song_cka(x: np.ndarray, y: np.ndarray, *, grams: bool = False) -> float:
    """Song et al. 2012, equation 5, term by term on the Gram matrices without their diagonals."""
    n = len(x)
    ones = np.ones(n)

    def hsic(k: np.ndarray, m: np.ndarray) -> float:
        k, m = k - np.diag(np.diag(k)), m - np.diag(np.diag(m))
        middle = (ones @ k @ ones) * (ones @ m @ ones) / ((n - 1) * (n - 2))
        return (np.trace(k @ m) + middle - 2 / (n - 2) * (ones @ k @ m @ ones)) / (n * (n - 3))

    k, m = (x, y) if grams else (x @ x.T, y @ y.T)
    return hsic(k, m) / np.sqrt(hsic(k, k) * hsic(m, m))


def pair(seed: int, n: int, p: int, q: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, p)) + 3
    y = x[:, :1] @ rng.normal(size=(1, q)) + 0.5 * rng.normal(size=(n, q))
    return x, y


# 1e-9: double precision, a few hundred terms.
@pytest.mark.parametrize(("n", "p", "q"), [(12, 30, 20), (40, 5, 8), (6, 6, 6)])
def test_equals_the_definition(n, p, q):
    x, y = pair(n, n, p, q)
    assert linear_cka(x, y) == pytest.approx(gram_cka(x, y), abs=1e-9)
    assert linear_cka(x, y, debiased=True) == pytest.approx(song_cka(x, y), abs=1e-9)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 1000), n=st.integers(5, 30), p=st.integers(1, 12), q=st.integers(1, 12))
def test_laws(seed, n, p, q):
    x, y = pair(seed, n, p, q)
    value = linear_cka(x, y)
    assert -1e-9 <= value <= 1 + 1e-9
    assert linear_cka(y, x) == pytest.approx(value, abs=1e-9)
    rotation = np.linalg.qr(np.random.default_rng(seed).normal(size=(p, p)))[0]
    for debiased in (False, True):
        assert linear_cka(x, 7 * x @ rotation + 2, debiased=debiased) == pytest.approx(1, abs=1e-9)
    order = np.random.default_rng(seed).permutation(n)
    assert linear_cka(x[order], y[order]) == pytest.approx(value, abs=1e-9)


def test_a_constant_row_added_to_all_items_changes_nothing():
    x, y = pair(0, 20, 4, 5)
    assert linear_cka(x + 100, y) == pytest.approx(linear_cka(x, y), abs=1e-9)


def test_independent_views():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(200, 400)), rng.normal(size=(200, 400))
    # Wide views of few items look alike to the plain estimate; the debiased one sees nothing in common.
    assert linear_cka(x, y) > 0.5
    assert abs(linear_cka(x, y, debiased=True)) < 0.05
    assert linear_cka(rng.normal(size=(5000, 4)), rng.normal(size=(5000, 4))) < 0.01


def test_matrix_holds_the_pairs_whichever_form_computes_them(monkeypatch):
    rng = np.random.default_rng(1)
    views = {name: rng.normal(size=(15, width)) for name, width in (("tur_Latn", 4), ("heb_Hebr", 20), ("ell_Grek", 7))}
    for debiased in (False, True):
        names, by_gram = cka_matrix(views, debiased=debiased)
        monkeypatch.setattr("xl_analysis.spaces.cka._takes_grams", lambda *_: False)
        _, by_features = cka_matrix(views, debiased=debiased)
        monkeypatch.undo()
        monkeypatch.setattr("xl_analysis.spaces.cka._BLOCK_BYTES", 3 * 15 * 8 * 4)  # four rows at a time, then three
        _, by_blocks = cka_matrix(views, debiased=debiased)
        monkeypatch.undo()
        assert names == tuple(views)
        np.testing.assert_allclose(by_gram, by_features, atol=1e-12)
        np.testing.assert_allclose(by_gram, by_blocks, atol=1e-12)
        oracle = song_cka if debiased else gram_cka
        for i, a in enumerate(names):
            for j, b in enumerate(names):
                assert by_gram[i, j] == pytest.approx(oracle(views[a], views[b]), abs=1e-9)


def rbf(x: np.ndarray, bandwidth: float) -> np.ndarray:
    """exp(-||x_i - x_j||^2 / 2 s^2), s a share of the median distance, by scipy's distances."""
    distances = pdist(x)
    return np.exp(-(squareform(distances) ** 2) / (2 * (bandwidth * np.median(distances)) ** 2))


@pytest.mark.parametrize("n_rows", [4, 1000])
def test_rbf_equals_the_definition(monkeypatch: pytest.MonkeyPatch, n_rows: int) -> None:
    rng = np.random.default_rng(1)
    shared = rng.normal(size=(15, 4))
    views = {"a": shared + 2, "b": shared @ rng.normal(size=(4, 20)), "c": rng.normal(size=(15, 7)) * 50}
    monkeypatch.setattr("xl_analysis.spaces.cka._BLOCK_BYTES", 3 * 15 * 8 * n_rows)
    for bandwidth in (0.2, 0.8, 3.0):
        for debiased in (False, True):
            names, found = cka_matrix(views, bandwidth=bandwidth, debiased=debiased)
            oracle = song_cka if debiased else gram_cka
            for i, a in enumerate(names):
                for j, b in enumerate(names):
                    k, m = rbf(views[a], bandwidth), rbf(views[b], bandwidth)
                    # 1e-7: kernel matrices are centred by their sums, which takes some digits.
                    assert found[i, j] == pytest.approx(oracle(k, m, grams=True), abs=1e-7)


def test_a_wide_rbf_kernel_is_the_linear_one() -> None:
    # 1 - d^2 / 2 s^2 + ...: what is left of the kernel after centring is the linear one.
    rng = np.random.default_rng(4)
    x = rng.normal(size=(30, 5))
    views = {"x": x, "y": x[:, :2] @ rng.normal(size=(2, 6)) + rng.normal(size=(30, 6))}
    wide, linear = cka_matrix(views, bandwidth=200)[1], cka_matrix(views)[1]
    np.testing.assert_allclose(wide, linear, atol=1e-4)
    assert abs(cka_matrix(views, bandwidth=0.2)[1][0, 1] - linear[0, 1]) > 0.05


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 1000), n=st.integers(6, 25), bandwidth=st.floats(0.1, 5))
def test_rbf_does_not_see_rotation_scale_and_shift(seed: int, n: int, bandwidth: float) -> None:
    x, y = pair(seed, n, 5, 4)
    rotation = np.linalg.qr(np.random.default_rng(seed).normal(size=(5, 5)))[0]
    found = cka_matrix({"x": x, "turned": 7 * x @ rotation + 2, "y": y}, bandwidth=bandwidth)[1]
    assert found[0, 1] == pytest.approx(1, abs=1e-6)
    assert found[0, 2] == pytest.approx(found[1, 2], abs=1e-6)
    assert (found >= -1e-9).all()
    assert (found <= 1 + 1e-9).all()


def song_hsic(k: np.ndarray, m: np.ndarray) -> float:
    """Song et al. 2012, equation 5, over ordered pairs, triples and quadruples of different items."""
    n = len(k)
    pairs = sum(k[i, j] * m[i, j] for i, j in itertools.permutations(range(n), 2))
    triples = sum(k[i, j] * m[i, q] for i, j, q in itertools.permutations(range(n), 3))
    quadruples = sum(k[i, j] * m[q, r] for i, j, q, r in itertools.permutations(range(n), 4))
    one, two, three = n * (n - 1), n * (n - 1) * (n - 2), n * (n - 1) * (n - 2) * (n - 3)
    return pairs / one - 2 * triples / two + quadruples / three


@pytest.mark.parametrize("bandwidth", [None, 0.5])
def test_minibatches_average_the_unbiased_estimate(bandwidth: float | None) -> None:
    x, y = pair(5, 18, 4, 3)
    parts = [slice(0, 7), slice(7, 12), slice(12, 18)]
    minibatches = MinibatchCka(bandwidth)
    hsic = np.zeros(3)
    for part in parts:
        minibatches.add({"x": x[part], "y": y[part]})
        if bandwidth is None:
            k, m = x[part] @ x[part].T, y[part] @ y[part].T
        else:
            k, m = (
                np.exp(-(squareform(pdist(v[part])) ** 2) / (2 * (bandwidth * np.median(pdist(v[parts[0]]))) ** 2))
                for v in (x, y)
            )
        hsic += [song_hsic(k, m), song_hsic(k, k), song_hsic(m, m)]
    names, found = minibatches.matrix()
    assert names == ("x", "y")
    assert found[0, 1] == pytest.approx(hsic[0] / np.sqrt(hsic[1] * hsic[2]), abs=1e-7)


def test_one_minibatch_is_the_debiased_estimate_and_many_come_near_it() -> None:
    rng = np.random.default_rng(7)
    shared = rng.normal(size=(3000, 6))
    views = {name: shared @ rng.normal(size=(6, 24)) + rng.normal(size=(3000, 24)) for name in "ab"}
    whole = cka_matrix(views, debiased=True)[1]
    one, many = MinibatchCka(), MinibatchCka()
    one.add(views)
    for start in range(0, 3000, 100):
        many.add({name: view[start : start + 100] for name, view in views.items()})
    np.testing.assert_allclose(one.matrix()[1], whole, atol=1e-12)
    np.testing.assert_allclose(many.matrix()[1], whole, atol=0.01)  # 30 minibatches; plain CKA of 100 items is 0.07 off


def test_minibatches_in_which_a_view_does_not_vary() -> None:
    x, y = pair(8, 20, 3, 3)
    some = MinibatchCka()
    some.add({"x": x, "y": y})
    some.add({"x": np.full((5, 3), 0.1), "y": y[:5]})
    assert np.isfinite(some.matrix()[1]).all()
    none = MinibatchCka()
    none.add({"x": np.full((5, 3), 0.1), "y": y[:5]})
    with pytest.raises(AnalysisError, match="no spread"):
        none.matrix()


def test_minibatches_refuse_other_names_and_none() -> None:
    minibatches = MinibatchCka()
    with pytest.raises(AnalysisError, match="no minibatch"):
        minibatches.matrix()
    minibatches.add({"x": np.eye(5), "y": np.eye(5)})
    with pytest.raises(AnalysisError, match="has the views x, z; those before it had x, y"):
        minibatches.add({"x": np.eye(5), "z": np.eye(5)})
    with pytest.raises(AnalysisError, match="at least 4"):
        minibatches.add({"x": np.eye(3), "y": np.eye(3)})


@pytest.mark.parametrize("bandwidth", [0.0, -1.0, np.nan, np.inf])
def test_refuses_a_bandwidth_that_is_none(bandwidth: float) -> None:
    with pytest.raises(AnalysisError, match="above 0"):
        cka_matrix({"x": np.eye(5), "y": np.eye(5)}, bandwidth=bandwidth)


def test_refuses_an_rbf_kernel_without_a_median_distance() -> None:
    half = np.concatenate([np.full((9, 3), 0.1), np.eye(3)])
    with pytest.raises(AnalysisError, match="half of its items"):
        cka_matrix({"x": half, "y": np.eye(12)}, bandwidth=1)


def test_size_of_numbers_does_not_matter():
    x, y = pair(3, 10, 4, 4)
    assert linear_cka(x * 1e200, y * 1e-200) == pytest.approx(linear_cka(x, y), abs=1e-9)
    assert linear_cka(x.astype(np.float32), y) == pytest.approx(linear_cka(x, y), abs=1e-5)  # float32 input


@pytest.mark.parametrize(
    ("x", "y", "debiased", "message"),
    [
        (np.ones((3, 2)), np.eye(3), False, "same vector for every item"),
        (np.full((7, 3), 0.1), np.eye(7), False, "same vector for every item"),
        (np.eye(3), np.eye(4), False, "one row for each of the same items"),
        (np.eye(1), np.eye(1), False, "same vector"),
        (np.eye(3), np.eye(3), True, "needs at least 4"),
        (np.ones(3), np.eye(3), False, "shape"),
        (np.full((3, 2), np.nan), np.eye(3), False, "not finite"),
    ],
)
def test_refuses(x, y, debiased, message):
    with pytest.raises(AnalysisError, match=message):
        linear_cka(x, y, debiased=debiased)
