"""Words of running text in any language: by rule, or by a library where a script does not write spaces.

A rule (`split_words`) serves every script that parts its words. For the others there are ICU (Thai, Lao, Khmer,
Burmese, Chinese, Japanese), jieba (Chinese) and fugashi, a MeCab (Japanese). They are optional; without them the rule
stands in and one warning says what to install. All spans count code points of the text as it was given.
"""

import logging
import warnings
from bisect import bisect_right
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import Any

import regex

from xl_encoders.errors import EncoderError
from xl_encoders.registry import unknown_name
from xl_encoders.text.udpipe import udpipe_identity, udpipe_sentences
from xl_encoders.text.word_splitting import RULE, split_words

_log = logging.getLogger(__name__)

Spans = list[tuple[int, int]]

ENGINES = ("auto", "rule", "space", "icu", "jieba", "fugashi", "udpipe")

_EXTRAS = {"icu": "icu", "jieba": "chinese", "fugashi": "japanese"}
# rjieba has jieba's dictionary and its answers, ten times as fast
_JIEBAS = ("rjieba", "jieba")
_MECAB_DICTIONARIES = ("unidic", "unidic_lite", "ipadic")

_CHINESE, _JAPANESE = {"Hans", "Hant", "Hani"}, {"Jpan", "Hrkt", "Hira", "Kana"}
_DENSE_SCRIPTS = {"Thai", "Laoo", "Khmr", "Mymr"}
# scripts of languages that are named without one
_SCRIPTS = {
    "tha": "Thai", "nod": "Thai", "lao": "Laoo", "khm": "Khmr", "mya": "Mymr", "shn": "Mymr",
    "zho": "Hans", "cmn": "Hans", "yue": "Hant", "wuu": "Hans", "nan": "Hant", "hak": "Hant", "gan": "Hans",
    "hsn": "Hans", "lzh": "Hant", "jpn": "Jpan",
}  # fmt: skip
_LANGUAGE = regex.compile(r"([a-z]{3})(?:_([A-Z][a-z]{3}))?")

# a letter of a script without spaces
_DENSE = regex.compile(r"(?V1)[\p{L}&&[\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}\p{Han}\p{Hiragana}\p{Katakana}]]")
# what no word holds: white space, control characters, zero-width spaces
_VISIBLE = regex.compile(r"[^\s\p{Cc}\u200B\uFEFF]+")
_ONLY_FORMAT = regex.compile(r"\p{Cf}+")
# what every word holds: a letter, a digit or a mark
_OF_WORDS = regex.compile(r"[\p{L}\p{N}\p{M}]")
_UNREADABLE = regex.compile(r"[\p{Cc}\p{Cs}]")
_ASTRAL = regex.compile(r"[\U00010000-\U0010FFFF]")


@dataclass(frozen=True)
class WordBreaker:
    """Call it with a text: (start, end) of each word in code points, ascending, none with white space inside.

    Every letter and digit is in one word, and every word holds a letter, a digit or a mark: punctuation alone is none,
    whoever cuts, but for the engine "space", which leaves the words of cut text as they are. It can be pickled; the
    library is opened in each process.
    """

    language: str
    engine: str
    """"rule", "space", "icu", "jieba", "fugashi", "udpipe", or "rule+icu": ICU in scripts without spaces, else rule."""
    warns: bool = field(default=False, compare=False, repr=False)
    """Say once that ICU is missing when a text needs it."""
    model: str = ""
    """File of a UDPipe model."""

    @property
    def identity(self) -> str:
        """Engine, library, version and rule, "icu (icu4py 1.2.0), rule 2" for instance: two alike give the same words.

        The rule says for every engine but "space" what may be a word.
        """
        libraries = {"icu": _icu, "rule+icu": _icu, "jieba": _jieba, "fugashi": _fugashi}
        if self.engine == "space":
            return self.engine
        if self.engine == "rule":
            return f"rule {RULE}"
        if self.engine == "udpipe":
            return f"{udpipe_identity(self.model)}, rule {RULE}"
        names = [libraries[self.engine]().__name__.partition(".")[0]]
        if self.engine == "fugashi":
            names.append(_tagger()[0])
        return f"{self.engine} ({', '.join(f'{name} {version(name)}' for name in names)}), rule {RULE}"

    def __call__(self, text: str) -> Spans:
        """(start, end) of each word of `text`."""
        if self.engine == "rule":
            if self.warns and _DENSE.search(text):
                _warn_once("Text in a script without spaces", "icu")
            return split_words(text)
        if self.engine == "space":
            return _visible(text, [(0, len(text))])
        if self.engine == "rule+icu":
            return _rule_with_icu(text)
        if self.engine == "udpipe":
            return _words(text, [token for tokens in udpipe_sentences(text, self.model) for token in tokens])
        return _words(text, _SEGMENTERS[self.engine](_UNREADABLE.sub(_readable, text), self.language))


