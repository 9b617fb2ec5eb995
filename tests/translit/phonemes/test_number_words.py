"""Numbers as words: num2words' own, in any script's digits, and every language of the table answers."""

import re

import pytest
from num2words import num2words
from tests.thinned import thinned

from xl_translit import TranslitError, epitran_map
from xl_translit.phonemes.number_words import _LANGUAGES, can_spell_numbers, number_pattern, number_words
from xl_translit.phonemes.spelling import G2pSpelling


@pytest.mark.parametrize("digits", ["1984", "١٩٨٤", "१९८४", "１９８４", "1,984"])
def test_digits_of_every_script(digits: str) -> None:
    assert " ".join(number_words(digits, "spa-Latn")) == num2words(1984, lang="es")


def test_leading_zeros_and_long_numbers_are_read_digit_by_digit() -> None:
    assert number_words("007", "deu-Latn") == ("null", "null", "sieben")
    assert number_words("0", "deu-Latn") == ("null",)
    assert number_words("1" * 13, "deu-Latn") == ("eins",) * 13


@pytest.mark.parametrize("code", sorted(set(_LANGUAGES) - {"eng-Latn", "jpn-Jpan"}))
def test_the_words_are_in_the_letters_of_the_language(code: str) -> None:
    table = epitran_map(code)
    letters = re.compile(r"[^\W\d_]")
    unknown = set()
    for number in [*range(21), 30, 99, 100, 1984, 10**6, 123456789, 999999999999]:
        for word in number_words(str(number), code):
            repaired = table.spell(G2pSpelling(table).before(word))
            unknown |= {char for char in repaired if letters.match(char)} - table.known
    assert len(unknown) <= 2, unknown  # a map without ة (Arabic) or я, ю (Tajik) has no more for words of a text


def test_groups_of_three_as_the_language_writes_them() -> None:
    assert re.findall(number_pattern("deu-Latn"), "1.234.567 1,5 3.14") == ["1.234.567", "1", "5", "3", "14"]
    assert re.findall(number_pattern("eng-Latn"), "1,234 1.234 12,34") == ["1,234", "1", "234", "12", "34"]
    assert re.findall(number_pattern("fra-Latn"), "12\u202f345") == ["12\u202f345"]
    assert re.findall(number_pattern(None), "1,234") == ["1", "234"]


def test_a_variant_counts_as_its_language() -> None:
    assert can_spell_numbers("tur-Latn-red")
    assert not can_spell_numbers("swa-Latn")


def test_a_language_without_number_words_is_refused_in_a_sentence() -> None:
    with pytest.raises(TranslitError, match=r"cannot be spelled in amh-Ethi: num2words does not know .* keep them"):
        number_words("1", "amh-Ethi")


GROUP_ENDS = [1, 2, 10, 11, 20, 21, 30, 100, 101, 111, 121, 200, 201, 999]
ROUND_AND_NOT = [
    group * 1000**power + rest for power in (1, 2, 3) for group in GROUP_ENDS for rest in (0, 1, 500, 1000)
]


@pytest.mark.parametrize("code", thinned(sorted(set(_LANGUAGES) - {"cym-Latn", "ron-Latn"}), 5))
def test_different_numbers_have_different_words(code: str) -> None:
    """num2words says 21,500 as 20,500 in Azerbaijani; Welsh mutation makes "filiwn" of million and of billion alike."""
    numbers = sorted({*range(1000), *ROUND_AND_NOT})
    said = [number_words(str(number), code) for number in numbers]
    assert len(set(said)) == len(numbers)


@pytest.mark.parametrize(
    ("code", "number", "words"),
    [
        ("aze-Latn", 21500, "iyirmi bir min beş yüz"),
        ("aze-Latn", 1001000, "bir milyon min"),
        ("aze-Latn", 0, "sıfır"),
        ("tur-Latn", 601235, "altıyüzbirbinikiyüzotuzbeş"),
        ("tur-Latn", 58002001755, "ellisekizmilyarikimilyonbinyediyüzellibeş"),
        ("tur-Latn", 2001000000, "ikimilyarbirmilyon"),
        ("tur-Latn", 0, "sıfır"),
    ],
)
def test_a_one_before_thousand_or_million_is_said(code: str, number: int, words: str) -> None:
    """The grammar: groups of three digits from the left, each with its word; one thousand alone is "thousand"."""
    assert " ".join(number_words(str(number), code)) == words


@pytest.mark.parametrize(("code", "lang"), [("aze-Latn", "az"), ("tur-Latn", "tr")])
def test_where_no_group_ends_in_one_the_words_are_num2words_own(code: str, lang: str) -> None:
    for number in [*range(1100), 2000, 12345, 987654, 10**6, 123456789, 999999999999]:
        assert " ".join(number_words(str(number), code)) == " ".join(num2words(number, lang=lang).split())
