"""Vectors of words in context, with their places in the text (reference: Alqahtani et al. 2021: last, first, mean)."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from xl_encoders.errors import EncoderError
from xl_encoders.model.evaluation_mode import evaluation_mode
from xl_encoders.reading.embedding import as_texts, autocast, check_precision, row_batches
from xl_encoders.reading.stages import told
from xl_encoders.reading.states import row_states
from xl_encoders.reading.tokens import wrap_rows
from xl_encoders.reading.word_tokens import PlacedTokens, place_words
from xl_encoders.text.word_splitting import split_words

if TYPE_CHECKING:
    from xl_encoders.model.encoder import Encoder

HOWS = ("last", "first", "mean", "all")


@dataclass(frozen=True)
class TextWords:
    """The words of one text.

    vectors: (n_words, width) float32; zero for a word without a token. Where "all" was asked for, (n_tokens.sum(),
        width), the tokens of each word in turn.
    offsets: (n_words, 2) int64, start and end of each word in the text, in code points.
    n_tokens: (n_words,) int64, tokens of each word; 0 for one that the tokenizer drops.
    shared: (n_words,) bool, whether one of the tokens covers a part of another word too, as in scripts without spaces:
        words that share all of their tokens have equal vectors.
    """

    vectors: NDArray[np.float32]
    offsets: NDArray[np.int64]
    n_tokens: NDArray[np.int64]
    shared: NDArray[np.bool_]


class _Picks(NamedTuple):
    """Tokens to read: states[places] * weights are added to the words numbered `words`; all (n_picks,), by place."""

    places: NDArray[np.int64]
    words: NDArray[np.int64]
    weights: NDArray[np.float32]

    def within(self, start: int, end: int) -> "_Picks":
        """Those at places from `start` to before `end`, counted from `start`."""
        part = slice(*np.searchsorted(self.places, [start, end]))
        return _Picks(self.places[part] - start, self.words[part], self.weights[part])


def word_vectors(
    encoder: "Encoder",
    texts: Sequence[str],
    layers: Sequence[int],
    how: str = "last",
    words: Sequence[Sequence[tuple[int, int]]] | None = None,
    *,
    precision: str = "no",
    tokens: int = 0,
) -> list[list[TextWords]]:
    """The words of each text at each layer; see `Encoder.word_vectors`. layers: `hidden_states` indices, from 0."""
    check_precision(encoder, precision)
    if how not in HOWS:
        message = f"how is {how!r}; choose one of {', '.join(HOWS)}."
        raise EncoderError(message)
    texts = as_texts(texts)
    if words is None:
        words = [split_words(text) for text in texts]
    elif len(words) != len(texts):
        message = f"{len(words)} lists of words for {len(texts)} texts; give one for each text."
        raise EncoderError(message)
    placed = place_words(encoder.tokenizer, texts, words)
    n_rows = [sum(map(len, text.words)) if how == "all" else len(text.words) for text in placed]
    vectors = {layer: np.zeros((sum(n_rows), encoder.width), dtype=np.float32) for layer in layers}
    windows: list[list[int]] = []
    picks: list[_Picks] = []
    bounds = [0, *accumulate(n_rows)]
    for text, first_row in zip(placed, bounds, strict=False):
        read = _picks(text, how, first_row)
        for start, end in _windows(text, encoder.max_len - 2):
            windows.append(text.row[start:end])
            picks.append(read.within(start, end))
    wrapped = wrap_rows(windows, encoder.tokenizer)
    with torch.inference_mode(), evaluation_mode(encoder), autocast(encoder, precision):
        for members in told(row_batches(encoder, wrapped, tokens), "embedding", len(wrapped), "texts"):
            batch = [wrapped[i] for i in members]
            states = row_states(encoder, batch, vectors)
            read = [picks[i] for i in members]
            # Where the tokens of each row begin among those of all rows, behind its first special.
            starts = accumulate((len(row) for row in batch), initial=1)
            places = np.concatenate([part.places + start for part, start in zip(read, starts, strict=False)])
            weights = torch.as_tensor(np.concatenate([part.weights for part in read]), device=encoder.device)
            numbers = np.concatenate([part.words for part in read])
            # Words of a batch have slots of their own, so that only they leave the device.
            present, slots = np.unique(numbers, return_inverse=True)
            places, slots = (torch.as_tensor(each, device=encoder.device) for each in (places, slots))
            for layer, array in vectors.items():
                chosen = states[layer][places].float()
                summed = chosen.new_zeros(len(present), chosen.shape[-1])
                summed.index_add_(0, slots, chosen * weights.unsqueeze(1))
                array[present] += summed.cpu().numpy()
    offsets = [np.array(spans, dtype=np.int64).reshape(-1, 2) for spans in words]
    n_tokens = [np.array([len(places) for places in text.words], dtype=np.int64) for text in placed]
    shared = [_shared(text) for text in placed]
    return [
        [
            TextWords(vectors[layer][bounds[i] : bounds[i + 1]], offsets[i], n_tokens[i], shared[i])
            for i in range(len(placed))
        ]
        for layer in layers
    ]


def _windows(text: PlacedTokens, room: int) -> list[tuple[int, int]]:
    """(start, end) of the parts of a text's tokens that are read together, `room` tokens at most each.

    A part ends between two words where it can; the tokens of a word that is longer than a part are read apart.
    """
    n_tokens = len(text.row)
    inside = np.zeros(n_tokens + 1, dtype=bool)  # whether a cut before this token would fall inside a word
    owned = {place for places in text.words for place in places}
    for places in text.words:
        if places:
            # A token of no word before it is the space that opens it: the two are read as they are in running text.
            opens = places[0] - (places[0] > 0 and places[0] - 1 not in owned)
            inside[opens + 1 : places[-1] + 1] = True
    windows = []
    start = 0
    while start < n_tokens:
        end = min(start + room, n_tokens)
        if end < n_tokens:
            free = np.flatnonzero(~inside[start + 1 : end + 1])
            end = start + 1 + int(free[-1]) if len(free) else end
        windows.append((start, end))
        start = end
    return windows


def _picks(text: PlacedTokens, how: str, first_word: int) -> _Picks:
    """What to read of a text whose words, or of "all" the tokens of its words, are numbered from `first_word`."""
    kept = {"last": slice(-1, None), "first": slice(1), "mean": slice(None), "all": slice(None)}[how]
    chosen = [places[kept] for places in text.words]
    if how == "all":
        chosen = [[place] for places in chosen for place in places]
    n_chosen = np.array([len(places) for places in chosen], dtype=np.int64)
    places = np.array([place for part in chosen for place in part], dtype=np.int64)
    words = np.repeat(np.arange(first_word, first_word + len(chosen)), n_chosen)
    weights = 1 / np.repeat(n_chosen, n_chosen).astype(np.float32)
    order = np.argsort(places, kind="stable")
    return _Picks(places[order], words[order], weights[order])


def _shared(text: PlacedTokens) -> NDArray[np.bool_]:
    owners = np.zeros(len(text.row), dtype=np.int64)
    for places in text.words:
        owners[places] += 1
    return np.array([bool((owners[places] > 1).any()) for places in text.words], dtype=bool)
