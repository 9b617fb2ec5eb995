"""Phonemes as input, in the form that XPhoneBERT reads (Nguyen, Pham and Dao, 2023): `m e ɾ h a b a ▁ d y n j a ▁ !`.

Segments are separated by spaces, words and punctuation marks by ` ▁ `. See `xl_translit.Phonemizer`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from xl_encoders import split_words
from xl_tasks.errors import TaskError
from xl_tasks.units.alignment import Aligner
from xl_tasks.units.unit import Aligned
from xl_translit import Phonemizer, TranslitError

WORD_BOUNDARY = "▁"


@dataclass(frozen=True)
class Phonemes:
    """Texts as phonemes. A word is said once a process.

    ties: affricates split in two segments (`t ʃ`, as in XPhoneBERT's own training text), kept (`t͡ʃ`) or as a
        "ligature" (`ʧ`).
    unmapped: letters that the language has no rule for are kept as they are, dropped ("drop") or romanised and read
        ("spell").
    digits: kept, each a unit of its own, or said as a number ("spell").

    Raises TaskError for a language that phonemes cannot be made for; it says where those are listed.
    """

    ties: str = "split"
    unmapped: str = "keep"
    digits: str = "keep"
    name: str = "phonemes"
    separator: str = WORD_BOUNDARY

    def texts(self, texts: Sequence[str], language: str) -> list[str]:
        """Whole texts, as `xl translit --to phonemes` writes them."""
        return self._phonemizer(language).batch(texts)

    def words(self, sentences: Sequence[Sequence[str]], language: str) -> list[list[str]]:
        """The units of each word with spaces between them and no `▁`; `<unk>` for a word without a phoneme.

        Punctuation inside a word is a unit of that word, so that between two words, and nowhere else, there is one `▁`.
        """
        units = iter(self._phonemizer(language).units([word for sentence in sentences for word in sentence]))
        return [[" ".join(next(units)) for _ in sentence] for sentence in sentences]

    def aligned(self, text: str, language: str) -> Aligned:
        """The text as `texts` gives it, and the shortest piece of the original behind each of its characters.

        A ` ▁ ` between two words comes from the white space there, one before punctuation from an empty span.
        """
        return _aligner(language, self.ties, self.unmapped, self.digits)(text)

    def _phonemizer(self, language: str) -> Phonemizer:
        return _phonemizer(language, self.ties, self.unmapped, self.digits)


@lru_cache(maxsize=64)
def _phonemizer(language: str, ties: str, unmapped: str, digits: str) -> Phonemizer:
    options: dict[str, Any] = {"ties": ties, "unmapped": unmapped, "digits": digits}
    try:
        return Phonemizer(language, form="phonemes", **options)
    except TranslitError as error:
        message = f"phonemes as input: {error}"
        raise TaskError(message) from None


@lru_cache(maxsize=64)
def _aligner(language: str, ties: str, unmapped: str, digits: str) -> Aligner:
    phonemizer = _phonemizer(language, ties, unmapped, digits)
    gap = f" {WORD_BOUNDARY} "
    # Tables say a word letter by letter, a dictionary as a whole: its words have no parts.
    places = None if phonemizer.name == "epitran" else _between_words
    return Aligner(phonemizer.batch, joints=(gap, " "), gap=gap, places=places)


def _between_words(text: str) -> list[int]:
    return [start for start, _ in split_words(text) if start]
