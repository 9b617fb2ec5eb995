"""Which script a text is written in, and whether that is a script of its language."""

import unicodedata
from collections import Counter
from functools import cache

from xl_translit.languages import script
from xl_translit.uroman.readings import script_of_char

# ISO 15924 codes of ways of writing -> the scripts of Unicode that their characters are of.
_PARTS = {
    "Hans": ("Hani",),
    "Hant": ("Hani",),
    "Jpan": ("Hani", "Hira", "Kana"),
    "Hrkt": ("Hira", "Kana"),
    "Kore": ("Hang", "Hani"),
    "Hang": ("Hang", "Hani"),
    "Aran": ("Arab",),
}


def main_script(text: str) -> str:
    """The ISO 15924 code of the script that most letters of `text` are of, "Tibt"; "" for a text without letters.

    Han characters are "Hani", kana "Hira" and "Kana", whatever the language is.
    """
    counts: Counter[str] = Counter()
    for char, count in Counter(text).items():
        if unicodedata.category(char)[0] == "L":
            counts[_of_letter(char)] += count
    counts.pop("", None)
    return max(counts, key=lambda name: (counts[name], name), default="")


def is_script_of(name: str, code: str) -> bool:
    """Whether a script, as `main_script` calls it, is one that a language in any spelling is written in."""
    own = script(code)
    return name in _PARTS.get(own, (own,))


@cache
def _of_letter(char: str) -> str:
    if char.isascii():
        return "Latn"
    if unicodedata.name(char, "").startswith("CJK"):
        return "Hani"
    return script_of_char(char)