def word_breaker(language: str = "", engine: str = "auto", *, model: str = "") -> WordBreaker:
    """A callable that gives the words of a text of `language` ("tha_Thai", or empty: any mixture).

    engine:
        auto: Chinese by jieba, else ICU; Japanese by fugashi, else ICU; Thai, Lao, Khmer and Burmese script by ICU; if
            none of them is installed by the rule, and a warning in the log says so once. Any other language by the
            rule. With an empty language the rule, and ICU inside runs of scripts that do not write spaces.
        rule: `split_words`; nothing to install.
        space: what stands between white space, for text that is tokenised already.
        udpipe: the tokenizer of `model`, the file of a UDPipe model.
        icu | jieba | fugashi: that library for the whole text, its numbers too. As everywhere, white space, control
            characters and zero-width spaces belong to no word.

    Raises EncoderError for an unknown engine or language, and for a library that is not installed (with its extra).
    """
    script = _script_of(language)
    if engine not in ENGINES:
        raise EncoderError(unknown_name("engine", engine, list(ENGINES)))
    if engine == "auto" and not language:
        there = _is_there("icu")
        return WordBreaker("", "rule+icu" if there else "rule", warns=not there)
    if engine == "auto":
        return WordBreaker(language, _automatic(language, script))
    if engine == "udpipe":
        udpipe_identity(model)
    if engine in _OPENERS:
        _OPENERS[engine]()
    return WordBreaker(language, engine, model=model)


def _script_of(language: str) -> str:
    if not language:
        return ""
    parts = _LANGUAGE.fullmatch(language)
    if not parts:
        message = f"language {language!r} is not written as tha_Thai is; write ISO 639-3 and script, or leave it out"
        raise EncoderError(message)
    return parts[2] or _SCRIPTS.get(parts[1], "")


def _automatic(language: str, script: str) -> str:
    if script in _CHINESE:
        engines = ["jieba", "icu"]
    elif script in _JAPANESE:
        engines = ["fugashi", "icu"]
    elif script in _DENSE_SCRIPTS:
        engines = ["icu"]
    else:
        return "rule"
    for engine in engines:
        if _is_there(engine):
            return engine
    _warn_once(language, _EXTRAS[engines[0]])
    return "rule"


@cache
def _warn_once(what: str, extra: str) -> None:
    _log.warning(
        "%s is cut by rule: each Han character, and all that stands between spaces or punctuation, is a word; for real "
        "words: pip install 'xl-encoders[%s]'",
        what,
        extra,
    )


def _is_there(engine: str) -> bool:
    try:
        _OPENERS[engine]()
    except EncoderError:
        return False
    return True


def _opened(engine: str, *modules: str) -> ModuleType:
    for module in modules:
        try:
            # jieba of 2020 has escapes in its patterns that Python has warned of since
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return import_module(module)
        except ImportError:
            continue
    message = f"engine {engine!r} needs {modules[0].partition('.')[0]}: pip install 'xl-encoders[{_EXTRAS[engine]}]'"
    raise EncoderError(message)


@cache
def _icu() -> ModuleType:
    return _opened("icu", "icu4py.breakers")


