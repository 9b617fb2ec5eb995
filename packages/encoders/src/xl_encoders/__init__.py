"""Hugging Face encoders behind one small interface: new or pretrained, pooled by layer, trained by one short loop.

>>> from xl_encoders import ModelConfig, new_encoder  # a pretrained one: load_encoder("xlm-roberta-base")
>>> encoder = new_encoder(["Αθήνα", "Athina", "Πάτρα", "Patra"], ModelConfig(size="pico", pieces=40), seed=1)
>>> encoder.embed(["Αθήνα", "Athina"], layer=1, pooling="mean-all").shape
(2, 128)
"""

from importlib import import_module
from importlib.metadata import version as _version
from typing import TYPE_CHECKING

from xl_encoders.config import POOLINGS, SIZES, FitConfig, ModelConfig, count_steps
from xl_encoders.errors import CheckpointError, EncoderError
from xl_encoders.registry import Registry, RegistryError, unknown_name

if TYPE_CHECKING:
    from xl_encoders.backward import backward_batch
    from xl_encoders.batches import LengthBatches, PairCorpus, encode_pairs
    from xl_encoders.bitext import Bitext
    from xl_encoders.bitext_part import BitextPart, align_bitext, frozen_copy
    from xl_encoders.checkpoint import Checkpoints, save_model
    from xl_encoders.encoder import Encoder
    from xl_encoders.export import cut_model, export_sentence_transformers, export_transformers
    from xl_encoders.fit_loop import FitEnd, StepRecord, fit, learning_rate
    from xl_encoders.load import load_encoder
    from xl_encoders.model_files import ModelFiles, read_model_files
    from xl_encoders.new import model_config, new_encoder, train_tokenizer
    from xl_encoders.new_shape import count_parameters
    from xl_encoders.new_tokenizer import train_pieces
    from xl_encoders.packing import TokenStates, read_rows, supports_packing
    from xl_encoders.parts import Chunk, Encoded, PairBatch, Part, Share, Term
    from xl_encoders.pooling import mean_pool
    from xl_encoders.prefetch import Prefetch
    from xl_encoders.selection import Scored, Selection
    from xl_encoders.sentence_breaking import SentenceBreaker, sentence_breaker
    from xl_encoders.sentence_filter import SentenceCounts, corpus_lines, corpus_sentences
    from xl_encoders.sentence_form import SentenceForm, read_sentence_form
    from xl_encoders.static_teacher import StaticTeacher
    from xl_encoders.static_words import WordVectors
    from xl_encoders.streams import TextBatch, TextStream
    from xl_encoders.text_batches import CorpusBatches, PairBatches, StreamBatches, encode_blocks, encode_texts
    from xl_encoders.text_part import TextPart
    from xl_encoders.tokens import TokenBatch
    from xl_encoders.transforms import (
        TRANSFORMS,
        Centring,
        Chain,
        OutlierRemoval,
        Whitening,
        fit_chain,
        fit_transform,
        load_transform,
        save_transform,
    )
    from xl_encoders.vector_part import VectorPart
    from xl_encoders.vocabulary import EXTENSIONS, VocabularyExtension, extend_vocabulary
    from xl_encoders.word_breaking import WordBreaker, word_breaker
    from xl_encoders.word_splitting import split_words
    from xl_encoders.word_vectors import TextWords
    from xl_encoders.words import WordTokens, encode_words

