"""Shares of work that is done before training: each process does its own, all get all of it."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any, TypeVar

import torch.distributed as dist

from xl_encoders.distributed.processes import rank, world_size

_T = TypeVar("_T")

# A process may score for hours while the others wait for its share; when one dies, the launcher ends all.
_PATIENCE = timedelta(days=7)


class Exchange:
    """A way between the processes of its own, so that a thread that draws ahead does not meet the gradients' messages.

    Every process makes the same exchanges in the same order, and on each of them the same calls in the same order.
    With one process nothing is exchanged.
    """

    def __init__(self) -> None:
        self.rank, self.world = rank(), world_size()
        # On the CPU, whatever the gradients travel by.
        self._group: Any = dist.new_group(backend="gloo", timeout=_PATIENCE) if self.world > 1 else None

    def gather(self, own: _T) -> list[_T]:
        """What each process has, in the order of their numbers."""
        if self._group is None:
            return [own]
        shares: list[Any] = [None] * self.world
        dist.all_gather_object(shares, own, group=self._group)
        return shares

    def shared(self, work: Callable[[slice], Sequence[_T]], n_items: int) -> list[_T]:
        """`work` on every `world`-th of `n_items` items by each process; the results of all, in the items' order.

        work: a slice of the items -> as many results.
        """
        results: list[Any] = [None] * n_items
        for place, share in enumerate(self.gather(work(slice(self.rank, None, self.world)))):
            results[place :: self.world] = share
        return results
