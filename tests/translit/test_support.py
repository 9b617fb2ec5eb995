"""What is said of a language is what happens when it is used."""

import pytest

from xl_translit import LANGUAGES, language, supported_languages
from xl_translit.phonemes.g2p_languages import g2p_code, g2p_codes
from xl_translit.uroman.romanizer import _uroman


def test_every_language_is_there_once_in_order() -> None:
    codes = [support.code for support in supported_languages()]
    assert codes == sorted(set(codes))
    assert set(LANGUAGES) <= set(codes)


def test_every_spelling_leads_to_its_language() -> None:
    for support in supported_languages():
        assert {language(spelling) for spelling in support.spellings} == {support.code}
        assert support.scripts[0] == support.code.partition("_")[2]
    turkish = next(support for support in supported_languages() if support.code == "tur_Latn")
    assert {"tr", "tur", "Turkish", "Türkçe"} <= set(turkish.spellings)


def test_every_table_of_phonemes_stands_beside_its_language() -> None:
    rows = supported_languages()
    assert all(support.g2p == g2p_code(support.code) for support in rows)
    variants = [table for support in rows for table in support.variants]
    listed = {*variants, *(support.g2p for support in rows)} - {None}
    assert len(variants) == len(set(variants))
    # tables whose names hold no language that the registry knows; they are named by their own codes
    assert set(g2p_codes()) - listed == {
        "generic-Latn", "pii-latn_Holopainen2019", "pii-latn_Wiktionary", "tok-Latn", "uew",
    }  # fmt: skip


@pytest.mark.slow
def test_languages_with_rules_of_their_own_are_those_of_uroman() -> None:
    rules = _uroman().rom_rules
    named = {code for found in list(rules.values()) for rule in found for code in rule["lcodes"] or ()}
    marked = {support.code.partition("_")[0] for support in supported_languages() if "rules" in support.romaniser}
    assert {"rus", "ukr", "uig", "tur"} <= named & marked
    assert "nld" not in named | marked
