"""Sentences of a paragraph in any script: by rule, or by ICU.

The rule begins with the signs that Unicode calls sentence terminators (UAX 29, STerm and ATerm) and looks at both sides
of each: a full stop inside a number, behind an initial, or before a small letter ends nothing. ICU applies UAX 29 as it
stands, which knows no initials.
"""

from dataclasses import dataclass

import regex

from xl_encoders.errors import EncoderError
from xl_encoders.registry import unknown_name
from xl_encoders.text.udpipe import udpipe_identity, udpipe_sentences
from xl_encoders.text.word_breaking import icu_segments, word_breaker

Spans = list[tuple[int, int]]

ENGINES = ("auto", "rule", "icu", "udpipe")

# Unicode's terminators, and signs that it leaves out (ellipsis, Tibetan shads), without the Burmese little section
# (U+104A), which parts phrases.
_STOP = r"[[\p{SB=STerm}\p{SB=ATerm}…།༎༔]--[၊]]"
# Full-width signs, which no space follows, with the quotes and brackets that they close.
_WIDE = rf"(?:[。！？｡︒︕︖]|．(?!\p{{N}})){_STOP}*+[\p{{Pe}}\p{{Pf}}\"'＂＇]*+"
# Unambiguous signs of other scripts (danda, Burmese, Khmer, Ethiopic ...): a letter may follow at once.
_FULL = r"[[\p{SB=STerm}།༎༔]--[!?։؟‼‽⁇⁈⁉၊！？。｡]]"
_CLOSING = r"[\p{Pe}\p{Pf}\p{Pi}\"']*+"
# Whole runs of signs only and no second look at them, so that a page of dots takes no longer than a page of text.
_END = regex.compile(
    rf"(?V1){_WIDE}|(?<!{_STOP})(?:{_FULL}++{_CLOSING}(?=[\s\p{{L}}]|$)|(?P<plain>{_STOP}++){_CLOSING}(?=\s|$))"
    r"|(?P<line>[\n\r\x0b\x0c\x85\u2028\u2029])"
)
# With a small letter ahead (quotes and brackets may come first) the sentence goes on: '"Really?" he said.'
_SMALL_AHEAD = regex.compile(r"\s*+\p{P}{0,4}+\s?\p{Ll}")
# One capital letter, or one of Arabic or Hebrew, before the full stop: an initial, "J. Smith", "U.S. law".
_INITIAL = regex.compile(r"(?<![\p{L}\p{M}\p{N}])(?:\p{Lu}|(?V1)[\p{Lo}&&[\p{Arabic}\p{Hebrew}]])\p{M}*$")
_ORDINAL = regex.compile(r"(?<![\p{L}\p{N}.,])\p{N}{1,2}$")
_CONTENT = regex.compile(r"[\p{L}\p{N}]")
_MARGIN = 8  # characters before a full stop that tell an initial

# Languages that write ordinals as a number and a full stop: "am 3. Mai".
_ORDINAL_LANGUAGES = frozenset(
    "bos ces dan deu ekk est fao fin gsw hrv hsb hun isl lav lvs ltz nno nob nor pol slk slv srp tur".split()  # noqa: SIM905  a list of these would fill a page
)


@dataclass(frozen=True)
class SentenceBreaker:
    """Call it with a paragraph: (start, end) of each sentence in code points, ascending.

    A sentence begins and ends with a visible character and holds a letter or a digit, unless the whole paragraph has
    none; nothing visible is left out. It can be pickled.
    """

    language: str
    engine: str
    """"rule", "icu" or "udpipe"."""
    model: str = ""
    """File of a UDPipe model."""

    @property
    def identity(self) -> str:
        """Two alike give the same sentences."""
        if self.engine == "udpipe":
            return udpipe_identity(self.model)
        return word_breaker(self.language, "icu").identity if self.engine == "icu" else self.engine

    def __call__(self, text: str) -> Spans:
        """(start, end) of each sentence of `text`."""
        if self.engine == "icu":
            readable = regex.sub(r"\p{Cs}", "\N{REPLACEMENT CHARACTER}", text)
            ends = [end for _start, end in icu_segments(readable, self.language, "SentenceBreaker")]
        elif self.engine == "udpipe":
            ends = [tokens[-1][1] for tokens in udpipe_sentences(text, self.model) if tokens]
        else:
            ends = self._rule(text)
        return _sentences(text, ends)

    def _rule(self, text: str) -> list[int]:
        name = self.language.partition("_")[0]
        ends = []
        for match in _END.finditer(text):
            if match["plain"]:
                if _SMALL_AHEAD.match(text, match.end()):
                    continue
                before = text[max(0, match.start() - _MARGIN) : match.start()]
                if match["plain"] == "." and (
                    _INITIAL.search(before) or (name in _ORDINAL_LANGUAGES and _ORDINAL.search(before))
                ):
                    continue
            ends.append(match.end())
        if name in ("ell", "grc"):  # the Greek question mark is written as a semicolon
            ends = sorted({*ends, *(m.end() for m in regex.finditer(r";[\p{Pe}\p{Pf}\"']*(?=\s|$)", text))})
        return ends


def sentence_breaker(language: str = "", engine: str = "auto", *, model: str = "") -> SentenceBreaker:
    """A callable that gives the sentences of a paragraph of `language` ("hin_Deva", or empty).

    engine: rule, icu, udpipe (of `model`, a file), or auto, which is the rule: the same sentences on every machine.
    The language decides two things in the rule: a semicolon ends a Greek sentence, and "3." is an ordinal in German,
    Finnish, Turkish and others. Neither rule nor ICU cuts Thai or Lao, which part sentences by spaces as they part
    phrases: there a paragraph is one sentence.

    Raises EncoderError for an unknown engine or language, and for ICU where it is not installed.
    """
    if engine not in ENGINES:
        raise EncoderError(unknown_name("engine", engine, list(ENGINES)))
    chosen = "rule" if engine == "auto" else engine
    word_breaker(language, chosen, model=model)
    return SentenceBreaker(language, chosen, model)


def _sentences(text: str, ends: list[int]) -> Spans:
    """Spans between `ends`, without white space around; a part without letters belongs to the one before it."""
    spans: Spans = []
    start = 0
    for end in [*ends, len(text)]:
        part = text[start:end]
        first = start + len(part) - len(part.lstrip())
        last = start + len(part.rstrip())
        start = end
        if first >= last:
            continue
        if spans and not (_CONTENT.search(text, first, last) and _CONTENT.search(text, *spans[-1])):
            spans[-1] = (spans[-1][0], last)
        else:
            spans.append((first, last))
    return spans
