"""CKA against its definition with explicit Gram matrices, and the laws it has to obey."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xl_analysis import AnalysisError, cka_matrix, linear_cka


def gram_cka(x: np.ndarray, y: np.ndarray) -> float:
    """Kornblith et al., equation 3: HSIC(K, L) = tr(K H L H), with the centring matrix H written out."""
    n = len(x)
    centring = np.eye(n) - np.ones((n, n)) / n

    def hsic(k: np.ndarray, m: np.ndarray) -> float:
        return np.trace(k @ centring @ m @ centring)

    k, m = x @ x.T, y @ y.T
    return hsic(k, m) / np.sqrt(hsic(k, k) * hsic(m, m))


def song_cka(x: np.ndarray, y: np.ndarray) -> float:
    """Song et al. 2012, equation 5, term by term on the Gram matrices without their diagonals."""
    n = len(x)
    ones = np.ones(n)

    def hsic(k: np.ndarray, m: np.ndarray) -> float:
        k, m = k - np.diag(np.diag(k)), m - np.diag(np.diag(m))
        middle = (ones @ k @ ones) * (ones @ m @ ones) / ((n - 1) * (n - 2))
        return (np.trace(k @ m) + middle - 2 / (n - 2) * (ones @ k @ m @ ones)) / (n * (n - 3))

    k, m = x @ x.T, y @ y.T
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
        monkeypatch.setattr("xl_analysis.spaces.cka._GRAM_BYTES", 0)
        _, by_features = cka_matrix(views, debiased=debiased)
        monkeypatch.undo()
        assert names == tuple(views)
        np.testing.assert_allclose(by_gram, by_features, atol=1e-12)
        oracle = song_cka if debiased else gram_cka
        for i, a in enumerate(names):
            for j, b in enumerate(names):
                assert by_gram[i, j] == pytest.approx(oracle(views[a], views[b]), abs=1e-9)


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
