"""Hugging Face encoders behind one small interface: new or pretrained, pooled by layer, trained by one short loop."""

from importlib import import_module
from importlib.metadata import version as _version
from typing import TYPE_CHECKING

from xl_encoders.config import POOLINGS, SIZES, FitConfig, ModelConfig
from xl_encoders.errors import CheckpointError, EncoderError
from xl_encoders.registry import Registry, RegistryError, unknown_name

if TYPE_CHECKING:
    from xl_encoders.batches import LengthBatches, PairCorpus, encode_pairs
    from xl_encoders.checkpoint import Checkpoints, save_model
    from xl_encoders.encoder import Encoder
    from xl_encoders.fit_loop import StepRecord, count_steps, fit, learning_rate
    from xl_encoders.load import load_encoder
    from xl_encoders.new import count_parameters, model_config, new_encoder, train_tokenizer
    from xl_encoders.pooling import mean_pool
    from xl_encoders.tokens import TokenBatch
    from xl_encoders.translit_step import PairBatch, translit_losses

__all__ = [
    "POOLINGS",
    "SIZES",
    "CheckpointError",
    "Checkpoints",
    "Encoder",
    "EncoderError",
    "FitConfig",
    "LengthBatches",
    "ModelConfig",
    "PairBatch",
    "PairCorpus",
    "Registry",
    "RegistryError",
    "StepRecord",
    "TokenBatch",
    "__version__",
    "count_parameters",
    "count_steps",
    "encode_pairs",
    "fit",
    "learning_rate",
    "load_encoder",
    "mean_pool",
    "model_config",
    "new_encoder",
    "save_model",
    "train_tokenizer",
    "translit_losses",
    "unknown_name",
]
__version__ = _version("xl-encoders")

_MODULES = {
    "LengthBatches": "batches",
    "PairCorpus": "batches",
    "encode_pairs": "batches",
    "Checkpoints": "checkpoint",
    "save_model": "checkpoint",
    "Encoder": "encoder",
    "StepRecord": "fit_loop",
    "count_parameters": "new",
    "count_steps": "fit_loop",
    "fit": "fit_loop",
    "learning_rate": "fit_loop",
    "load_encoder": "load",
    "model_config": "new",
    "new_encoder": "new",
    "train_tokenizer": "new",
    "mean_pool": "pooling",
    "TokenBatch": "tokens",
    "PairBatch": "translit_step",
    "translit_losses": "translit_step",
}


def __getattr__(name: str) -> object:
    """Load torch and transformers only when something that needs them is asked for."""
    if name in _MODULES:
        return getattr(import_module(f"xl_encoders.{_MODULES[name]}"), name)
    message = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(message)
