"""A new small encoder: a tokenizer trained on the user's texts and an XLM-R shaped model with random weights."""

from collections import Counter
from collections.abc import Iterable

import torch
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast, XLMRobertaConfig, XLMRobertaForMaskedLM

from xl_encoders.config import SIZES, ModelConfig
from xl_encoders.encoder import Encoder
from xl_encoders.errors import EncoderError

# XLM-R's order: the padding id is 1, and positions are counted from behind it.
_SPECIALS = {
    "bos_token": "<s>",
    "pad_token": "<pad>",
    "eos_token": "</s>",
    "unk_token": "<unk>",
    "mask_token": "<mask>",
}
_POSITION_OFFSET = 2
_WORD_MARKER = "▁"


def train_tokenizer(texts: Iterable[str], *, n_pieces: int, lower_case: bool = False) -> PreTrainedTokenizerFast:
    """Byte-pair encoding learnt from `texts`: NFKC, a marker ▁ before each word, XLM-R's specials.

    n_pieces: size of the vocabulary, specials included; rare characters become `<unk>` where it is too small for all.
    lower_case: whether the normaliser lower-cases.
    """
    tokenizer = Tokenizer(models.BPE(unk_token=_SPECIALS["unk_token"]))
    steps = [normalizers.NFKC(), *([normalizers.Lowercase()] if lower_case else [])]
    tokenizer.normalizer = normalizers.Sequence(steps)
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    specials = list(_SPECIALS.values())
    texts = list(texts)
    alphabet = _alphabet(map(tokenizer.normalizer.normalize_str, texts), max(1, (n_pieces - len(specials)) * 4 // 5))
    trainer = trainers.BpeTrainer(
        vocab_size=n_pieces,
        special_tokens=specials,
        # The trainer itself cuts equally rare characters in the order of a hash, another one in each process.
        initial_alphabet=alphabet,
        limit_alphabet=len(alphabet),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    ids = [(token, tokenizer.token_to_id(token)) for token in ("<s>", "</s>")]
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=ids
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, cls_token=_SPECIALS["bos_token"], sep_token=_SPECIALS["eos_token"], **_SPECIALS
    )


def _alphabet(texts: Iterable[str], limit: int) -> list[str]:
    """The `limit` most frequent characters, equally frequent ones by code point, and the word marker.

    Room for merges is worth more than the rarest characters.
    """
    counts = Counter(char for text in texts for char in text if char != " ")
    return [_WORD_MARKER, *sorted(counts, key=lambda char: (-counts[char], char))[: limit - 1]]


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
        max_position_embeddings=config.max_len + _POSITION_OFFSET,
        type_vocab_size=1,
        layer_norm_eps=1e-5,
        pad_token_id=pad_id,
        bos_token_id=0,
        eos_token_id=2,
    )


def count_parameters(config: ModelConfig, vocabulary_size: int) -> int:
    """Number of weights of a new model, tied ones counted once; no memory is taken for them."""
    with torch.device("meta"):
        model = XLMRobertaForMaskedLM(model_config(config, vocabulary_size))
        model.tie_weights()  # the first releases of transformers 5 do not tie on the meta device by themselves
    return sum(parameter.numel() for parameter in model.parameters())


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
