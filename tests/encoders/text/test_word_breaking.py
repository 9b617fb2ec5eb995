"""Words and sentences of running text: against ICU, jieba and MeCab called directly, and laws on any text."""

import gzip
import importlib.metadata
import importlib.util
import logging
import pickle
import sys
import unicodedata
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import ModuleType

import pytest
import regex
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.thinned import thinned

from xl_encoders import (
    EncoderError,
    SentenceCounts,
    WordBreaker,
    corpus_lines,
    corpus_sentences,
    sentence_breaker,
    split_words,
    word_breaker,
)
from xl_encoders.text import word_breaking

ENGINES = ("rule", "space", "icu", "jieba", "fugashi", "auto")
NEEDS = {"icu": "icu4py", "auto": "icu4py", "jieba": "rjieba", "fugashi": "fugashi"}
MIXED = (
    "The cat, 3.5 km: ฉันรักภาษาไทย 😀มากๆ 𠀀𠀁我来到北京清华大学。日本語のスーパーです。ខ្ញុំស្រលាញ់ ကျွန်တော်မြန်မာ l'eau צה״ל"
)

any_text = st.text(
    st.one_of(
        st.characters(),  # half a surrogate pair too: a file name can bring one
        st.sampled_from(" \n\t\x00\u3000\u200b\u200c\u200d\u00ad\u0e01\u0e32中文あー\u1000\u103c😀𠀀a1.'"),
    ),
    max_size=40,
)


def breaker(language: str, engine: str) -> WordBreaker:
    if engine in NEEDS:
        pytest.importorskip(NEEDS[engine])
    return word_breaker(language, engine)


def cut(text: str, spans: list[tuple[int, int]]) -> list[str]:
    return [text[start:end] for start, end in spans]


def held(words: Iterable[str]) -> list[str]:
    """Those that hold a letter, a digit or a mark."""
    return [word for word in words if regex.search(r"[\p{L}\p{N}\p{M}]", word)]


def verses(data_folder: Path, language: str, n: int) -> list[str]:
    with gzip.open(data_folder / "bible" / f"{language}.tsv.gz", "rt", encoding="utf-8", newline="\n") as file:
        return [line.rstrip("\n").split("\t")[1] for line, _ in zip(file, range(n), strict=False)]


@pytest.mark.parametrize("engine", ENGINES)
@settings(max_examples=200, deadline=None)
@given(text=any_text)
def test_words_ascend_hold_no_space_and_cover_every_letter(engine: str, text: str) -> None:
    spans = breaker("", engine)(text)
    edges = [edge for span in spans for edge in span]
    assert edges == sorted(edges)
    assert all(start < end for start, end in spans)
    assert all({unicodedata.category(c) for c in word} - {"Cf"} for word in cut(text, spans))
    words = "".join(cut(text, spans))
    assert not any(character.isspace() or unicodedata.category(character) == "Cc" for character in words)
    if engine == "space":  # every visible character, in order; format characters may be in a word or not
        visible = [c for c in text if not c.isspace() and unicodedata.category(c) not in ("Cc", "Cf")]
        assert [c for c in words if unicodedata.category(c) != "Cf"] == visible
    else:
        assert held(cut(text, spans)) == cut(text, spans)
        assert held(words) == held(text)


@pytest.mark.parametrize("engine", ENGINES)
def test_words_on_mixed_scripts(engine: str) -> None:
    text = MIXED * 3
    cut_twice = breaker("", engine)
    assert held("".join(cut(text, cut_twice(text)))) == held(text)
    assert pickle.loads(pickle.dumps(cut_twice))(text) == cut_twice(text)


@pytest.mark.parametrize("engine", ENGINES)
def test_what_is_not_seen_is_no_word(engine: str) -> None:
    text = "a \u2060 \u00ad\u200b b\u200bc"
    assert cut(text, breaker("", engine)(text)) == ["a", "b", "c"]


def utf16_slices(text: str, ends: list[int]) -> list[str]:
    """Segments by their ends in UTF-16 units, cut in the encoded text."""
    units = text.encode("utf-16-le")
    return [units[2 * a : 2 * b].decode("utf-16-le") for a, b in zip([0, *ends], ends, strict=False)]


