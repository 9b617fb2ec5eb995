"""Answers in the form in which they are compared: lower case, no punctuation, no articles, in tokens.

`english_tokens` is the definition of SQuAD v1.1 (Rajpurkar et al., 2016), which papers apply to all languages.
`language_tokens` is that of MLQA (Lewis et al., 2020): the punctuation of all scripts, the articles of the language,
and single characters as tokens where the script puts no spaces between words. MLQA defines it for seven languages
(Chinese among them, of which it cuts U+4E00 to U+9FA5 and nothing else); the others have the same punctuation, no
articles, and characters as tokens where their script needs it.
"""

import re
import string
import unicodedata
from functools import cache

_ENGLISH_ARTICLES = re.compile(r"\b(a|an|the)\b")
# The lists of MLQA. Its Arabic pattern takes ال out wherever it stands, also within a word; kept, so that figures can
# be compared: prediction and gold lose the same letters.
_ARTICLES = {
    "eng": _ENGLISH_ARTICLES,
    "spa": re.compile(r"\b(un|una|unos|unas|el|la|los|las)\b"),
    "vie": re.compile(r"\b(của|là|cái|chiếc|những)\b"),
    "deu": re.compile(r"\b(ein|eine|einen|einem|eines|einer|der|die|das|den|dem|des)\b"),
    "ara": re.compile("ال"),
}
_ARABIC = {"arb", "ary", "arz", "ars", "acm", "acq", "aeb", "ajp", "apc"}
# Turkic in Latin letters: the capital of i is İ, and I is that of ı.
_DOTTED = {"tur", "azj", "aze", "crh"}
# Scripts without spaces between words: Han, kana, Thai, Lao, Tibetan, Myanmar, Khmer.
_UNSPACED = re.compile(
    "[\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af"
    "\u0e00-\u0e7f\u0e80-\u0eff\u0f00-\u0fff\u1000-\u109f\uaa60-\uaa7f\ua9e0-\ua9ff\u1780-\u17ff]"
)
# What MLQA's `mixed_segmentation` cuts: 〇, kana and the Han characters of later versions of Unicode stay in their run.
_MLQA_HAN = re.compile("([\u4e00-\u9fa5])")
_UNSPACED_SCRIPTS = {"Hans", "Hant", "Hani", "Jpan", "Thai", "Laoo", "Tibt", "Mymr", "Khmr"}

_NO_PUNCTUATION = str.maketrans("", "", string.punctuation)


def english_tokens(answer: str) -> list[str]:
    """The tokens of an answer by SQuAD v1.1: lower case, no ASCII punctuation, no a/an/the, split at white space."""
    return _ENGLISH_ARTICLES.sub(" ", answer.lower().translate(_NO_PUNCTUATION)).split()


def language_tokens(answer: str, language: str) -> list[str]:
    """The tokens of an answer by the rules of `language` (any spelling; UnknownLanguageError for none), as MLQA has it.

    Punctuation is ASCII's and every P* category of Unicode. Chinese is cut as MLQA cuts it; where another script puts
    no spaces between words, each of its characters is a token with the marks on it, and runs of other scripts stay
    whole. A mark without its letter is no token: two Thai words that share a tone mark would otherwise overlap.
    """
    individual, script = _parts(language)
    if individual in _DOTTED and script == "Latn":
        answer = answer.replace("İ", "i").replace("I", "ı")
    text = "".join(char for char in answer.lower() if not _is_punctuation(char))
    articles = _ARTICLES.get("ara" if individual in _ARABIC else individual)
    if articles is not None:
        text = articles.sub(" ", text)
    if individual == "zho":
        return _MLQA_HAN.sub(r" \1 ", text).split()
    return _characters(text) if script in _UNSPACED_SCRIPTS else text.split()


@cache
def _parts(language: str) -> tuple[str, str]:
    from xl_translit import language as canonical

    individual, _, script = canonical(language).partition("_")
    return individual, script


@cache
def _is_punctuation(char: str) -> bool:
    return char in string.punctuation or unicodedata.category(char).startswith("P")


def _characters(text: str) -> list[str]:
    """Tokens of a text in a script without spaces."""
    tokens: list[str] = []
    open_run = marked = False  # whether a run of another script goes on; whether a mark may join the last token
    for char in text:
        if char.isspace():
            open_run = marked = False
        elif marked and unicodedata.category(char).startswith("M"):
            tokens[-1] += char
        elif _UNSPACED.match(char):
            tokens.append(char)
            open_run, marked = False, True
        elif open_run:
            tokens[-1] += char
        else:
            tokens.append(char)
            open_run = marked = True
    return tokens
