"""Views: the vectors of the same items in several languages, checked before they are measured."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray

from xl_analysis.errors import AnalysisError


def checked_views(views: Mapping[str, ArrayLike]) -> dict[str, NDArray[np.floating]]:
    """The views as arrays of one float type, (n_items, width) each: float32 if all are, else float64.

    AnalysisError for fewer than two views, shapes that differ, and what `checked_view` refuses.
    """
    shapes = {name: np.shape(view) for name, view in views.items()}
    if len(shapes) < 2 or len(set(shapes.values())) > 1:
        message = f"views must be two or more of one shape, row by row the same items; got {shapes}."
        raise AnalysisError(message)
    arrays = {name: checked_view(name, view) for name, view in views.items()}
    kind = np.result_type(*arrays.values())
    return {name: array.astype(kind, copy=False) for name, array in arrays.items()}


def checked_view(name: str, view: ArrayLike) -> NDArray[np.floating]:
    """A view as an array, float32 if it is that, else float64.

    AnalysisError for a shape other than (n_items, width), numbers that are not finite, and one vector throughout.
    """
    array = np.asarray(view)
    if array.dtype != np.float32:
        array = array.astype(np.float64)
    if array.ndim != 2 or not array.size:
        message = f"view {name!r} has shape {array.shape}; (number of items, width) is needed."
        raise AnalysisError(message)
    if not np.isfinite(array).all():
        message = f"view {name!r} holds numbers that are not finite."
        raise AnalysisError(message)
    if (array == array[0]).all():
        message = f"view {name!r} has the same vector for every item; there is nothing to measure."
        raise AnalysisError(message)
    return array
