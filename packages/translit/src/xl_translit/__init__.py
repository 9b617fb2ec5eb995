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

from importlib.metadata import version as _version

from lazy_loader import attach_stub

# The public names stand in __init__.pyi alone; each is loaded by its first use.
__getattr__, __dir__, __all__ = attach_stub(__name__, __file__)
__version__ = _version("xl-translit")
