"""Hangul as keys, against the decomposition of Unicode."""

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from xl_tasks.robustness.hangul import composed, is_key, is_syllable, pressed

SYLLABLES = [chr(code) for code in range(0xAC00, 0xD7A4)]
# The parts of compound jamo by their names: KIYEOK-SIOS is two keys, SSANGKIYEOK one.
TWO_KEYS = {"WA": "O A", "WAE": "O AE", "OE": "O I", "WEO": "U EO", "WE": "U E", "WI": "U I", "YI": "EU I"}


def keys_by_name(syllable: str) -> list[str]:
    """The keys as the names of Unicode's conjoining jamo tell them."""
    found = []
    for jamo in unicodedata.normalize("NFD", syllable):
        name = unicodedata.name(jamo).split()[-1]
        for part in TWO_KEYS.get(name, name.replace("-", " ")).split():
            found.append(unicodedata.lookup(f"HANGUL LETTER {part}"))
    return found


def test_every_syllable_has_the_keys_of_its_jamo():
    for syllable in SYLLABLES:
        assert pressed(syllable) == keys_by_name(syllable)
        assert composed(pressed(syllable)) == syllable
    assert all(map(is_syllable, SYLLABLES))
    assert not is_syllable("ㄱ")
    assert not is_key("ㅘ")


@given(st.text(st.sampled_from(SYLLABLES), max_size=8))
def test_words_come_back(word):
    assert composed([key for syllable in word for key in pressed(syllable)]) == word


@given(st.lists(st.sampled_from([*"ㄱㄲㄴㄷㄹㅁㅂㅅㅆㅇㅈㅎㅏㅐㅓㅗㅜㅡㅣㅔ", "x"]), max_size=9))
def test_what_appears_has_the_keys_that_were_pressed(keys):
    shown = composed(keys)
    assert [key for char in shown for key in (pressed(char) if is_syllable(char) else [char])] == keys
    assert not any(unicodedata.combining(char) for char in shown)


def test_a_final_moves_to_the_next_vowel():
    assert composed("ㄷㅏㄹㄱ") == "닭"
    assert composed("ㄷㅏㄹㄱㅣ") == "달기"
    assert composed("ㅎㅏㄴㄴ") == "한ㄴ"
    assert composed("ㅏㄱㅏ") == "ㅏ가"
