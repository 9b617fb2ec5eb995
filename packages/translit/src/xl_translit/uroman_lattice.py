"""Uroman's lattice: every piece of a text that a rule can spell, and the best path through them.

The path takes the longest piece at each place; what a piece is spelled as depends on its neighbours: vowels that Indic
consonants carry, Thai vowels written before their consonant, Tibetan syllables, small kana, words' first and last
letters. This follows `uroman.Lattice` piece by piece, quirks included, for text of any kind but Braille. It is the slow
half of the romaniser: text that no neighbour can change never comes here.
"""

import math
import re
import unicodedata
from collections.abc import Callable
from functools import lru_cache

from xl_translit.uroman_numbers import NumberPass
from xl_translit.uroman_tables import Rule, Tables, changing

_CONSONANTS = re.compile(r"[bcdfghjklmnpqrstvwxyz]+$")
_CONSONANT_FIRST = re.compile(r"[bcdfghjklmnpqrstvwxyz]")
_DOUBLED = re.compile(r"(ch|[bcdfghjklmnpqrstwz])")
_TAIL = re.compile(r"\+(m|ng|n|h|r)")
_O_ANG_NEIGHBOUR = re.compile(r"[bcdfghjklmnpqrstvwxz]+$")
_O_ANG = "\u0e2d"
_GRAVE = "\u0300"
_DOUBLERS = "っッ\u0a71"
_SMALL_Y = "ゃゅょャュョ"
_TIBETAN_A = "\u0f60"

_LEADS = ("g", "gg", "n", "d", "dd", "r", "m", "b", "bb", "s", "ss", "-", "j", "jj", "c", "k", "t", "p", "h")
_VOWELS = (
    *("a", "ae", "ya", "yae", "eo", "e", "yeo", "ye", "o", "wa", "wai"),
    *("oe", "yo", "u", "weo", "we", "wi", "yu", "eu", "yi", "i"),
)
_TAILS = (
    *("-", "g", "gg", "gs", "n", "nj", "nh", "d", "l", "lg", "lm", "lb", "ls", "lt"),
    *("lp", "lh", "m", "b", "bs", "s", "ss", "ng", "j", "c", "k", "t", "p", "h"),
)

_SUFFIXES_OF_TIBETAN = re.compile(
    r"(?:|[bcdfghjklmnpqrstvwxz]|bh|bs|ch|cs|dd|ddh|dh|dz|dzh|gh|gr|gs|kh|khs|kss|n|nn|nt|ms|ng|ngs|ns|ph|rm|sh|ss|th|"
    r"ts|tsh|tt|tth|zh|zhs)'?$"
)
_PREFIXES_OF_TIBETAN = re.compile(
    r"'?(?:.|bd|br|brg|brgy|bs|bsh|bst|bt|bts|by|bz|bzh|ch|db|dby|dk|dm|dp|dpy|dr|gl|gn|gr|gs|gt|gy|gzh|kh|khr|khy|kr|"
    r"ky|ld|lh|lt|mkh|mny|mth|mtsh|ny|ph|phr|phy|rgy|rk|el|rn|rny|rt|rts|sk|skr|sky|sl|sm|sn|sny|sp|spy|sr|st|th|ts|tsh)$"
)


class RuleFailedError(Exception):
    """Uroman's rule cannot be carried out (it stops with an error there); the rule is then taken not to hold."""


