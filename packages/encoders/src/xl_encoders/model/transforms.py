"""What makes vectors of an encoder comparable before cosines are taken: outliers out, centring, whitening.

A few dimensions of an encoder's states are larger than all others together (588 in XLM-R base), and the states lie in
a narrow cone; both hide what texts differ in. References: Haemmerl et al. 2023 (outliers); Arora et al. 2017 and
Su et al. 2021 (centring, whitening).
"""

import json
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from xl_encoders.errors import EncoderError
from xl_encoders.registry import unknown_name
from xl_encoders.whole_files import replace_whole

_log = logging.getLogger(__name__)

Vectors: TypeAlias = NDArray[np.floating]

# Rows that are read at once, so that memory-mapped vectors need not fit into memory.
_ROWS = 8192

_KEY = "xl_transforms"


class Transform(Protocol):
    """A map of vectors that was fitted on some and can be applied to others."""

    def apply(self, vectors: Vectors) -> NDArray[np.float32]:
        """(n, width) of any float dtype -> (n, new width) float32."""
        ...


@dataclass(frozen=True, eq=False)
class OutlierRemoval:
    """x_d := 0 for the outlier dimensions d: lengths and angles are those of vectors without them.

    dims: (n_dims,) int64, the dimensions; the others keep their numbers.
    width: of the vectors, (1,) int64.
    """

    dims: NDArray[np.int64]
    width: NDArray[np.int64]

    @classmethod
    def of(cls, dims: Sequence[int], width: int) -> "OutlierRemoval":
        """Remove given dimensions, e.g. [588] of XLM-R base."""
        outside = [dim for dim in dims if not 0 <= dim < width]
        if outside:
            message = f"dimension {outside[0]} is out of range: vectors have {width}, counted from 0."
            raise EncoderError(message)
        return cls(np.array(sorted(set(dims)), dtype=np.int64), np.array([width]))

    @classmethod
    def fit(cls, vectors: Vectors, *, sigmas: float = 3.0) -> "OutlierRemoval":
        """Dimensions whose mean magnitude m_d = mean_i |x_id| lies more than `sigmas` deviations from the mean of m.

        sigmas: > 0. Below sigmas^2 + 1 dimensions no outlier can be that far from the others, and none is found.
        """
        if not sigmas > 0:
            message = f"sigmas is {sigmas}; give a number above 0."
            raise EncoderError(message)
        _check(vectors)
        magnitude = sum(np.abs(block).sum(axis=0) for block in _blocks(vectors)) / len(vectors)
        far = np.abs(magnitude - magnitude.mean()) > sigmas * magnitude.std()
        return cls(np.flatnonzero(far), np.array([vectors.shape[1]]))

    def apply(self, vectors: Vectors) -> NDArray[np.float32]:
        """A copy with zeros in the outlier dimensions."""
        _check_width(vectors, int(self.width[0]), self)
        kept = np.array(vectors, dtype=np.float32)
        kept[:, self.dims] = 0
        return kept


@dataclass(frozen=True, eq=False)
class Centring:
    """x := x - mean.

    mean: (width,) float64.
    """

    mean: NDArray[np.float64]

    @classmethod
    def fit(cls, vectors: Vectors) -> "Centring":
        """The mean of `vectors`, in double precision."""
        _check(vectors)
        return cls(_mean(vectors))

    def apply(self, vectors: Vectors) -> NDArray[np.float32]:
        """Vectors without the mean of those that it was fitted on."""
        _check_width(vectors, len(self.mean), self)
        return (vectors - self.mean).astype(np.float32)


@dataclass(frozen=True, eq=False)
class Whitening:
    """x := (x - mean) V (L + r)^(-1/2), with C = V L V^T the covariance: no direction weighs more than another.

    mean: (width,) float64. matrix: (width, n_kept) float64, V (L + r)^(-1/2).

    Directions in which the fitted vectors do not differ are dropped, so that n vectors leave n - 1 dimensions at most.
    """

    mean: NDArray[np.float64]
    matrix: NDArray[np.float64]

    @classmethod
    def fit(cls, vectors: Vectors, *, ridge: float = 0.0, n_kept: int | None = None) -> "Whitening":
        """Principal axes of `vectors`, scaled to variance 1 (divided by n - 1); the largest first.

        ridge: >= 0, r in units of the mean variance of a dimension; above 0 the small directions, which are the least
            certain, are not scaled up all the way.
        n_kept: dimensions to keep at most; None keeps all that there are.

        A warning in the log says when fewer are kept than vectors have. Raises EncoderError for fewer than two
        vectors, or for vectors that are all the same.
        """
        if not ridge >= 0 or (n_kept is not None and n_kept < 1):
            message = f"ridge is {ridge} and n_kept is {n_kept}; give 0 or more, and 1 or more."
            raise EncoderError(message)
        n_vectors, width = _check(vectors)
        mean = _mean(vectors)
        scatter = np.zeros((width, width))
        for block in _blocks(vectors):
            scatter += (block - mean).T @ (block - mean)
        variances, axes = np.linalg.eigh(scatter / max(1, n_vectors - 1))
        variances, axes = variances[::-1], axes[:, ::-1]
        # A direction in which they do not differ still shows this much, from rounding: of x itself, and of C.
        largest = np.abs(mean).max() + np.sqrt(max(0.0, variances[0]))
        noise = (np.finfo(np.float32).eps * largest) ** 2 + variances[0] * width * np.finfo(np.float64).eps
        rank = min(int((variances > noise).sum()), n_vectors - 1)
        if rank < 1:
            message = f"whitening needs vectors that differ; all {n_vectors} are the same."
            raise EncoderError(message)
        if rank < width and (n_kept is None or rank < n_kept):
            _log.warning("whitening keeps %d of %d dimensions: %d vectors vary in no more.", rank, width, n_vectors)
        kept = min(rank, n_kept or rank)
        scale = np.sqrt(variances[:kept] + ridge * variances.mean())
        return cls(mean, axes[:, :kept] / scale)

    def apply(self, vectors: Vectors) -> NDArray[np.float32]:
        """(n, width) -> (n, n_kept)."""
        _check_width(vectors, len(self.mean), self)
        return ((vectors - self.mean) @ self.matrix).astype(np.float32)


