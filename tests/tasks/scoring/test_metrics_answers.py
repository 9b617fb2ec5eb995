"""F1 and exact match against the definitions of SQuAD v1.1 and MLQA, written out slowly."""

import itertools
import random
import string
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xl_tasks import TaskError
from xl_tasks.scoring.answer_normalization import english_tokens, language_tokens
from xl_tasks.scoring.answers import answer_measures

DRAWN = settings(max_examples=80)
WORDS = ("the", "The", "a", "an", "A.", "theatre", "anaïs", "Denver", "Broncos,", "24", "-", "–", "10%", "U.S.", "«x»",
         "\u00a0", "$5", "der", "das", "el", "la", "của", "ال", "الكتاب", "مثال", "के")  # fmt: skip
texts = st.one_of(
    st.lists(st.sampled_from(WORDS), max_size=6).map(" ".join),
    st.text(alphabet=st.characters(codec="utf-8"), max_size=12),
)
PUNCTUATION = {
    c for c in map(chr, range(0x110000)) if unicodedata.category(c)[0] == "P" or c in string.punctuation
}  # fmt: skip


def slow_words(text: str, *, articles: set[str], punctuation: set[str]) -> list[str]:
    """Lower case, without punctuation and articles, at white space: character by character."""
    kept = [char for char in text.lower() if char not in punctuation]
    words, word = [], ""
    for char in [*kept, " "]:
        if char.isspace():
            words += [word] if word else []
            word = ""
        else:
            word += char
    # An article is a whole run of letters, digits and _, also inside a word that has other signs.
    return [part for w in words for part in without_articles(w, articles)]


def without_articles(word: str, articles: set[str]) -> list[str]:
    runs = ["".join(chars) for _, chars in itertools.groupby(word, lambda c: c.isalnum() or c == "_")]
    return "".join(" " if run in articles else run for run in runs).split()


def slow_scores(golds, prediction, words):
    best = [0.0, 0.0]
    for gold in golds:
        one, other = words(gold), words(prediction)
        left, shared = list(other), 0
        for word in one:
            if word in left:
                left.remove(word)
                shared += 1
        if shared:
            precision, recall = shared / len(other), shared / len(one)
            best[0] = max(best[0], 2 * precision * recall / (precision + recall))
        best[1] = max(best[1], float(one == other))
    return best


@DRAWN
@given(st.lists(st.tuples(st.lists(texts.filter(bool), min_size=1, max_size=3), texts), min_size=1, max_size=6))
def test_english_normalisation_is_that_of_squad(questions):
    golds, predictions = map(list, zip(*questions, strict=True))
    f1, em, *_ = answer_measures(golds, predictions, "eng_Latn")

    def words(text):
        return slow_words(text, articles={"a", "an", "the"}, punctuation=set(string.punctuation))

    for place, (gold, prediction) in enumerate(questions):
        expected = slow_scores(gold, prediction, words)
        assert [f1.stats[place, 0], em.stats[place, 0]] == pytest.approx(expected, abs=1e-12)
    assert (f1.metric, em.metric, f1.n) == ("f1", "em", len(questions))
    assert f1.value == pytest.approx(f1.stats[:, 0].mean())


MLQA_ARTICLES = {
    "en": {"a", "an", "the"},
    "es": {"un", "una", "unos", "unas", "el", "la", "los", "las"},
    "vi": {"của", "là", "cái", "chiếc", "những"},
    "de": {"ein", "eine", "einen", "einem", "eines", "einer", "der", "die", "das", "den", "dem", "des"},
    "hi": set(),
}


@pytest.mark.parametrize("language", sorted(MLQA_ARTICLES))
def test_language_normalisation_is_that_of_mlqa(language):
    rng = random.Random(language)
    vocabulary = [*WORDS, *sorted(MLQA_ARTICLES[language]), "“Haus”", "¿", "。", "L'eau"]
    golds = [[" ".join(rng.choices(vocabulary, k=rng.randrange(1, 6))) for _ in range(2)] for _ in range(300)]
    predictions = [" ".join(rng.sample(g[0].split(" "), len(g[0].split(" ")))) for g in golds]
    _, _, f1, em = answer_measures(golds, predictions, language)
    assert (f1.metric, em.metric) == ("f1_language", "em_language")
    for place, (gold, prediction) in enumerate(zip(golds, predictions, strict=True)):
        expected = slow_scores(
            gold,
            prediction,
            lambda text: slow_words(text, articles=MLQA_ARTICLES[language], punctuation=PUNCTUATION),
        )
        assert [f1.stats[place, 0], em.stats[place, 0]] == pytest.approx(expected, abs=1e-12)


