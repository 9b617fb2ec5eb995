"""Adam on the rows of a large table that a step touches (the rule of torch.optim.SparseAdam)."""

import torch
from torch import Tensor

_BETA_1, _BETA_2, _EPS = 0.9, 0.999, 1e-8


class RowAdam:
    """A table of vectors with its two moments side by side, so that a row is fetched and stored once a step.

    start: (n_rows, width) float32. Rows that a step does not touch keep their moments, and the correction of the
    bias counts all steps, as in SparseAdam.
    """

    def __init__(self, start: Tensor, lr: float) -> None:
        self.state = torch.zeros(start.shape[0], 3, start.shape[1], dtype=start.dtype, device=start.device)
        self.state[:, 0] = start
        self.lr = lr
        self.n_steps = 0

    @property
    def values(self) -> Tensor:
        """(n_rows, width), a view of the table itself."""
        return self.state[:, 0]

    def fetch(self, rows: Tensor, out: Tensor | None = None) -> Tensor:
        """(n, 3, width): value and moments of `rows` (n,) int64, each row once; in `out` where it is given."""
        return self.state.index_select(0, rows) if out is None else torch.index_select(self.state, 0, rows, out=out)

    def store(self, rows: Tensor, fetched: Tensor, gradient: Tensor) -> None:
        """Step number `n_steps` for `rows`, which `fetch` gave as `fetched` (changed here); gradient: (n, width)."""
        adam_step(fetched[:, 0], fetched[:, 1], fetched[:, 2], gradient, self.lr, self.n_steps)
        if self.state.device.type == "cpu":
            # numpy copies whole rows, torch one number at a time: five times slower.
            self.state.numpy()[rows.numpy()] = fetched.numpy()
        else:
            self.state.index_copy_(0, rows, fetched)


def adam_step(value: Tensor, first: Tensor, second: Tensor, gradient: Tensor, lr: float, n_steps: int) -> None:
    """Adam in place (Kingma and Ba 2015, algorithm 1, eps added before the correction); n_steps counts this one."""
    first.lerp_(gradient, 1 - _BETA_1)
    second.mul_(_BETA_2).addcmul_(gradient, gradient, value=1 - _BETA_2)
    size = lr * (1 - _BETA_2**n_steps) ** 0.5 / (1 - _BETA_1**n_steps)
    value.addcdiv_(first, second.sqrt().add_(_EPS), value=-size)
