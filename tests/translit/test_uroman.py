"""Romanisation: what Uroman itself says, line for line, and lines on which Uroman fails."""

import re
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from uroman import Uroman

from xl_translit import Romanizer, UnknownLanguageError, language, read_lines, romanize_pairs, uroman_code
from xl_translit.uroman import _cut_at_numbers, _cut_at_spaces

romanise = Romanizer()


@cache
def reference() -> Uroman:
    return Uroman(cache_size=0)


@pytest.mark.parametrize("text", ["Ελλάδα", "안녕 세상", "مرحبا", "三万一", "Düğün  ", "", "a\tb", "x\u2028y", "ti\r"])
def test_whole_lines_are_what_uroman_says(text: str) -> None:
    assert romanise(text) == reference().romanize_string(text)


@pytest.mark.parametrize(
    ("spelling", "code", "text"), [("uk", "ukr", "Игорь"), ("pes_Arab", "fas", "ویولن"), ("Yiddish", "yid", "כת")]
)
def test_the_language_reaches_uroman(spelling: str, code: str, text: str) -> None:
    expected = reference().romanize_string(text, lcode=code)
    assert romanise(text, spelling) == expected
    assert expected != reference().romanize_string(text)  # else the text tests nothing
    assert romanise(text) != expected  # the memory keeps languages apart


def test_every_code_in_uromans_rules_is_reached() -> None:
    lists = [rule["lcodes"] or () for rules in list(reference().rom_rules.values()) for rule in rules]
    codes = {code for codes in lists for code in codes if code.isalpha()}  # srp2 and mkd2 are spare spellings
    assert {"rus", "fas", "ara", "lav"} <= codes
    assert {code: uroman_code(language(code)) for code in codes} == {code: code for code in codes}


def test_an_unknown_language_is_refused() -> None:
    with pytest.raises(UnknownLanguageError):
        romanise("a", "Turkihs")


def test_a_line_stays_a_line() -> None:
    assert romanise("a\nb") == "a b"


def test_fractions_without_a_number_do_not_lose_the_line() -> None:
    line = "以七分之差敗給 三分之一和七分之 3万"
    with pytest.raises(AttributeError):  # once Uroman is mended, the pieces can go
        reference().romanize_string(line)
    say = reference().romanize_string
    # only the failing words are cut, and complete fractions stay whole
    words = "".join(map(say, ["以", "七", "分之差敗給"])) + " " + "".join(map(say, ["三分之一", "和", "七", "分之"]))
    assert romanise(line) == f"{words} {say('3万')}"
    assert "1/3" in romanise(line)


@given(st.text(alphabet=st.sampled_from("七十百三分之差 一2½Ⅳ%嗎.⠒\uf8f6\n"), max_size=12))
@settings(deadline=None)
def test_no_mixture_of_numbers_fails(text: str) -> None:
    assert "\n" not in romanise(text)


@given(st.text())
def test_pieces_joined_are_the_text(text: str) -> None:
    assert "".join(_cut_at_spaces(text)) == text
    assert "".join(_cut_at_numbers(text)) == text


def test_pieces_keep_complete_fractions() -> None:
    assert list(_cut_at_numbers("以七分之三十差百分之")) == ["以", "七分之三十", "差", "百", "分之"]


def test_pairs_are_lazy_and_in_order() -> None:
    def lines() -> "list[str]":
        yield "Ελλάδα"
        yield ""
        pytest.fail("read too far")

    pairs = romanize_pairs(lines(), romanise)
    assert [next(pairs), next(pairs)] == [("Ελλάδα", "Ellada"), ("", "")]


def test_version_is_that_of_the_library() -> None:
    assert romanise.version.split(".")[0].isdigit()
    assert romanise.name == "uroman"


@pytest.mark.data
def test_the_reference_output_of_uroman(data_folder: Path) -> None:
    def lines(name: str) -> list[str]:
        return [line.rstrip("\r") for line in read_lines(data_folder / "uroman" / "test" / name)]

    texts, expected = lines("multi-script.txt"), lines("multi-script.uroman-ref.txt")
    assert len(texts) == len(expected) == 32
    for text, reference_line in zip(texts, expected, strict=True):
        command, code, sentence = (re.match(r"(::lcode )([a-z]{3}) (.*)", text) or re.match("()()(.*)", text)).groups()
        spoken = {"": None, "tai": "tha"}.get(code, code)  # the Thai line is marked as a language family
        start = f"{command}{code} " if code else ""
        assert start + romanise(sentence, spoken) == reference_line
