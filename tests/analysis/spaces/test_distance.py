"""Distances of many languages at once are those of the single functions, on unit vectors with one bandwidth."""

import numpy as np
import pytest
from scipy.spatial.distance import pdist

from xl_analysis import AnalysisError, hubness, language_distances, margins, mmd


def views(n: int = 60, width: int = 8) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    meaning = rng.normal(size=(n, width))
    return {name: meaning + 0.4 * rng.normal(size=(n, width)) + number / 5 for number, name in enumerate("abc")}


def test_each_pair_is_what_the_single_functions_say() -> None:
    unit = {name: x / np.linalg.norm(x, axis=1, keepdims=True) for name, x in views().items()}
    bandwidth = float(np.median(pdist(np.concatenate(list(unit.values())))))
    found = language_distances(views())
    assert list(found) == [("a", "b"), ("a", "c"), ("b", "c")]
    for (a, b), distance in found.items():
        cosines = unit[a] @ unit[b].T
        expected = mmd(unit[a], unit[b], bandwidth=bandwidth)
        assert distance.mmd.value == pytest.approx(expected.value, abs=1e-12)
        assert distance.mmd.p == expected.p
        assert distance.cosine == pytest.approx(np.diagonal(cosines).mean())
        assert distance.margin == pytest.approx(margins(cosines).mean())
        assert (distance.hubness, distance.hubness_back) == (hubness(cosines), hubness(cosines.T))
    turned = language_distances(views(), [("b", "a")])["b", "a"]
    assert (turned.hubness, turned.hubness_back) == (found["a", "b"].hubness_back, found["a", "b"].hubness)


def test_kernels_that_do_not_fit_are_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    found = language_distances(views())
    monkeypatch.setattr("xl_analysis.spaces.distance._KERNEL_BYTES", 1)
    assert language_distances(views()) == found


def test_bad_input() -> None:
    x = views(20)["a"]
    with pytest.raises(AnalysisError, match=r"^view 'b' has a vector of zeros \(item 3\), which has no cosine"):
        language_distances({"a": x, "b": np.where(np.arange(20)[:, None] == 2, 0, x)})
    with pytest.raises(AnalysisError, match=r"^view 'b' has the same vector for every item"):
        language_distances({"a": x, "b": np.ones_like(x)})
    many = np.random.default_rng(0).normal(size=(20_001, 1))
    with pytest.raises(AnalysisError, match=r"give 2 to 20000 \(--limit\)"):
        language_distances({"a": many, "b": many})
