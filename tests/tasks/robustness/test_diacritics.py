"""Left-out diacritics: closed examples by script, and sklearn's strip_accents where all marks go."""

import unicodedata

import pytest
import regex
from hypothesis import assume, given
from hypothesis import strategies as st
from sklearn.feature_extraction.text import strip_accents_unicode

from xl_tasks.robustness.diacritics import without_diacritics

EXAMPLES = [
    ("fra", "Élève, façon où", "Eleve, facon ou"),
    ("vie", "Tiếng Việt đường", "Tieng Viet đuong"),  # đ has no combining mark
    ("tur", "İstanbul ışık çağ", "Istanbul ısık cag"),  # nor has ı
    ("deu", "größer Straße", "großer Straße"),
    ("pol", "Łódź", "Łodz"),
    ("dan", "rødgrød på ære", "rødgrød pa ære"),
    ("mlt", "Ħaż-Żebbuġ", "Ħaz-Zebbug"),
    ("yor", "ẹ̀kọ́", "eko"),
    ("ell", "Ελλάδα ΐ ϊ", "Ελλαδα ι ι"),
    ("ell", "ᾧ", "ω"),
    ("rus", "Приве́т, ёлка, йод", "Привет, елка, йод"),
    ("bel", "ёсць й ў", "ёсць й ў"),
    ("ukr", "її́ й за́мок", "її й замок"),
    ("mkd", "ѓ ќ ѝ", "ѓ ќ и"),
    ("heb", "שָׁלוֹם", "שלום"),
    ("ydd", "אָ ייַ פּ", "אָ ייַ פּ"),
    ("arb", "مُحَمَّدٌ أؤ آ هٰذا", "محمد أؤ آ هذا"),
    ("urd", "ۂ ۓ", "ۂ ۓ"),
    ("arb", "\u0649\u0654\u064e", "\u0649\u0654"),  # a hamza for which there is no composed letter
    ("hin", "कि क्ष ज़", "कि क्ष ज़"),
    ("tha", "กี่ น้ำ", "กี่ น้ำ"),
    ("jpn", "がぱ ガ", "がぱ ガ"),
    ("kor", "한글", "한글"),
    ("mya", "မြန်မာ", "မြန်မာ"),
    ("eng", "plain, ́alone 🙂‍↕️", "plain, ́alone 🙂‍↕️"),
]


@pytest.mark.parametrize(("language", "text", "bare"), EXAMPLES, ids=[f"{i}-{e[0]}" for i, e in enumerate(EXAMPLES)])
def test_closed_examples(language, text, bare):
    assert without_diacritics(unicodedata.normalize("NFC", text), language) == unicodedata.normalize("NFC", bare)
    # Decomposed text loses the same marks; what keeps its marks keeps its form.
    decomposed = without_diacritics(unicodedata.normalize("NFD", text), language)
    assert unicodedata.normalize("NFC", decomposed) == unicodedata.normalize("NFC", bare)


def test_untouched_characters_keep_their_form():
    # Kelvin, ohm, a decomposed Cyrillic letter, decomposed Kana.
    text = "\u212a \u2126 \u0438\u0306 \u304b\u3099 й が"
    assert without_diacritics(text, "rus") == text


@given(st.text(st.sampled_from("aeéüßñơếồçğİıŁøαάΐώῷςb -1\u0301\u0327"), max_size=12))
def test_latin_and_greek_lose_what_sklearn_strips(text):
    assume(not regex.search(r"(?<![\p{L}\p{M}])\p{M}", text))  # a mark without its letter is left
    assert unicodedata.normalize("NFC", without_diacritics(text, "eng")) == strip_accents_unicode(text)


SIGNS = [*"aéğй ёא아กีक", *"ِّשָׁمُ\u0301\u200d"]


@given(st.text(st.sampled_from(SIGNS), max_size=14), st.sampled_from(["eng", "rus", "arb", "ydd"]))
def test_laws(text, language):
    once = without_diacritics(text, language)
    assert without_diacritics(once, language) == once
    assert [len(word) > 0 for word in once.split(" ")] == [len(word) > 0 for word in text.split(" ")]
