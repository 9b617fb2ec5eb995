"""Codes of Wikipedia's editions, by which WikiAnn (PAN-X) and fastText's vectors are named: some are not ISO 639's.

Of meta.wikimedia.org, "List of Wikipedias" and "Special language codes": `als` is Alemannic there, Tosk Albanian in
ISO 639-3; `nrm` is Norman there and Narom in ISO 639-3; `mo` is Romanian in Cyrillic letters. MediaWiki's
`LanguageCode` maps a part of them alike (als, bat-smg, fiu-vro, zh-yue ...), without scripts; the
others rest on the lists alone.
"""

from xl_translit.errors import TranslitError
from xl_translit.languages import language

WIKIPEDIA_CODES = {
    "als": "gsw_Latn", "bat-smg": "sgs_Latn", "be-x-old": "bel_Cyrl", "bh": "bho_Deva", "cbk-zam": "cbk_Latn",
    "eml": "egl_Latn", "fiu-vro": "vro_Latn", "map-bms": "jav_Latn", "mo": "ron_Cyrl", "nds-nl": "nds_Latn",
    "no": "nob_Latn", "nrm": "nrf_Latn", "roa-rup": "rup_Latn", "roa-tara": "nap_Latn", "sh": "hbs_Latn",
    "simple": "eng_Latn", "zh-classical": "lzh_Hant", "zh-min-nan": "nan_Latn", "zh-yue": "yue_Hant",
}  # fmt: skip
"""Editions whose code is not that of ISO 639, or of a variety of the language."""


def wikipedia_language(code: str) -> str:
    """The language of an edition ("als" -> "gsw_Latn", "tr" -> "tur_Latn"); TranslitError for what states none."""
    folded = code.replace("_", "-")
    return WIKIPEDIA_CODES[folded] if folded in WIKIPEDIA_CODES else language(code)


def vectors_language(stem: str) -> tuple[str, bool] | None:
    """The language that the name of a file of word vectors states last, and whether by a code of its own.

    stem: the name without suffixes of format: "wiki.tr.mapped" -> ("tur_Latn", True). fastText's names, `cc.` or
    `wiki.` and on, follow Wikipedia: "cc.als.300" -> ("gsw_Latn", False), "als" -> ("als_Latn", True).

    None for a name that states none.
    """
    editions = stem.startswith(("cc.", "wiki."))
    for part in reversed(stem.split(".")):
        try:
            code = wikipedia_language(part) if editions else language(part)
        except TranslitError:
            continue
        return code, not (editions and part.replace("_", "-") in WIKIPEDIA_CODES)
    return None
