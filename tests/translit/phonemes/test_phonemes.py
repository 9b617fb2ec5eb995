"""Texts to phonemes: words as Epitran says them, the rest untouched, and the laws of XPhoneBERT's form."""

import pickle
import re
import unicodedata
import warnings
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.translit.epitran_oracle import epitran, feature_table

from xl_translit import Phonemizer, Transliterator, TranslitError, phonemize, phonemize_words, read_lines
from xl_translit.phonemes.engines import TableEngine

LANGUAGES = ["tur", "fra", "rus", "kor", "urd", "fin", "hau", "tha", "en", "yue-Latn"]
OFTEN = "aeiouklmnstçıİIğ'’-.,!?…▁# \t\n\u00a0\u2028\u200b\u200c0123٣мирسلامคน가나世é̂"
TEXTS = st.text(st.sampled_from(OFTEN) | st.characters(exclude_categories=["Cs"]), max_size=25)


def test_it_is_a_transliterator() -> None:
    assert isinstance(Phonemizer("tur"), Transliterator)


def test_words_are_epitrans_and_the_rest_stays() -> None:
    text = "Il est allé\u00a0là-bas;  «les enfants», dit-il…\t\u2028Oui!"
    expected = "".join(epitran("fra-Latn").transliterate(p) if p.isalpha() else p for p in re.findall(r"\w+|\W+", text))
    assert phonemize(text, "fra") == expected


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("fin-Latn", "Ajattelin Amerikkaa Anna"), ("tur-Latn", "Hâlâ IŞIK İzmir dükkânı"), ("urd-Arab", "آئی یہ ہے"),
        ("kaz-Cyrl", "Aмерика cурет"), ("ara-Arab", "أتى أخرى"), ("fra-Latn", "vôtre Œuvre"),
    ],
)  # fmt: skip
def test_spelling_is_repaired_unless_it_is_to_be_kept(code: str, words: str) -> None:
    expected = " ".join(epitran(code).transliterate(word) for word in words.split())
    assert phonemize(words, code, spelling="keep") == expected
    assert (phonemize(words, code) == expected) == (code == "fra-Latn")


def test_keeping_the_spelling_is_for_tables() -> None:
    with pytest.raises(TranslitError, match="spelling='keep' serves Epitran's tables only"):
        Phonemizer("eng", spelling="keep")


@pytest.mark.parametrize("lang", LANGUAGES)
@given(texts=st.lists(TEXTS, max_size=4))
@settings(deadline=None, max_examples=50)
@example(texts=["", " ", "\n", "a\n\nb", "  a  "])
def test_a_batch_is_its_texts_one_by_one(lang: str, texts: list[str]) -> None:
    for form in ("ipa", "phonemes"):
        said = Phonemizer(lang, form=form).batch(texts)
        assert said == [Phonemizer(lang, form=form)(text) for text in texts]
        assert not any("\n" in line for line in said)


@pytest.mark.parametrize("lang", LANGUAGES)
@given(text=TEXTS)
@settings(deadline=None, max_examples=80)
def test_the_form_of_phonemes(lang: str, text: str) -> None:
    every: tuple[dict[str, Any], ...] = (
        {},
        {"unmapped": "drop", "ties": "split"},
        {"segmenter": "segments" if find_spec("segments") else "panphon", "ties": "ligature"},  # of an extra
    )
    for options in every:
        with warnings.catch_warnings(action="ignore"):  # segments warns while it is compiled
            said = Phonemizer(lang, form="phonemes", **options)(text)
        if not said:
            continue
        assert said == " ".join(said.split())
        assert "#" not in said
        words = said.split(" ▁ ")
        assert said.split(" ").count("▁") == said.count("▁") == len(words) - 1
        assert all(unit for word in words for unit in word.split(" "))
        assert said.split(" ")[0] != "▁" != said.split(" ")[-1]


@pytest.mark.parametrize("lang", ["tur", "fra", "kor", "en"])
@given(words=st.lists(st.text(st.sampled_from("abcçdeisıİ.!'-ßмирكو가나 1٣#▁"), max_size=8), max_size=6))
@settings(deadline=None, max_examples=80)
def test_units_of_words(lang: str, words: list[str]) -> None:
    units = phonemize_words(words, lang)
    assert len(units) == len(words)
    assert all(units)
    assert not any("▁" in word for word in units)
    if all(word.strip() for word in words):
        # where a word has marks or digits inside, the text has a boundary more, and nothing else
        text = phonemize(" ".join(words), lang, form="phonemes").split()
        assert [unit for word in units for unit in word] == [unit for unit in text if unit != "▁"]
        if all(word.isalpha() for word in words):
            assert text.count("▁") == max(len(words) - 1, 0)


