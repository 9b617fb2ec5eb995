"""Context vectors of the targets in a run of lines (reference: X2Static, Gupta and Jaggi 2021), in half precision.

A part is a function of its lines, its number, the vocabulary, the teacher and the settings alone: whichever process
makes it, and whenever, it holds the same. Only lines with a target in some epoch are read by the teacher, once.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from xl_staticemb.errors import StaticembError
from xl_staticemb.x2static.config import X2StaticConfig
from xl_staticemb.x2static.occurrences import Occurrences, draw_targets, find_words, sentence_numbers
from xl_staticemb.x2static.teacher import StateSums, Teacher
from xl_staticemb.x2static.word_counts import Breaker, Span, Vocabulary, WordReader

# Characters of the texts that the teacher gets in one call: some tens of MB of states of their words.
_CHARACTERS = 1 << 18
# Begins the seed of subsampling; other numbers stand for other draws.
_SUBSAMPLING = 1


@dataclass(frozen=True, eq=False)
class ContextPart:
    """What is kept of a run of lines.

    vectors: (n_vectors, width) float16.
    words: (n_entries,) int32 vocabulary rows. rows: (n_entries,) int32, which vector belongs to each.
    units: (n_entries,) int32, the line among those with a word of the vocabulary.
    epochs: (n_epochs + 1,) int64, where each epoch's entries begin and end; of an aggregation one epoch.
    weights: (n_entries,) int64, occurrences that an entry stands for.
    about: counts, by name.
    """

    vectors: NDArray[np.float16]
    words: NDArray[np.int32]
    rows: NDArray[np.int32]
    units: NDArray[np.int32]
    epochs: NDArray[np.int64]
    weights: NDArray[np.int64]
    about: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class ContextReader:
    """Everything that turns lines into parts.

    keep: (n_words,) probability that an occurrence is a target.
    sentences: breaks a paragraph into (start, end) of its sentences; used by the paragraph variant alone.
    """

    teacher: Teacher
    words: WordReader
    sentences: Breaker
    vocabulary: Vocabulary
    keep: NDArray[np.float64]
    config: X2StaticConfig

    def read(self, lines: Sequence[str], number: int) -> ContextPart:
        """Contexts of the targets in `lines`, which are part `number` of the text."""
        occurrences = find_words(lines, self.words, self.vocabulary)
        seed = (_SUBSAMPLING, self.config.seed, number)
        drawn = [draw_targets(occurrences.words, self.keep, (*seed, epoch)) for epoch in range(self.config.epochs)]
        ever = np.flatnonzero(np.logical_or.reduce(drawn))
        rows, vectors, valid, n_read = self._contexts(occurrences, ever)
        usable = np.zeros(len(occurrences), dtype=bool)
        usable[ever] = valid
        row_of = np.zeros(len(occurrences), dtype=np.int64)
        row_of[ever] = rows
        chosen = [np.flatnonzero(targets & usable) for targets in drawn]
        entries = np.concatenate(chosen)
        return ContextPart(
            vectors=vectors,
            words=occurrences.words[entries].astype(np.int32),
            rows=row_of[entries].astype(np.int32),
            units=occurrences.units[entries].astype(np.int32),
            epochs=np.cumsum([0, *map(len, chosen)]),
            weights=np.ones(len(entries), dtype=np.int64),
            about={
                "n_lines": len(lines),
                "n_units": len(occurrences.texts),
                "n_occurrences": len(occurrences),
                "n_read": n_read,
                "n_cut": int((~valid).sum()),
            },
        )

    def _contexts(
        self, occurrences: Occurrences, ever: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.float16], NDArray[np.bool_], int]:
        """Row of each occurrence of `ever`, the vectors, which occurrences were read, and how many texts were."""
        exclude = self.config.context == "exclude_target"
        if self.config.variant == "paragraph":
            sentences, firsts, numbers = sentence_numbers(occurrences, self.sentences)
        else:
            sentences, firsts, numbers = [], np.zeros(0, dtype=np.int64), occurrences.units
        keys = ever if exclude else numbers[ever]
        groups, rows = np.unique(keys, return_inverse=True)
        vectors = np.zeros((len(groups), self.teacher.width), dtype=np.float16)
        valid = np.zeros(len(ever), dtype=bool)
        units = np.unique(occurrences.units[ever])
        for chosen in text_chunks(occurrences.texts, units):
            at = np.flatnonzero((occurrences.units[ever] >= chosen[0]) & (occurrences.units[ever] <= chosen[-1]))
            here = ever[at]
            spans: list[list[Span]] = []
            base_place = np.zeros(len(here), dtype=np.int64)  # of the sentence, among the spans of this call
            own_place = np.zeros(len(here), dtype=np.int64)  # of the word itself
            bounds = np.searchsorted(occurrences.units[here], [*chosen, chosen[-1] + 1])
            n_spans = 0
            for unit, first, last in zip(chosen, bounds[:-1], bounds[1:], strict=True):
                own: list[Span] = []
                if self.config.variant == "paragraph":
                    sentence, place = np.unique(numbers[here[first:last]], return_inverse=True)
                    own += [sentences[unit][number - firsts[unit]] for number in sentence]
                    base_place[first:last] = n_spans + place
                if exclude:
                    own_place[first:last] = n_spans + len(own) + np.arange(last - first)
                    own += zip(
                        occurrences.starts[here[first:last]].tolist(),
                        occurrences.ends[here[first:last]].tolist(),
                        strict=True,
                    )
                spans.append(own)
                n_spans += len(own)
            sums = call_teacher(self.teacher, [occurrences.texts[unit] for unit in chosen], spans)
            text = np.searchsorted(chosen, occurrences.units[here])
            total, n = self._bases(sums, text, base_place)
            if exclude:
                other = n - sums.n_tokens[own_place]
                # A sentence that is nothing but the word keeps its own tokens.
                alone = (other == 0)[:, None]
                total, n = np.where(alone, total, total - sums.spans[own_place]), np.where(other == 0, n, other)
            valid[at] = (occurrences.ends[here] <= sums.ends[text]) & (n > 0)
            vectors[rows[at]] = to_half(total / np.maximum(n, 1)[:, None])
        return rows, vectors, valid, len(units)

    def _bases(
        self, sums: StateSums, text: NDArray[np.int64], place: NDArray[np.int64]
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Sum over each target's context and its number of tokens, its own still among them."""
        if self.config.variant == "paragraph":
            return sums.spans[place], sums.n_tokens[place]
        if self.config.context == "no_special":
            return sums.content[text], sums.n_content[text]
        return (sums.content + sums.special)[text], (sums.n_content + sums.n_special)[text]


