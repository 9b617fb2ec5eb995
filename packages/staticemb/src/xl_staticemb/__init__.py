"""Vectors to vectors: word2vec files, nearest neighbours and ranks, orthogonal maps, bilingual lexicon induction.

numpy, scipy and gensim are loaded by the first name that needs them, so that importing the package costs nothing.

>>> import numpy as np
>>> from xl_staticemb import WordVectors, induction_accuracy
>>> english, turkish = WordVectors(["cat", "dog"], np.eye(2)), WordVectors(["kedi", "köpek"], np.eye(2))
>>> induction_accuracy(turkish, english, [("kedi", "cat"), ("köpek", "dog")]).precision[1]
1.0
"""

from importlib.metadata import version as _version

from lazy_loader import attach_stub

# The public names stand in __init__.pyi alone; each is loaded by its first use.
__getattr__, __dir__, __all__ = attach_stub(__name__, __file__)
__version__ = _version("xl-staticemb")
