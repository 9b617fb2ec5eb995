"""From token states to one vector a text: means, the largest numbers, one position (Reimers and Gurevych 2019).

With states h_t of positions t = 1 to n, specials included: mean-all is their mean, mean-content that of the tokens
that are no specials, mean-weighted sum t h_t / sum t (Muennighoff 2022), mean-sqrt sum h_t / sqrt n, max the largest
number of each dimension, first h_1 and last h_n. Of several, joined by commas, the vectors stand one behind the other.
"""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn.functional import embedding_bag


def mean_pool(
    states: Float[Tensor, "batch len width"], keep: Bool[Tensor, "batch len"]
) -> Float[Tensor, "batch width"]:
    """sum_t keep_t h_t / max(1, sum_t keep_t): the mean state over the kept positions, in the dtype of `states`.

    states: (batch, len, width), any float dtype.
    keep: (batch, len) bool, true for positions that count. A row without any gives the zero vector, not NaN.
    """
    weights = keep.to(states.dtype)
    total = torch.bmm(weights.unsqueeze(1), states).squeeze(1)
    return total / weights.sum(dim=1, keepdim=True).clamp(min=1)


class RowPooling:
    """Pooling of rows of tokens that stand one behind another, without padding; made once for the states of any layer.

    row_lens: (rows,) int64 on the CPU, tokens of each row, at least one. content: (tokens,) bool on the CPU, false for
    specials. pooling: one of POOLINGS, or several joined by commas. n_unpooled: positions of each row, from its first
    on, that do not count (a prompt); those behind keep their weights. A row without a token that counts gives zeros.
    """

    def __init__(
        self,
        row_lens: Int[Tensor, " rows"],
        content: Bool[Tensor, " tokens"],
        pooling: str,
        *,
        n_unpooled: int = 0,
        device: torch.device | str = "cpu",
    ) -> None:
        ends = row_lens.cumsum(0)
        places = torch.arange(int(row_lens.sum())) - (ends - row_lens).repeat_interleave(row_lens)
        counts = places >= n_unpooled
        self._parts = [
            _Bags(row_lens, places, counts & content if name == "mean-content" else counts, name, n_unpooled, device)
            for name in pooling.split(",")
        ]

    def __call__(self, states: Float[Tensor, "tokens width"]) -> Float[Tensor, "rows out"]:
        """(tokens, width) of any float dtype -> (rows, width times the number of poolings), in their dtype."""
        pooled = [bags(states) for bags in self._parts]
        return pooled[0] if len(pooled) == 1 else torch.cat(pooled, dim=1)


class _Bags:
    """One pooling: which tokens each row takes, with which weights."""

    def __init__(
        self,
        row_lens: Int[Tensor, " rows"],
        places: Int[Tensor, " tokens"],
        counts: Bool[Tensor, " tokens"],
        name: str,
        n_unpooled: int,
        device: torch.device | str,
    ) -> None:
        self._weights = self._factor = None
        begins = row_lens.cumsum(0) - row_lens
        if name in ("first", "last"):
            taken, starts = begins + (n_unpooled if name == "first" else row_lens - 1), torch.arange(len(row_lens))
        else:
            taken = counts.nonzero().squeeze(1)
            before = torch.cat([torch.zeros(1, dtype=torch.int64), counts.cumsum(0)])
            starts, n_taken = before[begins], before[begins + row_lens] - before[begins]
            if name == "mean-weighted":
                total = (row_lens * (row_lens + 1) - n_unpooled * (n_unpooled + 1)) / 2
                self._weights = ((places[taken] + 1) / total.repeat_interleave(n_taken)).to(device)
            elif name == "mean-sqrt":
                self._factor = n_taken.sqrt()[:, None].to(device)
        self._mode = "max" if name == "max" else "mean" if self._weights is None else "sum"
        self._taken, self._starts = taken.to(device), starts.to(device)

    def __call__(self, states: Float[Tensor, "tokens width"]) -> Float[Tensor, "rows width"]:
        weights = None if self._weights is None else self._weights.to(states.dtype)
        pooled = embedding_bag(self._taken, states, self._starts, mode=self._mode, per_sample_weights=weights)
        return pooled if self._factor is None else pooled * self._factor.to(states.dtype)
