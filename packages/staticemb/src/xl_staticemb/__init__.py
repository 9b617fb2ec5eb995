"""Vectors to vectors: word2vec files, nearest neighbours and ranks, orthogonal maps, bilingual lexicon induction.

numpy, scipy and gensim are loaded by the first name that needs them, so that importing the package costs nothing.

>>> import numpy as np
>>> from xl_staticemb import WordVectors, induction_accuracy
>>> english, turkish = WordVectors(["cat", "dog"], np.eye(2)), WordVectors(["kedi", "köpek"], np.eye(2))
>>> induction_accuracy(turkish, english, [("kedi", "cat"), ("köpek", "dog")]).precision[1]
1.0
"""

from importlib import import_module
from importlib.metadata import version as _version
from typing import TYPE_CHECKING

from xl_staticemb.errors import StaticembError

if TYPE_CHECKING:
    from xl_staticemb.files.vector_files import VectorFile as VectorFile
    from xl_staticemb.files.vector_files import VectorWriter as VectorWriter
    from xl_staticemb.files.vector_files import read_vectors as read_vectors
    from xl_staticemb.files.vector_files import write_vectors as write_vectors
    from xl_staticemb.files.word2vec import read_word2vec as read_word2vec
    from xl_staticemb.files.word2vec import write_word2vec as write_word2vec
    from xl_staticemb.lexicon.bli import BliScore as BliScore
    from xl_staticemb.lexicon.bli import induction_accuracy as induction_accuracy
    from xl_staticemb.lexicon.dictionaries import parse_dictionary as parse_dictionary
    from xl_staticemb.lexicon.dictionaries import read_dictionary as read_dictionary
    from xl_staticemb.lexicon.dictionaries import write_dictionary as write_dictionary
    from xl_staticemb.lexicon.dictionary_induction import induce_dictionary as induce_dictionary
    from xl_staticemb.lexicon.refinement import RefinedRows as RefinedRows
    from xl_staticemb.lexicon.refinement import Refinement as Refinement
    from xl_staticemb.lexicon.refinement import refine as refine
    from xl_staticemb.lexicon.refinement import refine_rows as refine_rows
    from xl_staticemb.lexicon.similarity import SimilarityScore as SimilarityScore
    from xl_staticemb.lexicon.similarity import pair_cosines as pair_cosines
    from xl_staticemb.lexicon.similarity import word_similarity as word_similarity
    from xl_staticemb.lexicon.similarity_files import GoldPair as GoldPair
    from xl_staticemb.lexicon.similarity_files import keys_path as keys_path
    from xl_staticemb.lexicon.similarity_files import parse_similarity as parse_similarity
    from xl_staticemb.lexicon.similarity_files import read_similarity as read_similarity
    from xl_staticemb.mapping.config import MappingConfig as MappingConfig
    from xl_staticemb.mapping.learning import Mapping as Mapping
    from xl_staticemb.mapping.learning import best_mapping as best_mapping
    from xl_staticemb.mapping.learning import learn_mapping as learn_mapping
    from xl_staticemb.mapping.learning import learn_mappings as learn_mappings
    from xl_staticemb.mapping.mapped_files import MappedFiles as MappedFiles
    from xl_staticemb.mapping.mapped_files import map_files as map_files
    from xl_staticemb.mapping.normalization import Normalization as Normalization
    from xl_staticemb.mapping.orthogonal import orthogonal_map as orthogonal_map
    from xl_staticemb.mapping.pivot import PivotMap as PivotMap
    from xl_staticemb.mapping.pivot import map_to_pivot as map_to_pivot
    from xl_staticemb.mapping.pivot import split_dictionary as split_dictionary
    from xl_staticemb.mapping.pivot_files import map_files_to_pivot as map_files_to_pivot
    from xl_staticemb.mapping.seed_dictionary import seed_pairs as seed_pairs
    from xl_staticemb.mapping.unsupervised_start import unsupervised_pairs as unsupervised_pairs
    from xl_staticemb.search.nearest_keys import Nearest as Nearest
    from xl_staticemb.search.nearest_keys import nearest as nearest
    from xl_staticemb.search.nearest_keys import neighbourhoods as neighbourhoods
    from xl_staticemb.search.neighbours import cosine_scores as cosine_scores
    from xl_staticemb.search.neighbours import csls_scores as csls_scores
    from xl_staticemb.search.neighbours import gold_ranks as gold_ranks
    from xl_staticemb.search.neighbours import unit_rows as unit_rows
    from xl_staticemb.vectors import WordVectors as WordVectors
    from xl_staticemb.x2static.config import X2StaticConfig as X2StaticConfig
    from xl_staticemb.x2static.extraction import Extraction as Extraction
    from xl_staticemb.x2static.extraction import Share as Share
    from xl_staticemb.x2static.extraction import extract as extract
    from xl_staticemb.x2static.teacher import StateSums as StateSums
    from xl_staticemb.x2static.teacher import Teacher as Teacher
    from xl_staticemb.x2static.word_counts import Vocabulary as Vocabulary
    from xl_staticemb.x2static.word_counts import choose_words as choose_words
    from xl_staticemb.x2static.word_counts import count_words as count_words

