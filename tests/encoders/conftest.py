"""Tiny encoders built from a config: no network, a fraction of a second."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import BertConfig, BertForMaskedLM, PreTrainedModel, PreTrainedTokenizerBase, PreTrainedTokenizerFast

from xl_encoders import Encoder, ModelConfig, load_encoder, new_encoder, train_tokenizer

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
    fast = _word_pieces()
    with torch.random.fork_rng():
        torch.manual_seed(1)
        model = BertForMaskedLM(
            BertConfig(
                vocab_size=len(fast), hidden_size=16, num_hidden_layers=3, num_attention_heads=2,
                intermediate_size=24, max_position_embeddings=40,
            )
        )  # fmt: skip
    return Encoder(model.eval(), fast, name="bert", max_len=32)


FAMILIES = ("xlmr", "bert", "roberta", "canine", "xphonebert", "xlm", "distilbert", "modernbert")
MASKED_LM = tuple(family for family in FAMILIES if family != "canine")

_PHONEMES = [*"abcdefghijklmnopqrstuvwxyz", "▁"]
_SHAPE: dict[str, Any] = {"hidden_size": 16, "num_hidden_layers": 3, "num_attention_heads": 2, "intermediate_size": 24}
_WINDOWS: dict[str, Any] = {"local_attention": 8, "global_attn_every_n_layers": 2}
_ROBERTA_IDS: dict[str, Any] = {"pad_token_id": 1, "bos_token_id": 0, "eos_token_id": 2}


@pytest.fixture(scope="session")
def family_folder(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The `save_pretrained` folder of a tiny model of a family, with that family's own kind of tokenizer."""
    root = tmp_path_factory.mktemp("families")

    def folder(family: str) -> Path:
        if family == "xlm":
            pytest.importorskip("sacremoses", reason="XLM's tokenizer needs sacremoses")
        if not (root / family).is_dir():
            with torch.random.fork_rng():
                torch.manual_seed(5)
                tokenizer, model = _family(family, root)
            with torch.no_grad():
                for name, parameter in model.named_parameters():  # biases are born as zeros, and so would hide
                    if name.endswith("bias"):
                        parameter.normal_(std=0.02, generator=torch.Generator().manual_seed(len(name)))
            model.eval().save_pretrained(root / family)
            tokenizer.save_pretrained(root / family)
        return root / family

    return folder


@pytest.fixture(scope="session")
def loaded() -> dict[str, Encoder]:
    """Encoders of families that were opened already: CANINE's tokenizer alone takes seconds."""
    return {}


@pytest.fixture
def family(request: pytest.FixtureRequest, family_folder: Callable[[str], Path], loaded: dict[str, Encoder]) -> Encoder:
    """The encoder of the family that a test is parametrised with (indirectly); to be left as it is."""
    if request.param not in loaded:
        loaded[request.param] = load_encoder(str(family_folder(request.param)))
    return loaded[request.param]


def in_units(family: str, text: str) -> str:
    """`text` as the family reads it: letters apart for the phoneme model, else as it is."""
    return " ▁ ".join(" ".join(word) for word in text.split()) if family == "xphonebert" else text


def _word_pieces() -> PreTrainedTokenizerFast:
    """A WordPiece tokenizer that knows the Latin letters, inside and at the start of words."""
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
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]",
        mask_token="[MASK]",
    )  # fmt: skip


