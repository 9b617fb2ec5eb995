"""Units by name, for models that read characters, phonemes or pieces of words."""

import logging
from types import SimpleNamespace

import pytest
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import CanineTokenizer, PreTrainedTokenizerFast

from xl_encoders import encode_words, train_tokenizer
from xl_tasks import TaskError, check_unit, default_unit, input_unit
from xl_tasks.units.choosing import unknown_share
from xl_tasks.units.phonemes import Phonemes
from xl_tasks.units.romanised import Romanised
from xl_tasks.units.unit import AsWritten
from xl_translit import phonemize, phonemize_words, romanize


def word_level(units: str) -> PreTrainedTokenizerFast:
    """A tokenizer of XPhoneBERT's shape: one token a unit, units parted by spaces."""
    vocabulary = ["<s>", "<pad>", "</s>", "<unk>", *units.split(), "<mask>"]
    tokenizer = Tokenizer(models.WordLevel({token: i for i, token in enumerate(vocabulary)}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<s>", cls_token="<s>", pad_token="<pad>", eos_token="</s>",
        sep_token="</s>", unk_token="<unk>", mask_token="<mask>",
    )  # fmt: skip


UNITS = "▁ . a b d e i j k l m n o p r s t u w y z ɡ ɛ ɔ f h v x ɑ ø ə ɯ ɾ ŋ ʒ ʃ"


@pytest.fixture(scope="module")
def encoders():
    tokenizers = {
        "character": CanineTokenizer(),
        "phonemes": word_level(UNITS),
        "subword": train_tokenizer(["the cat sat on the mat", "ο άσπρος γάτος"], n_pieces=60),
    }
    return {name: SimpleNamespace(tokenizer=tokenizer, name=name) for name, tokenizer in tokenizers.items()}


@pytest.mark.parametrize("name", ["character", "phonemes", "subword"])
def test_the_default_is_what_the_tokenizer_was_made_for(encoders, name):
    assert default_unit(encoders[name]) == name
    check_unit(name, encoders[name], ["tur"])


def test_names_in_other_spellings():
    assert isinstance(input_unit("Romanized"), Romanised)
    assert isinstance(input_unit("phoneme"), Phonemes)
    assert input_unit("character") == AsWritten(name="character")
    assert input_unit("subword").name == "subword"
    with pytest.raises(TaskError, match="did you mean 'phonemes'"):
        input_unit("phonems")


@pytest.mark.parametrize(
    ("name", "own"),
    [("character", "subword"), ("subword", "character"), ("subword", "phonemes"), ("romanised", "phonemes")],
)
def test_a_unit_that_the_model_does_not_read_is_refused(encoders, name, own):
    with pytest.raises(TaskError, match=f"input is {name}, but {own} reads .*; choose {own}"):
        check_unit(name, encoders[own])


def test_languages_without_phonemes_are_refused_by_name(encoders):
    with pytest.raises(TaskError, match=r"no phonemes for ell_Grek.*g2p_codes"):
        check_unit("phonemes", encoders["phonemes"], ["tur", "ell"])
    for call in (
        lambda: Phonemes().texts(["a"], "lzh"),
        lambda: Phonemes().words([["a"]], "lzh"),
        lambda: Phonemes().aligned("a", "lzh"),
        lambda: Romanised().texts(["a"], "nolanguage"),
        lambda: Romanised().aligned("a", "nolanguage"),
    ):
        with pytest.raises(TaskError, match="input: "):
            call()


def test_unknown_pieces_are_counted_and_told(encoders, caplog):
    tokenizer = encoders["phonemes"].tokenizer
    # 2 of 4 pieces: θ and ʔ.
    assert unknown_share(tokenizer, ["a θ", "ʔ b"]) == 0.5
    assert unknown_share(tokenizer, [""]) == 0
    with caplog.at_level(logging.WARNING):
        check_unit("phonemes", encoders["phonemes"], samples={"tur": ["kedi"]})
        assert not caplog.records
        check_unit("phonemes", encoders["subword"])
    assert "subword does not know" in caplog.text


@pytest.mark.parametrize(
    ("known", "ties"),
    [("t ʃ", "split"), ("t͡ʃ t͡s d͡ʒ", "keep"), ("ʧ ʦ ʤ", "ligature"), ("t d s ʃ ɕ z ʒ ʑ t͡s t͡ʃ t͡ɕ d͡z d͡ʒ d͡ʑ", "keep")],
)
def test_affricates_are_written_as_the_vocabulary_has_them(known, ties):
    assert input_unit("phonemes", word_level(known)) == Phonemes(ties=ties)


def test_texts_and_words_are_those_of_xl_translit():
    texts = ["Çay güzel, değil mi?", "", "23'te geldi."]
    assert Phonemes().texts(texts, "tur") == [phonemize(text, "tur", form="phonemes", ties="split") for text in texts]
    assert Romanised().texts(["Ελλάδα, 三万", ""], "ell") == [romanize("Ελλάδα, 三万", "ell"), ""]
    sentences = [["Çay", "güzel", "."], [], ["\u200b", "İyi"]]
    said = Phonemes().words(sentences, "tur")
    assert said == [[" ".join(units) for units in phonemize_words(words, "tur", ties="split")] for words in sentences]
    assert said[2][0] == "<unk>"  # no word is lost
    assert Romanised().words([["Ελλάδα", "。", "x"], []], "ell") == [["Ellada", ".", "x"], []]


def test_each_word_of_phonemes_has_its_tokens_and_one_boundary_between_two(encoders):
    unit = Phonemes()
    words = unit.words([["Çay", "güzel", "."]], "tur")
    tokens = encode_words(encoders["phonemes"].tokenizer, words, 100, separator=unit.separator)
    assert tokens.word_ids == [[0, 0, 0, 0, -1, 1, 1, 1, 1, 1, -1, 2]]
    whole = encoders["phonemes"].tokenizer(unit.texts(["Çay güzel ."], "tur"), add_special_tokens=False)
    assert tokens.rows == whole["input_ids"]
