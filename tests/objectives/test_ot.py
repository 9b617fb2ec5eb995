"""Optimal transport of words against a linear program, POT, GeomLoss, closed forms and laws (WordOT paper, eq. 2)."""

import itertools
import math
from typing import Any

import numpy as np
import ot
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog
from tests.thinned import thinned
from torch import Tensor

from xl_objectives import ObjectiveError, ot_loss
from xl_objectives.sinkhorn import sinkhorn

SOLVERS = ["exact", "sinkhorn"]
# far more work than a training step needs: differences left are then those of the mathematics
CONVERGED: dict[str, Any] = {"solver": "sinkhorn", "scaling": 0.8, "max_iterations": 5000, "tolerance": 0.0}


def batch(
    sentences: int = 3,
    x_words: int = 5,
    y_words: int = 6,
    width: int = 4,
    seed: int = 0,
    dtype: torch.dtype = torch.float32,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Random vectors and masks; each sentence has a word on both sides, anywhere."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(sentences, x_words, width, generator=generator, dtype=torch.float64).to(dtype)
    y = torch.randn(sentences, y_words, width, generator=generator, dtype=torch.float64).to(dtype)
    x_mask, y_mask = (torch.rand(sentences, n, generator=generator) < 0.7 for n in (x_words, y_words))
    x_mask[:, -1] = y_mask[:, 1] = True
    return x, y, x_mask, y_mask


def problems(
    inputs: tuple[Tensor, ...], weights: tuple[Tensor, Tensor] | None, scope: str
) -> list[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]]:
    """(points, points, weights, weights) of each problem, in plain numpy."""
    x, y, x_mask, y_mask = inputs
    clouds = []
    for i in range(len(x)):
        a, b = (mask[i].double() for mask in (x_mask, y_mask))
        if weights is not None:
            a, b = a * weights[0][i], b * weights[1][i]
        clouds.append((x[i].double(), y[i].double(), a, b))
    if scope == "batch":
        clouds = [tuple(torch.cat(parts) for parts in zip(*clouds, strict=True))]
    return [
        (u[a > 0].numpy(), v[b > 0].numpy(), (a[a > 0] / a.sum()).numpy(), (b[b > 0] / b.sum()).numpy())
        for u, v, a, b in clouds
    ]


def costs(u: np.ndarray, v: np.ndarray, p: int) -> np.ndarray:
    return np.array([[sum((r - s) ** 2) ** (p / 2) / p for s in v] for r in u])


def transport_by_linear_program(u: np.ndarray, v: np.ndarray, a: np.ndarray, b: np.ndarray, p: int) -> float:
    n, m = len(a), len(b)
    rows = [[1.0 if i == k else 0.0 for i in range(n) for _ in range(m)] for k in range(n)]
    columns = [[1.0 if j == k else 0.0 for _ in range(n) for j in range(m)] for k in range(m)]
    # the last column follows from the others
    solved = linprog(costs(u, v, p).reshape(-1), A_eq=np.array(rows + columns[:-1]), b_eq=np.concatenate([a, b[:-1]]))
    assert solved.success
    return float(solved.fun)


def entropic_by_pot(u: np.ndarray, v: np.ndarray, a: np.ndarray, b: np.ndarray, p: int, blur: float) -> float:
    """min <P, C> + eps KL(P | ab) from the plan of POT's own log-domain iterations."""
    cost, epsilon = costs(u, v, p), blur**p
    plan = ot.sinkhorn(a, b, cost, epsilon, method="sinkhorn_log", numItermax=50_000, stopThr=1e-7)
    entropy = sum(
        w * math.log(w / (r * s))
        for line, r in zip(plan, a, strict=True)
        for w, s in zip(line, b, strict=True)
        if w > 0
    )
    return float((plan * cost).sum() + epsilon * entropy)


