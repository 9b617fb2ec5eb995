"""Correlation of contextual and static word vectors: the loss "DCCA" of continued pre-training with static embeddings.

Two views of the same words, rows in the same order. `classic` is canonical correlation (Andrew et al. 2013, Deep
Canonical Correlation Analysis, section 3). `subspace` compares the k leading principal directions of both views, as
the code behind Haemmerl et al. 2022 (Combining Static and Contextualised Multilingual Embeddings) does; `legacy` is
that code with its centring and its shrinkage. Every gradient is written out, so that equal or vanishing singular
values, where differentiating an SVD divides by zero, give finite numbers; only the first view gets one.
"""

import warnings
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import once_differentiable

from xl_objectives.errors import ObjectiveError

VARIANTS = ("subspace", "classic", "legacy")
CENTERS = ("column", "none", "legacy")
PRECISIONS = {"float32": torch.float32, "float64": torch.float64}

_SHRINKAGE = 1e-8  # "eps" of the released code, in squared units of the states
_BLOCK = 128  # columns of a product computed at a time
_SMALL = 0.01  # share of the largest square below which a correlation is refined
_NEARLY_ALL = 0.999  # share of the largest possible value from which too few rows are the likely reason


def dcca_loss(
    view: Float[Tensor, "words width"],
    target: Float[Tensor, "words target_width"],
    *,
    variant: str = "subspace",
    k: int | None = 10,
    r1: float = 1e-3,
    r2: float = 1e-3,
    center: str | None = None,
    precision: str = "float32",
) -> Float[Tensor, ""]:
    """Minus the agreement of two views H_1 (with gradient) and H_2 (without), in one batch of n words.

    subspace: - sum_{i<=k} sqrt(1 + s_i), s_i the cosines of the principal angles between the spans of the k leading
        left singular vectors of H_1 and of H_2. In [-k sqrt 2, -k]; a direction that a view does not have counts as
        s_i = 0. Unchanged when a view is scaled, rotated (any orthogonal right factor) or shifted (if centred).
    classic: - sum_{i<=k} of the singular values of T = S_11^(-1/2) S_12 S_22^(-1/2), the canonical correlations, where
        S_ij = H_i^T H_j / (n - 1), plus r_i on the diagonal of S_ii (Andrew et al. 2013, section 3). In [-k, 0]. With
        r_i -> 0 unchanged by any invertible right factor.
    legacy: - the sum of the k largest singular values of [A_1 T_1, A_2 T_2], A_i the k leading left singular vectors,
        T_i = sqrt(max(S^2 / (S^2 + 1e-8), 1e-8)): `subspace` up to the shrinkage, on its own centring.

    view: (words, width), from the encoder. target: (words, target_width), static vectors, any width.
    k: number of directions, > 0; None takes as many as both views can have, the textbook's choice for classic.
    r1, r2: ridges of `classic` for view and target, >= 0, in squared units of the states. The ridge used is never
        below 10 machine epsilons of the largest variance of a coordinate, which rounding needs.
    center: "column" subtracts the mean word, "none" nothing, "legacy" from element (i, j) the mean over the width of
        row (i width + j) mod n, which is what the released code's reshape comes to (for parity only). None is the
        variant's own: "legacy" for legacy, "column" for the others.
    precision: "float32" or "float64", of the computation and of the result, also under autocast. The former resolves
        directions down to about 1/500 of the strongest, the latter down to 1e-7.

    The words have to outnumber the directions: with words <= width, every correlation is 1 whatever the vectors, and
    classic has nothing to learn from (a warning says so). Gradient accumulation does not enlarge n. Non-finite input
    gives NaN, for a gradient scaler to skip. The random state and the grad mode stay as they are; there is no second
    derivative, and no gradient for the target.
    Raises ObjectiveError for unequal or empty shapes, fewer than two words and settings out of range.
    """
    _check(view, target, variant, k, {"r1": r1, "r2": r2}, center, precision)
    center = center or ("legacy" if variant == "legacy" else "column")
    with torch.autocast(view.device.type, enabled=False):
        states = view.to(PRECISIONS[precision])
        with torch.no_grad():
            ours, theirs = _centred(states, center), _centred(target.to(states.dtype), center)
            if not torch.isfinite(ours.states.sum() + theirs.states.sum()):
                value, slope = states.new_tensor(torch.nan), torch.full_like(states, torch.nan)
            elif variant == "classic":
                value, slope = _classic(ours, theirs, k, r1, r2)
            else:
                value, slope = _subspace(ours, theirs, k, _SHRINKAGE if variant == "legacy" else None)
            slope = _through_centring(slope, center)
        _warn_if_saturated(value, len(view), (view.shape[1], target.shape[1]), k, variant)
        return _WithGradient.apply(states, value, slope)


