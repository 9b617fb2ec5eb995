"""Which installed fonts a picture's texts need, and what to install where they lack letters.

matplotlib shapes and orders text by HarfBuzz and FriBidi (libraqm, from 3.11 on) and takes each letter from the first
font of a list that has it; the list is what is found here.
"""

import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.font_manager import FontEntry

DEFAULT = "DejaVu Sans"
"""Comes with matplotlib: Latin, Greek, Cyrillic, Hebrew, Arabic and more."""
_REGULAR = 400
# Their letters are in the fonts for Chinese, Japanese and Korean, which are a Debian package of their own.
_CJK = frozenset({"CJK", "HANGUL", "HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA", "IDEOGRAPHIC", "BOPOMOFO", "FULLWIDTH"})


def font_families(texts: Iterable[str]) -> list[str]:
    """Names of installed fonts that together show `texts`, `DEFAULT` first; as few as a letter needs."""
    return _chosen(frozenset("".join(texts)))[0]


def font_note(texts: Iterable[str]) -> str:
    """A sentence that names the scripts of `texts` no installed font shows, and their package; empty for none."""
    missing = _chosen(frozenset("".join(texts)))[1]
    if not missing:
        return ""
    scripts = sorted({_script(letter).capitalize() for letter in missing})
    packages = sorted({"fonts-noto-cjk" if _script(letter) in _CJK else "fonts-noto-core" for letter in missing})
    return (
        f"No installed font has {len(missing)} of the characters shown ({', '.join(scripts)}); the picture has empty "
        f"boxes for them. Install the Debian packages {' and '.join(packages)}, or any fonts of these scripts."
    )


def _chosen(letters: frozenset[str]) -> tuple[list[str], list[str]]:
    """Families, and the letters that none of the installed fonts has."""
    from matplotlib.font_manager import findSystemFonts, fontManager

    seen = frozenset(entry.fname for entry in fontManager.ttflist)
    families, missing = _cover(letters, seen)
    if missing and (new := set(findSystemFonts()) - seen):
        # matplotlib keeps a list of fonts from an earlier day.
        for path in sorted(new):
            try:
                fontManager.addfont(path)
            except (OSError, RuntimeError):  # a file that is no font, or of bitmaps
                continue
        families, missing = _cover(letters, frozenset(entry.fname for entry in fontManager.ttflist))
    return list(families), list(missing)


@lru_cache(maxsize=64)
def _cover(letters: frozenset[str], _fonts: frozenset[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    from matplotlib.font_manager import fontManager

    # The names of fonts that have every character, as boxes, are no help.
    entries = [entry for entry in fontManager.ttflist if "Last Resort" not in entry.name]
    families = [DEFAULT]
    default = next(entry for entry in entries if entry.name == DEFAULT and _is_regular(entry))
    left = {letter for letter in letters if _is_drawn(letter) and ord(letter) not in _characters(default.fname, 0)}
    missing = []
    while left:
        letter = min(left)
        left.remove(letter)
        for entry in sorted(filter(_is_regular, entries), key=lambda each: _rank(each, _script(letter))):
            characters = _characters(entry.fname, entry.index)
            if ord(letter) in characters:
                families.append(entry.name)
                left = {other for other in left if ord(other) not in characters}
                break
        else:
            missing.append(letter)
    return tuple(dict.fromkeys(families)), tuple(missing)


@lru_cache(maxsize=1024)
def _characters(path: str, index: int) -> frozenset[int]:
    from matplotlib.ft2font import FT2Font

    return frozenset(FT2Font(path, face_index=index).get_charmap())


def _is_drawn(letter: str) -> bool:
    """Whether a font has to have it: neither a blank nor a mark of control or order."""
    category = unicodedata.category(letter)
    return category[0] != "Z" and category not in ("Cc", "Cf", "Cs")


def _script(letter: str) -> str:
    """The first word of the character's name: ETHIOPIC, MYANMAR, CJK ...; what no name has is a symbol."""
    return unicodedata.name(letter, "SYMBOL").partition(" ")[0]


def _is_regular(entry: "FontEntry") -> bool:
    return entry.style == "normal" and entry.weight == _REGULAR


def _rank(entry: "FontEntry", script: str) -> tuple[bool, bool, str]:
    """Fonts made for a script first, then those without serifs."""
    mark = "CJK" if script in _CJK else script
    return mark not in entry.name.upper(), "Sans" not in entry.name, entry.name
