"""From any spelling of a language to Epitran's code: every table is reached, and what has none is refused."""

import pytest

from xl_translit import LANGUAGES, UnknownLanguageError, g2p_code, g2p_codes, g2p_note, language
from xl_translit.phonemes.epitran_maps import map_codes
from xl_translit.phonemes.g2p_languages import require_g2p_code


@pytest.mark.parametrize(
    ("spelling", "code"),
    [
        ("tr", "tur-Latn"), ("Turkish", "tur-Latn"), ("tur_Latn", "tur-Latn"), ("tur-latn", "tur-Latn"),
        ("ar", "ara-Arab"), ("fa", "fas-Arab"), ("pes_Arab", "fas-Arab"), ("sw", "swa-Latn"), ("swh_Latn", "swa-Latn"),
        ("az", "aze-Latn"), ("uz-Cyrl", "uzb-Cyrl"), ("mn", "mon-Cyrl-bab"), ("zh", "cmn-Hans"), ("zh-TW", "cmn-Hant"),
        ("yue", "yue-Hant"), ("ja", "jpn-Jpan"), ("jpn-Kana", "jpn-Kana"), ("en", "eng-Latn"), ("ko", "kor-Hang"),
        ("ben-Beng-red", "ben-Beng-red"), ("spa_Latn_eu", "spa-Latn-eu"), ("hi", "hin-Deva"), ("uew", "uew"),
        ("pii-latn_Holopainen2019", "pii-latn_Holopainen2019"), ("sr-Latn", "srp-Latn"), ("ht", "hat-Latn-bab"),
        ("lv", "lav-Latn"), ("om", "orm-Latn"), ("ms", "msa-Latn"), ("sq", "sqi-Latn"), ("or", "ori-Orya"),
    ],
)  # fmt: skip
def test_spellings(spelling: str, code: str) -> None:
    assert g2p_code(spelling) == code


def test_every_code_is_itself() -> None:
    assert len(g2p_codes()) == 164
    assert [g2p_code(code) for code in g2p_codes()] == list(g2p_codes())


def test_every_language_of_epitran_is_reached_by_its_own_name() -> None:
    for code in map_codes():
        if (
            code.count("-") == 1 and "_" not in code and code not in ("generic-Latn", "tok-Latn")
        ):  # no languages of the registry
            assert g2p_code(language(code)) == code


def test_languages_without_a_table_have_none() -> None:
    assert g2p_code("dan") is None
    served = {code: g2p for code in LANGUAGES if (g2p := g2p_code(code))}
    assert len(served) > 70
    for code, g2p in served.items():  # never another script than the one asked for
        assert g2p.split("-")[1].lower() == code.split("_")[1].lower()


def test_a_missing_table_is_said_with_what_there_is() -> None:
    listed = r"no phonemes for dan_Latn \(Danish\); `xl ls languages` and g2p_codes\(\) list what there is"
    with pytest.raises(UnknownLanguageError, match=listed):
        require_g2p_code("Danish")
    with pytest.raises(UnknownLanguageError, match="of that language there is tur-Latn, tur-Latn-bab, tur-Latn-red"):
        require_g2p_code("tur-Cyrl")


def test_notes() -> None:
    assert "limited" in g2p_note("fra-Latn")
    assert "limited" not in g2p_note("tur-Latn")
    assert "reduced" in g2p_note("ben-Beng-red")
    assert "tones" in g2p_note("vie-Latn")
    assert "spaces" in g2p_note("tha-Thai")
    assert not g2p_note("mal-Mlym")
    assert "tone" in g2p_note("yor-Latn")
    assert "tone" in g2p_note("sag-Latn")
    assert "dictionary file" in g2p_note("jpn-Jpan")
    assert all(isinstance(g2p_note(code), str) for code in g2p_codes())
