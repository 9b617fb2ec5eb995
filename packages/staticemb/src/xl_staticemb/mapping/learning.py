"""Two vocabularies into one space: VecMap's multi-step framework from the first dictionary to the last map.

Artetxe et al. 2018, "Generalizing and Improving ..." (AAAI) for the steps, "A robust self-learning method for fully
unsupervised cross-lingual mappings of word embeddings" (ACL) for self-learning. The options are `MappingConfig`.
"""

import logging
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from xl_staticemb.errors import StaticembError
from xl_staticemb.mapping.config import WITHOUT_PAIRS, MappingConfig, Progress
from xl_staticemb.mapping.seed_dictionary import Pairs
from xl_staticemb.mapping.steps import final_maps

_log = logging.getLogger(__name__)

# share of words below which a dictionary that is not found again counts as wrong
LEAST_STABILITY = 0.3


@dataclass(frozen=True, eq=False)
class Mapping:
    """A learnt map: normalised vectors @ `source` and normalised vectors @ `target` share a space of k dimensions.

    From `objective` on, what self-learning did, `losses` apart; without it these fields keep their defaults.
    """

    source: NDArray[np.float32]  # (d_x, k)
    target: NDArray[np.float32]  # (d_z, k)
    pairs: Pairs  # the dictionary that the last map was learnt from, rows of each side
    seed: int
    warnings: list[str] = field(default_factory=list)
    objective: float | None = None  # best mean product of nearest neighbours, in [-1, 1]
    n_iterations: int = 0
    converged: bool = True  # False where max_iterations ended it
    history: tuple[tuple[float, float], ...] = ()  # objective and keep probability of each iteration
    mutual: float | None = None  # share of words that are their nearest neighbour's nearest neighbour, in [0, 1]
    losses: tuple[float, ...] = ()  # of rcsls: at the Procrustes map that it starts from, and after each step
    stability: float | None = None  # share of words translated alike when learning starts from few of its own pairs

    @property
    def failed(self) -> bool | None:
        """Whether self-learning most likely ended in a wrong map; None without self-learning. Needs no dictionary.

        True if stability < 0.3. A wrong map, too, ends with a dictionary that agrees with itself, but begun again from
        half as many of its pairs as there are dimensions, self-learning ends elsewhere; a right one is found again.
        """
        return None if self.stability is None else self.stability < LEAST_STABILITY


def learn_mapping(
    source: ArrayLike,
    target: ArrayLike,
    config: MappingConfig,
    *,
    pairs: tuple[ArrayLike, ArrayLike] | None = None,
    seed: int = 0,
    device: str = "cpu",
    progress: Progress | None = None,
) -> Mapping:
    """Learn the maps of `config` for `source` (n_x, d_x) and `target` (n_z, d_z), both normalised, rows by frequency.

    `pairs` are the row numbers of the first dictionary, one array a side (`seed_pairs` makes them); they may lie beyond
    the `config.cutoff` rows that self-learning looks at, and are left out for the unsupervised and the adversarial
    start. `seed` draws the adversarial start and the stochastic dictionaries; the same seed, machine and device give
    the same map. `device` is a torch device for self-learning and rcsls. `progress` is called after each iteration.
    What is wrong but not fatal stands in `Mapping.warnings` and is logged. Raises StaticembError.
    """
    x, z = _matrix(source, "source"), _matrix(target, "target")
    return _learn(x, z, config, _start(x, z, config, pairs, device), seed, device, progress)


def learn_mappings(
    source: ArrayLike,
    target: ArrayLike,
    config: MappingConfig,
    *,
    pairs: tuple[ArrayLike, ArrayLike] | None = None,
    seeds: Iterable[int] = range(5),
    device: str = "cpu",
    progress: Progress | None = None,
) -> list[Mapping]:
    """`learn_mapping` for several seeds, in their order; `best_mapping` picks one and counts those that failed.

    Raises StaticembError also for no seeds, and for several without self-learning, which no seed changes.
    """
    chosen = list(seeds)
    if not chosen or (len(chosen) > 1 and not config.self_learning):
        message = "give at least one seed" if not chosen else "no seed changes a map without self-learning; give one"
        raise StaticembError(message)
    x, z = _matrix(source, "source"), _matrix(target, "target")
    start = _start(x, z, config, pairs, device)
    return [_learn(x, z, config, start, seed, device, progress) for seed in chosen]


