"""Dictionaries of self-learning against a slow literal form: full score matrices, masks of dropped scores, argmax."""

from itertools import product

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.stats import chisquare
from scipy.stats.contingency import chi2_contingency
from tests.thinned import thinned

from xl_staticemb.mapping.candidate_sweep import Thresholds, sweep_candidates
from xl_staticemb.mapping.induction import Induced, Inducer, mutual_share
from xl_staticemb.mapping.ranked import Ranked


def unit(rng: np.random.Generator, n: int, width: int) -> NDArray[np.float64]:
    rows = rng.normal(size=(n, width))
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def tensors(*matrices: NDArray) -> list[torch.Tensor]:
    return [torch.from_numpy(matrix.astype(np.float32)) for matrix in matrices]


def halves(products: NDArray, k: int) -> tuple[NDArray, NDArray]:
    """r/2 of rows and columns from the whole matrix of products."""
    if k == 0:
        return np.zeros(len(products)), np.zeros(products.shape[1])
    rows, columns = np.sort(products, 1)[:, ::-1][:, :k], np.sort(products, 0)[::-1][:k]
    return rows.mean(1) / 2, columns.mean(0) / 2


def drifting(rng: np.random.Generator, width: int, steps: int, pace: float) -> list[NDArray]:
    """Rotations, each near the one before."""
    rotation, found = np.eye(width), []
    for _ in range(steps):
        turn = rng.normal(size=(width, width)) * pace
        rotation = rotation @ np.linalg.qr(np.eye(width) + turn - turn.T)[0]
        found.append(rotation)
    return found


@pytest.mark.parametrize("k", thinned([10, 0, 1], 3))
@pytest.mark.parametrize(
    ("n_x", "n_z", "precision"), [(700, 900, "float32"), (900, 500, "bfloat16"), (7, 5, "float32")]
)
@pytest.mark.parametrize("pace", thinned([0.002, 0.3], 2))
def test_without_dropping_the_dictionary_is_that_of_the_whole_matrix(
    k: int, n_x: int, n_z: int, precision: str, pace: float
) -> None:
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(9, 20))  # clusters make hubs, where CSLS and plain products differ
    x = unit(rng, n_x, 20) + centres[rng.integers(0, 9, n_x)] / 4
    z = unit(rng, n_z, 20) + centres[rng.integers(0, 9, n_z)] / 4
    inducer = Inducer(k, precision)
    for rotation in drifting(rng, 20, 5, pace):
        mapped, fixed = tensors(x @ rotation, z)
        found = inducer(mapped, fixed, 1.0, rng)
        products = mapped.double().numpy() @ fixed.double().numpy().T
        half_x, half_z = halves(products, k)
        for picked, scores in ((found.forward, products - half_z), (found.backward, (products - half_x[:, None]).T)):
            chosen = np.take_along_axis(scores, picked.numpy()[:, None], 1)[:, 0]
            np.testing.assert_allclose(chosen, scores.max(1), atol=3e-6)  # float32; equal scores may change places
            assert (picked.numpy() == scores.argmax(1)).mean() > 0.99
        assert found.nearest_x == pytest.approx(products.max(1).mean(), abs=1e-6)
        assert found.nearest_z == pytest.approx(products.max(0).mean(), abs=1e-6)


def test_a_map_that_stands_still_needs_hardly_a_row_as_a_whole() -> None:
    rng = np.random.default_rng(1)
    x, z = tensors(unit(rng, 2000, 30), unit(rng, 1500, 30))
    inducer = Inducer(10)
    for _ in range(4):
        inducer(x, z, 0.2, rng)
    assert inducer.n_rescored < 0.02 * 4 * 3500


def literal_winner_shares(scores: NDArray, keep: float) -> NDArray:
    """Probability of each column to win: every mask of kept scores, weighed, and argmax of scores times mask."""
    shares = np.zeros(len(scores))
    for mask in product((0.0, 1.0), repeat=len(scores)):
        kept = sum(mask)
        shares[np.argmax(scores * np.array(mask))] += keep**kept * (1 - keep) ** (len(scores) - kept)
    return shares


