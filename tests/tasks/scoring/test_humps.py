"""The two humps of scores against scikit-learn's mixture, and laws of what is learnt from them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import norm
from sklearn.mixture import GaussianMixture

from xl_tasks import best_threshold
from xl_tasks.scoring.humps import fit_humps


def two(seed: int, n: int, share: float, apart: float) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    rng = np.random.default_rng(seed)
    right = rng.random(n) < share
    return np.where(right, rng.normal(1 + apart, 0.06, n), rng.normal(1, 0.04, n)), right


@pytest.mark.parametrize(("share", "apart"), [(0.5, 0.3), (0.1, 0.25), (0.8, 0.2)])
def test_the_mixture_is_as_likely_as_the_one_of_sklearn(share: float, apart: float) -> None:
    scores, _ = two(0, 2000, share, apart)
    humps = fit_humps(scores)
    peer = GaussianMixture(2, tol=1e-9, max_iter=2000, reg_covar=0.0, means_init=[[1.0], [1 + apart]]).fit(
        scores[:, None]
    )
    density = sum(
        weight * norm.pdf(scores, mean, deviation)
        for weight, mean, deviation in zip((1 - humps.share, humps.share), humps.means, humps.deviations, strict=True)
    )
    assert np.log(density).mean() == pytest.approx(peer.score(scores[:, None]), abs=1e-6)
    assert humps.means == pytest.approx(sorted(peer.means_[:, 0]), abs=1e-3)


@pytest.mark.parametrize("share", [0.1, 0.3, 0.6, 0.9])
def test_the_learnt_threshold_is_nearly_as_good_as_the_best(share: float) -> None:
    scores, right = two(1, 3000, share, 0.2)
    order = np.argsort(-scores)
    scores, right = scores[order], right[order]
    humps = fit_humps(scores)
    threshold, expected = best_threshold(scores, humps.likely, float(humps.likely.sum()))
    kept = scores >= threshold
    f1 = 2 * right[kept].sum() / (kept.sum() + right.sum())
    assert f1 >= best_threshold(scores, right, int(right.sum()))[1] - 0.02
    assert expected == pytest.approx(f1, abs=0.05)


def test_known_pairs_tell_humps_apart_that_lie_in_one_another() -> None:
    scores, right = two(2, 3000, 0.4, 0.07)
    order = np.argsort(-scores)
    scores, right = scores[order], right[order]
    known = np.where(np.random.default_rng(0).random(3000) < 0.1, right, -1).astype(np.int8)

    def error(labels: NDArray[np.int8] | None) -> float:
        return float(np.abs(np.array(fit_humps(scores, labels).means) - (1.0, 1.07)).max())

    assert error(known) < 0.015
    assert error(known) < error(None)


@settings(max_examples=60, deadline=None)
@given(
    scores=st.lists(st.integers(-20, 40), max_size=30).map(lambda each: np.array(each, dtype=np.float64) / 10),
    seed=st.integers(0, 5),
)
def test_likelihoods_rise_with_the_score_and_known_pairs_keep_theirs(scores: NDArray[np.float64], seed: int) -> None:
    labels = np.random.default_rng(seed).choice([-1, -1, -1, 0, 1], size=len(scores)).astype(np.int8)
    humps = fit_humps(scores, labels)
    assert ((humps.likely >= 0) & (humps.likely <= 1)).all()
    assert np.array_equal(humps.likely[labels >= 0], labels[labels >= 0])
    open_ = labels < 0
    order = np.argsort(scores[open_], kind="stable")
    assert (np.diff(humps.likely[open_][order]) >= -1e-12).all()
    assert np.isfinite([*humps.means, *humps.deviations, humps.share, humps.separation]).all()
