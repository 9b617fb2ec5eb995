r"""Romanisation as Uroman does it, any script to Latin letters, at the speed of a look-up.

Uroman (Hermjakob, May and Knight 2018; the Python package `uroman`) keeps case, spaces and punctuation, turns digits
and number words of every script into Arabic digits, and drops marks it cannot spell. A few rules hold for one language.
What comes out here is, character for character, what `Uroman().romanize_string(text, lcode)` gives; only the way is
another. A text is cut at spaces where nothing can look across them; a word seen before is looked up; in a new word,
pieces that no neighbour can change are replaced as they stand, and only the rest goes through Uroman's lattice.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Literal

from xl_translit.errors import TranslitError
from xl_translit.languages import language as canonical_language
from xl_translit.uroman.lattice import Lattice
from xl_translit.uroman.rules import DEPENDS, O_ANG, Language, text_alone, unspelled
from xl_translit.uroman.tables import changing, tables

if TYPE_CHECKING:
    from uroman import Uroman

# Uroman's rules name the macrolanguage where our canonical code names a member of it.
_UROMAN_CODES = {"arb": "ara", "pes": "fas", "prs": "fas", "lvs": "lav", "pbt": "pus", "ydd": "yid"}

# Codes that Uroman's program, not its tables, asks for: final vowels of Indic scripts.
_CODES_IN_PROGRAM = ("san", "asm", "ben", "guj", "kas", "pan")

_MEMORY = 1 << 17
"""Words remembered in each of two generations; the older one is dropped when the younger is full."""
_LONGEST = 40
"""Longer words (whole clauses of Chinese) are not remembered: they hardly come back."""

_BRAILLE = re.compile("[\u2800-\u28ff]")

# Scripts without spaces, cut where no rule looks across: after a Tibetan tsheg before a letter; before a Burmese
# consonant (not the vocalic signs) that stands between a Burmese consonant, vowel or mark and another Burmese sign.
_SYLLABLES = re.compile(
    "(?<=\u0f0b)(?=[\u0f40-\u0f6c])|(?<=[\u1000-\u1038\u103a-\u103f])(?=[\u1000-\u1021][\u1000-\u103f])"
)


class Romanizer:
    """Uroman's results at the speed of a look-up: `Romanizer()("Ελλάδα")` is `"Ellada"`.

    lang: the language of all texts, in any spelling that `language` knows (else UnknownLanguageError); Uroman has
        rules for some two dozen languages, and none is needed.
    engine: `fast`, or `reference`, the `uroman` package itself (about 400 sentences a second), with the same results.

    Uroman 1.3 stops with an error at a few texts, such as a Chinese fraction word without a number behind it
    (以七分之差, "by seven points"). Both engines give such a text without the reading that fails.
    """

    name = "uroman"

    def __init__(self, lang: str | None = None, *, engine: Literal["fast", "reference"] = "fast") -> None:
        if engine not in ("fast", "reference"):
            message = f"engine {engine!r} is not known; it can be: fast, reference"
            raise TranslitError(message)
        self._code = None if lang is None else uroman_code(lang)
        self._engine = engine

    @property
    def version(self) -> str:
        """The version of the `uroman` package; versions differ in what they write, so data sets should record it."""
        from importlib.metadata import version

        return version("uroman")

    def __call__(self, text: str, lang: str | None = None) -> str:
        r"""Return `text` in Latin letters; `lang` takes the place of the romanizer's own. A "\n" stays."""
        return self._function(self._code if lang is None else uroman_code(lang))(text)

    def batch(self, texts: Sequence[str]) -> list[str]:
        """`[self(text) for text in texts]`."""
        return list(map(self._function(self._code), texts))

    def unmapped(self, texts: Sequence[str], results: Sequence[str]) -> Counter[str]:
        """How often each letter or mark of another script is left in `results`: what Uroman has no rule for."""
        return Counter(
            char for result in results if not result.isascii() for char in result if char > "\u024f" and _foreign(char)
        )

    def _function(self, code: str | None) -> Callable[[str], str]:
        if self._engine == "reference":
            return _Reference(code).line
        return _engine(code if code in _CODES_IN_PROGRAM or code in tables().codes else None).line


