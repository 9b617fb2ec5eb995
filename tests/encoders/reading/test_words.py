"""Words: which tokens stand for which word, against slow readings of the library's own output; words in any script."""

import unicodedata

import numpy as np
import pytest
import regex
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.encoders.conftest import FAMILIES, TEXTS, byte_level, in_units
from tests.thinned import thinned
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import CanineTokenizer, PreTrainedTokenizerBase, PreTrainedTokenizerFast

from xl_encoders import Encoder, EncoderError, encode_words, has_words, split_words, train_tokenizer
from xl_encoders.reading.tokens import encode_content
from xl_encoders.reading.word_tokens import encode_many

SENTENCES = [text.split() for text in TEXTS]


def bare_markers(tokenizer: PreTrainedTokenizerBase) -> set[int]:
    """Ids of the tokens that are a space and nothing else."""
    return {tokenizer.get_vocab().get(marker, -1) for marker in ("▁", "Ġ")}


@pytest.mark.parametrize("family", FAMILIES, indirect=True)
def test_words_are_tokenised_as_in_running_text(request: pytest.FixtureRequest, family: Encoder) -> None:
    name = request.node.callspec.params["family"]
    separator = "▁" if name == "xphonebert" else ""
    sentences = [[" ".join(word) if separator else word for word in words] for words in SENTENCES]
    rows, word_ids, n_cut = encode_words(family.tokenizer, sentences, family.max_len, separator=separator)
    assert (rows, n_cut) == encode_content(family.tokenizer, [in_units(name, text) for text in TEXTS], family.max_len)
    for words, row, numbers in zip(sentences, rows, word_ids, strict=True):
        assert len(row) == len(numbers)
        kept = [number for number in numbers if number >= 0]
        assert kept == sorted(kept)
        assert set(kept) == set(range(len(words)))


def test_each_word_has_the_tokens_it_has_alone() -> None:
    """Independent of the tokenizer's own word numbers: the tokens of a word are those of the word by itself."""
    tokenizer = train_tokenizer(TEXTS, n_pieces=120)
    rows, word_ids, _ = encode_words(tokenizer, SENTENCES, 64)
    markers = bare_markers(tokenizer)
    for words, row, numbers in zip(SENTENCES, rows, word_ids, strict=True):
        for i, word in enumerate(words):
            alone = [token for token in encode_content(tokenizer, [word], 64)[0][0] if token not in markers]
            assert [token for token, number in zip(row, numbers, strict=True) if number == i] == alone


UNIGRAM, BYTES = train_tokenizer(TEXTS, n_pieces=120), byte_level(["<s>", "<pad>", "</s>", "<unk>", "<mask>"])
WORDS = st.sampled_from(["", "the", "the", " ", "▁", "<s>", "<mask>", "a<s>b", "\u200b", "猫", *TEXTS[0].split()])


@given(sentences=st.lists(st.lists(WORDS | st.text(max_size=4), max_size=6), max_size=5))
def test_a_sentence_has_the_tokens_that_the_library_gives_it_whole(sentences: list[list[str]]) -> None:
    """Words that come again are read once; the library reads each sentence of words as one."""
    for tokenizer in (UNIGRAM, BYTES):
        rows, word_ids, _ = encode_words(tokenizer, sentences, 1000)
        for words, row, numbers in zip(sentences, rows, word_ids, strict=True):
            glued = [f" {word}" if word and any(words[:i]) else word for i, word in enumerate(words)]
            whole = tokenizer(
                glued if tokenizer is BYTES else words, is_split_into_words=True, add_special_tokens=False
            )
            assert row == whole["input_ids"]
            spaces = bare_markers(tokenizer)
            assert numbers == [
                -1 if token in spaces else number for token, number in zip(row, whole.word_ids(), strict=True)
            ]


@pytest.mark.parametrize("family", ["canine"], indirect=True)
def test_characters_and_the_spaces_between(family: Encoder) -> None:
    rows, word_ids, _ = encode_words(family.tokenizer, [["ab", "", "c"]], 64)
    assert rows == [[97, 98, 32, 99]]
    assert word_ids == [[0, 0, -1, 2]]


