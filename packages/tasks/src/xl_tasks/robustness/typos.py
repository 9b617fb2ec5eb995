"""Typing errors: of the words of two letters or more a given share gets one, of the four kinds that typists make.

Swap with the next letter, drop, insert and replace, with equal chance, as in work on misspellings (Belinkov and Bisk,
2018; Pruthi, Dhingra and Lipton, 2019); what is inserted or replaces comes from neighbouring keys, see
`xl_tasks.robustness.keyboards`. An error may hit any letter of a word, the first and the last too.

A letter has its combining marks with it, so that none of them is left alone; in Hangul it is a key (a jamo). Capitals
stay where they were. Words with a digit, punctuation, web and mail addresses, @names and #tags are left alone. A word
keeps at least one letter, and no two words grow together.

Scripts that write no spaces get stand-in words of the mean length of their words: 2 Han characters (UD Chinese-GSD:
1.6), 3 letters with their marks in the others (UD Thai-PUD: 3.3). So a rate means about as many errors there as in
scripts with spaces.
"""

import itertools
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from random import Random

import regex

from xl_encoders import split_words
from xl_tasks.errors import TaskError
from xl_tasks.robustness import hangul
from xl_tasks.robustness.keyboards import lower, neighbour_keys, script_name, upper

# A character and the marks and joiners that hang on it; jamo that stand apart join to a syllable. Unlike grapheme
# clusters it parts the consonants of an Indic conjunct, as typing does, and leaves no Burmese vowel without its letter.
_LETTER = regex.compile(
    r"[\u1100-\u115f\ua960-\ua97c]+[\u1160-\u11a7\ud7b0-\ud7c6]*[\u11a8-\u11ff\ud7cb-\ud7fb]*\p{M}*"
    r"|.[\p{M}\u200c\u200d]*",
    regex.DOTALL,
)
_ADDRESS = regex.compile(r"\b[a-z][a-z+.-]*://\S+|\bwww\.\S+|\S+@\S+\.\S+|(?<!\w)[@#]\w+", regex.IGNORECASE)
_SIGN_OF_ONE = regex.compile(r"[@#]|://|www\.", regex.IGNORECASE)
_WORD_LENS = {"CJK": 2, "HIRAGANA": 3, "KATAKANA": 3, "THAI": 3, "LAO": 3, "KHMER": 3, "MYANMAR": 3}
"""Letters in a stand-in word, by script."""
_UNSPACED = regex.compile(r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]")
_HAN = regex.compile(r"\p{Han}")


@dataclass(frozen=True)
class Typos:
    """Typing errors in a share of the words.

    rate: the probability that a word of two letters or more gets one error, above 0 and at most 1.
    """

    rate: float

    def __post_init__(self) -> None:
        if not 0 < self.rate <= 1:
            message = f"noise typos={self.rate:g}: the share of words with an error is above 0 and at most 1; give 0.1."
            raise TaskError(message)

    @property
    def name(self) -> str:
        """How result rows call it: "typos=0.1"."""
        return f"typos={self.rate:.12g}"

    def apply(self, pieces: Sequence[str], language: str, seed: int) -> list[str]:
        """Each of `pieces` (the words of a sentence, or one whole text) with typing errors.

        seed: the same gives the same errors; with a higher rate the words hit before are hit in the same way.
        """
        draw = Random(seed)  # noqa: S311 - repeatable noise, no secret
        used: frozenset[str] = frozenset()
        noisy = []
        for piece in pieces:
            parts, end = [], 0
            for start, stop in typed_words(piece):
                # Both are drawn for each word, so that the rate decides on nothing but which words are hit.
                hit, edit_seed = draw.random() < self.rate, draw.getrandbits(64)
                if hit and not used:
                    used = frozenset(char for other in pieces for char in other if script_name(char))
                if hit:
                    parts += [piece[end:start], misspelled(piece[start:stop], language, Random(edit_seed), used)]  # noqa: S311
                    end = stop
            noisy.append("".join([*parts, piece[end:]]))
        return noisy


def typed_words(text: str) -> Iterator[tuple[int, int]]:
    """(start, end) of the words of `text` that can get an error, in code points, ascending."""
    addresses = [match.span() for match in _ADDRESS.finditer(text)] if _SIGN_OF_ONE.search(text) else []
    for start, end in _stand_ins(text, split_words(text)):
        if _is_typed(text[start:end]) and not any(a < end and start < b for a, b in addresses):
            yield start, end


def misspelled(word: str, language: str, draw: Random, used: frozenset[str]) -> str:
    """`word`, of two letters or more, with one error in it; another string always.

    used: letters of the text around, for scripts without a keyboard layout.
    """
    keys = _keys(word)
    near = partial(_near, language=language, used=used)
    edits = [_swap, _drop, _insert, _replace]
    draw.shuffle(edits)
    for edit in edits:
        changed = edit(keys, language, draw, near)
        if changed is not None:
            return hangul.composed(changed)
    return word