def reference_romanizer(lang: str | None = None) -> Romanizer:
    """The `uroman` package itself for every text, with the same results as `fast`: some 400 sentences a second."""
    return Romanizer(lang, engine="reference")


def romanize(text: str, lang: str | None = None) -> str:
    """`text` in Latin letters; see Romanizer."""
    return Romanizer(lang)(text)


def romanize_pairs(
    lines: Iterable[str], romanizer: Romanizer, language: str | None = None
) -> Iterator[tuple[str, str]]:
    """Yield (line, romanised line) for each line, in order and one at a time."""
    for line in lines:
        yield line, romanizer(line, language)


def uroman_code(language: str) -> str:
    """The ISO 639-3 code by which Uroman knows a language: `tur` for `tur_Latn`, `fas` for `pes_Arab`."""
    individual = canonical_language(language).partition("_")[0]
    return _UROMAN_CODES.get(individual, individual)


def has_own_rules(language: str) -> bool:
    """Whether Uroman romanises a language (any spelling) by rules that do not hold for its script as a whole."""
    code = uroman_code(language)
    return code in _CODES_IN_PROGRAM or code in tables().codes


@cache
def _foreign(char: str) -> bool:
    return unicodedata.category(char)[0] in "LM" and not unicodedata.name(char, "").startswith("LATIN")


class _ContextError(Exception):
    """A piece's spelling depends on its neighbours."""


class _Engine:
    """Romanisation in one language: memory, replacement of pieces, lattice."""

    def __init__(self, code: str | None) -> None:
        self._code = code
        self._language = Language(tables(), code, _whole)
        self._plain = _Plain(self._language)
        self._pieces = _Pieces(self._language)
        self._words = _Words(self._word)
        # Where a spelling looks across a space: 。and a space make ". ", Ethiopic ፡ and a space make ", ".
        joined = self._joined()
        self._special = re.compile(f"[\u2800-\u28ff{O_ANG}\0{joined}]")
        self._join = re.compile(f"(?<=[{joined}]) +")

    def line(self, text: str) -> str:
        """The romanisation of a text."""
        if text.isascii():
            return text
        if self._special.search(text):
            if _BRAILLE.search(text):
                return _Reference(self._code).line(text)
            # Thai o ang looks to the left for the last thing heard, however far away.
            if O_ANG in text or "\0" in text:
                return self._word(text)
            text = self._join.sub(lambda spaces: "\0" * len(spaces[0]), text)
        return " ".join(map(self._words.__getitem__, text.split(" ")))

    def _word(self, word: str) -> str:
        """The romanisation of a text without regard to its spaces."""
        if word.isascii():
            return word
        try:
            return self._pieces.replace(word).translate(self._plain)
        except _ContextError:
            pass
        syllables = _SYLLABLES.split(word)
        if len(syllables) > 1:
            return "".join(map(self._words.__getitem__, syllables))
        return Lattice(word, self._language).best_path()

    def _joined(self) -> str:
        letters = set()
        for source in [*tables().changing, *tables().longer]:
            if " " in source:
                letters.add(source[source.index(" ") - 1])
            elif any((rule.text or "")[-1:] == " " for rule in tables().rules[source]):
                letters.add(source[-1])
        return re.escape("".join(sorted(letters)))


@lru_cache(maxsize=32)
def _engine(code: str | None) -> _Engine:
    return _Engine(code)


def _whole(text: str, code: str | None) -> str:
    return _engine(code).line(text)


class _Words(dict[str, str]):
    """Word -> romanisation, for the words of the last while."""

    def __init__(self, romanize: Callable[[str], str]) -> None:
        super().__init__({"": ""})
        self._romanize = romanize
        self._older: dict[str, str] = {}

    def __missing__(self, word: str) -> str:
        romanized = self._older.get(word)
        if romanized is None:
            romanized = self._romanize(word.replace("\0", " "))
        if len(word) <= _LONGEST:
            if len(self) >= _MEMORY:
                self._older = dict(self)
                self.clear()
            self[word] = romanized
        return romanized


