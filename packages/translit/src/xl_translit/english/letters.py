"""Letters to sounds for English words that no list knows: the most probable pronunciation by a joint n-gram model.

A word and its pronunciation are one sequence of steps; a step reads one or two letters and says none, one or two phones
(t+h: TH, x: K S, e: nothing). The model gives the probability of a step after the five before it, learnt from the CMU
dictionary by `tools/build_english.py` (Bisani and Ney 2008, "Joint-sequence models for grapheme-to-phoneme conversion",
is the method). On words held out of it, see tests/bench/bench_english.py.
"""

import lzma
from functools import cache, lru_cache
from hashlib import sha256
from importlib.resources import files

ORDER = 6
"""Length of the n-grams: a step and the five before it."""

START, END = " ", "~"
RESOLUTION = 8
"""Costs are kept as whole eighths of a natural logarithm, up to MAX_COST."""
MAX_COST = 93

_FILE = "english_letters.xz"
# histories kept at each place of the word, and how much dearer than the cheapest they may be
_BEAM = 32
_MARGIN = 6 * RESOLUTION
_UNSEEN = 20 * RESOLUTION  # cost of a step that the model has never seen, even without context
_FIRST = 0x21  # the character that stands for cost 0


class LetterToSound:
    """Word in letters a-z -> pronunciation, one character a phone (see english_phones). A pure function of the word."""

    def __init__(self, steps: list[tuple[str, str]], contexts: dict[str, str]) -> None:
        """steps: (letters, phones); contexts: history -> cost of a shorter history, then pairs of step and its cost.

        A history is a string with one character a step, a cost one character (see `cost_letter`).
        """
        self._contexts = contexts
        self._parsed: dict[str, tuple[int, dict[str, int]]] = {}
        self._by_letters: dict[str, list[tuple[str, str]]] = {}
        for number, (letters, phones) in enumerate(steps):
            self._by_letters.setdefault(letters, []).append((step_letter(number), phones))

    def __call__(self, word: str) -> str:
        """The most probable pronunciation; empty only where every letter is silent or unknown."""
        # at each place of the word: history -> (cost so far, phones so far), the cheapest way to it
        places: list[dict[str, tuple[int, str]]] = [{} for _ in range(len(word) + 1)]
        places[0][START] = (0, "")
        for place in range(len(word)):
            reached = sorted(places[place].items(), key=lambda item: (item[1], item[0]))[:_BEAM]
            reached = [row for row in reached if row[1][0] <= reached[0][1][0] + _MARGIN]
            for width in (1, 2):
                if place + width > len(word):
                    break
                steps = self._by_letters.get(word[place : place + width], ())
                following = places[place + width]
                for history, (cost, said) in reached:
                    for step, phones in steps:
                        total = cost + self._cost(history, step)
                        next_history = (history + step)[1 - ORDER :]
                        best = following.get(next_history)
                        if best is None or total < best[0]:
                            following[next_history] = (total, said + phones)
        endings = ((cost + self._cost(history, END), said) for history, (cost, said) in places[-1].items())
        return min(endings, default=(0, ""))[1]

    def _cost(self, history: str, step: str) -> int:
        """Cost of a step: that of the longest known history, plus the cost of each shortening on the way."""
        shortening = 0
        while True:
            context = self._context(history)
            if context is not None:
                back, costs = context
                if step in costs:
                    return shortening + costs[step]
                shortening += back
            if not history:
                return shortening + _UNSEEN
            history = history[1:]

    def _context(self, history: str) -> tuple[int, dict[str, int]] | None:
        parsed = self._parsed.get(history)
        if parsed is None and (line := self._contexts.get(history)) is not None:
            costs = {step: ord(cost) - _FIRST for step, cost in zip(line[1::2], line[2::2], strict=True)}
            parsed = self._parsed[history] = (ord(line[0]) - _FIRST, costs)
        return parsed


def step_letter(number: int) -> str:
    """The character that stands for a step in histories: printable, neither a cost's line end nor START or END."""
    return chr(0xA1 + number)


def cost_letter(nats: float) -> str:
    """The character that stands for a cost in natural logarithms, which is rounded and kept between 0 and MAX_COST."""
    return chr(_FIRST + min(MAX_COST, max(0, round(nats * RESOLUTION))))


def pack_letters(steps: list[tuple[str, str]], contexts: dict[str, str]) -> bytes:
    """The file that `letter_to_sound` reads."""
    head = " ".join(f"{letters}:{phones}" for letters, phones in steps)
    lines = [f"{history}\t{line}" for history, line in sorted(contexts.items())]
    return lzma.compress("\n".join([head, *lines]).encode(), preset=9 | lzma.PRESET_EXTREME)


@cache
def letter_to_sound() -> LetterToSound:
    """The model that the package carries; loaded once a process."""
    head, *lines = lzma.decompress(_packed()).decode().split("\n")
    steps = [(letters, phones) for letters, _, phones in (step.partition(":") for step in head.split(" "))]
    return LetterToSound(steps, dict(line.split("\t") for line in lines))


@cache
def letters_version() -> str:
    """The first digits of the SHA-256 of the model."""
    return sha256(_packed()).hexdigest()[:8]


@lru_cache(maxsize=1 << 14)
def say_letters(word: str) -> str:
    """The package's model on a word, remembered."""
    return letter_to_sound()(word)


def _packed() -> bytes:
    return (files("xl_translit") / "data" / _FILE).read_bytes()