class Language:
    """The rules that hold in one language (an ISO 639-3 code, or None), resolved once for all texts."""

    def __init__(self, tables: Tables, code: str | None, whole: Callable[[str, str | None], str]) -> None:
        """`whole(text, code)` romanises a text from scratch: what a compatibility character stands for."""
        self.tables = tables
        self.code = code
        self.whole = whole
        self._ranked: dict[str, list[Rule]] = {}
        self._carried: dict[tuple[str, str], tuple[str | None, str | None, str]] = {}
        self.decompositions: dict[str, str | None] = {}
        self.singles: dict[str, str | None] = _Singles(self)
        """Character -> its text where no longer piece begins (None: no rule spells it), or `DEPENDS`."""
        reacting = frozenset(tables.viramas) | frozenset(_SMALL_Y) | {"ー", _GRAVE}
        self.reacting = reacting
        """Characters that change what stands before them (the grave accent after Coptic letters only)."""
        self.stops = {first: reacting | seconds for first, seconds in tables.seconds.items()}
        """Character -> what must not follow if its text is that of the character alone; `reacting` for all others."""
        self.depending = (reacting - {_GRAVE}) | {*_DOUBLERS, *tables.minus_signs, *tables.plus_signs}
        """Characters that are simple themselves, but not what stands beside them."""

    def ranked(self, source: str) -> list[Rule]:
        """The rules of a string that can hold in this language, the one that wins first."""
        found = self._ranked.get(source)
        if found is None:
            rules = self.tables.rules.get(source, ())
            held = [r for r in rules if r.text is not None and (not r.languages or self.code in r.languages)]
            found = self._ranked[source] = sorted(held, key=lambda rule: -rule.n_restrictions)
        return found

    def carried_vowel(self, script: str, text: str) -> tuple[str | None, str | None, str]:
        """(bare consonant, consonant with its vowel, `text` as it is written) or (None, None, text) if none is due."""
        found = self._carried.get((script, text))
        if found is None:
            vowels = self.tables.vowels[script]
            one = "|".join(vowels)
            many = "|".join(f"{vowel}+" for vowel in vowels)
            written = text
            if match := re.match(rf"([cfghkmnqrstxy]?y)({many})-?$", text):
                bare, full = match[1], match[1] + match[2]
            elif match := re.match(rf"([bcdfghjklmnpqrstvwxyz]+)({one})-?$", text):
                bare, full = match[1], match[1] + match[2]
                written = text.removesuffix("-")
            else:
                bare, full = text, text + vowels[0]
            spelled: tuple[str | None, str | None, str] = (bare, full, written)
            if not _CONSONANTS.match(bare) and not (script == "Tibetan" and bare == "'"):
                spelled = (None, None, written)
            found = self._carried[script, text] = spelled
        return found

    def decomposed(self, char: str) -> str | None:
        """What a compatibility character (ﻼ, ﾄ, ㎏) stands for, romanised; None for one that is no such character."""
        if char in self.decompositions:
            return self.decompositions[char]
        spelled = None
        parts = unicodedata.decomposition(char).split()
        if parts and parts[0][0] == "<" and parts[0] not in ("<super>", "<sub>", "<noBreak>", "<compat>"):
            meant = "".join(chr(int(part, 16)) for part in parts[1:])
            spelled = self.whole(meant, self.code) or None if meant else None
        self.decompositions[char] = spelled
        return spelled


class _Singles(dict[str, "str | None"]):
    """Character -> text where neighbours other than `Language.reacting` do not matter, else `DEPENDS`."""

    def __init__(self, language: Language) -> None:
        super().__init__()
        self._language = language

    def __missing__(self, char: str) -> str | None:
        self[char] = found = text_alone(self._language, char)
        return found


DEPENDS = "\uffff\uffff"
"""In `Language.singles`: what this character is spelled as depends on its neighbours."""


def text_alone(language: Language, char: str) -> str | None:
    """What `Language.singles` holds for a character."""
    tables = language.tables
    tables.expect(char)
    if (
        char in tables.numbers
        or tables.scripts.get(char) in ("Tibetan", "Coptic")
        or char == _O_ANG
        or char in _DOUBLERS
        or unicodedata.numeric(char, None) is not None
    ):
        return DEPENDS
    ranked = language.ranked(char)
    if not ranked:
        return hangul(char) if "\uac00" <= char <= "\ud7a3" else language.decomposed(char)
    text = ranked[0].text or ""
    if any(rule.placed for rule in ranked) or ranked[0].at_end_of_syllable is not None or changing(text):
        return DEPENDS
    script = tables.scripts.get(char)
    if _TAIL.match(text):
        text = text[1:]
    if script == "Thai":
        return DEPENDS if _CONSONANT_FIRST.match(text) else text
    if script in tables.vowels:
        bare, _, written = language.carried_vowel(script, text)
        if bare is not None or written != text:
            return DEPENDS
    return text