@settings(max_examples=40, deadline=None)
@given(
    sentences=st.integers(1, 3),
    x_words=st.integers(1, 5),
    y_words=st.integers(2, 5),
    seed=st.integers(0, 10**6),
    p=st.sampled_from([1, 2]),
    scope=st.sampled_from(["batch", "sentence"]),
    weighted=st.booleans(),
)
def test_exact_equals_a_linear_program(
    sentences: int, x_words: int, y_words: int, seed: int, p: int, scope: str, weighted: bool
) -> None:
    inputs = batch(sentences, x_words, y_words, seed=seed)
    generator = torch.Generator().manual_seed(seed)
    weights = None
    if weighted:
        weights = (torch.rand(inputs[2].shape, generator=generator), torch.rand(inputs[3].shape, generator=generator))
    expected = [transport_by_linear_program(*problem, p) for problem in problems(inputs, weights, scope)]
    loss = ot_loss(*inputs, p=p, scope=scope, weights=weights, solver="exact")
    assert loss.item() == pytest.approx(sum(expected) / len(expected), rel=1e-5, abs=1e-6)  # float32 costs


@pytest.mark.parametrize("p", [1, 2])
def test_equal_numbers_of_words_equal_the_best_permutation(p: int) -> None:
    x, y, *_ = batch(1, 5, 5)
    everything = torch.ones(1, 5, dtype=torch.bool)
    cost = costs(x[0].numpy(), y[0].numpy(), p)
    best = min(sum(cost[i, j] for i, j in enumerate(order)) / 5 for order in itertools.permutations(range(5)))
    assert ot_loss(x, y, everything, everything, p=p).item() == pytest.approx(best, rel=1e-5)


@pytest.mark.parametrize("p", [1, 2])
@pytest.mark.parametrize("debiased", [True, False])
@pytest.mark.parametrize("scope", ["batch", "sentence"])
@pytest.mark.parametrize("epsilon", thinned([1.0, 4.0], 2))
def test_sinkhorn_equals_pot(p: int, debiased: bool, scope: str, epsilon: float) -> None:
    blur = epsilon ** (1 / p)
    inputs = batch(seed=4, dtype=torch.float64)
    generator = torch.Generator().manual_seed(5)
    weights = (torch.rand(inputs[2].shape, generator=generator), torch.rand(inputs[3].shape, generator=generator))
    expected = []
    for u, v, a, b in problems(inputs, weights, scope):
        value = entropic_by_pot(u, v, a, b, p, blur)
        if debiased:
            value -= entropic_by_pot(u, u, a, a, p, blur) / 2 + entropic_by_pot(v, v, b, b, p, blur) / 2
        expected.append(value)
    loss = ot_loss(*inputs, p=p, blur=blur, debiased=debiased, weights=weights, scope=scope, **CONVERGED)
    # marginals are met to 1e-4, the value then to a second-order part of it
    assert loss.item() == pytest.approx(sum(expected) / len(expected), rel=1e-4, abs=1e-5)


@pytest.mark.parametrize("p", thinned([1, 2], 2))
@pytest.mark.parametrize("scope", ["batch", "sentence"])
@pytest.mark.parametrize("debiased", [True, False])
def test_sinkhorn_equals_geomloss_where_it_converges(p: int, scope: str, debiased: bool) -> None:
    """Slow scaling and a wide blur, where GeomLoss has no error to speak of; value and gradients."""
    pytest.importorskip("geomloss")
    found = []
    both: tuple[dict[str, Any], ...] = ({"solver": "geomloss", "scaling": 0.995}, CONVERGED)
    for arguments in both:
        x, y, x_mask, y_mask = batch(seed=2, dtype=torch.float64)
        x.requires_grad_(), y.requires_grad_()
        loss = ot_loss(x, y, x_mask, y_mask, p=p, blur=1.2, scope=scope, debiased=debiased, **arguments)
        loss.backward()
        found.append((loss.detach(), x.grad, y.grad))
    for theirs, ours in zip(*found, strict=True):
        assert torch.allclose(theirs, ours, rtol=5e-3, atol=5e-4)  # its annealing stops short of the end


@pytest.mark.parametrize("debiased", [True, False])
def test_geomloss_is_called_with_the_words_alone(debiased: bool) -> None:
    geomloss = pytest.importorskip("geomloss")
    x, y, x_mask, y_mask = batch(1, seed=3)
    x[~x_mask] = math.nan
    theirs = geomloss.SamplesLoss("sinkhorn", p=2, blur=0.05, debias=debiased, backend="tensorized")
    expected = theirs(x[x_mask], y[y_mask])
    for scope in ("batch", "sentence"):
        loss = ot_loss(x, y, x_mask, y_mask, solver="geomloss", scope=scope, debiased=debiased)
        assert loss.item() == pytest.approx(expected.item(), rel=1e-5)  # the same iterations in float32


