"""Entropic transport in the log domain: Sinkhorn's iterations with epsilon scaling and over-relaxation, in batches.

    OT_eps(a, b) = min_P <P, C> + eps KL(P | a (x) b)  =  max_{f, g} <a, f> + <b, g>   at the optimal potentials,
    P_ij = a_i b_j exp((f_i + g_j - C_ij) / eps)

References: Cuturi 2013 (the iterations), Schmitzer 2019 (epsilon scaling), Thibault et al. 2021 (over-relaxation),
Feydy et al. 2019 (the symmetric problem, OT of a measure with itself), Altschuler et al. 2017 (a plan that is met).
"""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

# sweeps at each epsilon on the way down, before those at the target
_SWEEPS_PER_EPSILON = 2
# of the step in the log domain: 1 is Sinkhorn's own, 2 the limit of local convergence
_RELAXATION = 1.5
# sweeps between two looks at the marginals of the symmetric problem (a look waits for the device)
_SWEEPS_PER_CHECK = 10
# sweeps before the first look at how far the result is; each later look comes after twice as many
_FIRST_CHECK = 10
# of the marginals, where a result is as good as any, whatever its gap
_MET = 1e-4


class Potentials(NamedTuple):
    """Dual solution; OT_eps is <a, f> + <b, g>. Zero where the weight is zero."""

    f: Float[Tensor, "problems n"]
    """On the first points, in units of the cost."""
    g: Float[Tensor, "problems m"]
    """On the second points; the marginal b is met exactly, a nearly."""
    gap: Float[Tensor, " problems"] | None = None
    """Most that <a, f> + <b, g> lies below OT_eps, in units of the cost; None where it was not looked at."""
    reached: bool = True
    """Whether every problem came as near as was asked for."""


def sinkhorn(
    cost: Float[Tensor, "problems n m"],
    a: Float[Tensor, "problems n"],
    b: Float[Tensor, "problems m"],
    *,
    epsilon: float,
    scaling: float = 0.9,
    max_iterations: int = 1000,
    tolerance: float = 1e-2,
    offset: Float[Tensor, " problems"] | float = 0.0,
) -> Potentials:
    """Potentials of the entropic problem, float32 or float64 as `cost`; no gradient passes.

    cost: (problems, n, m), finite everywhere, also where the weights are zero.
    a, b: (problems, n) and (problems, m), >= 0, each row sums to 1; zeros are padding and change nothing.
    epsilon: temperature, > 0, in units of the cost.
    scaling: in (0, 1), ratio of one epsilon to the one before it, from each problem's largest cost down to `epsilon`.
        Nearer to 1 is slower at first, and needs fewer sweeps at the target.
    max_iterations: sweeps at the target epsilon; `reached` of the result is false where they ended before the error was
        what `tolerance` says.
    tolerance: >= 0, largest duality gap as a share of the value less `offset`. The gap is that between the potentials
        and the plan that is made of theirs by moving what misses the marginals (Altschuler et al. 2017, algorithm 2),
        so that it bounds the error from above; that is mostly far smaller. A problem whose marginals are met to
        sum_i |sum_j P_ij - a_i| <= 1e-4 is done too.
    offset: (problems,), what the caller takes off the value, e.g. for debiasing.
    """
    with torch.no_grad(), torch.autocast(cost.device.type, enabled=False):
        rows, columns = _SoftMin(cost, b), _SoftMin(cost.transpose(1, 2).contiguous(), a)
        real = (a[:, :, None] > 0) & (b[:, None, :] > 0)
        current = torch.where(real, cost, 0).amax((1, 2))[:, None].clamp(min=epsilon)  # (problems, 1)
        f, g = torch.zeros_like(a), torch.zeros_like(b)
        while bool((current > epsilon).any()):
            rows.set_epsilon(current), columns.set_epsilon(current)
            for _ in range(_SWEEPS_PER_EPSILON):
                f, g = _sweep(rows, columns, f, g)
            current = (current * scaling).clamp(min=epsilon)
        rows.set_epsilon(current), columns.set_epsilon(current)
        next_check = min(_FIRST_CHECK, max_iterations)
        for done in range(1, max_iterations + 1):
            f, g = _sweep(rows, columns, f, g)
            if done == next_check:
                potentials = Potentials(torch.where(a > 0, f, 0), torch.where(b > 0, columns(f), 0))
                value = (a * potentials.f).sum(1) + (b * potentials.g).sum(1)
                gap, violation = _gap(cost, a, b, potentials, value, epsilon)
                reached = bool(((violation <= _MET) | (gap <= tolerance * (value - offset))).all())
                if reached or done == max_iterations:
                    break
                next_check = min(2 * next_check, max_iterations)
        return potentials._replace(gap=gap, reached=reached)


