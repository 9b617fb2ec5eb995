"""Typing errors: one edit a word, at the rate asked for, of four kinds, and never where they must not be."""

import unicodedata
from collections import Counter
from collections.abc import Sequence

import pytest
import regex
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest, chisquare

from xl_tasks import TaskError, parse_noise
from xl_tasks.robustness.keyboards import neighbour_keys
from xl_tasks.robustness.typos import Typos, typed_words

TEXTS = {
    "eng_Latn": "The quick brown Fox doesn't jump over the lazy DOG, twice!",
    "tur_Latn": "İstanbul'da IŞIK çağı güzel",
    "rus_Cyrl": "Приве́т, Мир ёлка",
    "ell_Grek": "Η Ελλάδα είναι όμορφη",
    "heb_Hebr": "שָׁלוֹם עולם",
    "arb_Arab": "مُحَمَّد في المدرسة",
    "pes_Arab": "می‌خواهم بروم",
    "hin_Deva": "भारत की राजधानी क्षत्रिय",
    "ben_Beng": "বাংলা ভাষা",
    "tha_Thai": "กรุงเทพมหานครอยู่ที่ไหน",
    "kor_Hang": "닭이 대한민국의 수도입니다",
    "zho_Hans": "以七分之差在北京大学学习。",
    "jpn_Jpan": "東京はカタカナとひらがな",
    "amh_Ethi": "የኢትዮጵያ ዋና ከተማ",
    "mya_Mymr": "မြန်မာနိုင်ငံ",
    "kat_Geor": "საქართველოს დედაქალაქი",
    "hye_Armn": "Հայաստանի մայրաքաղաքը",
}
LETTERS = st.sampled_from(sorted({*"".join(TEXTS.values()), *" .,-'1२٣@#/:\u0301\u200c\u00a0🙂\u1100\u1161"}))


def edits(old: Sequence[str], new: Sequence[str]) -> int:
    """Least number of insertions, deletions, replacements and swaps of neighbours (Damerau and Levenshtein)."""
    table = {(i, j): i + j for i in range(len(old) + 1) for j in range(len(new) + 1) if not i or not j}
    for i in range(1, len(old) + 1):
        for j in range(1, len(new) + 1):
            table[i, j] = min(
                table[i - 1, j] + 1, table[i, j - 1] + 1, table[i - 1, j - 1] + (old[i - 1] != new[j - 1])
            )
            if i > 1 and j > 1 and old[i - 2 : i] == new[j - 2 : j][::-1]:
                table[i, j] = min(table[i, j], table[i - 2, j - 2] + 1)
    return table[len(old), len(new)]


def letters_of(text: str) -> list[str]:
    """Letters with all that hangs on them, in small (Turkish) letters."""
    # Capital İ would become i and a mark.
    text = unicodedata.normalize("NFC", text.replace("İ", "i").replace("I", "ı").lower())
    return regex.findall(r".[\p{M}\u200c\u200d]*", text)


def orphans(text: str) -> list[str]:
    """Combining marks that stand behind no letter."""
    return regex.findall(r"(?<![\p{L}\p{M}\u200c\u200d])\p{M}", text)


@pytest.mark.parametrize("language", sorted(set(TEXTS) - {"kor_Hang"}))
def test_each_word_gets_one_error(language):
    words = [TEXTS[language][a:b] for a, b in typed_words(TEXTS[language])]
    assert words
    for seed in range(30):
        for old in words:
            [new] = Typos(1.0).apply([old], language, seed)
            assert edits(letters_of(old), letters_of(new)) == 1
            assert new
            assert not orphans(new)


def test_errors_in_hangul_are_errors_in_keys():
    # Final ㄺ is two keys, ㅘ too; jamo by their names, which are those of the keyboard's letters.
    two = {"WA": "O A", "WAE": "O AE", "OE": "O I", "WEO": "U EO", "WE": "U E", "WI": "U I", "YI": "EU I"}

    def keys(text: str) -> list[str]:
        names = [unicodedata.name(char).split()[-1] for char in unicodedata.normalize("NFD", text)]
        return [part for name in names for part in two.get(name, name.replace("-", " ")).split()]

    seen = set()
    for seed in range(300):
        [new] = Typos(1.0).apply(["닭과"], "kor", seed)
        assert edits(keys("닭과"), keys(new)) == 1
        seen.add(new)
    # Last key of the first syllable and first of the second swapped or dropped; a jamo that stands alone.
    assert {"닥과", "달과", "닭고"} <= seen


@given(st.text(LETTERS, max_size=30), st.sampled_from(sorted(TEXTS)), st.integers(0, 2**32))
@settings(max_examples=300, deadline=None)
def test_laws_of_any_text(text, language, seed):
    [new] = Typos(1.0).apply([text], language, seed)
    # Nothing but letters, marks and the joiners among them changes; no word goes, and no mark loses its letter.
    letters = r"[\p{L}\p{M}\u200c\u200d]+"
    assert regex.sub(letters, "", text) == regex.sub(letters, "", new)
    assert len(text.split()) == len(new.split())
    assert len(orphans(new)) <= len(orphans(text))
    assert (new == text) == (not list(typed_words(text)))
    assert Typos(1.0).apply([text], language, seed) == [new]


