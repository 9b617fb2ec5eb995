"""How an English word is said that may be in no dictionary: its inflection, its other spelling, its letters.

Each rule of inflection is nearer to the dictionary than letter-to-sound rules alone, on words held out of both (see
tests/bench/bench_english.py). Rules for compounds, prefixes and suffixes such as -er or -able were further off: what
their parts say when alone (mini + mal, sabot + age) misleads more than what the letters say in their neighbourhood.
"""

import re
from collections.abc import Callable, Iterator

from xl_translit.english.lexicon import Lexicon

_HISSING = frozenset("szSZCJ")  # bus, buzz, bush, rouge, church, judge
_VOICELESS = frozenset("ptkfT")

_LETTER_A = "e"  # the name of the letter; the dictionary's "a" is the article

# Spellings of Britain and the Commonwealth, as (what the spelling looks like, what the dictionary may have instead)
_RESPELLINGS = [
    (re.compile(pattern), american)
    for pattern, american in (
        (r"our(?=$|s$|'s$|ed$|ing|ite|able|ful|less|ly|er|ist|hood)", "or"),
        (r"is(?=e$|es$|ed$|er$|ers$|ing|able|ation)", "iz"),
        (r"ys(?=e$|es$|ed$|er$|ers$|ing)", "yz"),
        (r"(?<=[aeiou]ll)(?=(?:ed|ing|er|ers|or|ors)$)", None),  # travelled: one l less
        (r"tre(?=$|s$|'s$)", "ter"),
        (r"bre(?=$|s$|'s$)", "ber"),
        (r"ogue(?=$|s$)", "og"),
        (r"ence(?=$|s$)", "ense"),
        (r"ae(?=m|sth|cal|ces|d[io]|o[ln]|col)|oe(?=tal|tus|str|soph|op|dem|a$)", "e"),  # Greek, not German names
        (r"mou(?=l[dt])", "mo"),
        (r"(?<=[^l]l)(?=$|ment|ful)", "l"),  # fulfil, enrolment, skilful
    )
]

# Beginnings and ends that English words have; capitals that have others are read letter by letter (DSLR, USGS)
_SAYABLE = re.compile(
    r"(?:qu|[bcdfghjklmnpqrstvwxyz]?|[bcfgkps]l|[bcdfgkptw]r|s[ckmnpqtw]|[cgprstwk]h|[dgtk]w|kn|ps|wr|ph[lr]|th[rw]|sh[lmrw]"
    r"|s(?:ch|cr|pl|pr|tr|qu))"
    r"[aeiouy](?:.*[aeiouy])?"
    r"(?:[bcdfghjklmnpqrstvwxyz]?|bb|ch|ck|ct|dd|ff|ft|gh|gg|ks|l[bcdfkmnpstv]|ll|mb|mp|ms|n[cdkgstxz]|nn|pp|ph|ps|pt"
    r"|r[bcdfgklmnpstvxz]|rr|sh|sk|sm|sp|ss|st|th|ts|tt|tz|w[dlnks]|zz|nch|nth|rch|rth|rsh|rst|tch|ght|nks|nts|cks)"
)


class EnglishWords:
    """A word of letters and apostrophes -> its pronunciation, one character a phone (see english_phones).

    `EnglishWords(lexicon(), say_letters)("Lionsgate's")`. The rules, in order: the dictionary; letters one by one;
    possessives and contractions; -s, -ed, -ing, -ly, -ness, -less, -ful of a listed word; a listed word in American
    spelling; a drawl (sooo); and for the rest the letters.
    """

    def __init__(self, lexicon: Lexicon, say_letters: Callable[[str], str]) -> None:
        """say_letters: pronunciation of any word in letters a-z; may be empty."""
        self._lexicon = lexicon
        self._say_letters = say_letters

    def __call__(self, word: str) -> str:
        """The pronunciation; at least one phone for each word that has a letter, "" for one that has none.

        word: letters a-z in either case and straight apostrophes. Case matters only where no dictionary helps: capitals
        are an abbreviation.
        """
        return self.explain(word)[0]

    def explain(self, word: str) -> tuple[str, str]:
        """The pronunciation and the name of the rule that gave it."""
        low = word.lower()
        if listed := self._lexicon.get(low):
            return listed, "listed"
        bare = word.strip("'")
        if bare != word and (listed := self._lexicon.get(bare.lower())):
            return listed, "listed"
        if said := self._capitals(bare):
            return said, "spelled"
        if said := self._contracted(low):
            return said, "contraction"
        joined = low.replace("'", "")
        if said := self._listed_or_inflected(joined):
            return said, "inflection"
        for respelled in _respell(joined):
            if said := self._listed_or_inflected(respelled):
                return said, "respelling"
        for shorter in (re.sub(r"(.)\1{2,}", repeat, joined) for repeat in (r"\1", r"\1\1")):
            if shorter != joined and (said := self._lexicon.get(shorter)):
                return said, "drawl"
        if said := self._say_letters(joined):
            return said, "letters"
        return self._spell(joined), "spelled"

    def _spell(self, letters: str) -> str:
        """The names of the letters, one after the other."""
        return "".join(_LETTER_A if letter == "a" else self._lexicon.get(letter) or "" for letter in letters.lower())

    def _capitals(self, word: str) -> str | None:
        """What is read letter by letter: no vowel, short capitals (UTC), capitals that start or end like no word."""
        letters, _, ending = word.partition("'")
        if ending.lower() not in ("", "s"):
            return None
        if ending or (len(letters) > 2 and letters[-1] == "s" and letters[:-1].isupper()):  # CD's, DVDs
            said = self._capitals(letters if ending else letters[:-1])
            return said and add_s(said)
        if len(letters) > 1 and not re.search("[aeiouy]", letters.lower()):
            return self._spell(letters)
        short = letters.isupper() and 1 < len(letters) <= 5
        if short and (len(letters) <= 3 or not _SAYABLE.fullmatch(letters.lower())):
            return self._spell(letters)
        return None

    def _contracted(self, word: str) -> str | None:
        """Possessives and contractions; the base may be any word."""
        if word.endswith("in'"):
            full = self._listed_or_inflected(f"{word[:-1]}g")
            return full and f"{full[:-1]}n"  # lookin' is looking with another nasal
        base, apostrophe, ending = word.strip("'").rpartition("'")
        if word.endswith("s'") and not apostrophe:
            return self._listed_or_inflected(word[:-1])
        add = {"s": add_s, "d": add_d, "ll": _add_ll, "ve": _add_ve, "re": _add_re, "m": _add_m}.get(ending)
        if add is not None and base:
            return add(self(base))
        if ending == "t" and base.endswith("n") and len(base) > 1:
            return f"{self(base[:-1])}xnt"
        return None

    def _listed_or_inflected(self, word: str) -> str | None:
        if listed := self._lexicon.get(word):
            return listed
        for ending, form in _ENDINGS.items():
            long_enough = len(word) > len(ending) + 2
            if long_enough and word.endswith(ending) and (said := form(self._lexicon.get, word[: -len(ending)])):
                return said
        return None


