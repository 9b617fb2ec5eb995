"""Uroman's lattice: every piece of a text that a rule can spell, and the best path through them.

The path takes the longest piece at each place; what a piece is spelled as depends on its neighbours: vowels that Indic
consonants carry, Thai vowels written before their consonant, Tibetan syllables, small kana, words' first and last
letters. This follows `uroman.Lattice` piece by piece, quirks included, for text of any kind but Braille. It is the slow
half of the romaniser: text that no neighbour can change never comes here.
"""

import re
import unicodedata
from functools import lru_cache

from xl_translit.uroman.numbers import NumberPass
from xl_translit.uroman.rules import (
    CONSONANT_FIRST,
    CONSONANTS,
    DEPENDS,
    DOUBLERS,
    GRAVE,
    O_ANG,
    SMALL_Y,
    TAIL,
    Language,
    hangul,
    unspelled,
)
from xl_translit.uroman.tables import Rule
from xl_translit.uroman.tibetan import tibetan_vowels

_DOUBLED = re.compile(r"(ch|[bcdfghjklmnpqrstwz])")
_O_ANG_NEIGHBOUR = re.compile(r"[bcdfghjklmnpqrstvwxz]+$")


class RuleFailedError(Exception):
    """Uroman's rule cannot be carried out (it stops with an error there); the rule is then taken not to hold."""


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
            self._vowel_at, self._silent_at = tibetan_vowels(self.text, self.tables, self._top)
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
            alone = self.single[start]
            return self.decomposed.get(start) if alone is None else alone
        return self.longer.get(start, {}).get(end)

    def starts(self, end: int) -> list[int]:
        """Where the pieces begin that end at `end`, the longest piece first."""
        places = sorted(self._starts.get(end, ()))
        if end and (self.single[end - 1] is not None or end - 1 in self.decomposed):
            places.append(end - 1)
        return places

    def ends(self, start: int) -> list[int]:
        """Where the pieces end that begin at `start`, the longest piece first."""
        places = sorted(self.longer.get(start, ()), reverse=True)
        if start < self.n and (self.single[start] is not None or start in self.decomposed):
            places.append(start + 1)
        return places

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
            text = single[place]
            if text is None:
                text = self.decomposed.get(place)
            path.append(self._left_over(place) if text is None else text)
            place += 1
        return path

    def _left_over(self, place: int) -> str:
        """The spelling of a character where no piece begins: its neighbour may have taken it into its own piece."""
        char = self.text[place]
        if unspelled(char) == char != " ":
            spelling = self._top(place, place + 1)
            if spelling is not None:
                return spelling[1:] if TAIL.match(spelling) else spelling
        return unspelled(char)

    # -- where in a word ---------------------------------------------------------------------------------------------

    def _starts_word(self, place: int) -> bool:
        after_letter = self._after_letter.get(place)
        if after_letter is None:
            after_letter = bool(place) and self.text[place - 1].isalpha()
            if not after_letter and place:
                after_letter = any((self.spelling(start, place) or "")[-1:].isalpha() for start in self.starts(place))
                if not after_letter and place - 1 in self.decomposed:
                    after_letter = self.decomposed[place - 1][-1:].isalpha()
            self._after_letter[place] = after_letter
        return not after_letter

    def _ends_word(self, place: int) -> bool:
        """Raises RuleFailedError where the text goes on with a number that no rule spells."""
        before_letter = self._before_letter.get(place)
        if before_letter is None:
            before_letter = self._letter_follows(place)
            self._before_letter[place] = before_letter
        return not before_letter

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
        return following == O_ANG and _starts_with_vowel(self._top(after + 1, after + 2, plain=True))

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
        noted = self._top_texts.get((start, end))
        if noted is not None:
            return noted
        for rule in self.language.ranked(self.text[start:end]):
            if rule.placed:
                try:
                    if not self._holds(rule, start, end):
                        continue
                except RuleFailedError:
                    continue
            text = rule.text
            if plain:
                return text
            if rule.at_end_of_syllable is not None and self._ends_syllable(end):
                text = rule.at_end_of_syllable
            if text is not None:
                self._top_texts[start, end] = text
            return text
        return None

    def _first_text(self, source: str) -> str | None:
        rules = self.tables.rules.get(source)
        return rules[0].text if rules else None

    def _spell(self) -> None:
        """All pieces that rules, Hangul or a decomposition spell."""
        text, single = self.text, self.single
        singles, stops, reacting = self.language.singles, self.language.stops, self.language.reacting
        doublers = frozenset(DOUBLERS)
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
            tail = TAIL.match(spelling) is not None
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
            if unicodedata.category(after) == "Mn" and (second in tables.vowel_signs or second in tables.viramas):
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
        if before and before in DOUBLERS and (match := _DOUBLED.match(spelling)):
            spelling = match[1].replace("ch", "c" if before == "\u0a71" else "t") + spelling
            start -= 1
            before = text[start - 1] if start else ""
        if scripts.get(text[start]) == "Thai":
            changed = self._in_thai_context(spelling, start, end, before, after)
            if changed is not None:
                return changed
        if after == GRAVE and scripts.get(text[end - 1]) == "Coptic" and not self._top(original, end + 1):
            spelling = "e" + spelling
            end += 1
            after = text[end] if end < n else ""
        if (
            after
            and after in SMALL_Y
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
            if start + 1 == end and CONSONANTS.match(spelling):
                for length in (3, 2, 1):
                    if end + length <= self.n:
                        rules = tables.rules.get(f"{before}–{text[end : end + length]}")
                        if rules:
                            return spelling + (rules[0].text or ""), start - 1, end + length
            if tables.scripts.get(before) == "Thai" and CONSONANT_FIRST.match(spelling):
                vowel = self._first_text(before)
                if vowel:
                    return spelling + vowel, start - 1, end
        if first == O_ANG and end - start == 1:
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
