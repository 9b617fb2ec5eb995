"""The last map of VecMap's framework: whitening, rotation, re-weighting, de-whitening, reduction (Artetxe et al. 2018).

"Generalizing and Improving Bilingual Word Embedding Mappings with a Multi-Step Framework of Linear Transformations",
steps 1 to 5. Everything but the products over the dictionary is width x width, in double precision.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xl_staticemb.mapping.config import MappingConfig
from xl_staticemb.mapping.orthogonal import rotation_of
from xl_staticemb.mapping.seed_dictionary import Pairs

_ROWS = 8192  # dictionary rows at a time
# A squared singular value below this share of the largest is rounding: float32 vectors resolve (1e-7)^2 of it, and
# squares in double precision 1e-16.
_RESOLVED = 1e-12
# share of the mean squared singular value that is added where the dictionary does not determine a whitening
AUTOMATIC_RIDGE = 1.0
# Pairs a dimension below which an orthogonal map, or a ridge, did better than the published whitening: on Bible vectors
# of 200 dimensions with 1,100 pairs still; the published experiments have 5,000 pairs for 300.
_ENOUGH = 10


@dataclass(frozen=True)
class Maps:
    """Both sides' linear maps into the shared space, float64: mapped = vectors @ map."""

    source: NDArray[np.float64]  # (d_x, k)
    target: NDArray[np.float64]  # (d_z, k)
    warnings: tuple[str, ...] = ()
    losses: tuple[float, ...] = ()  # of a map that descends


@dataclass(frozen=True)
class SymmetricWhitening:
    """A symmetric W = (X^T X + c I)^(-1/2) (d, d) and its inverse; c is 0 unless a ridge was used."""

    matrix: NDArray[np.float64]
    inverse: NDArray[np.float64]
    added: float


def final_maps(source: NDArray, target: NDArray, pairs: Pairs, config: MappingConfig, device: str = "cpu") -> Maps:
    """The maps of `config.map` learnt from the pairs (rows of source (n_x, d_x), rows of target (n_z, d_z)).

    `device` is a torch device for rcsls; the others are products over the dictionary on the processor.
    """
    if config.map == "rcsls":
        from xl_staticemb.mapping.descent.rcsls import rcsls_map  # torch is needed here only

        descended = rcsls_map(source, target, pairs, config, device=device)
        return Maps(descended.matrix, np.eye(target.shape[1]), losses=descended.losses)
    if config.map == "orthogonal":
        return Maps(rotation_of(dictionary_products(source, target, pairs)), np.eye(target.shape[1]))
    if config.map == "unconstrained":
        return _unconstrained(source, target, pairs)
    return _advanced(source, target, pairs, config)


def spans(squares: NDArray[np.float64], n_pairs: int) -> bool:
    """Whether the `n_pairs` rows of a dictionary's side, X^T X (d, d), span the space, so that 1/s has a bound."""
    values = np.linalg.eigvalsh(squares)
    return bool(n_pairs >= len(values) and values[0] > _RESOLVED * values[-1])


def whitening(squares: NDArray[np.float64], ridge: float) -> SymmetricWhitening:
    """Whitening from the products X^T X (d, d) of a dictionary's side: V diag(1/s) V^T, with s^2 the eigenvalues.

    `ridge` >= 0 adds that share of their mean to each; 0 is the published form.
    """
    values, vectors = np.linalg.eigh(squares)
    mean = float(values.mean())
    added = ridge * mean if mean > 0 else 1.0  # vectors of zeros stay what they are
    # with a ridge of 0 asked for, directions that the rows do not have are left out (pseudo-inverse)
    roots = np.sqrt(np.maximum(values, 0.0) + added)
    reached = roots > np.sqrt(_RESOLVED) * roots[-1]
    inverses = np.where(reached, 1.0 / np.where(reached, roots, 1.0), 0.0)
    return SymmetricWhitening(
        (vectors * inverses) @ vectors.T, (vectors * np.where(reached, roots, 0.0)) @ vectors.T, added
    )


