"""The step of X2Static: one gather of word vectors, the gradient in closed form, one row-wise Adam step.

With a context c of each of T targets, its word w and K negatives n_k, and V the table of word vectors:

    L = mean_T softplus(-c.V_w) + sum_k mean_T softplus(c.V_{n_k})
    dL/dV_w = (sigmoid(c.V_w) - 1) c / T,    dL/dV_{n_k} = sigmoid(c.V_{n_k}) c / T

Softplus is the published loss without its clamp of scores to +-20, beyond which it has no gradient.
"""

import torch
from torch import Tensor
from torch.nn import functional

from xl_staticemb.x2static.row_adam import RowAdam, adam_step

_CLAMP = 20.0
# Numbers of the rows that are worked on together on a CPU: they and their moments stay in its cache.
_TILE = 1 << 17


class NegativeSampling:
    """Word vectors in training, and the linear map that contexts go through where their width is another.

    table: (n_words, width) float32. linear: (width, context_width) float32 or None, trained along.
    compat: scores beyond +-20 have no gradient.
    """

    def __init__(self, table: Tensor, lr: float, *, linear: Tensor | None = None, compat: bool = False) -> None:
        self.table = RowAdam(table, lr)
        self.linear = None if linear is None else torch.stack([linear, *(torch.zeros_like(linear) for _ in range(2))])
        self.compat = compat
        on_cpu = table.device.type == "cpu"
        self._tile = max(1, _TILE // table.shape[1]) if on_cpu and linear is None else None
        self._buffer = (
            None if self._tile is None else torch.empty(self._tile, *self.table.state.shape[1:], dtype=table.dtype)
        )

    @torch.no_grad()
    def step(self, contexts: Tensor, words: Tensor) -> Tensor:
        """Train on a batch; its loss before the step, a scalar.

        contexts: (targets, context_width) float32. words: (targets, 1 + negatives) int64, the target's word first.
        """
        n_targets, n_columns = words.shape
        mapped = contexts if self.linear is None else contexts @ self.linear[0].T
        # Uses of words, by word: a row's gradient depends on its own scores alone, so that rows need only be met once.
        ordered, order = words.reshape(-1).sort(stable=True)
        rows, n_uses = torch.unique_consecutive(ordered, return_counts=True)
        targets = order // n_columns
        signs = torch.where(order == targets * n_columns, -1.0, 1.0).to(mapped.dtype)
        ends = n_uses.cumsum(0)
        row_of_use = torch.arange(len(rows), device=rows.device).repeat_interleave(n_uses, output_size=len(order))
        losses = mapped.new_empty(len(order))
        self.table.n_steps += 1
        tile = self._tile or len(rows)
        bounds = [0, *ends[tile - 1 :: tile].tolist(), len(order)]
        for number, first in enumerate(range(0, len(rows), tile)):
            uses = slice(bounds[number], bounds[number + 1])
            here = rows[first : first + tile]
            fetched = self.table.fetch(here, None if self._buffer is None else self._buffer[: len(here)])
            places = row_of_use[uses] - first
            vectors = fetched[:, 0].index_select(0, places)
            scores = vectors.mul_(mapped.index_select(0, targets[uses])).sum(1).mul_(signs[uses])
            if self.compat:
                inside = scores.abs() <= _CLAMP
                scores.clamp_(-_CLAMP, _CLAMP)
            losses[uses] = functional.softplus(scores)
            slopes = scores.sigmoid_().mul_(signs[uses]).div_(n_targets)
            if self.compat:
                slopes *= inside
            # Slopes times contexts, summed over the uses of a row: a bag of contexts for each row.
            starts = ends[first : first + tile] - n_uses[first : first + tile] - uses.start
            gradient = functional.embedding_bag(targets[uses], mapped, starts, mode="sum", per_sample_weights=slopes)
            if self.linear is not None:
                self._step_linear(contexts, order, places, fetched[:, 0], slopes, n_columns)
            self.table.store(here, fetched, gradient)
        return losses.sum() / n_targets

    def _step_linear(
        self, contexts: Tensor, order: Tensor, places: Tensor, vectors: Tensor, slopes: Tensor, n_columns: int
    ) -> None:
        """Adam on the map A: dL/dA = sum over uses of (slope V_word) context^T; all rows are in one tile."""
        back = torch.empty_like(order)
        back[order] = torch.arange(len(order), device=order.device)  # from uses by word to uses by target
        starts = torch.arange(0, len(order), n_columns, device=order.device)
        by_target = functional.embedding_bag(
            places[back], vectors.contiguous(), starts, mode="sum", per_sample_weights=slopes[back]
        )
        assert self.linear is not None  # noqa: S101  (for the type checker)
        adam_step(*self.linear, by_target.T @ contexts, self.table.lr, self.table.n_steps)
