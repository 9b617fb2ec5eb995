"""DCCA against scipy, the printed formulas in double precision, finite differences and laws (reference.md 3.5, 12)."""

import math
import warnings

import numpy as np
import pytest
import scipy.linalg
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.thinned import thinned
from torch import Tensor

from xl_objectives import ObjectiveError, dcca_loss

VARIANTS = ("subspace", "classic", "legacy")


def views(n_words: int, width: int, target_width: int, seed: int = 0, shared: int = 3) -> tuple[Tensor, Tensor]:
    """Two correlated views, (n_words, width) and (n_words, target_width), float64, off centre, spectra separated."""
    generator = torch.Generator().manual_seed(seed)

    def draw(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    common = draw(n_words, shared)
    sides = []
    for columns in (width, target_width):
        sizes = 1.3 ** -torch.arange(columns, dtype=torch.float64)
        sides.append(draw(n_words, columns) * sizes + common @ draw(shared, columns) + draw(columns))
    return sides[0], sides[1]


def centred(states: Tensor, center: str) -> np.ndarray:
    """As printed; the scrambled centring of the released code element by element."""
    h = states.double().numpy()
    if center == "column":
        return h - h.mean(0)
    if center == "none":
        return h
    n, m = h.shape
    return np.array([[h[i, j] - h[(i * m + j) % n].mean() for j in range(m)] for i in range(n)])


def subspace_by_angles(view: Tensor, target: Tensor, k: int, center: str = "column") -> float:
    """- sum sqrt(1 + cos angle), by scipy's principal angles between the leading principal directions."""
    bases = [np.linalg.svd(centred(side, center), full_matrices=False)[0][:, :k] for side in (view, target)]
    cosines = np.cos(scipy.linalg.subspace_angles(*bases))
    return -float(np.sqrt(1 + cosines).sum()) - (k - len(cosines))


def classic_by_roots(view: Tensor, target: Tensor, k: int | None, r1: float, r2: float, center: str) -> float:
    """- sum of the singular values of S_11^(-1/2) S_12 S_22^(-1/2), with matrix roots by scipy."""
    a, b = centred(view, center), centred(target, center)
    n = len(a) - 1
    roots = [
        np.linalg.inv(scipy.linalg.sqrtm(h.T @ h / n + r * np.eye(h.shape[1])).real) for h, r in ((a, r1), (b, r2))
    ]
    return -float(np.linalg.svd(roots[0] @ (a.T @ b / n) @ roots[1])[1][:k].sum())


def released(view: Tensor, target: Tensor, k: int) -> Tensor:
    """What reference.md 3.5 says of the released code, differentiable by torch's own SVD."""
    parts = []
    for h in (view, target):
        n, m = h.shape
        row_of = (torch.arange(n)[:, None] * m + torch.arange(m)) % n
        a, s, _ = torch.linalg.svd(h - h.mean(1)[row_of], full_matrices=False)
        squares = s[:k] ** 2 / (s[:k] ** 2 + 1e-8)
        parts.append(a[:, :k] * squares.clamp(min=1e-8).sqrt())
    return -torch.linalg.svdvals(torch.cat(parts, 1))[:k].sum()


shapes = {"n_words": st.integers(12, 40), "width": st.integers(2, 30), "target_width": st.integers(2, 30)}


@settings(max_examples=60, deadline=None)
@given(**shapes, k=st.integers(1, 8), center=st.sampled_from(["column", "none", "legacy"]), seed=st.integers(0, 10**6))
def test_subspace_equals_principal_angles(
    n_words: int, width: int, target_width: int, k: int, center: str, seed: int
) -> None:
    view, target = views(n_words, width, target_width, seed)
    loss = dcca_loss(view, target, k=k, center=center, precision="float64").item()
    assert loss == pytest.approx(subspace_by_angles(view, target, k, center), rel=1e-6)  # directions known to 1e-7
    assert -k * math.sqrt(2) - 1e-9 <= loss <= -k + 1e-9


@settings(max_examples=60, deadline=None)
@given(
    **shapes,
    k=st.sampled_from([1, 3, None]),
    r1=st.sampled_from([1e-3, 0.5]),
    r2=st.sampled_from([1e-3, 0.2]),
    center=st.sampled_from(["column", "none"]),
    seed=st.integers(0, 10**6),
)
def test_classic_equals_matrix_roots(
    n_words: int, width: int, target_width: int, k: int | None, r1: float, r2: float, center: str, seed: int
) -> None:
    view, target = views(n_words, width, target_width, seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # few words are drawn too
        settings = {"variant": "classic", "k": k, "r1": r1, "r2": r2, "center": center}
        loss = dcca_loss(view, target, precision="float64", **settings).item()
    assert loss == pytest.approx(classic_by_roots(view, target, k, r1, r2, center), rel=1e-7)  # inverses of 1e5


@pytest.mark.parametrize("size", [1.0, 1e-3, 1e-5])
@pytest.mark.parametrize(("n_words", "width", "target_width"), [(20, 12, 9), (16, 30, 7), (13, 40, 30)])
def test_legacy_is_the_released_code(n_words: int, width: int, target_width: int, size: float) -> None:
    """Value and gradient; at 1e-5 the shrinkage, 1e-8 in squared units, matters."""
    view, target = (size * side for side in views(n_words, width, target_width))
    ours, theirs = view.clone().requires_grad_(), view.clone().requires_grad_()
    loss = dcca_loss(ours, target, variant="legacy", k=5, precision="float64")
    expected = released(theirs, target, 5)
    loss.backward()
    expected.backward()
    assert loss.item() == pytest.approx(expected.item(), rel=1e-9)
    assert ours.grad is not None
    assert theirs.grad is not None
    assert torch.allclose(ours.grad, theirs.grad, rtol=1e-5, atol=1e-6 * float(theirs.grad.abs().max()))


MORE_SHAPES = [(30, 9, 9, 3), (8, 12, 5, 2), (20, 4, 3, 9)]


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("center", thinned([None, "column", "none", "legacy"], 4))
@pytest.mark.parametrize(
    ("n_words", "width", "target_width", "k"),
    [(14, 5, 4, 2), (7, 3, 11, 2), *(pytest.param(*case, marks=pytest.mark.slow) for case in MORE_SHAPES)],
)
def test_gradient_by_finite_differences(
    variant: str, center: str | None, n_words: int, width: int, target_width: int, k: int
) -> None:
    view, target = views(n_words, width, target_width, seed=5)

    def loss(states: Tensor) -> Tensor:
        return dcca_loss(states, target, variant=variant, k=k, r1=0.1, r2=0.1, center=center, precision="float64")

    assert torch.autograd.gradcheck(loss, view.requires_grad_())


@pytest.mark.parametrize("width", thinned([4, 6, 12], 3))
def test_gradient_of_all_correlations_by_finite_differences(width: int) -> None:
    view, target = views(40, width, 6)

    def loss(states: Tensor) -> Tensor:
        return dcca_loss(states, target, variant="classic", k=None, precision="float64")

    assert torch.autograd.gradcheck(loss, view.requires_grad_())


@pytest.mark.parametrize("spectrum", thinned([[5, 4, 3, 2, 1], [3, 3, 3, 1, 1], [5, 4, 3, 0, 0], [5, 4, 3, 2, 0]], 2))
def test_gradient_where_singular_values_repeat_or_vanish(spectrum: list[float]) -> None:
    """The span of three directions is smooth there, while the derivative of an SVD divides by zero."""
    left = np.linalg.qr(views(20, 5, 2, seed=1)[0].numpy() - views(20, 5, 2, seed=1)[0].numpy().mean(0))[0]
    right = np.linalg.qr(views(9, 5, 2, seed=2)[0].numpy())[0]
    view = torch.tensor(left * np.array(spectrum, dtype=float) @ right.T).requires_grad_()  # (20, 9), centred
    target = views(20, 2, 6, seed=3)[1]
    assert torch.autograd.gradcheck(lambda states: dcca_loss(states, target, k=3, precision="float64"), view)


def hard_views() -> dict[str, tuple[Tensor, Tensor]]:
    view, target = (side.float() for side in views(256, 64, 48))
    rank_three = view[:, :3] @ view[:3, :]
    orthonormal = torch.linalg.qr(view - view.mean(0))[0]
    zero = torch.zeros_like(view)
    words = view[:1].expand(256, 64).clone()
    return {
        "rank-deficient": (rank_three, target),
        "rank-deficient target": (view, target[:, :2] @ target[:2, :]),
        "repeated singular values": (orthonormal, target),
        "all repeated": (orthonormal, orthonormal.clone()),
        "zero": (zero, target),
        "zero target": (view, zero),
        "both zero": (zero, zero),
        "one word repeated": (words, target),
        "columns repeated": (view[:, :1].expand(256, 64).clone(), target),
        "few words": (view[:24], target[:24]),
        "two words": (view[:2], target[:2]),
        "tiny": (1e-20 * view, target),
        "huge": (1e15 * view, 1e-15 * target),
    }


@pytest.mark.filterwarnings("ignore:dcca")
@pytest.mark.parametrize("precision", ["float32", "float64"])
@pytest.mark.parametrize("ridge", [0.0, 1e-3])
@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("case", thinned(list(hard_views()), 3))
def test_hard_input_gives_finite_numbers(case: str, variant: str, ridge: float, precision: str) -> None:
    view, target = hard_views()[case]
    view.requires_grad_()
    loss = dcca_loss(view, target, variant=variant, r1=ridge, r2=ridge, precision=precision)
    loss.backward()
    assert view.grad is not None
    assert torch.isfinite(loss)
    assert torch.isfinite(view.grad).all()
    limits = {"classic": (-10.0, 0.0), "subspace": (-10 * math.sqrt(2), -10.0), "legacy": (-10 * math.sqrt(2), 0.0)}
    assert limits[variant][0] * (1 + 1e-3) <= loss.item() <= limits[variant][1] + 1e-4  # float32, ridge of rounding


def test_a_choice_between_equal_directions_is_not_followed() -> None:
    """All singular values equal: which k lead is rounding, and a division by the gap would give 1e6."""
    view = torch.linalg.qr(views(64, 8, 6)[0] - views(64, 8, 6)[0].mean(0))[0].float().requires_grad_()
    dcca_loss(view, views(64, 8, 6)[1], k=3).backward()
    assert view.grad is not None
    assert view.grad.norm() < 10  # each direction can turn by about 1 per unit of a view of this size


@pytest.mark.parametrize("variant", VARIANTS)
def test_nothing_to_follow_gives_no_gradient(variant: str) -> None:
    view = torch.full((30, 6), 0.1, requires_grad=True)  # equal words: only rounding is left after centring
    dcca_loss(view, views(30, 6, 5)[1], variant=variant, center="column").backward()
    assert view.grad is not None
    assert view.grad.abs().max() < 1e-6


def test_identical_views_reach_the_bounds() -> None:
    view, _ = views(60, 12, 4)
    assert dcca_loss(view, view).item() == pytest.approx(-10 * math.sqrt(2), rel=1e-5)  # float32
    legacy = dcca_loss(view, view, variant="legacy", precision="float64").item()
    assert legacy == pytest.approx(-10 * math.sqrt(2), rel=1e-9)
    mixed = view @ views(12, 12, 4, seed=9)[0]
    loss = dcca_loss(view, mixed, variant="classic", r1=0, r2=0, precision="float64").item()
    assert loss == pytest.approx(-10, rel=1e-9)


def test_orthogonal_views_agree_on_nothing() -> None:
    basis = torch.linalg.qr(torch.cat([torch.ones(32, 1), *views(32, 8, 4)], 1).float())[0][:, 1:]
    view, target = basis[:, :4] * torch.tensor([4.0, 3, 2, 1]), basis[:, 4:8] * torch.tensor([4.0, 3, 2, 1])
    assert dcca_loss(view, target, k=3).item() == pytest.approx(-3, rel=1e-5)
    assert dcca_loss(view, target, variant="classic", k=3).item() == pytest.approx(0, abs=1e-4)  # 1e-7 / ridge of 1e-3


@settings(max_examples=25, deadline=None)
@given(variant=st.sampled_from(VARIANTS[:2]), seed=st.integers(0, 10**6), scale=st.floats(0.1, 10))
def test_laws(variant: str, seed: int, scale: float) -> None:
    """Shifts of all words, turns, equal orders of the words; scale for subspace, any mixing for classic."""
    view, target = views(40, 7, 5, seed)

    def loss(first: Tensor, second: Tensor) -> float:
        return dcca_loss(first, second, variant=variant, k=3, r1=0, r2=0, precision="float64").item()

    expected = pytest.approx(loss(view, target), rel=1e-6)
    order = torch.randperm(40, generator=torch.Generator().manual_seed(seed))
    turn = torch.linalg.qr(views(7, 7, 5, seed + 1)[0])[0]
    mix = views(7, 7, 5, seed + 1)[0] if variant == "classic" else scale * turn
    assert loss(view + views(1, 7, 5, seed)[0], target - 3) == expected
    assert loss(view[order], target[order]) == expected
    assert loss(view @ turn, target) == expected
    assert loss(view @ mix, target) == expected
    assert loss(target, view) == expected


def test_descent_turns_the_leading_directions() -> None:
    view, target = (side.float() for side in views(64, 10, 8))
    view.requires_grad_()
    first = dcca_loss(view, target, k=3).item()
    for _ in range(300):
        (slope,) = torch.autograd.grad(dcca_loss(view, target, k=3), view)
        with torch.no_grad():
            view -= 5.0 * slope
    assert first > -4.2
    assert dcca_loss(view, target, k=3).item() < -4.2  # of -4.243


def test_only_the_view_has_a_gradient() -> None:
    view, target = (side.requires_grad_() for side in views(20, 6, 5))
    for variant in VARIANTS:
        dcca_loss(view, target, variant=variant, k=2).backward()
    assert target.grad is None
    assert view.grad is not None
    with torch.no_grad():
        assert not dcca_loss(view, target, k=2).requires_grad
        assert not torch.is_grad_enabled()
    assert torch.is_grad_enabled()


@pytest.mark.parametrize("variant", VARIANTS)
def test_input_random_state_and_scaled_losses_are_left_alone(variant: str) -> None:
    for center in ("none", "column"):
        view, target = (side.float() for side in views(20, 6, 5))
        kept, state = (view.clone(), target.clone()), torch.random.get_rng_state()
        loss = dcca_loss(view.requires_grad_(), target, variant=variant, k=2, center=center)
        (once,) = torch.autograd.grad(loss, view, retain_graph=True)
        (twice,) = torch.autograd.grad(2 * loss, view)
        assert torch.equal(torch.random.get_rng_state(), state)
        assert torch.equal(view, kept[0])
        assert torch.equal(target, kept[1])
        assert torch.equal(2 * once, twice)


@pytest.mark.parametrize("variant", VARIANTS)
def test_autocast_and_half_precision_are_computed_in_float32(variant: str) -> None:
    view, target = (side.bfloat16() for side in views(200, 16, 12))
    view.requires_grad_()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = dcca_loss(view, target, variant=variant, k=3)
    loss.backward()
    assert loss.dtype == torch.float32
    assert view.grad is not None
    assert view.grad.dtype == torch.bfloat16
    exact = dcca_loss(view.double(), target.double(), variant=variant, k=3, precision="float64")
    assert exact.dtype == torch.float64
    assert loss.item() == pytest.approx(exact.item(), rel=1e-5)


@pytest.mark.parametrize(
    ("settings", "tolerance"),
    [({}, 5e-3), ({"variant": "legacy"}, 5e-3), ({"variant": "classic", "k": None}, 1.5e-4)],
)
def test_single_precision_follows_double(settings: dict, tolerance: float) -> None:
    generator = torch.Generator().manual_seed(0)
    view, target = torch.randn(2, 500, 300, generator=generator, dtype=torch.float64)
    slopes = []
    for precision in ("float32", "float64"):
        states = view.clone().requires_grad_()
        dcca_loss(states, target, precision=precision, **settings).backward()
        slopes.append(states.grad)
    # Without a common signal the gaps between leading directions are small, and correlations near 0 are among all 300;
    # by the squares of these alone the error of classic would be 2e-4.
    assert (slopes[0] - slopes[1]).norm() < tolerance * slopes[1].norm()


def test_values_that_are_not_finite_pass_through() -> None:
    view, target = views(20, 6, 5)
    view[3, 2] = torch.inf
    view.requires_grad_()
    for variant in VARIANTS:
        loss = dcca_loss(view, target, variant=variant)
        loss.backward()
        assert loss.isnan()
    assert view.grad is not None
    assert view.grad.isnan().all()


def test_too_few_words_are_told() -> None:
    view, target = views(20, 30, 12)
    with pytest.warns(UserWarning, match="20 words cannot tell vectors of widths 30 and 12 apart"):
        dcca_loss(view, target, variant="classic", k=5, r1=1e-6, r2=1e-6)
    with pytest.warns(UserWarning, match=r"dcca \(subspace\): 5 words"):
        dcca_loss(view[:5], target[:5])
    dcca_loss(view, target, k=3)
    dcca_loss(*views(100, 30, 12), variant="classic")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"variant": "deep"}, "variant is 'deep'; choose one of subspace, classic, legacy"),
        ({"center": "row"}, "center is 'row'; choose one of column, none, legacy"),
        ({"precision": "bfloat16"}, "precision is 'bfloat16'; choose one of float32, float64"),
        ({"k": 0}, "k is 0"),
        ({"r1": -1.0}, "r1 is -1.0"),
        ({"r2": math.nan}, "r2 is nan"),
    ],
)
def test_settings_out_of_range_are_named(arguments: dict, words: str) -> None:
    with pytest.raises(ObjectiveError, match=words):
        dcca_loss(*views(20, 6, 5), **arguments)


def test_shapes_that_do_not_fit_are_named() -> None:
    view, target = views(20, 6, 5)
    with pytest.raises(ObjectiveError, match=r"\(20, 6\) and \(19, 5\)"):
        dcca_loss(view, target[:19])
    with pytest.raises(ObjectiveError, match="at least two"):
        dcca_loss(view[:1], target[:1])
    with pytest.raises(ObjectiveError, match=r"\(20, 0\)"):
        dcca_loss(view[:, :0], target)
