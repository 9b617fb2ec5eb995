"""Repairs of spelling before the tables and of notation after them: what they change, and that they change no more."""

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.thinned import thinned

from xl_translit import epitran_map, phonemize
from xl_translit.phonemes.epitran_maps import map_codes
from xl_translit.phonemes.spelling import G2pSpelling


def spelled(code: str, word: str) -> str:
    return epitran_map(code)(G2pSpelling(epitran_map(code)).before(word))


@pytest.mark.parametrize(
    ("code", "strange", "usual"),
    [
        ("tur-Latn", "İSTANBUL", "istanbul"), ("tur-Latn", "ISPARTA", "ısparta"), ("tur-Latn", "I\u0307zmir", "izmir"),
        ("aze-Latn", "QIZIL", "qızıl"), ("tur-Latn", "kâğıt", "kağıt"), ("urd-Arab", "یہ", "يه"),
        ("kaz-Cyrl", "бiр", "бір"), ("ukr-Cyrl", "Cаша", "Саша"), ("swa-Latn", "ng\u2019ombe", "ng'ombe"),
        ("tur-Latn", "ﬁl", "fil"), ("tur-Latn", "ev\u00adler", "evler"), ("fas-Arab", "می\u200cروم", "میروم"),
        ("rus-Cyrl", "мир\ufeff", "мир"), ("urd-Arab", "کا", "كا"),
    ],
)  # fmt: skip
def test_a_strange_spelling_is_said_as_the_usual_one(code: str, strange: str, usual: str) -> None:
    assert spelled(code, strange) == epitran_map(code)(usual)
    assert epitran_map(code)(strange) != epitran_map(code)(usual)  # else the repair is not needed


@pytest.mark.parametrize("code", thinned(map_codes(), 4))
def test_words_in_the_letters_of_the_map_are_left_alone(code: str) -> None:
    spelling = G2pSpelling(epitran_map(code))
    for grapheme in epitran_map(code).graphemes:
        assert epitran_map(code)(spelling.before(grapheme)) == epitran_map(code)(grapheme)


def test_latin_words_among_cyrillic_ones_stay_latin() -> None:
    assert G2pSpelling(epitran_map("rus-Cyrl")).before("Taxi") == "Taxi"


@pytest.mark.parametrize(
    ("code", "written", "repaired"),
    [("fin-Latn", "tu:li", "tuːli"), ("hau-Latn", "t͡s'a", "t͡sʼa"), ("kmr-Latn", "ʏ̫ː\u2009a", "ʏ̫ːa"),
     ("urd-Arab", "◌̃", "̃"), ("afr-Latn", "ga", "ɡa"), ("tur-Latn", "ga:", "ga:")],
)  # fmt: skip
def test_notation_of_results(code: str, written: str, repaired: str) -> None:
    assert G2pSpelling(epitran_map(code)).after(written) == repaired


@given(st.text())
@settings(deadline=None)
def test_no_text_fails_and_repairs_are_done_once(word: str) -> None:
    for code in ("tur-Latn", "urd-Arab", "kor-Hang", "ukr-Cyrl"):
        spelling = G2pSpelling(epitran_map(code))
        assert spelling.before(spelling.before(word)) == spelling.before(word)


@pytest.mark.parametrize(
    ("lang", "text"),
    [("ko", "안녕하세요 세계, 달 값이"), ("fi", "pää"), ("ru", "ёлка"), ("hi", "क़लम"), ("vi", "tiếng"), ("ta", "போது"),
     ("tr", "güzel KIZ"), ("ur", "اُردو"), ("pl", "ćma"), ("de", "günstig")],
)  # fmt: skip
def test_decomposed_letters_are_said_as_composed_ones(lang: str, text: str) -> None:
    said = {phonemize(unicodedata.normalize(form, text), lang) for form in ("NFC", "NFD")}
    assert len(said) == 1
    assert said != {text}


@pytest.mark.parametrize(
    "code", thinned(["deu-Latn", "fra-Latn", "hau-Latn", "kaz-Cyrl", "kor-Hang", "tur-Latn", "urd-Arab"], 4)
)
@given(data=st.data())
@settings(deadline=None, max_examples=60)
def test_words_together_are_repaired_as_alone(code: str, data: st.DataObject) -> None:
    table = epitran_map(code)
    letters = st.sampled_from(sorted(set("".join(table.graphemes)) | set("İIoùOÙœﬁ’'ʼ:g◌ \u0300\u0307\u200cΣі1\n가")))
    words = data.draw(st.lists(st.text(letters | st.characters(exclude_categories=["Cs"]), max_size=12), max_size=6))
    spelling = G2pSpelling(table)
    assert spelling.before_all(words) == list(map(spelling.before, words))
    lines = [word.replace("\n", "") for word in words]
    assert spelling.after_all(lines) == list(map(spelling.after, lines))
