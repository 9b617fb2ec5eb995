"""The tables of the `uroman` package: which text stands for which string, and what a character is.

Only the data files are read, not the package's program, which takes seconds to load them. Rules are those of
`Uroman().rom_rules` (a test compares every one); what no romanisation uses (alternatives, pictures, provenance) is
left out. Uroman: Hermjakob, May and Knight (2018).
"""

import json
import re
import unicodedata
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from xl_translit.errors import TranslitError


class Rule(NamedTuple):
    """One line of a romanisation table: `text` stands for a string where the conditions hold."""

    text: str | None
    """None for a rule that only says that the string is a number or a sign."""
    languages: tuple[str, ...] = ()
    """ISO 639-3 codes; empty for every language."""
    only_at_start: bool = False
    not_at_start: bool = False
    only_at_end: bool = False
    not_at_end: bool = False
    only_whole_word: bool = False
    at_end_of_syllable: str | None = None

    @property
    def placed(self) -> bool:
        """Whether the rule depends on where in a word the string stands."""
        return any(self[2:7])

    @property
    def n_restrictions(self) -> int:
        """How special the rule is; of two that apply, the more special one wins."""
        return sum(map(bool, (self.languages, *self[2:7])))


class Tables:
    """Everything Uroman knows about strings and characters. Read-only; one instance serves all languages."""

    def __init__(self) -> None:
        self.rules: dict[str, list[Rule]] = {}
        """Source string -> its rules, in the order of the tables; see `expect`."""
        self.prefixes: set[str] = set()
        """Every beginning of a source string."""
        self.names: dict[str, str] = {}
        """Names of characters that Unicode does not name (private use)."""
        self.tone_marks: set[str] = set()
        self.before_consonant: set[str] = set()
        """Vowels written before the consonant they are spoken after (Thai)."""
        self.minus_signs: list[str] = []
        self.plus_signs: list[str] = []
        self.fraction_connectors: list[str] = []
        self.numbers: dict[str, dict] = {}
        """Numeric character -> value, base, multiplier, type, script ..."""
        self.vowels: dict[str, list[str]] = {}
        """Script -> the vowels that its consonants carry unless something else is written."""
        self.scripts: dict[str, str] = {}
        """Character -> script, for the scripts of which a rule asks; Chinese and Hangul are left out."""
        self.vowel_signs: set[str] = set()
        self.medial_signs: set[str] = set()
        self.viramas: set[str] = set()

        self._generated: set[str] = set()
        self._has_pinyin = False
        self._read_unicode_table()
        self._cancel_thai_letters()
        self._read_overwrites()
        self._read_manual_table()
        self._read_scripts()
        self._read_numbers()
        self._read_characters()
        self.prefixes.update(self.rules)
        self.prefixes.discard("")
        self.longer = [source for source in self.rules if len(source) > 1]
        """Source strings of more than one character."""
        self.seconds: dict[str, set[str]] = {}
        """First characters of the longer source strings -> their second characters."""
        for source in self.longer:
            self.prefixes.update(source[:length] for length in range(1, len(source)))
            self.seconds.setdefault(source[0], set()).add(source[1])
        self.changing = [
            source
            for source, rules in self.rules.items()
            if len(source) == 1 and any(changing(rule.text) for rule in rules if rule.text and rule.text != source)
        ]
        """Single characters with a spelling that changes before a small letter (TH) or beside a space (". ")."""
        self.codes = frozenset(code for rules in self.rules.values() for rule in rules for code in rule.languages)
        """The languages (ISO 639-3) that rules are made for."""

    def expect(self, text: str) -> None:
        """Make sure that the rules of every character of `text` are there; Chinese ones are read when first needed."""
        if not self._has_pinyin and CHINESE.search(text):
            self._read_pinyin()

    def name(self, char: str) -> str:
        """The Unicode name of a character, "" for none and for no character."""
        return unicodedata.name(char, "") or self.names.get(char, "") if char else ""

    def _add(self, source: str, rule: Rule, *, generated: bool) -> None:
        """Add a rule; a rule without conditions replaces what was generated from Unicode."""
        rules = self.rules.get(source)
        if rules is None or (len(rules) == 1 and source in self._generated and not rule.languages and not rule.placed):
            self.rules[source] = [rule]
        else:
            rules.append(rule)
        (self._generated.add if generated else self._generated.discard)(source)

    def _read_unicode_table(self) -> None:
        """`romanization-auto-table.txt`: five fields in fixed order, and never a condition."""
        line = re.compile(r"^::cp \S+ ::s(.*?)\s+::cat \S+ ::name (.*?) ::t(?:\s+(.*?))?\s*$", re.MULTILINE)
        for spaced, name, quoted in line.findall(_read("romanization-auto-table.txt")):
            source = spaced.strip()
            text = _unquoted(quoted) if quoted[:1] in _QUOTES else quoted
            self.rules[source] = [Rule(_one_word(source, text, name) if " " in text else text)]
        self._generated.update(self.rules)

    def _cancel_thai_letters(self) -> None:
        """Thanthakhat silences the letter before it, with its vowel sign if it has one."""
        mark = "\u0e4c"
        letters = [chr(point) for point in range(0x0E01, 0x0E4C)]
        signs = ["\u0e31", "\u0e47", *map(chr, range(0x0E33, 0x0E3B))]
        for source in [c + mark for c in letters] + [chr(c) + v + mark for c in range(0x0E01, 0x0E2F) for v in signs]:
            if source not in self.rules:
                self.rules[source] = [Rule("")]

    def _read_overwrites(self) -> None:
        """`UnicodeDataOverwrite.txt`: corrections by code point, tone marks, names of private characters."""
        for fields in _records(_read("UnicodeDataOverwrite.txt")):
            try:
                char = chr(int(_unquoted(fields.get("u", "")), 16))
            except ValueError:
                continue
            if fields.get("name"):
                self.names[char] = fields["name"]
            if fields.get("tone-mark"):
                self.tone_marks.add(char)
            if fields.get("syllable-info") == "written-pre-consonant-spoken-post-consonant":
                self.before_consonant.add(char)
            self._add_record(char, fields, fields.get("r"), generated=True)

    def _read_manual_table(self) -> None:
        """`romanization-table.txt`: the rules written by hand, with their conditions."""
        for fields in _records(_read("romanization-table.txt")):
            if "s" in fields:
                self._add_record(_unquoted(fields["s"]), fields, fields.get("t"), generated=False)

    def _add_record(self, source: str, fields: dict[str, str], text: str | None, *, generated: bool) -> None:
        if text is not None:
            text = _unquoted(text)
            if " " in text:
                text = _one_word(source, text, self.name(source) if len(source) == 1 else "")
        codes = fields.get("lcode")
        end_of_syllable = None if generated else fields.get("t-end-of-syllable")
        rule = Rule(
            text=text,
            languages=tuple(re.split(r"[,;]\s*", codes)) if codes else (),
            only_at_start="use-only-at-start-of-word" in fields,
            not_at_start="dont-use-at-start-of-word" in fields,
            only_at_end="use-only-at-end-of-word" in fields,
            not_at_end="dont-use-at-end-of-word" in fields,
            only_whole_word="use-only-for-whole-word" in fields,
            at_end_of_syllable=None if end_of_syllable is None else _unquoted(end_of_syllable),
        )
        self._add(source, rule, generated=generated)
        if "is-minus-sign" in fields:
            self.minus_signs.append(source)
        if "is-plus-sign" in fields:
            self.plus_signs.append(source)
        if fields.get("fraction-connector"):
            self.fraction_connectors.append(source)

    def _read_pinyin(self) -> None:
        """`Chinese_to_Pinyin.txt`, without the tones."""
        rules = self.rules
        for line in _lines(_read("Chinese_to_Pinyin.txt").translate(_without_tones())):
            source, _, text = line.rstrip().partition("\t")
            rule = Rule(text.strip())
            if source in rules:
                rules[source].append(rule)
            else:
                rules[source] = [rule]
                self.prefixes.add(source)
        self._has_pinyin = True

    def _read_scripts(self) -> None:
        for fields in _records(_read("Scripts.txt")):
            vowels = fields.get("abugida-default-vowel")
            if vowels and "script-name" in fields:
                self.vowels[fields["script-name"]] = re.split(r"[,;]\s*", vowels)

    def _read_numbers(self) -> None:
        rows = json.loads(f"[{','.join(_lines(_read('NumProps.jsonl')))}]")
        self.numbers = {row["txt"]: row for row in rows}

    def _read_characters(self) -> None:
        """`UnicodeDataProps.txt`: scripts and the signs of Indic scripts."""
        scripts = {*self.vowels, "Thai", "Tibetan", "Hiragana", "Katakana", "Coptic"}
        for fields in _records(_read("UnicodeDataProps.txt")):
            script = fields.get("script-name", "")
            if script in scripts:
                self.scripts.update(dict.fromkeys(fields.get("char", "") + fields.get("numeral", ""), script))
            self.vowel_signs.update(fields.get("vowel-sign", ""))
            self.medial_signs.update(fields.get("medial-consonant-sign", ""))
            self.viramas.update(fields.get("sign-virama", ""))


