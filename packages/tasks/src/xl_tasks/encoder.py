"""What a task asks of a model: vectors of texts. Anything with these three members can be measured."""

from collections.abc import Sequence
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

Vectors: TypeAlias = NDArray[np.float32] | sparse.csr_array


class TextEncoder(Protocol):
    """A model that turns texts into vectors, whatever is inside."""

    @property
    def name(self) -> str:
        """How result rows call the model."""
        ...

    @property
    def n_layers(self) -> int:
        """Number of transformer blocks; layers run from 0 (the embeddings) to this number."""
        ...

    def embed(self, texts: Sequence[str], *, layer: int, pooling: str) -> Vectors:
        """One vector a text: (n_texts, width) float32, row i for text i; a dense array or scipy's csr_array.

        layer: `hidden_states` index, 0 = embeddings.
        pooling: how a text's tokens become one vector: "mean-content" (no specials), "mean-all" (specials too) ...
        """
        ...
