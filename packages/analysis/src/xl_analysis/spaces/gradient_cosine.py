"""Whether objectives pull the weights the same way: cosines of their gradients, layer by layer.

    cos(a, b) = <g_a, g_b> / (||g_a|| ||g_b||)

over the weights of one layer, or of all: 1 where a step for a is a step for b, below 0 where it undoes what b wants (Yu
et al. 2020, "Gradient surgery for multi-task learning", definition 1: conflicting gradients).
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from xl_analysis.errors import AnalysisError


class GradientCosines(NamedTuple):
    """names: the k objectives. by_layer: layer -> (k, k) float64. overall: (k, k), over all layers together.

    NaN where one of the two has no gradient there.
    """

    names: tuple[str, ...]
    by_layer: dict[int, NDArray[np.float64]]
    overall: NDArray[np.float64]


def gradient_cosines(gradients: Mapping[str, Mapping[int, Sequence[ArrayLike]]]) -> GradientCosines:
    """Cosines of the gradients of objectives.

    gradients: objective -> layer -> the gradients of that layer's weights, of the same shapes and in the same order for
    every objective. Computed in float64. AnalysisError for fewer than two objectives, layers or weights that differ
    between them, and numbers that are not finite.
    """
    names = tuple(gradients)
    if len(names) < 2:
        message = f"{len(names)} objective has a gradient; a cosine is of two."
        raise AnalysisError(message)
    layers = sorted(gradients[names[0]])
    if any(sorted(gradients[name]) != layers for name in names):
        message = f"the objectives {', '.join(names)} have gradients of different layers; give the same of each."
        raise AnalysisError(message)
    products = {layer: _products([gradients[name][layer] for name in names], layer) for layer in layers}
    total = sum(products.values(), start=np.zeros((len(names), len(names))))
    return GradientCosines(names, {layer: _cosines(its) for layer, its in products.items()}, _cosines(total))


def _products(sides: Sequence[Sequence[ArrayLike]], layer: int) -> NDArray[np.float64]:
    """Inner products of the objectives' gradients of one layer, (k, k)."""
    products = np.zeros((len(sides), len(sides)))
    if len({len(side) for side in sides}) > 1:
        message = f"layer {layer}: {' and '.join(str(len(side)) for side in sides)} weights; give the same of each."
        raise AnalysisError(message)
    for weights in zip(*sides, strict=True):
        arrays = [np.asarray(each, dtype=np.float64) for each in weights]
        if len({each.shape for each in arrays}) > 1:
            shapes = " and ".join(str(each.shape) for each in arrays)
            message = f"layer {layer}: the gradients of one weight have shapes {shapes}; give the same weights of each."
            raise AnalysisError(message)
        flat = np.stack([each.ravel() for each in arrays])
        products += flat @ flat.T
    if not np.isfinite(products).all():
        message = f"layer {layer}: a gradient holds numbers that are not finite."
        raise AnalysisError(message)
    return products


def _cosines(products: NDArray[np.float64]) -> NDArray[np.float64]:
    norms = np.sqrt(np.diagonal(products))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(np.outer(norms, norms) > 0, products / np.outer(norms, norms), np.nan).clip(-1, 1)
