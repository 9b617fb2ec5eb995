"""Tiny encoders built from a config: no network, a fraction of a second."""

import pytest
import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import BertConfig, BertForMaskedLM, PreTrainedTokenizerFast

from xl_encoders import Encoder, ModelConfig, new_encoder

TEXTS = [
    "the white house", "a white cat", "the cat sat on the mat", "ο άσπρος γάτος", "το λευκό σπίτι", "beyaz ev",
    "kedi paspasta oturdu", "הבית הלבן", "o aspros gatos", "hbyt hlbn", "white",
    "a longer line with several words in it",
]  # fmt: skip


@pytest.fixture
def xlmr() -> Encoder:
    """An XLM-R shape with its own byte-pair tokenizer and dropout."""
    config = ModelConfig(size="tiny", pieces=120, max_len=24, dropout=0.1)
    return new_encoder(TEXTS, config, seed=3)


@pytest.fixture
def bert() -> Encoder:
    """An mBERT shape with a WordPiece tokenizer: other specials, other head, token types."""
    words = [
        "[PAD]",
        "[UNK]",
        "[CLS]",
        "[SEP]",
        "[MASK]",
        *"abcdefghijklmnopqrstuvwxyz",
        *(f"##{c}" for c in "abcdefghijklmnopqrstuvwxyz"),
    ]
    tokenizer = Tokenizer(models.WordPiece({word: i for i, word in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]",
        mask_token="[MASK]",
    )  # fmt: skip
    with torch.random.fork_rng():
        torch.manual_seed(1)
        model = BertForMaskedLM(
            BertConfig(
                vocab_size=len(words), hidden_size=16, num_hidden_layers=3, num_attention_heads=2,
                intermediate_size=24, max_position_embeddings=40,
            )
        )  # fmt: skip
    return Encoder(model.eval(), fast, name="bert", max_len=32)