def self_sinkhorn(
    cost: Float[Tensor, "problems n n"],
    a: Float[Tensor, "problems n"],
    *,
    epsilon: float,
    max_iterations: int = 100,
    tolerance: float = 1e-4,
) -> Float[Tensor, "problems n"]:
    """The one potential f = g of a measure with itself, OT_eps(a, a) = 2 <a, f>; arguments as of `sinkhorn`.

    The averaged step f <- (f + T f) / 2 needs no scaling: it is done at once where points are far apart against
    epsilon, and after a few steps where they are not (Feydy et al. 2019, section 3.1).
    """
    with torch.no_grad(), torch.autocast(cost.device.type, enabled=False):
        soft_min = _SoftMin(cost, a)
        soft_min.set_epsilon(torch.full_like(a[:, :1], epsilon))
        f = torch.zeros_like(a)
        for iteration in range(max_iterations):
            step = soft_min(f)
            if iteration % _SWEEPS_PER_CHECK == 2:  # early, for the usual case
                violation = (a * ((f - step) / epsilon).clamp(max=80).expm1().abs()).sum(1)
                if bool((violation <= tolerance).all()):
                    break
            f = (f + step) / 2
        return torch.where(a > 0, f, 0)


def entropic_plan(
    cost: Float[Tensor, "problems n m"],
    a: Float[Tensor, "problems n"],
    b: Float[Tensor, "problems m"],
    potentials: Potentials,
    epsilon: float,
) -> Float[Tensor, "problems n m"]:
    """P_ij = a_i b_j exp((f_i + g_j - C_ij) / eps), zero where a weight is zero."""
    f, g = potentials.f, potentials.g
    exponent = (f[:, :, None] + g[:, None, :] - cost) / epsilon
    real = (a[:, :, None] > 0) & (b[:, None, :] > 0)
    # Columns sum to b at the potentials, so that an exponent of a real pair is at most -log a_i; padding may be any.
    return a[:, :, None] * b[:, None, :] * exponent.masked_fill(~real, -torch.inf).exp()


def _gap(
    cost: Tensor, a: Tensor, b: Tensor, potentials: Potentials, value: Tensor, epsilon: float
) -> tuple[Float[Tensor, " problems"], Float[Tensor, " problems"]]:
    """What a plan near that of the potentials costs beyond their value; how far theirs misses the marginal a."""
    plan = entropic_plan(cost, a, b, potentials, epsilon)
    sums = plan.sum(2)
    violation = (sums - a).abs().sum(1)
    plan = plan * (a / sums.where(sums > 0, 1)).clamp(max=1)[:, :, None]
    short = [(side - plan.sum(axis)).clamp(min=0) for side, axis in ((a, 2), (b, 1))]
    missing = short[0].sum(1).clamp(min=torch.finfo(cost.dtype).tiny)
    plan = plan + short[0][:, :, None] * (short[1] / missing[:, None])[:, None]
    product = a[:, :, None] * b[:, None]
    ratio = torch.where(product > 0, plan / product.where(product > 0, 1), 1)
    entropy = torch.special.xlogy(plan, ratio).sum((1, 2))
    return ((plan * cost).sum((1, 2)) + epsilon * entropy - value).clamp(min=0), violation


class _SoftMin:
    """T g: i -> -eps log sum_j b_j exp((g_j - C_ij) / eps)."""

    def __init__(self, cost: Tensor, weights: Tensor) -> None:
        self.cost, self.log_weights = cost, weights.log()
        # Any column of positive weight serves to read the log-sum off a log-softmax, which torch computes in one pass:
        # five times as fast as its logsumexp on a CPU.
        self.column = weights.argmax(1)[:, None, None].expand(-1, cost.shape[1], 1)

    def set_epsilon(self, epsilon: Float[Tensor, "problems 1"]) -> None:
        self.epsilon, self.scaled_cost = epsilon, self.cost / epsilon[:, :, None]

    def __call__(self, potential: Tensor) -> Tensor:
        scores = (potential / self.epsilon + self.log_weights)[:, None, :] - self.scaled_cost
        log_sum = scores.gather(2, self.column) - scores.log_softmax(2).gather(2, self.column)
        return -self.epsilon * log_sum[:, :, 0]


def _sweep(rows: _SoftMin, columns: _SoftMin, f: Tensor, g: Tensor) -> tuple[Tensor, Tensor]:
    f = f + _RELAXATION * (rows(g) - f)
    return f, g + _RELAXATION * (columns(f) - g)
