"""Neighbours of both sides, slab by slab, against a slow loop over all pairs."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from xl_staticemb import StaticembError, nearest, nearest_both, nearest_slabs


def cosines(x: NDArray[np.float32], z: NDArray[np.float32]) -> NDArray[np.float64]:
    """The definition, pair by pair, in double precision."""

    def cosine(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
        length = np.linalg.norm(a) * np.linalg.norm(b)
        return float(a @ b / length) if length else 0.0

    return np.array([[cosine(a.astype(float), b.astype(float)) for b in z] for a in x])


@settings(max_examples=40, deadline=None)
@given(
    n=st.integers(1, 20), m=st.integers(1, 20), k=st.integers(1, 6), rows=st.integers(1, 25), seed=st.integers(0, 99)
)
def test_equals_the_slow_loop_whatever_the_slabs(n: int, m: int, k: int, rows: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    # whole numbers in few dimensions: many cosines are equal
    x, z = (rng.integers(-2, 3, size=(size, 2)).astype(np.float32) for size in (n, m))
    found = nearest_both(x, z, k, rows=rows)
    table = cosines(x, z)
    for side, one in zip(found, (table, table.T), strict=True):
        assert all(len(set(row)) == len(row) for row in side.indices.tolist())
        best = -np.sort(-one, axis=1)[:, : min(k, one.shape[1])]
        assert np.take_along_axis(one, side.indices, axis=1) == pytest.approx(best, abs=1e-5)
        assert side.scores == pytest.approx(best, abs=1e-5)


def test_scores_are_those_of_nearest_from_each_side() -> None:
    rng = np.random.default_rng(1)
    x, z = (rng.normal(size=(size, 16)).astype(np.float32) for size in (300, 170))
    x[7, 3] = np.nan
    both = nearest_both(x, z, 4, rows=64)
    for found, wanted in zip(both, (nearest(x, z, 4), nearest(z, x, 4)), strict=True):
        assert np.array_equal(found.indices, wanted.indices)
        assert found.scores == pytest.approx(wanted.scores, abs=1e-6)
    assert (both[0].indices[7] == -1).all()


def test_goes_on_behind_any_slab_of_memory_mapped_vectors(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    arrays = []
    for name, size in (("x", 50), ("z", 40)):
        np.save(tmp_path / f"{name}.npy", rng.normal(size=(size, 8)).astype(np.float32))
        arrays.append(np.load(tmp_path / f"{name}.npy", mmap_mode="r"))
    slabs = list(nearest_slabs(*arrays, 3, rows=16))
    assert [(slab.start, slab.stop) for slab in slabs] == [(0, 16), (16, 32), (32, 48), (48, 50)]
    for number, slab in enumerate(slabs):
        rest = list(nearest_slabs(*arrays, 3, rows=16, after=(slab.stop, slab.back)))
        assert [each.start for each in rest] == [each.start for each in slabs[number + 1 :]]
        for again, before in zip(rest, slabs[number + 1 :], strict=True):
            for one, other in ((again.ahead, before.ahead), (again.back, before.back)):
                assert np.array_equal(one.indices, other.indices)
                assert np.array_equal(one.scores, other.scores)


def test_what_does_not_fit_is_refused() -> None:
    x = np.ones((3, 4), dtype=np.float32)
    for other, k, rows in ((np.ones((3, 5)), 1, 4), (np.ones((0, 4)), 1, 4), (x, 0, 4), (x, 1, 0)):
        with pytest.raises(StaticembError):
            nearest_both(x, other, k, rows=rows)
