"""States of many rows of tokens at once, without padding in the result and, where the family allows, in the computing.

Rows of different length fill a padded batch to a half or less. Packed, all rows lie in one sequence: linear layers,
norms and embeddings see real tokens alone, positions restart with each row, and attention stays within it.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from xl_encoders.errors import EncoderError
from xl_encoders.model.packed_attention import Watched, attending_by_row, row_layout
from xl_encoders.model.positions import position_limit

if TYPE_CHECKING:
    from xl_encoders.model.encoder import Encoder

# Tokens, padding included, of one padded sub-batch, and the share of its longest row down to which rows may join it.
_PADDED_TOKENS = 8192
_LIKE_LENGTH = 0.75


class Halves(NamedTuple):
    """Rows of two texts.

    seconds: place in each row where the second text begins; 0, or the row's length, where there is none.
    reset: whether positions restart there. types: whether token types are 1 from there on, else 0 throughout.
    forward: whether the first text sees itself alone, and a token of the second the first and what precedes it in its
        own; else every token sees its whole row. Each row then needs a first text.
    """

    seconds: Sequence[int]
    reset: bool = False
    types: bool = False
    forward: bool = False

    def of(self, order: Sequence[int]) -> "Halves":
        """Those of the rows in `order`."""
        return self._replace(seconds=[self.seconds[row] for row in order])

    def counted(self, row_lens: Sequence[int]) -> list[int]:
        """Tokens of each stretch that positions run through: of the rows, or of their halves."""
        lens: list[int] = []
        for second, length in zip(self.seconds, row_lens, strict=True):
            lens += [second, length - second] if self.reset and 0 < second < length else [length]
        return lens

    def token_types(self, row_lens: Sequence[int]) -> Int[Tensor, " tokens"]:
        """(tokens,) int64 of all rows."""
        seconds = torch.tensor([second or length for second, length in zip(self.seconds, row_lens, strict=True)])
        lens = torch.tensor(row_lens)
        return (_within_rows(lens) >= seconds.repeat_interleave(lens)).long() * int(self.types)


class TokenStates(NamedTuple):
    """States of the tokens of several rows, one row after another, no padding anywhere.

    layers: `hidden_states` index -> (tokens, width) states of all tokens, in the order of the rows.
    row_lens: (rows,) int64 on the CPU, tokens of each row, specials included.
    query, key: (tokens, heads, head_width) of the block that was asked for, the query scaled: products of both are
        what the softmax of its attention is taken of.
    """

    layers: Mapping[int, Float[Tensor, "tokens width"]]
    row_lens: Int[Tensor, " rows"]
    query: Float[Tensor, "tokens heads head_width"] | None = None
    key: Float[Tensor, "tokens heads head_width"] | None = None


def encode_rows(
    encoder: "Encoder",
    rows: Sequence[Int[Tensor, " len"]],
    layers: Collection[int],
    *,
    packed: bool | None = None,
    halves: Halves | None = None,
    attention_of: int = 0,
) -> TokenStates:
    """States of every token of `rows`, on the encoder's device, with a gradient where the caller's grad mode says so.

    rows: id rows (len,) int64 on the CPU, specials included, no padding. No rows give states of no tokens.
    layers: `hidden_states` indices wanted, negative from the end; the result's keys count from 0.
    packed: one sequence of all rows (true), padded sub-batches of like length (false), or packed where the family
        allows (None). States and gradients agree to rounding; dropout draws differ.
    halves: where rows are of two texts whose positions or token types tell them apart; None for rows that are one.
    attention_of: block, from 1, whose queries and keys are given too; 0 for none.

    Raises EncoderError for a layer out of range, a row longer than the model's positions, and for `packed=True`,
    positions that restart, rows read forward or `attention_of` with a family that cannot.
    """
    indices = sorted({encoder.resolve_layer(layer) for layer in layers})
    able = supports_packing(encoder)
    if packed and not able:
        message = (
            f"{encoder.name} ({type(encoder.model).__name__}) cannot read packed rows; leave packed at None or False."
        )
        raise EncoderError(message)
    if halves and halves.reset and not able:
        raise EncoderError(no_reset(encoder))
    if (attention_of or (halves and halves.forward)) and not able:
        message = f"{encoder.name} ({type(encoder.model).__name__}) cannot read the second text of a pair forward."
        raise EncoderError(message)
    row_lens = torch.tensor([len(row) for row in rows], dtype=torch.int64)
    _check_lengths(encoder, row_lens)
    # Longest first: blocks of like length, and memory shows at once.
    order = torch.argsort(row_lens, descending=True, stable=True).tolist()
    order = [i for i in order if len(rows[i])]
    if not order:
        empty = torch.zeros(0, encoder.width, device=encoder.device, dtype=encoder.model.dtype)
        return TokenStates(dict.fromkeys(indices, empty), row_lens)
    halves = halves.of(order) if halves and (halves.reset or halves.types or halves.forward) else None
    ordered = [rows[i] for i in order]
    if able if packed is None else packed:
        watched = Watched(modules=frozenset(blocks_of(encoder)[attention_of - 1].modules())) if attention_of else None
        read = _read_packed(encoder, ordered, indices, halves, watched)
        seen = [] if watched is None else [watched.query, watched.key]
    else:
        read, seen = _read_padded(encoder, ordered, indices, halves), []
    if order == sorted(order):  # the rows came longest first
        return TokenStates(read, row_lens, *seen)
    index, inverse = (places.to(encoder.device) for places in _token_places(row_lens, order))
    states = {k: _Reorder.apply(layer, index, inverse) for k, layer in read.items()}
    return TokenStates(states, row_lens, *(_Reorder.apply(one, index, inverse) for one in seen))


def supports_packing(encoder: "Encoder") -> bool:
    """Whether the encoder's family can read packed rows: bidirectional, positions given from outside."""
    config = encoder.model.config
    return encoder.model.config.model_type in _INPUTS and not getattr(config, "is_decoder", False)


