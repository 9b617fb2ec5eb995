"""Hangul as the keys that are pressed for it, and back: 닭 is ㄷㅏㄹㄱ.

A typist makes errors in keys, not in syllables. `pressed` gives the keys of a word on the Korean standard keyboard
(dubeolsik), `composed` what appears when keys are pressed: the longest syllables, a final consonant before a vowel
belonging to the next one, and single jamo where no syllable can be formed. For all keys, `pressed(composed(keys))` is
`keys`.
"""

from collections.abc import Sequence
from typing import Any

import regex

_INITIALS = "ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ"
_VOWELS = "ㅏㅐㅑㅒㅓㅔㅕㅖㅗㅘㅙㅚㅛㅜㅝㅞㅟㅠㅡㅢㅣ"
_FINALS = " ㄱㄲㄳㄴㄵㄶㄷㄹㄺㄻㄼㄽㄾㄿㅀㅁㅂㅄㅅㅆㅇㅈㅊㅋㅌㅍㅎ"
_COMPOUND_VOWELS = {"ㅘ": "ㅗㅏ", "ㅙ": "ㅗㅐ", "ㅚ": "ㅗㅣ", "ㅝ": "ㅜㅓ", "ㅞ": "ㅜㅔ", "ㅟ": "ㅜㅣ", "ㅢ": "ㅡㅣ"}
_COMPOUND_FINALS = {
    "ㄳ": "ㄱㅅ", "ㄵ": "ㄴㅈ", "ㄶ": "ㄴㅎ", "ㄺ": "ㄹㄱ", "ㄻ": "ㄹㅁ", "ㄼ": "ㄹㅂ", "ㄽ": "ㄹㅅ", "ㄾ": "ㄹㅌ",
    "ㄿ": "ㄹㅍ", "ㅀ": "ㄹㅎ", "ㅄ": "ㅂㅅ",
}  # fmt: skip
_FIRST_SYLLABLE, _LAST_SYLLABLE = "가", "힣"

_SIMPLE_VOWELS = "".join(vowel for vowel in _VOWELS if vowel not in _COMPOUND_VOWELS)
_SIMPLE_FINALS = "".join(final for final in _FINALS[1:] if final not in _COMPOUND_FINALS)
_SYLLABLE = regex.compile(
    rf"([{_INITIALS}])({'|'.join(_COMPOUND_VOWELS.values())}|[{_SIMPLE_VOWELS}])"
    rf"((?:{'|'.join(_COMPOUND_FINALS.values())}|[{_SIMPLE_FINALS}])(?![{_SIMPLE_VOWELS}]))?"
)
_TOGETHER = {keys: jamo for jamo, keys in (*_COMPOUND_VOWELS.items(), *_COMPOUND_FINALS.items())}


def is_syllable(char: str) -> bool:
    """Whether a character is a whole syllable (가 to 힣)."""
    return _FIRST_SYLLABLE <= char <= _LAST_SYLLABLE


def is_key(char: str) -> bool:
    """Whether a character is a single jamo that has a key (ㄱ, ㅏ; not ㄳ or ㅘ)."""
    return char in _INITIALS or char in _SIMPLE_VOWELS


def pressed(syllable: str) -> list[str]:
    """The keys of a syllable, two to five compatibility jamo."""
    number = ord(syllable) - ord(_FIRST_SYLLABLE)
    initial, rest = divmod(number, len(_VOWELS) * len(_FINALS))
    vowel, final = divmod(rest, len(_FINALS))
    jamo = _INITIALS[initial], _VOWELS[vowel], _FINALS[final].strip()
    return list("".join(_COMPOUND_VOWELS.get(one, _COMPOUND_FINALS.get(one, one)) for one in jamo))


def composed(keys: Sequence[str]) -> str:
    """What appears when keys are pressed one after the other; what is no key stands for itself."""
    return _SYLLABLE.sub(_syllable, "".join(keys))


def _syllable(match: Any) -> str:
    initial, vowel, final = (_TOGETHER.get(part or " ", part or " ") for part in match.groups())
    number = (_INITIALS.index(initial) * len(_VOWELS) + _VOWELS.index(vowel)) * len(_FINALS) + _FINALS.index(final)
    return chr(ord(_FIRST_SYLLABLE) + number)
