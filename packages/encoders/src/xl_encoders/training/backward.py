"""Losses and gradients of one batch, plainly or through a gradient cache (Gao et al. 2021).

The cache makes the memory of a joint loss depend on a chunk, not on the batch: every chunk is encoded without a graph,
the loss is taken on all vectors, its gradient with respect to them is kept, and every chunk is encoded again, with the
same dropout, to carry its rows of that gradient back. The gradient is that of the whole batch.
"""

from collections.abc import Callable, Collection, Mapping, Set
from contextlib import AbstractContextManager
from typing import Any

import torch
from torch import Tensor

from xl_encoders.distributed.processes import gather_rows, sum_over_processes
from xl_encoders.distributed.sharding import Sharding
from xl_encoders.training.part import Encoded, Part, Share, mix


def backward_batch(
    part: Part,
    batch: Any,
    weights: Mapping[str, float],
    *,
    share: Share,
    seed: int,
    cached: bool,
    backward: Callable[[Tensor], None],
    autocast: Callable[[], AbstractContextManager],
    width: int,
    device: torch.device,
    sharding: Sharding | None = None,
) -> dict[str, Tensor]:
    """Add the gradient of the weighted losses of one batch to the parameters; the unweighted losses by term.

    weights: term -> factor; terms with 0 or without one are not computed.
    share: of this process. Gradients are scaled for a mean over processes that follows: with `share.exact` that mean is
        the gradient of the losses of the whole batch, without it (as published) each process's own rows of a joint loss
        count 1/world of that.
    seed: decides dropout, chunk by chunk; the same seed gives the same masks.
    cached: whether joint losses of more than one chunk go through the gradient cache.
    backward: called with each scalar to differentiate; autocast: entered around every forward pass.
    sharding: of the encoder, where it is sharded; every process then makes as many passes as any other.
    """
    width = getattr(part, "vector_width", width)  # where a part's vectors are not the encoder's own
    term_names = {name for name, weight in weights.items() if weight}
    joint_terms = term_names & part.joint_terms
    chunks = part.chunks(batch, share, term_names)
    # The mean over processes that follows divides by their number what each has as its part of a sum.
    scale = float(share.world) if share.exact else 1.0
    values: dict[str, Tensor] = {}

    passes: list[list[Tensor]] = []  # of a sharded encoder, since the last backward pass

    def encode(number: int | None, terms: Collection[str]) -> Encoded:
        if sharding is None or not torch.is_grad_enabled():
            return encode_plainly(number, terms)
        with sharding.recording() as outputs:
            passes.append(outputs)
            return encode_plainly(number, terms)

    def encode_plainly(number: int | None, terms: Collection[str]) -> Encoded:
        with autocast():
            if number is None and sharding is not None:
                sharding.idle()
            if number is None:
                return Encoded(torch.zeros(0, width, device=device), {})
            torch.manual_seed(mix(seed, share.rank, number))
            return part.encode(batch, chunks[number], share, terms)

    def weighted(losses: Mapping[str, Tensor]) -> Tensor:
        for name, loss in losses.items():
            values[name] = values.get(name, 0.0) + loss.detach().float()
        terms = [weights[name] * loss.float() for name, loss in losses.items()]
        return torch.stack(terms).sum() * scale if terms else torch.zeros((), device=device)

    def joint_loss(vectors: Tensor, slots: Tensor) -> Tensor:
        rows, places = gather_rows(vectors, slots)
        return weighted(part.joint(batch, torch.empty_like(rows).index_copy(0, places, rows), joint_terms))

    def differentiate(loss: Tensor) -> None:
        if sharding is not None:
            loss = sharding.align(loss, passes)
            passes.clear()
        if loss.requires_grad:  # the share of a process may be empty
            backward(loss)

    with_vectors: list[int | None] = [n for n, chunk in enumerate(chunks) if joint_terms and len(chunk.slots)]
    alone: list[int | None] = [n for n in range(len(chunks)) if n not in with_vectors]
    if sharding is not None:
        for own, most in zip((with_vectors, alone), sharding.most(len(with_vectors), len(alone)), strict=True):
            own += [None] * (most - len(own))
    if joint_terms:
        own_slots = [chunks[number].slots for number in with_vectors if number is not None]
        slots = torch.cat([torch.empty(0, dtype=torch.int64), *own_slots])
        none = torch.zeros(0, width, device=device)
        if cached and len(with_vectors) > 1:
            with torch.no_grad():
                parts = [encode(number, joint_terms).vectors for number in with_vectors]
            vectors = torch.cat([none, *parts]).requires_grad_()
            (slopes,) = torch.autograd.grad(joint_loss(vectors, slots), vectors)
            for number, slope in zip(with_vectors, slopes.split([len(part) for part in parts]), strict=True):
                encoded = encode(number, term_names)
                differentiate((encoded.vectors * slope).sum() + weighted(encoded.losses))
        else:
            encoded = [encode(number, term_names) for number in with_vectors]
            loss = joint_loss(torch.cat([none, *(one.vectors for one in encoded)]), slots)
            differentiate(loss + sum(weighted(one.losses) for one in encoded))
    for number in alone:
        differentiate(weighted(encode(number, term_names).losses))
    return _over_processes(values, term_names, part.joint_terms, share, device)


def _over_processes(
    values: Mapping[str, Tensor], terms: Set[str], joint: frozenset[str], share: Share, device: torch.device
) -> dict[str, Tensor]:
    """Each process has its share of a loss that is a sum, but the whole of one that is joint."""
    names = sorted(terms)
    own = torch.stack([torch.as_tensor(values.get(name, 0.0), device=device, dtype=torch.float32) for name in names])
    total = sum_over_processes(own)
    means = total / share.world
    return {name: means[i] if name in joint or not share.exact else total[i] for i, name in enumerate(names)}
