"""Names of languages: any usual spelling to one canonical code `LLL_Ssss`, and back to a readable name.

The canonical code is an ISO 639-3 language and an ISO 15924 script joined by `_`, as FLORES-200 and SIB-200 write them.
Data sets of the field disagree about macrolanguages (`fas_Arab`, `pes_Arab`, `pes` and `fa` are one language there),
so a macrolanguage is replaced by the member that FLORES-200 took for it. `langcodes` and `language_data` know the rest:
the ISO registry, deprecated codes, likely scripts (CLDR) and the names of languages.
"""

import re
from difflib import get_close_matches
from functools import cache

from xl_translit.errors import UnknownLanguageError

# The codes of FLORES-200 (and of SIB-200). Where a language is written in several scripts, its first is the default.
LANGUAGES: tuple[str, ...] = tuple(
    """
    ace_Latn ace_Arab acm_Arab acq_Arab aeb_Arab afr_Latn ajp_Arab aka_Latn als_Latn amh_Ethi apc_Arab arb_Arab arb_Latn
    ars_Arab ary_Arab arz_Arab asm_Beng ast_Latn awa_Deva ayr_Latn azb_Arab azj_Latn bak_Cyrl bam_Latn ban_Latn bel_Cyrl
    bem_Latn ben_Beng bho_Deva bjn_Latn bjn_Arab bod_Tibt bos_Latn bug_Latn bul_Cyrl cat_Latn ceb_Latn ces_Latn cjk_Latn
    ckb_Arab crh_Latn cym_Latn dan_Latn deu_Latn dik_Latn dyu_Latn dzo_Tibt ell_Grek eng_Latn epo_Latn est_Latn eus_Latn
    ewe_Latn fao_Latn fij_Latn fin_Latn fon_Latn fra_Latn fur_Latn fuv_Latn gaz_Latn gla_Latn gle_Latn glg_Latn grn_Latn
    guj_Gujr hat_Latn hau_Latn heb_Hebr hin_Deva hne_Deva hrv_Latn hun_Latn hye_Armn ibo_Latn ilo_Latn ind_Latn isl_Latn
    ita_Latn jav_Latn jpn_Jpan kab_Latn kac_Latn kam_Latn kan_Knda kas_Arab kas_Deva kat_Geor kaz_Cyrl kbp_Latn kea_Latn
    khk_Cyrl khm_Khmr kik_Latn kin_Latn kir_Cyrl kmb_Latn kmr_Latn knc_Latn knc_Arab kon_Latn kor_Hang lao_Laoo lij_Latn
    lim_Latn lin_Latn lit_Latn lmo_Latn ltg_Latn ltz_Latn lua_Latn lug_Latn luo_Latn lus_Latn lvs_Latn mag_Deva mai_Deva
    mal_Mlym mar_Deva min_Latn min_Arab mkd_Cyrl mlt_Latn mni_Beng mos_Latn mri_Latn mya_Mymr nld_Latn nno_Latn nob_Latn
    npi_Deva nqo_Nkoo nso_Latn nus_Latn nya_Latn oci_Latn ory_Orya pag_Latn pan_Guru pap_Latn pbt_Arab pes_Arab plt_Latn
    pol_Latn por_Latn prs_Arab quy_Latn ron_Latn run_Latn rus_Cyrl sag_Latn san_Deva sat_Olck scn_Latn shn_Mymr sin_Sinh
    slk_Latn slv_Latn smo_Latn sna_Latn snd_Arab som_Latn sot_Latn spa_Latn srd_Latn srp_Cyrl ssw_Latn sun_Latn swe_Latn
    swh_Latn szl_Latn tam_Taml taq_Latn taq_Tfng tat_Cyrl tel_Telu tgk_Cyrl tgl_Latn tha_Thai tir_Ethi tpi_Latn tsn_Latn
    tso_Latn tuk_Latn tum_Latn tur_Latn twi_Latn tzm_Tfng uig_Arab ukr_Cyrl umb_Latn urd_Arab uzn_Latn vec_Latn vie_Latn
    war_Latn wol_Latn xho_Latn ydd_Hebr yor_Latn yue_Hant zho_Hans zho_Hant zsm_Latn zul_Latn
    """.split()  # noqa: SIM905 - a list literal of 205 quoted strings reads worse
)

