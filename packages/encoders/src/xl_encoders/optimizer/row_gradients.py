"""The gradient of a large table of token embeddings kept as the rows that a step has read, and AdamW over it.

A batch reads some thousand of a quarter of a million pieces. As one dense tensor the table's gradient takes as much
memory as the table, and every backward pass sets a new one to zero and adds it to the last. Kept as rows, in torch's
sparse layout, it costs what its tokens cost. The optimiser goes through the table in blocks, each with a dense gradient
of its own, so every weight still takes the same step: moments of pieces that were not read decay as well.
"""

import itertools
from collections.abc import Callable
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.optim.adamw import adamw

from xl_encoders.distributed.processes import world_size
from xl_encoders.model.trainable import Trainable

if TYPE_CHECKING:
    from collections.abc import Generator

# Rows of a block: its weights, moments and gradient stay near the processor while the optimiser is at it.
_BLOCK = 4096


@contextmanager
def row_gradients(encoder: Trainable, *, compiled: bool = False) -> "Generator[None]":
    """Inside, looking up token embeddings leaves a gradient of rows; nothing changes where that does not help.

    A graphics processor sets memory to zero faster than it sorts rows, gradients of several processes are averaged as
    dense tensors, and compiled models know no sparse ones.
    """
    table = encoder.token_embeddings
    lookup = None if table is None else encoder.model.get_input_embeddings()
    if not isinstance(lookup, nn.Embedding) or encoder.device.type != "cpu" or world_size() > 1 or compiled:
        yield
        return
    before = lookup.sparse
    lookup.sparse = True
    try:
        yield
    finally:
        lookup.sparse = before


def add_gradients(a: Tensor, b: Tensor) -> Tensor:
    """The sum of two gradients, each dense or of rows; `a` may be changed."""
    return b + a if a.is_sparse and not b.is_sparse else a.add_(b)


class RowAdamW(torch.optim.AdamW):
    """Fused AdamW that takes gradients of rows too, and makes of them the step of the same gradient in dense form."""

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """One step over all parameters."""
        rows = [
            (group, parameter, parameter.grad.coalesce())
            for group in self.param_groups
            for parameter in group["params"]
            if parameter.grad is not None and parameter.grad.is_sparse
        ]
        for _, parameter, _ in rows:
            parameter.grad = None
        loss = super().step(closure)
        for group, parameter, gradient in rows:
            self._step_by_rows(group, parameter, gradient)
            parameter.grad = gradient
        return loss

    def _step_by_rows(self, group: dict[str, Any], parameter: Tensor, gradient: Tensor) -> None:
        state = self.state[parameter]
        if not state:
            state["step"] = torch.zeros((), dtype=torch.float32, device=parameter.device)
            state["exp_avg"] = torch.zeros_like(parameter)
            state["exp_avg_sq"] = torch.zeros_like(parameter)
        places, values = gradient.indices()[0], gradient.values()
        n_rows = len(parameter)
        limits = torch.searchsorted(places, torch.arange(0, n_rows + _BLOCK, _BLOCK)).tolist()
        dense = torch.zeros(min(_BLOCK, n_rows), *parameter.shape[1:], dtype=parameter.dtype)
        for number, (first, last) in enumerate(itertools.pairwise(limits)):
            start = number * _BLOCK
            block = slice(start, min(start + _BLOCK, n_rows))
            inside = places[first:last] - start
            dense[inside] = values[first:last]
            adamw(
                [parameter[block]],
                [dense[: block.stop - start]],
                [state["exp_avg"][block]],
                [state["exp_avg_sq"][block]],
                [],
                [state["step"].clone()],
                fused=True,
                amsgrad=False,
                beta1=group["betas"][0],
                beta2=group["betas"][1],
                lr=group["lr"],
                weight_decay=group["weight_decay"],
                eps=group["eps"],
                maximize=False,
            )
            dense[inside] = 0
        state["step"] += 1