def text_chunks(texts: Sequence[str], units: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    """`units`, ascending text numbers, in runs of at most `_CHARACTERS` characters (or one text)."""
    ends = np.cumsum([len(texts[unit]) for unit in units])
    first = 0
    while first < len(units):
        before = ends[first - 1] if first else 0
        last = max(first + 1, int(np.searchsorted(ends, before + _CHARACTERS, side="right")))
        yield units[first:last]
        first = last


def call_teacher(teacher: Teacher, texts: Sequence[str], spans: Sequence[Sequence[Span]]) -> StateSums:
    """The teacher's sums; StaticembError where their shapes are not those that were asked for."""
    sums = teacher(texts, spans)
    n_spans = sum(map(len, spans))
    for name, rows in (("content", len(texts)), ("special", len(texts)), ("spans", n_spans)):
        shape = getattr(sums, name).shape
        if shape != (rows, teacher.width):
            message = f"the teacher gave {name} of shape {shape} where {(rows, teacher.width)} was asked for."
            raise StaticembError(message)
    return sums


def to_half(vectors: NDArray[np.floating]) -> NDArray[np.float16]:
    """Vectors in half precision; StaticembError where a number is not finite there."""
    with np.errstate(over="ignore"):
        half = vectors.astype(np.float16)
    if not np.isfinite(half).all():
        message = (
            "the encoder gave states that are not finite, or beyond +-65504, which half precision cannot hold; "
            "try precision no, or another layer."
        )
        raise StaticembError(message)
    return half
