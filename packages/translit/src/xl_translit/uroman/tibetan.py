"""Tibetan syllables: after which of its letters a syllable's vowel is spoken, and which letter is silent."""

import math
import re
from collections.abc import Callable

from xl_translit.uroman.tables import Tables

_A = "\u0f60"
_SUBJOINED_FIXED = "\u0fb0"

_GOOD_SUFFIXES = re.compile(
    r"(?:|[bcdfghjklmnpqrstvwxz]|bh|bs|ch|cs|dd|ddh|dh|dz|dzh|gh|gr|gs|kh|khs|kss|n|nn|nt|ms|ng|ngs|ns|ph|rm|sh|ss|th|"
    r"ts|tsh|tt|tth|zh|zhs)'?$"
)
_GOOD_PREFIXES = re.compile(
    r"'?(?:.|bd|br|brg|brgy|bs|bsh|bst|bt|bts|by|bz|bzh|ch|db|dby|dk|dm|dp|dpy|dr|gl|gn|gr|gs|gt|gy|gzh|kh|khr|khy|kr|"
    r"ky|ld|lh|lt|mkh|mny|mth|mtsh|ny|ph|phr|phy|rgy|rk|el|rn|rny|rt|rts|sk|skr|sky|sl|sm|sn|sny|sp|spy|sr|st|th|ts|tsh)$"
)


def tibetan_vowels(
    text: str, tables: Tables, spell: Callable[[int, int], str | None]
) -> tuple[dict[int, bool | None], set[int]]:
    """(place of a letter -> whether a vowel is spoken after it, places of silent letters), as Uroman decides it.

    spell: (start, end) -> the text of the rule that wins for that piece of `text`, None for none.
    """
    vowel_at: dict[int, bool | None] = {}
    silent: set[int] = set()
    syllable: list[int] = []
    for place, char in enumerate(text):
        if tables.scripts.get(char) == "Tibetan" and (char in tables.vowel_signs or "LETTER" in tables.name(char)):
            syllable.append(place)
        elif syllable:
            _place_vowel(text, syllable, tables, spell, vowel_at, silent)
            syllable = []
    if syllable:
        _place_vowel(text, syllable, tables, spell, vowel_at, silent)
    return vowel_at, silent


def _place_vowel(
    text: str,
    places: list[int],
    tables: Tables,
    spell: Callable[[int, int], str | None],
    vowel_at: dict[int, bool | None],
    silent: set[int],
) -> None:
    spellings: list[str] = []
    subjoined: list[int] = []
    has_vowel = False
    first = places[0]
    for place in places:
        char = text[place]
        spelling = spell(place, place + 1)
        spelling = "?" if spelling is None else spelling
        vowel_at[place] = None
        if char in tables.vowel_signs or re.match(r"[aeiou]+$", spelling):
            has_vowel = True
            vowel_at[place] = True
            if spellings == ["'"]:
                silent.add(place - 1)
        elif "SUBJOINED LETTER" in tables.name(char):
            subjoined.append(place)
            if place > first:
                if char == _SUBJOINED_FIXED:
                    has_vowel = True
                vowel_at[place - 1] = char == _SUBJOINED_FIXED
            spelling = _without_a(spelling)
        elif char == _A:
            vowel_at[place] = False
            if place > first:
                has_vowel = True
                vowel_at[place - 1] = True
                if place == places[-1]:
                    silent.add(place)
            spelling = "a'" if spellings and spellings[-1] not in "aeiou" else "'"
        else:
            spelling = _without_a(spelling)
        spellings.append(spelling)
    if has_vowel:
        for place in places:
            if vowel_at[place] is None:
                vowel_at[place] = False
        return
    best, chosen = math.inf, None
    for place in places:
        at = place - first
        cost = _cost(places, at, spellings, subjoined, vowel_at)
        if cost < best:
            best, chosen = cost, place
    if chosen is not None:
        for place in places:
            if vowel_at[place] is None:
                vowel_at[place] = place == chosen


def _cost(
    places: list[int], at: int, spellings: list[str], subjoined: list[int], vowel_at: dict[int, bool | None]
) -> float:
    """How unlikely the vowel of a syllable is after its letter number `at`."""
    if vowel_at[places[at]] is False:
        return 20
    if len(places) == 1:
        return 0
    if len(places) == 2:
        return 0 if places[at] == 0 else 0.1
    before, after = "".join(spellings[: at + 1]), "".join(spellings[at + 1 :])
    good_before = _GOOD_PREFIXES.match(before)
    if _GOOD_SUFFIXES.match(after):
        return len(before) * 0.1 if good_before else len(before)
    if all(place in subjoined for place in places[at + 2 :]):
        return len(before) * (0.3 if good_before else 0.5)
    return math.inf


def _without_a(spelling: str) -> str:
    return re.sub(r"([bcdfghjklmnpqrstvwxyz].*)a$", r"\1", spelling)