def add_s(phones: str) -> str:
    """Plural, possessive, third person: `bus-es`, `cat-s`, `dog-s`."""
    return phones + ("Iz" if phones[-1] in _HISSING else "s" if phones[-1] in _VOICELESS else "z")


def add_d(phones: str) -> str:
    """Past tense: `want-ed`, `walk-ed`, `call-ed`."""
    return phones + ("Id" if phones[-1] in "td" else "t" if phones[-1] in _VOICELESS | set("sSC") else "d")


def _add_ll(phones: str) -> str:
    return f"{phones}xl"


def _add_ve(phones: str) -> str:
    return f"{phones}xv"


def _add_re(phones: str) -> str:
    return phones if phones.endswith("R") else f"{phones}R"


def _add_m(phones: str) -> str:
    return f"{phones}m"


Lookup = Callable[[str], str | None]


def _s_form(get: Lookup, stem: str) -> str | None:
    candidates = []
    if stem.endswith("ie"):
        candidates.append(f"{stem[:-2]}y")
    if stem.endswith("e") and stem[-2] in "sxzho":
        candidates.append(stem[:-1])
    if not stem.endswith("s"):
        candidates.append(stem)
    return next((add_s(phones) for base in candidates if (phones := get(base))), None)


def _ed_form(get: Lookup, stem: str) -> str | None:
    return next((add_d(phones) for base in _bases(stem) if (phones := get(base))), None)


def _ing_form(get: Lookup, stem: str) -> str | None:
    return next((f"{phones}IN" for base in _bases(stem) if (phones := get(base))), None)


def _ly_form(get: Lookup, stem: str) -> str | None:
    if phones := get(stem):
        return phones + ("i" if phones.endswith("l") else "li")
    if stem.endswith("i") and (phones := get(f"{stem[:-1]}y")):
        return f"{phones[:-1]}xli" if phones.endswith("i") else f"{phones}li"
    if (phones := get(f"{stem}le")) and phones.endswith("xl"):
        return f"{phones[:-2]}li"  # gentle, gently
    if stem.endswith("al") and (phones := get(stem[:-2])):
        return f"{phones}li"  # heroic, heroically
    return None


def _plain(ending: str) -> Callable[[Lookup, str], str | None]:
    def form(get: Lookup, stem: str) -> str | None:
        phones = get(f"{stem[:-1]}y" if stem.endswith("i") else stem)
        return phones and phones + ending

    return form


# -s comes after -ness and -less, which end in it
_ENDINGS = {
    "ness": _plain("nxs"),
    "less": _plain("lxs"),
    "ful": _plain("fxl"),
    "ing": _ing_form,
    "ed": _ed_form,
    "ly": _ly_form,
    "s": _s_form,
}


def _bases(stem: str) -> Iterator[str]:
    """How a verb may be spelled without -ed or -ing, likeliest first: hurri(ed), stopp(ed), lov(ed)."""
    if stem.endswith("i"):
        yield f"{stem[:-1]}y"
    doubled = len(stem) > 3 and stem[-1] == stem[-2]
    if doubled and stem[-1] not in "lsz":
        yield stem[:-1]
        yield stem
    elif doubled:
        yield stem
        yield stem[:-1]
    yield f"{stem}e"
    if not doubled:
        yield stem


def _respell(word: str) -> Iterator[str]:
    """American spellings that a British one may stand for, most of them no words."""
    for pattern, american in _RESPELLINGS:
        for match in pattern.finditer(word):
            start = match.start() - (american is None)
            yield f"{word[:start]}{american or ''}{word[match.end() :]}"
