"""Outlier removal, centring and whitening against numpy and scikit-learn, and the file they are kept in."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.decomposition import PCA

from xl_encoders import (
    TRANSFORMS,
    Centring,
    Chain,
    EncoderError,
    OutlierRemoval,
    Whitening,
    fit_chain,
    fit_transform,
    load_transform,
    save_transform,
)
from xl_encoders.model import transforms


def cloud(n: int, width: int, seed: int = 0) -> np.ndarray:
    """Correlated vectors off the origin, float32."""
    random = np.random.default_rng(seed)
    mixed = random.normal(size=(n, width)) @ random.normal(size=(width, width))
    return (mixed + 3 * random.normal(size=width)).astype(np.float32)


def test_centring_is_the_mean_away() -> None:
    fitted, other = cloud(50, 8), cloud(20, 8, seed=1)
    assert np.allclose(Centring.fit(fitted).apply(other), other - fitted.mean(axis=0), atol=1e-5)
    assert np.abs(Centring.fit(fitted).apply(fitted).mean(axis=0)).max() < 1e-5


def test_whitening_equals_scikit_learn_up_to_sign() -> None:
    fitted, other = cloud(300, 12), cloud(40, 12, seed=1)
    ours = Whitening.fit(fitted).apply(other)
    theirs = PCA(whiten=True, svd_solver="full").fit(fitted.astype(np.float64)).transform(other.astype(np.float64))
    signs = np.sign((ours * theirs).sum(axis=0))
    assert np.abs(ours - theirs * signs).max() < 1e-3  # float32 results of size 3
    covariance = np.cov(Whitening.fit(fitted).apply(fitted), rowvar=False)
    assert np.abs(covariance - np.eye(12)).max() < 1e-3


def test_whitened_distances_are_those_of_mahalanobis() -> None:
    """|W(x) - W(y)|^2 = (x - y)^T C^-1 (x - y), whatever the axes are."""
    fitted = cloud(200, 6).astype(np.float64)
    white = Whitening.fit(fitted).apply(fitted[:10]).astype(np.float64)
    inverse = np.linalg.inv(np.cov(fitted, rowvar=False))
    for i in range(9):
        step = fitted[i] - fitted[i + 1]
        assert ((white[i] - white[i + 1]) ** 2).sum() == pytest.approx(step @ inverse @ step, rel=1e-4)


def test_the_ridge_and_the_kept_axes() -> None:
    fitted = cloud(100, 5).astype(np.float64)
    variances = np.sort(np.linalg.eigvalsh(np.cov(fitted, rowvar=False)))[::-1]
    shrunk = Whitening.fit(fitted, ridge=0.5, n_kept=3).apply(fitted)
    expected = variances[:3] / (variances[:3] + 0.5 * variances.mean())
    assert np.allclose(shrunk.var(axis=0, ddof=1), expected, rtol=1e-4)


@pytest.mark.parametrize("n", [2, 3, 10])
def test_fewer_vectors_than_dimensions_stay_finite(n: int, caplog: pytest.LogCaptureFixture) -> None:
    fitted = cloud(n, 20)
    white = Whitening.fit(fitted)
    assert f"keeps {n - 1} of 20 dimensions: {n} vectors vary in no more" in caplog.text
    seen = white.apply(fitted)
    assert seen.shape == (n, n - 1)
    assert np.abs(seen).max() < 10
    assert np.isfinite(white.apply(cloud(5, 20, seed=4))).all()


def test_dimensions_that_do_not_vary_are_dropped() -> None:
    fitted = cloud(100, 6)
    fitted[:, 2] = 1000.1  # its square is rounded to something
    fitted[:, 4] = fitted[:, 5]
    assert Whitening.fit(fitted).apply(fitted).shape == (100, 4)


def test_planted_outliers_are_found_and_set_to_zero() -> None:
    vectors = np.random.default_rng(0).normal(size=(500, 64)).astype(np.float32)
    vectors[:, 7] += 30
    vectors[:, 40] *= 25
    removal = OutlierRemoval.fit(vectors)
    assert removal.dims.tolist() == [7, 40]
    changed = removal.apply(vectors)
    kept = np.delete(vectors, [7, 40], axis=1)
    assert np.array_equal(np.delete(changed, [7, 40], axis=1), kept)
    assert not changed[:, [7, 40]].any()
    assert np.allclose(changed @ changed.T, kept @ kept.T, atol=1e-3)
    assert vectors[:, 7].mean() > 20  # the input is left as it was


@settings(max_examples=50)
@given(st.integers(1, 40), st.integers(2, 40), st.floats(0.5, 4), st.integers(0, 9))
def test_outliers_equal_a_slow_loop(n: int, width: int, sigmas: float, seed: int) -> None:
    vectors = np.random.default_rng(seed).standard_cauchy(size=(n, width))
    means = [sum(abs(row[d]) for row in vectors) / n for d in range(width)]
    centre = sum(means) / width
    deviation = (sum((m - centre) ** 2 for m in means) / width) ** 0.5
    scores = [abs(m - centre) / deviation for m in means]
    if any(abs(score - sigmas) < 1e-9 for score in scores):
        return  # on the threshold, rounding decides
    assert OutlierRemoval.fit(vectors, sigmas=sigmas).dims.tolist() == [
        d for d, score in enumerate(scores) if score > sigmas
    ]


def test_given_dimensions() -> None:
    removal = OutlierRemoval.of([3, 1, 3], width=5)
    assert removal.apply(np.ones((2, 5))).tolist() == [[1, 0, 1, 0, 1]] * 2
    with pytest.raises(EncoderError, match="dimension 588 is out of range: vectors have 5"):
        OutlierRemoval.of([588], width=5)


def test_blocks_do_not_change_the_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    vectors = cloud(100, 6)
    whole = {name: fit_transform(name, vectors).apply(vectors) for name in TRANSFORMS}
    monkeypatch.setattr(transforms, "_ROWS", 7)
    for name in TRANSFORMS:
        assert np.allclose(np.abs(fit_transform(name, vectors).apply(vectors)), np.abs(whole[name]), atol=1e-4)


def test_a_chain_is_its_steps_in_order() -> None:
    fitted, other = cloud(80, 64), cloud(9, 64, seed=2)
    fitted[:, 5] += 200
    removal = OutlierRemoval.fit(fitted)
    white = Whitening.fit(removal.apply(fitted))
    chain = fit_chain(["outliers", "whiten"], fitted)
    assert np.allclose(chain.apply(other), white.apply(removal.apply(other)), atol=1e-6)
    assert removal.dims.tolist() == [5]
    assert chain.apply(other).shape == (9, 63)


def test_round_trip(tmp_path: Path) -> None:
    fitted, other = cloud(80, 24), cloud(9, 24, seed=2)
    chain = fit_chain(["outliers", "center", "whiten"], fitted)
    save_transform(chain, tmp_path / "t.safetensors")
    loaded = load_transform(tmp_path / "t.safetensors")
    assert [type(step) for step in loaded.steps] == [OutlierRemoval, Centring, Whitening]
    assert np.array_equal(loaded.apply(other), chain.apply(other))
    save_transform(Centring.fit(fitted), tmp_path / "t.safetensors")
    single = load_transform(tmp_path / "t.safetensors")
    assert np.array_equal(single.apply(other), Centring.fit(fitted).apply(other))
    save_transform(Chain(()), tmp_path / "none.safetensors")
    assert np.array_equal(load_transform(tmp_path / "none.safetensors").apply(other), other)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["none.safetensors", "t.safetensors"]


def test_other_files_are_refused(tmp_path: Path) -> None:
    from safetensors.numpy import save_file

    save_file({"a": np.ones(2)}, tmp_path / "other.safetensors")
    (tmp_path / "text").write_text("abc")
    for name in ("other.safetensors", "text", "missing"):
        with pytest.raises(EncoderError, match=f"{name} holds no transforms"):
            load_transform(tmp_path / name)


@pytest.mark.parametrize("name", TRANSFORMS)
def test_what_cannot_be_fitted_is_said(name: str) -> None:
    with pytest.raises(EncoderError, match=r"at least one; got \(0, 4\)"):
        fit_transform(name, np.ones((0, 4)))
    with pytest.raises(EncoderError, match="vector 2 holds NaN or infinity"):
        fit_transform(name, np.array([[1.0, 2], [3, 4], [np.inf, 1], [np.nan, 1]]))
    fitted = fit_transform(name, cloud(30, 4))
    with pytest.raises(EncoderError, match=r"fitted on vectors of width 4; got shape \(2, 5\)"):
        fitted.apply(np.ones((2, 5)))


def test_what_cannot_be_whitened_is_said() -> None:
    for vectors in (np.ones((1, 3)), np.ones((5, 3))):
        with pytest.raises(EncoderError, match="are the same"):
            Whitening.fit(vectors)
    with pytest.raises(EncoderError, match="ridge is -1"):
        Whitening.fit(cloud(9, 3), ridge=-1)
    with pytest.raises(EncoderError, match="unknown transform 'centre'; did you mean 'center'"):
        fit_transform("centre", cloud(9, 3))
    with pytest.raises(EncoderError, match="sigmas is 0"):
        OutlierRemoval.fit(cloud(9, 3), sigmas=0)
