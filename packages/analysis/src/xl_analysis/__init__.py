"""Measures of representations and of results: CKA between views, coverage of a tokenizer, tables of result rows.

>>> import numpy as np
>>> from xl_analysis import linear_cka
>>> english = np.random.default_rng(0).normal(size=(100, 16))
>>> round(float(linear_cka(english, 2 * english[:, ::-1])), 6)  # the same but for rotation and scale
1.0
"""

from importlib.metadata import version as _version

from lazy_loader import attach_stub

# The public names stand in __init__.pyi alone; each is loaded by its first use.
__getattr__, __dir__, __all__ = attach_stub(__name__, __file__)
__version__ = _version("xl-analysis")