def test_marks_without_a_rule_have_no_sound_when_spelled() -> None:
    assert phonemize("آپ قرآن", "urd", unmapped="spell") == phonemize("آپ قرآن", "urd", unmapped="drop")


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("21st", "twenty first"), ("15TH", "fifteenth"), ("1990s", "nineteen nineties"), ("A4", "a four"),
        ("4b", "four b"), ("1,000th", "one thousandth"), ("12", "twelve"),
    ],
)  # fmt: skip
def test_english_numbers_as_they_are_said(written: str, words: str) -> None:
    assert phonemize(written, "en", digits="spell") == phonemize(words, "en")


def test_words_without_a_phoneme() -> None:
    assert phonemize_words(["", "#", "▁", "٪", "12", "\u0301", "кот"], "tur", unmapped="drop") == [
        ["<unk>"], ["<unk>"], ["<unk>"], ["٪"], ["1", "2"], ["<unk>"], ["<unk>"],
    ]  # fmt: skip


def test_units_are_panphons_segments_and_keep_what_panphon_lacks() -> None:
    table = feature_table()
    for word in ("çocuk", "kitabı", "ağaç"):
        assert phonemize_words([word], "tur") == [table.ipa_segs(epitran("tur-Latn").transliterate(word))]
    assert phonemize("딸기", "kor", form="phonemes").split(" ")[0] == "t͈"
    assert phonemize("Ankara'da", "tur", form="phonemes") == "a n k a ɾ a ' d a"


@pytest.mark.parametrize(
    ("ties", "ipa", "phonemes"),
    [("keep", "t͡ʃaj", "t͡ʃ a j"), ("split", "tʃaj", "t ʃ a j"), ("ligature", "ʧaj", "ʧ a j")],
)
def test_ties(ties: str, ipa: str, phonemes: str) -> None:
    assert phonemize("çay", "tur", ties=ties) == ipa
    assert phonemize("çay", "tur", ties=ties, form="phonemes") == phonemes


def test_ligatures_keep_their_modifiers() -> None:
    assert phonemize("축", "kor", ties="ligature", form="phonemes").split(" ")[0] == "ʨʰ"


def test_turkish_casing_and_finnish_length() -> None:
    assert phonemize("IŞIK İZMİR", "tur") == epitran("tur-Latn").transliterate("ışık izmir")
    assert phonemize("Tuuli kaatoi", "fin") == epitran("fin-Latn").transliterate("tuuli kaatoi").replace(":", "ː")
    assert phonemize("tuuli: EU:n", "fin") == "tuːli: eu:n"  # a colon of the text stays one


def test_unmapped_characters() -> None:
    text = "мир Windows 世界 42 ok!"
    keep, drop, spell = (Phonemizer("rus", unmapped=option) for option in ("keep", "drop", "spell"))
    assert keep(text) == "mʲir windows 世界 42 ok!"
    assert drop(text) == "mʲir   42 !"
    assert spell(text).startswith("mʲir ")
    assert not set(spell(text)) & set("世界")
    expected = {char: "windows世界42ok".count(char) for char in "windos世界42ok"}
    for one in (keep, drop, spell):
        assert one.unmapped([text, ""], [one(text), ""]) == expected


def test_spelled_characters_are_romanised_and_read_by_the_table() -> None:
    assert phonemize("жир", "tur", unmapped="spell") == epitran("tur-Latn").transliterate("zhir")
    assert phonemize("世", "tur", unmapped="spell") == epitran("tur-Latn").transliterate("shi")


def test_what_rules_take_or_make_is_not_unmapped() -> None:
    assert not Phonemizer("fra").unmapped(["les enfants petites"])  # ə: a rule before the map writes it
    assert Phonemizer("ukr").unmapped(["яюкw"]) == {"w": 1}  # so is j, which the map does not know
    assert not Phonemizer("pol").unmapped(["ovh"])  # v passes the map, and a rule after it makes f of it
    assert Phonemizer("pol").unmapped(["ovo"]) == {"v": 1}
    assert Phonemizer("tur").unmapped(["Ankara'da wéb!"], []) == {"'": 1, "w": 1, "\u0301": 1}


