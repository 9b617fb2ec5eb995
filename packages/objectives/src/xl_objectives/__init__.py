"""Objectives that align representations across scripts and languages: tensors in, a scalar out, no model inside.

`OBJECTIVES` names each of them for recipes and listings; the names are plain data, so that reading them loads nothing.
"""

from importlib import import_module
from importlib.metadata import version as _version
from typing import TYPE_CHECKING

from xl_objectives.config import MlmConfig, SeqConfig, TlmConfig
from xl_objectives.errors import ObjectiveError

if TYPE_CHECKING:
    from xl_objectives.mask import Masked, mask_tokens
    from xl_objectives.mlm import mlm_loss
    from xl_objectives.seq import seq_loss
    from xl_objectives.tlm import join_pair, join_pairs

__all__ = [
    "OBJECTIVES",
    "Masked",
    "MlmConfig",
    "ObjectiveError",
    "SeqConfig",
    "TlmConfig",
    "__version__",
    "join_pair",
    "join_pairs",
    "mask_tokens",
    "mlm_loss",
    "seq_loss",
]
__version__ = _version("xl-objectives")

# name in a recipe -> the settings of that objective
OBJECTIVES = {
    "mlm": "xl_objectives.config:MlmConfig",
    "seq": "xl_objectives.config:SeqConfig",
    "tlm": "xl_objectives.config:TlmConfig",
}

_MODULES = {
    "Masked": "xl_objectives.mask",
    "mask_tokens": "xl_objectives.mask",
    "mlm_loss": "xl_objectives.mlm",
    "seq_loss": "xl_objectives.seq",
    "join_pair": "xl_objectives.tlm",
    "join_pairs": "xl_objectives.tlm",
}


def __getattr__(name: str) -> object:
    """Load torch only when a function that needs it is asked for."""
    if name in _MODULES:
        return getattr(import_module(_MODULES[name]), name)
    message = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(message)
