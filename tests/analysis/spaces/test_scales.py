"""Measures of spaces do not see the scale of the vectors, a millionth to a million; transport grows with it."""

from collections.abc import Callable
from typing import Any

import numpy as np
import ot
import pytest
from numpy.typing import NDArray

from xl_analysis import (
    cka_matrix,
    cosines,
    geometry,
    hubness,
    language_distances,
    linear_cka,
    mmd,
    proxy_a_distance,
    sinkhorn_distances,
)

Vectors = NDArray[np.float32]
POWERS = [power for power in range(-6, 7) if power]

MEASURES: dict[str, Callable[[Vectors, Vectors], Any]] = {
    "cka": linear_cka,
    "debiased cka": lambda x, y: linear_cka(x, y, debiased=True),
    "rbf cka": lambda x, y: cka_matrix({"x": x, "y": y}, bandwidth=1.0)[1][0, 1],
    "mmd": lambda x, y: mmd(x, y).value,
    "distances": lambda x, y: _numbers(language_distances({"x": x, "y": y})["x", "y"]),
    "geometry": lambda x, y: _numbers(geometry(np.concatenate([x, y]))),
    "hubness": lambda x, y: hubness(cosines(x, y)),
    "proxy-a-distance": lambda x, y: proxy_a_distance({"x": x, "y": y}, n_resamples=10)["x", "y"].value,
}


def _numbers(found: object) -> list[float]:
    return [value for value in vars(found).values() if isinstance(value, float)]


def two_languages() -> tuple[Vectors, Vectors]:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(40, 12))
    return x.astype(np.float32), (x + 0.7 * rng.normal(size=x.shape) + 0.2).astype(np.float32)


@pytest.mark.parametrize("name", MEASURES)
def test_the_scale_of_vectors_is_not_seen(name: str) -> None:
    x, y = two_languages()
    at_one = MEASURES[name](x, y)
    for power in POWERS:
        scale = np.float32(10.0**power)
        # scaled vectors are rounded to float32
        assert MEASURES[name](scale * x, scale * y) == pytest.approx(at_one, rel=1e-4, abs=1e-6), power


def test_blurred_transport_goes_over_into_that_of_means_and_into_the_exact_one() -> None:
    """For p = 2: |mx - my|^2 / 2 where blur is wide against all distances (Feydy et al. 2019), POT's where narrow."""
    x, y = (side.astype(np.float64) for side in two_languages())
    near = sinkhorn_distances({"x": 1e-6 * x, "y": 1e-6 * y})["x", "y"].divergence
    assert near == pytest.approx(1e-12 * float(((x.mean(0) - y.mean(0)) ** 2).sum()) / 2, rel=1e-4)
    exact = float(ot.emd2([], [], ot.dist(x, y))) / 2
    for scale in (1e3, 1e6):
        found = sinkhorn_distances({"x": scale * x, "y": scale * y})["x", "y"].divergence
        assert found == pytest.approx(scale**2 * exact, rel=1e-4)