@pytest.mark.parametrize("lang", ["tur", "fra", "kor", "urd", "ben"])
@given(text=TEXTS)
@settings(deadline=None, max_examples=60)
def test_dropped_is_kept_without_the_unmapped(lang: str, text: str) -> None:
    keep, drop = Phonemizer(lang), Phonemizer(lang, unmapped="drop")
    if not any(not c.isdecimal() for c in keep.unmapped([text], [])):
        assert drop(text) == keep(text)


def test_digits() -> None:
    assert phonemize("1984'te ٣", "tur") == "1984'te ٣"
    table = epitran("tur-Latn")
    assert phonemize("23 elma", "tur", digits="spell") == table.transliterate("yirmiüç elma")
    assert phonemize("٢٣", "tur", digits="spell") == table.transliterate("yirmiüç")
    assert phonemize("21", "spa", digits="spell", form="phonemes") == phonemize("veintiuno", "spa", form="phonemes")
    assert " ▁ " in phonemize("31", "spa", digits="spell", form="phonemes")  # treinta y uno
    assert not Phonemizer("tur", digits="spell").unmapped(["23"], [])
    with pytest.raises(TranslitError, match="digits cannot be spelled in swa-Latn"):
        Phonemizer("swa", digits="spell")


def test_tone_digits_are_letters_where_they_are_tones() -> None:
    assert phonemize("nei5 hou2", "yue-Latn") == " ".join(
        epitran("yue-Latn").transliterate(w) for w in ("nei5", "hou2")
    )


def test_apostrophes_belong_to_words_that_sound_them() -> None:
    assert phonemize("‘quoted’ l'eau", "fra").startswith("‘")
    assert phonemize("ng'ombe", "swa") == epitran("swa-Latn").transliterate("ng'ombe")
    assert phonemize("ng’ombe", "swa") == epitran("swa-Latn").transliterate("ng'ombe")


def test_english() -> None:
    english = Phonemizer("en")
    assert english.code == "eng-Latn"
    assert english("The house!") == "ðə haws!"
    assert (
        english(
            "世 house",
        )
        == "世 haws"
    )
    assert english.unmapped(["世 house naïve"], []) == {"世": 1}
    assert Phonemizer("en", unmapped="drop")("世 house") == " haws"
    assert phonemize("house", "en", form="phonemes") == "h a w s"
    with pytest.raises(TranslitError, match="Epitran's English is Flite's lex_lookup"):
        Phonemizer("en", backend="epitran")


@pytest.mark.parametrize("form", ["ipa", "phonemes"])
def test_it_pickles(form: Literal["ipa", "phonemes"]) -> None:
    one = Phonemizer("tur", form=form, ties="split", digits="spell")
    text = "çok güzel, 12 elma"
    said = one(text)
    again = pickle.loads(pickle.dumps(one))
    assert again(text) == said
    assert (again.name, again.version, again.code) == (one.name, one.version, one.code)


def test_name_and_version() -> None:
    assert Phonemizer("tur").name == "epitran"
    assert re.fullmatch(r"epitran [\d.]+, xl-translit [\d.]+; tur-Latn", Phonemizer("tur").version)
    assert "panphon" in Phonemizer("tur", form="phonemes").version


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"ties": "cut"}, "ties='cut' is not known; it can be: keep, split, ligature"),
        ({"form": "arpabet"}, "form='arpabet' is not known; it can be: ipa, phonemes"),
        ({"unmapped": ""}, "unmapped='' is not known"),
        ({"digits": "drop"}, "digits='drop' is not known"),
        ({"segmenter": "x"}, "segmenter='x' is not known"),
        ({"backend": "x"}, "backend='x' is not known"),
        ({"backend": "flite"}, "backend='flite' serves eng-Latn only, not tur-Latn"),
    ],
)
def test_options_are_checked(options: dict[str, Any], message: str) -> None:
    with pytest.raises(TranslitError, match=re.escape(message)):
        Phonemizer("tur", **options)


