"""Romanised text as input: what Uroman writes (Hermjakob, May and Knight, 2018), see `xl_translit.Romanizer`."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from xl_tasks.errors import TaskError
from xl_tasks.units.alignment import Aligner
from xl_tasks.units.unit import Aligned
from xl_translit import Romanizer, TranslitError


@dataclass(frozen=True)
class Romanised:
    """Texts in Latin letters. Capitals, digits and punctuation stay; a word is romanised once a process.

    Raises TaskError for a language that has no name here.
    """

    name: str = "romanised"
    separator: str = ""

    def texts(self, texts: Sequence[str], language: str) -> list[str]:
        """Whole texts, as `xl translit --to latn` writes them."""
        return _romanizer(language).batch(texts)

    def words(self, sentences: Sequence[Sequence[str]], language: str) -> list[list[str]]:
        """Each word by itself; a word of marks that Uroman leaves out is an empty string."""
        said = iter(_romanizer(language).batch([word for sentence in sentences for word in sentence]))
        return [[next(said).strip() for _ in sentence] for sentence in sentences]

    def aligned(self, text: str, language: str) -> Aligned:
        """The text as `texts` gives it, and the shortest piece of the original behind each of its characters."""
        return _aligner(language)(text)


@lru_cache(maxsize=64)
def _romanizer(language: str) -> Romanizer:
    try:
        return Romanizer(language)
    except TranslitError as error:
        message = f"romanised input: {error}"
        raise TaskError(message) from None


@lru_cache(maxsize=64)
def _aligner(language: str) -> Aligner:
    return Aligner(_romanizer(language).batch)