@pytest.mark.parametrize("language", ["tha_Thai", "lao_Laoo", "khm_Khmr", "mya_Mymr", "eng_Latn"])
def test_icu_words_are_those_of_icu(language: str) -> None:
    icu = pytest.importorskip("icu4py.breakers")
    segments = utf16_slices(MIXED, [end for _start, end in icu.WordBreaker(MIXED, language[:3]).segments()])
    expected = held(piece for segment in segments for piece in segment.split())
    assert cut(MIXED, word_breaker(language, "icu")(MIXED)) == expected
    if language != "eng_Latn":
        assert word_breaker(language) == word_breaker(language, "icu")


@pytest.mark.data
@pytest.mark.parametrize("language", ["mya_Mymr", "zho_Hans"])
def test_icu_words_of_real_text(data_folder: Path, language: str) -> None:
    icu = pytest.importorskip("icu4py.breakers")
    cut_words = word_breaker(language, "icu")
    for text in verses(data_folder, language, 400):
        segments = utf16_slices(text, [end for _start, end in icu.WordBreaker(text, language[:3]).segments()])
        pieces = held(piece for segment in segments for piece in regex.split(r"[\s\u200b]+", segment))
        assert cut(text, cut_words(text)) == pieces


@pytest.mark.data
def test_jieba_words_of_real_text(data_folder: Path) -> None:
    jieba = pytest.importorskip("rjieba")
    cut_words = word_breaker("zho_Hans")
    assert cut_words.engine == "jieba"
    for text in verses(data_folder, "zho_Hans", 400):
        assert cut(text, cut_words(text)) == held(jieba.cut(text))


JAPANESE = [
    "日本語の 文章を\u3000単語に😀分割します。",
    "すもももももももものうち",
    "𠮷野家で ABC を 3,000円で買った。\n\nはい",
]


def test_fugashi_words_are_those_of_mecab() -> None:
    fugashi = pytest.importorskip("fugashi")
    lite = pytest.importorskip("unidic_lite")
    tagger = fugashi.GenericTagger(f'-r "{lite.DICDIR}/mecabrc" -d "{lite.DICDIR}" -Owakati')
    cut_words = word_breaker("jpn_Jpan")
    assert cut_words.engine == "fugashi"
    for text in JAPANESE:
        assert cut(text, cut_words(text)) == held(tagger.parse(text).split())


def test_without_a_language_only_dense_scripts_go_to_icu() -> None:
    icu = pytest.importorskip("icu4py.breakers")
    text = "l'eau 3.5 (ฉันรักภาษาไทย)"
    thai = list(icu.WordBreaker("ฉันรักภาษาไทย", "th"))
    assert cut(text, word_breaker()(text)) == ["l'eau", "3", "5", *thai]
    western = "Où est l'été? «Là-bas», 12.50 €; Ελληνικά, צה״ל, हिन्दी को, 한국어."
    assert word_breaker()(western) == split_words(western)


@pytest.mark.parametrize("language", ["deu_Latn", "kor_Hang", "jpn_Latn", "deu", "zho_Latn"])
def test_other_languages_are_cut_by_rule(language: str) -> None:
    assert word_breaker(language)(MIXED) == split_words(MIXED)
    assert word_breaker(language).identity == f"rule {word_breaking.RULE}"


