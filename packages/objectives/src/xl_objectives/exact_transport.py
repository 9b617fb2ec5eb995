"""Exact transport on the CPU: an assignment where both sides weigh the same everywhere, a network simplex elsewhere.

    OT(a, b) = min_P <P, C>,  P >= 0, row sums a, column sums b

References: Jonker and Volgenant 1987 (scipy's linear_sum_assignment), Bonneel et al. 2011 (POT's emd).
"""

from typing import TYPE_CHECKING

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from xl_objectives.errors import ObjectiveError

if TYPE_CHECKING:
    from types import ModuleType

# pivots of the network simplex: never reached in practice, POT's own 100,000 are with some 2,000 points a side
_MAX_PIVOTS = 100_000_000


def exact_plan(
    cost: Float[Tensor, "problems n m"], a: Float[Tensor, "problems n"], b: Float[Tensor, "problems m"]
) -> Float[Tensor, "problems n m"]:
    """The plan of least cost of each problem, of `cost`'s dtype and on its device; no gradient passes.

    cost: (problems, n, m), finite. a, b: (problems, n) and (problems, m), >= 0, each row sums to 1; zeros are padding
    and get zeros. The plan has at most n + m - 1 non-zeros; where several are best, it is one of them.
    Computed in float64, one problem after the other. Raises ObjectiveError where POT is not installed.
    """
    costs, firsts, seconds = (tensor.detach().double().cpu().numpy() for tensor in (cost, a, b))
    plans = np.zeros_like(costs)
    for problem_cost, first, second, plan in zip(costs, firsts, seconds, plans, strict=True):
        rows, columns = first.nonzero()[0], second.nonzero()[0]
        mesh = np.ix_(rows, columns)
        plan[mesh] = _solve(problem_cost[mesh], first[rows], second[columns])
    return torch.from_numpy(plans).to(cost.device, cost.dtype)


def pot() -> "ModuleType":
    """The module `ot` of POT, loaded when it is first needed."""
    try:
        import ot
    except ImportError as error:
        message = "exact and Gromov transport are computed by POT, which is not installed: pip install pot"
        raise ObjectiveError(message) from error
    return ot


def _solve(cost: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    if len(a) == 1 or len(b) == 1:
        return np.outer(a, b)
    ot = pot()
    if len(a) == len(b) and _constant(a) and _constant(b):
        from scipy.optimize import linear_sum_assignment

        plan = np.zeros_like(cost)
        plan[linear_sum_assignment(cost)] = 1 / len(a)
        return plan
    b = b * (a.sum() / b.sum())  # the simplex wants equal sums, to the last bit but one
    # Before 0.9.7, POT's simplex takes costs of 1e-12 for equal; the plan is the same in any unit.
    cost = np.ascontiguousarray(cost / (np.abs(cost).max() or 1.0))
    return ot.emd(a, b, cost, numItermax=_MAX_PIVOTS, center_dual=False, check_marginals=False)


def _constant(weights: np.ndarray) -> bool:
    return bool(weights.max() - weights.min() <= 1e-6 * weights.max())  # weights come in float32