def _advanced(source: NDArray, target: NDArray, pairs: Pairs, config: MappingConfig) -> Maps:
    products = dictionary_products(source, target, pairs)
    map_x, map_z = np.eye(source.shape[1]), np.eye(target.shape[1])
    warnings = []
    white_x = white_z = None
    if config.whiten:  # step 1: W_x = (X_D^T X_D)^(-1/2), likewise W_z
        n_pairs, widths = len(pairs[0]), (source.shape[1], target.shape[1])
        squares = [
            dictionary_products(side, side, (rows, rows)) for side, rows in zip((source, target), pairs, strict=True)
        ]
        ridge = config.ridge
        if ridge < 0:
            # both sides or none: a side whose rows just span its space is whitened as badly as one whose rows do not
            ridge = 0.0 if all(spans(each, n_pairs) for each in squares) else AUTOMATIC_RIDGE
            few = f"the {n_pairs} pairs of the dictionary"
            of_space = f"a whitening of {widths[0]} and {widths[1]} dimensions"
            if ridge:
                warnings.append(
                    f"{few} do not determine {of_space}, so a ridge of {AUTOMATIC_RIDGE:g} was used; "
                    "give more pairs, set ridge, or use the orthogonal map"
                )
            elif n_pairs < _ENOUGH * max(widths):
                warnings.append(f"{few} are few for {of_space}; a ridge of 1 or the orthogonal map may do better")
        white_x, white_z = (whitening(each, ridge) for each in squares)
        map_x, map_z = white_x.matrix, white_z.matrix
    # step 2: (X_D W_x)^T (Z_D W_z) = A S B^T
    a, singular, bt = np.linalg.svd(map_x.T @ products @ map_z, full_matrices=False)
    b = bt.T
    map_x, map_z = map_x @ a, map_z @ b
    # step 3: re-weighting
    map_x, map_z = map_x * singular**config.src_reweight, map_z * singular**config.trg_reweight
    # step 4: de-whitening with A^T W_x^(-1) A or B^T W_z^(-1) B
    if white_x is not None and white_z is not None:
        back = {"src": a.T @ white_x.inverse @ a, "trg": b.T @ white_z.inverse @ b}
        if config.src_dewhiten != "none":
            map_x = map_x @ back[config.src_dewhiten]
        if config.trg_dewhiten != "none":
            map_z = map_z @ back[config.trg_dewhiten]
    # step 5: the directions come in order of S
    if config.width:
        map_x, map_z = map_x[:, : config.width], map_z[:, : config.width]
    return Maps(map_x, map_z, tuple(warnings))


def _unconstrained(source: NDArray, target: NDArray, pairs: Pairs) -> Maps:
    """W = pinv(X_D) Z_D (Mikolov et al. 2013), the target side as it is."""
    x, z = source[pairs[0]].astype(np.float64), target[pairs[1]].astype(np.float64)
    matrix, _, rank, _ = np.linalg.lstsq(x, z, rcond=None)
    warnings = ()
    if rank < x.shape[1]:
        warnings = (
            f"the {len(x)} pairs of the dictionary span {rank} of {x.shape[1]} dimensions, so the unconstrained map "
            "sends the rest to zero; give more pairs or use the orthogonal map",
        )
    return Maps(matrix, np.eye(z.shape[1]), warnings)


def dictionary_products(left: NDArray, right: NDArray, pairs: Pairs) -> NDArray[np.float64]:
    """X_D^T Z_D (d_x, d_z) in double precision, without a copy of all dictionary rows."""
    total = np.zeros((left.shape[1], right.shape[1]))
    for start in range(0, len(pairs[0]), _ROWS):
        rows = slice(start, start + _ROWS)
        total += left[pairs[0][rows]].astype(np.float64).T @ right[pairs[1][rows]].astype(np.float64)
    return total