_Near = Callable[[str], tuple[str, ...]]


def _swap(keys: list[str], language: str, draw: Random, _: _Near) -> list[str] | None:
    places = [
        i
        for i in range(len(keys) - 1)
        if _is_letter(keys[i])
        and _is_letter(keys[i + 1])
        and _small(keys[i], language) != _small(keys[i + 1], language)
    ]
    if not places:
        return None
    i = draw.choice(places)
    left, right = keys[i], keys[i + 1]
    return [*keys[:i], _cased(right, left, language), _cased(left, right, language), *keys[i + 2 :]]


def _drop(keys: list[str], language: str, draw: Random, _: _Near) -> list[str]:
    i = draw.choice([i for i, key in enumerate(keys) if _is_letter(key)])
    rest = keys[i + 1 :]
    if rest and not any(map(_is_letter, keys[:i])):  # the next letter is the first one now
        rest[0] = _cased(rest[0], keys[i], language)
    return [*keys[:i], *rest]


def _insert(keys: list[str], language: str, draw: Random, near: _Near) -> list[str] | None:
    places = [i for i, key in enumerate(keys) if near(key)]
    if not places:
        return None
    i = draw.choice(places)
    # Behind the letter whose neighbour is hit too; in the case of what follows, so that Word does not become WRord.
    model = keys[i + 1] if i + 1 < len(keys) and _is_letter(keys[i + 1]) else keys[i]
    return [*keys[: i + 1], _cased(draw.choice(near(keys[i])), model, language), *keys[i + 1 :]]


def _replace(keys: list[str], language: str, draw: Random, near: _Near) -> list[str] | None:
    places = [i for i, key in enumerate(keys) if near(key)]
    if not places:
        return None
    i = draw.choice(places)
    return [*keys[:i], draw.choice(near(keys[i])) + unicodedata.normalize("NFC", keys[i])[1:], *keys[i + 1 :]]


def _near(key: str, *, language: str, used: frozenset[str]) -> tuple[str, ...]:
    return neighbour_keys(unicodedata.normalize("NFC", key)[0], language, used) if _is_letter(key) else ()


def _small(key: str, language: str) -> str:
    key = unicodedata.normalize("NFC", key)
    return lower(key[0], language) + key[1:]


def _cased(key: str, model: str, language: str) -> str:
    """`key` as a capital where `model` is one, else small; scripts without capitals stay as they are."""
    if not _is_letter(key) or model[0].isupper() == key[0].isupper():
        return key
    whole = unicodedata.normalize("NFC", key)
    if unicodedata.category(model[0]) == "Lo" or unicodedata.category(whole[0]) == "Lo":
        return key
    return (upper if model[0].isupper() else lower)(whole[0], language) + whole[1:]


@lru_cache(maxsize=1 << 14)
def _is_letter(key: str) -> bool:
    """Whether it is a letter with its marks; single conjoining jamo and Hangul without keys are none."""
    first = unicodedata.normalize("NFC", key)[0]
    script = script_name(first)
    return hangul.is_key(first) if script == "HANGUL" else bool(script)


def _keys(word: str) -> list[str]:
    """The letters of a word with their marks, Hangul syllables as the keys that are pressed for them."""
    keys = []
    for letter in _LETTER.findall(word):
        whole = unicodedata.normalize("NFC", letter)
        keys += hangul.pressed(whole) if len(whole) == 1 and hangul.is_syllable(whole) else [letter]
    return keys


@lru_cache(maxsize=1 << 15)
def _is_typed(word: str) -> bool:
    if any(char.isnumeric() and not _HAN.match(char) for char in word):
        return False
    return sum(map(_is_letter, _keys(word))) > 1


def _stand_ins(text: str, words: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Words as they are; runs of scripts without spaces cut into parts of about equal length."""
    if not _UNSPACED.search(text):
        yield from words
        return
    i = 0
    while i < len(words):
        start, end = words[i]
        i += 1
        script = script_name(text[start])
        if script == "CJK":  # each character is a word of its own
            while i < len(words) and words[i][0] == end and script_name(text[end]) == "CJK":
                end = words[i][1]
                i += 1
        n_letters = _WORD_LENS.get(script, 0)
        if not n_letters:
            yield start, end
            continue
        ends = [start + match.end() for match in _LETTER.finditer(text[start:end])]
        n_parts = max(1, round(len(ends) / n_letters))
        bounds = [start, *(ends[len(ends) * (k + 1) // n_parts - 1] for k in range(n_parts))]
        yield from itertools.pairwise(bounds)
