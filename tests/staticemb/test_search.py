"""Blocked search against whole matrices of scores in double precision, sorted."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray
from scipy.stats import rankdata
from tests.thinned import thinned

from xl_staticemb import Nearest, StaticembError, csls_scores, nearest, neighbourhoods
from xl_staticemb.search._sweep import sweep
from xl_staticemb.search._sweep_device import sweep_on_device
from xl_staticemb.search._unit_rows import UnitRows

RETRIEVALS = ("nn", "csls", "invsoftmax", "invnn")
ROUNDING = 5e-6  # of float32 products; scores of CSLS are sums of four
TOLERANCE = dict.fromkeys(RETRIEVALS, ROUNDING) | {"invsoftmax": 30 * ROUNDING}  # scores are 30 times a cosine
PRECISIONS = ("float32", "bfloat16")


def normals(seed: int, *shape: int) -> NDArray[np.float32]:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def hubs(seed: int, n: int, width: int) -> NDArray[np.float32]:
    """Vectors in clumps of very different density, some of them far from all: neighbourhoods differ much."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(5, width))
    spread = np.exp(rng.normal(size=(n, 1)))
    return (centres[rng.integers(0, 5, n)] + spread * rng.normal(size=(n, width))).astype(np.float32)


def cosines(x: NDArray, z: NDArray) -> NDArray[np.float64]:
    def unit(rows: NDArray) -> NDArray:
        rows = np.where(np.isfinite(rows).all(axis=1, keepdims=True), rows.astype(np.float64), 0.0)
        lengths = np.linalg.norm(rows, axis=1, keepdims=True)
        return np.divide(rows, lengths, out=np.zeros_like(rows), where=lengths > 0)

    scores = np.einsum("nw,mw->nm", unit(x), unit(z))
    scores[~np.isfinite(x).all(axis=1)] = np.nan
    scores[:, ~np.isfinite(z).all(axis=1)] = np.nan
    return scores


def mean_of_best(scores: NDArray, k: int) -> NDArray:
    rows = [np.sort(row[~np.isnan(row)])[::-1][:k] for row in scores]
    return np.array([row.mean() if row.size else np.nan for row in rows])


def all_scores(x: NDArray, z: NDArray, s: NDArray, retrieval: str, n: int = 10, b: float = 30.0) -> NDArray:
    """The definition of each retrieval on whole matrices in double precision."""
    cos, back = cosines(x, z), cosines(s, z)
    if retrieval == "csls":
        return 2 * cos - mean_of_best(cos, n)[:, None] - mean_of_best(back.T, n)[None, :]
    if retrieval == "invsoftmax":
        return b * cos - np.logaddexp.reduce(b * back[~np.isnan(back).all(axis=1)], axis=0)[None, :]
    if retrieval == "invnn":
        nearer = (back[None, :, :] > cos[:, None, :] + 1e-6).sum(axis=1)
        return np.where(np.isnan(cos), np.nan, -(nearer + 1.0) + cos / 2)
    return cos


def check(found: Nearest, scores: NDArray, k: int, tolerance: float = ROUNDING) -> None:
    """The found scores are the k best of each row, and each stands beside a key that has it; no key comes twice."""
    n, m = scores.shape
    assert found.indices.shape == found.scores.shape == (n, min(k, m))
    assert (found.indices.dtype, found.scores.dtype) == (np.int64, np.float32)
    for row, indices, values in zip(scores, found.indices, found.scores, strict=True):
        best = np.sort(row[~np.isnan(row)])[::-1][:k]
        np.testing.assert_allclose(values[: best.size], best, atol=tolerance, rtol=1e-6)
        np.testing.assert_allclose(row[indices[: best.size]], best, atol=tolerance, rtol=1e-6)
        assert len(set(indices[: best.size].tolist())) == best.size
        assert (indices[best.size :] == -1).all()
        assert np.isneginf(values[best.size :]).all()


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("tile", thinned([16, 100, 2048], 3))
@pytest.mark.parametrize("retrieval", RETRIEVALS)
@pytest.mark.parametrize("make", [normals, hubs])
def test_answers_are_those_of_sorting_everything(
    make: Callable[..., NDArray], retrieval: str, tile: int, precision: str
) -> None:
    x, z, s = make(0, 70, 12), make(1, 210, 12), make(2, 120, 12)
    found = nearest(x, z, 5, retrieval, n_neighbours=4, sources=s, tile=tile, precision=precision)
    check(found, all_scores(x, z, s, retrieval, 4), 5, TOLERANCE[retrieval])
    found = nearest(x, z, 5, retrieval, n_neighbours=4, tile=tile, precision=precision)
    check(found, all_scores(x, z, x, retrieval, 4), 5, TOLERANCE[retrieval])


