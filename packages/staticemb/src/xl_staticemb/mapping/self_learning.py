"""Self-learning: map, induce a dictionary from the map, and so on until nothing improves (Artetxe et al. 2018, ACL)."""

from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from xl_staticemb.mapping.candidate_sweep import torch_device
from xl_staticemb.mapping.config import MappingConfig, Progress
from xl_staticemb.mapping.induction import Induced, Inducer, mutual_rows, mutual_share
from xl_staticemb.mapping.orthogonal import rotation_of
from xl_staticemb.mapping.seed_dictionary import Pairs
from xl_staticemb.mapping.steps import dictionary_products

# The learning that shows whether a dictionary holds: so many pairs a dimension of it, and when to stop.
_PAIRS_A_DIMENSION, _FEWEST_PAIRS = 0.5, 5
_QUICK = {"keep": 1.0, "interval": 3, "threshold": 1e-3, "max_iterations": 30}


@dataclass(frozen=True)
class SelfLearnt:
    """The dictionary that self-learning ended with, and how it came there."""

    pairs: Pairs
    objective: float
    converged: bool
    history: tuple[tuple[float, float], ...]  # objective and keep probability of each iteration
    mutual: float  # share of mutual neighbours of the last map, with nothing dropped
    stability: float  # share of words that get the same translation when the learning starts from few of its pairs


def self_learn(
    source: NDArray[np.float32],
    target: NDArray[np.float32],
    pairs: Pairs,
    config: MappingConfig,
    *,
    seed: int,
    device: str,
    progress: Progress | None = None,
) -> SelfLearnt:
    """Repeat: W = U V^T of the dictionary's X_D^T Z_D = U S V^T; dictionary from x W and z.

    The objective is the mean over the directions searched of the mean best product, before CSLS and before dropping.
    An iteration improves if it gains `config.threshold` or more; after more than `config.interval` without, the keep
    probability grows by `config.keep_factor` to at most 1, and at 1 the learning ends.

    For `stability` the learning starts again from half as many pairs as there are dimensions, drawn from the undropped
    dictionary that it ended with, and drops nothing. Few pairs do not determine a map: what comes back lies in the
    vectors, not in the pairs.
    """
    place = torch_device(device)
    cutoff = config.cutoff or max(len(source), len(target))
    x = torch.from_numpy(np.ascontiguousarray(source[:cutoff])).to(place)
    z = torch.from_numpy(np.ascontiguousarray(target[:cutoff])).to(place)
    rng = np.random.default_rng(seed)
    learnt = _loop(x, z, dictionary_products(source, target, pairs), config, rng, progress)
    last = learnt.last if learnt.keep == 1 else _undropped(x, z, learnt.rotation, config, rng)
    n_pairs = max(_FEWEST_PAIRS, int(_PAIRS_A_DIMENSION * max(x.shape[1], z.shape[1])))
    few = torch.from_numpy(rng.permutation(len(x))[: min(n_pairs, (len(x) + 1) // 2)]).to(place)
    products = (x[few].T @ z[last.forward[few]]).double().cpu().numpy()
    again = _loop(x, z, products, replace(config, **_QUICK), rng, None).last
    return SelfLearnt(
        _pairs(learnt.last, config.direction),
        learnt.best,
        learnt.converged,
        tuple(learnt.history),
        mutual_share(last.forward.cpu().numpy(), last.backward.cpu().numpy()),
        float((again.forward == last.forward).double().mean()),
    )


@dataclass(frozen=True)
class _Ended:
    last: Induced
    rotation: Tensor  # that `last` was induced with
    keep: float  # and the probability
    best: float
    converged: bool
    history: list[tuple[float, float]]


def _loop(
    x: Tensor,
    z: Tensor,
    products: NDArray[np.float64],
    config: MappingConfig,
    rng: np.random.Generator,
    progress: Progress | None,
) -> _Ended:
    inducer = Inducer(config.csls, config.precision)
    history: list[tuple[float, float]] = []
    best, keep, improved, iteration = -np.inf, config.keep, 0, 1
    while True:
        rotation = torch.from_numpy(rotation_of(products).astype(np.float32)).to(x.device)
        induced = inducer(x @ rotation, z, keep, rng)
        objective = _objective(induced, config.direction)
        if objective - best >= config.threshold:
            best, improved = objective, iteration
        history.append((objective, keep))
        if progress:
            progress(iteration, objective, keep, best)
        iteration += 1
        stale = iteration - improved > config.interval
        converged = stale and keep >= 1
        if converged or iteration - 1 == config.max_iterations:
            return _Ended(induced, rotation, keep, best, converged, history)
        if stale:
            keep, improved = min(1.0, config.keep_factor * keep), iteration
        products = _products(x, z, induced, config.direction)


def _undropped(x: Tensor, z: Tensor, rotation: Tensor, config: MappingConfig, rng: np.random.Generator) -> Induced:
    return Inducer(config.csls, config.precision)(x @ rotation, z, 1.0, rng)


def _objective(induced: Induced, direction: str) -> float:
    if direction in ("union", "mutual"):
        return (induced.nearest_x + induced.nearest_z) / 2
    return induced.nearest_x if direction == "forward" else induced.nearest_z


def _products(x: Tensor, z: Tensor, induced: Induced, direction: str) -> NDArray[np.float64]:
    """X_D^T Z_D (d_x, d_z); a pair that both directions give counts twice."""
    if direction == "mutual":
        rows = mutual_rows(induced)
        return (x[rows].T @ z[induced.forward[rows]]).double().cpu().numpy()
    total = torch.zeros(x.shape[1], z.shape[1], dtype=torch.float64, device=x.device)
    if direction != "backward":
        total += x.T @ z[induced.forward]
    if direction != "forward":
        total += x[induced.backward].T @ z
    return total.cpu().numpy()


def _pairs(induced: Induced, direction: str) -> Pairs:
    forward, backward = induced.forward.cpu().numpy(), induced.backward.cpu().numpy()
    each_x, each_z = np.arange(len(forward)), np.arange(len(backward))
    if direction == "mutual":
        rows = mutual_rows(induced).cpu().numpy()
        return rows, forward[rows]
    if direction == "forward":
        return each_x, forward
    if direction == "backward":
        return backward, each_z
    return np.concatenate([each_x, backward]), np.concatenate([forward, each_z])