def blocks_of(encoder: "Encoder") -> nn.ModuleList:
    """The list that holds one module a block, of a family that can read packed rows."""
    n_blocks = encoder.model.config.num_hidden_layers
    stacks = (module for module in encoder.model.base_model.modules() if isinstance(module, nn.ModuleList))
    return next(stack for stack in stacks if len(stack) == n_blocks)


def no_reset(encoder: "Encoder") -> str:
    """Why positions cannot restart within a row of this encoder."""
    return (
        f"{encoder.name} ({type(encoder.model).__name__}) takes no positions from outside, so they cannot restart "
        f"within a row; let them continue."
    )


def _inputs(
    encoder: "Encoder", ids: Tensor, row_lens: Sequence[int], halves: Halves | None
) -> dict[str, Int[Tensor, " tokens"]]:
    """What a forward pass needs besides the (tokens,) ids of all rows."""
    config = encoder.model.config
    inputs: dict[str, Tensor] = {}
    if config.model_type in _INPUTS:
        counted = halves.counted(row_lens) if halves else row_lens
        inputs = _INPUTS[config.model_type](ids, torch.tensor(counted), config.pad_token_id)
    if halves and halves.types:
        inputs["token_type_ids"] = halves.token_types(row_lens)
    return inputs


def _read_packed(
    encoder: "Encoder",
    rows: Sequence[Tensor],
    layers: Sequence[int],
    halves: Halves | None,
    watched: Watched | None,
) -> dict[int, Tensor]:
    """All rows in one forward pass; the keyword argument `xl_layout` travels through the model to its attention."""
    base = encoder.model.base_model
    row_lens = [len(row) for row in rows]
    ids = torch.cat(list(rows))
    inputs = {"input_ids": ids, **_inputs(encoder, ids, row_lens, halves)}
    inputs = {name: tensor[None].to(encoder.device) for name, tensor in inputs.items()}
    seconds = halves.seconds if halves and halves.forward else None
    layout = row_layout(row_lens, encoder.device, seconds=seconds, watched=watched)
    with attending_by_row(base):
        states = base(**inputs, output_hidden_states=True, xl_layout=layout).hidden_states
    return {layer: states[layer][0] for layer in layers}


def _read_padded(
    encoder: "Encoder", rows: Sequence[Tensor], layers: Sequence[int], halves: Halves | None
) -> dict[int, Tensor]:
    """Rows in sub-batches of like length, padding taken out of the states."""
    # A family that pads to a multiple does so for one token too; each row then keeps the padding it would have alone.
    multiple = encoder.pad([rows[0][:1]]).ids.shape[1]
    parts: dict[int, list[Tensor]] = {layer: [] for layer in layers}
    for members in _like_length([len(row) for row in rows], multiple):
        batch = encoder.pad([rows[i] for i in members]).to(encoder.device)
        inputs: dict[str, Tensor] = {}
        if halves:
            lens = [len(rows[i]) for i in members]
            of_tokens = _inputs(encoder, batch.ids[batch.real].cpu(), lens, halves.of(members))
            for name, tensor in of_tokens.items():
                inputs[name] = torch.zeros_like(batch.ids)
                inputs[name][batch.real] = tensor.to(encoder.device)
        states = encoder(batch.ids, batch.real, **inputs)
        for layer in layers:
            parts[layer].append(states[layer][batch.real])
    return {layer: torch.cat(part) for layer, part in parts.items()}


