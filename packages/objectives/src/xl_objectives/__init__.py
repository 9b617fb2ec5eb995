"""Objectives that align representations across scripts and languages: tensors in, a scalar out, no model inside.

`OBJECTIVES` names each of them for recipes and listings; the names are plain data, so that reading them loads nothing.

>>> import torch
>>> from xl_objectives import seq_loss
>>> texts, romanised = torch.eye(4), 9 * torch.eye(4)
>>> bool(seq_loss(texts, romanised) < seq_loss(texts, romanised.flip(0)))  # pairs at the same place belong together
True
"""

from importlib import import_module
from importlib.metadata import version as _version
from typing import TYPE_CHECKING

from xl_objectives.config import (
    AlignedConfig,
    BitextConfig,
    DccaConfig,
    L2Config,
    MlmConfig,
    MseConfig,
    ObjectiveConfig,
    OtConfig,
    SeqConfig,
    TlmConfig,
    WordNceConfig,
    WordVectorConfig,
)
from xl_objectives.errors import ObjectiveError

if TYPE_CHECKING:
    from xl_objectives.aligner import align_words, drop_identical, keep_one_to_one
    from xl_objectives.dcca import dcca_loss
    from xl_objectives.mask import Masked, mask_tokens
    from xl_objectives.mlm import mlm_loss
    from xl_objectives.mse import mse_loss
    from xl_objectives.ot import ot_loss
    from xl_objectives.perturbation import project, random_in_ball, worst_delta
    from xl_objectives.pharaoh import format_pharaoh, parse_pharaoh
    from xl_objectives.seq import seq_loss
    from xl_objectives.tlm import join_pair, join_pairs
    from xl_objectives.word_pairs import Words, drift_loss, gather_pairs, pool_words, word_l2_loss, word_nce_loss

__all__ = [
    "OBJECTIVES",
    "AlignedConfig",
    "BitextConfig",
    "DccaConfig",
    "L2Config",
    "Masked",
    "MlmConfig",
    "MseConfig",
    "ObjectiveConfig",
    "ObjectiveError",
    "OtConfig",
    "SeqConfig",
    "TlmConfig",
    "WordNceConfig",
    "WordVectorConfig",
    "Words",
    "__version__",
    "align_words",
    "dcca_loss",
    "drift_loss",
    "drop_identical",
    "format_pharaoh",
    "gather_pairs",
    "join_pair",
    "join_pairs",
    "keep_one_to_one",
    "mask_tokens",
    "mlm_loss",
    "mse_loss",
    "ot_loss",
    "parse_pharaoh",
    "pool_words",
    "project",
    "random_in_ball",
    "seq_loss",
    "word_l2_loss",
    "word_nce_loss",
    "worst_delta",
]
__version__ = _version("xl-objectives")

# name in a recipe -> the settings of that objective
OBJECTIVES = {
    "mlm": "xl_objectives.config:MlmConfig",
    "seq": "xl_objectives.config:SeqConfig",
    "tlm": "xl_objectives.config:TlmConfig",
    "dcca": "xl_objectives.config:DccaConfig",
    "mse": "xl_objectives.config:MseConfig",
    "ot": "xl_objectives.config:OtConfig",
    "l2": "xl_objectives.config:L2Config",
    "word-nce": "xl_objectives.config:WordNceConfig",
}

_MODULES = {
    "Masked": "xl_objectives.mask",
    "mask_tokens": "xl_objectives.mask",
    "mlm_loss": "xl_objectives.mlm",
    "dcca_loss": "xl_objectives.dcca",
    "mse_loss": "xl_objectives.mse",
    "seq_loss": "xl_objectives.seq",
    "join_pair": "xl_objectives.tlm",
    "join_pairs": "xl_objectives.tlm",
    "align_words": "xl_objectives.aligner",
    "drop_identical": "xl_objectives.aligner",
    "keep_one_to_one": "xl_objectives.aligner",
    "format_pharaoh": "xl_objectives.pharaoh",
    "ot_loss": "xl_objectives.ot",
    "parse_pharaoh": "xl_objectives.pharaoh",
    "project": "xl_objectives.perturbation",
    "random_in_ball": "xl_objectives.perturbation",
    "worst_delta": "xl_objectives.perturbation",
    "Words": "xl_objectives.word_pairs",
    "drift_loss": "xl_objectives.word_pairs",
    "gather_pairs": "xl_objectives.word_pairs",
    "pool_words": "xl_objectives.word_pairs",
    "word_l2_loss": "xl_objectives.word_pairs",
    "word_nce_loss": "xl_objectives.word_pairs",
}


def __getattr__(name: str) -> object:
    """Load torch only when a function that needs it is asked for."""
    if name in _MODULES:
        return getattr(import_module(_MODULES[name]), name)
    message = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(message)


def __dir__() -> list[str]:
    """The public names, so that an editor can complete them."""
    return sorted(__all__)
