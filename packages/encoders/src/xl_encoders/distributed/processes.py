"""Several processes as one: vectors gathered with the exact gradient, gradients averaged, figures summed.

Each process holds the whole model (or slices of it, see `sharding`) and encodes its share of every batch. What
DistributedDataParallel does while the backward pass runs is done here after it, in few large messages: a step has
several backward passes over several streams, some of which leave parameters out, and only their sum is to be averaged.
"""

from collections.abc import Iterable
from typing import Any

import torch
import torch.distributed as dist
from jaxtyping import Float, Int
from torch import Tensor

# Elements of one all-reduce: few calls, and no second copy of all gradients.
_BUCKET = 1 << 24


def world_size() -> int:
    """Number of processes that train together."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def rank() -> int:
    """Number of this process, from 0."""
    return dist.get_rank() if world_size() > 1 else 0


def gather_rows(
    rows: Float[Tensor, "own width"], slots: Int[Tensor, " own"]
) -> tuple[Float[Tensor, "all width"], Int[Tensor, " all"]]:
    """The rows of every process and their slots; of the result only this process's own rows carry a gradient.

    Every process then computes the same loss on them and differentiates its own rows: the sum over processes is the
    gradient of the loss. slots: (own,) int64.
    """
    n_processes = world_size()
    if n_processes == 1:
        return rows, slots.to(rows.device)
    slots = slots.to(rows.device)
    counts = [torch.zeros(1, dtype=torch.int64, device=rows.device) for _ in range(n_processes)]
    dist.all_gather(counts, torch.tensor([len(rows)], device=rows.device))
    longest = max(int(count) for count in counts)
    padded, padded_slots = rows.new_zeros(longest, rows.shape[1]), slots.new_zeros(longest)
    padded[: len(rows)], padded_slots[: len(rows)] = rows.detach(), slots
    all_rows = [torch.empty_like(padded) for _ in counts]
    all_slots = [torch.empty_like(padded_slots) for _ in counts]
    dist.all_gather(all_rows, padded)
    dist.all_gather(all_slots, padded_slots)
    all_rows = [part[: int(count)] for part, count in zip(all_rows, counts, strict=True)]
    all_rows[rank()] = rows
    return torch.cat(all_rows), torch.cat([part[: int(n)] for part, n in zip(all_slots, counts, strict=True)])


def average_gradients(parameters: Iterable[Tensor]) -> None:
    """Replace each gradient by its mean over the processes; one that some of them miss counts as zero there.

    What no process has a gradient for keeps none, so that an optimiser leaves it alone, as it does with one process.
    Sharded parameters are left out: their gradients are averaged as they come.
    """
    n_processes = world_size()
    if n_processes == 1:
        return
    parameters = [parameter for parameter in parameters if not is_sharded(parameter)]
    present = torch.tensor([parameter.grad is not None for parameter in parameters], dtype=torch.int32)
    present = sum_over_processes(present.to(parameters[0].device)).tolist()
    bucket: list[Tensor] = []
    size = 0
    for parameter in (parameter for parameter, n_present in zip(parameters, present, strict=True) if n_present):
        if parameter.grad is None:
            parameter.grad = torch.zeros_like(parameter)
        if bucket and (size + parameter.grad.numel() > _BUCKET or parameter.grad.dtype != bucket[0].dtype):
            _average(bucket, n_processes)
            bucket, size = [], 0
        bucket.append(parameter.grad)
        size += parameter.grad.numel()
    if bucket:
        _average(bucket, n_processes)


def is_sharded(tensor: Tensor) -> bool:
    """Whether each process holds a slice of `tensor` only."""
    return hasattr(tensor, "full_tensor")  # torch's DTensor, whose import is slow


def whole_tensor(tensor: Any) -> Tensor:
    """A sharded tensor put together on every process, all of which call this; any other tensor itself."""
    return tensor.detach().full_tensor() if is_sharded(tensor) else tensor.detach()


def fill_tensor(tensor: Any, values: Tensor) -> None:
    """Copy `values` into `tensor`, or this process's slice of them where it is sharded; all processes call this."""
    if is_sharded(tensor):
        from torch.distributed.tensor import distribute_tensor

        values = distribute_tensor(values.to(tensor.device), tensor.device_mesh, tensor.placements)
    tensor.copy_(values)


def sum_over_processes(values: Tensor) -> Tensor:
    """The elementwise sum of `values` over all processes; the same tensor with one."""
    if world_size() > 1:
        values = values.clone()
        dist.all_reduce(values)
    return values


def from_main(value: float, device: torch.device) -> float:
    """What the main process has, on every process; those wait for it."""
    if world_size() == 1:
        return value
    tensor = torch.tensor([value], dtype=torch.float64, device=device)
    dist.broadcast(tensor, 0)
    return float(tensor)


def _average(gradients: list[Tensor], n_processes: int) -> None:
    flat = torch.cat([gradient.reshape(-1) for gradient in gradients])
    dist.all_reduce(flat)
    flat /= n_processes
    for gradient, part in zip(gradients, flat.split([g.numel() for g in gradients]), strict=True):
        gradient.copy_(part.view_as(gradient))
