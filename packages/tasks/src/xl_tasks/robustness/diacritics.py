"""Text without its optional diacritics, as it is typed in haste or where a keyboard lacks them.

What is optional depends on the script (NONE_KEPT, COMPOSED_KEPT): a mark goes where readers know the word without it,
and stays where it is a letter.

| script | goes | stays |
| --- | --- | --- |
| Latin, Greek | every combining mark: é ş ñ ą ế ά ᾧ become e s n a e α ω | letters without one: ı ß ø ł đ ħ æ |
| Cyrillic | stress marks (а́ ѐ ѝ); in Russian the dots of ё | й ї ў ѓ ќ, ё elsewhere: letters of their own |
| Hebrew | points and cantillation | all of them in Yiddish, where they are letters |
| Arabic | vowel signs, shadda, sukun, superscript alef, Quranic signs | hamza and madda (أ ؤ آ) |
| Syriac, Ethiopic | vowel points; marks of length | |
| all others | | everything: Indic, Thai and Burmese vowel signs, dakuten, Hangul |

Capital İ has a mark and becomes I; ı has none and stays. Only characters that lose a mark are touched; the others keep
their normal form.
"""

import unicodedata
from functools import lru_cache

import regex

from xl_tasks.robustness.keyboards import individual, script_name

NAME = "drop-diacritics"

NONE_KEPT = {"LATIN", "GREEK"}
"""Scripts that lose each nonspacing mark, also inside a precomposed letter."""
COMPOSED_KEPT = {"CYRILLIC", "HEBREW", "ARABIC", "SYRIAC", "ETHIOPIC"}
"""Scripts that lose each nonspacing mark which does not form one letter with the character before it (NFC)."""

_HAMZA_AND_MADDA = "\u0653\u0654\u0655"
_STRESSED = {"ѐ": "е", "ѝ": "и", "Ѐ": "Е", "Ѝ": "И"}
_YO = {"ё": "е", "Ё": "Е"}
_POINTS_ARE_LETTERS = {"ydd", "yih"}
_CLUSTER = regex.compile(r"\X")


def without_diacritics(text: str, language: str) -> str:
    """`text` without its optional diacritics. The same length in grapheme clusters, and the same words."""
    if text.isascii():
        return text
    code = individual(language)
    return _CLUSTER.sub(lambda match: match[0] if match[0].isascii() else _bare(match[0], code), text)


@lru_cache(maxsize=1 << 15)
def _bare(cluster: str, code: str) -> str:
    """One cluster without its optional marks; code: ISO 639-3."""
    whole = unicodedata.normalize("NFC", cluster)
    script = script_name(whole[0])
    if script in NONE_KEPT:
        whole = unicodedata.normalize("NFD", cluster)
        kept = "".join(char for char in whole if not _is_mark(char))
    elif script in COMPOSED_KEPT and not (script == "HEBREW" and code in _POINTS_ARE_LETTERS):
        letter = _STRESSED.get(whole[0], _YO.get(whole[0], whole[0]) if code == "rus" else whole[0])
        kept = letter + "".join(char for char in whole[1:] if not _is_mark(char) or char in _HAMZA_AND_MADDA)
    else:
        return cluster
    return cluster if kept == whole else unicodedata.normalize("NFC", kept)


def _is_mark(char: str) -> bool:
    return unicodedata.category(char) == "Mn"
