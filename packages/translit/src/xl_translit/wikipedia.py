"""Codes of Wikipedia's editions, by which WikiAnn (PAN-X) and fastText's vectors are named: some are not ISO 639's.

Of meta.wikimedia.org, "List of Wikipedias" and "Special language codes": `als` is Alemannic there, Tosk Albanian in
ISO 639-3; `nrm` is Norman there and Narom in ISO 639-3.
"""

from xl_translit.languages import language

WIKIPEDIA_CODES = {
    "als": "gsw_Latn", "bat-smg": "sgs_Latn", "be-x-old": "bel_Cyrl", "bh": "bho_Deva", "cbk-zam": "cbk_Latn",
    "eml": "egl_Latn", "fiu-vro": "vro_Latn", "map-bms": "jav_Latn", "nds-nl": "nds_Latn", "no": "nob_Latn",
    "nrm": "nrf_Latn", "roa-rup": "rup_Latn", "roa-tara": "nap_Latn", "sh": "hbs_Latn", "simple": "eng_Latn",
    "zh-classical": "lzh_Hant", "zh-min-nan": "nan_Latn", "zh-yue": "yue_Hant",
}  # fmt: skip
"""Editions whose code is not that of ISO 639, or of a variety of the language."""


def wikipedia_language(code: str) -> str:
    """The language of an edition ("als" -> "gsw_Latn", "tr" -> "tur_Latn"); TranslitError for what states none."""
    folded = code.replace("_", "-")
    return WIKIPEDIA_CODES[folded] if folded in WIKIPEDIA_CODES else language(code)