def test_units_need_their_form() -> None:
    with pytest.raises(TranslitError, match="form='phonemes'"):
        Phonemizer("tur").units(["a"])


@pytest.mark.parametrize(
    ("lang", "file"), [("zh", "cedict.txt"), ("zh-TW", "cedict.txt"), ("yue", "cccanto"), ("ja", "ja.txt")]
)
def test_a_missing_dictionary_is_said_with_address_and_place(
    lang: str, file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("xl_translit.phonemes.engines.epitran_folder", lambda: tmp_path / "data")
    with pytest.raises(TranslitError, match=rf"fetch https://.*{file}") as caught:
        Phonemizer(lang)
    assert str(tmp_path / "epitran_data") in str(caught.value)
    assert list(tmp_path.iterdir()) == []  # nothing was downloaded or made


def test_mandarin_with_its_dictionary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "cedict.txt"
    path.write_text("# CC-CEDICT\n世界 世界 [shi4 jie4] /world/\n你好 你好 [ni3 hao3] /hello/\n", encoding="utf-8")
    with warnings.catch_warnings(action="ignore"):
        from epitran.epihan import Epihan

        one = Phonemizer("zh", dictionary=str(path))
        said = {word: Epihan(cedict_file=str(path)).transliterate(word) for word in ("你好", "世界")}
    assert one("你好世界，A貓!") == f"{said['你好']}{said['世界']}，A貓!"
    assert one.unmapped(["你好A貓"], []) == {"A": 1, "貓": 1}
    phonemes = Phonemizer("zh", dictionary=str(path), form="phonemes")
    assert phonemes("你好世界，").count("▁") == 2  # the dictionary's words, and the comma
    assert pickle.loads(pickle.dumps(phonemes))("你好") == phonemes("你好")
    # and from the place where Epitran itself looks
    (tmp_path / "epitran_data").mkdir()
    path.rename(tmp_path / "epitran_data" / "cedict.txt")
    monkeypatch.setattr("xl_translit.phonemes.engines.epitran_folder", lambda: tmp_path / "data")
    assert Phonemizer("zh")("你好") == said["你好"]


def test_japanese_and_cantonese_with_their_dictionaries(tmp_path: Path) -> None:
    japanese, cantonese = tmp_path / "ja.txt", tmp_path / "cccanto-webdist.txt"
    japanese.write_text("世界\t/sekai/\n猫\t/neko/\n", encoding="utf-8")
    cantonese.write_text("你好 你好 [ni3 hao3] {nei5 hou2} /hello/\n", encoding="utf-8")
    assert phonemize("世界の猫", "ja", dictionary=str(japanese)) == "sekaiのneko"
    assert "你" not in phonemize("你好", "yue", dictionary=str(cantonese))


def test_the_memory_is_bounded_and_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("xl_translit.phonemes.phonemizer._MEMO_SIZE", 5)
    texts = [f"söz{i} a{i % 3}\nb" for i in range(30)]
    for form in ("ipa", "phonemes"):
        one = Phonemizer("tur", form=form)
        for i in range(0, 30, 4):
            assert one.batch(texts[i : i + 4]) == [Phonemizer("tur", form=form)(text) for text in texts[i : i + 4]]
        assert len(one._memo) <= 20


@pytest.mark.data
def test_real_texts_word_for_word(data_folder: Path) -> None:
    for code, name in (("tur-Latn", "tur"), ("rus-Cyrl", "rus"), ("hin-Deva", "hin"), ("fra-Latn", "fra")):
        lines = [line.replace("\n", " ") for line in read_lines(data_folder / "tatoeba" / f"tatoeba.{name}-eng.{name}")]
        oracle = epitran(code)
        for line, said in list(zip(lines, Phonemizer(code, spelling="keep").batch(lines), strict=True))[::5]:
            if any(unicodedata.category(char) in ("Nd", "No") for char in line):
                continue
            pieces = re.findall(r"(?:[^\W_]|[\u0300-\u036f\u0900-\u0903\u093a-\u094f])+(?:['’](?:[^\W_])+)*|.", line)
            words = [oracle.transliterate(p) if p[0].isalpha() else p for p in pieces]
            assert said == "".join(words)


def test_a_table_engine_says_what_it_is() -> None:
    assert TableEngine("tur-Latn", "keep").parts("ev") == ["ev"]