class _WithGradient(torch.autograd.Function):
    """A value whose gradient is known: returns `value`, hands back `slope` times what arrives."""

    @staticmethod
    def forward(ctx, states: Tensor, value: Tensor, slope: Tensor) -> Tensor:
        ctx.save_for_backward(slope)
        return value.clone()

    @staticmethod
    @once_differentiable
    def backward(ctx, arriving: Tensor) -> tuple[Tensor, None, None]:
        (slope,) = ctx.saved_tensors
        return arriving * slope, None, None


class _Centred(NamedTuple):
    """A centred view H / size; `rounding` bounds the singular values that rounding alone can give it.

    states: (words, width), largest entry 1, so that squares stay in range, or all 0. size, rounding: scalars.
    """

    states: Tensor
    size: Tensor
    rounding: Tensor


class _Leading(NamedTuple):
    """The k leading singular triplets of a matrix H (n, m), m <= n, and the eigenvectors of H^T H besides them.

    left: (n, k); values: (k,), descending; right: (m, k). rest: (m, m - k); rest_squares: (m - k,), eigenvalues >= 0.
    kept: (k,) bool, true where the singular value is more than rounding.
    """

    left: Tensor
    values: Tensor
    right: Tensor
    rest: Tensor
    rest_squares: Tensor
    kept: Tensor


def _subspace(first: _Centred, second: _Centred, k: int | None, shrinkage: float | None) -> tuple[Tensor, Tensor]:
    """Value and gradient of `subspace`, of `legacy` where a shrinkage is given."""
    k = k or min(*first.states.shape, *second.states.shape)
    states, basis = _squared_up(first.states)
    ours = _leading(states, k, first.rounding)
    theirs = _leading(_squared_up(second.states)[0], k, second.rounding)
    if shrinkage is None:
        a, b = (side.left * side.kept for side in (ours, theirs))  # (n, k)
        x, cosines, y = torch.linalg.svd(a.T @ b, full_matrices=False)
        cosines = cosines.clamp(max=1.0)
        roots = torch.sqrt(1 + cosines)
        value = -(roots.sum() + (k - len(roots)))
        # -1/2 (1 + s)^(-1/2); where s is 0 two directions may pair up either way, and neither is taken
        drops = torch.where(cosines > 10 * torch.finfo(a.dtype).eps, -0.5 / roots, 0.0)
        slope = _through_leading(states, ours, b @ (y.T * drops) @ x.T)
    else:
        units = [shrinkage / side.size**2 for side in (first, second)]
        weights = [_shrunk(side, unit, shrinkage) for side, unit in zip((ours, theirs), units, strict=True)]
        a, b = ours.left * weights[0], theirs.left * weights[1]  # A_1 T_1, A_2 T_2
        left, sizes, right = torch.linalg.svd(torch.cat([a, b], 1), full_matrices=False)
        value = -sizes[:k].sum()
        arriving = -left[:, :k] @ right[:k, : a.shape[1]]  # d value / d (A_1 T_1)
        slope = _through_leading(states, ours, arriving * weights[0])
        slope = slope + _through_shrinkage(ours, arriving / weights[0], weights[0], units[0])
    return value, _turned_back(slope / first.size, basis)


def _leading(states: Tensor, k: int, rounding: Tensor) -> _Leading:
    k = min(k, states.shape[1])
    squares, vectors = torch.linalg.eigh(_lower_gram(states))  # ascending
    rest, leading = vectors[:, :-k], vectors[:, -k:]
    # H^T H knows small singular values only to half the digits; those of H on its leading vectors are good.
    left, values, turn = torch.linalg.svd(states @ leading, full_matrices=False)
    kept = (values > rounding) & (values**2 > 32 * torch.finfo(states.dtype).eps * values[0] ** 2)
    return _Leading(left, values, leading @ turn.T, rest, squares[:-k].clamp(min=0), kept)


