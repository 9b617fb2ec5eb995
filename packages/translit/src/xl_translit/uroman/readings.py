"""Where Uroman's output is no reading: each script's letters and marks, romanised, beside their Unicode names.

Uroman (1.3) has rules for some scripts and takes the Latin letters of others from the names of their characters. Names
are not made for that: OL CHIKI LETTER LA is the vowel a and comes out as `l`, NKO COMBINING SHORT HIGH TONE as `tone`.
Four things are measured, of a script's own letters (characters of compatibility left out, and, where a script has
letters in the Basic Multilingual Plane, its historic letters elsewhere too):

- letters that stay as they are;
- letters whose names differ in the vowel at their end alone (LA, LI, LU) and that all come out as one consonant;
- small letters that are read otherwise than their capitals;
- marks that come out as a word of their names, of four letters or more.
"""

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import chain
from typing import Any

from xl_translit.uroman.romanizer import Romanizer

_SHARE = 0.2
"""From this share of a script's letters, pairs or marks on, there is a note; single letters are missing everywhere."""
_SHARE_OF_VOWELS = 0.15
"""So for lost vowels: measured are 0.20 and more where it is so, at most 0.12 elsewhere (Etruscan KA, KE, KU are k)."""
_WORD_LENGTH = 4
"""Shorter outputs of marks may be readings (the Miao vowel sign ANG)."""
_PLANE = 0x10000
_OPEN_SYLLABLE = re.compile("([^AEIOUY]*)[AEIOUY]+H?$")
_UNNAMED = ("Hani", "Zyyy", "Zinh")
"""Not measured: names of ideographs hold no reading, and characters of several scripts belong to none."""


@dataclass(frozen=True, kw_only=True)
class ScriptReading:
    """What became of the letters and marks of one script."""

    script: str
    """ISO 15924, `Olck`."""
    note: str
    """In which way Uroman's output is no reading of the script; "" where it is one."""
    chars: frozenset[str]
    """The characters that the note is about."""


@cache
def script_reading(script: str) -> ScriptReading:
    """Measure a script, by its ISO 15924 code; codes that Unicode has no letters of (Jpan, Hans) have no note."""
    letters, marks = _characters(script)
    said = dict(zip([*letters, *marks], Romanizer().batch([*letters, *marks]), strict=True))
    pairs = [char for char in letters if char.lower() == char != char.upper() in said]
    unchanged = [char for char in letters if said[char] == char]
    unlike = [char for char in pairs if said[char].lower() != said[char.upper()].lower()]
    words = [char for char in marks if len(said[char]) >= _WORD_LENGTH and said[char].upper() in _name(char).split()]
    readings = (
        _finding("letters stay as they are", unchanged, letters),
        _finding("letters lose their vowel", _without_vowel(letters, said), letters, said, _SHARE_OF_VOWELS),
        _finding("small letters are read otherwise than their capitals", unlike, pairs, said),
        _finding("marks become a word of their name", words, marks, said),
    )
    notes, chars = [text for text, _ in readings if text], frozenset(char for _, its in readings for char in its)
    return ScriptReading(script=script, note="; ".join(notes), chars=chars)


def count_unread(texts: Iterable[str]) -> Counter[str]:
    """Script -> how many characters of the texts its note is about; scripts without such a character are left out."""
    counts: Counter[str] = Counter()
    for char, count in _others.count("\n".join([text for text in texts if not text.isascii()])).items():
        if char in script_reading(_scripts[char]).chars:
            counts[_scripts[char]] += count
        else:
            _others.skip(char)
    return counts


def script_of_char(char: str) -> str:
    """The script of a letter or mark beyond ASCII, `Tibt`; "" for Han characters, and those of none or of several."""
    return _scripts[char]


def _finding(
    what: str, chars: Sequence[str], of: Sequence[str], said: dict[str, str] | None = None, share: float = _SHARE
) -> tuple[str, Sequence[str]]:
    """What is wrong, in words with an example, and the characters; nothing below the share."""
    if not chars or len(chars) < share * len(of):
        return "", ()
    example = _name(chars[0]) + (f": {said[chars[0]]}" if said else "")
    return f"{len(chars)} of {len(of)} {what} ({example})", chars


def _without_vowel(letters: Sequence[str], said: dict[str, str]) -> list[str]:
    """Letters that one consonant is written for though their names end in three vowels or more."""
    groups: dict[tuple[str, str], dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for char in letters:
        syllable = _name(char).split(" ")[-1]
        match, spelled = _OPEN_SYLLABLE.match(syllable), said[char].lower()
        if match and spelled and not re.search("[aeiouy]", spelled):
            groups[match[1], spelled][syllable].append(char)
    return [char for group in groups.values() if len(group) > 2 for chars in group.values() for char in chars]


def _name(char: str) -> str:
    return unicodedata.name(char, f"U+{ord(char):04X}")


def _characters(script: str) -> tuple[list[str], list[str]]:
    """Letters (of the kinds Ll, Lu, Lo) and marks of a script."""
    pattern = _pattern(script)
    if pattern is None:
        return [], []
    chars = [char for char in pattern.findall(_letters_and_marks()) if unicodedata.normalize("NFKC", char) == char]
    if any(ord(char) < _PLANE for char in chars):
        chars = [char for char in chars if ord(char) < _PLANE]
    kinds = {char: unicodedata.category(char) for char in chars}
    return [c for c in chars if kinds[c] in ("Ll", "Lu", "Lo")], [c for c in chars if kinds[c][0] == "M"]


@cache
def _letters_and_marks() -> str:
    # most characters are letters, which Python tells faster than their category
    return "".join(c for c in map(chr, range(0x80, 0x32000)) if c.isalpha() or unicodedata.category(c)[0] == "M")


@cache
def _pattern(script: str) -> Any:
    import regex

    if script in _UNNAMED:
        return None
    try:
        return regex.compile(rf"\p{{Script={script}}}")
    except regex.error:
        return None


@cache
def _script_codes() -> list[str]:
    from langcodes.data_dicts import ALL_SCRIPTS

    return sorted(ALL_SCRIPTS)


class _Scripts(dict[str, str]):
    """Character -> its script, "" for characters of none or of several."""

    def __init__(self) -> None:
        super().__init__()
        self._met: dict[str, None] = {}  # a text is in few scripts

    def __missing__(self, char: str) -> str:
        self[char] = ""
        if not char.isascii() and unicodedata.category(char)[0] in "LM":
            for script in chain(self._met, _script_codes()):
                if (pattern := _pattern(script)) and pattern.match(char):
                    self[char] = script
                    self._met[script] = None
                    break
        return self[char]


class _Others:
    """Counts the characters of texts but for those that it was told to skip, and so passes over quickly."""

    def __init__(self) -> None:
        self._skipped: set[str] = set()
        self._n_compiled = 0
        self._search = re.compile(r"[^\x00-\x7f]")

    def count(self, text: str) -> Counter[str]:
        """How often each character occurs that is not skipped."""
        if len(self._skipped) > 1.25 * self._n_compiled:  # else hardly worth it: what is new by now is rare
            self._n_compiled = len(self._skipped)
            self._search = re.compile(rf"[^\x00-\x7f{''.join(sorted(self._skipped))}]")
        return Counter(self._search.findall(text))

    def skip(self, char: str) -> None:
        """Leave a character out from now on, if there is a quick way to pass over it."""
        if ord(char) < _PLANE:
            self._skipped.add(char)


_scripts = _Scripts()
_others = _Others()