class _Plain(dict[int, str]):
    """For `str.translate`: code point -> spelling of a character that no neighbour changes, else _ContextError."""

    def __init__(self, language: Language) -> None:
        super().__init__((point, chr(point)) for point in range(128))
        self._language = language

    def __missing__(self, point: int) -> str:
        char = chr(point)
        language = self._language
        if char in language.depending or language.tables.scripts.get(char) == "Thai":
            raise _ContextError
        text = text_alone(language, char)
        if text is DEPENDS:
            # Digits alone are digits; beside any other numeric character the lattice reads them together.
            record = language.tables.numbers.get(char)
            if record is None or record["type"] != "digit" or record.get("value") not in range(10):
                raise _ContextError
            text = str(record["value"])
        elif text is None:
            text = unspelled(char)
        elif any(letter.isdecimal() for letter in text):
            raise _ContextError  # a number after it would be set apart
        self[point] = text
        return text


class _Pieces:
    """Pieces of several characters, capitals and punctuation with spaces, replaced before all other characters."""

    def __init__(self, language: Language) -> None:
        self._texts: dict[str, str | None] = {}
        ours = language.tables
        for source in ours.longer:
            self._add_longer(language, source)
        self._texts.update(dict.fromkeys(ours.fraction_connectors))
        for source in ours.changing:
            ranked = language.ranked(source)
            if source not in ours.numbers and ranked and changing(ranked[0].text or ""):
                simple = not any(rule.placed for rule in ranked) and (ranked[0].text or "").isascii()
                simple = simple and not self._in_lattice(language, source)
                self._texts[source] = ranked[0].text if simple else None
        self._search = re.compile(_alternatives(self._texts)) if self._texts else None

    def _add_longer(self, language: Language, source: str) -> None:
        if self._in_lattice(language, source) or _BRAILLE.match(source):
            return  # its characters go to the lattice anyway
        ranked = language.ranked(source)
        if not ranked or (source.isascii() and all(rule.text == source for rule in ranked)):
            return
        text = ranked[0].text or ""
        simple = not any(rule.placed for rule in ranked) and text.isascii() and not changing(text)
        # Han pieces with a numeral in them (百分) may be part of a number; a Latin letter with its accent is read after
        # English pieces such as "auld". The lattice knows these.
        simple = simple and not any(char in language.tables.numbers for char in source)
        self._texts[source] = text if simple and (not source[0].isascii() or source[0] == "'") else None

    @staticmethod
    def _in_lattice(language: Language, source: str) -> bool:
        script = language.tables.scripts.get(source[0])
        return script in language.tables.vowels or script in ("Thai", "Tibetan", "Coptic")

    def replace(self, word: str) -> str:
        return self._search.sub(self._spell, word) if self._search else word

    def _spell(self, match: re.Match[str]) -> str:
        piece = match[0]
        text = self._texts[piece]
        if text is None:
            raise _ContextError
        if len(piece) > 1:
            return text
        word, start, end = match.string, match.start(), match.end()
        if text.isupper() and word[end : end + 1].islower():
            text = text.capitalize()
        if text[0] == " " and (start == 0 or word[start - 1] == " "):
            text = text[1:]
        if text[-1:] == " " and word[end : end + 1] == " ":
            text = text[:-1]
        return text


def _alternatives(sources: Iterable[str]) -> str:
    """A pattern for the longest of `sources` at each place: one class of first characters, then what may follow."""
    rests: dict[str, list[str]] = {}
    for source in sorted(sources, key=lambda source: (-len(source), source)):
        rests.setdefault(source[0], []).append(source[1:])
    firsts: dict[tuple[str, ...], str] = {}
    for first, endings in rests.items():
        firsts[tuple(endings)] = firsts.get(tuple(endings), "") + first
    every = re.escape("".join(rests))
    cases = (f"(?<=[{re.escape(first)}])(?:{'|'.join(map(re.escape, endings))})" for endings, first in firsts.items())
    return f"[{every}](?:{'|'.join(cases)})"


class _Reference:
    """The `uroman` package itself."""

    def __init__(self, code: str | None) -> None:
        self._code = code

    def line(self, text: str) -> str:
        """The romanisation of a text; where Uroman fails, that of the lattice, which leaves out what fails."""
        try:
            return str(_uroman().romanize_string(text, lcode=self._code))
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
            return Lattice(text, _engine(self._code)._language).best_path()


@cache
def _uroman() -> "Uroman":
    from uroman import Uroman

    return Uroman(cache_size=0)
