"""Epitran's tables on whole letters: `whole_letter_map("pol-Latn")("drży")` is `"drʐɨ"`, where Epitran has `"dʐ̇ɨ"`.

Epitran matches on decomposed text, so that a key of two letters (`rz`) cuts an accented one (ż = z and a dot above) in
half and leaves its mark behind (its issue 255). Here neither a key nor a rule before the map ends in front of a mark:

- a letter that neither map nor rules name is the same letter with as many of its marks as they do name: `één` is `een`
  where a table has `ee` alone;
- a letter that only a rule or a longer key names, and that none of them took, falls back in the same way, and so does
  one with a diaeresis, which tells that it is said apart (`geïnd`);
- a mark that the table cannot write goes.

Marks that are rows of the map by themselves, such as vowel signs and tones, are letters in this sense, and the
letters of a script that the table does not know stay as they are. Rules after the map work on the table's own
phonemes, whose diacritics they split on purpose; they are Epitran's.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Container, Iterable
from functools import cache
from itertools import combinations
from string import ascii_lowercase

from xl_translit.phonemes.epitran_maps import EpitranMap, MapStep, all_but, map_pattern, read_rules, trie_pattern

_MEMO_SIZE = 1 << 14
_HIATUS = "\u0308"
"""A diaeresis: even where no row knows it, its letter is said apart from the one before (`Citroën`)."""


class WholeLetterMap(EpitranMap):
    """The tables of one code on whole letters; call it as an EpitranMap, whose words without marks it says alike."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        # Marks that are letters: rows of the map, and signs (virama) that it leaves to the rules after it.
        free = {key[0] for key in self.graphemes if _is_mark(key[0])}
        free |= {char for rule in self._post for char in rule.text if _is_mark(char) and not _is_diacritic(char)}
        rules = _letters(rule.text for rule in self._pre)
        # A mark that a rule names without a letter is taken behind any.
        self._loose = free.union(_HIATUS, *(letter for letter in rules if _is_mark(letter[0])))
        self._named = {self._tight(letter) for letter in {*rules, *_letters(self.graphemes)}}
        self._made = _letters(rule.new for rule in self._pre)
        self._scripts = {_script(char) for char in self._letters if not _is_mark(char)}
        self._unplain = all_but(self._loose.union(char for char in self._letters if not _is_mark(char)))
        self._unwritten = all_but(self.written.union(ascii_lowercase))
        self._whole: set[str] = set()
        self._repairs = _Memo(self._known_letter)
        marks = {char for letter in {*rules, *_letters(self.graphemes)} for char in letter[1:] if _is_mark(char)}
        marks = (marks | {_HIATUS}) - free
        listed = "".join(sorted(marks))
        self._follows = f"(?![{listed}])"
        self._marks = re.compile(f"[{listed}]+")
        self._cut = re.compile(f"[^\n{listed}]?[{listed}]+")
        self._pre = read_rules("pre", code, self._follows)
        if self._several:
            self._several_pattern = re.compile(f"((?:{trie_pattern(self._several)}){self._follows})")
        self._fallbacks = _Memo(self._fallback)

    def lost(self, word: str) -> Counter[str]:
        """The marks of a word that fell off its letters, counted."""
        raw, spelled = self._decomposed(word), self.spell(word)
        if not any(map(_is_mark, raw)):
            return Counter()
        text = self._rewrite(self._pre, spelled)
        sources = "".join(piece.source for piece in self._scan(text))
        return _count_marks(raw) - _count_marks(spelled) + (_count_marks(text) - _count_marks(sources))

    def _known_letters(self, text: str) -> str:
        strange = {char for char in self._unplain(text) if _is_mark(char)}
        if not strange:
            return text
        marks = _listed(strange.union(char for char in self._loose if _is_mark(char)))
        letters = set(re.findall(f"[^\n{marks}]?[{marks}]+", text)) - self._whole
        # What has only marks that may stand behind any letter stays as it is.
        changed = {letter for letter in letters if not strange.isdisjoint(letter) and self._repairs[letter] != letter}
        if len(self._whole) < _MEMO_SIZE:
            self._whole |= letters - changed
        if not changed:
            return text
        pattern = f"(?:{trie_pattern(changed)})(?![{marks}])"
        if any(_is_mark(letter[0]) for letter in changed):  # at the beginning of a line
            pattern = f"[^\n{marks}]?[{marks}]*[{_listed(strange)}][{marks}]*"
        return re.sub(pattern, lambda match: self._repairs[match[0]], text)

    def _known_marks(self, ipa: str) -> str:
        strange = {char for char in self._unwritten(ipa) if _is_mark(char)}
        if not strange:
            return ipa
        pattern = f"([^\n{_listed(strange)}]?)([{_listed(strange)}]+)"
        return re.sub(pattern, lambda match: match[1] + self._foreign(match[1], match[2]), ipa)

    def _left_letters(self, text: str) -> str:
        parts, done = [], 0
        for match in self._marks.finditer(text):
            start = match.start()
            start -= start > done and text[start - 1] != "\n"  # the letter before the marks
            parts += text[done:start], self._fallbacks[text[start : match.end()]]
            done = match.end()
        return "".join([*parts, text[done:]]) if parts else text

    def _scan(self, text: str) -> list[MapStep]:
        pieces, start, pattern = [], 0, map_pattern(self.code, self._follows)
        while start < len(text):
            if match := pattern.match(text, start):
                pieces.append(MapStep(match[0], self.graphemes.get(match[0], match[0]), mapped=True))
                start = match.end()
            elif match := self._cut.match(text, start):
                kept, written = self._kept(match[0])
                target = self.graphemes.get(kept, kept) + written
                pieces.append(MapStep(kept + written, target, mapped=bool(written) or kept in self._letters))
                start = match.end()
            else:
                pieces.append(MapStep(text[start], text[start], mapped=False))
                start += 1
        return pieces

    def _tight(self, letter: str) -> str:
        """A letter without the marks that may stand behind any."""
        return letter[0] + "".join(char for char in letter[1:] if char not in self._loose)

    def _known_letter(self, letter: str) -> str:
        """The letter with as many of its marks as map or rules name."""
        base = "" if _is_mark(letter[0]) else letter[0]
        if base and base not in self._letters and base not in self._named:
            return base + self._foreign(base, letter[1:])
        marks = letter[len(base) :]
        kept = _nearest(base, "".join(char for char in marks if char not in self._loose), self._named)
        left = Counter(kept)
        keeps = [char for char in marks if char in self._loose or left[char] > 0]
        return base + "".join(keeps)

    def _kept(self, letter: str) -> tuple[str, str]:
        """What is left of a letter that no key took, a key or the letter alone, and the marks that a rule wrote."""
        if letter in self._made:
            end = next((n for n in range(len(letter), 1, -1) if letter[:n] in self.graphemes), 1)
            return letter[:end], letter[end:]
        base = "" if _is_mark(letter[0]) else letter[0]
        return base + _nearest(base, letter[len(base) :], self.graphemes), ""

    def _fallback(self, letter: str) -> str:
        kept, written = self._kept(letter)
        return (self._several[kept] if len(kept) > 1 else kept) + written

    def _foreign(self, base: str, marks: str) -> str:
        """Of the marks behind a letter, those of its own script where the table does not know that."""
        script = _script(base) if base else ""
        return "" if script in self._scripts else "".join(char for char in marks if _script(char) == script)


