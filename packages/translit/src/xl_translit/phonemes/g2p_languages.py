"""Which languages have a grapheme-to-phoneme table: any spelling of a language to Epitran's code, with notes on it.

Epitran names its tables `iso639-3`-`iso15924`, some with a variant behind: `tur-Latn`, `ben-Beng-red`, `spa-Latn-eu`.
For a language with several, the plain one is meant; a code of Epitran itself is taken as it is.
"""

import re
from functools import cache

from xl_translit.errors import UnknownLanguageError
from xl_translit.languages import language, language_name
from xl_translit.phonemes.epitran_maps import epitran_folder, map_codes

ENGLISH = "eng-Latn"
DICTIONARY_CODES = ("cmn-Hans", "cmn-Hant", "jpn-Jpan", "yue-Hant")
"""Codes that need a dictionary file which nobody may ship with Epitran."""

# our language -> Epitran's, where a macrolanguage or a member of it is named instead
_NAMES = {
    "als": "sqi", "arb": "ara", "azj": "aze", "fil": "tgl", "fuv": "ful", "gaz": "orm", "khk": "mon", "lvs": "lav",
    "ory": "ori", "pbt": "pbu", "pes": "fas", "srd": "sro", "swh": "swa", "uzn": "uzb", "zho": "cmn", "zsm": "msa",
}  # fmt: skip
# languages of which there is no plain table
_VARIANTS = {
    "hat-Latn": "hat-Latn-bab",
    "ltc-Latn": "ltc-Latn-bax",
    "mon-Cyrl": "mon-Cyrl-bab",
    "ood-Latn": "ood-Latn-alv",
    "pii-Latn": "pii-latn_Wiktionary",
}
# what Epitran's own documentation warns of
_AMBIGUOUS = {
    "ara-Arab",
    "cat-Latn",
    "ckb-Arab",
    "fas-Arab",
    "fra-Latn",
    "fra-Latn-np",
    "gle-Latn",
    "mya-Mymr",
    "por-Latn",
}
_SUFFIX_NOTES = {
    "np": "assumes that the spelling is phonemic",
    "nar": "narrower, more phonetic variant",
    "p": "more phonetic variant",
    "pp": "more phonetic variant",
    "red": "reduced set of phonemes",
    "bab": "conventions of the Babel project",
    "east": "eastern variety",
    "eu": "Iberian variety",
    "rev": "experimental reversed table",
    "prereform": "spelling before the reform",
}
_TONES_LOST = "marks of tone have no row and are left out, counted as unmapped; spelling=keep passes them on"
_OTHER_NOTES = {
    "cmn-Latn": "reads Pinyin, not characters",
    "ltc-Latn-bax": "Middle Chinese in the notation of Baxter and Sagart",
    "pbu-Arab": "made for Northern (Yousafzai) Pashto",
    "sag-Latn": _TONES_LOST,
    "sro-Latn": "made for Campidanese Sardinian",
    "uew": "language without a script in its code",
    "yor-Latn": _TONES_LOST,
    "yue-Latn": "reads Jyutping, not characters",
}
_UNSPACED = {"khm-Khmr", "lao-Laoo", "lao-Laoo-prereform", "mya-Mymr", "tha-Thai"}


@cache
def g2p_codes() -> tuple[str, ...]:
    """Every code that phonemes can be made for: Epitran's tables, English, and those that need a dictionary file."""
    return tuple(sorted({*map_codes(), ENGLISH, *DICTIONARY_CODES}))


@cache
def g2p_code(lang: str) -> str | None:
    """Epitran's code for a language in any spelling (`tur-Latn` for tr), or the code itself; None where there is none.

    Raises UnknownLanguageError for a spelling that names no language.
    """
    codes = _codes_by_spelling()
    given = codes.get(lang.strip().replace("_", "-").lower())
    if given:
        return given
    individual, _, script = language(lang).partition("_")
    code = f"{_NAMES.get(individual, individual)}-{script}"
    code = _VARIANTS.get(code, code)
    return codes.get(code.replace("_", "-").lower())


def require_g2p_code(lang: str) -> str:
    """`g2p_code`, but UnknownLanguageError naming what there is where a language has no table."""
    code = g2p_code(lang)
    if code is None:
        canonical = language(lang)
        individual = canonical.partition("_")[0]
        others = [c for c in g2p_codes() if c.startswith(_NAMES.get(individual, individual) + "-")]
        instead = f"; of that language there is {', '.join(others)}" if others else ""
        message = (
            f"no phonemes for {canonical} ({language_name(canonical)}){instead}; "
            f"`xl ls languages` and g2p_codes() list what there is, e.g. {', '.join(_EXAMPLES)}"
        )
        raise UnknownLanguageError(message)
    return code


def g2p_note(code: str) -> str:
    """What to know before trusting a code's phonemes, in a few words; "" where nothing is known against it."""
    if code == ENGLISH:
        return "dictionary of pronunciations, rules for words outside it"
    if code in DICTIONARY_CODES:
        return "needs a dictionary file (see Phonemizer)"
    notes = []
    if code in _AMBIGUOUS:
        notes.append("limited: the spelling leaves much of the sound open")
    suffix = code.split("-")[2] if code.count("-") == 2 else ""
    if suffix in _SUFFIX_NOTES:
        notes.append(_SUFFIX_NOTES[suffix])
    if code in _OTHER_NOTES:
        notes.append(_OTHER_NOTES[code])
    if code in _UNSPACED:
        notes.append("written without spaces: a run of letters counts as one word")
    if code in map_codes() and re.search("[˩˨˧˦˥]", (epitran_folder() / "map" / f"{code}.csv").read_text("utf-8")):
        notes.append("tones of the table are left out")
    return "; ".join(notes)


_EXAMPLES = ("ara-Arab", "eng-Latn", "fra-Latn", "hin-Deva", "rus-Cyrl", "swa-Latn", "tur-Latn")


@cache
def _codes_by_spelling() -> dict[str, str]:
    return {code.replace("_", "-").lower(): code for code in g2p_codes()}