# macrolanguage -> the member that stands for it; Mandarin goes the other way, as FLORES-200 writes `zho`
_MEMBERS = {
    "ara": "arb", "aym": "ayr", "aze": "azj", "cmn": "zho", "din": "dik", "ekk": "est", "fas": "pes", "ful": "fuv",
    "kau": "knc", "kur": "kmr", "lav": "lvs", "mlg": "plt", "mon": "khk", "msa": "zsm", "nep": "npi", "nor": "nob",
    "ori": "ory", "orm": "gaz", "pus": "pbt", "que": "quy", "sqi": "als", "swa": "swh", "tmh": "taq", "uzb": "uzn",
    "yid": "ydd",
}  # fmt: skip
_MACROS = {member: macro for macro, member in _MEMBERS.items() if macro not in ("ara", "cmn", "ekk")}

# a macrolanguage whose member depends on the script
_MEMBERS_BY_SCRIPT = {
    ("aze", "Arab"): "azb",
    ("kur", "Arab"): "ckb",
    ("pan", "Arab"): "pnb",
    ("uzb", "Arab"): "uzs",
}

# default scripts that CLDR states otherwise than the texts of the field are written
_SCRIPTS = {"grc": "Grek", "hbo": "Hebr", "lzh": "Hant"}

# Wikipedia editions (WikiAnn, PAN-X) whose codes are no language tags, and names of treebanks and data sets
_OTHER_SPELLINGS = {
    "bat-smg": "sgs",
    "be-x-old": "be",
    "cbk-zam": "cbk",
    "classical chinese": "lzh",
    "fiu-vro": "vro",
    "map-bms": "jv",
    "modern standard arabic": "arb",
    "nds-nl": "nds",
    "roa-rup": "rup",
    "zh-classical": "lzh",
}

# CLDR has no name of their own for these two (Filipino; Persian of Afghanistan)
_NAMES = {"prs": "Dari", "tgl": "Tagalog"}

_NO_LANGUAGE = {"mis", "mul", "und", "zxx"}
_NO_SCRIPT = {"Zinh", "Zmth", "Zsye", "Zsym", "Zxxx", "Zyyy", "Zzzz"}
_PRIVATE_LANGUAGE = re.compile(r"q[a-t][a-z]$")
_PRIVATE_SCRIPT = re.compile(r"Qa[a-b][a-z]$|Q[a-b][a-z]{2}$")
_TAG = re.compile(r"[a-z]{2,3}(-[a-z0-9]{2,8})*$", re.IGNORECASE)


@cache
def language(spelling: str) -> str:
    """The canonical code of a language, e.g. `tur_Latn` for tur_Latn, tur-Latn, tur, tr, tr-TR, TUR, Turkish or Türkçe.

    Without a script the likely one is taken (FLORES-200's, else CLDR's); a territory helps (`zh-TW` is `zho_Hant`).
    Raises UnknownLanguageError, with the nearest spellings, for anything that names no single language.
    """
    text = spelling.strip()
    code_there = _by_lower_case().get(text.replace("-", "_").lower())
    if code_there:
        return code_there
    tag = text.replace("_", "-").partition(".")[0]  # a POSIX locale carries an encoding: tr_TR.UTF-8
    tag = _OTHER_SPELLINGS.get(tag.lower(), tag)
    code = _from_tag(tag, spelling) if _TAG.match(tag) else None
    if code is None and not (text.isascii() and len(text) <= 3):  # three letters are a code, known or not
        code = _from_name(text, spelling)
    if code is None:
        hint = ", ".join(_nearest(text))
        advice = f"did you mean {hint}?" if hint else "write a code such as tur_Latn, tur or tr, or an English name"
        message = f"unknown language {spelling[:60]!r}; {advice}"
        raise UnknownLanguageError(message)
    return code


@cache
def language_name(code: str) -> str:
    """The English name of a language in any spelling: `Turkish` for `tur_Latn`, `Persian` for `pes_Arab`."""
    from langcodes import Language

    individual = language(code).partition("_")[0]
    if individual in _NAMES:
        return _NAMES[individual]
    return Language.get(_MACROS.get(individual, individual)).display_name("en")


def script(code: str) -> str:
    """The ISO 15924 script of a language in any spelling: `Cyrl` for `rus_Cyrl`, `ru` or `Russian`."""
    return language(code).partition("_")[2]


