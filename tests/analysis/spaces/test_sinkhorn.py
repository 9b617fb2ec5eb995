"""Sinkhorn distances against POT, GeomLoss, exact transport and closed forms."""

import geomloss
import numpy as np
import ot
import pytest
import torch
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist

from xl_analysis import AnalysisError, sinkhorn_distances


def outputs(seed: int, n: int, n_labels: int, concentration: float) -> np.ndarray:
    return np.random.default_rng(seed).dirichlet(np.full(n_labels, concentration), size=n)


def pot(x: np.ndarray, y: np.ndarray, p: int, blur: float) -> tuple[float, float]:
    """OT_e, which is <P, C> + e KL(P | a b^T), and <P, C>, from POT's plan, where that comes to its end."""
    a, b = np.full(len(x), 1 / len(x)), np.full(len(y), 1 / len(y))
    cost = cdist(x, y) ** p / p
    options = {"method": "sinkhorn_log", "stopThr": 1e-8, "numItermax": 3000, "warn": False, "log": True}
    plan, log = ot.sinkhorn(a, b, cost, blur**p, **options)
    assume(log["err"][-1] < 1e-7)  # a few in a thousand take 100,000 iterations
    ratio = np.where(plan > 0, plan / np.outer(a, b), 1)
    return float((plan * cost).sum() + blur**p * (plan * np.log(ratio)).sum()), float((plan * cost).sum())


@settings(max_examples=15, deadline=None)
@given(
    seed=st.integers(0, 1000),
    n=st.integers(1, 20),
    m=st.integers(1, 20),
    n_labels=st.integers(2, 5),
    p=st.sampled_from([1, 2]),
    blur=st.sampled_from([0.1, 0.3]),
)
def test_equals_pot(seed: int, n: int, m: int, n_labels: int, p: int, blur: float) -> None:
    x, y = outputs(seed, n, n_labels, 1), outputs(seed + 1, m, n_labels, 0.5)
    found = sinkhorn_distances({"x": x, "y": y}, p=p, blur=blur)["x", "y"]
    (across, cost), (of_x, _), (of_y, _) = pot(x, y, p, blur), pot(x, x, p, blur), pot(y, y, p, blur)
    # Costs are at most 1, and margins hold to a ten-thousandth of a share.
    assert found.cost == pytest.approx(cost, abs=2e-4)
    assert found.divergence == pytest.approx(across - (of_x + of_y) / 2, abs=1e-5)


def test_equals_geomloss_run_to_its_end() -> None:
    x, y = outputs(0, 30, 3, 0.3), outputs(1, 40, 3, 1)
    theirs = geomloss.SamplesLoss("sinkhorn", p=2, blur=0.05, scaling=0.999, backend="tensorized")
    # GeomLoss takes one step a blur; at 0.999 it ends within a few thousandths.
    expected = float(theirs(torch.tensor(x), torch.tensor(y)))
    assert sinkhorn_distances({"x": x, "y": y})["x", "y"].divergence == pytest.approx(expected, rel=3e-3)


@settings(max_examples=20, deadline=None)
@example(seed=943, n=19, concentration=0.02)
@given(seed=st.integers(0, 1000), n=st.integers(1, 30), concentration=st.sampled_from([0.02, 0.2, 1.0]))
def test_laws_and_exact_transport(seed: int, n: int, concentration: float) -> None:
    x, y = outputs(seed, n, 3, concentration), outputs(seed + 1, n, 3, concentration)
    found = sinkhorn_distances({"x": x, "y": y, "again": x[::-1]})
    assert found["x", "again"].divergence == pytest.approx(0, abs=1e-5)
    assert found["y", "again"].divergence == pytest.approx(found["x", "y"].divergence, abs=1e-5)
    costs = cdist(x, y, "sqeuclidean") / 2
    exact = ot.emd2([], [], costs)
    # The margins miss a ten-thousandth of the mass at most, which the longest way could have carried; entropy blurs by
    # at most e log n.
    assert exact - 1e-4 * costs.max() <= found["x", "y"].cost <= exact + 0.05**2 * np.log(n) + 2e-4


def test_points_have_closed_forms() -> None:
    x, y = np.array([[0.0, 0.0]]), np.array([[3.0, 4.0]])
    for p, expected in ((1, 5.0), (2, 12.5)):
        found = sinkhorn_distances({"x": x, "y": y}, p=p)["x", "y"]
        assert (found.divergence, found.cost) == (pytest.approx(expected), pytest.approx(expected))
    rng = np.random.default_rng(0)
    cloud = rng.normal(size=(50, 2))
    # p = 2: a shift costs half its square, whatever the cloud and the blur.
    found = sinkhorn_distances({"x": cloud, "y": cloud + np.array([3, 4])}, blur=0.5)["x", "y"]
    assert found.divergence == pytest.approx(12.5, rel=1e-3)


def test_logits_far_apart_do_not_overflow() -> None:
    rng = np.random.default_rng(0)
    x, y = 10 * rng.normal(size=(2, 40, 3))
    found = sinkhorn_distances({"x": x, "y": y + 30})["x", "y"]
    exact = ot.emd2([], [], cdist(x, y + 30, "sqeuclidean") / 2)
    assert found.cost == pytest.approx(exact, rel=1e-3)


def test_bad_input() -> None:
    x = outputs(0, 5, 3, 1)
    with pytest.raises(AnalysisError, match=r"clouds must be \(number of points, width\), all of one width"):
        sinkhorn_distances({"x": x, "y": x[:, :2]})
    with pytest.raises(AnalysisError, match="cloud 'y' holds numbers that are not finite"):
        sinkhorn_distances({"x": x, "y": x * np.nan})
    for p, blur in ((3, 0.1), (2, 0.0)):
        with pytest.raises(AnalysisError, match="p is 1 or 2, and blur above 0"):
            sinkhorn_distances({"x": x, "y": x}, p=p, blur=blur)