class Lattice:
    """The pieces of one text and their spellings. Make one, call `best_path`."""

    def __init__(self, text: str, language: Language) -> None:
        self.text = text
        self.language = language
        self.tables = language.tables
        self.tables.expect(text)
        self.n = len(text)
        self.single: list[str | None] = [None] * self.n
        """Spelling of the piece of one character that begins here, if a rule spells it."""
        self.decomposed: dict[int, str] = {}
        """The same by compatibility decomposition."""
        self.longer: dict[int, dict[int, str]] = {}
        """start -> end -> spelling, of longer pieces."""
        self._starts: dict[int, set[int]] = {}
        """end -> starts of longer pieces."""
        self._after_letter: dict[int, bool] = {}
        self._before_letter: dict[int, bool] = {}
        self._top_texts: dict[tuple[int, int], str] = {}
        self._vowel_at: dict[int, bool | None] = {}
        self._silent_at: set[int] = set()
        self.numbers: NumberPass | None = None

    def best_path(self) -> str:
        """The romanisation of the text."""
        scripts = self.tables.scripts
        if any(scripts.get(char) == "Tibetan" for char in self.text):
            self._place_tibetan_vowels()
        self._spell()
        if any(char in self.tables.numbers or unicodedata.numeric(char, None) is not None for char in self.text):
            self.numbers = NumberPass(self)
            self.numbers.run()
        return "".join(self._walk())

    # -- edges -------------------------------------------------------------------------------------------------------

    def _add(self, start: int, end: int, spelling: str) -> None:
        if end - start == 1:
            if self.single[start] is None:
                self.single[start] = spelling
        else:
            self.longer.setdefault(start, {}).setdefault(end, spelling)
            self._starts.setdefault(end, set()).add(start)

    def spelling(self, start: int, end: int) -> str | None:
        """The spelling of a piece by a rule, or else by decomposition; None if neither spells it."""
        if end - start == 1:
            found = self.single[start]
            return self.decomposed.get(start) if found is None else found
        return self.longer.get(start, {}).get(end)

    def starts(self, end: int) -> list[int]:
        """Where the pieces begin that end at `end`, the longest piece first."""
        found = sorted(self._starts.get(end, ()))
        if end and (self.single[end - 1] is not None or end - 1 in self.decomposed):
            found.append(end - 1)
        return found

    def ends(self, start: int) -> list[int]:
        """Where the pieces end that begin at `start`, the longest piece first."""
        found = sorted(self.longer.get(start, ()), reverse=True)
        if start < self.n and (self.single[start] is not None or start in self.decomposed):
            found.append(start + 1)
        return found

    def _walk(self) -> list[str]:
        """Spellings along the best path."""
        path = []
        place = 0
        single, longer, numbers = self.single, self.longer, self.numbers
        while place < self.n:
            if numbers is not None and numbers.touches(place):
                spelling, place = numbers.best(place)
                path.append(spelling)
                continue
            if place in longer:
                end = max(longer[place])
                path.append(longer[place][end])
                place = end
                continue
            found = single[place]
            if found is None:
                found = self.decomposed.get(place)
            path.append(self._left_over(place) if found is None else found)
            place += 1
        return path

    def _left_over(self, place: int) -> str:
        """The spelling of a character where no piece begins: its neighbour may have taken it into its own piece."""
        char = self.text[place]
        if unspelled(char) == char != " ":
            spelling = self._top(place, place + 1)
            if spelling is not None:
                return spelling[1:] if _TAIL.match(spelling) else spelling
        return unspelled(char)

    # -- where in a word ---------------------------------------------------------------------------------------------

    def _starts_word(self, place: int) -> bool:
        known = self._after_letter.get(place)
        if known is None:
            known = bool(place) and self.text[place - 1].isalpha()
            if not known and place:
                known = any((self.spelling(start, place) or "")[-1:].isalpha() for start in self.starts(place))
                if not known and place - 1 in self.decomposed:
                    known = self.decomposed[place - 1][-1:].isalpha()
            self._after_letter[place] = known
        return not known

    def _ends_word(self, place: int) -> bool:
        """Raises RuleFailedError where the text goes on with a number that no rule spells."""
        known = self._before_letter.get(place)
        if known is None:
            known = self._letter_follows(place)
            self._before_letter[place] = known
        return not known

    def _letter_follows(self, place: int) -> bool:
        text, tables = self.text, self.tables
        if place < self.n and text[place].isalpha():
            return True
        start = place
        while start + 1 < self.n and unicodedata.category(text[start]) == "Mn" and "NUKTA" in tables.name(text[start]):
            start += 1
        for end in range(start + 1, self.n + 1):
            piece = text[start:end]
            if piece not in tables.prefixes:
                break
            for rule in tables.rules.get(piece, ()):
                if rule.only_at_start:
                    continue
                if rule.text is None:
                    raise RuleFailedError
                if any(char.isalpha() for char in rule.text):
                    return True
        return False

    def _ends_syllable(self, place: int) -> bool:
        """Whether the Thai consonant before `place` closes its syllable."""
        text, tables = self.text, self.tables
        before = text[place - 2] if place >= 2 else None
        after = place
        if after < self.n and text[after] in tables.tone_marks:
            after += 1
        following = text[after] if after < self.n else ""
        if before is None or not _is_letter_or_mark(before) or before in tables.before_consonant:
            return False
        if following in tables.before_consonant or not following or not _is_letter_or_mark(following):
            return True
        left = self._left_spelling(place - 1)
        if left is not None and left[-1:] and left[-1] in "bcdfghjklmnpqrstvxz":
            return False
        next_text = self._top(after, after + 2, plain=True)
        if next_text is None:
            next_text = self._top(after, after + 1, plain=True)
        if not _starts_with_vowel(next_text):
            return True
        # before a vowel, o ang is a consonant
        return following == _O_ANG and _starts_with_vowel(self._top(after + 1, after + 2, plain=True))

    def _left_spelling(self, end: int) -> str | None:
        """The spelling of the longest piece that ends at `end`."""
        for start in self.starts(end):
            return self.spelling(start, end)
        return None

    # -- rules -------------------------------------------------------------------------------------------------------

    def _holds(self, rule: Rule, start: int, end: int) -> bool:
        return not (
            (rule.not_at_start and self._starts_word(start))
            or (rule.only_at_start and not self._starts_word(start))
            or (rule.not_at_end and self._ends_word(end))
            or (rule.only_at_end and not self._ends_word(end))
            or (rule.only_whole_word and not (self._starts_word(start) and self._ends_word(end)))
        )

    def _top(self, start: int, end: int, *, plain: bool = False) -> str | None:
        """The text of the rule that wins for a piece; `plain` looks no further than the rule's main text."""
        if start < 0 or end > self.n:
            return None
        known = self._top_texts.get((start, end))
        if known is not None:
            return known
        for rule in self.language.ranked(self.text[start:end]):
            if rule.placed:
                try:
                    if not self._holds(rule, start, end):
                        continue
                except RuleFailedError:
                    continue
            found = rule.text
            if plain:
                return found
            if rule.at_end_of_syllable is not None and self._ends_syllable(end):
                found = rule.at_end_of_syllable
            if found is not None:
                self._top_texts[start, end] = found
            return found
        return None

    def _first_text(self, source: str) -> str | None:
        rules = self.tables.rules.get(source)
        return rules[0].text if rules else None

    def _spell(self) -> None:
        """All pieces that rules, Hangul or a decomposition spell."""
        text, single = self.text, self.single
        singles, stops, reacting = self.language.singles, self.language.stops, self.language.reacting
        doublers = frozenset(_DOUBLERS)
        before = ""
        for start, (char, after) in enumerate(zip(text, text[1:] + "\0", strict=True)):
            spelling = singles[char]
            if spelling is DEPENDS or after in stops.get(char, reacting) or before in doublers:
                self._spell_from(start)
            else:
                single[start] = spelling
            before = char

    def _spell_from(self, start: int) -> None:
        text, prefixes = self.text, self.tables.prefixes
        for end in range(start + 1, self.n + 1):
            if text[start:end] not in prefixes:
                break
            spelling = self._top(start, end)
            if spelling is None:
                continue
            tail = _TAIL.match(spelling) is not None
            if tail:
                spelling = spelling[1:]
            spelling = self._with_vowel(spelling, start, end, tail=tail)
            spelling, first, after = self._in_context(spelling, start, end)
            self._add(first, after, spelling)
        char = text[start]
        if "\uac00" <= char <= "\ud7a3":
            self._add(start, start + 1, hangul(char))
        meant = self.language.decomposed(char)
        if meant:
            if unicodedata.numeric(char, None):
                meant = meant.replace("\u2044", "/")
                if start and unicodedata.numeric(text[start - 1], None):
                    meant = " " + meant
                if start + 1 < self.n and unicodedata.numeric(text[start + 1], None):
                    meant += " "
            self.decomposed[start] = meant

    def _with_vowel(self, spelling: str, start: int, end: int, *, tail: bool) -> str:
        """An Indic consonant with the vowel it carries, where nothing silences or replaces it."""
        text, tables = self.text, self.tables
        script = tables.scripts.get(text[start])
        if script is None or script not in tables.vowels:
            return spelling
        bare, full, spelling = self.language.carried_vowel(script, spelling)
        if bare is None or full is None or tail:
            return spelling
        if script == "Tibetan":
            return "" if start in self._silent_at else full if self._vowel_at.get(start) else bare
        before = text[start - 1] if start else ""
        after = text[end] if end < self.n else ""
        second = text[end + 1] if end + 1 < self.n else ""
        if after:
            if after == "យ" and (bare in "bcdfghklmnpqrstvwz" or bare == "ng"):
                return bare
            if after in tables.vowel_signs or after in tables.medial_signs or after in tables.viramas:
                return bare
            if _is_subjoined(tables.name(after)):
                return bare
            if second and unicodedata.category(after) == "Mn" and (second in tables.vowel_signs | tables.viramas):
                return bare
        if before in tables.viramas:
            return full
        if self._starts_word(start) and not re.search(r"r[aeiou]", spelling):
            return full
        try:
            if self._ends_word(end):
                code = self.language.code
                kept = code != "san" if script == "Devanagari" else code in ("asm", "ben", "guj", "kas", "pan")
                return spelling if kept else full
        except RuleFailedError:
            return spelling
        if tables.scripts.get(before) != script:
            return full
        if "VOCALIC" in tables.name(text[end - 1]):
            return bare
        return full if tables.scripts.get(after) == script else spelling

    def _in_context(self, spelling: str, start: int, end: int) -> tuple[str, int, int]:
        """What neighbours make of a spelling: (spelling, start, end), the piece sometimes taking in a neighbour."""
        if spelling == "":
            return spelling, start, end
        text, tables, n = self.text, self.tables, self.n
        scripts = tables.scripts
        original = start
        before = text[start - 1] if start else ""
        after = text[end] if end < n else ""
        if start + 1 == end and spelling.isupper() and after.islower():
            spelling = spelling.capitalize()  # Θεσσαλονίκη is Thessaloniki, ΘΕΣΣΑΛΟΝΙΚΗ stays THESSALONIKI
        if before and before in _DOUBLERS and (match := _DOUBLED.match(spelling)):
            spelling = match[1].replace("ch", "c" if before == "\u0a71" else "t") + spelling
            start -= 1
            before = text[start - 1] if start else ""
        if scripts.get(text[start]) == "Thai":
            changed = self._in_thai_context(spelling, start, end, before, after)
            if changed is not None:
                return changed
        if after == _GRAVE and scripts.get(text[end - 1]) == "Coptic" and not self._top(original, end + 1):
            spelling = "e" + spelling
            end += 1
            after = text[end] if end < n else ""
        if (
            after
            and after in _SMALL_Y
            and scripts.get(text[end - 1]) == scripts.get(after)
            and re.search(r"[bcdfghjklmnpqrstvwxyz]i$", spelling)
            and (small := self._first_text(after))
            and not self._top(original, end + 1)
            and not self._top(start, end + 1)
        ):
            spelling = spelling[:-1] + small
            end += 1
            after = text[end] if end < n else ""
        if after == "ー" and scripts.get(text[end - 1]) in ("Hiragana", "Katakana") and spelling[-1] in "aeiou":
            return spelling + spelling[-1], start, end + 1
        if after in tables.viramas:
            return spelling, start, end + 1
        if spelling.startswith(" ") and (start == 0 or before == " "):
            spelling = spelling[1:]
        if spelling.endswith(" ") and (end == n + 1 or after == " "):
            spelling = spelling[:-1]
        return spelling, start, end

    def _in_thai_context(
        self, spelling: str, start: int, end: int, before: str, after: str
    ) -> tuple[str, int, int] | None:
        """Vowels written before their consonant are spoken after it; o ang is silent but between consonants."""
        text, tables = self.text, self.tables
        first = text[start]
        if before in tables.before_consonant:
            if start + 1 == end and _CONSONANTS.match(spelling):
                for length in (3, 2, 1):
                    if end + length <= self.n:
                        rules = tables.rules.get(f"{before}–{text[end : end + length]}")
                        if rules:
                            return spelling + (rules[0].text or ""), start - 1, end + length
            if tables.scripts.get(before) == "Thai" and _CONSONANT_FIRST.match(spelling):
                vowel = self._first_text(before)
                if vowel:
                    return spelling + vowel, start - 1, end
        if first == _O_ANG and end - start == 1:
            heard = False
            if tables.scripts.get(before) == "Thai" and tables.scripts.get(after) == "Thai":
                left, right = self._text_before(start), self._first_text(after)
                heard = bool(_O_ANG_NEIGHBOUR.match(left) and right is not None and _O_ANG_NEIGHBOUR.match(right))
            if not heard:
                return "", start, end
        return None

    def _text_before(self, place: int) -> str:
        """The last spelling before `place` that is not empty; as Uroman looks for it, a step too far each time."""
        end = place
        while end > 0:
            before = end
            for start in self.starts(end):
                spelling = self.spelling(start, end) or ""
                end = start
                if spelling:
                    return spelling
                break
            if before >= end:
                end -= 1
        return ""

    # -- Tibetan -----------------------------------------------------------------------------------------------------

    def _place_tibetan_vowels(self) -> None:
        """Decide after which letter of each syllable its vowel is spoken."""
        tables, text = self.tables, self.text
        syllable: list[int] = []
        for place, char in enumerate(text):
            if tables.scripts.get(char) == "Tibetan" and (char in tables.vowel_signs or "LETTER" in tables.name(char)):
                syllable.append(place)
            elif syllable:
                self._place_tibetan_vowel(syllable)
                syllable = []
        if syllable:
            self._place_tibetan_vowel(syllable)

    def _place_tibetan_vowel(self, places: list[int]) -> None:
        tables, text, vowel_at = self.tables, self.text, self._vowel_at
        spellings: list[str] = []
        subjoined: list[int] = []
        found = False
        first = places[0]
        for place in places:
            char = text[place]
            spelling = self._top(place, place + 1)
            spelling = "?" if spelling is None else spelling
            vowel_at[place] = None
            if char in tables.vowel_signs or re.match(r"[aeiou]+$", spelling):
                found = True
                vowel_at[place] = True
                if spellings == ["'"]:
                    self._silent_at.add(place - 1)
            elif _is_subjoined(tables.name(char)):
                subjoined.append(place)
                if place > first:
                    if char == "\u0fb0":
                        found = True
                    vowel_at[place - 1] = char == "\u0fb0"
                spelling = _without_a(spelling)
            elif char == _TIBETAN_A:
                vowel_at[place] = False
                if place > first:
                    found = True
                    vowel_at[place - 1] = True
                    if place == places[-1]:
                        self._silent_at.add(place)
                spelling = "a'" if spellings and spellings[-1] not in "aeiou" else "'"
            else:
                spelling = _without_a(spelling)
            spellings.append(spelling)
        if found:
            for place in places:
                if vowel_at[place] is None:
                    vowel_at[place] = False
            return
        best, chosen = math.inf, None
        for place in places:
            at = place - first
            cost = self._tibetan_cost(places, at, spellings, subjoined)
            if cost < best:
                best, chosen = cost, place
        if chosen is not None:
            for place in places:
                if vowel_at[place] is None:
                    vowel_at[place] = place == chosen

    def _tibetan_cost(self, places: list[int], at: int, spellings: list[str], subjoined: list[int]) -> float:
        """How unlikely the vowel of a syllable is after its letter number `at`."""
        if self._vowel_at[places[at]] is False:
            return 20
        if len(places) == 1:
            return 0
        if len(places) == 2:
            return 0 if places[at] == 0 else 0.1
        before, after = "".join(spellings[: at + 1]), "".join(spellings[at + 1 :])
        good_before = _PREFIXES_OF_TIBETAN.match(before)
        if _SUFFIXES_OF_TIBETAN.match(after):
            return len(before) * 0.1 if good_before else len(before)
        if all(place in subjoined for place in places[at + 2 :]):
            return len(before) * (0.3 if good_before else 0.5)
        return math.inf


