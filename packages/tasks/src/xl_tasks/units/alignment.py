"""Where each character of a rewritten text comes from, for rewriters that do not say so themselves.

A romaniser or phonemiser is asked again for parts of a word: a cut is allowed where the two halves, rewritten each by
itself and put together, give what the whole word gives. Cut at all such places, a word falls into the shortest segments
that the rewriter treats as independent; every character of a segment's result comes from that segment. So the aligned
text is the rewriter's own, character for character.
"""

import itertools
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import numpy as np
import regex

from xl_tasks.units.unit import Aligned

_TOKEN = regex.compile(r"\s|\S+")
_CLUSTER = regex.compile(r"\X")
_MOST_PLACES = 24
"""Longer stretches are halved before all cuts are tried, whose cost grows with the square of the length."""
_MOST_TRIES = 32
"""Places around the middle of a long stretch that are tried; words that are nowhere cut there are no natural ones."""
_MEMORY = 1 << 15
"""Words whose segments are remembered."""


class Segment(NamedTuple):
    """A piece of a word and what it becomes.

    joint: what stands in front of `text` inside the word; "" at its beginning.
    text: the result, never empty.
    n_chars: length of the piece, in code points.
    """

    joint: str
    text: str
    n_chars: int


class Aligner:
    """Alignment of texts with what a function makes of them.

    rewrite: rewrites many texts, each by itself.
    joints: what may stand between the results of two parts of a word; "" for a romaniser.
    gap: what stands between the results of two words; None where each white space gives its own character.
    places: where a word may be cut, ascending, its ends left out; between any two grapheme clusters by default.
    """

    def __init__(
        self,
        rewrite: Callable[[Sequence[str]], list[str]],
        *,
        joints: Sequence[str] = ("",),
        gap: str | None = None,
        places: Callable[[str], list[int]] | None = None,
    ) -> None:
        self._rewrite = rewrite
        self._joints = tuple(joints)
        self._gap = gap
        self._places = places or _between_clusters
        self._memory: dict[str, tuple[Segment, ...]] = {}

    def __call__(self, text: str) -> Aligned:
        """The rewritten text; segments cross white space only where the rewriter itself looks across it."""
        return self._joined(text) if self._gap is not None else self._spaced(text)

    def segments(self, word: str) -> tuple[Segment, ...]:
        """The shortest independent pieces of `word`, in order; none for a word that gives nothing."""
        segments = self._memory.get(word)
        if segments is None:
            if len(self._memory) >= _MEMORY:
                self._memory.clear()
            segments = self._memory[word] = tuple(self._cut(word))
        return segments

    def _spaced(self, text: str) -> Aligned:
        """Words and white space side by side."""
        built = _Builder()
        for match in _TOKEN.finditer(text):
            if match[0].isspace():
                built.add(self._rewrite([match[0]])[0] or " ", *match.span())
            else:
                built.add_word(self.segments(match[0]), match.start())
        if built.text == self._rewrite([text])[0]:
            return built.aligned()
        # A rule looked across a space: the text is one long word then.
        built = _Builder()
        built.add_word(self._cut(text), 0)
        return built.aligned()

    def _joined(self, text: str) -> Aligned:
        """Words with `gap` between them, which comes from the white space there."""
        built = _Builder()
        end = 0
        for match in _TOKEN.finditer(text):
            pieces = () if match[0].isspace() else self.segments(match[0])
            if pieces:
                if built.text:
                    built.add(self._gap or "", end, match.start())
                built.add_word(pieces, match.start())
                end = match.end()
        return built.aligned()

    def _cut(self, word: str) -> list[Segment]:
        whole = self._rewrite([word])[0]
        if not whole:
            return []
        if whole == word and word.isascii():
            return [Segment("", char, 1) for char in word]
        places = self._places(word)
        if len(places) >= _MOST_PLACES:
            return self._halved(word, places, whole)
        cuts = self._allowed(word, places, whole)
        if not cuts:
            return [Segment("", whole, len(word))]
        bounds = [0, *(place for place, _ in cuts), len(word)]
        texts = self._rewrite([word[a:b] for a, b in itertools.pairwise(bounds)])
        joints = ["", *(joint for _, joint in cuts)]
        if all(texts) and "".join(part for pair in zip(joints, texts, strict=True) for part in pair) == whole:
            n_chars = [b - a for a, b in itertools.pairwise(bounds)]
            return [Segment(*piece) for piece in zip(joints, texts, n_chars, strict=True)]
        # Each cut is allowed, but not all of them at once.
        return self._in_two(word, *min(cuts, key=lambda cut: abs(2 * cut[0] - len(word))))

    def _halved(self, word: str, places: Sequence[int], whole: str) -> list[Segment]:
        """Cut a long word at the allowed place that is nearest to its middle; not at all where none is near it."""
        for place in sorted(places, key=lambda place: abs(2 * place - len(word)))[:_MOST_TRIES]:
            for cut in self._allowed(word, [place], whole):
                return self._in_two(word, *cut)
        return [Segment("", whole, len(word))]

    def _in_two(self, word: str, place: int, joint: str) -> list[Segment]:
        left, right = self._cut(word[:place]), self._cut(word[place:])
        return [*left, right[0]._replace(joint=joint), *right[1:]]

    def _allowed(self, word: str, places: Sequence[int], whole: str) -> list[tuple[int, str]]:
        """Those places where both sides give something and, with a joint between them, what the whole gives."""
        lefts = self._rewrite([word[:place] for place in places])
        rights = self._rewrite([word[place:] for place in places])
        return [
            (place, joint)
            for place, left, right in zip(places, lefts, rights, strict=True)
            if left and right
            for joint in self._joints
            if f"{left}{joint}{right}" == whole
        ]


def _between_clusters(word: str) -> list[int]:
    return [match.end() for match in _CLUSTER.finditer(word)][:-1]


class _Builder:
    """An aligned text that grows."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._starts: list[int] = []
        self._ends: list[int] = []

    @property
    def text(self) -> str:
        return "".join(self._parts)

    def add(self, text: str, start: int, end: int) -> None:
        self._parts.append(text)
        self._starts += [start] * len(text)
        self._ends += [end] * len(text)

    def add_word(self, segments: Iterable[Segment], start: int) -> None:
        for joint, text, n_chars in segments:
            self.add(joint, start, start)
            self.add(text, start, start + n_chars)
            start += n_chars

    def aligned(self) -> Aligned:
        return Aligned(self.text, np.array(self._starts, dtype=np.int64), np.array(self._ends, dtype=np.int64))
