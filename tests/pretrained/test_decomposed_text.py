"""Decomposed letters, as macOS writes them, are the same text: SentencePiece keeps to this, `tokenizers` does not."""

import unicodedata
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from transformers import AutoTokenizer

from tests.pretrained.sentences import SENTENCES
from xl_encoders import Encoder, export_transformers

# Two marks on a letter (the second was lost), kana with marks, Hangul syllables, polytonic Greek, two-part vowels.
WORDS = ["tiếng Việt", "ọ̀rẹ́", "がんばれ ガンバレ", "안녕하세요 세계", "ἀνήρ ᾠδή", "போது", "Türkçe où ćma"]


@pytest.mark.parametrize("text", [*WORDS, *(texts[4] for texts in SENTENCES.values())])
def test_equivalent_texts_have_the_same_tokens(pretrained: Encoder, text: str) -> None:
    composed, decomposed = (unicodedata.normalize(form, text) for form in ("NFC", "NFD"))
    assert pretrained.tokenizer(decomposed)["input_ids"] == pretrained.tokenizer(composed)["input_ids"]


def test_composed_text_has_the_tokens_that_transformers_gives(pretrained: Encoder, pretrained_folder: Path) -> None:
    texts = [unicodedata.normalize("NFC", text) for text in (*WORDS, *sum(SENTENCES.values(), ()))]
    plain: Any = AutoTokenizer.from_pretrained(pretrained_folder)
    assert pretrained.tokenizer(texts)["input_ids"] == plain(texts)["input_ids"]


def test_equivalent_texts_have_the_same_vectors(pretrained: Encoder) -> None:
    texts = [text for texts in SENTENCES.values() for text in texts[:2]]
    composed, decomposed = ([unicodedata.normalize(form, text) for text in texts] for form in ("NFC", "NFD"))
    np.testing.assert_array_equal(pretrained.embed(decomposed), pretrained.embed(composed))


def test_an_exported_folder_reads_as_the_encoder_does(pretrained: Encoder, tmp_path: Path) -> None:
    export_transformers(pretrained, tmp_path / "out", layer=1)
    exported: Any = AutoTokenizer.from_pretrained(tmp_path / "out")
    texts = [unicodedata.normalize("NFD", word) for word in WORDS]
    assert exported(texts)["input_ids"] == pretrained.tokenizer(texts)["input_ids"]