def test_what_is_left_alone():
    text = "see https://www.example.org/path or www.a-b.com, B2B 1st mail@example.com @name #tag a I 2024 ."
    assert [text[a:b] for a, b in typed_words(text)] == ["see", "or"]
    for seed in range(20):
        [new] = Typos(1.0).apply([text], "eng", seed)
        kept = [word for word in text.split() if word not in ("see", "or")]
        assert [word for word in new.split() if word in kept] == kept


def test_the_rate_is_that_of_words():
    words = ["word", "another", "ab", "a", "12", "Third"] * 1500
    counted = [word for word in words if len(word) > 1 and word.isalpha()]
    new = Typos(0.1).apply([" ".join(words)], "eng", 7)[0].split(" ")
    hit = sum(old != changed for old, changed in zip(words, new, strict=True))
    assert binomtest(hit, len(counted), 0.1).pvalue > 1e-4
    assert all(old == changed for old, changed in zip(words, new, strict=True) if old in ("a", "12"))


def test_the_four_kinds_have_equal_chance():
    old = "trainbow"  # no letter twice, no neighbours side by side
    kinds: Counter[str] = Counter()
    for seed in range(2000):
        [new] = Typos(1.0).apply([old], "eng", seed)
        difference = len(new) - len(old)
        kinds[
            "insert"
            if difference > 0
            else "drop"
            if difference < 0
            else "swap"
            if sorted(new) == sorted(old)
            else "replace"
        ] += 1
    assert len(kinds) == 4
    assert chisquare(list(kinds.values())).pvalue > 1e-4


def test_new_letters_are_neighbours_on_the_keyboard():
    for seed in range(400):
        old = "fjord"
        [new] = Typos(1.0).apply([old], "eng", seed)
        if len(new) == len(old) and sorted(new) != sorted(old):
            [(before, after)] = [pair for pair in zip(old, new, strict=True) if pair[0] != pair[1]]
            assert after in neighbour_keys(before, "eng")
        elif len(new) > len(old):
            places = [i for i in range(1, len(new)) if new[:i] + new[i + 1 :] == old]
            assert any(new[i] in neighbour_keys(new[i - 1], "eng") for i in places)


@pytest.mark.parametrize(("word", "language"), [("Word", "eng"), ("WORD", "eng"), ("İlk", "tur"), ("Игорь", "rus")])
def test_capitals_stay_where_they_were(word, language):
    for seed in range(200):
        [new] = Typos(1.0).apply([word], language, seed)
        assert new[0].isupper()
        assert (new[1:].isupper() if word.isupper() else new[1:].islower()) or len(new) == 1


def test_scripts_without_spaces_get_errors_at_the_same_rate():
    text = "北京大学学习汉语书法" * 300  # 3,000 characters, 1,500 stand-in words of two
    assert [b - a for a, b in typed_words(text)] == [2] * 1500
    thai = "กรุงเทพมหานคร" * 200
    n_clusters = len(regex.findall(r"\X", thai))
    assert abs(len(list(typed_words(thai))) - n_clusters / 3) <= 1
    assert sum(len(regex.findall(r"\X", thai[a:b])) for a, b in typed_words(thai)) == n_clusters


def test_a_higher_rate_keeps_the_errors_of_a_lower_one():
    words = [f"{a}{b}word" for a in "abcdefgh" for b in "klmnop"]
    low, high = (Typos(rate).apply(words, "eng", 3) for rate in (0.2, 0.6))
    assert sum(old != new for old, new in zip(words, low, strict=True)) > 0
    for old, few, many in zip(words, low, high, strict=True):
        assert few in (old, many)


@pytest.mark.parametrize("rate", [0, -0.1, 1.01, float("nan")])
def test_rates_out_of_range(rate):
    with pytest.raises(TaskError, match="above 0 and at most 1"):
        Typos(rate)


@pytest.mark.data
@pytest.mark.parametrize("language", ["eng_Latn", "arb_Arab", "tha_Thai", "zho_Hans", "kor_Hang"])
def test_the_rate_on_real_sentences(data_folder, language):
    lines = (data_folder / "sib200" / language / "dev.tsv").read_text("utf-8").split("\n")[1:]
    noise = parse_noise("typos=0.1")
    hit = n_words = 0
    for line in filter(None, lines):
        key, _, text = line.split("\t")
        n_words += len(list(typed_words(text)))
        new = noise.apply(text, language, key)
        assert regex.sub(r"[\p{L}\p{M}\u200c\u200d]+", "x", new) == regex.sub(r"[\p{L}\p{M}\u200c\u200d]+", "x", text)
        if language == "eng_Latn":
            hit += sum(old != changed for old, changed in zip(text.split(), new.split(), strict=True))
    assert n_words > 1000
    if language == "eng_Latn":
        # Two errors in one space-separated word (long-term) count once here, hence the slack below.
        assert 0.08 * n_words < hit < 0.12 * n_words
