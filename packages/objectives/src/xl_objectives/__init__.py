"""Objectives that align representations across scripts and languages: tensors in, a scalar out, no model inside.

`OBJECTIVES` names each of them for recipes and listings; the names are plain data, so that reading them loads nothing.

>>> import torch
>>> from xl_objectives import seq_loss
>>> texts, romanised = torch.eye(4), 9 * torch.eye(4)
>>> bool(seq_loss(texts, romanised) < seq_loss(texts, romanised.flip(0)))  # pairs at the same place belong together
True
"""

from importlib.metadata import version as _version

from lazy_loader import attach_stub

# The public names stand in __init__.pyi alone; each is loaded by its first use.
__getattr__, __dir__, __all__ = attach_stub(__name__, __file__)
__version__ = _version("xl-objectives")
