"""Words of a corpus by count: which get a vector, in order of frequency."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from xl_staticemb.errors import StaticembError

Span = tuple[int, int]
Breaker = Callable[[str], Sequence[Span]]


@dataclass(frozen=True, eq=False)
class Vocabulary:
    """Words, most frequent first; words of equal count by code points.

    counts: (n_words,) int64, occurrences of each.
    """

    words: list[str]
    counts: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.words)

    @cached_property
    def index(self) -> dict[str, int]:
        """Word -> row."""
        return {word: row for row, word in enumerate(self.words)}

    @property
    def frequencies(self) -> NDArray[np.float64]:
        """(n_words,) share of each word in all occurrences of words of the vocabulary."""
        return self.counts / self.counts.sum()


@dataclass(frozen=True)
class WordReader:
    """Where the words of a line stand and what they are called.

    breaker: line -> (start, end) of its words in code points. lower: "key", "both" or "none", as in X2StaticConfig.
    """

    breaker: Breaker
    lower: str = "key"

    def text(self, line: str) -> str:
        """What the encoder reads."""
        return line.lower() if self.lower == "both" else line

    def words(self, text: str) -> list[tuple[str, Span]]:
        """Key and place of each word of `text`, as `text()` gave it; what holds white space or nothing is no word."""
        spans = []
        for start, end in self.breaker(text):
            word = text[start:end]
            if word.split() == [word]:
                spans.append((word.lower() if self.lower == "key" else word, (start, end)))
        return spans


def spaced_words(text: str) -> list[Span]:
    """(start, end) of what stands between white space: the words of tokenised text."""
    spans = []
    end = 0
    for word in text.split():
        start = text.index(word, end)
        end = start + len(word)
        spans.append((start, end))
    return spans


def count_words(lines: Iterable[str], reader: WordReader) -> Counter[str]:
    """Occurrences of each word; one pass, one line at a time."""
    counts: Counter[str] = Counter()
    for line in lines:
        counts.update(key for key, _ in reader.words(reader.text(line)))
    return counts


def choose_words(
    counts: Mapping[str, int], *, min_count: int = 10, max_words: int = 200_000, leave_out: Iterable[str] = ()
) -> Vocabulary:
    """The `max_words` most frequent words of at least `min_count` occurrences, without those of `leave_out`.

    leave_out: special tokens of the encoder, which tokenised text may hold. StaticembError where no word is left.
    """
    special = set(leave_out)
    kept = [(word, n) for word, n in counts.items() if n >= min_count and word not in special]
    kept.sort(key=lambda item: (-item[1], item[0]))
    if not kept:
        if not counts:
            message = (
                "the text holds no words: it is empty, or its words were not found; check the file and the language"
            )
            raise StaticembError(message)
        most = max(counts.values())
        message = (
            f"no word occurs {min_count} times: the text has {len(counts)} different words, the most frequent one "
            f"{most} times; give more text or a smaller `min_count`."
        )
        raise StaticembError(message)
    words = [word for word, _ in kept[:max_words]]
    return Vocabulary(words, np.array([n for _, n in kept[:max_words]], dtype=np.int64))


def vocabulary_text(vocabulary: Vocabulary) -> str:
    """The vocabulary as lines `word<TAB>count`."""
    return "".join(f"{word}\t{n}\n" for word, n in zip(vocabulary.words, vocabulary.counts.tolist(), strict=True))


def read_vocabulary(path: Path) -> Vocabulary:
    """The vocabulary in a file that holds a `vocabulary_text`."""
    rows = [line.split("\t") for line in path.read_bytes().decode("utf-8").split("\n") if line]
    return Vocabulary([word for word, _ in rows], np.array([int(n) for _, n in rows], dtype=np.int64))
