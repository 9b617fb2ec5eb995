"""What can be done for a language: its scripts, its romanisation, its phonemes, and the spellings that name it."""

from dataclasses import dataclass
from functools import cache

from xl_translit.errors import UnknownLanguageError
from xl_translit.languages import LANGUAGES, language, language_name
from xl_translit.phonemes.g2p_languages import g2p_code, g2p_codes, g2p_note
from xl_translit.uroman.readings import script_reading
from xl_translit.uroman.romanizer import has_own_rules


@dataclass(frozen=True, kw_only=True)
class LanguageSupport:
    """One language in one script."""

    code: str
    """The canonical code, `tur_Latn`."""
    name: str
    """The English name."""
    scripts: tuple[str, ...]
    """ISO 15924 scripts in which the language is known here, this one first."""
    romaniser: str
    """`uroman`, or `uroman + rules` where Uroman has rules for this language beside those of its script."""
    reading: str
    """In which way Uroman's output is no reading of this script (see `script_reading`); "" where it is one."""
    g2p: str | None
    """The code that phonemes are made with (Epitran's); None where there is no table."""
    variants: tuple[str, ...]
    """Further such codes of the same language and script; each is accepted where a language is."""
    note: str
    """What to know before trusting the phonemes; "" where nothing is known against them."""
    spellings: tuple[str, ...]
    """Spellings that mean this language and script; not all there are (`language` knows more)."""


@cache
def supported_languages() -> tuple[LanguageSupport, ...]:
    """Every language of FLORES-200, others with phonemes or a script that Uroman does not read, by code."""
    tables: dict[str, list[str]] = {code: [] for code in (*LANGUAGES, *_of_unread_scripts())}
    for table in g2p_codes():
        code = _language_of(table)
        if code is not None:
            tables.setdefault(code, []).append(table)
    scripts: dict[str, list[str]] = {}
    for code in tables:
        individual, _, script = code.partition("_")
        scripts.setdefault(individual, []).append(script)
    return tuple(_support(code, tables[code], scripts[code.partition("_")[0]]) for code in sorted(tables))


def _of_unread_scripts() -> list[str]:
    """The likely language (CLDR) of each script with a note, where that is the script it is mostly written in."""
    from langcodes import Language
    from langcodes.data_dicts import ALL_SCRIPTS

    codes = []
    for script in sorted(name for name in ALL_SCRIPTS if script_reading(name).note):
        individual = Language.get(f"und-{script}").maximize().language
        try:
            code = language(individual or "")
        except UnknownLanguageError:
            continue
        if code.endswith(f"_{script}"):
            codes.append(code)
    return codes


def _support(code: str, tables: list[str], scripts: list[str]) -> LanguageSupport:
    script = code.partition("_")[2]
    main = g2p_code(code)
    return LanguageSupport(
        code=code,
        name=language_name(code),
        scripts=(script, *(other for other in scripts if other != script)),
        romaniser="uroman + rules" if has_own_rules(code) else "uroman",
        reading=script_reading(script).note,
        g2p=main,
        variants=tuple(table for table in tables if table != main),
        note=g2p_note(main) if main else "",
        spellings=_spellings(code),
    )


def _language_of(table: str) -> str | None:
    """The canonical code of a table's language; None for a table whose name holds no language and script."""
    try:
        return language("-".join(table.split("-")[:2]))
    except UnknownLanguageError:
        return None


def _spellings(code: str) -> tuple[str, ...]:
    """Codes and names that lead to `code`, each tried."""
    from langcodes import Language

    individual, _, script = code.partition("_")
    tag = Language.get(individual)
    candidates = (code, f"{individual}-{script}", individual, tag.language or "", tag.display_name("en"), tag.autonym())
    spellings = []
    for spelling in dict.fromkeys(candidates):
        try:
            if language(spelling) == code:
                spellings.append(spelling)
        except UnknownLanguageError:
            continue
    return tuple(spellings)
