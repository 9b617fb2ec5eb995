"""Text to text: romanise any script, name languages and scripts, and read and write corpora without losing a line."""

from importlib.metadata import version as _version

from xl_translit.errors import TextError, TranslitError, UnknownLanguageError
from xl_translit.languages import LANGUAGES, language, language_name, script
from xl_translit.text import check_readable, read_lines, replacing
from xl_translit.uroman import Romaniser, romanise_pairs, uroman_code

__all__ = [
    "LANGUAGES",
    "Romaniser",
    "TextError",
    "TranslitError",
    "UnknownLanguageError",
    "__version__",
    "check_readable",
    "language",
    "language_name",
    "read_lines",
    "replacing",
    "romanise_pairs",
    "script",
    "uroman_code",
]
__version__ = _version("xl-translit")
