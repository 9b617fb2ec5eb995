"""Self-attention over rows that lie one behind another in one sequence, each row looking at itself alone.

`transformers` finds it under the name `NAME` of its attention interface; a `RowLayout` says where the rows lie. Rows of
like length form a block, and a block is one call of torch's scaled dot-product attention. On a CUDA device with half
precision and no attention dropout torch's variable-length kernel takes all rows in one call instead.
"""

import inspect
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional
from transformers import AttentionInterface
from transformers.masking_utils import AttentionMaskInterface

from xl_encoders.errors import EncoderError

if TYPE_CHECKING:
    from collections.abc import Generator

NAME = "xl_packed"

# A block may hold rows down to this share of its longest. Shorter ones would make the attention on padding dear, longer
# ones the calls many.
_LIKE_LENGTH = 0.75

# First generation of CUDA devices with the variable-length kernel.
_VARLEN_CAPABILITY = (8, 0)


@dataclass(frozen=True, kw_only=True, eq=False)
class RowBlock:
    """Neighbouring rows of like length, which attention takes in one call.

    n_rows, length: shape of the block; `length` is its longest row.
    n_tokens: tokens of its rows together.
    gather: (n_rows * length,) int64, the token (counted from the block's first) at each place; padding repeats one.
    scatter: (n_tokens,) int64, the place of each token. Both None where all rows are equally long.
    real: (n_rows, length) bool, false for padding; None where there is none.
    seen: (n_rows, length, length) bool, which token sees which, where rows are read forward; None hides nothing.
    """

    n_rows: int
    length: int
    n_tokens: int
    gather: Int[Tensor, " places"] | None = None
    scatter: Int[Tensor, " tokens"] | None = None
    real: Bool[Tensor, "rows length"] | None = None
    seen: Bool[Tensor, "rows length length"] | None = None


@dataclass(kw_only=True, eq=False)
class Watched:
    """What the attention of one block compares.

    modules: of the block, one of which is its attention.
    query, key: (tokens, heads, head_width) of the last pass, the query already scaled; None before it.
    """

    modules: frozenset[nn.Module]
    query: Float[Tensor, "tokens heads head_width"] | None = None
    key: Float[Tensor, "tokens heads head_width"] | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class RowLayout:
    """Where rows lie in a packed sequence, in blocks; made once a forward pass and read by every layer.

    blocks: the blocks in the order of the sequence.
    row_starts: (n_rows + 1,) int32 on the device, first token of each row and the end of the last.
    watched: the block whose queries and keys are kept, if any.
    """

    blocks: tuple[RowBlock, ...]
    row_starts: Int[Tensor, " edges"]
    watched: Watched | None = None

    @cached_property
    def sizes(self) -> list[int]:
        """Tokens of each block."""
        return [block.n_tokens for block in self.blocks]

    @property
    def max_len(self) -> int:
        """Tokens of the longest row."""
        return max(block.length for block in self.blocks)


def row_layout(
    row_lens: Sequence[int],
    device: torch.device,
    *,
    seconds: Sequence[int] | None = None,
    watched: Watched | None = None,
) -> RowLayout:
    """The layout of rows of these lengths.

    row_lens: tokens of each row, all at least 1, in the order of the sequence; descending order makes few blocks.
    seconds: place in each row, at least 1, from which it is read forward, as `seen_forward` has it; None where every
        token sees its whole row.
    """
    blocks = []
    first = 0
    while first < len(row_lens):
        longest = row_lens[first]
        stop = first + 1
        while stop < len(row_lens) and longest * _LIKE_LENGTH <= row_lens[stop] <= longest:
            stop += 1
        blocks.append(_row_block(row_lens[first:stop], device, seconds and seconds[first:stop]))
        first = stop
    starts = torch.zeros(len(row_lens) + 1, dtype=torch.int32)
    starts[1:] = torch.tensor(row_lens, dtype=torch.int32).cumsum(0)
    return RowLayout(blocks=tuple(blocks), row_starts=starts.to(device), watched=watched)


def seen_forward(seconds: Sequence[int], length: int) -> Bool[Tensor, "rows length length"]:
    """Which token (second axis) sees which (third) where a row's second text is read forward.

    seconds: place of each row where the second text begins, at least 1. The first text sees itself alone; a token of
    the second sees the first, and what precedes it in its own.
    """
    place = torch.arange(length)
    second = torch.tensor(seconds)[:, None, None]
    return (place < second) | ((place[:, None] >= second) & (place < place[:, None]))