@cache
def whole_letter_map(code: str) -> WholeLetterMap:
    """The tables of a code such as `tur-Latn` on whole letters, one for the process."""
    return WholeLetterMap(code)


class _Memo(dict[str, str]):
    """Remembers what a function of a short text returns."""

    def __init__(self, function: Callable[[str], str]) -> None:
        super().__init__()
        self._function = function

    def __missing__(self, key: str) -> str:
        value = self._function(key)
        if len(self) < _MEMO_SIZE:
            self[key] = value
        return value


def _letters(texts: Iterable[str]) -> set[str]:
    """Characters with the marks that stand behind them; marks at the beginning of a text are one of their own."""
    letters: set[str] = set()
    for text in texts:
        letter = ""
        for char in text:
            if letter and _is_mark(char):
                letter += char
            else:
                letters.add(letter)
                letter = char
        letters.add(letter)
    return letters - {""}


def _nearest(base: str, marks: str, letters: Container[str]) -> str:
    """As many of the marks as make a known letter with the base, the earlier ones first."""
    for n_kept in range(len(marks), 0, -1):
        for kept in combinations(marks, n_kept):
            if base + "".join(kept) in letters:
                return "".join(kept)
    return ""


def _count_marks(text: str) -> Counter[str]:
    return Counter(filter(_is_mark, text))


def _listed(chars: Iterable[str]) -> str:
    return re.escape("".join(sorted(chars)))


@cache
def _is_mark(char: str) -> bool:
    return unicodedata.category(char)[0] == "M"


def _is_diacritic(char: str) -> bool:
    return _script(char) == "COMBINING"


@cache
def _script(char: str) -> str:
    return unicodedata.name(char, "").split(" ")[0]
