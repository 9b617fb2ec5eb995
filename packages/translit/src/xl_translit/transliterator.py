"""What a corpus needs of a transliterator, and the transliterator that the command line's options describe.

Anything with these five members serves: Romanizer and Phonemizer do, and so does a class of your own. It must pickle,
because workers get a copy each.
"""

import inspect
from collections import Counter
from collections.abc import Sequence
from importlib import import_module
from typing import Any, Literal, Protocol, get_args, runtime_checkable

from xl_translit.errors import CorpusOptionError

Target = Literal["latn", "ipa", "phonemes"]
TARGETS: tuple[Target, ...] = get_args(Target)

ROMANIZERS = {
    "fast": "xl_translit.uroman.romanizer:Romanizer",
    "reference": "xl_translit.uroman.romanizer:reference_romanizer",
}
"""What `romanizer` can name: a class or function, "module:name", that makes a Transliterator of a language or None.

The first is the default. A romaniser of your own is a file and a line here; its docstring's first line is what
`xl ls romanizers` says of it.
"""


@runtime_checkable
class Transliterator(Protocol):
    r"""Text to text, one line for one line: a "\n" inside a text becomes a space."""

    @property
    def name(self) -> str:
        """The engine and its data in a word: `uroman`, `epitran`, `cmu`."""
        ...

    @property
    def version(self) -> str:
        """Version of the library and tables behind it; equal versions write equal results."""
        ...

    def __call__(self, text: str) -> str:
        """The text in the other script."""
        ...

    def batch(self, texts: Sequence[str]) -> list[str]:
        """`[self(text) for text in texts]`, as fast as it can be done."""
        ...

    def unmapped(self, texts: Sequence[str], results: Sequence[str]) -> Counter[str]:
        """How often each character came that there was no rule for."""
        ...


def make_transliterator(to: Target = "latn", lang: str | None = None, **options: str) -> Transliterator:
    """The romaniser (`to="latn"`) or Phonemizer (`"ipa"`, `"phonemes"`) of a language, with the options that it takes.

    lang: any spelling that `language` knows; phonemes need it, romanisation does without.
    options: `romanizer`, a name of ROMANIZERS, and the options of that; or the Phonemizer's `backend`, `ties`,
        `unmapped`, `digits`, `segmenter`.
    Raises CorpusOptionError for a target that is not known, a missing language, or an option that has no meaning for
    the target; UnknownLanguageError and the Phonemizer's own refusals pass through.
    """
    if to not in TARGETS:
        message = f"{to!r} is not known; it can be: {', '.join(TARGETS)}"
        raise CorpusOptionError(message)
    if to == "latn":
        maker, fixed = _romanizer(options.pop("romanizer", next(iter(ROMANIZERS)))), {}
    elif lang is None:
        message = f"to={to} needs the language of the text, e.g. tur_Latn"
        raise CorpusOptionError(message)
    else:
        maker, fixed = _loaded("xl_translit.phonemes.phonemizer:Phonemizer"), {"form": to}
    strange = options.keys() - inspect.signature(maker).parameters.keys()
    if strange:
        message = f"{', '.join(sorted(strange))}: no option of to={to}; leave it out"
        raise CorpusOptionError(message)
    return maker(lang, **fixed, **options)


def romanizers() -> dict[str, str]:
    """Name -> what it is, of each romaniser."""
    return {name: (inspect.getdoc(_loaded(address)) or "").partition("\n")[0] for name, address in ROMANIZERS.items()}


def _romanizer(name: str) -> Any:
    if name not in ROMANIZERS:
        message = f"romanizer {name!r} is not known; it can be: {', '.join(ROMANIZERS)}"
        raise CorpusOptionError(message)
    return _loaded(ROMANIZERS[name])


def _loaded(address: str) -> Any:
    module, name = address.split(":")
    return getattr(import_module(module), name)