@pytest.mark.parametrize("empty", ["", "\u200b"])
def test_a_word_without_a_token_keeps_its_number(empty: str, caplog: pytest.LogCaptureFixture) -> None:
    for tokenizer in (train_tokenizer(TEXTS, n_pieces=120), byte_level(["<s>", "<pad>", "</s>", "<unk>", "<mask>"])):
        caplog.clear()
        if empty:
            tokenizer.backend_tokenizer.normalizer = normalizers.Replace(empty, "")
        rows, word_ids, _ = encode_words(tokenizer, [["the", empty, "cat"], [empty, "the"], []], 64)
        assert [sorted({n for n in numbers if n >= 0}) for numbers in word_ids] == [[0, 2], [1], []]
        assert "2 of 5 words give no token" in caplog.text
        plain, _, _ = encode_words(tokenizer, [["the", "cat"], ["the"]], 64)
        markers = bare_markers(tokenizer)
        assert [[token for token in row if token not in markers] for row in rows[:2]] == [
            [token for token in row if token not in markers] for row in plain
        ]


@pytest.mark.parametrize("family", ["canine"], indirect=True)
def test_the_cut_keeps_the_beginning(family: Encoder) -> None:
    tokenizer = family.tokenizer
    rows, word_ids, n_cut = encode_words(tokenizer, [["abc", "def"], ["ab"]], 8)
    assert (rows[0], word_ids[0], n_cut) == ([97, 98, 99, 32, 100, 101], [0, 0, 0, -1, 1, 1], 1)
    assert encode_words(tokenizer, [], 8) == ([], [], 0)


@pytest.mark.parametrize("family", ["xlmr", "canine"], indirect=True)
def test_many_sentences_give_what_few_give(family: Encoder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("xl_encoders.reading.word_tokens._AT_ONCE", 2)
    many = encode_many(family.tokenizer, [*SENTENCES, []], 6)
    few = encode_words(family.tokenizer, [*SENTENCES, []], 6)
    assert (many.rows[:], many.word_ids[:], many.n_cut) == few
    assert many.rows[-2] == few.rows[-2]
    assert many.rows.lengths.tolist() == [len(row) for row in few.rows]
    with pytest.raises(IndexError):
        many.rows[len(SENTENCES) + 1]


@given(text=st.text(max_size=40))
def test_words_cover_letters_digits_and_marks_once_and_in_order(text: str) -> None:
    spans = split_words(text)
    assert has_words(text) == bool(spans)
    behind = 0
    for start, end in spans:
        assert behind <= start < end
        assert regex.search(r"[\p{L}\p{N}\p{M}]", text[start:end])
        behind = end
    inside = {i for start, end in spans for i in range(start, end)}
    for i, char in enumerate(text):
        if char.isspace():
            assert i not in inside
        elif unicodedata.category(char)[0] in "LNM":
            assert i in inside


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("the white house.", ["the", "white", "house"]),
        ("l'eau d’été, 'quoted' dogs'", ["l'eau", "d’été", "quoted", "dogs"]),
        ("e\u0301te\u0301 o\u0308l", ["e\u0301te\u0301", "o\u0308l"]),
        ("नमस्ते दुनिया।", ["नमस्ते", "दुनिया"]),
        ("می\u200cخواهم ۱۲۳", ["می\u200cخواهم", "۱۲۳"]),
        ("السَّلَامُ عليكم", ["السَّلَامُ", "عليكم"]),
        ("צה״ל", ["צה״ל"]),
        ("東京タワーは高い。", ["東", "京", "タワーは", "高", "い"]),
        ("สวัสดีครับ ทุกคน", ["สวัสดีครับ", "ทุกคน"]),
        ("서울 시", ["서울", "시"]),
        ("a_b-3.14", ["a", "b", "3", "14"]),
        ("བོད་སྐད་༌ཡིག །", ["བོད", "སྐད", "ཡིག"]),
        ("ሰላም፡ለዓለም።", ["ሰላም", "ለዓለም"]),
        (" \t\n\u3000\u200b ! 😀", []),
    ],
)
def test_words_of_many_scripts(text: str, words: list[str]) -> None:
    assert [text[start:end] for start, end in split_words(text)] == words


def slow_word(encoder: Encoder, text: str, start: int, end: int, layer: int, how: str) -> np.ndarray | None:
    """One word: every token that covers one of its characters, from the library's own offsets and states."""
    encoded = encoder.tokenizer(text, return_offsets_mapping=True)
    markers = bare_markers(encoder.tokenizer)
    tokens = [
        i
        for i, (a, b) in enumerate(encoded["offset_mapping"])
        if encoded["input_ids"][i] not in markers and any(a <= char < b for char in range(start, end))
    ]
    with torch.no_grad():
        states = encoder.model(input_ids=torch.tensor([encoded["input_ids"]]), output_hidden_states=True)
    chosen = {"first": tokens[:1], "last": tokens[-1:], "mean": tokens}[how]
    return np.mean([states.hidden_states[layer][0][i].numpy() for i in chosen], axis=0) if chosen else None