@pytest.mark.parametrize("scope", ["batch", "sentence"])
def test_sinkhorn_at_the_published_blur_is_near_the_exact_transport(scope: str) -> None:
    """At blur 0.05 and distances of some units, debiased Sinkhorn is exact transport."""
    inputs = batch(4, 12, 12, width=16, seed=1, dtype=torch.float64)
    exact = ot_loss(*inputs, solver="exact", scope=scope).item()
    assert ot_loss(*inputs, scope=scope, **CONVERGED).item() == pytest.approx(exact, rel=2e-3)
    assert ot_loss(*inputs, scope=scope, solver="sinkhorn").item() == pytest.approx(exact, rel=1e-2)


def clouds(kind: str, seed: int, n: int = 20, m: int = 18, width: int = 16) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """One text of n and one of m words: unrelated; a near partner for all but a few; or for many words the same one."""
    generator = torch.Generator().manual_seed(seed)
    x, y = (torch.randn(1, words, width, generator=generator) for words in (n, m))
    if kind == "near":
        y = x[:, :m] + 0.3 * y
    if kind == "shared":
        x = torch.cat([y[:, :1] + 0.3 * x[:, : n // 2], x[:, n // 2 :]], dim=1)
    x_mask, y_mask = (torch.ones(1, words, dtype=torch.bool) for words in (n, m))
    return x.requires_grad_(), y.requires_grad_(), x_mask, y_mask


def loss_and_slopes(inputs: tuple[Tensor, Tensor, Tensor, Tensor], **arguments: Any) -> tuple[float, Tensor]:
    loss = ot_loss(*inputs, **arguments)
    return loss.item(), torch.cat([slope.flatten() for slope in torch.autograd.grad(loss, inputs[:2])])


@pytest.mark.parametrize("kind", ["unrelated", "near", "shared"])
def test_sinkhorn_as_it_is_is_near_the_exact_transport(kind: str) -> None:
    """Whatever competes for a partner: value and gradient of POT's network simplex, as the docstring says."""
    for seed in range(4):
        inputs = clouds(kind, seed)
        u, v, a, b = problems(tuple(tensor.detach() for tensor in inputs), None, "batch")[0]
        cost = costs(u, v, 2)
        plan = ot.emd(a, b, cost)
        exact = float((plan * cost).sum())
        slopes = [plan.sum(1)[:, None] * u - plan @ v, plan.sum(0)[:, None] * v - plan.T @ u]
        wanted = torch.from_numpy(np.concatenate([slope.ravel() for slope in slopes])).float()
        value, found = loss_and_slopes(inputs, solver="sinkhorn")
        assert value == pytest.approx(exact, rel=2e-3)
        assert torch.cosine_similarity(found, wanted, dim=0) > 0.98


def test_geomloss_at_its_defaults_is_another_objective_than_exact_transport() -> None:
    """What the docstring says of it, and why `exact` is not its limit: words that compete for a partner."""
    pytest.importorskip("geomloss")
    for seed in range(4):
        inputs = clouds("near", seed)
        (exact, wanted), (value, found) = (loss_and_slopes(inputs, solver=solver) for solver in ("exact", "geomloss"))
        assert value < 0.9 * exact
        assert torch.cosine_similarity(found, wanted, dim=0) < 0.95


@given(seed=st.integers(0, 10_000), blur=st.sampled_from([0.05, 0.2, 0.6]), sweeps=st.integers(1, 60))
@example(seed=9068, blur=0.05, sweeps=1)
@settings(max_examples=25, deadline=None)
def test_the_gap_bounds_the_error(seed: int, blur: float, sweeps: int) -> None:
    """<a, f> + <b, g> <= OT_eps <= that and the gap, at whatever sweep the iterations end; padding changes nothing."""
    generator = torch.Generator().manual_seed(seed)
    cost = torch.rand(2, 6, 5, generator=generator, dtype=torch.float64)
    a, b = (torch.rand(2, n, generator=generator, dtype=torch.float64) for n in (6, 5))
    a[1, 4:] = 0
    a, b = (side / side.sum(1, keepdim=True) for side in (a, b))
    few = sinkhorn(cost, a, b, epsilon=blur**2, scaling=0.5, max_iterations=sweeps, tolerance=0.0)
    all_ = sinkhorn(cost, a, b, epsilon=blur**2, scaling=0.95, max_iterations=40_000, tolerance=1e-6)
    value, true = ((a * found.f).sum(1) + (b * found.g).sum(1) for found in (few, all_))
    assert all_.reached
    assert few.gap is not None
    assert all_.gap is not None
    assert bool((value <= true + all_.gap + 1e-9).all())
    assert bool((true <= value + few.gap + 1e-9).all())


def test_what_does_not_come_near_says_so_once(caplog: pytest.LogCaptureFixture) -> None:
    inputs = clouds("near", 0)
    for _ in range(2):
        ot_loss(*inputs, solver="sinkhorn", max_iterations=3, scaling=0.31)
    said = [record.getMessage() for record in caplog.records if "Sinkhorn made 3 sweeps" in record.getMessage()]
    assert len(said) <= 1  # one a process: another test may have made it say so
    caplog.clear()
    ot_loss(*inputs, solver="sinkhorn", max_iterations=4, scaling=0.31, tolerance=1.234e-3)
    assert "made 4 sweeps at blur 0.05 and is not known to be within 0.1234 % of the value" in caplog.text
    caplog.clear()
    ot_loss(*inputs, solver="sinkhorn", blur=1.0, tolerance=1e-3)
    assert not caplog.records


@pytest.mark.parametrize("solver", [*SOLVERS, "geomloss"])
@pytest.mark.parametrize("p", [1, 2])
def test_two_points_cost_their_distance(solver: str, p: int) -> None:
    if solver == "geomloss":
        pytest.importorskip("geomloss")
    x, y, one = torch.tensor([[[3.0, 0.0]]]), torch.tensor([[[0.0, 4.0]]]), torch.ones(1, 1, dtype=torch.bool)
    x.requires_grad_()
    loss = ot_loss(x, y, one, one, p=p, solver=solver)
    loss.backward()
    assert loss.item() == pytest.approx({1: 5.0, 2: 12.5}[p], rel=3e-5)  # |x - y| and half its square; GeomLoss: 4.9999
    expected = torch.tensor([[[3.0, -4.0]]]) / {1: 5.0, 2: 1.0}[p]
    assert x.grad is not None
    assert torch.allclose(x.grad, expected, rtol=1e-5)


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("p", thinned([1, 2], 2))
@pytest.mark.parametrize("scope", thinned(["batch", "sentence"], 2))
@pytest.mark.parametrize("weighted", thinned([True, False], 2))
def test_gradients_equal_finite_differences(solver: str, p: int, scope: str, weighted: bool) -> None:
    x, y, x_mask, y_mask = batch(2, 4, 3, seed=6, dtype=torch.float64)
    weights = (x[..., 0].abs() + 0.1, y[..., 0].abs() + 0.1) if weighted else None

    def loss(x: Tensor, y: Tensor) -> Tensor:
        arguments: dict[str, Any] = CONVERGED if solver == "sinkhorn" else {"solver": solver}
        return 3 * ot_loss(x, y, x_mask, y_mask, p=p, blur=0.5, weights=weights, scope=scope, **arguments)

    # The envelope's gradient is as exact as the marginals, 1e-4; a linear program's is exact between its corners.
    tolerance = 1e-3 if solver == "sinkhorn" else 1e-6
    assert torch.autograd.gradcheck(loss, (x.requires_grad_(), y.requires_grad_()), eps=1e-5, atol=tolerance)


@pytest.mark.parametrize("p", [1, 2])
@pytest.mark.parametrize("solver", SOLVERS)
def test_gradient_of_words_that_nearly_coincide(p: int, solver: str) -> None:
    """Far from the origin the expanded square of float32 has no digit left: distance 0.01 at a norm of 400."""
    x = torch.full((1, 2, 16), 100.0)
    x[0, 1] = -100.0
    y = x.clone()
    y[0, :, 0] += 0.01
    shift = (y - x)[0, 0, 0].item()
    x.requires_grad_()
    two = torch.ones(1, 2, dtype=torch.bool)
    loss = ot_loss(x, y, two, two, p=p, solver=solver, blur=1e-3)
    loss.backward()
    expected = torch.zeros_like(x)
    expected[0, :, 0] = -shift / 2 if p == 2 else -0.5
    assert loss.item() == pytest.approx(shift**p / p, rel=1e-2)
    assert x.grad is not None
    assert torch.allclose(x.grad, expected, rtol=2e-2, atol=2e-3)


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("p", [1, 2])
@pytest.mark.parametrize("scope", ["batch", "sentence"])
@pytest.mark.parametrize("blur", thinned([0.01, 0.05, 2.0], 3))
def test_equal_clouds_cost_nothing(solver: str, p: int, scope: str, blur: float) -> None:
    x, _, mask, _ = batch(seed=8)
    x[0, 1] = x[0, 2]  # a word twice
    x, y = (20 * x).requires_grad_(), (20 * x).flip(1).requires_grad_()
    loss = ot_loss(x, y, mask, mask.flip(1), p=p, solver=solver, scope=scope, blur=blur)
    loss.backward()
    assert loss.item() == pytest.approx(0, abs=5e-5)  # float32, of costs up to some thousands
    for side in (x, y):
        assert side.grad is not None
        assert torch.allclose(side.grad, torch.zeros_like(side), atol=1e-3)  # marginals are met to 1e-4, lengths are 40


@pytest.mark.parametrize("solver", [*SOLVERS, "geomloss"])
@pytest.mark.parametrize("p", [1, 2])
def test_one_point_many_times_costs_nothing_and_pulls_nowhere(solver: str, p: int) -> None:
    if solver == "geomloss":
        pytest.importorskip("geomloss")  # which by itself raises an error here
    same = torch.full((2, 3, 4), 7.0, requires_grad=True)
    mask = torch.ones(2, 3, dtype=torch.bool)
    loss = ot_loss(same, same.detach(), mask, mask, p=p, solver=solver)
    loss.backward()
    assert loss.item() == pytest.approx(0, abs=1e-3 if solver == "geomloss" else 1e-6)
    assert same.grad is not None
    assert torch.allclose(same.grad, torch.zeros(()), atol=1e-3 if solver == "geomloss" else 1e-6)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    size=st.sampled_from([1e-3, 0.1, 1.0, 30.0]),
    distance=st.sampled_from([0.0, 1e-3, 1.0]),
    blur=st.sampled_from([0.01, 0.05, 1.0]),
    p=st.sampled_from([1, 2]),
    solver=st.sampled_from(SOLVERS),
    scope=st.sampled_from(["batch", "sentence"]),
)
def test_never_negative_symmetric_and_finite(
    seed: int, size: float, distance: float, blur: float, p: int, solver: str, scope: str
) -> None:
    x, noise, x_mask, _ = batch(2, 6, 6, seed=seed)
    x, y = (size * x).requires_grad_(), (size * (x + distance * noise)).requires_grad_()
    loss = ot_loss(x, y, x_mask, x_mask, p=p, blur=blur, solver=solver, scope=scope)
    loss.backward()
    assert loss.item() >= 0
    for side in (x, y):
        assert side.grad is not None
        assert side.grad.isfinite().all()
    other_way = ot_loss(y, x, x_mask, x_mask, p=p, blur=blur, solver=solver, scope=scope)
    # Sinkhorn begins with one side: 20 sweeps leave about a per cent; its potentials are float32 in units of epsilon.
    relative, absolute = (1e-5, 1e-6 * size**p) if solver == "exact" else (3e-2, 1e-4 * size**p + 1e-5 * blur**p)
    assert other_way.item() == pytest.approx(loss.item(), rel=relative, abs=absolute)


@pytest.mark.parametrize(
    ("solver", "cost"),
    [("exact", "euclidean"), ("sinkhorn", "euclidean"), ("geomloss", "euclidean"), ("exact", "gromov")],
)
@pytest.mark.parametrize("scope", ["batch", "sentence"])
def test_padding_changes_nothing(solver: str, scope: str, cost: str) -> None:
    """More padding, of anything, and sentences without a word on one side."""
    if solver == "geomloss":
        pytest.importorskip("geomloss")
    x, y, x_mask, y_mask = batch()
    padded = []
    for vectors, mask, n_padding in ((x, x_mask, 3), (y, y_mask, 2)):
        longer = torch.full((len(x) + 1, vectors.shape[1] + n_padding, vectors.shape[2]), math.nan)
        longer_mask = torch.zeros(longer.shape[:2], dtype=torch.bool)
        longer[: len(x), n_padding:][mask] = vectors[mask]
        longer_mask[: len(x), n_padding:] = mask
        padded += [longer, longer_mask]
    padded[0][-1], padded[1][-1] = 5.0, True  # a text whose translation is empty
    found = []
    for u, u_mask, v, v_mask in ((x, x_mask, y, y_mask), padded):
        u, v = u.clone().requires_grad_(), v.clone().requires_grad_()
        loss = ot_loss(u, v, u_mask, v_mask, solver=solver, scope=scope, cost=cost)
        loss.backward()
        assert u.grad is not None
        assert v.grad is not None
        found.append((loss.detach(), u.grad[:3][u_mask[:3]], v.grad[v_mask]))
        assert u.grad[~u_mask].eq(0).all()
        assert v.grad[~v_mask].eq(0).all()
        assert u.grad[3:].eq(0).all()
    for one, other in zip(*found, strict=True):
        assert torch.allclose(one, other, rtol=1e-4, atol=1e-6)  # float32 sums of another order


@pytest.mark.parametrize("solver", SOLVERS)
def test_order_of_words_and_sentences_does_not_matter(solver: str) -> None:
    x, y, x_mask, y_mask = batch(dtype=torch.float64)
    order, words = torch.tensor([2, 0, 1]), torch.tensor([3, 1, 4, 0, 2])
    for scope in ("batch", "sentence"):
        loss = ot_loss(x, y, x_mask, y_mask, solver=solver, scope=scope)
        moved = ot_loss(
            x[order][:, words], y[order], x_mask[order][:, words], y_mask[order], solver=solver, scope=scope
        )
        assert loss.item() == pytest.approx(moved.item(), rel=1e-9)


def test_weights_of_one_size_are_no_weights_and_a_weight_of_zero_is_no_word() -> None:
    x, y, x_mask, y_mask = batch()
    for solver in SOLVERS:
        plain = ot_loss(x, y, x_mask, y_mask, solver=solver)
        alike = (torch.full(x_mask.shape, 7.0), torch.full(y_mask.shape, 0.2))
        everything = (torch.ones_like(x_mask), torch.ones_like(y_mask))
        assert ot_loss(x, y, x_mask, y_mask, solver=solver, weights=alike).item() == pytest.approx(
            plain.item(), rel=1e-5
        )
        zeroed = ot_loss(x, y, *everything, solver=solver, weights=(x_mask.float(), y_mask.float()))
        assert zeroed.item() == pytest.approx(plain.item(), rel=1e-5)  # float32


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("scope", ["batch", "sentence"])
@pytest.mark.parametrize("p", [1, 2])
def test_plan_has_its_marginals_and_its_cost(solver: str, scope: str, p: int) -> None:
    x, y, x_mask, y_mask = batch(dtype=torch.float64)
    arguments: dict[str, Any] = {**CONVERGED, "blur": 0.2} if solver == "sinkhorn" else {"solver": solver}
    found = ot_loss(x, y, x_mask, y_mask, p=p, scope=scope, debiased=False, return_plan=True, **arguments)
    loss, plan = found
    assert not plan.requires_grad
    if scope == "sentence":
        assert plan.shape == (3, 5, 6)
        rows, columns = x_mask / x_mask.sum(1, keepdim=True), y_mask / y_mask.sum(1, keepdim=True)
        assert torch.allclose(plan.sum(2), rows.double(), atol=1e-4)  # the tolerance of the marginals
        assert torch.allclose(plan.sum(1), columns.double(), atol=1e-6)
        cost = torch.tensor(np.stack([costs(u.numpy(), v.numpy(), p) for u, v in zip(x, y, strict=True)])) / 3
    else:
        assert plan.shape == (3, 5, 3, 6)
        assert torch.allclose(plan.sum((2, 3)), (x_mask / x_mask.sum()).double(), atol=1e-4)
        assert torch.allclose(plan.sum((0, 1)), (y_mask / y_mask.sum()).double(), atol=1e-6)
        cost = torch.tensor(costs(x.flatten(0, 1).numpy(), y.flatten(0, 1).numpy(), p)).reshape(plan.shape)
    spent = (plan * cost).sum().item()
    if solver == "exact":
        assert spent == pytest.approx(loss.item(), rel=1e-9)
    else:
        assert spent < loss.item()  # the entropy's share is on top


def test_plan_finds_a_permutation() -> None:
    x, *_ = batch(1, 6, 6, width=8)
    order = torch.tensor([3, 5, 0, 1, 4, 2])
    everything = torch.ones(1, 6, dtype=torch.bool)
    for solver in SOLVERS:
        _, plan = ot_loss(
            x, x[:, order] + 0.01, everything, everything, solver=solver, scope="sentence", return_plan=True
        )
        assert plan[0].argmax(0).tolist() == order.tolist()


@pytest.mark.parametrize("p", [1, 2])
def test_gromov_equals_its_definition_and_ignores_rotations(p: int) -> None:
    x, y, x_mask, y_mask = batch(1, 4, 5, dtype=torch.float64)
    loss, plan = ot_loss(x, y, x_mask, y_mask, p=p, cost="gromov", scope="sentence", return_plan=True)
    first, second = costs(x[0].numpy(), x[0].numpy(), p), costs(y[0].numpy(), y[0].numpy(), p)
    expected = sum(
        (first[i, k] - second[j, m]) ** 2 * plan[0, i, j].item() * plan[0, k, m].item()
        for i, j, k, m in itertools.product(range(4), range(5), range(4), range(5))
    )
    assert loss.item() == pytest.approx(expected, rel=1e-9)
    rotation = torch.linalg.qr(torch.randn(4, 4, generator=torch.Generator().manual_seed(1), dtype=torch.float64))[0]
    moved = ot_loss(x @ rotation + 3, y, x_mask, y_mask, p=p, cost="gromov")
    assert moved.item() == pytest.approx(loss.item(), rel=1e-6)
    rotated = ot_loss(x, torch.cat([x @ rotation + 3, x * 0], 2), x_mask, x_mask, p=p, cost="gromov")  # another width
    assert rotated.item() == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("p", thinned([1, 2], 2))
def test_gromov_gradients_equal_finite_differences(p: int) -> None:
    x, y, *_ = batch(2, 5, 4, dtype=torch.float64)
    x_mask, y_mask = torch.ones(2, 5, dtype=torch.bool), torch.ones(2, 4, dtype=torch.bool)  # two words alone are a tie

    def loss(x: Tensor, y: Tensor) -> Tensor:
        return ot_loss(x, y, x_mask, y_mask, p=p, cost="gromov", scope="sentence")

    assert torch.autograd.gradcheck(loss, (x.requires_grad_(), y.requires_grad_()), eps=1e-6, atol=1e-4)


@pytest.mark.parametrize("solver", [*SOLVERS, "geomloss"])
def test_grad_mode_and_random_state_are_left_as_found(solver: str) -> None:
    if solver == "geomloss":
        pytest.importorskip("geomloss")
    x, y, x_mask, y_mask = batch()
    x.requires_grad_()
    state, numpy_state = torch.get_rng_state(), np.random.get_state(legacy=False)["state"]["key"].copy()
    with torch.no_grad():
        loss = ot_loss(x, y, x_mask, y_mask, solver=solver)
        assert not torch.is_grad_enabled()
        assert not loss.requires_grad
    assert ot_loss(x, y, x_mask, y_mask, solver=solver).requires_grad
    assert torch.is_grad_enabled()
    assert torch.equal(state, torch.get_rng_state())
    assert (numpy_state == np.random.get_state(legacy=False)["state"]["key"]).all()


@pytest.mark.parametrize("solver", [*SOLVERS, "geomloss"])
def test_half_precision_input_is_compared_in_float32(solver: str) -> None:
    if solver == "geomloss":
        pytest.importorskip("geomloss")
    x, y, x_mask, y_mask = batch()
    x, y = x.bfloat16(), y.bfloat16()
    expected = ot_loss(x.float(), y.float(), x_mask, y_mask, solver=solver)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = ot_loss(x.requires_grad_(), y, x_mask, y_mask, solver=solver)
    loss.backward()
    assert loss.dtype == torch.float32
    assert loss.item() == pytest.approx(expected.item(), rel=1e-6)
    assert x.grad is not None
    assert x.grad.dtype == torch.bfloat16


@pytest.mark.parametrize("scope", ["batch", "sentence"])
@pytest.mark.parametrize("solver", SOLVERS)
def test_no_words_at_all_cost_nothing(scope: str, solver: str) -> None:
    x, y, x_mask, y_mask = batch()
    x.requires_grad_()
    x_mask[:2], y_mask[2] = False, False  # no sentence has words on both sides
    loss, plan = ot_loss(x, y, x_mask, y_mask, scope=scope, solver=solver, return_plan=True)
    loss.backward()
    assert loss.item() == 0
    assert x.grad is not None
    assert x.grad.eq(0).all()
    assert plan.shape == ((3, 5, 3, 6) if scope == "batch" else (3, 5, 6))
    assert plan.eq(0).all()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"p": 3}, "p is 3; choose 1 or 2"),
        ({"blur": 0.0}, "blur is 0.0"),
        ({"blur": math.nan}, "blur is nan"),
        ({"solver": "emd"}, "choose exact, sinkhorn or geomloss"),
        ({"scope": "word"}, "choose batch or sentence"),
        ({"cost": "cosine"}, "choose euclidean or gromov"),
        ({"cost": "gromov", "solver": "sinkhorn"}, "one solver, exact"),
        ({"scaling": 1.0}, "scaling is 1.0"),
        ({"max_iterations": 0}, "max_iterations is 0"),
        ({"tolerance": -1.0}, "tolerance is -1.0"),
        ({"solver": "geomloss", "return_plan": True}, "gives no plan"),
    ],
)
def test_settings_out_of_range_are_named(arguments: dict, words: str) -> None:
    with pytest.raises(ObjectiveError, match=words):
        ot_loss(*batch(), **arguments)