@pytest.mark.parametrize("keep", thinned([0.1, 0.4, 0.8], 3))
@pytest.mark.parametrize("shift", [-1.0, 0.0, 0.4])  # hardly any score above 0, some, all
@pytest.mark.parametrize("first", [True, False])  # with nothing known, and with the thresholds of the call before
def test_columns_win_as_often_as_with_literal_masks(keep: float, shift: float, first: bool) -> None:
    rng = np.random.default_rng(2)
    queries, keys = unit(rng, 5, 6), unit(rng, 8, 6)
    queries[:, 0], keys[:, 0] = 1.0, keys[:, 0] / 5 + shift  # moves all products together
    n_draws = 3000
    x, z = tensors(np.tile(queries, (n_draws, 1)), keys)  # each copy of a row draws for itself
    inducer = Inducer(2)
    if not first:
        inducer(x, z, keep, rng)
    for side in ("forward", "backward"):
        found = inducer(x, z, keep, rng) if side == "forward" else Inducer(2)(z, x, keep, rng)
        picked = (found.forward if side == "forward" else found.backward).numpy().reshape(n_draws, 5)
        products = queries @ keys.T
        half_z = products.max(0) / 2  # the two nearest of a key are copies of one row
        for row in range(5):
            shares = literal_winner_shares(products[row] - half_z, keep)
            counts = np.bincount(picked[:, row], minlength=len(keys))
            assert not counts[shares == 0].any()
            if (shares > 0).sum() > 1:
                likely = shares * n_draws >= 5  # the others together, as the test wants at least five expected
                seen = [*counts[likely], counts[~likely].sum()] if (shares[~likely].sum() > 0) else counts[likely]
                expected = [*shares[likely], shares[~likely].sum()] if (shares[~likely].sum() > 0) else shares[likely]
                assert chisquare(seen, np.array(expected) * n_draws).pvalue > 1e-5  # 45 to 90 such tests a case


def literal(x: NDArray, z: NDArray, k: int, keep: float, rng: np.random.Generator) -> tuple[NDArray, NDArray]:
    """The published induction as it is written: both score matrices, both masks."""
    products = x @ z.T
    half_x, half_z = halves(products, k)
    forward = (products - half_z) * (rng.random(products.shape) < keep)
    backward = (products - half_x[:, None]) * (rng.random(products.shape) < keep)
    return forward.argmax(1), backward.argmax(0)