@cache
def _by_lower_case() -> dict[str, str]:
    """Lower-case code -> canonical code, for the codes of LANGUAGES and for their bare language parts."""
    table = {code.lower(): code for code in LANGUAGES}
    for code in LANGUAGES:
        table.setdefault(code.partition("_")[0], code)
    return table


def _from_tag(tag: str, spelling: str) -> str | None:
    """Canonical code of a BCP 47 tag or an ISO 639 code; None where the registry does not know it."""
    from langcodes import Language, tag_is_valid
    from langcodes.tag_parser import LanguageTagError

    try:
        parsed = Language.get(tag)
        if not tag_is_valid(parsed.to_tag()):
            return None
        individual = parsed.to_alpha3()
    except (LanguageTagError, LookupError):
        return None
    # CLDR makes one of some languages that the data sets keep apart, such as Tagalog and Filipino, Dari and Persian.
    primary = tag.partition("-")[0].lower()
    primary = "tgl" if primary == "tl" else primary
    if primary in _by_lower_case() and primary not in _MEMBERS:
        individual = primary
    elif individual == "fas" and parsed.territory == "AF":
        individual = "prs"
    elif individual in _NO_LANGUAGE or _PRIVATE_LANGUAGE.match(individual) or individual in _collections():
        return None
    written = parsed.script
    if written and (written in _NO_SCRIPT or _PRIVATE_SCRIPT.match(written)):
        return None
    return _canonical(individual, written, parsed.territory, spelling)


def _canonical(individual: str, written: str | None, territory: str | None, spelling: str) -> str:
    """Join language and script, after choosing the default script and the member of a macrolanguage."""
    default = _default_script(individual, territory)
    chosen = written or default
    if chosen is None:
        message = f"the script of language {spelling!r} is not known; write it out, e.g. {individual}_Latn"
        raise UnknownLanguageError(message)
    if chosen == "Hani" and default in ("Hans", "Hant"):  # Glot500 and others do not say which characters
        chosen = default
    if chosen == "Kore":
        chosen = "Hang"
    member = _MEMBERS_BY_SCRIPT.get((individual, chosen)) or _MEMBERS.get(individual, individual)
    return f"{member}_{chosen}"


def _default_script(individual: str, territory: str | None) -> str | None:
    """The script FLORES-200 uses, else the likely one of CLDR; a territory makes CLDR speak first."""
    from langcodes import Language
    from langcodes.data_dicts import LIKELY_SUBTAGS

    code = _by_lower_case().get(_MEMBERS.get(individual, individual))
    if code and not territory:
        return code.partition("_")[2]
    if individual in _SCRIPTS:
        return _SCRIPTS[individual]
    short = Language.get(individual)
    for candidate in (short, short.prefer_macrolanguage()):
        # `maximize` answers Latin and the United States for a language it does not know, hence the look-up.
        if candidate.language in LIKELY_SUBTAGS:
            likely = Language.make(candidate.language, territory=territory).maximize().script
            if likely != "Zyyy":
                return likely
    return code.partition("_")[2] if code else None


@cache
def _collections() -> frozenset[str]:
    """Codes that stand for a family (`tai`, `cel`, `cpp`) and not for one language."""
    from langcodes.registry_parser import parse_registry

    return frozenset(entry["Subtag"] for entry in parse_registry() if entry.get("Scope") == "collection")


@cache
def _names(table: str) -> dict[str, str]:
    """Normalised name -> tag, in English (`en`) or in any language (`und`).

    `langcodes.find` would also accept the beginning of a word ("Turkihs" as "Turki"), which hides typing errors.
    """
    from language_data.names import load_trie
    from language_data.util import data_filename

    trie = load_trie(data_filename(f"trie/{table}/name_to_language.marisa"))
    return {name: tag.decode("utf-8") for name, tag in trie.items()}


def _from_name(name: str, spelling: str) -> str | None:
    from language_data.names import normalize_name

    normal = normalize_name(name)
    for table in ("en", "und"):
        tag = _names(table).get(normal)
        if tag:
            return _from_tag(tag, spelling)
    return None


def _nearest(text: str) -> list[str]:
    """Up to three codes or English names that are spelled almost like `text`."""
    lowered = text.replace("-", "_").lower()
    if len(lowered) <= 3 or "_" in lowered:
        return [_by_lower_case()[name] for name in get_close_matches(lowered, _by_lower_case(), n=3, cutoff=0.6)]
    return [name.title() for name in get_close_matches(lowered, _names("en"), n=3, cutoff=0.75)]
