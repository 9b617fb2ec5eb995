"""Text as phonemes: `phonemize("Merhaba dünya!", "tur")` is `"meɾhaba dynja!"`.

Words are said one by one, as Epitran documents it: its rules for the edges of a word do not fire inside a sentence.
`form="phonemes"` is the form that XPhoneBERT reads (Nguyen, Pham and Dao 2023): segments separated by spaces, ` ▁ `
between words, each punctuation mark a word of its own.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any, Literal, NamedTuple, get_args

from xl_translit.errors import TranslitError
from xl_translit.phonemes.engines import Backend, G2pEngine, Spelling, Unmapped, make_engine
from xl_translit.phonemes.g2p_languages import ENGLISH, require_g2p_code
from xl_translit.phonemes.number_words import can_spell_numbers, number_pattern, number_words
from xl_translit.phonemes.segmentation import Segmenter, segment

Form = Literal["ipa", "phonemes"]
Ties = Literal["keep", "split", "ligature"]
Digits = Literal["keep", "spell"]

WORD_BOUNDARY = "▁"
UNKNOWN_UNIT = "<unk>"
"""What a word without any phoneme becomes, and the marks `▁` and `#`, which have a meaning in this form."""

_BETWEEN = f" {WORD_BOUNDARY} "
_TIES = "\u0361\u035c"
_LIGATURES = {"ts": "ʦ", "tʃ": "ʧ", "tɕ": "ʨ", "dz": "ʣ", "dʒ": "ʤ", "dʑ": "ʥ"}
_MEMO_SIZE = 1 << 17
"""Chunks (what stands between two spaces) that are remembered."""
_BLOCK = 2048
"""Texts that are worked on at a time."""
_LETTERS = r"\p{L}\p{M}\p{Nl}\p{No}\u00ad\u200c-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff"
"""Letters, marks, numerals that are no digits, and the invisible signs that stand among them."""
_APOSTROPHE = "['’‘`´＇]"
# Romanised Sinitic and Mixtec tables, where a digit behind a syllable is its tone
_TONE_DIGITS = {"cjy-Latn", "gan-Latn", "hsn-Latn", "wuu-Latn", "xty-Latn", "yue-Latn"}


class Phonemizer:
    r"""Say the words of a text: `Phonemizer("tur")("oldu.")` is `"oldu."`, with `form="phonemes"` `"o l d u ▁ ."`.

    lang: any spelling that `language` knows, or a code of Epitran with its variant (`ben-Beng-red`).
    form: `ipa` leaves everything between the words as it is; `phonemes` separates segments by spaces and words by
        ` ▁ `. White space only separates there, so a text has as many `▁` as words less one; a word without a phoneme
        is `<unk>`.
    backend: `auto` is Epitran's tables, and the dictionary for English; for English also `flite` and `espeak`.
    ties: affricates as they are (`t͡ʃ`), split (`tʃ`, two segments) or as ligature (`ʧ`) where Unicode has one.
    unmapped: letters that the language has no rule for stay, go, or are romanised and read by the language's table or
        a general one of the Latin alphabet. `digits` decides on digits alone.
    digits: kept, or said as a number by num2words, where that knows the language.
    spelling: spelling that a table does not expect is repaired, and `:` and g made IPA, see `g2p_spelling`; with `keep`
        each word is what Epitran makes of it, to the letter.
    segmenter: how `phonemes` finds segments, see `segment`; what it does not know stays as a segment of its own.
    dictionary: path of the file that Mandarin, Cantonese and Japanese need.

    A "\n" inside a text becomes a space. The object pickles. Raises UnknownLanguageError for a language without
    phonemes, TranslitError for an option that is not known or does not serve the language.
    """

    def __init__(
        self,
        lang: str,
        *,
        form: Form = "ipa",
        backend: Backend = "auto",
        ties: Ties = "keep",
        unmapped: Unmapped = "keep",
        digits: Digits = "keep",
        segmenter: Segmenter = "panphon",
        spelling: Spelling = "repair",
        dictionary: str | None = None,
    ) -> None:
        self._options: dict[str, Any] = {
            "form": form, "backend": backend, "ties": ties, "unmapped": unmapped, "digits": digits,
            "segmenter": segmenter, "spelling": spelling,
        }  # fmt: skip
        _check(self._options)
        self._options |= {"lang": lang, "dictionary": dictionary}
        self.code = require_g2p_code(lang)
        """Epitran's code of the language."""
        if digits == "spell" and not can_spell_numbers(self.code):
            number_words("1", self.code)  # says what there is
        self._form, self._ties, self._digits, self._segmenter = form, ties, digits, segmenter
        self._engine: G2pEngine = make_engine(self.code, backend, unmapped, spelling, dictionary)
        self._pattern = _token_pattern(self.code, self._engine.knows_apostrophes, digits == "spell")
        self._memo: dict[str, str] = {"\n": "\n"}
        self._missing: dict[str, Counter[str]] = {}

    def __getstate__(self) -> dict[str, Any]:
        return self._options

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(**state)

    @property
    def name(self) -> str:
        """The engine: `epitran`, or `cmu`, `flite`, `espeak` for English."""
        return self._engine.name

    @property
    def version(self) -> str:
        """Versions of the libraries and data behind the results."""
        from importlib.metadata import version

        if self._form == "ipa":
            return f"{self._engine.version}; {self.code}"
        return f"{self._engine.version}, {self._segmenter} {version(self._segmenter)}; {self.code}"

    def __call__(self, text: str) -> str:
        """The text with its words as phonemes, in the form asked for."""
        return self._block([text])[0]

    def batch(self, texts: Sequence[str]) -> list[str]:
        """`[self(text) for text in texts]`, faster: new words are said together."""
        return [result for i in range(0, len(texts), _BLOCK) for result in self._block(texts[i : i + _BLOCK])]

    def units(self, words: Iterable[str]) -> list[list[str]]:
        """The units of each word in the form `phonemes`, at least one a word, so that a label can go to the first.

        Where a word has marks inside (`U.S.A`, `1923'te`), its parts follow one another without `▁`: between gold words
        there is one `▁`, and nowhere else.
        """
        if self._form != "phonemes":
            message = "units of words need Phonemizer(..., form='phonemes')"
            raise TranslitError(message)
        rows = [[unit for unit in said.split(" ") if unit != WORD_BOUNDARY] for said in self.batch(list(words))]
        return [row if row != [""] else [UNKNOWN_UNIT] for row in rows]

    def unmapped(self, texts: Sequence[str], results: Sequence[str] = ()) -> Counter[str]:
        """How often each character of `texts` came that there was no rule for, also where it was dropped or spelled.

        Kept digits count; punctuation and white space between words do not. `results` are not looked at: what a result
        keeps does not tell whether a letter is IPA.
        """
        total: Counter[str] = Counter()
        missing = self._missing
        for text in texts:
            for chunk in text.split():
                counts = missing.get(chunk)
                if counts is None:
                    if len(missing) >= _MEMO_SIZE:
                        missing.clear()
                    counts = missing[chunk] = self._count_unmapped(chunk)
                if counts:
                    total.update(counts)
        return total

    def _block(self, texts: Sequence[str]) -> list[str]:
        if not texts:
            return []
        # A line end between two texts is a chunk of its own, which stands for itself.
        chunks = " \n ".join([text.replace("\n", " ") for text in texts]).split(" ")
        memo = self._memo
        new = set(chunks).difference(memo)
        if new:
            if len(memo) + len(new) > _MEMO_SIZE:
                memo.clear()
                memo["\n"] = "\n"
                new = set(chunks)
                new.discard("\n")
            self._learn(sorted(new))
        said = map(memo.__getitem__, chunks)
        if self._form == "ipa":
            return " ".join(said).split(" \n ")
        lines = _BETWEEN.join(filter(None, said)).split("\n")
        return [line.removeprefix(_BETWEEN).removesuffix(_BETWEEN) for line in lines]

    def _learn(self, chunks: Sequence[str]) -> None:
        """Put the results of chunks into the memory; all their words are said together."""
        rows = [self._tokens(chunk) for chunk in chunks]
        words = list(dict.fromkeys(token.text for row in rows for token in row if token.kind == "word"))
        said = dict(zip(words, self._engine.words(words), strict=True))
        make = self._ipa if self._form == "ipa" else self._phonemes
        for chunk, row in zip(chunks, rows, strict=True):
            self._memo[chunk] = make(row, said)

    def _tokens(self, chunk: str) -> list["_Token"]:
        tokens: list[_Token] = []
        spelled = False  # whether a number in words stands right before
        for match in self._pattern.finditer(chunk):
            kind, text = match.lastgroup or "mark", match[0]
            if kind == "number" and self._digits == "spell":
                for word in number_words(text, self.code):
                    if tokens and tokens[-1].kind == "word":  # also A4: two words
                        tokens.append(_Token("space", " "))
                    tokens.append(_Token("word", word))
                spelled = True
                continue
            if spelled and kind == "word":
                tokens.append(_Token("space", " "))
            spelled = False
            if kind == "word" and self._form == "phonemes":
                tokens.extend(_Token(kind, part) for part in self._engine.parts(text))
            else:
                tokens.append(_Token(kind, text))
        return tokens

    def _ipa(self, tokens: Iterable["_Token"], said: dict[str, str]) -> str:
        return "".join(_tied(said[token.text], self._ties) if token.kind == "word" else token.text for token in tokens)

    def _phonemes(self, tokens: Iterable["_Token"], said: dict[str, str]) -> str:
        words = []
        for token in tokens:
            if token.kind == "word":
                words.append(" ".join(self._segments(said[token.text])) or UNKNOWN_UNIT)
            elif token.kind == "number":
                words.append(" ".join(token.text))
            elif token.kind == "mark":
                words.append(UNKNOWN_UNIT if token.text[0] in "▁#" else token.text)
        return _BETWEEN.join(words)

    def _segments(self, ipa: str) -> list[str]:
        segments = segment(ipa, self._segmenter, unknown="keep")
        if self._ties == "split":
            return [part for name in segments for part in name.replace("\u035c", "\u0361").split("\u0361") if part]
        return [_tied(name, self._ties) for name in segments]

    def _count_unmapped(self, chunk: str) -> Counter[str]:
        total: Counter[str] = Counter()
        for token in self._tokens(chunk):
            if token.kind == "word":
                total += self._engine.unmapped(token.text)
            elif token.kind == "number":
                total.update(token.text)
        return total


