"""Text to text: romanise any script, name languages and scripts, and read and write corpora without losing a line.

Each name is loaded by its first use, so that importing the package, or one part of it, costs nothing.

>>> from xl_translit import language, phonemize, romanize
>>> romanize("Ελλάδα")
'Ellada'
>>> phonemize("Çay güzel.", "tr")
't͡ʃaj ɡyzel.'
>>> str(language("Türkçe"))
'tur_Latn'
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    __version__: str
    from xl_translit.corpora.manifest import Manifest as Manifest
    from xl_translit.corpora.romanization import romanize_corpus as romanize_corpus
    from xl_translit.english import EnglishG2P as EnglishG2P
    from xl_translit.epitran_maps import EpitranMap as EpitranMap
    from xl_translit.epitran_maps import epitran_map as epitran_map
    from xl_translit.errors import CorpusError as CorpusError
    from xl_translit.errors import CorpusOptionError as CorpusOptionError
    from xl_translit.errors import MissingProgramError as MissingProgramError
    from xl_translit.errors import TextError as TextError
    from xl_translit.errors import TranslitError as TranslitError
    from xl_translit.errors import UnknownLanguageError as UnknownLanguageError
    from xl_translit.features import FEATURES as FEATURES
    from xl_translit.features import feature_edit_distance as feature_edit_distance
    from xl_translit.features import feature_edit_distance_matrix as feature_edit_distance_matrix
    from xl_translit.features import feature_edit_distances as feature_edit_distances
    from xl_translit.features import feature_vectors as feature_vectors
    from xl_translit.g2p_languages import g2p_code as g2p_code
    from xl_translit.g2p_languages import g2p_codes as g2p_codes
    from xl_translit.g2p_languages import g2p_note as g2p_note
    from xl_translit.languages import LANGUAGES as LANGUAGES
    from xl_translit.languages import language as language
    from xl_translit.languages import language_name as language_name
    from xl_translit.languages import script as script
    from xl_translit.phonemes import Phonemizer as Phonemizer
    from xl_translit.phonemes import phonemize as phonemize
    from xl_translit.phonemes import phonemize_words as phonemize_words
    from xl_translit.readings import ScriptReading as ScriptReading
    from xl_translit.readings import count_unread as count_unread
    from xl_translit.readings import script_reading as script_reading
    from xl_translit.segmentation import segment as segment
    from xl_translit.segmentation import unknown_segments as unknown_segments
    from xl_translit.support import LanguageSupport as LanguageSupport
    from xl_translit.support import supported_languages as supported_languages
    from xl_translit.text import check_readable as check_readable
    from xl_translit.text import read_lines as read_lines
    from xl_translit.text import replacing as replacing
    from xl_translit.transliterator import Transliterator as Transliterator
    from xl_translit.transliterator import make_transliterator as make_transliterator
    from xl_translit.uroman import Romanizer as Romanizer
    from xl_translit.uroman import romanize as romanize
    from xl_translit.uroman import romanize_pairs as romanize_pairs
    from xl_translit.uroman import uroman_code as uroman_code

_MODULES = {
    "CorpusError": "errors",
    "CorpusOptionError": "errors",
    "EnglishG2P": "english",
    "EpitranMap": "epitran_maps",
    "FEATURES": "features",
    "LANGUAGES": "languages",
    "LanguageSupport": "support",
    "Manifest": "corpora.manifest",
    "MissingProgramError": "errors",
    "Phonemizer": "phonemes",
    "Romanizer": "uroman",
    "ScriptReading": "readings",
    "TextError": "errors",
    "TranslitError": "errors",
    "Transliterator": "transliterator",
    "UnknownLanguageError": "errors",
    "check_readable": "text",
    "count_unread": "readings",
    "epitran_map": "epitran_maps",
    "feature_edit_distance": "features",
    "feature_edit_distance_matrix": "features",
    "feature_edit_distances": "features",
    "feature_vectors": "features",
    "g2p_code": "g2p_languages",
    "g2p_codes": "g2p_languages",
    "g2p_note": "g2p_languages",
    "language": "languages",
    "language_name": "languages",
    "make_transliterator": "transliterator",
    "phonemize": "phonemes",
    "phonemize_words": "phonemes",
    "read_lines": "text",
    "replacing": "text",
    "romanize": "uroman",
    "romanize_corpus": "corpora.romanization",
    "romanize_pairs": "uroman",
    "script": "languages",
    "script_reading": "readings",
    "segment": "segmentation",
    "supported_languages": "support",
    "unknown_segments": "segmentation",
    "uroman_code": "uroman",
}

__all__ = [
    "FEATURES",
    "LANGUAGES",
    "CorpusError",
    "CorpusOptionError",
    "EnglishG2P",
    "EpitranMap",
    "LanguageSupport",
    "Manifest",
    "MissingProgramError",
    "Phonemizer",
    "Romanizer",
    "ScriptReading",
    "TextError",
    "TranslitError",
    "Transliterator",
    "UnknownLanguageError",
    "__version__",
    "check_readable",
    "count_unread",
    "epitran_map",
    "feature_edit_distance",
    "feature_edit_distance_matrix",
    "feature_edit_distances",
    "feature_vectors",
    "g2p_code",
    "g2p_codes",
    "g2p_note",
    "language",
    "language_name",
    "make_transliterator",
    "phonemize",
    "phonemize_words",
    "read_lines",
    "replacing",
    "romanize",
    "romanize_corpus",
    "romanize_pairs",
    "script",
    "script_reading",
    "segment",
    "supported_languages",
    "unknown_segments",
    "uroman_code",
]


def __getattr__(name: str) -> object:
    if name == "__version__":
        from importlib.metadata import version

        return version("xl-translit")
    if name not in _MODULES:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    value = getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