@pytest.fixture
def nothing_installed(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    for name in ("icu4py", "icu4py.breakers", "rjieba", "jieba", "fugashi"):
        monkeypatch.setitem(sys.modules, name, None)
    for function in ("_icu", "_jieba", "_fugashi", "_tagger", "_warn_once"):
        getattr(word_breaking, function).cache_clear()
    yield word_breaking
    monkeypatch.undo()
    for function in ("_icu", "_jieba", "_fugashi", "_tagger", "_warn_once"):
        getattr(word_breaking, function).cache_clear()


@pytest.mark.parametrize(
    ("language", "extra"), [("zho_Hans", "chinese"), ("jpn_Jpan", "japanese"), ("tha_Thai", "icu"), ("", "icu")]
)
def test_without_libraries_the_rule_stands_in_and_says_so_once(
    nothing_installed: ModuleType, caplog: pytest.LogCaptureFixture, language: str, extra: str
) -> None:
    text = "我来到北京 ไทย"
    for _ in range(3):
        assert word_breaker(language)(text) == split_words(text)
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert f"pip install 'xl-encoders[{extra}]'" in caplog.text
    caplog.clear()
    assert word_breaker("")("plain text") == [(0, 5), (6, 10)]
    assert word_breaker("fra_Latn")("plain text") == [(0, 5), (6, 10)]
    assert not caplog.records


@pytest.mark.parametrize(("engine", "extra"), [("icu", "icu"), ("jieba", "chinese"), ("fugashi", "japanese")])
def test_a_library_asked_for_by_name_must_be_there(nothing_installed: ModuleType, engine: str, extra: str) -> None:
    with pytest.raises(EncoderError, match=rf"pip install 'xl-encoders\[{extra}\]'"):
        word_breaker("", engine)


@pytest.mark.slow
def test_jieba_of_python_where_rjieba_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("rjieba")
    ours = word_breaker("zho_Hans", "jieba")("我来到北京清华大学。")
    monkeypatch.setitem(sys.modules, "rjieba", None)
    word_breaking._jieba.cache_clear()
    try:
        old = word_breaker("zho_Hans", "jieba")
        assert old.identity.startswith("jieba (jieba ")
        assert old("我来到北京清华大学。") == ours
    finally:
        word_breaking._jieba.cache_clear()


def test_mecab_without_a_dictionary_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("fugashi")
    for name in ("unidic", "unidic_lite", "ipadic"):
        monkeypatch.setitem(sys.modules, name, None)
    word_breaking._fugashi.cache_clear()
    word_breaking._tagger.cache_clear()
    with pytest.raises(EncoderError, match="finds no dictionary"):
        word_breaker("jpn_Jpan", "fugashi")


def test_words_of_an_older_rule_are_other_words(monkeypatch: pytest.MonkeyPatch) -> None:
    breakers = [word_breaker("deu_Latn"), word_breaker("tha_Thai"), word_breaker("zho_Hans"), word_breaker()]
    before = [breaker.identity for breaker in breakers]
    monkeypatch.setattr(word_breaking, "RULE", word_breaking.RULE + 1)
    assert all(breaker.identity != then for breaker, then in zip(breakers, before, strict=True))
    assert "rule" not in before  # what caches say that were made before the tsheg was no word any more


def test_identity_names_the_library() -> None:
    assert word_breaker("deu_Latn", "space").identity == "space"
    icu = pytest.importorskip("icu4py")
    assert icu is not None
    assert (
        word_breaker("tha_Thai").identity
        == f"icu (icu4py {importlib.metadata.version('icu4py')}), rule {word_breaking.RULE}"
    )


@pytest.mark.parametrize("language", ["thai", "tha-Thai", "th", "Thai_tha", "tha_"])
def test_bad_language_is_refused(language: str) -> None:
    for make in (word_breaker, sentence_breaker):
        with pytest.raises(EncoderError, match="tha_Thai"):
            make(language)


def test_bad_engine_is_refused() -> None:
    with pytest.raises(EncoderError, match="jieba"):
        word_breaker("zho_Hans", "jeiba")
    with pytest.raises(EncoderError, match="icu"):
        sentence_breaker("", "icuu")


# sentences, given with a bar at each end: what a reader of the language says
SENTENCES = {
    "eng_Latn": [
        'J. R. Smith met him at 3.5 p.m. yesterday.| "Really?" he said.| He left... quickly!| U.S. law is dull.',
        "It costs 1.500 or 2,5.| (Yes.)| No?!| Fine",
    ],
    "deu_Latn": ["Am 3. Mai kam er.| „Gut.“| Dann ging er.", "Im Jahr 1984.| Das war alles."],
    "zho_Hans": ["是的。|“你好！”|他说。|再见", "他说：「好。」|她走了。", "３．５万？！|是。"],
    "hin_Deva": ["यह है।|वह भी।| हाँ॥"],
    "mya_Mymr": ["အလွန်၊ကောင်းသည်။|ဟုတ်သည်။", "အလွန်၊ ကောင်းသည်။| ဟုတ်သည်။"],
    "khm_Khmr": ["ខ្ញុំទៅ។| គាត់មក។"],
    "ell_Grek": ["Τι είναι;| Δεν ξέρω."],
    "bod_Tibt": ["བོད་སྐད། །|ཡིན།| མིན།"],
    "arb_Arab": ["هل هذا؟| نعم.| د. أحمد هنا."],
    "urd_Arab": ["یہ ہے۔| وہ ہے۔"],
    "amh_Ethi": ["ሰላም።| እንዴት ነህ፧| ደህና።"],
    "hye_Armn": ["Այո։| Ոչ։"],
    "tha_Thai": ["ฉันรักภาษาไทย มากๆ"],
    "": ["One line\n|another one\n\n|last!| 😀", "...", "a! ..."],
}


@pytest.mark.parametrize(
    ("language", "marked"), [(language, text) for language, texts in SENTENCES.items() for text in texts]
)
def test_sentences_by_rule(language: str, marked: str) -> None:
    text = marked.replace("|", "")
    sentences = cut(text, sentence_breaker(language)(text))
    expected = [part.strip() for part in marked.split("|")]
    if marked.endswith("😀"):  # a sign without letters goes to the sentence before it
        expected = [*expected[:-2], "last! 😀"]
    assert sentences == expected


@pytest.mark.timeout(30)
@pytest.mark.parametrize("part", thinned([".", "। ", "!", "! ", ".'", "। 1", " ", "。", "J.", "…"], 4))
def test_long_runs_of_signs_do_not_hang(part: str) -> None:
    """Leaders of a table of contents, lines drawn of signs: work must not grow with the square of their length."""
    text = "Contents " + part * 60_000 + "1"
    spans = sentence_breaker()(text)
    assert "".join("".join(cut(text, spans)).split()) == "".join(text.split())


@pytest.mark.parametrize("engine", ["rule", "icu"])
@settings(max_examples=200, deadline=None)
@given(text=st.text(st.one_of(st.characters(), st.sampled_from(" .!?。।…\"'“”’\nAaбא1😀")), max_size=60))
def test_sentences_ascend_and_leave_nothing_out(engine: str, text: str) -> None:
    if engine == "icu":
        pytest.importorskip("icu4py")
    spans = sentence_breaker("", engine)(text)
    edges = [edge for span in spans for edge in span]
    assert edges == sorted(edges)
    assert "".join("".join(cut(text, spans)).split()) == "".join(text.split())
    for sentence in cut(text, spans):
        assert sentence == sentence.strip() != ""
    if len(spans) > 1:
        assert all(regex.search(r"[\p{L}\p{N}]", sentence) for sentence in cut(text, spans))


@pytest.mark.data
@pytest.mark.parametrize("language", ["eng_Latn", "deu_Latn", "ell_Grek", "zho_Hans", "mya_Mymr", "amh_Ethi"])
def test_rule_and_icu_agree_on_most_sentence_ends(data_folder: Path, language: str) -> None:
    """Both follow UAX 29: F1 of sentence ends in running text; they differ by design, before small letters for one."""
    pytest.importorskip("icu4py")
    folder = "unclear_licence/" if language == "amh_Ethi" else ""
    text = " ".join(verses(data_folder, folder + language, 600))
    if language == "mya_Mymr":  # Unicode has the sign that parts phrases as a terminator
        text = text.replace("၊", ",")
    rule = {end for _, end in sentence_breaker(language)(text)}
    icu = {end for _, end in sentence_breaker(language, "icu")(text)}
    assert 2 * len(rule & icu) / (len(rule) + len(icu)) > 0.9


def test_filters_keep_what_they_say() -> None:
    paragraphs = ["A headline", "One two three. Four five.", "", "One. Two. Three four five six.", "A b. C d."]
    words, sentences = word_breaker("eng_Latn", "space"), sentence_breaker("eng_Latn")
    counts = SentenceCounts()
    kept = list(corpus_sentences(paragraphs, words, sentences, min_sentences=2, min_words=3, counts=counts))
    assert kept == [[["One", "two", "three."]], [["Three", "four", "five", "six."]]]
    # by hand: the headline and the empty one are short; the last has two sentences of two words
    expected = SentenceCounts(
        n_paragraphs=5,
        n_short_paragraphs=2,
        n_emptied_paragraphs=1,
        n_sentences=1 + 2 + 0 + 3 + 2,
        n_short_sentences=1 + 2 + 2,
        n_kept_sentences=2,
        n_kept_words=3 + 4,
    )
    assert counts == expected
    lines = list(corpus_lines(paragraphs, words, sentences, min_sentences=2, min_words=3))
    assert lines == ["One two three.", "Three four five six."]
    assert list(corpus_lines(["A b c. D e f. G."], words, sentences, min_words=2, whole=True)) == ["A b c. D e f."]
    everything = list(corpus_sentences(paragraphs, words, sentences))
    assert [word for p in everything for s in p for word in s] == " ".join(paragraphs).split()


@pytest.mark.parametrize(
    ("sentence", "n_tokens"),  # as Universal Dependencies cut them
    [
        ("Yes, he did!", 5),
        ('"Well ..." -- a dash', 7),
        ("Euros (net).", 5),
        ("It costs 5 %.", 5),
        ("他来了。", 4),
    ],
)
def test_a_sentence_stays_by_its_words_and_marks_together(sentence: str, n_tokens: int) -> None:
    words = word_breaker("", "rule")
    for least, stays in ((n_tokens, [sentence]), (n_tokens + 1, [])):
        assert list(corpus_lines([sentence], words, lambda text: [(0, len(text))], min_tokens=least)) == stays


@pytest.mark.data
def test_tokens_are_counted_about_as_treebanks_do(data_folder: Path) -> None:
    """Which sentences have seven tokens: the filter and a treebank say the same of nearly all."""
    path = next((data_folder / "ud" / "UD_English-EWT").glob("*dev.conllu"))
    words = word_breaker("eng_Latn")
    agree = total = 0
    for block in path.read_text("utf-8").strip().split("\n\n"):
        lines = block.split("\n")
        text = next(line.removeprefix("# text = ") for line in lines if line.startswith("# text = "))
        n_tokens = sum(line.split("\t")[0].isdigit() for line in lines if not line.startswith("#"))
        kept = list(corpus_lines([text], words, lambda whole: [(0, len(whole))], min_tokens=7))
        agree += bool(kept) == (n_tokens >= 7)
        total += 1
    assert total == 200
    assert agree >= 0.97 * total


@settings(max_examples=50, deadline=None)
@given(
    paragraphs=st.lists(st.text(st.sampled_from("ab. \nA"), max_size=20), max_size=6),
    min_sentences=st.integers(1, 3),
    min_words=st.integers(1, 3),
)
def test_counts_add_up(paragraphs: list[str], min_sentences: int, min_words: int) -> None:
    words, sentences = word_breaker("eng_Latn"), sentence_breaker("eng_Latn")
    counts = SentenceCounts()
    kept = list(
        corpus_sentences(paragraphs, words, sentences, min_sentences=min_sentences, min_words=min_words, counts=counts)
    )
    long_enough = [p for p in paragraphs if len(sentences(p)) >= min_sentences]
    slow = [[[s[a:b] for a, b in words(s)] for s in cut(p, sentences(p))] for p in long_enough]
    slow = [[s for s in p if len(s) >= min_words] for p in slow]
    assert kept == [p for p in slow if p]
    assert counts.n_kept_words == sum(len(s) for p in kept for s in p)
    assert counts.n_kept_sentences == sum(map(len, kept))
    assert counts.n_paragraphs == len(kept) + counts.n_short_paragraphs + counts.n_emptied_paragraphs
    assert counts.n_sentences == sum(len(sentences(p)) for p in paragraphs)
    assert counts.n_short_sentences == sum(len(sentences(p)) for p in long_enough) - counts.n_kept_sentences


def test_filters_refuse_zero() -> None:
    with pytest.raises(EncoderError, match="min_words must be at least 1"):
        corpus_sentences([], word_breaker(), sentence_breaker(), min_words=0)


@pytest.mark.parametrize(("text", "n_words"), [("བོད་སྐད་ཡིག་", 3), ("ሰላም፡ለዓለም", 2)])
def test_separators_of_a_script_are_no_words(text: str, n_words: int) -> None:
    assert len(word_breaker("", "rule")(text)) == n_words


@pytest.mark.data
@pytest.mark.parametrize("engine", ["", "auto", "rule"])
def test_every_word_of_every_language_holds_a_letter_digit_or_mark(data_folder: Path, engine: str) -> None:
    """engine "": `split_words`. Tibetan words are what stands between tsheg, shad and other signs."""
    folders = sorted(path for path in (data_folder / "sib200").iterdir() if path.is_dir())
    assert len(folders) >= 30
    for folder in folders:
        words_of = word_breaker(folder.name, engine) if engine else split_words
        for line in (folder / "test.tsv").read_text(encoding="utf-8").split("\n")[1:60]:
            words = cut(line, words_of(line))
            assert words == held(words)
            if folder.name == "bod_Tibt":
                assert words == regex.findall(r"[^\s\p{P}\p{S}\p{C}]+", line)