def packed_attention(
    module: nn.Module,
    query: Float[Tensor, "1 heads tokens head_width"],
    key: Float[Tensor, "1 heads tokens head_width"],
    value: Float[Tensor, "1 heads tokens head_width"],
    attention_mask: Tensor | None,
    dropout: float = 0.0,
    scaling: float | None = None,
    sliding_window: int | None = None,
    xl_layout: RowLayout | None = None,
    **_: Any,
) -> tuple[Float[Tensor, "1 tokens heads head_width"], None]:
    """softmax(scaling * Q K^T) V within each row, in the form that `transformers` calls attention functions.

    dropout: probability that an attention weight is dropped; the caller gives 0 in evaluation mode.
    sliding_window: a token sees those fewer than this many places away; None sees the whole row.
    xl_layout: where the rows lie, from the keyword arguments of the model's forward.
    """
    if xl_layout is None or attention_mask is not None:
        message = (
            f"attention {NAME!r} needs the rows' layout and no mask; it serves xl_encoders.read_rows, so set the "
            f"model's own attention back with set_attn_implementation."
        )
        raise EncoderError(message)
    tokens = [states[0].transpose(0, 1) for states in (query, key, value)]
    watched = xl_layout.watched
    if watched is not None and module in watched.modules:
        watched.query = tokens[0] * (query.shape[-1] ** -0.5 if scaling is None else scaling)
        watched.key = tokens[1]
    varlen = None if any(block.seen is not None for block in xl_layout.blocks) else _varlen(query, dropout)
    if varlen is not None:
        reach = -1 if sliding_window is None else sliding_window - 1
        starts, longest = xl_layout.row_starts, xl_layout.max_len
        out = varlen(*tokens, starts, starts, longest, longest, scale=scaling, window_size=(reach, reach))
        return out[None], None
    parts = [states.split(xl_layout.sizes) for states in tokens]
    outs = [
        _attend(block, *states, dropout=dropout, scaling=scaling, sliding_window=sliding_window)
        for block, *states in zip(xl_layout.blocks, *parts, strict=True)
    ]
    return (outs[0] if len(outs) == 1 else torch.cat(outs))[None], None


@contextmanager
def attending_by_row(model: nn.Module) -> "Generator[None]":
    """`packed_attention` is the attention of `model` inside, its own outside, also after an error.

    Blocks that recompute their activations do so in the backward pass, after this context has ended, and enter it anew.
    """
    configs = list({id(m.config): m.config for m in model.modules() if hasattr(m, "config")}.values())
    recomputing: list[Any] = [module for module in model.modules() if getattr(module, "gradient_checkpointing", False)]
    functions = [(module, module._gradient_checkpointing_func) for module in recomputing]
    for module, function in functions:
        module._gradient_checkpointing_func = _recompute_by_row(function, configs)
    try:
        with _implementation(configs):
            yield
    finally:
        for module, function in functions:
            module._gradient_checkpointing_func = function


@contextmanager
def _implementation(configs: Sequence[Any]) -> "Generator[None]":
    before = [config._attn_implementation for config in configs]
    for config in configs:
        config._attn_implementation = NAME
    try:
        yield
    finally:
        for config, name in zip(configs, before, strict=True):
            config._attn_implementation = name


