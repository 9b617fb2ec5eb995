"""Blocks of an encoder sharded over processes by torch's FSDP2: each keeps its slice of weights, gradients and moments.

Embeddings, pooler and head stay whole everywhere: the head ties its weights to the embeddings and is called apart from
the model. A block's weights are gathered when it runs and dropped after it, forwards and backwards, and its gradients
come back averaged over the processes. All of that is communication, so every process has to run the same blocks in the
same order; where one has nothing left to encode, it runs a pass that counts nothing.
"""

import copy
import os
from collections.abc import Iterable, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
import torch.distributed as dist
from accelerate.state import AcceleratorState
from accelerate.utils import DistributedType
from torch import Tensor, nn

from xl_encoders.distributed.processes import is_sharded, rank, whole_tensor, world_size
from xl_encoders.errors import EncoderError
from xl_encoders.model.encoder import Encoder
from xl_encoders.model.evaluation_mode import evaluation_mode
from xl_encoders.model.packing import blocks_of, encode_rows, supports_packing
from xl_encoders.reading.tokens import edge_ids

if TYPE_CHECKING:
    from collections.abc import Generator

_SWITCH = "ACCELERATE_USE_FSDP"


def asked_for() -> bool:
    """Whether the launcher said FSDP and there are several processes to shard over."""
    said = os.environ.get(_SWITCH, "").lower() in ("1", "true", "yes")
    state = AcceleratorState._shared_state.get("distributed_type") == DistributedType.FSDP
    # The group may not be there yet: the first Accelerator makes it.
    return (said or state) and max(world_size(), int(os.environ.get("WORLD_SIZE", "1"))) > 1


@contextmanager
def unseen_by_accelerate() -> "Generator[None]":
    """Inside, a new `Accelerator` takes this for plain data parallelism: it would want to wrap the model itself."""
    if AcceleratorState._shared_state.get("distributed_type") == DistributedType.FSDP:
        AcceleratorState._reset_state()
    before = os.environ.pop(_SWITCH, None)
    try:
        yield
    finally:
        if before is not None:
            os.environ[_SWITCH] = before


class Sharding:
    """The blocks of `encoder`, sharded in place over all processes from now on.

    The weights of the processes have to be equal. Every process calls every method, in the same order. Raises
    EncoderError for a family that cannot read its rows in one pass, and for offloading.
    """

    def __init__(self, encoder: Encoder) -> None:
        from torch.distributed.device_mesh import init_device_mesh
        from torch.distributed.fsdp import fully_shard

        if os.environ.get("FSDP_OFFLOAD_PARAMS", "").lower() == "true":
            message = "FSDP was told to keep weights in main memory, which is not done here; leave offloading off."
            raise EncoderError(message)
        self._encoder = encoder
        self._outputs: list[Tensor] | None = None
        self._stack = _stack(encoder)
        self._blocks = list(self._stack)
        # The first forward pass of a model hangs on its blocks what collects their states; copies are to have it too.
        with evaluation_mode(encoder), torch.no_grad():
            self.idle()
        self._templates = [_template(block) for block in self._blocks]
        mesh = init_device_mesh(encoder.device.type, (world_size(),))
        for block in self._blocks:
            fully_shard(block, mesh=mesh, reshard_after_forward=True)
            block.register_forward_hook(self._note)

    @contextmanager
    def whole_on_main(self) -> "Generator[None]":
        """Inside, the encoder of the main process is whole and may be scored and saved; others leave theirs alone."""
        full = self._full_blocks(keep=rank() == 0)
        self._put(full)
        try:
            yield
        finally:
            self._put(self._blocks)

    def undo(self) -> None:
        """The encoder is whole again on every process, its blocks new modules with new parameters."""
        self._put(self._full_blocks(keep=True))

    def most(self, *counts: int) -> list[int]:
        """The largest of each count over the processes."""
        most = torch.tensor(counts, dtype=torch.int64, device=self._encoder.device)
        dist.all_reduce(most, op=dist.ReduceOp.MAX)
        return most.tolist()

    def idle(self) -> None:
        """A forward pass of no use, beside another process's useful one."""
        encode_rows(self._encoder, [torch.tensor(edge_ids(self._encoder.tokenizer))], {0})

    @contextmanager
    def recording(self) -> "Generator[list[Tensor]]":
        """The outputs of the blocks of the forward pass made inside, in their order."""
        self._outputs = outputs = []
        try:
            yield outputs
        finally:
            self._outputs = None

    def align(self, loss: Tensor, passes: Sequence[Sequence[Tensor]]) -> Tensor:
        """`loss`, whose backward pass runs through the blocks that any process's loss depends on.

        passes: what `recording` gave for each forward pass since the last backward pass; as many on every process.
        A pooled middle layer leaves the blocks above it out, on one process perhaps and on another not.
        """
        own = _reached(loss, passes)
        most = self.most(*own)
        tops = [outputs[n_most - 1] for outputs, n_own, n_most in zip(passes, own, most, strict=True) if n_own < n_most]
        return _Anchor.apply(loss, *tops) if tops else loss

    def _note(self, block: nn.Module, inputs: Any, output: Any) -> None:
        if self._outputs is not None:
            self._outputs.append(output if isinstance(output, Tensor) else output[0])

    def _full_blocks(self, *, keep: bool) -> list[nn.Module]:
        """The blocks as they were before sharding, with the weights of now; none where they are not to be kept."""
        made = []
        for template, block in zip(self._templates, self._blocks, strict=True):
            state: dict[str, Tensor] = {}
            for name, parameter in block.named_parameters():
                whole = whole_tensor(parameter)
                if keep:
                    state[name] = whole
            if keep:
                full = copy.deepcopy(template)
                full.load_state_dict(state, strict=False, assign=True)
                made.append(full.train(block.training))
        return made

    def _put(self, blocks: Sequence[nn.Module]) -> None:
        for place, block in enumerate(blocks):
            self._stack[place] = block


