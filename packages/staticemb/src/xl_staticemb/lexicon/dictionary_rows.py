"""The entries of a test dictionary as rows of two vocabularies: case, entries of several words, what is not covered."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xl_staticemb.errors import StaticembError
from xl_staticemb.search.choices import LOWERS, MULTI_WORDS
from xl_staticemb.search.neighbours import unit_rows
from xl_staticemb.vectors import WordVectors

_CAPITALS = 1e-3  # share of words with a capital from which a vocabulary is not lower-cased


@dataclass(frozen=True, kw_only=True)
class DictionaryRows:
    """The covered source words of a dictionary, in the order of first appearance, and which are not."""

    sources: list[str]  # distinct source words, spelled as they are looked up, but those lost to `multiword` skip
    covered: NDArray[np.bool_]  # (n_sources,): whether it and one of its translations have vectors
    queries: NDArray[np.float32]  # (n_covered, width)
    golds: list[NDArray[np.int64]]  # of each, rows of the target vocabulary and, from its end on, of `more_keys`
    more_keys: NDArray[np.float32] | None  # (n, width): candidates that are means of several words
    n_multiword: int

    @property
    def n_sources(self) -> int:
        """Number of distinct source words."""
        return len(self.sources)


def dictionary_rows(
    source: WordVectors,
    target: WordVectors,
    pairs: Iterable[tuple[str, str]],
    *,
    lower: str = "auto",
    multiword: str = "skip",
) -> DictionaryRows:
    """Look the entries up; see `induction_accuracy` for what `lower` and `multiword` do."""
    for name, value, choices in (("lower", lower, LOWERS), ("multiword", multiword, MULTI_WORDS)):
        if value not in choices:
            message = f"{name} is {value!r}; it can be {', '.join(choices)}"
            raise StaticembError(message)
    left, right = (_LookUp(side, lower, mean=multiword == "mean") for side in (source, target))
    golds: dict[str, set[int]] = {}
    lost: set[str] = set()
    for word, translation in pairs:
        key, answer = left.spelled(word), right.spelled(translation)
        source_row, target_row = left.row(key), right.row(answer)
        unknown_phrase = (source_row is None and _is_phrase(key)) or (target_row is None and _is_phrase(answer))
        if multiword == "skip" and unknown_phrase:
            lost.add(key)
            continue
        rows = golds.setdefault(key, set())
        if source_row is not None and target_row is not None:
            rows.add(target_row)
    covered = [key for key, rows in golds.items() if rows]
    return DictionaryRows(
        sources=list(golds),
        covered=np.array([bool(rows) for rows in golds.values()], dtype=bool),
        queries=left.vectors(covered),
        golds=[np.array(sorted(golds[key]), dtype=np.int64) for key in covered],
        more_keys=right.means(),
        n_multiword=len(lost - golds.keys()),
    )


class _LookUp:
    """Words and phrases of one side -> rows; phrases made of known words get rows after the vocabulary's end."""

    def __init__(self, side: WordVectors, lower: str, *, mean: bool) -> None:
        self._side = side
        self._lower = lower == "always" or (lower == "auto" and is_lower_cased(side.words))
        self._mean = mean
        self._more: dict[str, int] = {}
        self._more_vectors: list[NDArray[np.float32]] = []

    def spelled(self, entry: str) -> str:
        if not self._lower:
            return entry
        low = entry.lower()
        # A dotted capital I becomes i and a dot of its own; whether a vocabulary keeps the dot depends on its maker.
        plain = low.replace("i\u0307", "i")
        return low if self.row(low) is not None else plain

    def row(self, entry: str) -> int | None:
        for form in (entry, entry.replace(" ", "_")):
            if form in self._side.index:
                return self._side.index[form]
        if entry in self._more:
            return self._more[entry]
        words = entry.split()
        if not self._mean or len(words) < 2 or not all(word in self._side.index for word in words):
            return None
        rows = unit_rows(self._side.matrix[[self._side.index[word] for word in words]])
        self._more[entry] = len(self._side) + len(self._more)
        self._more_vectors.append(rows.mean(axis=0, dtype=np.float32))
        return self._more[entry]

    def vectors(self, entries: list[str]) -> NDArray[np.float32]:
        matrix = np.empty((len(entries), self._side.width), dtype=np.float32)
        for place, entry in enumerate(entries):
            row = self.row(entry)
            if row is not None:
                n_words = len(self._side)
                matrix[place] = self._side.matrix[row] if row < n_words else self._more_vectors[row - n_words]
        return matrix

    def means(self) -> NDArray[np.float32] | None:
        return np.stack(self._more_vectors) if self._more_vectors else None


def is_lower_cased(words: list[str]) -> bool:
    """Whether less than one word in a thousand holds a capital letter."""
    return sum(word != word.lower() for word in words) < _CAPITALS * max(len(words), 1)


def _is_phrase(entry: str) -> bool:
    return len(entry.split()) > 1
