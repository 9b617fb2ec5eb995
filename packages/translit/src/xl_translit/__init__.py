"""Text to text: romanise any script, name languages and scripts, and read and write corpora without losing a line.

Each name is loaded by its first use, so that importing the package, or one part of it, costs nothing.
"""

from importlib import import_module
from importlib.metadata import version as _version
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from xl_translit.errors import TextError as TextError
    from xl_translit.errors import TranslitError as TranslitError
    from xl_translit.errors import UnknownLanguageError as UnknownLanguageError
    from xl_translit.languages import LANGUAGES as LANGUAGES
    from xl_translit.languages import language as language
    from xl_translit.languages import language_name as language_name
    from xl_translit.languages import script as script
    from xl_translit.text import check_readable as check_readable
    from xl_translit.text import read_lines as read_lines
    from xl_translit.text import replacing as replacing
    from xl_translit.uroman import Romanizer as Romanizer
    from xl_translit.uroman import romanize as romanize
    from xl_translit.uroman import romanize_pairs as romanize_pairs
    from xl_translit.uroman import uroman_code as uroman_code

_MODULES = {
    "LANGUAGES": "languages",
    "Romanizer": "uroman",
    "TextError": "errors",
    "TranslitError": "errors",
    "UnknownLanguageError": "errors",
    "check_readable": "text",
    "language": "languages",
    "language_name": "languages",
    "read_lines": "text",
    "replacing": "text",
    "romanize": "uroman",
    "romanize_pairs": "uroman",
    "script": "languages",
    "uroman_code": "uroman",
}

__all__ = [
    "LANGUAGES",
    "Romanizer",
    "TextError",
    "TranslitError",
    "UnknownLanguageError",
    "__version__",
    "check_readable",
    "language",
    "language_name",
    "read_lines",
    "replacing",
    "romanize",
    "romanize_pairs",
    "script",
    "uroman_code",
]
__version__ = _version("xl-translit")


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    value = getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    globals()[name] = value
    return value