def test_shapes_and_values_out_of_range_are_named() -> None:
    x, y, x_mask, y_mask = batch()
    with pytest.raises(ObjectiveError, match=r"\(3, 5, 4\) and \(3, 4\) of torch.bool"):
        ot_loss(x, y, x_mask[:, 1:], y_mask)
    with pytest.raises(ObjectiveError, match=r"of torch\.float32"):
        ot_loss(x, y, x_mask, y_mask.float())
    with pytest.raises(ObjectiveError, match=r"one width; got \(3, 5, 4\) and \(3, 6, 3\)"):
        ot_loss(x, y[..., 1:], x_mask, y_mask)
    with pytest.raises(ObjectiveError, match=r"got \(3, 4\) and \(3, 6\)"):
        ot_loss(x, y, x_mask, y_mask, weights=(x_mask[:, 1:].float(), y_mask.float()))
    with pytest.raises(ObjectiveError, match="negative number"):
        ot_loss(x, y, x_mask, y_mask, weights=(-x_mask.float(), y_mask.float()))
    for wrong in (math.nan, math.inf):
        x[1, -1, 2] = wrong
        for solver in SOLVERS:
            with pytest.raises(ObjectiveError, match="NaN or infinity"):
                ot_loss(x, y, x_mask, y_mask, solver=solver)


@pytest.mark.parametrize(("arguments", "module"), [({}, "ot"), ({"solver": "geomloss"}, "geomloss")])
def test_a_missing_solver_says_how_to_get_it(arguments: dict, module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, module, None)
    with pytest.raises(ObjectiveError, match="pip install"):
        ot_loss(*batch(), **arguments)
