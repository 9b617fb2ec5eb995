"""What a corpus run counts: rows, characters, unmapped characters, the ratio of lengths, collisions.

All counts are whole numbers that add up, so that the sum over chunks does not depend on who counted which.
A collision is a result that two different words share. Words are what white space separates; they are compared in rows
whose text and result have as many words as each other, with the same punctuation at both ends of a pair taken off.
"""

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

MAX_WORDS = 1 << 18  # distinct words compared in a run; about 60 MB
_TOP_CHARACTERS = 100
_TOP_COLLISIONS = 50
_WORDS_SHOWN = 10
_RATIO_STEPS = 100  # steps of the ratio's histogram from one whole number to the next
_QUANTILES = (5, 25, 50, 75, 95)
_PUNCTUATION = frozenset("""!"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~«»‘’“”„…–—¿¡·""")
_PHONEME_WORDS = " \u2581 "

Pair = tuple[str, str]


@dataclass
class Statistics:
    """Counts over some rows; `add` joins those of later rows."""

    rows_out: int = 0
    rejected: int = 0
    empty_texts: int = 0
    empty_results: int = 0  # of texts that are not empty
    characters_in: int = 0
    characters_out: int = 0
    words: int = 0
    replaced_tabs: int = 0
    replaced_line_feeds: int = 0
    ratios: Counter[int] = field(default_factory=Counter)  # hundredths of characters out by characters in, cut off
    ratio_sum: int = 0  # millionths
    unmapped: Counter[str] = field(default_factory=Counter)
    unread: Counter[str] = field(default_factory=Counter)  # script -> characters whose romanisation is no reading

    def add(self, other: "Statistics") -> None:
        """Count what `other` counted as well."""
        for name, value in vars(other).items():
            if isinstance(value, Counter):
                getattr(self, name).update(value)
            else:
                setattr(self, name, getattr(self, name) + value)

    def as_json(self) -> dict[str, Any]:
        """Plain values, for `from_json`."""
        return {name: list(v.items()) if isinstance(v, Counter) else v for name, v in vars(self).items()}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "Statistics":
        """What `as_json` gave."""
        plain: dict[str, Any] = {name: Counter(dict(v)) if isinstance(v, list) else v for name, v in values.items()}
        return cls(**plain)

    def count(self, texts: Sequence[str], results: Sequence[str]) -> None:
        """Count rows, but for their words, which `NewWords` counts."""
        # whole columns at once: this is done for every row of a corpus, beside a transliterator that is hardly slower
        widths = list(map(len, texts))
        lengths = list(map(len, results))
        sizes = [(length, width) for length, width in zip(lengths, widths, strict=True) if width]
        self.ratios.update([_RATIO_STEPS * length // width for length, width in sizes])
        self.ratio_sum += sum([1_000_000 * length // width for length, width in sizes])
        self.rows_out += len(texts)
        self.empty_texts += len(texts) - len(sizes)
        self.empty_results += sum(
            bool(text) and not result.strip() for text, result in zip(texts, results, strict=True)
        )
        self.characters_in += sum(widths)
        self.characters_out += sum(lengths)

    def length_ratio(self) -> dict[str, Any]:
        """Characters out by characters in, over the texts that are not empty: mean, and quantiles cut to hundredths."""
        n_rows = sum(self.ratios.values())
        if not n_rows:
            return {"rows": 0, "mean": None, "quantiles": {}}
        quantiles: dict[str, float] = {}
        seen = 0
        shares = list(_QUANTILES)
        for step, count in sorted(self.ratios.items()):
            seen += count
            while shares and 100 * seen >= shares[0] * n_rows:
                quantiles[f"{shares.pop(0)}%"] = step / _RATIO_STEPS
        return {"rows": n_rows, "mean": round(self.ratio_sum / n_rows / 1e6, 4), "quantiles": quantiles}

    def unmapped_characters(self) -> dict[str, Any]:
        """How many there are, and the most frequent."""
        ranked = sorted(self.unmapped.items(), key=lambda item: (-item[1], item[0]))
        top = [
            {"character": c, "code": f"U+{ord(c[0]):04X}", "name": unicodedata.name(c[0], ""), "count": count}
            for c, count in ranked[:_TOP_CHARACTERS]
        ]
        return {"total": sum(self.unmapped.values()), "distinct": len(ranked), "top": top}


class NewWords:
    """Words of rows that come one after another; each is found once, with the result it had first."""

    def __init__(self, *, phonemes: bool) -> None:
        self._phonemes = phonemes
        self._seen: set[str] = set()  # as they stand between white space
        self._known: set[str] = set()  # bare

    @property
    def is_full(self) -> bool:
        """Whether as many were found as a run compares."""
        return len(self._known) >= MAX_WORDS

    def find(self, texts: Sequence[str], results: Sequence[str]) -> tuple[int, list[Pair]]:
        """How many words the rows have, and those that are new, bare, in the order they came."""
        n_words = 0
        found: list[Pair] = []
        seen, known = self._seen, self._known
        for text, result in zip(texts, results, strict=True):
            left = text.split()
            n_words += len(left)
            if seen.issuperset(left):  # nearly all rows, after a while
                continue
            right = result.split(_PHONEME_WORDS) if self._phonemes else result.split()
            if len(left) != len(right):
                continue
            for word, spelled in zip(left, right, strict=True):
                if word in seen:
                    continue
                seen.add(word)
                pair = bare(word, spelled)
                if pair is not None and pair[0] not in known:
                    known.add(pair[0])
                    found.append(pair)
        return n_words, found


class WordResults:
    """The first result of each distinct word, up to MAX_WORDS words."""

    def __init__(self) -> None:
        self._results: dict[str, str] = {}

    def add(self, pairs: Iterable[Pair]) -> list[Pair]:
        """Take in pairs, each of another word; gives those that were new."""
        results = self._results
        new = [pair for pair in pairs if pair[0] not in results][: MAX_WORDS - len(results)]
        results.update(new)
        return new

    @property
    def is_full(self) -> bool:
        """Whether no more words are taken."""
        return len(self._results) == MAX_WORDS

    def collisions(self) -> dict[str, Any]:
        """Results that different words share, the worst first."""
        counts = Counter(self._results.values())
        words_by_result = defaultdict(list)
        for word, result in self._results.items():
            if counts[result] > 1:
                words_by_result[result].append(word)
        shared = list(words_by_result.items())
        shared.sort(key=lambda item: (-len(item[1]), item[0]))
        top = [
            {"result": result, "n_words": len(words), "words": words[:_WORDS_SHOWN]}
            for result, words in shared[:_TOP_COLLISIONS]
        ]
        return {
            "words_compared": len(self._results),
            "words_limit": MAX_WORDS,
            "limit_reached": self.is_full,
            "results_shared": len(shared),
            "words_sharing": sum(len(words) for _, words in shared),
            "top": top,
        }


@dataclass
class Account:
    """What is known of the rows done so far."""

    rows_in: int = 0
    statistics: Statistics = field(default_factory=Statistics)
    words: WordResults = field(default_factory=WordResults)

    def add(self, rows_in: int, statistics: Statistics, pairs: Iterable[Pair]) -> list[Pair]:
        """Count these rows too; gives the pairs whose words are new."""
        self.rows_in += rows_in
        self.statistics.add(statistics)
        return self.words.add(pairs)


def bare(word: str, result: str) -> Pair | None:
    """The two without the punctuation that both begin or end with; None if nothing is left of one."""
    while word and result and word[0] == result[0] and word[0] in _PUNCTUATION:
        word, result = word[1:], result[1:]
    while word and result and word[-1] == result[-1] and word[-1] in _PUNCTUATION:
        word, result = word[:-1], result[:-1]
    return (word, result) if word and result else None