small = st.integers(-2, 2).map(float)  # few values: ties, equal rows and rows of zeros are frequent
few = st.one_of(small, small, small, st.sampled_from([float("nan"), float("inf"), 2.0**100, 2.0**-100]))


@given(
    st.integers(0, 7), st.integers(1, 9), st.integers(1, 6), st.integers(1, 4), st.integers(1, 12), st.integers(1, 12),
    st.sampled_from(RETRIEVALS), st.sampled_from(PRECISIONS), st.integers(1, 5), st.data(),
)  # fmt: skip
@settings(deadline=None, max_examples=100)
def test_ties_zeros_and_broken_rows(
    n: int,
    m: int,
    n_sources: int,
    width: int,
    k: int,
    r: int,
    retrieval: str,
    precision: str,
    tile: int,
    data: st.DataObject,
) -> None:
    x, z, s = (data.draw(arrays.arrays(np.float32, (rows, width), elements=few)) for rows in (n, m, n_sources))
    with np.errstate(all="ignore"):
        wanted = all_scores(x, z, s, retrieval, r)
    if not np.isfinite(s).all(axis=1).any() and retrieval in ("csls", "invsoftmax"):
        wanted[:] = np.nan  # without a usable source a key has no neighbourhood
    found = nearest(x, z, k, retrieval, n_neighbours=r, sources=s, tile=tile, precision=precision)
    check(found, wanted, k, TOLERANCE[retrieval])


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("retrieval", ["nn", "csls"])
def test_the_answer_does_not_depend_on_tiles(retrieval: str, precision: str) -> None:
    x, z = hubs(3, 150, 20), hubs(4, 300, 20)
    whole = nearest(x, z, 7, retrieval, tile=1000, precision="float32")
    for tile in (15, 40, 128) if precision == "float32" else (40, 128):
        parts = nearest(x, z, 7, retrieval, tile=tile, precision=precision)
        np.testing.assert_array_equal(parts.indices, whole.indices)
        np.testing.assert_allclose(parts.scores, whole.scores, atol=ROUNDING)


@pytest.mark.parametrize("precision", PRECISIONS)
def test_vectors_that_point_away_from_each_other(precision: str) -> None:
    # all cosines are below 0, and tiles are large enough for thresholds to act
    x, z = normals(22, 300, 8) + 3, normals(23, 1500, 8) - 3
    assert cosines(x, z).max() < 0
    check(nearest(x, z, 3, tile=500, precision=precision), cosines(x, z), 3)


def test_equal_keys_come_in_the_order_of_their_rows() -> None:
    z = np.repeat(normals(5, 40, 8), 5, axis=0)
    found = nearest(z[::5], z, 5, tile=32)
    np.testing.assert_array_equal(found.indices, np.arange(200).reshape(40, 5))


@pytest.mark.parametrize("precision", thinned(PRECISIONS, 2))
def test_vectors_all_alike_end_soon_and_score_alike(precision: str) -> None:
    alike = np.ones((1200, 4), np.float32)
    found = nearest(alike, alike, 3, "csls", tile=512, precision=precision)
    np.testing.assert_allclose(found.scores, 0.0, atol=ROUNDING)
    assert all(len(set(row)) == 3 for row in found.indices.tolist())


def test_csls_goes_back_for_keys_that_were_no_candidates() -> None:
    # 400 keys on one side of the query, where all sources are too; one key on its other side, a little farther away
    def beside(angle: float, n: int) -> NDArray[np.float32]:
        angles = np.radians(angle + np.random.default_rng(6).normal(size=n))
        return np.column_stack([np.cos(angles), np.sin(angles)]).astype(np.float32)

    query, crowd, lonely, sources = beside(0, 1), beside(40, 400), beside(-46, 1), beside(40, 300)
    z = np.concatenate([crowd, lonely])
    wanted = all_scores(query, z, sources, "csls", 3)
    assert wanted.argmax() == 400
    assert cosines(query, z)[0].argsort()[0] == 400
    check(nearest(query, z, 2, "csls", n_neighbours=3, sources=sources), wanted, 2)


@pytest.mark.parametrize("temperature", [1e-2, 1.0, 30.0, 1e4])
def test_inverted_softmax_does_not_overflow(temperature: float) -> None:
    x, z = normals(7, 30, 6), normals(8, 40, 6)
    found = nearest(x, z, 4, "invsoftmax", temperature=temperature)
    check(found, all_scores(x, z, x, "invsoftmax", b=temperature), 4, tolerance=ROUNDING * max(1.0, temperature))
    assert (found.scores <= ROUNDING * max(1.0, temperature)).all()  # log of a share