def changing(text: str) -> bool:
    """Whether a spelling changes before a small letter (TH, then Th) or beside a space (". ")."""
    return (len(text) > 1 and text.isupper()) or text[:1] == " " or text[-1:] == " "


@cache
def tables() -> Tables:
    """The tables, read once for the process (about a tenth of a second)."""
    return Tables()


CHINESE = re.compile("[\u25cb\u3007-\u3029\u3400-\u4dbf\u4e00-\u9fff\U00020000-\U0003ffff]")
"""The characters of the table of Chinese characters."""
_QUOTES = ("'", '"', "“")
_QUOTED = re.compile(r"""\s*(?:'(.*)'|"(.*)"|“(.*)”)\s*$""")
_FIELD = re.compile(r"\s+::(?=\S)")
_REMARK = re.compile(r"\s{2,}#.*$")


def _read(name: str) -> str:
    spec = find_spec("uroman")  # finds the package without running it
    folders = (spec.submodule_search_locations if spec else None) or [""]
    try:
        return (Path(folders[0]) / "data" / name).read_text(encoding="utf-8")
    except FileNotFoundError:
        message = f"the installed package uroman carries no data/{name}; install a release that does (1.3.1.1 or newer)"
        raise TranslitError(message) from None


def _lines(text: str) -> list[str]:
    return [line for line in text.split("\n") if line and line[0] != "#" and not line.isspace()]


