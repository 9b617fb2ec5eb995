"""A frozen encoder as the teacher of static vectors: sums of token states over texts and over spans of them.

Only the blocks up to the layer are computed, and rows of like length are read together. Fits the protocol
`xl_staticemb.Teacher`.
"""

import hashlib
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from xl_encoders.errors import EncoderError
from xl_encoders.model.encoder import Encoder
from xl_encoders.model.evaluation_mode import evaluation_mode
from xl_encoders.model.export import cut_model
from xl_encoders.model.packing import encode_rows
from xl_encoders.model.positions import position_limit
from xl_encoders.reading.embedding import Reading, padded_batches
from xl_encoders.reading.token_ids import token_ids
from xl_encoders.reading.tokens import wrap_rows
from xl_encoders.reading.vector_files import fingerprint
from xl_encoders.reading.word_tokens import PlacedTokens, place_words
from xl_encoders.text.word_splitting import split_words

# X2Static's layer for an encoder of 12 blocks; shallower ones are read at half their depth.
_LAYER, _DEPTH = 6, 12
# Sub-tokens of a sentence, specials included, as published.
_MAX_LEN = 200

_Spans = Sequence[Sequence[tuple[int, int]]]


@dataclass(frozen=True, eq=False)
class SpanSums:
    """Sums of token states; spans of all texts stand one after the other.

    content: (n_texts, width) float32, over the tokens of the text; n_content: (n_texts,) int64, how many.
    special: (n_texts, width) float32, over the two specials around it; n_special: (n_texts,) int64.
    spans: (n_spans, width) float32, over the tokens that cover a part of the span; n_tokens: (n_spans,) int64.
    ends: (n_texts,) int64, how far each text was read, in code points.
    """

    content: NDArray[np.float32]
    n_content: NDArray[np.int64]
    special: NDArray[np.float32]
    n_special: NDArray[np.int64]
    spans: NDArray[np.float32]
    n_tokens: NDArray[np.int64]
    ends: NDArray[np.int64]


class StaticTeacher:
    """An encoder at one layer.

    layer: `hidden_states` index, negative from the end; None takes 6 of 12 blocks or more, half of fewer.
    max_len: longest input in tokens, specials included; the end of a longer text is not read. None takes 200, or the
        model's limit where that is less.
    precision: "no", "bf16", or on a GPU "fp16", as `Encoder.embed` takes it.

    EncoderError for a layer, length or precision that there is not.
    """

    def __init__(
        self, encoder: Encoder, layer: int | None = None, *, max_len: int | None = None, precision: str = "no"
    ) -> None:
        self.layer = static_layer(encoder.n_layers) if layer is None else encoder.resolve_layer(layer)
        limit = position_limit(encoder.model)
        self.max_len = min(_MAX_LEN, limit) if max_len is None else max_len
        if not 3 <= self.max_len <= limit:
            message = f"max_len is {max_len}, but {encoder.name} reads 3 to {limit} tokens."
            raise EncoderError(message)
        self._reading = Reading.of(encoder, [self.layer], "mean-all", precision)
        self._whole = encoder
        self._encoder = _shortened(encoder, self.layer)
        self.width = encoder.width

    @cached_property
    def fingerprint(self) -> str:
        """A digest of weights, tokenizer, layer, length and precision."""
        settings = f"{fingerprint(self._whole)} {self.layer} {self.max_len} {self._reading.precision}"
        return hashlib.blake2b(settings.encode(), digest_size=16).hexdigest()

    @property
    def n_layers(self) -> int:
        """Number of the whole encoder's last layer."""
        return self._whole.n_layers

    @property
    def device(self) -> torch.device:
        """Where the encoder computes."""
        return self._whole.device

    @property
    def special_tokens(self) -> list[str]:
        """Special tokens as they are written, which are no words."""
        return list(self._whole.tokenizer.all_special_tokens)

    def __call__(self, texts: Sequence[str], spans: _Spans) -> SpanSums:
        """Sums for each text and each of its spans, (start, end) in code points; spans may overlap."""
        n_spans = np.array([len(part) for part in spans], dtype=np.int64)
        if len(texts) != len(spans):
            message = f"{len(spans)} lists of spans for {len(texts)} texts; give one for each text."
            raise EncoderError(message)
        room = self.max_len - 2
        placed = self._place(texts, spans)
        ends = self._ends(texts, placed, room)
        rows = wrap_rows([text.row[:room] for text in placed], self._encoder.tokenizer)
        firsts = np.cumsum(n_spans) - n_spans
        sums = _empty(len(texts), int(n_spans.sum()), self.width, ends)
        with torch.inference_mode(), evaluation_mode(self._encoder):
            for members in padded_batches([len(row) for row in rows], self._encoder.pad_multiple):
                with self._reading.autocast(self._encoder):
                    read = encode_rows(self._encoder, [rows[i] for i in members], [self._index])
                bags = _bags([placed[i] for i in members], room)
                bag_sums = _sums(read.layers[self._index].float(), bags)
                n = len(members)
                sums.content[members], sums.special[members] = bag_sums[:n], bag_sums[n : 2 * n]
                numbers = np.concatenate([firsts[i] + np.arange(n_spans[i]) for i in members])
                sums.spans[numbers] = bag_sums[2 * n :]
                lengths = np.array([len(bag) for bag in bags], dtype=np.int64)
                sums.n_content[members], sums.n_special[members] = lengths[:n], lengths[n : 2 * n]
                sums.n_tokens[numbers] = lengths[2 * n :]
        return sums

    @property
    def _index(self) -> int:
        """The layer as the shortened encoder counts it."""
        return min(self.layer, self._encoder.n_layers)

    def _place(self, texts: Sequence[str], spans: _Spans) -> list[PlacedTokens]:
        tokenizer = self._encoder.tokenizer
        if not texts:
            return []
        if not any(spans):  # no need to ask where each token stands
            return [PlacedTokens(row, []) for row in token_ids(tokenizer, texts)]
        if tokenizer.is_fast:
            return place_words(tokenizer, texts, spans)
        # Tokenised piece by piece, spans may not overlap: the stretches between all their bounds do not.
        bounds = [sorted({place for span in part for place in span}) for part in spans]
        stretches = [list(itertools.pairwise(places)) for places in bounds]
        placed = place_words(tokenizer, texts, stretches)
        return [
            PlacedTokens(
                text.row,
                [
                    [
                        i
                        for (a, b), tokens in zip(cut, text.words, strict=True)
                        if start <= a and b <= end
                        for i in tokens
                    ]
                    for start, end in part
                ],
            )
            for text, cut, part in zip(placed, stretches, spans, strict=True)
        ]

    def _ends(self, texts: Sequence[str], placed: Sequence[PlacedTokens], room: int) -> NDArray[np.int64]:
        """How far texts of more than `room` tokens are read: to the end of their last word that is whole."""
        ends = np.array([len(text) for text in texts], dtype=np.int64)
        long = [i for i, text in enumerate(placed) if len(text.row) > room]
        words = [split_words(texts[i]) for i in long]
        for i, spans, text in zip(
            long, words, place_words(self._encoder.tokenizer, [texts[i] for i in long], words), strict=True
        ):
            cut = next((n for n, tokens in enumerate(text.words) if tokens and tokens[-1] >= room), len(spans))
            ends[i] = spans[cut - 1][1] if cut else 0
        return ends


