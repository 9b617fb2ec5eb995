"""Hugging Face encoders behind one small interface: new or pretrained, pooled by layer, trained by one short loop.

>>> from xl_encoders import ModelConfig, new_encoder  # a pretrained one: load_encoder("xlm-roberta-base")
>>> encoder = new_encoder(["Αθήνα", "Athina", "Πάτρα", "Patra"], ModelConfig(size="pico", pieces=40), seed=1)
>>> encoder.embed(["Αθήνα", "Athina"], layer=1, pooling="mean-all").shape
(2, 128)
"""

from importlib.metadata import version as _version

from lazy_loader import attach_stub

# The public names stand in __init__.pyi alone; each is loaded by its first use.
__getattr__, __dir__, __all__ = attach_stub(__name__, __file__)
__version__ = _version("xl-encoders")