@dataclass(frozen=True, eq=False)
class Chain:
    """Transforms one after another.

    steps: in the order of application.
    """

    steps: tuple[Transform, ...]

    def apply(self, vectors: Vectors) -> NDArray[np.float32]:
        """All steps, each on what the one before it gave."""
        for step in self.steps:
            vectors = step.apply(vectors)
        return vectors.astype(np.float32, copy=False)


_KINDS = {"center": Centring, "whiten": Whitening, "outliers": OutlierRemoval}
TRANSFORMS = tuple(_KINDS)


def fit_transform(name: str, vectors: Vectors) -> Transform:
    """The transform called `name`, fitted on `vectors` with its default settings: center, whiten or outliers."""
    if name not in _KINDS:
        raise EncoderError(unknown_name("transform", name, _KINDS))
    return _KINDS[name].fit(vectors)


def fit_chain(names: Sequence[str], vectors: Vectors) -> Chain:
    """Transforms in the order of `names`, each fitted on what those before it make of `vectors`."""
    steps = []
    for name in names:
        steps.append(fit_transform(name, vectors))
        vectors = steps[-1].apply(vectors)
    return Chain(tuple(steps))


def save_transform(transform: Transform, path: Path) -> None:
    """Write one of the transforms here, or a chain of them, as a safetensors file; whole or not at all."""
    steps = transform.steps if isinstance(transform, Chain) else (transform,)
    names = {kind: name for name, kind in _KINDS.items()}
    kinds = [names.get(type(step)) for step in steps]
    if None in kinds:
        message = f"a {type(steps[kinds.index(None)]).__name__} cannot be saved; known: {', '.join(_KINDS)}."
        raise EncoderError(message)
    tensors = {
        f"{i}.{field.name}": np.ascontiguousarray(getattr(step, field.name))
        for i, step in enumerate(steps)
        for field in fields(step)  # ty: ignore[invalid-argument-type]
    }
    replace_whole(path, lambda aside: save_file(tensors, aside, metadata={_KEY: json.dumps(kinds)}))


def load_transform(path: Path) -> Chain:
    """What `save_transform` wrote, as a chain (of one step for a single transform). EncoderError for another file."""
    try:
        with safe_open(path, "numpy") as file:
            names = json.loads((file.metadata() or {})[_KEY])
            steps = [
                _KINDS[name](**{field.name: file.get_tensor(f"{i}.{field.name}") for field in fields(_KINDS[name])})
                for i, name in enumerate(names)
            ]
            for step in steps:
                arrays = [getattr(step, field.name) for field in fields(step)]
                if not all(np.isfinite(array).all() for array in arrays):
                    message = "a number is not finite"
                    raise ValueError(message)
    except (SafetensorError, OSError, LookupError, TypeError, ValueError, RecursionError) as error:
        message = f"{path} holds no transforms that save_transform wrote ({ascii(str(error))[1:-1]}); fit them again."
        raise EncoderError(message) from error
    return Chain(tuple(steps))


def _check(vectors: Vectors) -> tuple[int, int]:
    """Number and width of vectors to fit on; EncoderError for none, for another shape, NaN and infinity."""
    if vectors.ndim != 2 or 0 in vectors.shape:
        message = f"a transform is fitted on vectors of shape (n, width), at least one; got {vectors.shape}."
        raise EncoderError(message)
    for start, block in zip(range(0, len(vectors), _ROWS), _blocks(vectors), strict=True):
        bad = ~np.isfinite(block).all(axis=1)
        if bad.any():
            message = f"vector {start + int(bad.argmax())} holds NaN or infinity; leave it out."
            raise EncoderError(message)
    return len(vectors), vectors.shape[1]


def _check_width(vectors: Vectors, width: int, transform: Transform) -> None:
    if vectors.ndim != 2 or vectors.shape[1] != width:
        message = f"{type(transform).__name__} was fitted on vectors of width {width}; got shape {vectors.shape}."
        raise EncoderError(message)


def _mean(vectors: Vectors) -> NDArray[np.float64]:
    return sum(block.sum(axis=0) for block in _blocks(vectors)) / len(vectors)


def _blocks(vectors: Vectors) -> Iterator[NDArray[np.float64]]:
    for start in range(0, len(vectors), _ROWS):
        yield np.asarray(vectors[start : start + _ROWS], dtype=np.float64)
