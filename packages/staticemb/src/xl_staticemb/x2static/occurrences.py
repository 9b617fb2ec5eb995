"""Words of the vocabulary in a run of lines, and which of them are read in which epoch."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xl_staticemb.x2static.word_counts import Breaker, Vocabulary, WordReader


@dataclass(frozen=True, eq=False)
class Occurrences:
    """Occurrences of vocabulary words in lines that have any; all arrays (n,) int64, in the order of the text.

    texts: the lines that have any, as the encoder reads them.
    units: which text each occurrence stands in. words: row in the vocabulary.
    starts, ends: place in the text, in code points.
    """

    texts: list[str]
    units: NDArray[np.int64]
    words: NDArray[np.int64]
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.words)


def find_words(lines: Sequence[str], reader: WordReader, vocabulary: Vocabulary) -> Occurrences:
    """Occurrences of `vocabulary` in `lines`; lines without any are left out."""
    index = vocabulary.index
    texts: list[str] = []
    places: list[tuple[int, int, int, int]] = []
    for line in lines:
        text = reader.text(line)
        here = [(len(texts), index[key], *place) for key, place in reader.words(text) if key in index]
        if here:
            texts.append(text)
            places += here
    columns = np.array(places, dtype=np.int64).reshape(-1, 4).T
    return Occurrences(texts, *(np.ascontiguousarray(column) for column in columns))


def draw_targets(words: NDArray[np.int64], keep: NDArray[np.float64], seed: Sequence[int]) -> NDArray[np.bool_]:
    """(n,) whether each occurrence is a target; a function of `seed` and the occurrences alone.

    words: (n,) rows of the vocabulary. keep: (n_words,) probability of each word. seed: numbers that name the draw.
    """
    return np.random.default_rng(list(seed)).random(len(words)) < keep[words]


def sentence_numbers(
    occurrences: Occurrences, breaker: Breaker
) -> tuple[list[list[tuple[int, int]]], NDArray[np.int64], NDArray[np.int64]]:
    """Sentences of each text: their spans, the number of each text's first among all, and that of each occurrence.

    Where the breaker leaves a gap, a word in it belongs to the sentence before it.
    """
    spans = [[(int(start), int(end)) for start, end in breaker(text)] or [(0, len(text))] for text in occurrences.texts]
    firsts = np.cumsum([0, *map(len, spans)])
    bounds = np.searchsorted(occurrences.units, np.arange(len(spans) + 1))
    numbers = np.zeros(len(occurrences), dtype=np.int64)
    for unit, (first, last) in enumerate(itertools.pairwise(bounds)):
        places = np.searchsorted([start for start, _ in spans[unit]], occurrences.starts[first:last], side="right") - 1
        numbers[first:last] = firsts[unit] + np.maximum(places, 0)
    return spans, firsts, numbers
