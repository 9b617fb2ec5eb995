"""Pieces for a new script in WordPiece: old texts are cut as before, new ones as a slow longest match cuts them."""

import math
from collections import Counter
from collections.abc import Mapping
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.encoders.vocabulary.unigram import LATIN, SYLLABLES, tibetan
from tests.token_embeddings import token_embeddings
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
from transformers import BertConfig, BertForMaskedLM, PreTrainedTokenizerFast

from xl_encoders import (
    Encoder,
    EncoderError,
    add_pieces,
    learn_pieces,
    load_encoder,
    piece_sources,
    prune_pieces,
    unwritable,
)

TEXTS = tibetan(120)
NAMES = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


def wordpiece_encoder() -> Encoder:
    """An mBERT shape (cased) whose pieces are learnt from Latin text."""
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=False)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    trainer = trainers.WordPieceTrainer(vocab_size=120, special_tokens=NAMES, show_progress=False)
    tokenizer.train_from_iterator(LATIN, trainer)
    return bert_encoder(tokenizer)


def bert_encoder(tokenizer: Tokenizer) -> Encoder:
    """A small BERT around a tokenizer whose model alone is made."""
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=False)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    roles = dict(zip(("pad_token", "unk_token", "cls_token", "sep_token", "mask_token"), NAMES, strict=True))
    whole = PreTrainedTokenizerFast(tokenizer_object=tokenizer, **roles)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        config = BertConfig(
            vocab_size=len(whole), hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=16,
            max_position_embeddings=64,
        )  # fmt: skip
        model = BertForMaskedLM(config).eval()
    return Encoder(model, whole, name="latin", max_len=64)


def ids_of(encoder: Encoder, texts: list[str]) -> list[list[int]]:
    return encoder.tokenizer(texts, add_special_tokens=False)["input_ids"]


def longest_match(word: str, pieces: Mapping[str, int]) -> list[str]:
    """The pieces of one word, always the longest that fits; [UNK] for a word in which one place has none."""
    found, start = [], 0
    while start < len(word):
        fitting = (("##" if start else "") + word[start:stop] for stop in range(len(word), start, -1))
        piece = next((piece for piece in fitting if piece in pieces), None)
        if piece is None:
            return ["[UNK]"]
        found.append(piece)
        start += len(piece) - (2 if start else 0)
    return found


@settings(deadline=None, max_examples=20)
@given(st.lists(st.text(alphabet=sorted({*"".join(LATIN), "#", "[", "ལ"}), max_size=30), max_size=5))
def test_old_text_is_cut_into_the_same_ids(texts: list[str]) -> None:
    encoder = wordpiece_encoder()
    before = ids_of(encoder, [*LATIN, *texts])
    add_pieces(encoder, [(piece, -1.0) for piece in ("ལ", "##ལ", "ལa", "##ལthe")], [None] * 4)
    after = ids_of(encoder, [*LATIN, *texts])
    for text, one, two in zip([*LATIN, *texts], before, after, strict=True):
        assert one == two or "ལ" in text
    assert encoder.tokenizer.tokenize("ལaལ aལthe") == ["ལa", "##ལ", "a", "##ལthe"]


def test_pieces_are_learnt_at_the_start_of_words_and_within() -> None:
    encoder = wordpiece_encoder()
    new = unwritable(encoder, TEXTS)
    assert set(new) == {*"".join(SYLLABLES), "་"}
    found = learn_pieces(encoder, [*TEXTS, *LATIN], budget=70)
    assert learn_pieces(wordpiece_encoder(), [*LATIN, *TEXTS[::-1]], budget=70).pieces == found.pieces
    names = [piece for piece, _ in found.pieces]
    single = {name for name in names if len(name.removeprefix("##")) == 1}
    assert single == {*new, *(f"##{char}" for char in new if char != "་")}  # the tsheg is a word of its own
    assert found.n_characters == len(single) < len(names) <= 70
    old = ids_of(encoder, LATIN)
    add_pieces(encoder, found.pieces, [None] * len(names))
    assert ids_of(encoder, LATIN) == old
    vocabulary = encoder.tokenizer.get_vocab()
    for text in tibetan(30, seed=9):
        wanted = [piece for word in text.replace("་", " ་ ").split() for piece in longest_match(word, vocabulary)]
        assert encoder.tokenizer.tokenize(text) == wanted
        assert "[UNK]" not in wanted