def test_inverted_neighbours_by_ranks_of_scipy() -> None:
    x, z = normals(9, 25, 5), normals(10, 30, 5)
    cos = cosines(x, z)
    ranks = rankdata(-cos, axis=0)
    expected = np.lexsort((-cos, ranks), axis=1)[:, :6]
    np.testing.assert_array_equal(nearest(x, z, 6, "invnn").indices, expected)


@pytest.mark.parametrize("k", [1, 3, 400])
@pytest.mark.parametrize("precision", PRECISIONS)
def test_neighbourhoods_of_both_sides(k: int, precision: str) -> None:
    x, z = hubs(11, 130, 9), hubs(12, 210, 9)
    x[3], z[4], z[5] = np.nan, np.inf, 0.0
    r_x, r_z = neighbourhoods(x, z, k, tile=50, precision=precision)
    cos = cosines(x, z)
    np.testing.assert_allclose(r_x, mean_of_best(cos, k), atol=ROUNDING)
    np.testing.assert_allclose(r_z, mean_of_best(cos.T, k), atol=ROUNDING)
    assert r_x.dtype == r_z.dtype == np.float32


def test_scores_are_those_of_csls_scores() -> None:
    x, z = hubs(13, 50, 7), hubs(14, 60, 7)
    scores = csls_scores(x, z, 5)
    found = nearest(x, z, 1, "csls", n_neighbours=5)
    np.testing.assert_array_equal(found.indices[:, 0], scores.argmax(axis=1))


def test_lengths_do_not_matter() -> None:
    x, z = normals(15, 20, 6), normals(16, 30, 6)
    lengths = np.float32(10.0) ** np.arange(-15, 15, dtype=np.float32)
    np.testing.assert_array_equal(nearest(x, z * lengths[:, None], 5).indices, nearest(x, z, 5).indices)


@pytest.mark.parametrize("penalised", [False, True])
def test_the_sweep_of_an_accelerator_gives_what_that_of_the_processor_gives(penalised: bool) -> None:
    x, z = hubs(17, 90, 9), hubs(18, 140, 9)
    x[5], z[7] = np.nan, np.nan
    penalty = normals(19, 140) if penalised else None
    left, right = UnitRows(x), UnitRows(z, penalty)
    n_right = 0 if penalised else 6
    ours = [top.sorted() for top in sweep(left, right, 4, n_right, tile=40)]
    theirs = sweep_on_device(left, right, 4, n_right, "cpu", tile=(40, 30))
    for (scores, partners), (others, names) in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(others, scores, atol=ROUNDING)
        np.testing.assert_array_equal(names, partners)


@pytest.mark.gpu
@pytest.mark.parametrize("retrieval", RETRIEVALS)
def test_a_gpu_gives_the_same(retrieval: str) -> None:
    x, z = hubs(20, 900, 30), hubs(21, 1300, 30)
    here, there = (nearest(x, z, 5, retrieval, device=device) for device in ("cpu", "cuda"))
    np.testing.assert_allclose(there.scores, here.scores, atol=1e-4)  # exp(30 cos) of sums in another order
    assert (there.indices == here.indices).mean() > 0.999


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"k": 0}, "at least 1, not 0"),
        ({"n_neighbours": 0}, "at least 1, not 0"),
        ({"retrieval": "cosine"}, "'cosine' is not known; it can be nn, csls, invsoftmax, invnn"),
        ({"retrieval": "invsoftmax", "temperature": 0.0}, "above 0"),
        ({"keys": np.ones((3, 4))}, "one width, not 2 and 4"),
        ({"sources": np.ones((3, 4))}, "one width, not 4 and 2"),
        ({"precision": "int8"}, "precision 'int8' is not known"),
        ({"keys": np.ones(3)}, r"keys must be a matrix .* shape \(3,\)"),
        ({"keys": np.ones((0, 2))}, "no keys"),
    ],
)
def test_bad_requests_are_refused(change: dict, words: str) -> None:
    asked: dict[str, Any] = {"queries": np.ones((2, 2)), "keys": np.ones((3, 2)), "retrieval": "csls", **change}
    with pytest.raises(StaticembError, match=words):
        nearest(**asked)


def test_no_queries_have_no_neighbours() -> None:
    for retrieval in RETRIEVALS:
        assert nearest(np.zeros((0, 3)), np.ones((4, 3)), 2, retrieval).indices.shape == (0, 2)
    with pytest.raises(StaticembError, match="no vectors"):
        neighbourhoods(np.zeros((0, 3)), np.ones((4, 3)))
