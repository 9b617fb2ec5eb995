"""Tokenizers and tiny token classifiers of each family, for the tests of tagging: built once a process, no network."""

from functools import cache
from typing import Any

import torch
import transformers
from tests.tasks import answering_tokenizers
from tokenizers import Tokenizer, models, pre_tokenizers, processors

from xl_encoders import train_tokenizer

TEXTS = (
    "the white house", "a white cat", "the cat sat on the mat", "ο άσπρος γάτος", "beyaz ev", "kedi paspasta oturdu",
    "הבית הלבן", "a longer line with several words in it",
)  # fmt: skip
FAMILIES = ("xlmr", "bert", "roberta", "canine", "xphonebert", "pieces")
SEPARATORS = {"xphonebert": "▁"}


@cache
def tokenizer(family):
    """The family's kind of tokenizer; "pieces" is a slow one that knows nothing of words and has an unknown token."""
    if family == "xlmr":
        return train_tokenizer(TEXTS, n_pieces=120)
    if family == "xphonebert":
        return _phonemes()
    return getattr(answering_tokenizers, {"pieces": "words"}.get(family, family))()


@cache
def model(family, n_labels):
    """A token classifier with seeded weights, in evaluation mode."""
    shape: dict[str, Any] = {
        "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 24,
        "num_labels": n_labels, "max_position_embeddings": 512,
    }  # fmt: skip
    t = transformers
    with torch.random.fork_rng():
        torch.manual_seed(4)
        if family == "canine":
            config = t.CanineConfig(**shape, num_hash_functions=2, num_hash_buckets=512, local_transformer_stride=16)
            return t.CanineForTokenClassification(config).eval()
        size = max(len(tokenizer(family)), tokenizer(family).vocab_size)
        if family == "bert":
            return t.BertForTokenClassification(t.BertConfig(vocab_size=size, **shape)).eval()
        config = t.XLMRobertaConfig(vocab_size=size, pad_token_id=1, bos_token_id=0, eos_token_id=2, **shape)
        return t.XLMRobertaForTokenClassification(config).eval()


def _phonemes():
    symbols = ["<s>", "<pad>", "</s>", "<unk>", "<mask>", *"abcdefghijklmnopqrstuvwxyz", "▁"]
    wordy = Tokenizer(models.WordLevel({symbol: i for i, symbol in enumerate(symbols)}, unk_token="<unk>"))
    wordy.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    wordy.post_processor = processors.TemplateProcessing(single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)])
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=wordy, bos_token="<s>", cls_token="<s>", pad_token="<pad>", eos_token="</s>",
        sep_token="</s>", unk_token="<unk>", mask_token="<mask>", model_input_names=["input_ids", "attention_mask"],
    )  # fmt: skip
