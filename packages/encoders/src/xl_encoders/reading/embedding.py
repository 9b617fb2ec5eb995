"""Texts as vectors in memory: batches of like length, one forward pass for any number of layers."""

import logging
from collections.abc import Generator, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from xl_encoders.config import POOLINGS, PRECISIONS
from xl_encoders.errors import EncoderError
from xl_encoders.model.evaluation_mode import evaluation_mode
from xl_encoders.reading.pooling import mean_pool
from xl_encoders.reading.stages import told
from xl_encoders.reading.states import hidden_states
from xl_encoders.reading.tokens import encode_content, wrap_rows

if TYPE_CHECKING:
    from xl_encoders.model.encoder import Encoder

_log = logging.getLogger(__name__)

# Tokens, padding included, that one forward pass may hold.
_BATCH_TOKENS = 8192

_DTYPES = {"bf16": torch.bfloat16, "fp16": torch.float16}


@dataclass(frozen=True)
class Reading:
    """How vectors are read off an encoder.

    layers: `hidden_states` indices, from 0.
    pooling: how token states become one vector. precision: "no", "bf16" or "fp16".
    """

    layers: tuple[int, ...]
    pooling: str
    precision: str

    @classmethod
    def of(cls, encoder: "Encoder", layers: Sequence[int], pooling: str, precision: str) -> "Reading":
        """Checked against `encoder`; EncoderError for a layer, pooling or precision that there is not."""
        if not layers:
            message = "layers is empty; give at least one hidden_states index."
            raise EncoderError(message)
        for name, value, choices in (("pooling", pooling, POOLINGS), ("precision", precision, PRECISIONS)):
            if value not in choices:
                message = f"{name} is {value!r}; choose one of {', '.join(choices)}."
                raise EncoderError(message)
        if precision == "fp16" and encoder.device.type != "cuda":
            message = f"precision is fp16, which needs a GPU; on {encoder.device.type} give bf16 or no."
            raise EncoderError(message)
        return cls(tuple(encoder.resolve_layer(layer) for layer in layers), pooling, precision)

    def autocast(self, device: torch.device) -> AbstractContextManager[object]:
        """What the forward passes run under."""
        return torch.autocast(device.type, _DTYPES[self.precision]) if self.precision in _DTYPES else nullcontext()


def embed_texts(encoder: "Encoder", texts: Iterable[str], reading: Reading) -> list[NDArray[np.float32]]:
    """(n_texts, width) float32 for each layer of `reading`, row i for text i; passed through the encoder's tail."""
    texts = as_texts(texts)
    rows, n_cut = encode_content(encoder.tokenizer, [encoder.prompt + text for text in texts], encoder.max_len)
    warn_cut(encoder, n_cut, len(rows))
    n_unpooled = _n_unpooled(encoder)
    wrapped = wrap_rows(rows, encoder.tokenizer)
    tails = [encoder.tail_of(layer, reading.pooling) for layer in reading.layers]
    widths = [encoder.vector_width(layer, reading.pooling) for layer in reading.layers]
    vectors = [np.zeros((len(texts), width), dtype=np.float32) for width in widths]
    with torch.inference_mode(), evaluation_mode(encoder), reading.autocast(encoder.device):
        batches = padded_batches([len(row) for row in wrapped], encoder.pad_multiple)
        for members in told(batches, "embedding", len(wrapped), "texts"):
            batch = encoder.pad([wrapped[i] for i in members]).to(encoder.device)
            states = hidden_states(encoder, batch, reading.layers)
            keep = batch.content if reading.pooling == "mean-content" else batch.real
            if n_unpooled:
                keep = keep & (torch.arange(keep.shape[1], device=keep.device) >= n_unpooled)
            for array, layer, tail in zip(vectors, reading.layers, tails, strict=True):
                if reading.pooling == "first":
                    pooled = states[layer][:, n_unpooled].float()
                else:
                    # Without autocast: a product of matrices would be rounded to 16 bits again.
                    with torch.autocast(encoder.device.type, enabled=False):
                        pooled = mean_pool(states[layer].float(), keep)
                if tail is not None:
                    with torch.autocast(encoder.device.type, enabled=False):
                        pooled = tail(pooled)
                array[members] = pooled.cpu().numpy()
    return vectors


def _n_unpooled(encoder: "Encoder") -> int:
    """Positions from the first on that are not pooled: none, or those of a prompt and of the special before it.

    EncoderError for a prompt that leaves no room for a text.
    """
    if not encoder.prompt:
        return 0
    rows, n_cut = encode_content(encoder.tokenizer, [encoder.prompt], encoder.max_len - 1)
    if n_cut:
        message = f"the prompt {encoder.prompt!r} takes all {encoder.max_len} tokens that {encoder.name} reads."
        raise EncoderError(message)
    return 0 if encoder.pools_prompt else 1 + len(rows[0])


def as_texts(texts: Iterable[str], first: int = 0) -> list[str]:
    """`texts` as a list; EncoderError for a single string and for what is no string.

    first: number of the first text, for the message.
    """
    check_texts(texts)
    texts = list(texts)
    for number, text in enumerate(texts, first):
        if not isinstance(text, str):
            message = f"text {number} is a {type(text).__name__}, not a string."
            raise EncoderError(message)
    return texts


def check_texts(texts: Iterable[str]) -> None:
    """Raise EncoderError for a single string, whose characters would be taken for texts."""
    if isinstance(texts, str):
        message = "texts is one string; give a list of strings."
        raise EncoderError(message)


def warn_cut(encoder: "Encoder", n_cut: int, n_texts: int) -> None:
    """Say once for each encoder how many texts lost their end: the same texts come again, layer by layer."""
    if n_cut and not encoder.cut_before:
        encoder.cut_before = True
        _log.warning(
            "%s reads %d tokens; the end of %d in %d texts is cut.", encoder.name, encoder.max_len, n_cut, n_texts
        )


def padded_batches(lengths: Sequence[int], multiple: int) -> Generator[list[int]]:
    """Indices in batches of similar length, longest first, so that little is padding and memory shows at once.

    multiple: where padding is to a multiple, each text is padded to its own, whatever its neighbours are.
    """
    order = sorted(range(len(lengths)), key=lambda i: -lengths[i])
    start = 0
    while start < len(order):
        longest = -(-lengths[order[start]] // multiple) * multiple
        stop = min(len(order), start + max(1, _BATCH_TOKENS // longest))
        if multiple > 1:
            stop = next((i for i in range(start, stop) if lengths[order[i]] <= longest - multiple), stop)
        yield order[start:stop]
        start = stop
