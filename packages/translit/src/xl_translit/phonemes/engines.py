"""What says a word: Epitran's tables, English, or Epitran's dictionaries of Mandarin, Cantonese and Japanese.

An engine knows single words only; `phonemes.py` finds the words of a text and puts the results together.
"""

import unicodedata
from collections import Counter
from collections.abc import Sequence
from functools import cache
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol

from xl_translit.errors import TranslitError
from xl_translit.phonemes.epitran_maps import MapStep, epitran_folder, epitran_map
from xl_translit.phonemes.g2p_languages import DICTIONARY_CODES, ENGLISH
from xl_translit.phonemes.segmentation import inventory
from xl_translit.phonemes.spelling import APOSTROPHES, G2pSpelling
from xl_translit.phonemes.whole_letters import whole_letter_map

if TYPE_CHECKING:
    from xl_translit.english.g2p import EnglishG2P

Backend = Literal["auto", "epitran", "dictionary", "flite", "espeak"]
Unmapped = Literal["keep", "drop", "spell"]
Spelling = Literal["repair", "keep"]
_MEMO_SIZE = 1 << 16


class G2pEngine(Protocol):
    """Words of one language to IPA."""

    @property
    def name(self) -> str:
        """The engine in a word."""
        ...

    @property
    def version(self) -> str:
        """Versions of the libraries and data behind the results."""
        ...

    @property
    def knows_apostrophes(self) -> bool:
        """Whether an apostrophe at the end of a word may be a sound of it."""
        ...

    def words(self, words: Sequence[str]) -> list[str]:
        """IPA of each word."""
        ...

    def parts(self, word: str) -> list[str]:
        """The words in a run of letters that is written without spaces; else the word itself."""
        ...

    def unmapped(self, word: str) -> Counter[str]:
        """Characters of the word that there is no rule for, counted."""
        ...


def make_engine(
    code: str, backend: Backend, unmapped: Unmapped, spelling: Spelling, dictionary: str | None
) -> G2pEngine:
    """The engine of one of Epitran's codes; TranslitError where an option does not serve it."""
    if dictionary is not None and code not in DICTIONARY_CODES:
        message = f"{code} needs no dictionary file; leave dictionary out"
        raise TranslitError(message)
    if spelling == "keep" and code in (ENGLISH, *DICTIONARY_CODES):
        message = f"spelling='keep' serves Epitran's tables only, not {code}; leave spelling out"
        raise TranslitError(message)
    if code == ENGLISH:
        if backend == "epitran":
            message = "Epitran's English is Flite's lex_lookup; ask for it with backend='flite', or leave backend out"
            raise TranslitError(message)
        return EnglishEngine("dictionary" if backend == "auto" else backend, unmapped)
    if backend not in ("auto", "epitran"):
        message = f"backend={backend!r} serves {ENGLISH} only, not {code}; leave backend out"
        raise TranslitError(message)
    if code in DICTIONARY_CODES:
        return DictionaryEngine(code, dictionary, unmapped)
    return TableEngine(code, unmapped, spelling)