__all__ = [
    "EXTENSIONS",
    "POOLINGS",
    "SIZES",
    "TRANSFORMS",
    "Bitext",
    "BitextPart",
    "Centring",
    "Chain",
    "CheckpointError",
    "Checkpoints",
    "Chunk",
    "CorpusBatches",
    "Encoded",
    "Encoder",
    "EncoderError",
    "FitConfig",
    "FitEnd",
    "LengthBatches",
    "ModelConfig",
    "ModelFiles",
    "OutlierRemoval",
    "PairBatch",
    "PairBatches",
    "PairCorpus",
    "Part",
    "Prefetch",
    "Registry",
    "RegistryError",
    "Scored",
    "Selection",
    "SentenceBreaker",
    "SentenceCounts",
    "SentenceForm",
    "Share",
    "StaticTeacher",
    "StepRecord",
    "StreamBatches",
    "Term",
    "TextBatch",
    "TextPart",
    "TextStream",
    "TextWords",
    "TokenBatch",
    "TokenStates",
    "VectorPart",
    "VocabularyExtension",
    "Whitening",
    "WordBreaker",
    "WordTokens",
    "WordVectors",
    "__version__",
    "align_bitext",
    "backward_batch",
    "corpus_lines",
    "corpus_sentences",
    "count_parameters",
    "count_steps",
    "cut_model",
    "encode_blocks",
    "encode_pairs",
    "encode_texts",
    "encode_words",
    "export_sentence_transformers",
    "export_transformers",
    "extend_vocabulary",
    "fit",
    "fit_chain",
    "fit_transform",
    "frozen_copy",
    "learning_rate",
    "load_encoder",
    "load_transform",
    "mean_pool",
    "model_config",
    "new_encoder",
    "read_model_files",
    "read_rows",
    "read_sentence_form",
    "save_model",
    "save_transform",
    "sentence_breaker",
    "split_words",
    "supports_packing",
    "train_pieces",
    "train_tokenizer",
    "unknown_name",
    "word_breaker",
]
__version__ = _version("xl-encoders")

_MODULES = {
    "SentenceBreaker": "sentence_breaking",
    "SentenceCounts": "sentence_filter",
    "SentenceForm": "sentence_form",
    "read_sentence_form": "sentence_form",
    "WordBreaker": "word_breaking",
    "corpus_lines": "sentence_filter",
    "corpus_sentences": "sentence_filter",
    "sentence_breaker": "sentence_breaking",
    "word_breaker": "word_breaking",
    "encode_texts": "text_batches",
    "encode_blocks": "text_batches",
    "StreamBatches": "text_batches",
    "PairBatches": "text_batches",
    "Prefetch": "prefetch",
    "WordVectors": "static_words",
    "VectorPart": "vector_part",
    "TextPart": "text_part",
    "Selection": "selection",
    "Scored": "selection",
    "Term": "parts",
    "Share": "parts",
    "Part": "parts",
    "PairBatch": "parts",
    "Encoded": "parts",
    "Chunk": "parts",
    "FitEnd": "fit_loop",
    "frozen_copy": "bitext_part",
    "align_bitext": "bitext_part",
    "BitextPart": "bitext_part",
    "Bitext": "bitext",
    "CorpusBatches": "text_batches",
    "backward_batch": "backward",
    "LengthBatches": "batches",
    "PairCorpus": "batches",
    "encode_pairs": "batches",
    "Checkpoints": "checkpoint",
    "save_model": "checkpoint",
    "Encoder": "encoder",
    "cut_model": "export",
    "export_sentence_transformers": "export",
    "export_transformers": "export",
    "StaticTeacher": "static_teacher",
    "StepRecord": "fit_loop",
    "count_parameters": "new_shape",
    "fit": "fit_loop",
    "learning_rate": "fit_loop",
    "load_encoder": "load",
    "model_config": "new",
    "new_encoder": "new",
    "ModelFiles": "model_files",
    "read_model_files": "model_files",
    "train_pieces": "new_tokenizer",
    "train_tokenizer": "new",
    "TokenStates": "packing",
    "read_rows": "packing",
    "supports_packing": "packing",
    "mean_pool": "pooling",
    "TextBatch": "streams",
    "TextStream": "streams",
    "TokenBatch": "tokens",
    "Centring": "transforms",
    "Chain": "transforms",
    "OutlierRemoval": "transforms",
    "TRANSFORMS": "transforms",
    "Whitening": "transforms",
    "fit_chain": "transforms",
    "fit_transform": "transforms",
    "load_transform": "transforms",
    "save_transform": "transforms",
    "split_words": "word_splitting",
    "TextWords": "word_vectors",
    "WordTokens": "words",
    "encode_words": "words",
    "EXTENSIONS": "vocabulary",
    "VocabularyExtension": "vocabulary",
    "extend_vocabulary": "vocabulary",
}


def __getattr__(name: str) -> object:
    """Load torch and transformers only when something that needs them is asked for."""
    if name in _MODULES:
        return getattr(import_module(f"xl_encoders.{_MODULES[name]}"), name)
    message = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(message)


def __dir__() -> list[str]:
    """The public names, so that an editor can complete them."""
    return sorted(__all__)