def unspelled(char: str) -> str:
    """What a character that no rule spells becomes: marks, formatting and private characters vanish."""
    return "" if unicodedata.category(char) in ("Mn", "Cf", "Co") else char


@lru_cache(maxsize=1 << 14)
def hangul(char: str) -> str:
    """A Hangul syllable (U+AC00 to U+D7A3) by its lead, vowel and tail."""
    index = ord(char) - 0xAC00
    lead, vowel, tail = index // 588, index // 28 % 21, index % 28
    return (_LEADS[lead] + _VOWELS[vowel] + _TAILS[tail]).replace("-", "")


def _without_a(spelling: str) -> str:
    return re.sub(r"([bcdfghjklmnpqrstvwxyz].*)a$", r"\1", spelling)


@lru_cache(maxsize=1 << 12)
def _is_subjoined(name: str) -> bool:
    return "SUBJOINED LETTER" in name


def _starts_with_vowel(spelling: str | None) -> bool:
    return spelling is not None and spelling[:1].lower() in tuple("aeiou")


def _is_letter_or_mark(char: str) -> bool:
    category = unicodedata.category(char)[0]
    if category == "C" and unicodedata.category(char) == "Cn":
        import regex  # a newer Unicode than this Python's may know the character

        return regex.match(r"[\pL\pM]", char) is not None
    return category in "LM"
