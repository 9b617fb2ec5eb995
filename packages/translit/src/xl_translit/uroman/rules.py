"""Uroman's rules in one language, resolved once: which wins for a string, and which characters no neighbour changes."""

import re
import unicodedata
from collections.abc import Callable
from functools import lru_cache

from xl_translit.uroman.tables import Rule, Tables, changing

CONSONANTS = re.compile(r"[bcdfghjklmnpqrstvwxyz]+$")
CONSONANT_FIRST = re.compile(r"[bcdfghjklmnpqrstvwxyz]")
TAIL = re.compile(r"\+(m|ng|n|h|r)")
O_ANG = "\u0e2d"
GRAVE = "\u0300"
# small tsu and the Gurmukhi addak double the consonant behind them; small ya, yu, yo join the syllable before them
DOUBLERS = "っッ\u0a71"
SMALL_Y = "ゃゅょャュョ"

_LEADS = ("g", "gg", "n", "d", "dd", "r", "m", "b", "bb", "s", "ss", "-", "j", "jj", "c", "k", "t", "p", "h")
_VOWELS = (
    *("a", "ae", "ya", "yae", "eo", "e", "yeo", "ye", "o", "wa", "wai"),
    *("oe", "yo", "u", "weo", "we", "wi", "yu", "eu", "yi", "i"),
)
_TAILS = (
    *("-", "g", "gg", "gs", "n", "nj", "nh", "d", "l", "lg", "lm", "lb", "ls", "lt"),
    *("lp", "lh", "m", "b", "bs", "s", "ss", "ng", "j", "c", "k", "t", "p", "h"),
)


class Language:
    """The rules that hold in one language (an ISO 639-3 code, or None), resolved once for all texts."""

    def __init__(self, tables: Tables, code: str | None, whole: Callable[[str, str | None], str]) -> None:
        """`whole(text, code)` romanises a text from scratch: what a compatibility character stands for."""
        self.tables = tables
        self.code = code
        self.whole = whole
        self._ranked: dict[str, list[Rule]] = {}
        self._carried: dict[tuple[str, str], tuple[str | None, str | None, str]] = {}
        self.decompositions: dict[str, str | None] = {}
        self.singles: dict[str, str | None] = _Singles(self)
        """Character -> its text where no longer piece begins (None: no rule spells it), or `DEPENDS`."""
        reacting = frozenset(tables.viramas) | frozenset(SMALL_Y) | {"ー", GRAVE}
        self.reacting = reacting
        """Characters that change what stands before them (the grave accent after Coptic letters only)."""
        self.stops = {first: reacting | seconds for first, seconds in tables.seconds.items()}
        """Character -> what must not follow if its text is that of the character alone; `reacting` for all others."""
        self.depending = (reacting - {GRAVE}) | {*DOUBLERS, *tables.minus_signs, *tables.plus_signs}
        """Characters that are simple themselves, but not what stands beside them."""

    def ranked(self, source: str) -> list[Rule]:
        """The rules of a string that can hold in this language, the one that wins first."""
        ranked = self._ranked.get(source)
        if ranked is None:
            rules = self.tables.rules.get(source, ())
            held = [r for r in rules if r.text is not None and (not r.languages or self.code in r.languages)]
            ranked = self._ranked[source] = sorted(held, key=lambda rule: -rule.n_restrictions)
        return ranked

    def carried_vowel(self, script: str, text: str) -> tuple[str | None, str | None, str]:
        """(bare consonant, consonant with its vowel, `text` as it is written) or (None, None, text) if none is due."""
        carried = self._carried.get((script, text))
        if carried is None:
            vowels = self.tables.vowels[script]
            one = "|".join(vowels)
            many = "|".join(f"{vowel}+" for vowel in vowels)
            written = text
            if match := re.match(rf"([cfghkmnqrstxy]?y)({many})-?$", text):
                bare, full = match[1], match[1] + match[2]
            elif match := re.match(rf"([bcdfghjklmnpqrstvwxyz]+)({one})-?$", text):
                bare, full = match[1], match[1] + match[2]
                written = text.removesuffix("-")
            else:
                bare, full = text, text + vowels[0]
            spelled: tuple[str | None, str | None, str] = (bare, full, written)
            if not CONSONANTS.match(bare) and not (script == "Tibetan" and bare == "'"):
                spelled = (None, None, written)
            carried = self._carried[script, text] = spelled
        return carried

    def decomposed(self, char: str) -> str | None:
        """What a compatibility character (ﻼ, ﾄ, ㎏) stands for, romanised; None for one that is no such character."""
        if char in self.decompositions:
            return self.decompositions[char]
        spelled = None
        parts = unicodedata.decomposition(char).split()
        if parts and parts[0][0] == "<" and parts[0] not in ("<super>", "<sub>", "<noBreak>", "<compat>"):
            meant = "".join(chr(int(part, 16)) for part in parts[1:])
            spelled = self.whole(meant, self.code) or None if meant else None
        self.decompositions[char] = spelled
        return spelled


class _Singles(dict[str, "str | None"]):
    """Character -> text where neighbours other than `Language.reacting` do not matter, else `DEPENDS`."""

    def __init__(self, language: Language) -> None:
        super().__init__()
        self._language = language

    def __missing__(self, char: str) -> str | None:
        self[char] = text = text_alone(self._language, char)
        return text


DEPENDS = "\uffff\uffff"
"""In `Language.singles`: what this character is spelled as depends on its neighbours."""


def text_alone(language: Language, char: str) -> str | None:
    """What `Language.singles` holds for a character."""
    tables = language.tables
    tables.expect(char)
    if (
        char in tables.numbers
        or tables.scripts.get(char) in ("Tibetan", "Coptic")
        or char == O_ANG
        or char in DOUBLERS
        or unicodedata.numeric(char, None) is not None
    ):
        return DEPENDS
    ranked = language.ranked(char)
    if not ranked:
        return hangul(char) if "\uac00" <= char <= "\ud7a3" else language.decomposed(char)
    text = ranked[0].text or ""
    if any(rule.placed for rule in ranked) or ranked[0].at_end_of_syllable is not None or changing(text):
        return DEPENDS
    script = tables.scripts.get(char)
    if TAIL.match(text):
        text = text[1:]
    if script == "Thai":
        return DEPENDS if CONSONANT_FIRST.match(text) else text
    if script in tables.vowels:
        bare, _, written = language.carried_vowel(script, text)
        if bare is not None or written != text:
            return DEPENDS
    return text


def unspelled(char: str) -> str:
    """What a character that no rule spells becomes: marks, formatting and private characters vanish."""
    return "" if unicodedata.category(char) in ("Mn", "Cf", "Co") else char


@lru_cache(maxsize=1 << 14)
def hangul(char: str) -> str:
    """A Hangul syllable (U+AC00 to U+D7A3) by its lead, vowel and tail."""
    index = ord(char) - 0xAC00
    lead, vowel, tail = index // 588, index // 28 % 21, index % 28
    return (_LEADS[lead] + _VOWELS[vowel] + _TAILS[tail]).replace("-", "")
