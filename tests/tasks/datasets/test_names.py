"""The names of babel: facts a reader can check, and what must never be among them."""

import unicodedata

import pytest
from babel import Locale

from xl_tasks import TaskError, load_names
from xl_tasks.datasets.parallel.names import DEFAULT_LOCALES


@pytest.fixture(scope="module")
def names():
    return load_names()


def test_the_default_locales(names):
    assert names.languages == (
        "amh_Ethi", "arb_Arab", "ell_Grek", "eng_Latn", "heb_Hebr", "hin_Deva", "mlt_Latn", "pes_Arab", "tur_Latn",
    )  # fmt: skip
    # Maltese has the fewest; babel versions differ by a few names.
    assert all(len(names.texts[language]) > 800 for language in names.languages)
    assert all(len(names.texts[language]) > 1400 for language in names.languages if language != "mlt_Latn")


def test_well_known_names(names):
    assert names.texts["tur_Latn"]["territory:GR"] == "Yunanistan"
    assert names.texts["ell_Grek"]["language:tr"] == "Τουρκικά"
    assert names.texts["heb_Hebr"]["script:Arab"] == "ערבי"
    assert names.texts["eng_Latn"]["currency:JPY"] == "Japanese Yen"
    assert names.texts["hin_Deva"]["territory:IN"] == "भारत"
    assert names.texts["eng_Latn"]["territory:002"] == "Africa"


def test_cities(names):
    # Read off the zone's identifier, stated by the data, and under the new identifier of a renamed zone.
    english = names.texts["eng_Latn"]
    assert english["city:America/Los_Angeles"] == "Los Angeles"
    assert english["city:America/Port-au-Prince"] == "Port-au-Prince"
    assert english["city:America/Indiana/Knox"] == "Knox, Indiana"
    assert english["city:Asia/Kolkata"] == "Kolkata"
    assert "city:Asia/Calcutta" not in english
    assert names.texts["ell_Grek"]["city:Europe/Athens"] == "Αθήνα"
    # Other locales have only what they state.
    assert "city:America/Los_Angeles" not in names.texts["tur_Latn"]
    cities = {key for key in english if key.startswith("city:")}
    for language in names.languages:
        assert {key for key in names.texts[language] if key.startswith("city:")} <= cities


def test_nothing_puzzling(names):
    for language in names.languages:
        for key, name in names.texts[language].items():
            kind, _, code = key.partition(":")
            assert kind in {"territory", "language", "script", "currency", "city"}
            assert name
            assert name != code
            assert name == " ".join(name.split())
            assert not set(name) & set("\u200e\u200f\u061c")
            assert not code.startswith("Etc/")
            assert code not in {"ZZ", "und", "Zzzz", "XXX", "XTS"}
            if not language.endswith("_Latn"):
                letters = [char for char in name if char.isalpha()]
                assert any(not unicodedata.name(char).startswith("LATIN") for char in letters), (key, name)
    assert not [name for name in names.texts["eng_Latn"].values() if "Unknown" in name]


def test_nothing_is_lost_but_what_is_left_out(names):
    # Greek states every territory; only the three codes that are none may be missing.
    stated = set(Locale.parse("el").territories)
    kept = {key.partition(":")[2] for key in names.texts["ell_Grek"] if key.startswith("territory:")}
    assert stated - kept == {"ZZ", "XA", "XB"}


def test_other_locales():
    some = load_names(["ja", "zh_Hant", "pt-BR"])
    assert len(some.languages) == 3
    assert some.texts["jpn_Jpan"]["territory:JP"] == "日本"


def test_bad_locales():
    with pytest.raises(TaskError, match=r"unknown locale 'klingon'.*the usual ones are en, tr"):
        load_names(["klingon"])
    with pytest.raises(TaskError, match="'he' is heb_Hebr, which another locale gives already"):
        load_names(["he", "he"])
    with pytest.raises(TaskError, match="no locale asked for"):
        load_names([])
    assert len(DEFAULT_LOCALES) == 9


def test_any_spelling_of_a_language_names_its_locale():
    assert load_names(["Turkish", "ell_Grek"]).texts == load_names(["tr", "el"]).texts
