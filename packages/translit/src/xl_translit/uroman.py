"""Romanisation with Uroman, the universal romaniser: any script to Latin letters, one line for one line.

Uroman (Hermjakob, May and Knight 2018; the Python package `uroman`) keeps case, spaces and punctuation, turns digits
and number words of every script into Arabic digits, and drops marks it cannot spell. A few rules hold for one language.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache, lru_cache
from importlib.metadata import version
from typing import TYPE_CHECKING

from xl_translit.languages import language as canonical_language

if TYPE_CHECKING:
    from uroman import Uroman

# Uroman's rules name the macrolanguage where our canonical code names a member of it.
_UROMAN_CODES = {"arb": "ara", "pes": "fas", "prs": "fas", "lvs": "lav", "pbt": "pus", "ydd": "yid"}

# "X parts of" in Chinese fractions: 七分之三 is 3/7
_FRACTION_WORD = "分之"


class Romanizer:
    r"""Romanise a line: `Romanizer()("Ελλάδα")` is `"Ellada"`.

    The call takes a text and optionally its language (any spelling that `language` knows, else UnknownLanguageError),
    which is passed to Uroman as an ISO 639-3 code. A "\n" inside the text becomes a space, so that a line stays a line;
    every other character is Uroman's affair. Uroman is loaded by the first call and then shared; recent strings are
    remembered whole. Uroman's own cache stays off: it cuts lines into tokens, which changes results.

    Uroman 1.3 stops with an error at a fraction word without a number behind it (以七分之差, "by seven points"). Such a
    line is romanised in pieces: cut at spaces, and a piece that still fails is cut around its numbers; nothing is lost.
    """

    name = "uroman"

    def __init__(self, lang: str | None = None) -> None:
        self._code = None if lang is None else uroman_code(lang)

    @property
    def version(self) -> str:
        """The version of the `uroman` package; versions differ in what they write, so data sets should record it."""
        return version("uroman")

    def __call__(self, text: str, language: str | None = None) -> str:
        """Return `text` in Latin letters, one line for one line."""
        code = self._code if language is None else uroman_code(language)
        return _romanise_line(text.replace("\n", " "), code)

    def batch(self, texts: Sequence[str]) -> list[str]:
        """`[self(text) for text in texts]`."""
        return [self(text) for text in texts]

    def unmapped(self, texts: Sequence[str], results: Sequence[str]) -> Counter[str]:
        """How often each letter or mark of another script is left in `results`: what Uroman has no rule for."""
        return Counter(
            char
            for result in results
            if not result.isascii()
            for char in result
            if char > "\u024f"
            and unicodedata.category(char)[0] in "LM"
            and not unicodedata.name(char, "").startswith("LATIN")
        )


def romanize(text: str, lang: str | None = None) -> str:
    """`text` in Latin letters, one line for one line; see Romanizer."""
    return Romanizer()(text, lang)


def romanize_pairs(
    lines: Iterable[str], romaniser: Romanizer, language: str | None = None
) -> Iterator[tuple[str, str]]:
    """Yield (line, romanised line) for each line, in order and one at a time."""
    for line in lines:
        yield line, romaniser(line, language)


def uroman_code(language: str) -> str:
    """The ISO 639-3 code by which Uroman knows a language: `tur` for `tur_Latn`, `fas` for `pes_Arab`."""
    individual = canonical_language(language).partition("_")[0]
    return _UROMAN_CODES.get(individual, individual)


@cache
def _uroman() -> "Uroman":
    from uroman import Uroman

    return Uroman(cache_size=0)


@lru_cache(maxsize=1 << 16)
def _romanise_line(text: str, code: str | None) -> str:
    return _romanise(text, code, (_cut_at_spaces, _cut_at_numbers, list))


def _romanise(text: str, code: str | None, cuts: tuple[Callable[[str], Iterable[str]], ...]) -> str:
    """Romanise `text` whole or, where Uroman's number grammar fails, the pieces that the first of `cuts` makes."""
    try:
        return str(_uroman().romanize_string(text, lcode=code))
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
        if not cuts:
            return text  # a single character that Uroman cannot read stays as it is
        return "".join(_romanise(piece, code, cuts[1:]) for piece in cuts[0](text))


def _cut_at_spaces(text: str) -> list[str]:
    """Words and the white space between them; joined they are `text`."""
    return re.findall(r"\s+|\S+", text)


def _cut_at_numbers(text: str) -> Iterator[str]:
    """Numbers (with a complete fraction kept whole) and what stands between them; joined they are `text`."""
    start = end = 0
    while end < len(text):
        begin = end
        end = _number_end(text, begin)
        if end > begin:
            after = _number_end(text, end + len(_FRACTION_WORD)) if text.startswith(_FRACTION_WORD, end) else 0
            end = after if after > end + len(_FRACTION_WORD) else end
            if start < begin:
                yield text[start:begin]
            yield text[begin:end]
            start = end
        else:
            end += 1
    if start < end:
        yield text[start:end]


def _number_end(text: str, start: int) -> int:
    """Where the run of numeric characters that begins at `start` ends; `start` itself if there is none."""
    while start < len(text) and unicodedata.numeric(text[start], None) is not None:
        start += 1
    return start
