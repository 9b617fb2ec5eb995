"""Windows of words: each word once, with a token of its own, and the tokens of the whole sentence where it fits."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.tasks.tagging_models import FAMILIES, SEPARATORS, TEXTS, tokenizer

from xl_encoders.reading.tokens import edge_ids
from xl_tasks.problems.tagging.windows import word_windows

SENTENCES = [
    ["the", "white", "house"], ["a"], ["longer", "line", "with", "several", "words", "in", "it"], [],
    ["the", "", "cat"], [""], ["", "a"], ["a", ""], ["cat", "\u200b", "sat"],
]  # fmt: skip


def in_units(name, sentences):
    """The words as the family reads them: letters apart for the phoneme model."""
    return [[" ".join(word) for word in s] for s in sentences] if name == "xphonebert" else sentences


def naive_positions(windows):
    """Word -> (window, position) from the fields, each word seen exactly once."""
    places = [
        (window.first_word + i, (w, place)) for w, window in enumerate(windows) for i, place in enumerate(window.firsts)
    ]
    assert [word for word, _ in places] == list(range(len(places)))
    return dict(places)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("max_len", [8, 10, 64])
def test_each_word_is_in_one_window(family, max_len):
    sentences = in_units(family, SENTENCES)
    first, last = edge_ids(tokenizer(family))
    found = word_windows(tokenizer(family), sentences, max_len, separator=SEPARATORS.get(family, ""))
    for sentence, windows in zip(sentences, found, strict=True):
        assert len(naive_positions(windows)) == len(sentence)
        for window in windows:
            assert (window.ids[0], window.ids[-1]) == (first, last)
            assert len(window.ids) <= max_len
            assert len(set(window.firsts)) == len(window.firsts)
            assert all(0 < place < len(window.ids) - 1 for place in window.firsts)


@pytest.mark.parametrize("family", ["xlmr", "bert", "roberta", "canine"])
def test_a_short_sentence_is_the_text_itself(family):
    sentences = [text.split() for text in TEXTS if text.isascii()]
    found = word_windows(tokenizer(family), sentences, 64)
    for sentence, (window,) in zip(sentences, found, strict=True):
        assert list(window.ids) == tokenizer(family)(" ".join(sentence))["input_ids"]


@pytest.mark.parametrize("marker", [True, False])
@pytest.mark.parametrize("family", ["bert", "xlmr"])
def test_first_tokens_are_those_of_transformers(family, marker):
    bare = 0
    for text in [*TEXTS, "zebra xylophone qqq ζω 9"]:
        words = text.split()
        encoded = tokenizer(family)(words, is_split_into_words=True)
        tokens = tokenizer(family).convert_ids_to_tokens(encoded["input_ids"])
        # The recipe of transformers' token classification: the first token of each word, with or without a bare "▁".
        firsts, before = [], None
        for i, number in enumerate(encoded.word_ids()):
            if number is not None and number != before and (marker or tokens[i] != "▁"):
                firsts.append(i)
                before = number
        bare += sum(tokens[i] == "▁" for i in range(len(tokens)))
        (window,) = word_windows(tokenizer(family), [words], 64, marker=marker)[0]
        assert list(window.ids) == encoded["input_ids"]
        assert list(window.firsts) == firsts
    assert bare or family != "xlmr"  # the two ways differ somewhere


def test_canine_reads_code_points():
    words = ["Ἀχιλλεύς", "", "a\u0301b"]
    (window,) = word_windows(tokenizer("canine"), [words], 64)[0]
    text = "Ἀχιλλεύς \ufffd a\u0301b"
    assert list(window.ids) == [0xE000, *map(ord, text), 0xE001]
    assert window.firsts == (1, 10, 12)
    # Windows are cut at the space, which neither of them keeps.
    first, second = word_windows(tokenizer("canine"), [["abcdef", "ghi"]], 10)[0]
    assert bytes(first.ids[1:-1]) == b"abcdef"
    assert bytes(second.ids[1:-1]) == b"ghi"


def test_phonemes_have_a_mark_between_words_and_none_at_the_edges():
    phonemic = tokenizer("xphonebert")
    sentence = ["c a t", "", "s a t", "o n", "m a t"]
    (window,) = word_windows(phonemic, [sentence], 64, separator="▁")[0]
    tokens = phonemic.convert_ids_to_tokens(list(window.ids))
    assert " ".join(tokens) == "<s> c a t ▁ <unk> ▁ s a t ▁ o n ▁ m a t </s>"
    assert tokens.count("▁") == len(sentence) - 1
    assert [tokens[place] for place in window.firsts] == ["c", "<unk>", "s", "o", "m"]
    for short in word_windows(phonemic, [sentence], 8, separator="▁")[0]:
        tokens = phonemic.convert_ids_to_tokens(list(short.ids))
        assert tokens[1] != "▁"
        assert tokens.count("▁") == len(short.firsts) - 1


def test_a_word_longer_than_a_window_keeps_its_beginning():
    windows = word_windows(tokenizer("canine"), [["ab", "c" * 30, "de"]], 12)[0]
    assert [bytes(window.ids[1:-1]) for window in windows] == [b"ab", b"c" * 10, b"de"]
    assert [window.first_word for window in windows] == [0, 1, 2]


@settings(max_examples=80, deadline=None)
@given(
    sentences=st.lists(st.lists(st.text("theacsmoniwλγ \u200b\u0301ア", max_size=5), max_size=12), max_size=5),
    max_len=st.integers(8, 24),
)
def test_free_text(sentences, max_len):
    whole = word_windows(tokenizer("xlmr"), sentences, 10**6)
    for sentence, windows, (one, *more) in zip(
        sentences,
        word_windows(tokenizer("xlmr"), sentences, max_len),
        [found or [None] for found in whole],
        strict=True,
    ):
        assert not more
        assert len(naive_positions(windows)) == len(sentence)
        assert all(len(window.ids) <= max_len for window in windows)
        if one is None:
            assert not windows
            continue
        # Windows laid end to end are the sentence, unless a word was longer than one of them.
        joined = [token for window in windows for token in window.ids[1:-1]]
        if len(joined) == len(one.ids) - 2:
            assert joined == list(one.ids[1:-1])
        heads = [one.ids[place] for place in one.firsts]
        assert [window.ids[place] for window in windows for place in window.firsts] == heads