def _records(text: str) -> list[dict[str, str]]:
    """Lines of `::slot value ::slot value`, as dictionaries; a slot given twice keeps its last value."""
    records = []
    for line in _lines(text):
        parts = _FIELD.split(" " + _REMARK.sub("", line))[1:]
        fields = {}
        for part in parts:
            slot = part.split(None, 1)
            fields[slot[0]] = slot[1].strip() if len(slot) > 1 else ""
        records.append(fields)
    return records


def _unquoted(text: str) -> str:
    """`text` without one pair of quotation marks around it."""
    match = _QUOTED.match(text) if text else None
    return next(group for group in match.groups() if group is not None) if match else text


def _one_word(source: str, text: str, name: str) -> str:
    """A romanisation of several words is no romanisation: the sign's own name is cut out, else the sign stays."""
    if "MYANMAR VOWEL SIGN KAYAH" in name and (match := re.search(r"kayah\s+(\S+)\s*$", text)):
        return match[1]
    if "MENDE KIKAKUI SYLLABLE" in name and (match := re.search(r"m\d+\s+(\S+)\s*$", text)):
        return match[1]
    return source if re.search(r"\S\s+\S", text) else text


@cache
def _without_tones() -> dict[int, str]:
    """Each letter of pinyin with a tone mark -> the letter."""
    table = {}
    for char in "āáǎàēéěèīíǐìōóǒòūúǔùǖǘǚǜüńňǹḿêếềÀÁĀǍÈÉĒĚÌÍĪǏÒÓŌǑÙÚŪǓ":
        base = unicodedata.normalize("NFD", char)[0]
        table[ord(char)] = base
    return table
