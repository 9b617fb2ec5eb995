"""A Hugging Face encoder with its tokenizer behind one small interface: states by layer, LM scores, text vectors.

Layers are `hidden_states` indices everywhere: 0 is the embedding output, k the output of block k.
"""

import logging
from collections.abc import Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from xl_encoders.config import POOLINGS
from xl_encoders.errors import EncoderError
from xl_encoders.pooling import mean_pool
from xl_encoders.tokens import TokenBatch, encode_content, pad_rows, special_ids, wrap_rows

if TYPE_CHECKING:
    from collections.abc import Generator

    from numpy.typing import NDArray
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

_log = logging.getLogger(__name__)

# Names under which the model families keep their masked-LM head.
_HEADS = ("lm_head", "cls", "generator_lm_head")

# CANINE puts its character-level states around the blocks: two before, two after (the embeddings are one of them).
_EXTRA_STATES = {"canine": 4}

# CANINE's convolutions look across padding, so that results depend on its length unless that is fixed.
_PAD_TO = {"canine": 128}

# Tokens, padding included, that one forward pass of `embed` may hold.
_EMBED_TOKENS = 8192


class Encoder(nn.Module):
    """An encoder, its masked-LM head if it has one, and its tokenizer.

    name: how result rows call it.
    model: a `transformers` model; its base model gives the states, its head the LM scores.
    max_len: longest input in tokens, specials included.
    """

    def __init__(
        self, model: "PreTrainedModel", tokenizer: "PreTrainedTokenizerBase", *, name: str, max_len: int = 128
    ) -> None:
        super().__init__()
        n_rows = _n_embeddings(model)
        limit = position_limit(model)
        if max_len > limit:
            message = f"model.max_len is {max_len}, but {name} has positions for {limit} tokens; give {limit} or less."
            raise EncoderError(message)
        if n_rows is not None and len(tokenizer) > n_rows:
            message = (
                f"the tokenizer of {name} has {len(tokenizer)} tokens, its embedding table only {n_rows} rows; "
                f"they do not belong together."
            )
            raise EncoderError(message)
        self.model = model
        self.tokenizer = tokenizer
        self.name = name
        self.max_len = max_len
        self._special_ids = special_ids(tokenizer)
        self._cut_before = False
        self.train(model.training)  # a module is born in training mode, whatever its parts are in

    @property
    def n_layers(self) -> int:
        """Number of transformer blocks: layers run from 0 to this number (CANINE: all states but the first)."""
        return self.model.config.num_hidden_layers + _EXTRA_STATES.get(self._family, 0)

    @property
    def _family(self) -> str:
        return getattr(self.model.config, "model_type", "")

    @property
    def width(self) -> int:
        """Length of a state vector."""
        return self.model.config.hidden_size

    @property
    def device(self) -> torch.device:
        """Where the weights lie."""
        return self.model.device

    def resolve_layer(self, layer: int) -> int:
        """The `hidden_states` index that `layer` means; negative counts from the last. EncoderError out of range."""
        index = layer if layer >= 0 else self.n_layers + 1 + layer
        if not 0 <= index <= self.n_layers:
            message = f"layer {layer} is out of range: {self.name} has 0 (embeddings) to {self.n_layers} (last block)."
            raise EncoderError(message)
        return index

    def forward(self, ids: Int[Tensor, "batch len"], real: Tensor) -> tuple[Float[Tensor, "batch len width"], ...]:
        """All hidden states, one (batch, len, width) tensor a layer, from the embeddings to the last block.

        ids: (batch, len) int64. real: (batch, len) bool, false for padding.
        """
        # Without padding there is nothing to hide, and attention is faster with no mask at all.
        mask = None if bool(real.all()) else real.long()
        states = self.model.base_model(input_ids=ids, attention_mask=mask, output_hidden_states=True).hidden_states
        if len(states) != self.n_layers + 1:
            message = f"{self.name} gives {len(states)} hidden states where {self.n_layers + 1} were expected."
            raise EncoderError(message)
        return tuple(_at_length(layer, ids.shape[1]) for layer in states)

    @property
    def head(self) -> nn.Module:
        """The masked-LM head: states -> scores over the vocabulary. EncoderError where the model has none."""
        for name in _HEADS:
            if hasattr(self.model, name):
                return getattr(self.model, name)
        message = f"{self.name} ({type(self.model).__name__}) has no masked-LM head that is known here."
        raise EncoderError(message)

    def batch(self, texts: Sequence[str]) -> TokenBatch:
        """`texts` as one padded batch on the CPU, cut to `max_len` at the end."""
        rows, _ = encode_content(self.tokenizer, texts, self.max_len)
        return self.pad(wrap_rows(rows, self.tokenizer))

    def pad(self, rows: Sequence[Tensor]) -> TokenBatch:
        """Id rows (specials included) as one padded batch on the CPU."""
        return pad_rows(
            rows,
            pad_id=self.tokenizer.pad_token_id,
            special_ids=self._special_ids,
            multiple=_PAD_TO.get(self._family, 1),
        )

    def embed(self, texts: Sequence[str], *, layer: int = -1, pooling: str = "mean-content") -> "NDArray[np.float32]":
        """One vector a text: (n_texts, width) float32, row i for text i whatever the batching.

        layer: `hidden_states` index, negative from the end.
        pooling: "mean-content" (tokens of the text), "mean-all" (specials too) or "first" (the first position).

        Longer texts than `max_len` lose their end, and a warning in the log says how many. Evaluation mode and no
        gradient inside; both are left as they were found.
        """
        index = self.resolve_layer(layer)
        if pooling not in POOLINGS:
            message = f"pooling is {pooling!r}; choose one of {', '.join(POOLINGS)}."
            raise EncoderError(message)
        rows, n_cut = encode_content(self.tokenizer, texts, self.max_len)
        if n_cut and not self._cut_before:
            self._cut_before = True  # once is enough: the same texts come again, layer by layer
            _log.warning(
                "%s reads %d tokens; the end of %d in %d texts is cut.", self.name, self.max_len, n_cut, len(rows)
            )
        wrapped = wrap_rows(rows, self.tokenizer)
        vectors = np.zeros((len(texts), self.width), dtype=np.float32)
        with torch.inference_mode(), evaluation_mode(self):
            for members in _length_batches([len(row) for row in wrapped], _PAD_TO.get(self._family, 1)):
                batch = self.pad([wrapped[i] for i in members]).to(self.device)
                states = self(batch.ids, batch.real)[index].float()
                if pooling == "first":
                    pooled = states[:, 0]
                else:
                    pooled = mean_pool(states, batch.content if pooling == "mean-content" else batch.real)
                vectors[members] = pooled.cpu().numpy()
        return vectors

    def save(self, folder: Path) -> None:
        """Write a folder that `AutoModel` and `AutoTokenizer` open: config, safetensors, tokenizer."""
        self.model.save_pretrained(folder)
        self.tokenizer.save_pretrained(folder)