@pytest.mark.parametrize("family", thinned(["xlmr", "bert", "roberta", "modernbert"], 4), indirect=True)
@pytest.mark.parametrize("how", ["first", "last", "mean"])
def test_word_vectors_equal_a_slow_reading(family: Encoder, how: str) -> None:
    texts = ["the cat, the white house", "beyaz ev!", "", "το λευκό  σπίτι", "the caﬁé cat"]
    found = family.word_vectors(texts, layer=2, how=how)
    for text, words in zip(texts, found, strict=True):
        assert words.offsets.tolist() == [list(span) for span in split_words(text)]
        assert words.vectors.shape == (len(words.offsets), family.width)
        for vector, (start, end) in zip(words.vectors, words.offsets.tolist(), strict=True):
            expected = slow_word(family, text, start, end, 2, how)
            assert np.abs(vector - (0 if expected is None else expected)).max() < 1e-5  # float32


@pytest.mark.parametrize("family", ["xlmr", "canine"], indirect=True)
def test_all_tokens_of_words_stand_in_turn(family: Encoder) -> None:
    """Their mean, their first and their last are the vectors that are asked for by these names."""
    texts = ["the cat, the white house", "", "το λευκό  σπίτι", "cat"]
    found = {how: family.word_vectors(texts, layer=1, how=how) for how in ("all", "mean", "first", "last")}
    for number, every in enumerate(found["all"]):
        assert every.vectors.shape == (every.n_tokens.sum(), family.width)
        parts = np.split(every.vectors, np.cumsum(every.n_tokens)[:-1]) if len(every.n_tokens) else []
        for place, tokens in enumerate(parts):
            for how, expected in (("mean", tokens.mean(axis=0)), ("first", tokens[0]), ("last", tokens[-1])):
                assert np.abs(found[how][number].vectors[place] - expected).max() < 1e-5  # float32


def letters(normalizer: normalizers.Normalizer, alphabet: str) -> PreTrainedTokenizerFast:
    """One token a character, after a normaliser that changes lengths."""
    tokens = ["<s>", "<pad>", "</s>", "<unk>", "<mask>", *sorted(set(alphabet) - {" "})]
    tokenizer = Tokenizer(models.BPE({token: i for i, token in enumerate(tokens)}, [], unk_token="<unk>"))
    tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<s>", cls_token="<s>", eos_token="</s>", sep_token="</s>",
        pad_token="<pad>", unk_token="<unk>", mask_token="<mask>",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "n_tokens"),
    [
        ("ﬁne ﬀ cat", [4, 2, 3]),  # ligatures grow
        ("e\u0301te\u0301 cat", [3, 3]),  # an accent and its letter become one
        ("ｃａｔ ﷺ x", [3, 15, 1]),  # one character becomes four words of 15 letters
        ("ﻻ سلام", [2, 4]),  # Arabic presentation forms
        ("กำ ไทย", [3, 3]),  # sara am becomes two characters
        ("ﷲ 中国x", [4, 1, 1, 1]),  # a word of one character; Han one by one
        ("한 한", [1, 1]),  # jamo compose
    ],
)
def test_offsets_are_those_of_the_text_as_it_was_written(xlmr: Encoder, text: str, n_tokens: list[int]) -> None:
    tokenizer = letters(normalizers.NFKC(), unicodedata.normalize("NFKC", text))
    encoder = Encoder(xlmr.model, tokenizer, name="letters", max_len=24)
    (words,) = encoder.word_vectors([text], how="mean")
    assert words.n_tokens.tolist() == n_tokens
    for (start, end), n in zip(words.offsets.tolist(), words.n_tokens, strict=True):
        normal = unicodedata.normalize("NFKC", text[start:end]).replace(" ", "")
        assert n == len(normal)  # one token a normalised character
        assert "<unk>" not in tokenizer.tokenize(text[start:end])