@DRAWN
@given(st.text(alphabet="一龥龦鿿㐀𠀀々〇アーのa7 。、（é\u0301b", max_size=14), st.sampled_from(["zh", "zh-Hant"]))
def test_chinese_is_cut_as_mlqa_cuts_it(text, language):
    """MLQA's mixed_segmentation cuts U+4E00 to U+9FA5 alone; 〇, kana and Han of later versions stay in their run."""
    kept = "".join(char for char in text.lower() if char not in PUNCTUATION)
    spaced = "".join(f" {char} " if 0x4E00 <= ord(char) <= 0x9FA5 else char for char in kept)
    assert language_tokens(text, language) == spaced.split()


@DRAWN
@given(st.lists(st.sampled_from(["ال", "الكتاب", "مثال", "بالال", "،", " ", "اللون", "7"]), max_size=8).map("".join))
def test_arabic_is_cut_as_mlqa_cuts_it(text):
    kept = "".join(char for char in text if char not in PUNCTUATION)
    assert language_tokens(text, "ar") == kept.replace("ال", " ").split()


def test_chinese_and_other_scripts_without_spaces():
    assert language_tokens("二〇〇八", "zh") == ["二", "〇〇", "八"]
    assert language_tokens("二〇〇八", "yue") == ["二", "〇", "〇", "八"]
    assert language_tokens("《Linux 内核》,2.6版", "zh") == ["linux", "内", "核", "26", "版"]
    assert language_tokens("東京タワー", "ja") == ["東", "京", "タ", "ワ", "ー"]
    # Tone marks and vowels above and below stay with their consonant: ก, ที่, นี่ are three tokens.
    assert language_tokens("กที่นี่ 7", "th") == ["ก", "ที่", "นี่", "7"]
    assert language_tokens("ကျောင်း", "my") == ["ကျော", "င်း"]
    assert language_tokens("ລາວ abc", "lo") == ["ລ", "າ", "ວ", "abc"]
    for language in ("km", "th", "my", "lo", "ja", "yue", "bo"):
        assert language_tokens("One two, three", language) == ["one", "two", "three"]


def test_arabic_turkish_and_languages_without_a_rule():
    assert language_tokens("الكتاب، الكبير", "ar") == ["كتاب", "كبير"]
    assert language_tokens("IĞDIR'ın İli", "tr") == ["ığdırın", "ili"]
    assert language_tokens("IĞDIR", "en") == ["iğdir"]
    assert language_tokens("Η Αθήνα!", "el") == ["η", "αθήνα"]
    assert language_tokens("The «Дом»", "rus_Cyrl") == ["the", "дом"]


@DRAWN
@given(texts, st.sampled_from(["en", "ar", "zh", "th", "ko", "tr"]))
def test_tokens_are_clean_whole_and_stable(text, language):
    tokens = language_tokens(text, language)
    assert all(token and not any(c.isspace() or c in PUNCTUATION for c in token) for token in tokens)
    if language in ("zh", "th", "ko"):
        kept = [c for c in text.lower() if not c.isspace() and c not in PUNCTUATION]
        assert "".join(tokens) == "".join(kept)
        assert language_tokens(" ".join(tokens), language) == tokens
    assert english_tokens(" ".join(english_tokens(text))) == english_tokens(text)


@DRAWN
@given(st.lists(texts.filter(bool), min_size=1, max_size=4), texts, st.sampled_from(["en", "zh", "ar", "sw"]))
def test_laws(golds, prediction, language):
    def values(answers, given):
        return [m.value for m in answer_measures([answers], [given], language)]

    found = values(golds, prediction)
    assert all(0 <= value <= 1 for value in found)
    assert found == values(golds[::-1], prediction)
    assert all(more >= one for more, one in zip(found, values(golds[:1], prediction), strict=True))
    # One gold answer: F1 does not know which of the two is gold, nor does exact match.
    if prediction:
        assert values(golds[:1], prediction) == pytest.approx(values([prediction], golds[0]))


def test_a_text_without_an_answer():
    for gold in ([], [""]):
        for prediction, value in (("", 1), ("the", 1), ("Denver", 0)):
            assert [m.value for m in answer_measures([gold], [prediction], "en")] == [value] * 4
    # An answer of which nothing stays is an answer: the script of v1.1 finds no shared token.
    assert [m.value for m in answer_measures([["the"]], ["a"], "en")] == [0, 1, 0, 1]


def test_bad_input():
    with pytest.raises(TaskError, match="2 questions and 1 predicted"):
        answer_measures([["x"], ["y"]], ["x"], "en")
