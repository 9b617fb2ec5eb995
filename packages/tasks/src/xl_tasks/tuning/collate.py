"""Features as padded batches."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Int
from torch import Tensor

from xl_tasks.tuning.problem import Feature


class Batch(NamedTuple):
    """Inputs of a model, padded on the right.

    ids: (batch, len) int64. real: (batch, len) bool, false for padding. content: (batch, len) bool, true for tokens of
    the text, false for specials and padding. types: (batch, len) int64 token types, None where there are none.
    padded: whether `real` is false anywhere.
    """

    ids: Int[Tensor, "batch len"]
    real: Bool[Tensor, "batch len"]
    content: Bool[Tensor, "batch len"]
    types: Int[Tensor, "batch len"] | None
    padded: bool

    def to(self, device: torch.device) -> "Batch":
        """The same batch on `device`."""
        if device.type == "cpu":
            return self
        types = None if self.types is None else self.types.to(device, non_blocking=True)
        tensors = (tensor.to(device, non_blocking=True) for tensor in (self.ids, self.real, self.content))
        return Batch(*tensors, types, self.padded)


def collate(features: Sequence[Feature], *, pad_id: int, multiple: int = 1) -> Batch:
    """`features` as one batch whose length is the longest one's, made a multiple of `multiple`."""
    lengths = np.array([len(feature.ids) for feature in features])
    length = -(-int(lengths.max()) // multiple) * multiple
    real = np.arange(length) < lengths[:, None]
    ids = np.full(real.shape, pad_id, dtype=np.int64)
    content = np.zeros(real.shape, dtype=bool)
    ids[real] = [token for feature in features for token in feature.ids]
    content[real] = [flag for feature in features for flag in feature.content]
    types = None
    if features[0].types is not None:
        types = np.zeros(real.shape, dtype=np.int64)
        types[real] = [number for feature in features for number in feature.types or [0] * len(feature.ids)]
        types = torch.from_numpy(types)
    arrays = (torch.from_numpy(array) for array in (ids, real, content))
    return Batch(*arrays, types, not bool(real.all()))