def clip_gradients(parameters: Iterable[Tensor], max_norm: float) -> Tensor:
    """Scale all gradients together down to a norm of `max_norm`; the norm they had, the same on every process."""
    gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
    norm = total_norm(gradients)
    factor = (max_norm / (norm + 1e-6)).clamp(max=1.0)
    with torch.no_grad():
        for gradient in gradients:
            _local(gradient).mul_(factor)
    return norm


def total_norm(gradients: Iterable[Tensor]) -> Tensor:
    """Norm of all gradients as one vector: of each process's slices together, and of what all of them hold once."""
    gradients = list(gradients)
    slices = [_local(gradient) for gradient in gradients if is_sharded(gradient)]
    # Not every torch has the norm of a sparse tensor (2.9 has none); that of its rows is the same.
    copies = [
        gradient.coalesce().values() if gradient.is_sparse else gradient
        for gradient in gradients
        if not is_sharded(gradient)
    ]
    # On the processor, as not every device has float64 (mps).
    norms = [torch.nn.utils.get_total_norm(some).cpu().double() for some in (slices, copies)]
    squares = norms[0].square().to(gradients[0].device) if slices else torch.zeros((), dtype=torch.float64)
    if any(is_sharded(gradient) for gradient in gradients):
        dist.all_reduce(squares)
    return (squares + norms[1].square().to(squares.device)).sqrt().float()


class _Anchor(torch.autograd.Function):
    """A loss that also depends on some states, with a gradient of exactly zero."""

    @staticmethod
    def forward(ctx: Any, loss: Tensor, *states: Tensor) -> Tensor:
        ctx.save_for_backward(*states)
        return loss.clone()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, ...]:
        return (gradients[0], *(torch.zeros_like(states) for states in ctx.saved_tensors))


def _reached(loss: Tensor, passes: Sequence[Sequence[Tensor]]) -> list[int]:
    """How many of the blocks of each pass, from the first, the loss depends on."""
    places: dict[Any, tuple[int, int]] = {}
    for number, outputs in enumerate(passes):
        for place, output in enumerate(outputs):
            if output.grad_fn is not None:
                places[output.grad_fn] = (number, place)
    reached = [0] * len(passes)
    waiting: list[Any] = [loss.grad_fn]
    seen: set[Any] = set()
    while waiting:
        node = waiting.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        if node in places:  # what lies below is reached through it
            number, place = places[node]
            reached[number] = max(reached[number], place + 1)
        else:
            waiting.extend(following for following, _ in node.next_functions)
    return reached


def _stack(encoder: Encoder) -> nn.ModuleList:
    """The list that holds one module a block, in the base model; EncoderError where texts take several passes."""
    if supports_packing(encoder):
        return blocks_of(encoder)
    message = (
        f"{encoder.name} ({type(encoder.model).__name__}) cannot be sharded by FSDP here; "
        f"launch with --multi_gpu instead."
    )
    raise EncoderError(message)


def _template(block: nn.Module) -> nn.Module:
    """A copy of `block` without the memory of its weights."""
    empty = {
        id(parameter): nn.Parameter(torch.empty_like(parameter, device="meta"), requires_grad=parameter.requires_grad)
        for parameter in block.parameters()
    }
    return copy.deepcopy(block, empty)


def _local(tensor: Any) -> Tensor:
    """The slice of a sharded tensor that this process holds; any other tensor itself."""
    with torch.no_grad():
        return tensor.to_local() if is_sharded(tensor) else tensor