def _through_leading(states: Tensor, side: _Leading, slope: Tensor) -> Tensor:
    """Gradient for H (n, m) of a loss that does not see U turn, `slope` W (n, k) its gradient for U.

    With lambda = S^2, i among the leading directions and j among the others, first-order perturbation of H H^T gives
    sum_ij (u_j . W_i) / (lambda_i - lambda_j) (S_i u_j v_i^T + S_j u_i v_j^T).   Written without u_j, this is
    ((I - U U^T) W + H E) S^-1 V^T + U E^T   with   E_i = sum_j v_j (v_j . H^T W_i) / (lambda_i - lambda_j).
    """
    eps = torch.finfo(states.dtype).eps
    slope = torch.where(side.kept, slope, 0.0)
    squares = side.values**2
    gaps = squares - side.rest_squares[:, None]  # (m - k, k)
    width = eps**0.5 * squares + 32 * eps * squares[0]
    inverse = gaps / (gaps**2 + width**2 + torch.finfo(states.dtype).tiny)  # 1 / gap, 0 where both are one
    turned = side.rest @ (side.rest.T @ (states.T @ slope) * inverse)  # E, (m, k)
    across = slope - side.left @ (side.left.T @ slope) + states @ turned
    across = across / torch.where(side.kept, side.values, 1.0)
    return torch.cat([across, side.left], 1) @ torch.cat([side.right, turned], 1).T


def _shrunk(side: _Leading, unit: Tensor, least: float) -> Tensor:
    """T = sqrt(max(S^2 / (S^2 + eps), eps)), (k,); `unit` is eps in the units of the scaled states."""
    squares = side.values**2
    return (squares / (squares + unit)).clamp(min=least).sqrt()


def _through_shrinkage(side: _Leading, slope: Tensor, weights: Tensor, unit: Tensor) -> Tensor:
    """What T adds to the gradient, inside the span of U: f = lambda / (lambda + eps) by its divided differences.

    (f_i - f_j) / (lambda_i - lambda_j) = (1 - f_i) / (lambda_j + eps), which needs no gap.
    """
    inner = side.left.T @ slope
    inner = (inner + inner.T) / 2 * (1 - weights[:, None] ** 2) / (side.values**2 + unit)
    inner = torch.where(side.kept[:, None] & side.kept, inner, 0.0)
    return (side.left @ inner * side.values) @ side.right.T


def _classic(first: _Centred, second: _Centred, k: int | None, r1: float, r2: float) -> tuple[Tensor, Tensor]:
    """Value and gradient of `classic`; S_ii = L_i L_i^T makes T L_1^-1 S_12 L_2^-T, of the same singular values."""
    states, basis = _squared_up(first.states)
    others, _ = _squared_up(second.states)
    n = len(states) - 1
    lower = _cholesky(states, r1 / float(first.size) / float(first.size))
    other_lower = _cholesky(others, r2 / float(second.size) / float(second.size))
    whitened = torch.linalg.solve_triangular(lower, states.T @ others / n, upper=False)
    correlations = torch.linalg.solve_triangular(other_lower, whitened.T, upper=False).T  # T, (m_1, m_2)
    wide = correlations.shape[0] < correlations.shape[1]
    if wide:
        correlations = correlations.T
    # T = X s Y^T by way of the smaller T^T T; an SVD of T costs more than twice as much.
    squares, y = torch.linalg.eigh(_lower_gram(correlations))  # ascending
    y = y[:, -k:] if k else y
    x = correlations @ y
    sizes = torch.linalg.vector_norm(x, dim=0)
    n_small = int((squares[-y.shape[1] :] < _SMALL * squares[-1]).sum())
    if n_small:  # T^T T knows the small ones only to half the digits; their own SVD is cheap
        left, sizes[:n_small], turn = torch.linalg.svd(x[:, :n_small], full_matrices=False)
        x[:, :n_small] = left * sizes[:n_small]
        y[:, :n_small] = y[:, :n_small] @ turn.T
    stretch = torch.maximum(*(side.diagonal().max() / side.diagonal().min() for side in (lower, other_lower)))
    kept = sizes > 32 * torch.finfo(sizes.dtype).eps * stretch * squares[-1].clamp(min=0) ** 0.5
    x, y = torch.where(kept, x / sizes, 0.0), torch.where(kept, y, 0.0)
    if wide:
        x, y = y, x
    a = torch.linalg.solve_triangular(lower.T, x, upper=True)  # L_1^-T X
    b = torch.linalg.solve_triangular(other_lower.T, y, upper=True)
    # Andrew et al., equations 11 to 13, on L instead of the symmetric root: (H_2 B - H_1 A s) A^T / (n - 1)
    rises = torch.addmm(others @ b, states, a * sizes, beta=-1)  # of minus the sum: H_1 A s - H_2 B
    return -sizes.sum(), _turned_back(rises @ (a / (n * first.size)).T, basis)


def _cholesky(states: Tensor, ridge: float) -> Tensor:
    """Lower factor of H^T H / (n - 1) + ridge."""
    covariance = _lower_gram(states).div_(len(states) - 1)
    limits = torch.finfo(states.dtype)
    rounding = max(10 * limits.eps * float(covariance.diagonal().max()), limits.tiny)
    added = min(max(ridge, rounding), limits.max**0.5)
    covariance.diagonal().add_(added)
    while True:
        lower, failed = torch.linalg.cholesky_ex(covariance)
        if not failed:
            return lower
        covariance.diagonal().add_(9 * added)
        added *= 10


