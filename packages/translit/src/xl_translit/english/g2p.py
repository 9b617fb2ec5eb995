"""English words to IPA without a C build: CMU's dictionary with rules for the rest; Flite or eSpeak NG where installed.

All write what Epitran writes for eng-Latn: no stress and no length, ow ej aj aw oj for diphthongs, t͡ʃ d͡ʒ, ɹ̩ in "bird".
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from functools import cached_property
from importlib.metadata import version
from string import ascii_letters
from typing import Literal, NamedTuple, Protocol, get_args

from xl_translit.english.letters import letters_version, say_letters
from xl_translit.english.lexicon import lexicon, lexicon_version
from xl_translit.english.phones import IPA, spell_ipa
from xl_translit.english.programs import Espeak, Flite
from xl_translit.english.words import EnglishWords
from xl_translit.errors import TranslitError

Backend = Literal["dictionary", "flite", "espeak"]
BACKENDS: tuple[Backend, ...] = get_args(Backend)

_MEMO = 1 << 16  # words; at the limit the memory starts afresh

_APOSTROPHES = dict.fromkeys(map(ord, "’ʼ＇ʻ"), "'")
_CHUNK = re.compile(r"([A-Za-z']+)")
_SPOKEN = frozenset(ascii_letters + "'")
_NAME_OF_A = IPA["EY"]
_ABBREVIATION = re.compile(r"(?:[A-Za-z]\.){2,}[A-Za-z]?|(?:[A-Za-z]\.)+[A-Za-z]")

# Latin letters that Unicode does not take apart into a letter and its marks, as English spells them
_LETTERS = dict(zip("æðøþđħıłŋœß", ["ae", "d", "o", "th", "d", "h", "i", "l", "ng", "oe", "ss"], strict=True))
_LETTERS |= {letter.upper(): spelled.upper() for letter, spelled in _LETTERS.items() if letter not in "ıß"}
_LETTERS["ẞ"] = "SS"


class _Speaker(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def version(self) -> str: ...
    def say(self, words: Sequence[str]) -> list[str]: ...


class EnglishG2P:
    """`EnglishG2P()("ship's")` is `"ʃɪps"`.

    backend: `dictionary` needs nothing else: the CMU Pronouncing Dictionary's first pronunciation (unstressed AH is ə),
    and rules for words that it does not list. `flite` runs Flite's `lex_lookup` or `t2p`, `espeak` runs `espeak-ng`;
    they must be installed, else the first use raises MissingProgramError, which says how. A backend that is not known
    raises TranslitError.

    The object pickles; words said are remembered, up to 65 536.
    """

    def __init__(self, backend: Backend = "dictionary") -> None:
        if backend not in BACKENDS:
            message = f"backend={backend!r} is not known for English; it can be: {', '.join(BACKENDS)}"
            raise TranslitError(message)
        self._backend = backend
        self._memo: dict[str, str] = {}

    @property
    def name(self) -> str:
        """`cmu`, `flite` or `espeak`."""
        return self._speaker.name

    @property
    def version(self) -> str:
        """Version of the program or of dictionary and rules; equal versions say equal things."""
        return self._speaker.version

    def __call__(self, word: str) -> str:
        """IPA of a word.

        Each run of letters and apostrophes is said as one; other characters (digits, hyphens, other scripts) stay where
        they are, as in Epitran. Letters with marks are taken without (café), letters between full stops by their names
        (U.S.). Not empty unless `word` is.
        """
        return self.batch([word])[0]

    def batch(self, words: Sequence[str]) -> list[str]:
        """`[self(word) for word in words]`; a program is started once for all new words where it can take them."""
        pieces = [_pieces(word) for word in words]
        said = self._remembered(dict.fromkeys(piece.text for row in pieces for piece in row if piece.spoken))
        return ["".join(said[piece.text] if piece.spoken else piece.text for piece in row) for row in pieces]

    def _remembered(self, chunks: Iterable[str]) -> dict[str, str]:
        """Chunk -> IPA, from memory or by the backend."""
        new = [chunk for chunk in chunks if chunk not in self._memo]
        fresh = dict(zip(new, self._speaker.say(new), strict=True)) if new else {}
        sounds = {chunk: fresh[chunk] if chunk in fresh else self._memo[chunk] for chunk in chunks}
        if len(self._memo) + len(fresh) > _MEMO:
            self._memo.clear()
        self._memo.update(fresh)
        return sounds

    @cached_property
    def _speaker(self) -> _Speaker:
        return _Dictionary() if self._backend == "dictionary" else _Installed(self._backend)

    def __getstate__(self) -> dict[str, object]:
        return {"_backend": self._backend, "_memo": {}}


class _Dictionary:
    name = "cmu"

    def __init__(self) -> None:
        self._words = EnglishWords(lexicon(), say_letters)

    @property
    def version(self) -> str:
        return f"{lexicon_version()}, letters {letters_version()}, xl-translit {version('xl-translit')}"

    def say(self, words: Sequence[str]) -> list[str]:
        return [spell_ipa(self._words(word)) for word in words]


class _Installed:
    """A program; what it says nothing for ("'n'", a typing error) the dictionary's rules say."""

    def __init__(self, backend: Backend) -> None:
        self._program = Flite() if backend == "flite" else Espeak()
        self.name = self._program.name

    @property
    def version(self) -> str:
        return self._program.version

    def say(self, words: Sequence[str]) -> list[str]:
        said = self._program.say([word.lower() for word in words])
        return [ipa or _Dictionary().say([word])[0] for word, ipa in zip(words, said, strict=True)]


class _Piece(NamedTuple):
    text: str
    spoken: bool
    """Whether a backend says it; else it stands in the result as it is."""


def _pieces(word: str) -> list[_Piece]:
    """The word cut into what is said and what stays."""
    text = _without_marks(unicodedata.normalize("NFC", word)).translate(_APOSTROPHES)
    if _ABBREVIATION.fullmatch(text):
        # alone, every letter is called by its name, save that a backend takes A for the article
        return [_Piece(_NAME_OF_A, False) if char in "Aa" else _Piece(char, char != ".") for char in text]
    return [_Piece(piece, piece[0] in _SPOKEN and piece.strip("'") != "") for piece in _CHUNK.split(text) if piece]


def _without_marks(text: str) -> str:
    """Latin letters as a-z, everything else as it is."""
    if text.isascii():
        return text
    letters: list[str] = []
    for char in text:
        first, *marks = unicodedata.normalize("NFKD", char)
        if char in _LETTERS:
            letters.append(_LETTERS[char])
        elif first.isascii() and first.isalpha() and all(unicodedata.combining(mark) for mark in marks):
            letters.append(first)
        elif not (unicodedata.combining(char) and letters and letters[-1][-1].isascii() and letters[-1][-1].isalpha()):
            letters.append(char)
    return "".join(letters)
