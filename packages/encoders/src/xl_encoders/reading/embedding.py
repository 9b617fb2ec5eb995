"""Texts as vectors in memory: batches of like length, one forward pass for any number of layers."""

import logging
from collections.abc import Generator, Iterable, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from xl_encoders.config import PRECISIONS, check_pooling
from xl_encoders.errors import EncoderError
from xl_encoders.model.evaluation_mode import evaluation_mode
from xl_encoders.model.packing import supports_packing
from xl_encoders.reading.pooling import RowPooling
from xl_encoders.reading.sensitive_units import exact_units
from xl_encoders.reading.stages import told
from xl_encoders.reading.states import row_states
from xl_encoders.reading.tokens import encode_content, special_ids, wrap_rows

if TYPE_CHECKING:
    from xl_encoders.model.encoder import Encoder

_log = logging.getLogger(__name__)

# Tokens that one forward pass may hold: on a processor what its caches like, elsewhere what fills the device.
_BATCH_TOKENS, _CPU_TOKENS = 16384, 4096

# Tokens, padding included, of a padded batch.
_PADDED_TOKENS = 8192

_DTYPES = {"bf16": torch.bfloat16, "fp16": torch.float16}


@dataclass(frozen=True)
class Reading:
    """How vectors are read off an encoder.

    layers: `hidden_states` indices, from 0.
    pooling: how token states become one vector. precision: "no", "bf16" or "fp16".
    tokens: most tokens of one forward pass; 0 takes what suits the device.
    """

    layers: tuple[int, ...]
    pooling: str
    precision: str
    tokens: int = 0

    @classmethod
    def of(cls, encoder: "Encoder", layers: Sequence[int], pooling: str, precision: str, tokens: int = 0) -> "Reading":
        """Checked against `encoder`; EncoderError for a layer, pooling or precision that there is not."""
        if not layers:
            message = "layers is empty; give at least one hidden_states index."
            raise EncoderError(message)
        check_pooling(pooling)
        check_precision(encoder, precision)
        return cls(tuple(encoder.resolve_layer(layer) for layer in layers), pooling, precision, tokens)

    def autocast(self, encoder: "Encoder") -> AbstractContextManager[object]:
        """What the forward passes run under."""
        return autocast(encoder, self.precision)


def check_precision(encoder: "Encoder", precision: str) -> None:
    """EncoderError for a precision that there is not, or not on the encoder's device."""
    if precision not in PRECISIONS:
        message = f"precision is {precision!r}; choose one of {', '.join(PRECISIONS)}."
        raise EncoderError(message)
    if precision == "fp16" and encoder.device.type != "cuda":
        message = f"precision is fp16, which needs a GPU; on {encoder.device.type} give bf16 or no."
        raise EncoderError(message)


@contextmanager
def autocast(encoder: "Encoder", precision: str) -> Generator[None]:
    """What forward passes of a precision run under, without gradients; see `exact_units`."""
    if precision not in _DTYPES:
        yield
        return
    with torch.autocast(encoder.device.type, _DTYPES[precision]), exact_units(encoder.model):
        yield


def embed_texts(encoder: "Encoder", texts: Iterable[str], reading: Reading) -> list[NDArray[np.float32]]:
    """(n_texts, width) float32 for each layer of `reading`, row i for text i; passed through the encoder's tail."""
    texts = as_texts(texts)
    rows, n_cut = encode_content(encoder.tokenizer, [encoder.prompt + text for text in texts], encoder.max_len)
    warn_cut(encoder, n_cut, len(rows))
    skipped = n_unpooled(encoder)
    wrapped = wrap_rows(rows, encoder.tokenizer)
    tails = [encoder.tail_of(layer, reading.pooling) for layer in reading.layers]
    widths = [encoder.vector_width(layer, reading.pooling) for layer in reading.layers]
    vectors = [np.zeros((len(texts), width), dtype=np.float32) for width in widths]
    special = special_ids(encoder.tokenizer)
    with torch.inference_mode(), evaluation_mode(encoder), reading.autocast(encoder):
        for members in told(row_batches(encoder, wrapped, reading.tokens), "embedding", len(wrapped), "texts"):
            batch = [wrapped[i] for i in members]
            states = row_states(encoder, batch, reading.layers)
            lens, content = torch.tensor([len(row) for row in batch]), ~torch.isin(torch.cat(batch), special)
            pool = RowPooling(lens, content, reading.pooling, n_unpooled=skipped, device=encoder.device)
            # Without autocast: a product of matrices would be rounded to 16 bits again.
            with torch.autocast(encoder.device.type, enabled=False):
                for array, layer, tail in zip(vectors, reading.layers, tails, strict=True):
                    pooled = pool(states[layer].float())
                    array[members] = (pooled if tail is None else tail(pooled)).cpu().numpy()
    return vectors


def n_unpooled(encoder: "Encoder") -> int:
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
    encoder.n_cut += n_cut
    if n_cut and not encoder.cut_before:
        encoder.cut_before = True
        _log.warning(
            "%s reads %d tokens; the end of %d in %d texts is cut.", encoder.name, encoder.max_len, n_cut, n_texts
        )


def row_batches(encoder: "Encoder", rows: Sequence[Tensor], tokens: int) -> Generator[list[int]]:
    """Indices of id rows in batches for `row_states`: longest first, at most `tokens` tokens each (or one row).

    tokens: 0 takes what suits the encoder's device.
    """
    most = tokens or (_CPU_TOKENS if encoder.device.type == "cpu" else _BATCH_TOKENS)
    if not supports_packing(encoder):
        yield from padded_batches([len(row) for row in rows], encoder.pad_multiple, most)
        return
    batch: list[int] = []
    n_tokens = 0
    for i in sorted(range(len(rows)), key=lambda i: -len(rows[i])):
        if batch and n_tokens + len(rows[i]) > most:
            yield batch
            batch, n_tokens = [], 0
        batch.append(i)
        n_tokens += len(rows[i])
    if batch:
        yield batch


def padded_batches(lengths: Sequence[int], multiple: int, tokens: int = _PADDED_TOKENS) -> Generator[list[int]]:
    """Indices in batches of similar length, longest first, so that little is padding and memory shows at once.

    tokens: how many, padding included, a batch may hold, but one text at least.
    multiple: where padding is to a multiple, each text is padded to its own, whatever its neighbours are.
    """
    order = sorted(range(len(lengths)), key=lambda i: -lengths[i])
    start = 0
    while start < len(order):
        longest = -(-lengths[order[start]] // multiple) * multiple
        stop = min(len(order), start + max(1, tokens // longest))
        if multiple > 1:
            stop = next((i for i in range(start, stop) if lengths[order[i]] <= longest - multiple), stop)
        yield order[start:stop]
        start = stop
