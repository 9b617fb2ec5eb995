"""Scripts that Uroman does not read: what is said of them is what Uroman itself writes, beside Unicode's names."""

import re
import unicodedata
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xl_translit import count_unread, script_reading, supported_languages
from xl_translit.uroman.romanizer import _uroman

READ = """
    Arab Armn Beng Cans Copt Cyrl Deva Ethi Geor Goth Grek Gujr Guru Hang Hani Hans Hebr Hira Ital Jpan Kana Khmr Knda
    Laoo Latn Lisu Mlym Mong Orkh Orya Runr Sinh Syrc Taml Telu Tfng Thaa Thai Tibt Vaii Yiii
""".split()  # noqa: SIM905 - shorter


def said(char: str) -> str:
    return str(_uroman().romanize_string(char))


@pytest.mark.parametrize("script", READ)
def test_scripts_that_are_read_have_no_note(script: str) -> None:
    assert not script_reading(script).note
    assert not script_reading(script).chars


def test_ol_chiki_vowels_are_named_as_syllables_and_all_become_l() -> None:
    # The vowels of the script are its letters number 1, 6, 11 ... of 30 (Unicode, chapter 13.10).
    vowels = [chr(point) for point in range(0x1C5A, 0x1C78, 5)]
    assert {said(char) for char in vowels} == {"l"}
    assert script_reading("Olck").chars == set(vowels)
    assert script_reading("Olck").note.startswith("6 of 30 letters lose their vowel (OL CHIKI LETTER LA: l)")


def test_tone_marks_of_nko_become_words() -> None:
    chars = script_reading("Nkoo").chars
    assert {said(char) for char in chars} == {"tone"}
    assert {"NKO COMBINING SHORT HIGH TONE", "NKO COMBINING LONG LOW TONE"} <= set(map(unicodedata.name, chars))


def test_small_letters_of_cherokee_lose_the_vowels_that_capitals_have() -> None:
    chars = script_reading("Cher").chars
    names = [unicodedata.name(char) for char in chars]
    assert all(name.startswith("CHEROKEE SMALL LETTER ") for name in names)
    assert all(said(char.upper()).lower() != said(char) for char in chars)
    assert {"ꭶ", "ꮑ"} <= chars
    assert (said("ꭶ"), said("Ꭶ")) == ("g", "ga")
    assert "small letters are read otherwise than their capitals" in script_reading("Cher").note


@pytest.mark.parametrize("script", ["Bass", "Java", "Mtei", "Mymr", "Nkoo"])
def test_marks_become_words_of_their_names(script: str) -> None:
    chars = script_reading(script).chars
    assert chars
    for char in chars:
        assert unicodedata.category(char)[0] == "M"
        assert said(char).upper() in unicodedata.name(char).split(" ")


@pytest.mark.parametrize("script", ["Bamu", "Sora"])
def test_letters_lose_the_vowel_at_the_end_of_their_name(script: str) -> None:
    for char in script_reading(script).chars:
        assert re.search("[AEIOU]H?$", unicodedata.name(char))
        assert not re.search("[aeiou]", said(char))


@pytest.mark.parametrize("script", ["Ahom", "Bali", "Linb", "Ougr", "Toto", "Vith"])
def test_letters_stay_as_they_are(script: str) -> None:
    chars = script_reading(script).chars
    assert chars
    assert all(said(char) == char for char in chars)


def test_only_characters_that_are_not_read_count() -> None:
    assert count_unread(["ᱥᱟᱱᱛᱟᱲᱤ", "Ꭶ ꭶ"]) == Counter(Olck=3, Cher=1)
    # Burmese, Greek and Chinese; the tone marks of Shan stand in its script
    assert count_unread(["မြန်မာ", "Ελλάδα", "漢字かな", "tea"]) == Counter()
    assert count_unread(["\u1088"]) == Counter(Mymr=1)


def test_languages_carry_the_note_of_their_script() -> None:
    noted = {support.code for support in supported_languages() if support.reading}
    assert {"nqo_Nkoo", "sat_Olck"} <= noted
    # Languages of one script that is not read, beyond those of FLORES-200 and of Epitran's tables.
    assert {"chr_Cher", "bax_Bamu", "srb_Sora", "bsq_Bass", "txo_Toto"} <= noted
    assert noted.isdisjoint({"tur_Latn", "rus_Cyrl", "jpn_Jpan", "zho_Hans", "kor_Hang", "tha_Thai", "bod_Tibt"})


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from("ᱚᱟߒ߫ꭶ\ua9c0е中\u0301\U0001e900"))))
def test_unread_characters_are_counted_one_by_one(texts: list[str]) -> None:
    # what earlier texts held, of this example and of others, changes nothing
    of = {char: script for script in ("Olck", "Nkoo", "Cher", "Java") for char in script_reading(script).chars}
    counted = count_unread(texts)
    assert {script: counted[script] for script in set(of.values()) if counted[script]} == Counter(
        of[char] for text in texts for char in text if char in of
    )
