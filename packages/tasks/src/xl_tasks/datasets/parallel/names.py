"""Names of territories, languages, scripts, currencies and cities in many locales, from the data `babel` carries.

Babel ships the Unicode Common Locale Data Repository (CLDR); a name's key is its kind and its code, "territory:TR",
"city:Europe/Istanbul", so equal keys are translations of one another.
"""

import unicodedata
from collections.abc import Iterator, Sequence
from functools import cache
from typing import TYPE_CHECKING

from xl_encoders.registry import unknown_name
from xl_tasks.catalogue.task import TOP_METRICS, Task
from xl_tasks.errors import TaskError
from xl_tasks.texts import ParallelTexts

if TYPE_CHECKING:
    from babel import Locale

# The locales of the embedded recipe, five scripts beside Latin, and the code each stands for.
_CODES = {
    "en": "eng_Latn",
    "tr": "tur_Latn",
    "mt": "mlt_Latn",
    "el": "ell_Grek",
    "he": "heb_Hebr",
    "am": "amh_Ethi",
    "ar": "arb_Arab",
    "fa": "pes_Arab",
    "hi": "hin_Deva",
}
DEFAULT_LOCALES = tuple(_CODES)

# Codes that stand for "none", "unknown" or a test, not for a thing that has a name.
_NOT_NAMES = {
    "territory": {"ZZ", "XA", "XB"},
    "language": {"und", "mis", "mul", "zxx", "root"},
    "script": {"Zzzz", "Zxxx", "Zyyy", "Zinh"},
    "currency": {"XXX", "XTS"},
}

# Direction marks that some locales put around names; nobody sees them, and two equal names would differ by them.
_INVISIBLE = dict.fromkeys(map(ord, "\u200e\u200f\u061c"))

NAMES = Task(
    name="names",
    kind="retrieval",
    title="names",
    description="Names of territories, languages, scripts, currencies and cities; nothing to download.",
    metrics=TOP_METRICS,
    layout="",
    loader="xl_tasks.datasets.parallel.names:load_names",
    languages="every locale of babel; eng tur mlt ell heb amh arb pes hin by default",
    licence="Unicode-3.0 (CLDR), BSD-3-Clause (babel)",
    source="CLDR, from the babel library; nothing to download",
    corpus="Names of territories, languages, scripts, currencies and cities.",
)


def load_names(locales: Sequence[str] = DEFAULT_LOCALES) -> ParallelTexts:
    """The names in each locale, in any spelling of its language ("tr", "zh_Hant", "tur_Latn", "Turkish").

    Left out: codes for "unknown" and for tests, values that only repeat the code, and untranslated values (Latin
    letters only) in a locale of another script. English cities that the data do not spell out are read off the zone's
    identifier, as CLDR prescribes ("America/Los_Angeles" -> "Los Angeles"); other locales have what they state.

    TaskError for a locale that babel does not have, and where two locales stand for one language.
    """
    texts: dict[str, dict[str, str]] = {}
    for name in locales:
        locale = _locale(name)
        code = _code(name)
        if code in texts:
            message = f"names: locale {name!r} is {code}, which another locale gives already; ask for one of them."
            raise TaskError(message)
        texts[code] = dict(sorted(_locale_names(locale, latin=code.endswith("_Latn"))))
    if not texts:
        message = f"names: no locale asked for; the usual ones are {', '.join(DEFAULT_LOCALES)}."
        raise TaskError(message)
    return ParallelTexts(name="names", texts=texts)


def _locale(name: str) -> "Locale":
    from babel import Locale, UnknownLocaleError

    from xl_translit import TranslitError

    try:
        return Locale.parse(name.replace("-", "_"))
    except (UnknownLocaleError, ValueError):
        pass
    try:
        return Locale.parse(_code(name))  # "Turkish"
    except (UnknownLocaleError, ValueError, TranslitError):
        from babel.localedata import locale_identifiers

        message = unknown_name("locale", name, [*DEFAULT_LOCALES, *sorted(locale_identifiers())])
        # The full list has a thousand entries; the suggestion and the usual ones help more.
        hint = message.split("known:")[0]
        message = f"names: {hint}the usual ones are {', '.join(DEFAULT_LOCALES)}."
        raise TaskError(message) from None


def _code(name: str) -> str:
    if name in _CODES:
        return _CODES[name]
    from xl_translit import language

    return language(name)


def _locale_names(locale: "Locale", *, latin: bool) -> Iterator[tuple[str, str]]:
    tables = {
        "territory": locale.territories,
        "language": locale.languages,
        "script": locale.scripts,
        "currency": locale.currencies,
    }
    for kind, table in tables.items():
        for code, value in table.items():
            name = _clean(value)
            if name and name != code and code not in _NOT_NAMES[kind] and (latin or not _only_latin(name)):
                yield f"{kind}:{code}", name
    for zone, value in _cities(locale):
        name = _clean(value)
        if name and (latin or not _only_latin(name)):
            yield f"city:{zone}", name


def _cities(locale: "Locale") -> Iterator[tuple[str, str]]:
    from babel.core import get_global

    aliases = get_global("zone_aliases")
    cities = dict(_english_cities()) if locale.language == "en" else {}
    stated = {zone: entry["city"] for zone, entry in locale.time_zones.items() if "city" in entry}
    # Some zones appear under their old and their new identifier; the new one names the key and its own value wins.
    for zone in sorted(stated, key=lambda zone: (zone not in aliases, zone)):
        cities[aliases.get(zone, zone)] = stated[zone]
    for zone, city in cities.items():
        # "Etc/UTC" and such are no place.
        if "/" in zone and not zone.startswith("Etc/"):
            yield zone, city


@cache
def _english_cities() -> tuple[tuple[str, str], ...]:
    """(zone, last part of its identifier) for each zone that belongs to a territory."""
    from babel.core import get_global

    aliases = get_global("zone_aliases")
    zones = (zone for zone in get_global("zone_territories") if zone not in aliases)
    return tuple((zone, zone.rpartition("/")[2].replace("_", " ")) for zone in zones)


def _clean(value: str) -> str:
    return " ".join(unicodedata.normalize("NFC", value.translate(_INVISIBLE)).split())


def _only_latin(name: str) -> bool:
    return all(unicodedata.name(c, "").startswith("LATIN") for c in name if c.isalpha())
