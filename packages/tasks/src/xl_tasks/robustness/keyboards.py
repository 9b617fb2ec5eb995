"""Letters that a finger may hit in the place of another: neighbours on the keyboard of a language, or in its alphabet.

Order of search: the language's own layout, that of the letter's script (`robustness.layouts`), both again for the
letter without its accent (é on a keyboard without it is typed as e), and last the alphabet: for syllabaries and Kana
the code points before and after; for Han characters, which are typed by sound or shape and have no keys, the other Han
characters of the text; for other scripts the letters before and after among those that the text uses.
"""

import math
import unicodedata
from collections.abc import Mapping
from functools import cache, lru_cache

from xl_tasks.errors import TaskError
from xl_tasks.robustness.layouts import BY_LANGUAGE, BY_SCRIPT, INSCRIPT_BLOCKS, LAYOUTS, SHIFTED
from xl_translit import TranslitError
from xl_translit import language as canonical_language

_ROW_STARTS = (-1.0, 0.5, 0.75, 0.25)
"""Left edge of each row's first key, in key widths, on a standard (staggered) keyboard."""
_REACH = 0.8
"""Keys of the next row count as neighbours up to this distance to the side, in key widths."""
_SYLLABARIES = {"ETHIOPIC", "HIRAGANA", "KATAKANA", "CHEROKEE", "CANADIAN", "YI", "VAI"}
_DEVANAGARI = 0x0900
_TURKIC_I = {"tur", "azj", "crh", "tat", "gag"}
"""Languages whose Latin alphabet has i with and without a dot."""


@cache
def script_name(char: str) -> str:
    """The script of a letter as the name of its character begins: "LATIN", "CYRILLIC", "CJK"; "" for no letter.

    Letters are those of the categories Lu, Ll, Lt and Lo; modifier letters (`ー`, tatweel) are none.
    """
    if unicodedata.category(char) not in ("Lu", "Ll", "Lt", "Lo"):
        return ""
    return unicodedata.name(char, "").partition(" ")[0]


def neighbour_keys(letter: str, language: str, used: frozenset[str] = frozenset()) -> tuple[str, ...]:
    """Letters of the same case near `letter` on the keyboard of a language, or in its alphabet; none for no letter.

    letter: one character. language: any spelling. used: letters of the text, for scripts without a layout.
    """
    small = lower(letter, language)
    near = _keys_near(small, individual(language))
    if not near:
        near = _alphabet_near(small, used)
    if small == letter:
        return near
    return tuple(upper(other, language) for other in near)


def lower(letter: str, language: str) -> str:
    """The small letter of a language, one character always: ı for I in Turkish, i for İ everywhere."""
    if letter == "I" and individual(language) in _TURKIC_I:
        return "ı"
    return "i" if letter == "İ" else _single(letter.lower(), letter)


def upper(letter: str, language: str) -> str:
    """The capital of a language, one character always: İ for i in Turkish; ß stays."""
    if letter == "i" and individual(language) in _TURKIC_I:
        return "İ"
    return _single(letter.upper(), letter)


def _single(changed: str, letter: str) -> str:
    return changed if len(changed) == 1 else letter


@cache
def individual(language: str) -> str:
    """The ISO 639-3 code of a language in any spelling; TaskError for what names none."""
    try:
        return canonical_language(language).partition("_")[0]
    except TranslitError as error:
        message = f"noise: {error}"
        raise TaskError(message) from None


@lru_cache(maxsize=1 << 14)
def _keys_near(small: str, code: str) -> tuple[str, ...]:
    base = unicodedata.normalize("NFD", small)[0]
    for letter in dict.fromkeys((small, base)):
        script = script_name(letter)
        names = (*BY_LANGUAGE.get(code, ()), *((BY_SCRIPT[script],) if script in BY_SCRIPT else ()))
        for name in names:
            near = _layout(name, script).get(letter, ())
            # Without the letter itself, where an accent was left out.
            near = tuple(other for other in near if other != small)
            if near:
                return near
    return ()


@cache
def _layout(name: str, script: str) -> Mapping[str, tuple[str, ...]]:
    """Letter -> its neighbours, for the letters of a layout that are of a script."""
    keys = {}
    for level, rows in enumerate((LAYOUTS[name], SHIFTED.get(name, ()))):
        for row, letters in enumerate(rows):
            for column, letter in enumerate(letters):
                there = _of_block(letter, script)
                if script_name(there) == script:
                    keys[there] = (level, row, _ROW_STARTS[row] + column)
    near = {
        letter: {other for other, place in keys.items() if other != letter and _touch(here, place)}
        for letter, here in keys.items()
    }
    for letter in [letter for letter, others in near.items() if not others and len(keys) > 1]:
        nearest = min(
            (other for other in keys if other != letter), key=lambda other: _distance(keys[letter], keys[other])
        )
        near[letter].add(nearest)
        near[nearest].add(letter)
    return {letter: tuple(sorted(others)) for letter, others in near.items()}


def _distance(here: tuple[int, int, float], there: tuple[int, int, float]) -> float:
    """For keys that stand apart from all others, such as ё left of 1; Shift counts as far away."""
    (level, row, x), (other_level, other_row, other_x) = here, there
    return math.hypot(row - other_row, x - other_x) + 100 * abs(level - other_level)


def _touch(here: tuple[int, int, float], there: tuple[int, int, float]) -> bool:
    """Whether two keys lie side by side on one level, or are one key with and without Shift."""
    (level, row, x), (other_level, other_row, other_x) = here, there
    if level != other_level:
        return row == other_row and x == other_x
    distance = abs(x - other_x)
    return distance <= 1 if row == other_row else abs(row - other_row) == 1 and distance < _REACH


def _of_block(letter: str, script: str) -> str:
    """The letter that stands in a script's block where `letter` stands in that of Devanagari."""
    if script in INSCRIPT_BLOCKS and letter != " ":
        return chr(ord(letter) - _DEVANAGARI + INSCRIPT_BLOCKS[script])
    return letter


@lru_cache(maxsize=1 << 14)
def _alphabet_near(small: str, used: frozenset[str]) -> tuple[str, ...]:
    script = script_name(small)
    if not script:
        return ()
    if script in _SYLLABARIES:
        around = (chr(ord(small) - 1), chr(ord(small) + 1))
        return tuple(other for other in around if script_name(other) == script)
    letters = sorted({small, *(other for other in used if script_name(other) == script)})
    if script == "CJK":
        return tuple(other for other in letters if other != small)
    place = letters.index(small)
    return tuple(letters[i] for i in (place - 1, place + 1) if 0 <= i < len(letters))
