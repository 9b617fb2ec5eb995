"""A new small encoder: a tokenizer trained on the user's texts and an XLM-R shaped model with random weights."""

from collections.abc import Iterable

import torch
from transformers import PreTrainedTokenizerFast, XLMRobertaConfig, XLMRobertaForMaskedLM

from xl_encoders.config import SIZES, ModelConfig
from xl_encoders.errors import EncoderError
from xl_encoders.model.encoder import Encoder
from xl_encoders.model.new_shape import POSITION_OFFSET
from xl_encoders.model.new_tokenizer import SPECIALS, train_pieces


def train_tokenizer(texts: Iterable[str], *, n_pieces: int, lower_case: bool = False) -> PreTrainedTokenizerFast:
    """The tokenizer of a new model, learnt from `texts`, as transformers reads it; arguments as of `train_pieces`."""
    return PreTrainedTokenizerFast(
        tokenizer_object=train_pieces(texts, n_pieces=n_pieces, lower_case=lower_case),
        cls_token=SPECIALS["bos_token"],
        sep_token=SPECIALS["eos_token"],
        **SPECIALS,
    )


def model_config(config: ModelConfig, vocabulary_size: int, pad_id: int = 1) -> XLMRobertaConfig:
    """XLM-R's architecture in the size that `config` names."""
    n_layers, width, n_heads, feedforward_width = SIZES[config.size]
    return XLMRobertaConfig(
        vocab_size=vocabulary_size,
        hidden_size=width,
        num_hidden_layers=n_layers,
        num_attention_heads=n_heads,
        intermediate_size=feedforward_width,
        hidden_dropout_prob=config.dropout,
        attention_probs_dropout_prob=config.dropout,
        max_position_embeddings=config.max_len + POSITION_OFFSET,
        type_vocab_size=1,
        layer_norm_eps=1e-5,
        pad_token_id=pad_id,
        bos_token_id=0,
        eos_token_id=2,
    )


def new_encoder(texts: Iterable[str], config: ModelConfig, *, seed: int) -> Encoder:
    """Train a tokenizer on `texts` and build an encoder of `config`'s size with random weights.

    seed: the same seed and texts give the same weights; torch's global generator is left as it was.
    Raises EncoderError where `texts` holds nothing to learn a vocabulary from.
    """
    texts = list(texts)
    if not any(text.strip() for text in texts):
        message = "no characters to train a tokenizer on: the training texts are empty."
        raise EncoderError(message)
    tokenizer = train_tokenizer(texts, n_pieces=config.pieces, lower_case=config.lower_case)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = XLMRobertaForMaskedLM(model_config(config, len(tokenizer), tokenizer.pad_token_id))
    return Encoder(model, tokenizer, name=config.name or "new", max_len=config.max_len)