def phonemize(text: str, lang: str, **options: Any) -> str:
    """`text` with its words as phonemes of a language; the options are those of Phonemizer."""
    return _phonemizer(lang, **options)(text)


def phonemize_words(words: Iterable[str], lang: str, **options: Any) -> list[list[str]]:
    """The units (segments) of each of a list of words, at least one a word; the options are those of Phonemizer."""
    return _phonemizer(lang, **{**options, "form": "phonemes"}).units(words)


class _Token(NamedTuple):
    kind: str
    """`word`, `number`, `mark` (one punctuation mark or symbol) or `space`."""
    text: str


@lru_cache(maxsize=32)
def _phonemizer(lang: str, **options: Any) -> Phonemizer:
    return Phonemizer(lang, **options)


def _check(options: dict[str, Any]) -> None:
    choices = {
        "form": Form, "backend": Backend, "ties": Ties, "unmapped": Unmapped, "digits": Digits, "segmenter": Segmenter,
        "spelling": Spelling,
    }  # fmt: skip
    for name, kind in choices.items():
        if options[name] not in get_args(kind):
            message = f"{name}={options[name]!r} is not known; it can be: {', '.join(get_args(kind))}"
            raise TranslitError(message)


@lru_cache(maxsize=64)
def _token_pattern(code: str, knows_apostrophes: bool, spells_digits: bool) -> Any:
    """Words, numbers, white space and single marks of a text; nothing is left over.

    A word is letters and the marks, joiners and direction signs among them, with apostrophes inside. Where the language
    writes a sound as an apostrophe, one at the end belongs to the word too, unless another one opens it as a quotation.
    """
    import regex

    letter = rf"[{_LETTERS}]"
    inside = rf"[{_LETTERS}\d]" if code in _TONE_DIGITS else letter
    word = rf"{letter}{inside}*(?:{_APOSTROPHE}{letter}{inside}*)*"
    if knows_apostrophes:
        word = rf"(?<!{_APOSTROPHE}){word}{_APOSTROPHE}|{word}"
    if code == ENGLISH:
        word = rf"(?:[A-Za-z]\.){{2,}}|{word}"
    kinds = {
        "number": number_pattern(code if spells_digits else None),
        "word": word,
        # Control characters and U+200B (a break between words) separate, like white space.
        "space": r"[\s\p{Cc}\p{Cs}\u200b]+",
        "mark": r".[\p{M}\u200d]*",
    }
    return regex.compile("|".join(f"(?P<{kind}>{expression})" for kind, expression in kinds.items()), regex.DOTALL)


def _tied(ipa: str, ties: Ties) -> str:
    """Tie bars as asked for; with `ligature`, those that have no ligature keep the bar."""
    if ties == "keep" or not any(tie in ipa for tie in _TIES):
        return ipa
    for tie in _TIES:
        if ties == "split":
            ipa = ipa.replace(tie, "")
        else:
            for pair, ligature in _LIGATURES.items():
                ipa = ipa.replace(pair[0] + tie + pair[1], ligature)
    return ipa