def _like_length(lengths: Sequence[int], multiple: int) -> list[range]:
    """Neighbours of descending `lengths` in groups of like length and at most `_PADDED_TOKENS` padded tokens."""
    padded = [-(-length // multiple) * multiple for length in lengths]
    groups = []
    first = 0
    for i in range(1, len(padded) + 1):
        if (
            i == len(padded)
            or (padded[i] < padded[first] if multiple > 1 else padded[i] < padded[first] * _LIKE_LENGTH)
            or (i - first + 1) * padded[first] > _PADDED_TOKENS
        ):
            groups.append(range(first, i))
            first = i
    return groups


def _check_lengths(encoder: "Encoder", row_lens: Tensor) -> None:
    limit = position_limit(encoder.model)
    too_long = (row_lens > limit).nonzero()
    if len(too_long):
        row = int(too_long[0])
        message = (
            f"row {row} has {int(row_lens[row])} tokens, but {encoder.name} has positions for {limit}; "
            f"cut it to {limit} or less."
        )
        raise EncoderError(message)


def _token_places(row_lens: Tensor, order: Sequence[int]) -> tuple[Tensor, Tensor]:
    """From rows in `order` to rows as they came, and back: (tokens,) int64 each, for `index_select` over the tokens."""
    starts = row_lens.cumsum(0) - row_lens
    lens = row_lens[order]
    inverse = _within_rows(lens) + starts[order].repeat_interleave(lens)
    index = torch.empty_like(inverse)
    index[inverse] = torch.arange(len(inverse))
    return index, inverse


class _Reorder(torch.autograd.Function):
    """Tokens in another order: going back is the inverse order, no sum over tokens."""

    @staticmethod
    def forward(ctx: Any, states: Tensor, index: Tensor, inverse: Tensor) -> Tensor:
        ctx.save_for_backward(inverse)
        return states.index_select(0, index)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        return gradients[0].index_select(0, ctx.saved_tensors[0]), None, None


def _within_rows(row_lens: Tensor) -> Int[Tensor, " tokens"]:
    """0, 1, 2 ... anew for each row."""
    starts = row_lens.cumsum(0) - row_lens
    return torch.arange(int(row_lens.sum())) - starts.repeat_interleave(row_lens)


def _positions_from_zero(ids: Tensor, row_lens: Tensor, pad_id: int) -> dict[str, Tensor]:
    return {"position_ids": _within_rows(row_lens)}


def _bert_inputs(ids: Tensor, row_lens: Tensor, pad_id: int) -> dict[str, Tensor]:
    # Without token types the model looks them up in a table that ends at its longest row.
    return {"position_ids": _within_rows(row_lens), "token_type_ids": torch.zeros_like(ids)}


def _roberta_inputs(ids: Tensor, row_lens: Tensor, pad_id: int) -> dict[str, Tensor]:
    """Positions count from behind the padding id; a padding id within a row, as masking may draw it, is not counted."""
    counted = ids != pad_id
    before = counted.cumsum(0)
    starts = row_lens.cumsum(0) - row_lens
    at_start = (before - counted.long())[starts].repeat_interleave(row_lens)
    return {"position_ids": (before - at_start) * counted + pad_id, "token_type_ids": torch.zeros_like(ids)}


_Inputs = Callable[[Tensor, Tensor, int], dict[str, Tensor]]

# Model type -> what a forward pass of packed rows needs besides ids. Types left out have no packed way.
_INPUTS: dict[str, _Inputs] = {
    "bert": _bert_inputs,
    "camembert": _roberta_inputs,
    "distilbert": _positions_from_zero,
    "electra": _bert_inputs,
    "modernbert": _positions_from_zero,
    "roberta": _roberta_inputs,
    "xlm-roberta": _roberta_inputs,
    "xlm-roberta-xl": _roberta_inputs,
}
