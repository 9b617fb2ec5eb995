"""The aggregation baseline: a word's vector is the mean of its contextual vectors over its occurrences.

An occurrence's vector is the mean state of the word's sub-tokens (Bommasani et al. 2020, mean pooling twice). Parts
keep the mean of each word over their own lines in half precision; means are joined in the order of the parts.
"""

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from xl_staticemb.x2static.contexts import ContextPart, call_teacher, text_chunks, to_half
from xl_staticemb.x2static.occurrences import Occurrences, find_words
from xl_staticemb.x2static.teacher import Teacher
from xl_staticemb.x2static.word_counts import Span, Vocabulary, WordReader


@dataclass
class OccurrenceReader:
    """Everything that turns lines into parts of an aggregation.

    first: occurrences of a word beyond so many are not read; 0 reads all. With it the parts must be asked for in
        order, those that are not wanted through `pass_over`.
    """

    teacher: Teacher
    words: WordReader
    vocabulary: Vocabulary
    first: int = 0

    def __post_init__(self) -> None:
        self._seen = np.zeros(len(self.vocabulary), dtype=np.int64)

    def pass_over(self, lines: Sequence[str]) -> None:
        """Count the words of lines that were read before, or are another process's."""
        if self.first:
            self._among_first(find_words(lines, self.words, self.vocabulary))

    def read(self, lines: Sequence[str], number: int) -> ContextPart:
        """Mean vector of each word over its occurrences in `lines`."""
        occurrences = find_words(lines, self.words, self.vocabulary)
        to_read = np.flatnonzero(self._among_first(occurrences)) if self.first else np.arange(len(occurrences))
        words, place = np.unique(occurrences.words[to_read], return_inverse=True)
        sums = np.zeros((len(words), self.teacher.width))
        n_read = np.zeros(len(words), dtype=np.int64)
        units = np.unique(occurrences.units[to_read])
        for chosen in text_chunks(occurrences.texts, units):
            at = np.flatnonzero((occurrences.units[to_read] >= chosen[0]) & (occurrences.units[to_read] <= chosen[-1]))
            here = to_read[at]
            bounds = np.searchsorted(occurrences.units[here], [*chosen, chosen[-1] + 1])
            spans: list[list[Span]] = [
                list(zip(occurrences.starts[here[a:b]].tolist(), occurrences.ends[here[a:b]].tolist(), strict=True))
                for a, b in itertools.pairwise(bounds)
            ]
            texts = [occurrences.texts[unit] for unit in chosen]
            states = call_teacher(self.teacher, texts, spans)
            text = np.searchsorted(chosen, occurrences.units[here])
            whole = (states.n_tokens > 0) & (occurrences.ends[here] <= states.ends[text])
            rows = place[at[whole]]
            adding = csr_array((np.ones(len(rows)), (rows, np.arange(len(rows)))), shape=(len(words), len(rows)))
            sums += adding @ (states.spans[whole] / states.n_tokens[whole, None])
            n_read += np.bincount(rows, minlength=len(words))
        kept = n_read > 0
        n_kept = int(kept.sum())
        return ContextPart(
            vectors=to_half(sums[kept] / n_read[kept, None]),
            words=words[kept].astype(np.int32),
            rows=np.arange(n_kept, dtype=np.int32),
            units=np.zeros(n_kept, dtype=np.int32),
            epochs=np.array([0, n_kept]),
            weights=n_read[kept],
            about={
                "n_lines": len(lines),
                "n_units": len(occurrences.texts),
                "n_occurrences": len(occurrences),
                "n_read": len(units),
                "n_cut": len(to_read) - int(n_read.sum()),
            },
        )

    def _among_first(self, occurrences: Occurrences) -> NDArray[np.bool_]:
        """Which occurrences are among the first ones of their word in the whole text so far."""
        order = np.argsort(occurrences.words, kind="stable")
        words = occurrences.words[order]
        starts = np.searchsorted(words, words)  # place of each word's first occurrence
        rank = np.empty(len(occurrences), dtype=np.int64)
        rank[order] = np.arange(len(occurrences)) - starts
        rank += self._seen[occurrences.words]
        self._seen += np.bincount(occurrences.words, minlength=len(self._seen))
        return rank < self.first


def mean_vectors(
    parts: Iterable[ContextPart], n_words: int, width: int
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """(n_words, width) float32 means over all parts, and (n_words,) occurrences read; 0 gives a row of zeros."""
    means = np.zeros((n_words, width), dtype=np.float32)
    counts = np.zeros(n_words, dtype=np.int64)
    for part in parts:
        counts[part.words] += part.weights
        # A running mean: sums of frequent words would outgrow float32.
        share = (part.weights / counts[part.words]).astype(np.float32)[:, None]
        means[part.words] += share * (part.vectors.astype(np.float32) - means[part.words])
    return means, counts