def static_layer(n_layers: int) -> int:
    """The layer that static vectors are read at by default: 6 of 12 blocks and more, half of fewer, at least 1."""
    return _LAYER if n_layers >= _DEPTH else max(1, n_layers // 2)


def _shortened(encoder: Encoder, layer: int) -> Encoder:
    """The encoder without the blocks above `layer`, sharing its weights; itself where it cannot be cut there."""
    try:
        model = cut_model(encoder, max(layer, 1))  # a model without blocks gives no hidden states
    except EncoderError:
        return encoder
    return Encoder(model, encoder.tokenizer, name=encoder.name, max_len=encoder.max_len)


def _empty(n_texts: int, n_spans: int, width: int, ends: NDArray[np.int64]) -> SpanSums:
    def vectors(n: int) -> NDArray[np.float32]:
        return np.zeros((n, width), dtype=np.float32)

    def numbers(n: int) -> NDArray[np.int64]:
        return np.zeros(n, dtype=np.int64)

    return SpanSums(
        vectors(n_texts), numbers(n_texts), vectors(n_texts), numbers(n_texts), vectors(n_spans), numbers(n_spans), ends
    )


def _bags(placed: Sequence[PlacedTokens], room: int) -> list[NDArray[np.int64]]:
    """Places of the tokens to be summed, among those of all rows: of each text, of its specials, of each span."""
    lengths = [min(len(text.row), room) for text in placed]
    starts = np.cumsum([0, *(length + 2 for length in lengths)])[:-1].tolist()
    content = [np.arange(start + 1, start + 1 + n) for start, n in zip(starts, lengths, strict=True)]
    special = [np.array([start, start + 1 + n]) for start, n in zip(starts, lengths, strict=True)]
    spans = [
        np.array([start + 1 + i for i in tokens if i < room], dtype=np.int64)
        for start, text in zip(starts, placed, strict=True)
        for tokens in text.words
    ]
    return [*content, *special, *spans]


def _sums(states: Tensor, bags: Sequence[NDArray[np.int64]]) -> NDArray[np.float32]:
    """(n_bags, width): the sum of the states (tokens, width) of each bag, in the same order of adding every time."""
    offsets = np.cumsum([0, *map(len, bags)])[:-1]
    places = torch.from_numpy(np.concatenate(bags)).to(states.device)
    bounds = torch.from_numpy(offsets).to(states.device)
    return functional.embedding_bag(places, states, bounds, mode="sum").cpu().numpy()