def test_a_token_of_two_words_is_shared(xlmr: Encoder) -> None:
    tokens = ["<s>", "<pad>", "</s>", "<unk>", "<mask>", "中国", "人", "a"]
    tokenizer = letters(normalizers.NFC(), "")
    model = models.WordPiece(
        {token: i for i, token in enumerate([*tokens, "##人"])}, unk_token="<unk>", continuing_subword_prefix="##"
    )
    tokenizer.backend_tokenizer.model = model
    encoder = Encoder(xlmr.model, tokenizer, name="straddling", max_len=24)
    (words,) = encoder.word_vectors(["中国人 a"], layer=0)
    assert words.shared.tolist() == [True, True, False, False]
    assert np.array_equal(words.vectors[0], words.vectors[1])
    assert not np.array_equal(words.vectors[1], words.vectors[2])
    (given,) = encoder.word_vectors(["中国人 a"], layer=0, words=[[(0, 3), (4, 5)]])
    assert given.n_tokens.tolist() == [2, 1]
    assert not given.shared.any()


def test_no_word_of_a_long_text_is_lost(xlmr: Encoder) -> None:
    """Each window begins between words, so that its words read as in a text of their own."""
    text = " ".join(["λευκό"] * 120)
    (words,) = xlmr.word_vectors([text], layer=1, how="mean")
    assert len(words.vectors) == 120
    assert words.n_tokens.min() > 0
    assert (np.abs(words.vectors).sum(axis=1) > 0).all()
    ids = [len(encode_content(xlmr.tokenizer, [word], 99)[0][0]) for word in text.split()]
    n_first = max(n for n in range(1, 120) if sum(ids[:n]) <= xlmr.max_len - 2)
    (alone,) = xlmr.word_vectors([" ".join(text.split()[:n_first])], layer=1, how="mean")
    assert sum(ids[:n_first]) < xlmr.max_len - 2  # a cut at the limit would fall inside a word
    assert np.abs(words.vectors[:n_first] - alone.vectors).max() < 1e-5
    (rest,) = xlmr.word_vectors([" ".join(text.split()[n_first:])], layer=1, how="mean")
    assert np.abs(words.vectors[n_first:] - rest.vectors).max() < 1e-5
    (huge,) = xlmr.word_vectors(["thecat" * 30], how="last")
    assert huge.n_tokens[0] > xlmr.max_len
    assert np.abs(huge.vectors).sum() > 0


@pytest.mark.parametrize("family", ["canine", "xlm"], indirect=True)
def test_words_of_tokenizers_without_offsets(family: Encoder) -> None:
    text = "the cat,  ο γάτος"
    (words,) = family.word_vectors([text], layer=-1, how="mean")
    pieces = [text[start:end] for start, end in split_words(text)]
    assert words.n_tokens.tolist() == [len(encode_content(family.tokenizer, [piece], 99)[0][0]) for piece in pieces]
    if isinstance(family.tokenizer, CanineTokenizer):  # a state a character: the word is its own characters' mean
        batch = family.batch([text])
        with torch.no_grad():
            states = family(batch.ids, batch.real)[-1][0].numpy()
        expected = [states[1 + start : 1 + end].mean(axis=0) for start, end in split_words(text)]
        assert np.abs(words.vectors - np.stack(expected)).max() < 1e-5
    with pytest.raises(EncoderError, match=r"word \(2, 5\) of text 0 overlaps"):
        family.word_vectors([text], words=[[(0, 3), (2, 5)]])


@settings(max_examples=20, deadline=None)
@given(text=st.text(alphabet="abt he'cά 中ﬁ,\u0301", max_size=60))
def test_any_text_gives_a_finite_vector_for_each_word(text: str) -> None:
    from xl_encoders import ModelConfig, new_encoder

    encoder = new_encoder(TEXTS, ModelConfig(size="pico", pieces=90, max_len=16), seed=1)
    (words,) = encoder.word_vectors([text])
    assert len(words.vectors) == len(split_words(text)) == len(words.shared)
    assert np.isfinite(words.vectors).all()


def test_what_cannot_be_a_word_is_said(xlmr: Encoder) -> None:
    for span in [(0, 9), (2, 2), (-1, 2)]:
        with pytest.raises(EncoderError, match="of text 1 does not lie in its 3 characters"):
            xlmr.word_vectors(["a", "abc"], words=[[], [span]])
    with pytest.raises(EncoderError, match="1 lists of words for 2 texts"):
        xlmr.word_vectors(["a", "b"], words=[[]])
    with pytest.raises(EncoderError, match="how is 'max'; choose one of last, first, mean"):
        xlmr.word_vectors(["a"], how="max")
    assert xlmr.word_vectors([]) == []