def _lower_gram(states: Tensor) -> Tensor:
    """H^T H, (m, m), of which only the lower triangle is sure to be there: that is all its readers look at."""
    width = states.shape[1]
    gram = states.new_zeros(width, width)
    for start in range(0, width, _BLOCK):
        end = min(start + _BLOCK, width)
        gram[start:end, :end] = states[:, start:end].T @ states[:, :end]
    return gram


def _squared_up(states: Tensor) -> tuple[Tensor, Tensor | None]:
    """H (n, m) as C Q^T, C (n, n), Q with orthonormal columns, where m > n, so that few words cost little.

    No variant sees Q; it is None where nothing was to do.
    """
    if states.shape[0] >= states.shape[1]:
        return states, None
    basis, upper = torch.linalg.qr(states.T)
    return upper.T, basis


def _turned_back(slope: Tensor, basis: Tensor | None) -> Tensor:
    return slope if basis is None else slope @ basis.T


def _centred(states: Tensor, center: str) -> _Centred:
    limits = torch.finfo(states.dtype)
    noise = 4 * limits.eps * _largest(states)
    own = center != "none"
    if center == "column":
        states = states - states.mean(0)
    elif center == "legacy":
        n, width = states.shape
        states = states - states.mean(1).repeat(width).view(n, width)
    size = _largest(states).clamp(min=limits.tiny)
    flat = size <= noise  # equal words: what centring leaves of them is rounding, and becomes 0
    divisor = torch.where(flat, torch.inf, size)
    # In place where the centred view is our own: the pages of a fresh one cost more than the division.
    states = states.div_(divisor) if own else states / divisor
    size = torch.where(flat, 1.0, size)
    return _Centred(states, size, noise * states.numel() ** 0.5 / size)


def _largest(states: Tensor) -> Tensor:
    least, most = torch.aminmax(states)  # one pass, no copy
    return torch.maximum(-least, most)


def _through_centring(slope: Tensor, center: str) -> Tensor:
    """The gradient for the view as given, from that for the centred one; after "column" the two are equal."""
    if center == "legacy":
        n, width = slope.shape
        return slope - slope.reshape(width, n).sum(0)[:, None] / width
    return slope


def _check(
    view: Tensor,
    target: Tensor,
    variant: str,
    k: int | None,
    ridges: dict[str, float],
    center: str | None,
    precision: str,
) -> None:
    if (
        view.ndim != 2
        or target.ndim != 2
        or len(view) != len(target)
        or len(view) < 2
        or 0 in view.shape + target.shape
    ):
        message = (
            f"dcca needs (words, width) and (words, target_width) of the same words, at least two; "
            f"got {tuple(view.shape)} and {tuple(target.shape)}."
        )
        raise ObjectiveError(message)
    for name, given, choices in (
        ("variant", variant, VARIANTS),
        ("center", center, (None, *CENTERS)),
        ("precision", precision, tuple(PRECISIONS)),
    ):
        if given not in choices:
            message = f"dcca {name} is {given!r}; choose one of {', '.join(filter(None, choices))}."
            raise ObjectiveError(message)
    if k is not None and k < 1:
        message = f"dcca k is {k}; give a number of directions, at least 1, or None for all."
        raise ObjectiveError(message)
    for name, ridge in ridges.items():
        if not 0 <= ridge < float("inf"):
            message = f"dcca {name} is {ridge}; give a ridge of 0 or more."
            raise ObjectiveError(message)


def _warn_if_saturated(value: Tensor, n_words: int, widths: tuple[int, int], k: int | None, variant: str) -> None:
    """Say that the batch is too small where that, not agreement, is why the loss is as low as it can be."""
    room = min(n_words - 1, *widths)  # directions that can agree
    k = k or min(n_words, *widths)
    crowded = n_words - 1 <= (max(widths) if variant == "classic" else min(k, *widths))
    agreeing = min(k, room)
    best = agreeing if variant == "classic" else agreeing * 2**0.5 + k - agreeing
    if crowded and -float(value) > _NEARLY_ALL * best:
        message = (
            f"dcca ({variant}): {n_words} words cannot tell vectors of widths {widths[0]} and {widths[1]} apart, "
            f"so their loss hardly depends on them; give more words a batch than directions, or fewer directions."
        )
        warnings.warn(message, stacklevel=3)