def _family(family: str, root: Path) -> tuple[PreTrainedTokenizerBase, PreTrainedModel]:
    t = transformers
    if family == "xlmr":
        tokenizer = train_tokenizer(TEXTS, n_pieces=120)
        config = t.XLMRobertaConfig(
            vocab_size=len(tokenizer), max_position_embeddings=60, type_vocab_size=1, **_ROBERTA_IDS, **_SHAPE
        )
        return tokenizer, t.XLMRobertaForMaskedLM(config)
    if family in ("bert", "distilbert"):
        tokenizer = _word_pieces()
        if family == "bert":
            config = BertConfig(vocab_size=len(tokenizer), max_position_embeddings=58, **_SHAPE)
            return tokenizer, BertForMaskedLM(config)
        config = t.DistilBertConfig(
            vocab_size=len(tokenizer), max_position_embeddings=58, dim=16, n_layers=3, n_heads=2, hidden_dim=24
        )
        return tokenizer, t.DistilBertForMaskedLM(config)
    if family == "roberta":
        tokenizer = byte_level(["<s>", "<pad>", "</s>", "<unk>", "<mask>"])
        config = t.RobertaConfig(
            vocab_size=len(tokenizer), max_position_embeddings=60, type_vocab_size=1, **_ROBERTA_IDS, **_SHAPE
        )
        return tokenizer, t.RobertaForMaskedLM(config)
    if family == "modernbert":
        tokenizer = byte_level(["[CLS]", "[PAD]", "[SEP]", "[UNK]", "[MASK]"])
        config = t.ModernBertConfig(
            vocab_size=len(tokenizer), max_position_embeddings=58,
            pad_token_id=1, bos_token_id=0, cls_token_id=0, eos_token_id=2, sep_token_id=2, **_SHAPE, **_WINDOWS,
        )  # fmt: skip
        return tokenizer, t.ModernBertForMaskedLM(config)
    if family == "xphonebert":
        tokenizer = Tokenizer(
            models.WordLevel(
                {token: i for i, token in enumerate(["<s>", "<pad>", "</s>", "<unk>", *_PHONEMES, "<mask>"])},
                unk_token="<unk>",
            )
        )
        tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
        config = t.RobertaConfig(
            vocab_size=tokenizer.get_vocab_size(), max_position_embeddings=60, type_vocab_size=1, **_ROBERTA_IDS,
            **_SHAPE,
        )  # fmt: skip
        return _wrapped(tokenizer, ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]), t.RobertaForMaskedLM(config)
    if family == "canine":
        config = t.CanineConfig(
            **_SHAPE, max_position_embeddings=512, num_hash_functions=2, num_hash_buckets=512,
            local_transformer_stride=16,
        )  # fmt: skip
        return t.CanineTokenizer(), t.CanineModel(config)
    tokenizer = _xlm_tokenizer(root)
    config = t.XLMConfig(
        vocab_size=len(tokenizer), emb_dim=16, n_layers=3, n_heads=2, max_position_embeddings=58, n_langs=1
    )
    return tokenizer, t.XLMWithLMHeadModel(config)


def byte_level(specials: list[str]) -> PreTrainedTokenizerFast:
    """Byte-level BPE without a space before the first word, as RoBERTa and ModernBERT have it.

    specials: what opens, pads, closes, is unknown, and masks.
    """
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=330, initial_alphabet=alphabet, special_tokens=specials, show_progress=False
    )
    tokenizer.train_from_iterator(TEXTS * 2, trainer)
    return _wrapped(tokenizer, specials)


def _wrapped(tokenizer: Tokenizer, specials: list[str]) -> PreTrainedTokenizerFast:
    first, pad, last, unknown, mask = specials
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{first} $A {last}", special_tokens=[(token, tokenizer.token_to_id(token)) for token in (first, last)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token=first, cls_token=first, pad_token=pad, eos_token=last, sep_token=last,
        unk_token=unknown, mask_token=mask,
    )  # fmt: skip


def _xlm_tokenizer(root: Path) -> transformers.XLMTokenizer:
    letters = sorted({letter for text in TEXTS for letter in text.lower() if letter != " "})
    tokens = ["<s>", "</s>", "<pad>", "<unk>", *(f"<special{i}>" for i in range(10))]
    tokens += [*letters, *(f"{letter}</w>" for letter in letters), "the</w>", "he</w>"]
    files = root / "vocab.json", root / "merges.txt"
    files[0].write_text(json.dumps({token: i for i, token in enumerate(tokens)}), encoding="utf-8")
    files[1].write_text("h e</w> 5\nt he</w> 4\n", encoding="utf-8")
    return transformers.XLMTokenizer(*map(str, files))