@contextmanager
def evaluation_mode(module: nn.Module) -> "Generator[None]":
    """Dropout off inside, the former mode back outside."""
    was_training = module.training
    module.eval()
    try:
        yield
    finally:
        module.train(was_training)


def _n_embeddings(model: "PreTrainedModel") -> int | None:
    """Rows of the table of token embeddings; None for a model that hashes its input and has no such table."""
    try:
        n_rows = getattr(model.get_input_embeddings(), "num_embeddings", None)
    except NotImplementedError:
        return None
    return n_rows if isinstance(n_rows, int) else None


def _at_length(states: Tensor, length: int) -> Tensor:
    """States of a shortened layer (CANINE's blocks see one position for four characters) repeated to `length`."""
    if states.shape[1] == length:
        return states
    return states.repeat_interleave(-(-length // states.shape[1]), dim=1)[:, :length]


def position_limit(model: "PreTrainedModel") -> int:
    """Longest input in tokens that the model has position embeddings for."""
    limit = getattr(model.config, "max_position_embeddings", None)
    if not limit or limit <= 0:
        return 10**9
    # The RoBERTa family starts counting after the padding id.
    positions = getattr(getattr(model.base_model, "embeddings", None), "position_embeddings", None)
    offset = 0 if positions is None or positions.padding_idx is None else positions.padding_idx + 1
    return limit - offset


def _length_batches(lengths: Sequence[int], multiple: int) -> "Generator[list[int]]":
    """Indices in batches of similar length, longest first, so that little is padding and memory shows at once.

    multiple: where padding is to a multiple, each text is padded to its own, whatever its neighbours are.
    """
    order = sorted(range(len(lengths)), key=lambda i: -lengths[i])
    start = 0
    while start < len(order):
        longest = -(-lengths[order[start]] // multiple) * multiple
        stop = min(len(order), start + max(1, _EMBED_TOKENS // longest))
        if multiple > 1:
            stop = next((i for i in range(start, stop) if lengths[order[i]] <= longest - multiple), stop)
        yield order[start:stop]
        start = stop