class TableEngine:
    """Epitran's tables, with the repairs of `g2p_spelling` around them or (`keep`) without."""

    name = "epitran"

    def __init__(self, code: str, unmapped: Unmapped, spelling: Spelling = "repair") -> None:
        self._table = whole_letter_map(code) if spelling == "repair" else epitran_map(code)
        self._repairs = G2pSpelling(self._table) if spelling == "repair" else None
        self._unmapped = unmapped
        self._single = frozenset(key for key in self._table.graphemes if len(key) == 1)
        self.knows_apostrophes = not self._table.known.isdisjoint(APOSTROPHES)

    @property
    def version(self) -> str:
        """Version of Epitran, whose tables these are, and of this package, which runs them."""
        return f"epitran {version('epitran')}, xl-translit {version('xl-translit')}"

    def words(self, words: Sequence[str]) -> list[str]:
        """IPA of each word."""
        spelled = self._repairs.before_all(words) if self._repairs else list(words)
        said = self._table.words(spelled)
        if self._unmapped != "keep":
            said = [
                self._without(word, missing, ipa) if (missing := self._missing(word, ipa)) else ipa
                for word, ipa in zip(spelled, said, strict=True)
            ]
        return self._repairs.after_all(said) if self._repairs else said

    def parts(self, word: str) -> list[str]:
        """The word itself."""
        return [word]

    def unmapped(self, word: str) -> Counter[str]:
        """Characters as written (lower case, NFD) that no rule of the table touched and that are no IPA letters."""
        spelled = self._repairs.before(word) if self._repairs else word
        return self._missing(spelled, self._table(spelled))

    def _missing(self, word: str, ipa: str) -> Counter[str]:
        table = self._table
        spelled, lost = table.spell(word), table.lost(word)
        if self._single.issuperset(spelled):
            return lost
        passed = Counter(piece.source for piece in table.pieces(word) if not piece.mapped)
        # What a rule before the map wrote, or a rule after it took away, did have a rule.
        passed &= Counter(spelled)
        passed &= Counter(unicodedata.normalize("NFD", ipa))
        return lost + Counter({char: n for char, n in passed.items() if char not in ipa_letters()})

    def _without(self, word: str, missing: Counter[str], ipa: str) -> str:
        missing = Counter({char: n for char, n in missing.items() if not char.isdecimal()})
        if not missing:
            return ipa
        pieces = []
        for piece in self._table.pieces(word):
            if not piece.mapped and piece.source in missing:
                if self._unmapped == "spell":
                    pieces.append(MapStep(piece.source, _spell(piece.source, self._table.code), mapped=True))
            else:
                pieces.append(piece)
        return self._table.join(pieces)


class EnglishEngine:
    """English by the dictionary of `xl_translit.english.g2p`, Flite or espeak-ng."""

    knows_apostrophes = False

    def __init__(self, backend: Literal["dictionary", "flite", "espeak"], unmapped: Unmapped) -> None:
        self._speaker: EnglishG2P = import_module("xl_translit.english.g2p").EnglishG2P(backend)
        self._unmapped = unmapped

    @property
    def name(self) -> str:
        """`cmu`, `flite` or `espeak`."""
        return self._speaker.name

    @property
    def version(self) -> str:
        """Version of the dictionary or program."""
        return self._speaker.version

    def words(self, words: Sequence[str]) -> list[str]:
        """IPA of each word."""
        return [_repaired(word, ipa, self._missing(word, ipa), self._unmapped)
                for word, ipa in zip(words, self._speaker.batch(words), strict=True)]  # fmt: skip

    def parts(self, word: str) -> list[str]:
        """The word itself."""
        return [word]

    def unmapped(self, word: str) -> Counter[str]:
        """Characters that are no Latin letters and came through as they are."""
        return Counter() if word.isascii() else self._missing(word, self._speaker.batch([word])[0])

    def _missing(self, word: str, ipa: str) -> Counter[str]:
        if word.isascii():
            return Counter()
        return Counter({c: n for c, n in _kept(word, ipa).items() if not c.isascii() and c not in ipa_letters()})


class _File(NamedTuple):
    """A dictionary that Epitran reads."""

    what: str
    backend: str
    place: str
    """Below the folder `epitran_data` of the package, where Epitran looks for it."""
    address: str


_CEDICT = "https://www.mdbg.net/chinese/export/cedict/cedict_1_0_ts_utf-8_mdbg.txt.gz (unpacked)"
_FILES = {
    "cmn-Hans": _File("CC-CEDICT", "Epihan", "cedict.txt", _CEDICT),
    "cmn-Hant": _File("CC-CEDICT", "EpihanTraditional", "cedict.txt", _CEDICT),
    "yue-Hant": _File(
        "CC-Canto", "EpiCanto", "cc_canto/cccanto-webdist.txt", "https://cccanto.org/cccanto-170202.zip (unpacked)"
    ),
    "jpn-Jpan": _File(
        "ipa-dict",
        "EpiJpan",
        "ja.txt",
        "https://github.com/open-dict-data/ipa-dict/raw/refs/heads/master/data/ja.txt",
    ),
}


