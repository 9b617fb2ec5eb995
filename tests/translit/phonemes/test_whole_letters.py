"""Tables on whole letters: right values, and over all tables no mark that the table cannot write, no letter in half."""

import random
import unicodedata
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import pytest
import regex
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.thinned import thinned

from xl_translit import Phonemizer, epitran_map, phonemize, read_lines
from xl_translit.phonemes.engines import make_engine
from xl_translit.phonemes.epitran_maps import map_codes
from xl_translit.phonemes.whole_letters import whole_letter_map

DIACRITICS = [chr(point) for point in (*range(0x0300, 0x0315), 0x031B, 0x0323, 0x0327, 0x0328, 0x0331, 0x035C, 0x0361)]
REAL = """
    amh-Ethi:amh ara-Arab:ara ben-Beng:ben deu-Latn:deu est-Latn:est fas-Arab:pes fin-Latn:fin fra-Latn:fra
    hin-Deva:hin hun-Latn:hun ita-Latn:ita kat-Geor:kat kaz-Cyrl:kaz kor-Hang:kor mal-Mlym:mal rus-Cyrl:rus
    spa-Latn:spa swa-Latn:swh tam-Taml:tam tel-Telu:tel tha-Thai:tha tur-Latn:tur ukr-Cyrl:ukr urd-Arab:urd
"""


def marks(text: str) -> set[str]:
    return {char for char in unicodedata.normalize("NFD", text) if unicodedata.category(char)[0] == "M"}


@pytest.mark.parametrize(
    ("lang", "text", "right"),
    [
        ("pol", "skarżyć drży zmarźnięta", "skarʐɨt͡ɕ drʐɨ zmarʑɲɛnta"),
        ("deu", "günstigen gültigen", "ɡʏnstiɡn̩ ɡʏltiɡn̩"),
        ("deu", "Citroën Ågren", "siːtroːən aːɡrən"),
        ("fra", "poésie après où d'où noël crème", "pɔezi apʀɛ u d'u nɔɛl kʀɛm"),
        ("nld", "één vóór óók", "eːn voːr oːk"),  # the stress mark has no row: een voor ook
        ("nld", "geïnd zeeën", "ɣɛɪnt zeːɛn"),  # the diaeresis has none either, and parts e from i
    ],
)
def test_no_key_cuts_a_letter_in_half(lang: str, text: str, right: str) -> None:
    assert phonemize(text, lang) == right
    assert phonemize(unicodedata.normalize("NFD", text), lang) == right


def said(code: str, words: Sequence[str]) -> list[str]:
    return make_engine(code, "auto", "keep", "repair", None).words(words)


def check(code: str, words: Sequence[str]) -> None:
    """No mark that the table cannot write, and each word said among others as alone."""
    table, written = whole_letter_map(code), marks("".join(epitran_map(code).written))
    for word, ipa in zip(words, said(code, words), strict=True):
        assert marks(ipa) <= written, (word, ipa)
    assert table.words(words) == [table.join(table.pieces(word)) for word in words]


@pytest.mark.parametrize("code", thinned(map_codes(), 8))
def test_letters_of_every_table_with_marks(code: str) -> None:
    keys = list(epitran_map(code).graphemes)
    chars, draw = [*keys, *sorted(set("".join(keys)))], random.Random(code)
    drawn = ["".join(draw.choice(chars if draw.random() < 0.6 else DIACRITICS) for _ in range(6)) for _ in range(150)]
    check(code, [*drawn, *(unicodedata.normalize("NFC", word) for word in drawn[:30])])


@pytest.mark.parametrize("code", ["deu-Latn", "fra-Latn", "hin-Deva", "nan-Latn", "pol-Latn", "vie-Latn", "aii-Syrc"])
@given(data=st.data())
@settings(deadline=None, max_examples=40)
def test_any_word_of_letters_and_marks(code: str, data: st.DataObject) -> None:
    chars = st.sampled_from(sorted(set("".join(epitran_map(code).graphemes)))) | st.sampled_from(DIACRITICS)
    check(code, data.draw(st.lists(st.text(chars, max_size=40), max_size=5)))


@pytest.mark.parametrize("code", thinned(map_codes(), 4))
def test_keys_of_letters_without_marks_are_said_as_by_epitran(code: str) -> None:
    rewrites = any(marks(rule.new) for rule in epitran_map(code)._pre)
    keys = [key for key in epitran_map(code).graphemes if not marks(key)]
    words = keys if rewrites else [*keys, *map("".join, pairwise(keys))]
    assert whole_letter_map(code).words(words) == epitran_map(code).words(words)


def test_marks_that_fell_off_are_counted() -> None:
    assert Phonemizer("nld").unmapped(["één āāp"]) == Counter({"\u0301": 2, "\u0304": 2})
    assert Phonemizer("pol").unmapped(["drży"]) == Counter()


@pytest.mark.parametrize(
    ("lang", "text", "right", "lost"),
    [
        ("yor", "ọmọ́ ilé ìwé", "ɔmɔ ile iwe", {"\u0301": 3, "\u0300": 1}),
        ("sag", "kôlï", "koli", {"\u0302": 1, "\u0308": 1}),
    ],
)
def test_marks_of_tone_without_a_row_are_counted(lang: str, text: str, right: str, lost: dict[str, int]) -> None:
    assert phonemize(text, lang) == right
    unmapped = Phonemizer(lang).unmapped([text])
    assert {char: unmapped[char] for char in lost} == lost
    kept = unicodedata.normalize("NFD", phonemize(text, lang, spelling="keep"))
    assert Counter(char for char in kept if char in lost) == lost


def test_the_virama_of_malayalam_is_said_or_goes() -> None:
    consonants = [chr(point) for point in range(0x0D15, 0x0D3A)]
    words = [one + "\u0d4d" + other for one in consonants for other in ("", *consonants)]
    assert not any("\u0d4d" in ipa for ipa in said("mal-Mlym", words))


def test_letters_of_another_script_keep_their_marks() -> None:
    assert phonemize("हिन्दी", "deu") == "हिन्दी"


@pytest.mark.data
def test_real_words_have_no_mark_that_the_table_cannot_write(data_folder: Path) -> None:
    for code, name in (pair.split(":") for pair in REAL.split()):
        lines = list(read_lines(data_folder / "tatoeba" / f"tatoeba.{name}-eng.{name}"))
        words = sorted({word for line in lines for word in regex.findall(r"[\p{L}\p{M}'’]+", line)})
        written = marks("".join(epitran_map(code).written))
        wrong = [(word, ipa) for word, ipa in zip(words, said(code, words), strict=True) if marks(ipa) - written]
        assert not wrong, (code, wrong[:5])