@cache
def _jieba() -> ModuleType:
    opened = _opened("jieba", *_JIEBAS)
    if opened.__name__ == "jieba":
        opened.setLogLevel(logging.WARNING)  # it tells of its dictionary at each start
    return opened


@cache
def _fugashi() -> ModuleType:
    opened = _opened("fugashi", "fugashi")
    _tagger()
    return opened


@cache
def _tagger() -> tuple[str, Any]:
    """Name of the first dictionary that opens, and a tagger with it."""
    fugashi = _opened("fugashi", "fugashi")
    for name in _MECAB_DICTIONARIES:
        try:
            folder = import_module(name).DICDIR
            return name, fugashi.GenericTagger(f'-r "{Path(folder) / "mecabrc"}" -d "{folder}"')
        except (ImportError, RuntimeError):  # unidic can be installed without its dictionary
            continue
    message = f"engine 'fugashi' finds no dictionary: pip install 'xl-encoders[{_EXTRAS['fugashi']}]'"
    raise EncoderError(message)


_OPENERS: dict[str, Callable[[], ModuleType]] = {"icu": _icu, "jieba": _jieba, "fugashi": _fugashi}


def icu_segments(text: str, language: str, unit: str = "WordBreaker") -> Spans:
    """Segments of the whole `text` by a breaker class of icu4py, in code points; `text` without lone surrogates."""
    segments = getattr(_icu(), unit)(text, language.partition("_")[0] or "root").segments()
    astral = [match.start() for match in _ASTRAL.finditer(text)]
    if not astral:
        return list(segments)
    # ICU counts UTF-16 units, of which a character beyond U+FFFF has two: where each such character ends there
    ends = [position + number + 2 for number, position in enumerate(astral)]

    def points(units: int) -> int:
        return units - bisect_right(ends, units)

    return [(points(start), points(end)) for start, end in segments]


def _jieba_segments(text: str, _language: str) -> Spans:
    opened = _jieba()
    tokens = opened.tokenize(text, mode="default", hmm=True) if opened.__name__ == "rjieba" else opened.tokenize(text)
    return [(start, end) for _word, start, end in tokens]


def _fugashi_segments(text: str, _language: str) -> Spans:
    spans = []
    end = 0
    for node in _tagger()[1](text):
        start = text.index(node.surface, end)  # MeCab passes over white space
        end = start + len(node.surface)
        spans.append((start, end))
    return spans


_SEGMENTERS: dict[str, Callable[[str, str], Spans]] = {
    "icu": icu_segments,
    "jieba": _jieba_segments,
    "fugashi": _fugashi_segments,
}


def _readable(match: Any) -> str:
    """One character that every library takes, for a control character (MeCab ends at NUL) or half a surrogate pair."""
    return "\N{REPLACEMENT CHARACTER}" if "\ud800" <= match[0] <= "\udfff" else " "


def _visible(text: str, segments: Iterable[tuple[int, int]]) -> Spans:
    """The segments, cut at what no word holds; what is left of some is nothing."""
    return [
        match.span()
        for start, end in segments
        for match in _VISIBLE.finditer(text, start, end)
        if not _ONLY_FORMAT.fullmatch(match[0])
    ]


def _words(text: str, segments: Iterable[tuple[int, int]]) -> Spans:
    """What is visible of the segments and holds a letter, a digit or a mark."""
    return [span for span in _visible(text, segments) if _OF_WORDS.search(text, *span)]


def _rule_with_icu(text: str) -> Spans:
    """Words of the rule; neighbours with letters of scripts without spaces are one run, which ICU cuts."""
    spans: Spans = []
    run: tuple[int, int] | None = None
    for start, end in split_words(text):
        dense = _DENSE.search(text, start, end) is not None
        if run and dense and run[1] == start:
            run = (run[0], end)
            continue
        if run:
            spans += _cut_run(text, *run)
        run = (start, end) if dense else None
        if not dense:
            spans.append((start, end))
    return spans + _cut_run(text, *run) if run else spans


def _cut_run(text: str, start: int, end: int) -> Spans:
    part = text[start:end]
    return [(start + first, start + last) for first, last in _words(part, icu_segments(part, ""))]