def test_the_loss_of_characters_alone_in_closed_form() -> None:
    found = learn_pieces(wordpiece_encoder(), TEXTS, budget=70)
    from xl_encoders.vocabulary import new_script

    order = sorted(set(TEXTS), key=new_script._hash)
    back, rest = order[::10], [text for number, text in enumerate(order) if number % 10]

    def count(texts: list[str]) -> Counter[str]:
        words = [word for text in texts for word in text.replace("་", " ་ ").split()]
        return Counter(("##" if place else "") + char for word in words for place, char in enumerate(word))

    counts, seen = count(rest), count(back)
    total = sum(counts.values()) + found.n_characters + 1
    wanted = -sum(n * math.log((counts[piece] + 1) / total) for piece, n in seen.items()) / sum(map(len, back))
    assert found.losses[found.n_characters] == pytest.approx(wanted, rel=1e-9)


def test_rows_and_a_folder_that_opens_again(tmp_path: Path) -> None:
    encoder = wordpiece_encoder()
    n_old = len(encoder.tokenizer)
    rows = token_embeddings(encoder.model).clone()
    pieces = [("ལ", -1.0), ("##ལ", -1.0), ("##རི", -1.0)]
    starts = piece_sources(
        encoder, pieces, "romanised", romanise=lambda texts: [{"ལ": "se", "རི": "??"}[t] for t in texts]
    )
    (read,) = ids_of(encoder, ["se"])
    assert starts[2] is None
    add_pieces(encoder, pieces, starts)
    after = token_embeddings(encoder.model)
    assert torch.equal(after[:n_old], rows)
    for place in (n_old, n_old + 1):  # the mark is no part of what is romanised
        torch.testing.assert_close(after[place], rows[read].mean(0))
    torch.testing.assert_close(after[n_old + 2], rows[len(NAMES) :].mean(0))
    encoder.save(tmp_path)
    again = load_encoder(str(tmp_path), with_head=True)
    texts = ["ལལ the cat", *LATIN]
    assert ids_of(again, texts) == ids_of(encoder, texts)
    np.testing.assert_array_equal(again.embed(texts), encoder.embed(texts))


ALPHABET = "abc"
PARTS = [mark + "".join(part) for n in (1, 2, 3) for part in product(ALPHABET, repeat=n) for mark in ("", "##")]


@settings(deadline=None, max_examples=60)
@given(
    st.sets(st.sampled_from(PARTS), min_size=1, max_size=25),
    st.lists(st.text(alphabet="abc ", max_size=12), max_size=4),
)
@example({"ab", "a", "##bc"}, ["abc a"])  # without "ab", which no text is cut into, "abc" would be read
def test_pruning_cuts_the_texts_as_before(pieces: set[str], texts: list[str]) -> None:
    vocabulary = {piece: index for index, piece in enumerate([*NAMES, *sorted(pieces)])}
    encoder = bert_encoder(Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]")))
    before = [encoder.tokenizer.tokenize(text) for text in texts]
    rows = token_embeddings(encoder.model).clone()
    pruned = prune_pieces(encoder, texts)
    assert [pruned.tokenizer.tokenize(text) for text in texts] == before
    after = pruned.tokenizer.get_vocab()
    assert after.keys() <= vocabulary.keys()
    if not any(texts):
        assert len(after) == len(NAMES)
    for piece, index in after.items():
        assert torch.equal(token_embeddings(pruned.model)[index], rows[vocabulary[piece]])


def test_a_pruned_folder_opens_again(tmp_path: Path) -> None:
    encoder = wordpiece_encoder()
    vectors = encoder.embed(LATIN[:2])
    pruned = prune_pieces(encoder, LATIN[:2])
    pruned.save(tmp_path)
    again = load_encoder(str(tmp_path), with_head=True)
    np.testing.assert_array_equal(again.embed(LATIN[:2]), vectors)
    assert len(again.tokenizer) < len(wordpiece_encoder().tokenizer)
    assert again.tokenizer.mask_token_id == again.tokenizer.convert_tokens_to_ids("[MASK]")


def test_what_cannot_be_done_is_said() -> None:
    encoder = wordpiece_encoder()
    new = len(unwritable(encoder, TEXTS))
    words = (
        rf"vocabulary\.budget is {new}, but the texts have {new} characters .* which need {2 * new - 1}, at the start"
    )
    with pytest.raises(EncoderError, match=words):
        learn_pieces(encoder, TEXTS, budget=new)
    assert len(learn_pieces(encoder, TEXTS, budget=2 * new - 1).pieces) == 2 * new - 1
    for piece in ("##the", "the", "##"):
        with pytest.raises(EncoderError, match="as a new one it would change how texts are cut"):
            add_pieces(encoder, [(piece, -1.0)], [None])