@pytest.mark.parametrize(("keep", "deep"), [(0.1, 1e-3), (0.5, 1e-3), (0.1, 0.5)])
@pytest.mark.slow
def test_ranks_of_winners_are_spread_as_with_literal_masks(
    keep: float, deep: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More columns than candidates, so that thresholds, deep ranks and whole rows all take part."""
    monkeypatch.setattr("xl_staticemb.mapping.induction._DEEP", deep)
    monkeypatch.setattr("xl_staticemb.mapping.induction._LEAST", 5)
    rng = np.random.default_rng(3)
    x, z = unit(rng, 400, 12), unit(rng, 300, 12)
    x[:40] *= 0.02  # rows with few or no scores above 0
    products = x.astype(np.float32).astype(float) @ z.astype(np.float32).astype(float).T
    half_x, half_z = halves(products, 10)
    ranks_forward = (half_z - products).argsort(1).argsort(1)
    ranks_backward = (half_x[:, None] - products).argsort(0).argsort(0).T
    inducer = Inducer(10)
    picks: dict[str, list[NDArray]] = {"ours": [], "published": []}
    for _ in range(60):
        found = inducer(*tensors(x, z), keep, rng)
        picks["ours"].append(np.concatenate([found.forward.numpy(), found.backward.numpy()]))
        picks["published"].append(np.concatenate(literal(x, z, 10, keep, rng)))
    for rows, ranks in (
        (slice(0, 40), np.tile(np.arange(300), (40, 1))),  # mostly zeros win: low columns, not high scores
        (slice(40, 400), ranks_forward[40:]),
        (slice(400, 700), ranks_backward),
    ):
        each = np.arange(len(ranks))
        table = []
        for several in picks.values():
            seen = np.concatenate([ranks[each, picked[rows]] for picked in several])
            table.append(np.bincount(np.minimum(seen, 60), minlength=61))
        both = np.array(table)
        both = both[:, both.sum(0) >= 10]
        assert both.shape[1] > 2
        assert chi2_contingency(both).pvalue > 1e-5


@pytest.mark.slow
def test_the_last_positive_score_may_be_the_first_that_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("xl_staticemb.mapping.induction._LEAST", 1)
    monkeypatch.setattr(
        "xl_staticemb.mapping.induction._DEEP", 0.9
    )  # one candidate a row: the second is looked for in it all
    # two scores above 0 and many columns: they win where they are kept, and else an early column does
    scores = np.full(200, -0.5)
    scores[150:152] = 0.5, 0.4
    x, z = tensors(np.ones((8000, 1)), scores[:, None])
    picked = Inducer(0)(x, z, 0.4, np.random.default_rng(0)).forward.numpy()
    seen = np.bincount(picked, minlength=200)[[150, 151, 0, 1, 2]] / 8000
    first = 0.6**2 * 0.6  # both dropped, and the first column too
    np.testing.assert_allclose(seen, [0.4, 0.6 * 0.4, first, first * 0.4, first * 0.4**2], atol=0.03)  # 5 deviations


@pytest.mark.slow
def test_all_scores_below_zero_and_none_dropped_gives_the_best() -> None:
    x, z = tensors(np.array([[1.0, 0.0]]), np.array([[-0.5, 1.0], [-0.1, 1.0], [-0.9, 1.0]]))
    # two of three negative scores kept at 0.999: a zero wins only where one is dropped, which is rare
    picks = [int(Inducer(0)(x, z, 0.999, np.random.default_rng(seed)).forward[0]) for seed in range(200)]
    assert np.mean(np.array(picks) == 1) > 0.98
    assert int(Inducer(0)(x, z, 1.0, np.random.default_rng(0)).forward[0]) == 1


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_longer_vectors_change_no_dictionary(precision: str) -> None:
    rng = np.random.default_rng(7)
    x, z = tensors(unit(rng, 300, 8), unit(rng, 200, 8))
    once, often = Inducer(10, precision), Inducer(10, precision)
    for rotation in drifting(rng, 8, 4, 0.01):
        turn = torch.from_numpy(rotation.astype(np.float32))
        small, large = once(x @ turn, z, 1.0, rng), often(x @ turn * 512, z * 64, 1.0, rng)  # powers of two: exact
        assert torch.equal(small.forward, large.forward)
        assert torch.equal(small.backward, large.backward)
        assert large.nearest_x == pytest.approx(small.nearest_x * 512 * 64)


def test_the_same_generator_gives_the_same_dictionary() -> None:
    rng = np.random.default_rng(4)
    x, z = tensors(unit(rng, 300, 8), unit(rng, 200, 8))

    def run(seed: int) -> list[Induced]:
        inducer, draws = Inducer(10), np.random.default_rng(seed)
        return [inducer(x, z, 0.3, draws) for _ in range(3)]

    for left, right in zip(run(5), run(5), strict=True):
        assert torch.equal(left.forward, right.forward)
        assert torch.equal(left.backward, right.backward)
    assert not torch.equal(run(5)[0].forward, run(6)[0].forward)


def test_equal_vectors_and_vectors_of_zeros_are_no_trouble() -> None:
    ones = torch.ones(40, 3) / 3**0.5
    found = Inducer(10)(ones, ones[:30], 0.5, np.random.default_rng(0))
    assert found.forward.max() < 30
    assert found.nearest_x == pytest.approx(1.0, abs=1e-6)
    zeros = torch.zeros(40, 3)
    inducer = Inducer(10)
    for _ in range(2):
        found = inducer(zeros, ones, 0.5, np.random.default_rng(0))
        assert torch.equal(found.forward, torch.zeros(40, dtype=torch.int64))  # all scores alike: the first column


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_sweep_finds_all_that_a_side_asks_for(monkeypatch: pytest.MonkeyPatch, precision: str) -> None:
    monkeypatch.setattr("xl_staticemb.mapping.candidate_sweep._BLOCK_CPU", 37 * 53)
    monkeypatch.setattr("xl_staticemb.mapping.candidate_sweep._SLICE", 5 * 53)
    rng = np.random.default_rng(5)
    x, z = tensors(unit(rng, 91, 6), unit(rng, 53, 6))
    of_x = Thresholds(*tensors(rng.uniform(0.5, 1, 91), rng.uniform(0.2, 0.8, 91), rng.uniform(0, 0.5, 53)))
    of_z = Thresholds(*tensors(rng.uniform(0.5, 1, 53), rng.uniform(0.2, 0.8, 53), rng.uniform(0, 0.5, 91)))
    products = x @ z.T
    asked = (
        (products >= of_x.raw[:, None])
        | (products >= of_z.raw)
        | (products >= of_x.score[:, None] + of_x.offset)
        | (products >= of_z.offset[:, None] + of_z.score)
    )
    found = sweep_candidates(x, z, of_x, of_z, precision=precision)
    assert found is not None
    got = torch.zeros_like(asked)
    got[found.rows, found.columns] = True
    assert torch.equal(got & asked, asked)
    if precision == "float32":
        assert torch.equal(got, asked)
    torch.testing.assert_close(found.scores, products[found.rows, found.columns], atol=1e-6, rtol=0)
    assert sweep_candidates(x, z, of_x, of_z, precision=precision, most=len(found.rows) - 1) is None


def test_candidates_are_ranked_within_their_row() -> None:
    rng = np.random.default_rng(6)
    rows, columns = rng.integers(0, 7, 90), rng.integers(0, 50, 90)
    rows[rows == 3] = 4  # a row without any
    scores = rng.normal(size=90).astype(np.float32)
    ranked = Ranked(torch.from_numpy(rows), torch.from_numpy(columns), torch.from_numpy(scores), 7)
    for row in range(7):
        mine = np.flatnonzero(rows == row)
        mine = mine[np.argsort(-scores[mine])]
        assert ranked.counts[row] == len(mine)
        for rank in range(1, len(mine) + 1):
            score, column = ranked.at(torch.full((7,), rank))
            assert (score[row], column[row]) == (scores[mine[rank - 1]], columns[mine[rank - 1]])
        if len(mine) >= 4:
            assert float(ranked.top_mean(4)[row]) == pytest.approx(scores[mine[:4]].mean(), abs=1e-6)
            assert ranked.depth(4)[row] == scores[mine[3]]


def test_mutual_share() -> None:
    assert mutual_share(np.array([1, 0, 1]), np.array([1, 0])) == pytest.approx(2 / 3)