__all__ = [
    "BliScore",
    "Extraction",
    "GoldPair",
    "MappedFiles",
    "Mapping",
    "MappingConfig",
    "Nearest",
    "Normalization",
    "PivotMap",
    "RefinedRows",
    "Refinement",
    "Share",
    "SimilarityScore",
    "StateSums",
    "StaticembError",
    "Teacher",
    "VectorFile",
    "VectorWriter",
    "Vocabulary",
    "WordVectors",
    "X2StaticConfig",
    "__version__",
    "best_mapping",
    "choose_words",
    "cosine_scores",
    "count_words",
    "csls_scores",
    "extract",
    "gold_ranks",
    "induce_dictionary",
    "induction_accuracy",
    "keys_path",
    "learn_mapping",
    "learn_mappings",
    "map_files",
    "map_files_to_pivot",
    "map_to_pivot",
    "nearest",
    "neighbourhoods",
    "orthogonal_map",
    "pair_cosines",
    "parse_dictionary",
    "parse_similarity",
    "read_dictionary",
    "read_similarity",
    "read_vectors",
    "read_word2vec",
    "refine",
    "refine_rows",
    "seed_pairs",
    "split_dictionary",
    "unit_rows",
    "unsupervised_pairs",
    "word_similarity",
    "write_dictionary",
    "write_vectors",
    "write_word2vec",
]
__version__ = _version("xl-staticemb")

_MODULES = {
    "count_words": "xl_staticemb.x2static.word_counts",
    "choose_words": "xl_staticemb.x2static.word_counts",
    "Vocabulary": "xl_staticemb.x2static.word_counts",
    "X2StaticConfig": "xl_staticemb.x2static.config",
    "StateSums": "xl_staticemb.x2static.teacher",
    "Teacher": "xl_staticemb.x2static.teacher",
    "extract": "xl_staticemb.x2static.extraction",
    "Share": "xl_staticemb.x2static.extraction",
    "Extraction": "xl_staticemb.x2static.extraction",
    "map_files_to_pivot": "xl_staticemb.mapping.pivot_files",
    "map_files": "xl_staticemb.mapping.mapped_files",
    "MappedFiles": "xl_staticemb.mapping.mapped_files",
    "BliScore": "xl_staticemb.lexicon.bli",
    "GoldPair": "xl_staticemb.lexicon.similarity_files",
    "Mapping": "xl_staticemb.mapping.learning",
    "MappingConfig": "xl_staticemb.mapping.config",
    "Nearest": "xl_staticemb.search.nearest_keys",
    "Normalization": "xl_staticemb.mapping.normalization",
    "PivotMap": "xl_staticemb.mapping.pivot",
    "RefinedRows": "xl_staticemb.lexicon.refinement",
    "Refinement": "xl_staticemb.lexicon.refinement",
    "SimilarityScore": "xl_staticemb.lexicon.similarity",
    "VectorFile": "xl_staticemb.files.vector_files",
    "VectorWriter": "xl_staticemb.files.vector_files",
    "WordVectors": "xl_staticemb.vectors",
    "best_mapping": "xl_staticemb.mapping.learning",
    "cosine_scores": "xl_staticemb.search.neighbours",
    "csls_scores": "xl_staticemb.search.neighbours",
    "gold_ranks": "xl_staticemb.search.neighbours",
    "induce_dictionary": "xl_staticemb.lexicon.dictionary_induction",
    "induction_accuracy": "xl_staticemb.lexicon.bli",
    "keys_path": "xl_staticemb.lexicon.similarity_files",
    "learn_mapping": "xl_staticemb.mapping.learning",
    "learn_mappings": "xl_staticemb.mapping.learning",
    "map_to_pivot": "xl_staticemb.mapping.pivot",
    "nearest": "xl_staticemb.search.nearest_keys",
    "neighbourhoods": "xl_staticemb.search.nearest_keys",
    "orthogonal_map": "xl_staticemb.mapping.orthogonal",
    "pair_cosines": "xl_staticemb.lexicon.similarity",
    "parse_similarity": "xl_staticemb.lexicon.similarity_files",
    "parse_dictionary": "xl_staticemb.lexicon.dictionaries",
    "read_dictionary": "xl_staticemb.lexicon.dictionaries",
    "read_similarity": "xl_staticemb.lexicon.similarity_files",
    "read_vectors": "xl_staticemb.files.vector_files",
    "read_word2vec": "xl_staticemb.files.word2vec",
    "refine": "xl_staticemb.lexicon.refinement",
    "refine_rows": "xl_staticemb.lexicon.refinement",
    "seed_pairs": "xl_staticemb.mapping.seed_dictionary",
    "split_dictionary": "xl_staticemb.mapping.pivot",
    "unit_rows": "xl_staticemb.search.neighbours",
    "unsupervised_pairs": "xl_staticemb.mapping.unsupervised_start",
    "word_similarity": "xl_staticemb.lexicon.similarity",
    "write_dictionary": "xl_staticemb.lexicon.dictionaries",
    "write_vectors": "xl_staticemb.files.vector_files",
    "write_word2vec": "xl_staticemb.files.word2vec",
}


def __getattr__(name: str) -> object:
    """Import the module of a public name when the name is first asked for."""
    if name in _MODULES:
        return getattr(import_module(_MODULES[name]), name)
    message = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(message)


def __dir__() -> list[str]:
    """The public names, so that an editor can complete them."""
    return sorted(__all__)
