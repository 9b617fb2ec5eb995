"""Spellings of languages: codes of data sets map to themselves, other spellings to them, typing errors are caught."""

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xl_translit import LANGUAGES, UnknownLanguageError, language, language_name, script


@pytest.mark.parametrize("code", LANGUAGES)
def test_flores_codes_map_to_themselves_in_any_dress(code: str) -> None:
    individual, written = code.split("_")
    dresses = (code, code.lower(), code.upper(), f"{individual}-{written}", f" {code} ", f"{code}.UTF-8")
    assert {language(dress) for dress in dresses} == {code}


@pytest.mark.parametrize("code", LANGUAGES)
def test_names_lead_back_to_the_language(code: str) -> None:
    assert language(language_name(code)).partition("_")[0] == code.partition("_")[0]


@pytest.mark.parametrize(
    ("spellings", "code"),
    [
        ("tur_Latn tur-Latn tur tr tr-TR tr_TR.UTF-8 TUR Turkish türkçe", "tur_Latn"),
        ("zh zho chi cmn zh-Hans zh_CN zho_Hani cmn-Hans Chinese", "zho_Hans"),
        ("zh-TW zh_HK zh-Hant zho_Hant", "zho_Hant"),
        ("fa fas per pes fas_Arab pes-Arab fa-IR Persian Farsi", "pes_Arab"),
        ("prs fa-AF Dari prs-Arab-AF", "prs_Arab"),
        ("ar ara arb ara_Arab ar-EG Arabic", "arb_Arab"),
        ("arz arz_Arab", "arz_Arab"),
        ("iw he heb he-IL Hebrew", "heb_Hebr"),
        ("sw swa swh swa_Latn Swahili", "swh_Latn"),
        ("ko kor ko-KR kor_Kore kor_Hang Korean", "kor_Hang"),
        ("ja jpn ja-JP Japanese 日本語", "jpn_Jpan"),
        ("yue yue_Hani zh-yue Cantonese", "yue_Hant"),
        ("lzh lzh_Hani zh-classical", "lzh_Hant"),
        ("tl tgl Tagalog", "tgl_Latn"),
        ("fil fil_Latn Filipino", "fil_Latn"),
        ("no nor nb nob nb-NO", "nob_Latn"),
        ("ku kur kmr", "kmr_Latn"),
        ("ku-Arab ckb kur_Arab", "ckb_Arab"),
        ("az aze azj", "azj_Latn"),
        ("az-IR azb", "azb_Arab"),
        ("et est ekk", "est_Latn"),
        ("sr srp sr-RS", "srp_Cyrl"),
        ("sr-Latn sh hbs", "srp_Latn"),
    ],
)
def test_spellings_of_data_sets_and_libraries(spellings: str, code: str) -> None:
    assert {spelling: language(spelling) for spelling in spellings.split()} == dict.fromkeys(spellings.split(), code)


def test_names_of_several_words() -> None:
    names = ["Classical Chinese", "Chinese (Traditional)", "Egyptian Arabic", "Modern Standard Arabic"]
    assert [language(name) for name in names] == ["lzh_Hant", "zho_Hant", "arz_Arab", "arb_Arab"]


def test_names_and_scripts() -> None:
    assert [language_name(code) for code in ("tr", "pes_Arab", "swh", "zho_Hant", "ell")] == [
        "Turkish",
        "Persian",
        "Swahili",
        "Chinese",
        "Greek",
    ]
    assert (script("ru"), script("Amharic"), script("uzn_Cyrl")) == ("Cyrl", "Ethi", "Cyrl")


@pytest.mark.parametrize(
    ("spelling", "words"),
    [
        ("Turkihs", "unknown language 'Turkihs'; did you mean Turkish?"),
        ("turk_Latn", "did you mean tur_Latn"),
        ("tur_Latin", "did you mean tur_Latn"),
        ("tur_Abcd", "tur_Abcd"),
        ("tur_Zyyy", "tur_Zyyy"),  # no script
        ("tur_Qaaa", "tur_Qaaa"),  # private use
        ("qaa", "qaa"),
        ("und", "und"),
        ("tai", "tai"),  # a family
        ("cel_Latn", "unknown language"),  # a family
        ("xx", "write a code such as"),
        ("", "unknown language ''"),
        ("aab", "the script of language 'aab' is not known; write it out, e.g. aab_Latn"),
    ],
)
def test_unknown_spellings_are_refused_with_advice(spelling: str, words: str) -> None:
    with pytest.raises(UnknownLanguageError) as caught:
        language(spelling)
    assert words in str(caught.value)


def test_a_rare_language_needs_its_script() -> None:
    assert language("aab_Latn") == language("aab-latn") == "aab_Latn"


LETTERS = st.text("abcdefghijklmnopqrstuvwxyz", min_size=2, max_size=3)


@given(st.builds(lambda code, rest: code + rest, LETTERS, st.sampled_from(["", "_Latn", "-Cyrl", "-TR", "_Hani"])))
def test_a_canonical_code_is_its_own_canonical_code(spelling: str) -> None:
    try:
        code = language(spelling)
    except UnknownLanguageError:
        return
    assert language(code) == code
    assert language_name(code)


@pytest.mark.data
def test_codes_of_real_data_sets(data_folder: Path) -> None:
    sib = [folder.name for folder in (data_folder / "sib200").iterdir()]
    assert {code: language(code) for code in sib} == {code: code for code in sib}
    bible = [file.name.partition(".")[0] for file in (data_folder / "bible").rglob("*.tsv.gz")]
    assert [language(code) for code in bible] == bible
    tatoeba = {file.suffix[1:] for file in (data_folder / "tatoeba").iterdir()}
    members = {"ara": "arb", "cmn": "zho"}
    assert {language(code).partition("_")[0] for code in tatoeba} == {members.get(code, code) for code in tatoeba}
    assert all(language(file.stem.partition("-")[2]) for file in (data_folder / "panx").iterdir())


def test_importing_the_package_loads_no_library() -> None:
    heavy = "{'langcodes', 'language_data', 'uroman', 'zstandard', 'numpy'}"
    code = f"import sys, xl_translit; print({heavy} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"
