"""Texts as tokens that know where in the original text they come from, whatever was done to it before.

Offsets are code points of the original. Two steps lie between it and the tokens: the input unit, which may write it in
another script (`Aligned`), and the tokenizer's own normaliser.
"""

import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from transformers import PreTrainedTokenizerBase

from xl_encoders.reading.word_tokens import piece_encoder, place_words
from xl_tasks.units.unit import Aligned


class LocatedTokens(NamedTuple):
    """Content tokens of a text.

    ids: token ids, without specials.
    spans: (len, 2) int64, start and end in the original text without white space at the edges; start = end for tokens
        that stand for no character (a space, a bare word marker).
    """

    ids: list[int]
    spans: NDArray[np.int64]


def locate_tokens(
    tokenizer: PreTrainedTokenizerBase, texts: Sequence[Aligned], originals: Sequence[str]
) -> list[LocatedTokens]:
    """The tokens of each text, located in its original.

    A tokenizer without offsets is asked character by character if it reads characters (CANINE), else word by word:
    every token of a word then has the span of the whole word.
    """
    if not texts:
        return []
    strings = [aligned.text for aligned in texts]
    rows, offsets = (_fast if tokenizer.is_fast else _slow)(tokenizer, strings)
    return [
        LocatedTokens(row, _in_original(_trimmed(_continued(places, aligned.text), aligned.text), aligned, original))
        for row, places, aligned, original in zip(rows, offsets, texts, originals, strict=True)
    ]


def _fast(tokenizer: PreTrainedTokenizerBase, texts: list[str]) -> tuple[list[list[int]], list[NDArray[np.int64]]]:
    encoded = tokenizer(
        texts, add_special_tokens=False, return_attention_mask=False, return_offsets_mapping=True, verbose=False
    )
    offsets = [np.array(places, dtype=np.int64).reshape(-1, 2) for places in encoded["offset_mapping"]]
    return encoded["input_ids"], offsets


def _slow(tokenizer: PreTrainedTokenizerBase, texts: list[str]) -> tuple[list[list[int]], list[NDArray[np.int64]]]:
    words = [_characters(text) if _reads_characters(tokenizer) else _words(text) for text in texts]
    offsets = []
    placed = place_words(tokenizer, texts, words)
    for tokens, spans in zip(placed, words, strict=True):
        places = np.zeros((len(tokens.row), 2), dtype=np.int64)
        for span, positions in zip(spans, tokens.words, strict=True):
            places[positions] = span
        offsets.append(places)
    return [tokens.row for tokens in placed], offsets


def _reads_characters(tokenizer: PreTrainedTokenizerBase) -> bool:
    """Whether each code point is a token, spaces too."""
    ids_of = piece_encoder(tokenizer)
    probe = "ab c"
    return [ids_of(char) for char in probe] == [[token] for token in ids_of(probe)]


def _characters(text: str) -> list[tuple[int, int]]:
    return [(i, i + 1) for i in range(len(text))]


def _words(text: str) -> list[tuple[int, int]]:
    """Spans between white space."""
    edges = np.flatnonzero(np.diff(np.concatenate(([True], _is_space(text), [True]))))
    return [(int(a), int(b)) for a, b in edges.reshape(-1, 2)]


def _continued(offsets: NDArray[np.int64], text: str) -> NDArray[np.int64]:
    """Tokens made longer by the characters behind them that belong to their last one and that no token covers.

    Where a normaliser joins a letter and a mark into one character, the tokenizer gives the letter's place alone.
    """
    delta = np.zeros(len(text) + 1, dtype=np.int64)
    filled = offsets[offsets[:, 0] < offsets[:, 1]]
    np.add.at(delta, filled[:, 0], 1)
    np.add.at(delta, filled[:, 1], -1)
    bare = np.flatnonzero(np.cumsum(delta[:-1]) == 0)
    if not len(bare):
        return offsets
    longer = offsets.copy()
    for place in bare:
        if _continues(text[place]):
            longer[(longer[:, 1] == place) & (longer[:, 0] < place), 1] = place + 1
    return longer


@lru_cache(maxsize=4096)
def _continues(char: str) -> bool:
    """Whether a character belongs to the one before it: marks, joiners, skin tones, inner and last Hangul letters."""
    return (
        unicodedata.category(char).startswith("M")
        or char in "\u200c\u200d"
        or "\u1160" <= char <= "\u11ff"
        or "\ud7b0" <= char <= "\ud7fb"
        or "\U0001f3fb" <= char <= "\U0001f3ff"
    )


def _trimmed(spans: NDArray[np.int64], text: str) -> NDArray[np.int64]:
    """Spans without white space at the edges; where nothing is left, (start, start)."""
    n = len(text)
    space = _is_space(text)
    places = np.arange(n)
    # The first character at or behind each place that is none, and the end behind the last one before it.
    following = np.append(np.minimum.accumulate(np.where(space, n, places)[::-1])[::-1], n)
    preceding = np.insert(np.maximum.accumulate(np.where(space, 0, places + 1)), 0, 0)
    starts, ends = following[spans[:, 0]], preceding[spans[:, 1]]
    empty = (starts >= ends) | (spans[:, 0] >= spans[:, 1])
    starts = np.where(empty, spans[:, 0], starts)
    return np.stack([starts, np.where(empty, starts, ends)], axis=1)


def _in_original(spans: NDArray[np.int64], aligned: Aligned, original: str) -> NDArray[np.int64]:
    """Spans of a text in an input unit as spans of the original."""
    if aligned.text == original or not len(spans):
        return spans
    filled = spans[:, 0] < spans[:, 1]
    if not len(aligned.text):
        return np.zeros_like(spans)
    starts = aligned.starts[np.minimum(spans[:, 0], len(aligned.text) - 1)]
    ends = np.where(filled, aligned.ends[np.maximum(spans[:, 1] - 1, 0)], starts)
    return _trimmed(np.stack([starts, np.maximum(starts, ends)], axis=1), original)


def _is_space(text: str) -> NDArray[np.bool_]:
    return np.fromiter(map(str.isspace, text), dtype=np.bool_, count=len(text))