def _recompute_by_row(checkpoint: Callable[..., Any], configs: Sequence[Any]) -> Callable[..., Any]:
    """The checkpointing function `checkpoint`, with packed attention in the first computation and in the second."""

    def checkpoint_by_row(function: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        def by_row(*inputs: Any, **settings: Any) -> Any:
            with _implementation(configs):
                return function(*inputs, **settings)

        return checkpoint(by_row, *arguments, **options)

    return checkpoint_by_row


def _row_block(row_lens: Sequence[int], device: torch.device, seconds: Sequence[int] | None) -> RowBlock:
    n_rows, longest, n_tokens = len(row_lens), max(row_lens), sum(row_lens)
    seen = None if seconds is None else seen_forward(seconds, longest).to(device)
    if min(row_lens) == longest:
        return RowBlock(n_rows=n_rows, length=longest, n_tokens=n_tokens, seen=seen)
    lens = torch.tensor(row_lens)
    places = torch.arange(longest)
    real = places < lens[:, None]
    # Padding repeats its row's last token: any token serves, since nobody looks at it.
    gather = (lens.cumsum(0) - lens)[:, None] + torch.minimum(places, lens[:, None] - 1)
    return RowBlock(
        n_rows=n_rows,
        length=longest,
        n_tokens=n_tokens,
        gather=gather.flatten().to(device),
        scatter=real.flatten().nonzero().squeeze(1).to(device),
        real=real.to(device),
        seen=seen,
    )


def _attend(
    block: RowBlock,
    query: Float[Tensor, "tokens heads head_width"],
    key: Float[Tensor, "tokens heads head_width"],
    value: Float[Tensor, "tokens heads head_width"],
    *,
    dropout: float,
    scaling: float | None,
    sliding_window: int | None,
) -> Float[Tensor, "tokens heads head_width"]:
    """Attention of one block: its rows as a padded batch, and back."""
    n_heads, head_width = query.shape[1:]
    states = [
        _as_batch(block, x).view(block.n_rows, block.length, n_heads, head_width).transpose(1, 2)
        for x in (query, key, value)
    ]
    attention = _by_products if _is_slow_in_half(query) else functional.scaled_dot_product_attention
    out = attention(*states, attn_mask=_mask(block, sliding_window, query.device), dropout_p=dropout, scale=scaling)
    out = out.transpose(1, 2).reshape(-1, n_heads * head_width)
    if block.gather is not None:
        out = _Unpad.apply(out, block.gather, block.scatter, block.real)
    return out.view(-1, n_heads, head_width)


def _is_slow_in_half(query: Tensor) -> bool:
    """Torch's fused attention for the CPU takes two to five times as long in half precision as its parts do."""
    return query.device.type == "cpu" and query.dtype != torch.float32


def _by_products(
    query: Tensor, key: Tensor, value: Tensor, *, attn_mask: Tensor | None, dropout_p: float, scale: float | None
) -> Tensor:
    """`scaled_dot_product_attention` as two products in the inputs' precision, with the same dropout draws."""
    with torch.autocast(query.device.type, enabled=False):
        scale = query.shape[-1] ** -0.5 if scale is None else scale
        scores = (query * scale) @ key.transpose(-1, -2)
        if attn_mask is not None:
            scores = scores.masked_fill(~attn_mask, -torch.inf)
        weights = functional.dropout(scores.softmax(-1), dropout_p)
        return weights @ value


def _as_batch(block: RowBlock, tokens: Tensor) -> Tensor:
    tokens = tokens.flatten(1)
    return tokens if block.gather is None else _Pad.apply(tokens, block.gather, block.scatter)


def _mask(block: RowBlock, sliding_window: int | None, device: torch.device) -> Tensor | None:
    """Bool, true where a query may see a key, broadcast to (rows, heads, length, length); None hides nothing."""
    real, near = block.real, None
    if sliding_window is not None and block.length > sliding_window:
        places = torch.arange(block.length, device=device)
        near = (places[:, None] - places).abs() < sliding_window
    if block.seen is not None:  # padding stands behind its row and sees the place before it, so no softmax is empty
        return (block.seen if near is None else block.seen & near)[:, None]
    if near is None:
        return None if real is None else real[:, None, None, :]
    # Padding far behind its row has no token near it; it may see its neighbours, so that no softmax is empty.
    return near if real is None else near & (real[:, None, None, :] | ~real[:, None, :, None])


class _Pad(torch.autograd.Function):
    """Tokens at their places. What padding repeats has no gradient of its own, so going back only picks."""

    @staticmethod
    def forward(ctx: Any, tokens: Tensor, gather: Tensor, scatter: Tensor) -> Tensor:
        ctx.save_for_backward(scatter)
        return tokens.index_select(0, gather)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        return gradients[0].index_select(0, ctx.saved_tensors[0]), None, None


class _Unpad(torch.autograd.Function):
    """Places back to tokens; the gradient of padding is zero."""

    @staticmethod
    def forward(ctx: Any, places: Tensor, gather: Tensor, scatter: Tensor, real: Tensor) -> Tensor:
        ctx.save_for_backward(gather, real)
        return places.index_select(0, scatter)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None, None]:
        gather, real = ctx.saved_tensors
        padded = gradients[0].index_select(0, gather)
        return padded.masked_fill(~real.flatten()[:, None], 0.0), None, None, None


def _find_varlen() -> Callable[..., Any] | None:
    """Torch's variable-length attention where this torch has one that takes a scale and a window."""
    try:
        from torch.nn.attention.varlen import varlen_attn
    except ImportError:
        return None
    return varlen_attn if {"scale", "window_size"} <= set(inspect.signature(varlen_attn).parameters) else None


_VARLEN = _find_varlen()


def _varlen(query: Tensor, dropout: float) -> Callable[..., Any] | None:
    """The kernel for all rows at once where it can do what is asked; it has no dropout and no float32."""
    if _VARLEN is None or dropout or query.device.type != "cuda":
        return None
    if query.dtype not in (torch.float16, torch.bfloat16):
        return None
    return _VARLEN if torch.cuda.get_device_capability(query.device) >= _VARLEN_CAPABILITY else None


def _no_mask(**_: Any) -> None:
    """The rows' layout says what a token may see."""


AttentionInterface.register(NAME, packed_attention)
AttentionMaskInterface.register(NAME, _no_mask)
