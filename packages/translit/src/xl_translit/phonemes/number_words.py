"""Numbers in digits as words of a language: `number_words("1984", "spa-Latn")` is `["mil", "novecientos", ...]`.

The words are those of the library `num2words`. A run of decimal digits of any script is a number; one that begins with
0, or that is larger than num2words can say (twelve digits at most), is read digit by digit.
"""

import re
import unicodedata
from functools import lru_cache

from xl_translit.errors import TranslitError

# Epitran's code without a variant -> num2words. Amharic is left out: num2words 0.5.14 never returns from it.
_LANGUAGES = {
    "ara-Arab": "ar", "aze-Latn": "az", "ben-Beng": "bn", "cat-Latn": "ca", "ces-Latn": "cs", "cym-Latn": "cy",
    "deu-Latn": "de", "eng-Latn": "en", "epo-Latn": "eo", "fas-Arab": "fa", "fin-Latn": "fi", "fra-Latn": "fr",
    "hun-Latn": "hu", "ind-Latn": "id", "ita-Latn": "it", "jpn-Jpan": "ja", "kan-Knda": "kn", "kaz-Cyrl": "kz",
    "kor-Hang": "ko", "lav-Latn": "lv", "lit-Latn": "lt", "nld-Latn": "nl", "nno-Latn": "no", "pol-Latn": "pl",
    "por-Latn": "pt", "ron-Latn": "ro", "rus-Cyrl": "ru", "slv-Latn": "sl", "spa-Latn": "es", "srp-Latn": "sr",
    "swe-Latn": "sv", "tel-Telu": "te", "tgk-Cyrl": "tg", "tha-Thai": "th", "tur-Latn": "tr", "ukr-Cyrl": "uk",
    "vie-Latn": "vi",
}  # fmt: skip
_LONGEST = 12
# Where num2words 0.5.14 loses the "one" before such a word (Azerbaijani 21,500 as 20,500, Turkish 601,235 as 600,235,
# findings/): the words of 10^3, 10^6 and 10^9, and what stands between two words. One thousand is "thousand" in both.
_GROUP_WORDS = {"az": (("min", "milyon", "milyard"), " "), "tr": (("bin", "milyon", "milyar"), "")}
# Where a point separates thousands and a comma decimals; elsewhere it is taken the other way round.
_POINT_LANGUAGES = {"ca", "de", "es", "id", "it", "nl", "pt", "ro", "sl", "sr", "tr", "vi", "az"}
_GROUPED = r"\d{{1,3}}(?:[{marks}]\d{{3}})+(?!\d)"


def can_spell_numbers(code: str) -> bool:
    """Whether there are number words for a code of Epitran (a variant counts as its language)."""
    return _language_of(code) is not None


def number_pattern(code: str | None) -> str:
    r"""Expression for a number: digits, and digits in groups of three as the language writes them.

    None: digits alone, for languages without number words.
    """
    if code is None:
        return r"\d+"
    point = "." if _language_of(code) in _POINT_LANGUAGES else ","
    number = _GROUPED.format(marks=rf"{re.escape(point)}\u00a0\u202f\u066c") + r"|\d+"
    return rf"(?:{number})(?i:st|nd|rd|th)\b|\d+0s\b|{number}" if _language_of(code) == "en" else number


@lru_cache(maxsize=1 << 12)
def number_words(number: str, code: str) -> tuple[str, ...]:
    """The words of a number written in digits of any script; in English also of 21st and 1990s.

    Raises TranslitError where num2words does not know the language.
    """
    name = _language_of(code)
    if name is None:
        codes = ", ".join(sorted(_LANGUAGES))
        message = f"digits cannot be spelled in {code}: num2words does not know the language; keep them, or use {codes}"
        raise TranslitError(message)
    form = "year" if number.endswith("0s") else "ordinal" if number[-1].isalpha() else "cardinal"
    digits = "".join(str(unicodedata.decimal(char)) for char in number if char.isdecimal())
    if len(digits) <= _LONGEST and (digits[0] != "0" or len(digits) == 1):
        try:
            return _words(int(digits), name, form)
        except OverflowError:  # beyond what num2words can say in Kannada and Telugu
            pass
    return tuple(word for digit in digits for word in _words(int(digit), name))


def _words(number: int, name: str, form: str = "cardinal") -> tuple[str, ...]:
    """form: `cardinal`, or in English `ordinal` (21st) and `year`, which here is a decade (1990s)."""
    from num2words import num2words

    whole = _by_groups(number, name) if name in _GROUP_WORDS else num2words(number, lang=name, to=form)
    words = re.sub(r"[,\-\u2010-\u2014]", " ", whole).split()
    if form == "year":
        words[-1] = re.sub("y$", "ie", words[-1]) + "s"
    return tuple(words)


def _by_groups(number: int, name: str) -> str:
    """The words of each group of three digits, which num2words has right, followed by those of _GROUP_WORDS."""
    from num2words import num2words

    scales, between = _GROUP_WORDS[name]
    parts: list[str] = []
    for scale in ("", *scales):
        number, group = divmod(number, 1000)
        if group:
            said = "" if group == 1 and scale == scales[0] else num2words(group, lang=name)
            parts = [*filter(None, (said, scale)), *parts]
    return between.join(parts) or num2words(0, lang=name)


def _language_of(code: str) -> str | None:
    return _LANGUAGES.get("-".join(code.split("-")[:2]))