class DictionaryEngine:
    """Epitran's dictionary look-up; nothing is downloaded, the file must be there."""

    name = "epitran"
    knows_apostrophes = False

    def __init__(self, code: str, dictionary: str | None, unmapped: Unmapped) -> None:
        self._file = _FILES[code]
        default = epitran_folder().parent / "epitran_data" / self._file.place
        self._path = Path(dictionary) if dictionary else default
        if not self._path.is_file():
            message = (
                f"{code} needs the dictionary {self._file.what}, which is not at {self._path}: fetch "
                f"{self._file.address} and name the file (dictionary=PATH, in the command --dictionary PATH), or "
                f"put it at {default}"
            )
            raise TranslitError(message)
        self._unmapped = unmapped
        self._memo: dict[str, str] = {}
        backend = getattr(import_module("epitran.epihan"), self._file.backend)
        self._epitran = backend(cedict_file=str(self._path))

    @property
    def version(self) -> str:
        """Version of Epitran and size of the dictionary file in bytes."""
        return f"epitran {version('epitran')}, {self._file.what} of {self._path.stat().st_size} bytes"

    def words(self, words: Sequence[str]) -> list[str]:
        """IPA of each run of characters."""
        raw = [self._say(word) for word in words]
        return [_repaired(word, ipa, _kept(word, ipa), self._unmapped) for word, ipa in zip(words, raw, strict=True)]

    def parts(self, word: str) -> list[str]:
        """The dictionary's words, the longest first."""
        return self._epitran.cedict.tokenize(word)

    def unmapped(self, word: str) -> Counter[str]:
        """Characters that the dictionary does not hold."""
        return _kept(word, self._say(word))

    def _say(self, word: str) -> str:
        if word not in self._memo:
            if len(self._memo) >= _MEMO_SIZE:
                self._memo.clear()
            parts = [self._epitran.transliterate(part) for part in self.parts(word)]
            self._memo[word] = "".join("".join(parts).split())
        return self._memo[word]


@cache
def ipa_letters() -> frozenset[str]:
    """Letters outside ASCII that stand in panphon's inventory and are of no other script than Latin."""
    chars = {char for name in inventory() for char in name if not char.isascii()}
    return frozenset(
        char
        for char in chars
        if unicodedata.category(char)[0] == "L" and unicodedata.name(char).startswith(("LATIN", "MODIFIER"))
    )


def _kept(word: str, ipa: str) -> Counter[str]:
    """Characters that stand in a word and in its result."""
    return Counter(word) & Counter(ipa)


def _repaired(word: str, ipa: str, missing: Counter[str], unmapped: Unmapped) -> str:
    if unmapped == "keep" or not missing:
        return ipa
    return "".join(
        char if char not in missing or char.isdecimal() else _spell(char, "generic-Latn") if unmapped == "spell" else ""
        for char in ipa
    )


@cache
def _spell(char: str, code: str) -> str:
    """A character as Uroman romanises it, read by the language's table or, where that lacks a letter, a general one."""
    from xl_translit.uroman.romanizer import Romanizer

    if unicodedata.category(char)[0] == "M":
        return ""  # a mark has a name (maddah, hamza) and no sound of its own
    roman = Romanizer()(char).lower()
    for name in (code, "generic-Latn"):
        pieces = epitran_map(name).pieces(roman)
        if all(piece.mapped for piece in pieces):
            return "".join(piece.target for piece in pieces)
    return "".join(piece.target for piece in pieces if piece.mapped)
