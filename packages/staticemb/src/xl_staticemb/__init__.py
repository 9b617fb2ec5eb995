"""Vectors to vectors: word2vec files, nearest neighbours and ranks, orthogonal maps, bilingual lexicon induction.

numpy, scipy and gensim are loaded by the first name that needs them, so that importing the package costs nothing.
"""

from importlib import import_module
from importlib.metadata import version as _version
from typing import TYPE_CHECKING

from xl_staticemb.errors import StaticembError

if TYPE_CHECKING:
    from xl_staticemb.bli import BliScore as BliScore
    from xl_staticemb.bli import induction_accuracy as induction_accuracy
    from xl_staticemb.bli import read_dictionary as read_dictionary
    from xl_staticemb.neighbours import cosine_scores as cosine_scores
    from xl_staticemb.neighbours import csls_scores as csls_scores
    from xl_staticemb.neighbours import gold_ranks as gold_ranks
    from xl_staticemb.neighbours import nearest_mean as nearest_mean
    from xl_staticemb.neighbours import unit_rows as unit_rows
    from xl_staticemb.orthogonal import orthogonal_map as orthogonal_map
    from xl_staticemb.vectors import WordVectors as WordVectors
    from xl_staticemb.word2vec import read_word2vec as read_word2vec
    from xl_staticemb.word2vec import write_word2vec as write_word2vec

__all__ = [
    "BliScore",
    "StaticembError",
    "WordVectors",
    "__version__",
    "cosine_scores",
    "csls_scores",
    "gold_ranks",
    "induction_accuracy",
    "nearest_mean",
    "orthogonal_map",
    "read_dictionary",
    "read_word2vec",
    "unit_rows",
    "write_word2vec",
]
__version__ = _version("xl-staticemb")

_MODULES = {
    "BliScore": "xl_staticemb.bli",
    "WordVectors": "xl_staticemb.vectors",
    "cosine_scores": "xl_staticemb.neighbours",
    "csls_scores": "xl_staticemb.neighbours",
    "gold_ranks": "xl_staticemb.neighbours",
    "induction_accuracy": "xl_staticemb.bli",
    "nearest_mean": "xl_staticemb.neighbours",
    "orthogonal_map": "xl_staticemb.orthogonal",
    "read_dictionary": "xl_staticemb.bli",
    "read_word2vec": "xl_staticemb.word2vec",
    "unit_rows": "xl_staticemb.neighbours",
    "write_word2vec": "xl_staticemb.word2vec",
}


def __getattr__(name: str) -> object:
    """Import the module of a public name when the name is first asked for."""
    if name in _MODULES:
        return getattr(import_module(_MODULES[name]), name)
    message = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(message)