def best_mapping(mappings: Iterable[Mapping]) -> Mapping:
    """The mapping of the best objective, of those that did not fail if there are any.

    Its warnings say how many of the seeds failed. Raises StaticembError for no mappings.
    """
    several = list(mappings)
    if not several:
        message = "there are no mappings to choose from"
        raise StaticembError(message)
    best = max(several, key=lambda mapping: (not mapping.failed, mapping.objective or -np.inf))
    failures = [mapping for mapping in several if mapping.failed]
    if not failures:
        return best
    warning = (
        f"{len(failures)} of {len(several)} seeds failed: begun again from a few of its own pairs, their dictionary is "
        f"not found again (at most {max(mapping.stability or 0 for mapping in failures):.0%} of its words)"
    )
    if len(failures) == len(several):
        warning += "; give a dictionary, more words or vectors of more text"
    _log.warning(warning)
    return replace(best, warnings=[*best.warnings, warning])


def _start(
    x: NDArray, z: NDArray, config: MappingConfig, pairs: tuple[ArrayLike, ArrayLike] | None, device: str
) -> Pairs | None:
    """The first dictionary, after the checks that need the vectors; None where each seed makes its own."""
    width = min(x.shape[1], z.shape[1])
    if config.width > width:
        message = f"width {config.width} exceeds the {width} dimensions of the vectors"
        raise StaticembError(message)
    if (pairs is None) != (config.dictionary in WITHOUT_PAIRS):
        message = (
            f"the dictionary {config.dictionary!r} needs pairs of rows; make them with seed_pairs"
            if pairs is None
            else f"the {config.dictionary} start takes no pairs; leave them out, or set another dictionary"
        )
        raise StaticembError(message)
    if pairs is not None:
        return _pairs(pairs, len(x), len(z))
    if config.dictionary == "adversarial":
        return None
    from xl_staticemb.mapping.unsupervised_start import unsupervised_pairs

    return unsupervised_pairs(x, z, config, device)


def _learn(
    x: NDArray,
    z: NDArray,
    config: MappingConfig,
    start: Pairs | None,
    seed: int,
    device: str,
    progress: Progress | None,
) -> Mapping:
    if start is None:
        from xl_staticemb.mapping.descent.adversarial import adversarial_pairs

        start = adversarial_pairs(x, z, config, seed=seed, device=device, progress=progress)
    learnt = None
    if config.self_learning:
        from xl_staticemb.mapping.self_learning import self_learn  # torch is needed from here on only

        learnt = self_learn(x, z, start, config, seed=seed, device=device, progress=progress)
        start = learnt.pairs
    maps = final_maps(x, z, start, config, device)
    for warning in maps.warnings:
        _log.warning(warning)
    mapping = Mapping(
        maps.source.astype(np.float32),
        maps.target.astype(np.float32),
        start,
        seed,
        warnings=list(maps.warnings),
        losses=maps.losses,
    )
    if learnt is None:
        return mapping
    return replace(
        mapping,
        objective=learnt.objective,
        n_iterations=len(learnt.history),
        converged=learnt.converged,
        history=learnt.history,
        mutual=learnt.mutual,
        stability=learnt.stability,
    )


def _matrix(vectors: ArrayLike, side: str) -> NDArray[np.float32]:
    matrix = np.asarray(vectors, dtype=np.float32)
    if matrix.ndim != 2 or not matrix.size:
        message = f"the {side} vectors must be a matrix (words, width), not of shape {matrix.shape}"
        raise StaticembError(message)
    if not np.isfinite(matrix).all():
        message = f"the {side} vectors hold numbers that are not finite; leave those words out"
        raise StaticembError(message)
    return matrix


def _pairs(pairs: tuple[ArrayLike, ArrayLike], n_x: int, n_z: int) -> Pairs:
    left, right = np.asarray(pairs[0]), np.asarray(pairs[1])
    if left.ndim != 1 or left.shape != right.shape or not left.size:
        message = f"pairs must be two arrays of row numbers of one length, not of shape {left.shape} and {right.shape}"
        raise StaticembError(message)
    for rows, n_rows, side in ((left, n_x, "source"), (right, n_z, "target")):
        if not np.issubdtype(rows.dtype, np.integer) or rows.min() < 0 or rows.max() >= n_rows:
            message = f"pairs name rows that the {n_rows} {side} vectors do not have; count from 0 to {n_rows - 1}"
            raise StaticembError(message)
    return left.astype(np.int64), right.astype(np.int64)
