"""Epitran's tables run by us: every result is Epitran's own, for all maps, for real words and for nonsense."""

import pickle
import random
import re
import subprocess
import sys
import unicodedata
from collections.abc import Sequence
from pathlib import Path

import pytest
import regex
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.thinned import thinned
from tests.translit.epitran_oracle import epitran

from xl_translit import TranslitError, read_lines
from xl_translit.phonemes import epitran_maps
from xl_translit.phonemes.epitran_maps import EpitranMap, _fold, epitran_map, map_codes

ODD = [
    "", " ", "\n", "a\nb", "a b\nc", "\n\n", "1984", "B2B", "?!", "%", "٣", "x" * 40, "ab" * 40, "İstanbul", "ISPARTA",
    "IĞDIR", "ΣΑΣ", "ſſ", "\u212a", "ß", "ẞ", "a\u0307", "é", "e\u0301", "각힣", "가ᄀ", "한\u0061국", "界", "мир",
    "سلام", "\U000f0000a", "\ue000", "café's", "l·l", "a\u2028b", "\ufe0f", "ǆ", "ﬁ",
]  # fmt: skip


def expected(code: str, words: Sequence[str]) -> list[str]:
    return [epitran(code).transliterate(word) for word in words]


def words_of(code: str, seed: int = 1) -> list[str]:
    """Words made of the map's graphemes, of its single letters, in upper case, composed, and very long ones."""
    graphemes = list(epitran_map(code).graphemes)
    letters = [*sorted(set("".join(graphemes))), *"'’-AISßıİ"]
    draw = random.Random(f"{code} {seed}")
    made = ["".join(draw.choices(graphemes, k=draw.randint(1, 7))) for _ in range(120)]
    made += ["".join(draw.choices(letters, k=draw.randint(1, 9))) for _ in range(60)]
    made += [word.upper() for word in made[:40]] + [unicodedata.normalize("NFC", word) for word in made[:40]]
    return made + ["".join(draw.choices(graphemes, k=draw.randint(25, 60))) for _ in range(12)]


def test_there_are_159_maps() -> None:
    assert len(map_codes()) == 159
    assert {"tur-Latn", "hin-Deva", "spa-Latn-eu"} <= set(map_codes())


@pytest.mark.parametrize("code", thinned(map_codes(), 8))
def test_words_are_those_of_epitran(code: str) -> None:
    words = ODD + words_of(code)
    assert EpitranMap(code).words(words) == expected(code, words)


@pytest.mark.parametrize("code", ["fra-Latn", "kor-Hang", "lij-Latn", "tha-Thai", "gle-Latn", "vie-Latn"])
@given(data=st.data())
@settings(deadline=None, max_examples=60)
def test_any_text_is_said_as_by_epitran(code: str, data: st.DataObject) -> None:
    letters = sorted(set("".join(epitran_map(code).graphemes)))
    words = data.draw(
        st.lists(st.text(st.sampled_from(letters) | st.characters(exclude_categories=["Cs"])), max_size=6)
    )
    assert EpitranMap(code).words(words) == expected(code, words)


def test_one_rule_rewrites_32_places_of_a_word() -> None:
    word = "nk" * 40  # n is ŋ before k: a rule after the map
    said = epitran_map("fin-Latn")(word)
    assert said.count("ŋk") == 32
    assert said == epitran("fin-Latn").transliterate(word)


def test_a_word_said_among_others_is_said_as_alone() -> None:
    words = words_of("fra-Latn", seed=2)
    together = EpitranMap("fra-Latn").words(words)
    assert together == [EpitranMap("fra-Latn").words([word])[0] for word in words]


def test_the_memory_is_bounded_and_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(epitran_maps, "_MEMO_SIZE", 10)
    table, words = EpitranMap("tur-Latn"), [f"söz{chr(97 + i % 26)}{chr(97 + i // 26)}" for i in range(200)]
    for start in range(0, 200, 7):
        assert table.words(words[start : start + 7]) == expected("tur-Latn", words[start : start + 7])
        assert len(table._memo) <= 10


def test_pieces_tell_what_the_map_did_not_know() -> None:
    table = epitran_map("tur-Latn")
    pieces = table.pieces("jWa")
    assert [(piece.source, piece.mapped) for piece in pieces] == [("j", True), ("w", False), ("a", True)]
    assert table.join(pieces) == table("jWa")


@pytest.mark.slow
def test_letters_that_a_pattern_takes_for_one_another_have_one_fold() -> None:
    cased = "".join(c for c in map(chr, range(0x20000)) if c.lower() != c or c.upper() != c)
    for char in cased:
        same = regex.findall(regex.escape(char), cased, regex.IGNORECASE)
        assert {_fold(other) for other in same} == {_fold(char)}, (char, same)


def test_it_pickles_as_its_code() -> None:
    table = epitran_map("tur-Latn")
    assert pickle.loads(pickle.dumps(table)) is table


def test_an_unknown_code_is_refused_in_a_sentence() -> None:
    with pytest.raises(TranslitError, match=r"no map 'tur-Cyrl'; g2p_codes\(\) lists"):
        EpitranMap("tur-Cyrl")


def test_nothing_heavy_is_imported() -> None:
    program = (
        "import sys; from xl_translit import phonemize; print(phonemize('merhaba', 'tur'));"
        "print([m for m in ('epitran', 'panphon', 'pandas', 'numpy', 'num2words', 'segments') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, text=True, encoding="utf-8")
    assert done.stdout.splitlines() == ["meɾhaba", "[]"]


@pytest.mark.data
@pytest.mark.slow
def test_every_word_of_the_real_texts(data_folder: Path) -> None:
    languages = """
        amh-Ethi:amh ara-Arab:ara ben-Beng:ben deu-Latn:deu est-Latn:est fas-Arab:pes fin-Latn:fin fra-Latn:fra
        hin-Deva:hin hun-Latn:hun ita-Latn:ita kat-Geor:kat kaz-Cyrl:kaz kor-Hang:kor mal-Mlym:mal rus-Cyrl:rus
        spa-Latn:spa swa-Latn:swh tam-Taml:tam tel-Telu:tel tha-Thai:tha tur-Latn:tur ukr-Cyrl:ukr urd-Arab:urd
    """
    for code, name in (pair.split(":") for pair in languages.split()):
        lines = read_lines(data_folder / "tatoeba" / f"tatoeba.{name}-eng.{name}")
        words = sorted({word for line in lines for word in re.findall(r"\S+", line)})
        assert EpitranMap(code).words(words) == expected(code, words), code
