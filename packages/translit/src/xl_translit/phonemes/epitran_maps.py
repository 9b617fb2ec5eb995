r"""Grapheme to phoneme by Epitran's tables: `epitran_map("tur-Latn")("merhaba")` is `"meɾhaba"`.

The tables are read from the installed package `epitran` (Mortensen, Dalmia and Littell 2018), whose program is not
imported: it takes seconds to load and spends most of a word's time between its rules. The result of a word is exactly
`Epitran(code).transliterate(word)`, whatever the word is; tests compare all tables.

A word goes through: Hangul syllables to letters, lower case, NFD, diacritics that the language ignores, rules before
the map (`pre`), the map (longest grapheme first), rules after it (`post`), NFC. Epitran passes a flag where a limit is
expected, so that one rule rewrites at most 32 places of a word; that is kept, because it shows in the results.

Why this is fast: many words are joined by "\n" and go through each step at once. That is exact as long as a rule
cannot look over the end of a line and no word is long enough to reach the limit; other words go alone.
"""

import csv
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache, cached_property, partial
from importlib.util import find_spec
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

from xl_translit.errors import TranslitError

_LIMIT = 32
"""Rewrites of one rule in one word; a rule can rewrite one place more than the word has characters."""
_MEMO_SIZE = 1 << 17
_BATCH_SIZE = 1 << 13
"""Words that are joined at a time."""
_RARE = 24
"""What a rule needs is rare if it comes less than once in so many characters."""
_PRIVATE = 0xF0000
"""Private-use characters stand for graphemes of several letters between two steps of the map."""
_TONES = re.compile("[˩˨˧˦˥]")
_SYLLABLE = re.compile("[가-힣]")
_JAMO = re.compile("[\u1100-\u11ff\ua960-\ua97c\ud7b0-\ud7fb]")
_SYMBOL = re.compile(r"(?P<symbol>::\w+::)\s*=\s*(?P<value>.+)")
_RULE = re.compile(r"(\S+)\s*->\s*(\S+)\s*/\s*(\S*)\s*[_]\s*(\S*)")
_SWAP = re.compile(r"[?]P[<]sw1[>].+[?]P[<]sw2[>]")
_MARKED = re.compile(r"[^\W\d_][\u0300-\u036f]+")
"""A letter with diacritics, decomposed."""
_SPECIAL = re.compile(r"[.^$*+?{}\[\]\\|()]")
_CLASSES = re.compile(r"\\[wWsSdDbBpPX]")


class MapStep(NamedTuple):
    """One step of the map: a stretch of the word and what it became."""

    source: str
    target: str
    mapped: bool
    """False for a character that the map has no rule for; it is its own target."""


class EpitranMap:
    """The tables of one code, compiled; call it with a word, or `words` with many.

    Results are remembered, up to a bounded number of words. It pickles as its code.
    Raises TranslitError where Epitran has no map of that code.
    """

    def __init__(self, code: str) -> None:
        self.code = code
        self.graphemes = _read_map(code)
        """Grapheme (NFD) -> phonemes."""
        self._ignored = frozenset(_read_ignored(code))
        self._pre = read_rules("pre", code)
        self._post = read_rules("post", code)
        self._several = {key: chr(_PRIVATE + i) for i, key in enumerate(_with_case_variants(self.graphemes))}
        self._several_pattern = re.compile(f"({trie_pattern(self._several)})") if self._several else None
        single = {ord(key): value for key, value in self.graphemes.items() if len(key) == 1}
        self._single = single | {ord(mark): self.graphemes.get(key, key) for key, mark in self._several.items()}
        self._letters = frozenset("".join(self.graphemes))
        self._folds = {_fold(char) for key in self._several for char in key}
        self._unlisted = all_but(self._letters)
        self._plain: set[str] = set()
        self._memo: dict[str, str] = {}

    def __reduce__(self) -> tuple[Callable[[str], "EpitranMap"], tuple[str]]:
        return epitran_map, (self.code,)

    def __call__(self, word: str) -> str:
        """What `Epitran(code).transliterate(word)` returns."""
        return self.words((word,))[0]

    def words(self, words: Sequence[str]) -> list[str]:
        """`[self(word) for word in words]`, much faster."""
        memo = self._memo
        new = list(set(words).difference(memo))
        if len(memo) + len(new) > _MEMO_SIZE:
            memo.clear()
            new = list(set(words))
        for start in range(0, len(new), _BATCH_SIZE):
            batch = new[start : start + _BATCH_SIZE]
            memo.update(zip(batch, self._joined(batch), strict=True))
        spelled = list(map(memo.__getitem__, words))
        if len(memo) > _MEMO_SIZE:
            memo.clear()
        return spelled

    @property
    def known(self) -> frozenset[str]:
        """Characters, lower case and NFD, that the map or the text of a rule names."""
        named = {char for rule in (*self._pre, *self._post) for char in rule.text}
        return self._letters | self._ignored | named

    @property
    def written(self) -> frozenset[str]:
        """Characters of phonemes that the map or a rule writes."""
        return frozenset("".join([*self.graphemes.values(), *(rule.new for rule in (*self._pre, *self._post))]))

    def spell(self, word: str) -> str:
        """The word as the rules before the map get it: lower case, NFD, Hangul as letters, ignored marks left out."""
        return self._known_letters(self._decomposed(word))

    def lost(self, word: str) -> Counter[str]:
        """The marks of a word that fell off its letters, counted: none here."""
        return Counter()

    def pieces(self, word: str) -> list[MapStep]:
        """The steps of the map for one word, in order."""
        return self._scan(self._rewrite(self._pre, self.spell(word)))

    def join(self, pieces: Iterable[MapStep]) -> str:
        """The result that the pieces of a word give."""
        ipa = self._rewrite(self._post, "".join(piece.target for piece in pieces))
        return unicodedata.normalize("NFC", self._known_marks(ipa))

    def _decomposed(self, word: str) -> str:
        return self._strip(unicodedata.normalize("NFD", _hangul_letters(word).lower()))

    def _known_letters(self, text: str) -> str:
        """Text before the rules with letters of which the table knows nothing as those that it knows; here as it is."""
        return text

    def _left_letters(self, text: str) -> str:
        """Letters with marks that no key took; here as they are."""
        return text

    def _known_marks(self, ipa: str) -> str:
        """Phonemes without marks that the table cannot write; here as they are."""
        return ipa

    def _strip(self, text: str) -> str:
        return "".join(char for char in text if char not in self._ignored) if self._ignored else text

    def _rewrite(self, rules: Iterable["RewriteRule"], text: str) -> str:
        """Apply rules to one word, with the limit."""
        if "\n" in text:
            for rule in rules:
                text = rule.original(text)
        else:
            for rule in rules:
                text = rule.apply(text, _LIMIT)
        return text

    def _scan(self, text: str) -> list[MapStep]:
        """Longest grapheme first, upper and lower case alike; what is matched in another case stays as it is."""
        pieces, start, pattern = [], 0, map_pattern(self.code)
        while start < len(text):
            match = pattern.match(text, start)
            source = match[0] if match else text[start]
            # A key of the table in another case counts as mapped, but only the key itself has a target.
            pieces.append(MapStep(source, self.graphemes.get(source, source), match is not None))
            start += len(source)
        return pieces

    def _alone(self, word: str) -> str:
        return self.join(self.pieces(word))

    def _joined(self, words: list[str]) -> list[str]:
        r"""Results of distinct words: all at once, joined by "\n", and those alone that this does not serve."""
        alone = {i for i, word in enumerate(words) if len(word) >= _LIMIT or "\n" in word}
        text = "\n".join([" " if i in alone else word for i, word in enumerate(words)] if alone else words)
        if _JAMO.search(text):  # such letters change only in words that also hold a syllable
            text = "\n".join(map(_hangul_letters, text.split("\n")))
        elif _SYLLABLE.search(text):
            text = text.translate(_HANGUL)
        if not text.isascii():
            text = unicodedata.normalize("NFD", text.lower())
            alone.update(_overlong(text))
            text = self._known_letters(self._strip(text))
        else:
            text = text.lower()
        text = self._rewrite_lines(self._pre, text, alone)
        self._find_strange(text, alone)
        if self._several_pattern:
            parts = self._several_pattern.split(text)  # every second part is a grapheme
            parts[1::2] = map(self._several.__getitem__, parts[1::2])
            text = "".join(parts)
        text = self._left_letters(text).translate(self._single)
        alone.update(_overlong(text))
        text = self._rewrite_lines(self._post, text, alone)
        results = unicodedata.normalize("NFC", self._known_marks(text)).split("\n")
        for i in alone:
            results[i] = self._alone(words[i])
        return results

    def _rewrite_lines(self, rules: Iterable["RewriteRule"], text: str, alone: set[int]) -> str:
        for rule in rules:
            changed = rule.apply(text, 0)
            if len(changed) > len(text):
                alone.update(_overlong(changed))
            text = changed
        return text

    def _find_strange(self, text: str, alone: set[int]) -> None:
        """Add lines with a character that only a case-insensitive pattern takes for a letter of the map."""
        new = self._unlisted(text) - self._plain
        strange = {char for char in new if _fold(char) in self._folds or ord(char) >= _PRIVATE}
        self._plain |= new - strange
        if strange:
            alone.update(i for i, line in enumerate(text.split("\n")) if not strange.isdisjoint(line))


@cache
def epitran_map(code: str) -> EpitranMap:
    """The compiled tables of a code such as `tur-Latn` (see `map_codes`), one for the process."""
    return EpitranMap(code)


@cache
def map_codes() -> tuple[str, ...]:
    """The codes of which Epitran has a map, in alphabetical order."""
    return tuple(sorted(path.stem for path in (epitran_folder() / "map").glob("*.csv")))


@cache
def epitran_folder() -> Path:
    """Where the installed package `epitran` keeps its tables; the package is not imported for that."""
    spec = find_spec("epitran")
    if spec is None or not spec.submodule_search_locations:
        message = "the package epitran is not installed; install it with: pip install epitran"
        raise TranslitError(message)
    return Path(spec.submodule_search_locations[0]) / "data"


class RewriteRule:
    """`a -> b / X _ Y`: where `a` stands between X and Y, write `b` (or swap two parts of `a`)."""

    def __init__(self, old: str, new: str, left: str, right: str, follows: str = "") -> None:
        self.new = new
        swap = bool(_SWAP.search(old))
        named = old if swap else f"(?P<a>{old}){follows}"
        self._expression = f"(?P<X>{left}){named}(?P<Y>{right}){follows}"
        self.text = left + old + right
        self._swap = swap
        self._original: Any = None
        self._literal: tuple[str, str] | None = None
        self._needed = _literal_start(old)
        self._sides = left, right
        self.apply = self._sub
        if swap or _SPECIAL.search(self.text) or not self.text:
            return
        if not follows:
            self._literal = left + old + right, left + new + right
            self.apply = self._replace
        elif not left and not right:
            self._literal = old, new
            self._cut = re.compile(f"{re.escape(old)}(?!{follows})")
            self.apply = self._replace_whole

    @cached_property
    def _substitute(self) -> Callable[[str, int], str]:
        pattern = _compile_for_lines(self._expression)
        return partial(pattern.sub, self._make_rewriter(pattern.groupindex, *self._sides))

    def _replace(self, text: str, limit: int) -> str:
        old, new = self._literal or ("", "")
        return text.replace(old, new, limit or -1)

    def _replace_whole(self, text: str, limit: int) -> str:
        """As `_replace`, unless a match may not end somewhere."""
        return self._sub(text, limit) if self._cut.search(text) else self._replace(text, limit)

    def _sub(self, text: str, limit: int) -> str:
        needed = self._needed
        if needed:
            n_places = text.count(needed)
            if n_places == 0:
                return text
            if limit == 0 and n_places * _RARE < len(text):
                return self._sub_lines(text)
        return self._substitute(text, limit)

    def _sub_lines(self, text: str) -> str:
        """Rewrite only the lines in which the rule can match."""
        needed, substitute = self._needed, self._substitute
        parts, done, place = [], 0, text.find(self._needed)
        while place >= 0:
            start = text.rfind("\n", done, place) + 1  # `done` is a line end, or the beginning
            end = text.find("\n", place)
            end = len(text) if end < 0 else end
            parts += text[done:start], substitute(text[start:end], 0)
            done, place = end, text.find(needed, end)
        return "".join([*parts, text[done:]])

    def original(self, text: str) -> str:
        """Apply the rule to one word as Epitran does, also where the word contains a line end."""
        import regex

        if self._original is None:
            self._original = regex.compile(self._expression)
        rewriter = self._make_rewriter(self._original.groupindex, "?", "?")
        return self._original.sub(rewriter, text, _LIMIT)

    def _make_rewriter(self, groups: Mapping[str, int], left: str, right: str) -> Callable[[re.Match], str]:
        new, x, y = self.new, groups["X"], groups["Y"]
        if self._swap:
            first, second = groups["sw1"], groups["sw2"]
            return lambda match: f"{match[x] or ''}{match[second] or ''}{match[first] or ''}{match[y] or ''}"
        if not left and not right:
            return lambda match: new
        if not left:
            return lambda match: new + match[y]
        if not right:
            return lambda match: match[x] + new
        return lambda match: match[x] + new + match[y]


def _literal_start(expression: str) -> str:
    """The characters with which each match of `expression` begins, as far as that is easily seen."""
    start, special, _ = re.split(r"([.^$*+?{}\[\]\\|()]|$)", expression, maxsplit=1)
    if "|" in expression:
        return ""
    return start[:-1] if special and special in "*?{" else start


def _compile_for_lines(expression: str) -> re.Pattern:
    r"""The expression for words joined by "\n": edges of a word are those of a line, and "\n" matches nothing.

    `re` is faster than `regex` where both mean the same: not for \w, \b and the like, nor for look-behind of any width.
    """
    for old, new in (("[^", "[^\\n"), ("\\W", "[^\\w\\n]"), ("\\s", "[^\\S\\n]")):
        expression = expression.replace(old, new)
    if not _CLASSES.search(expression):
        try:
            return re.compile(expression, re.MULTILINE)
        except re.error:
            pass
    import regex

    return regex.compile(expression, regex.MULTILINE)


def _read_map(code: str) -> dict[str, str]:
    path = epitran_folder() / "map" / f"{code}.csv"
    if code not in map_codes():
        message = f"Epitran has no map {code!r}; g2p_codes() lists what there is"
        raise TranslitError(message)
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.reader(file)
        next(rows)
        table = {}
        for grapheme, phonemes in rows:
            key = unicodedata.normalize("NFD", grapheme)
            table.setdefault(key, _TONES.sub("", unicodedata.normalize("NFD", phonemes)))
    return table


def _read_ignored(code: str) -> list[str]:
    path = epitran_folder() / "strip" / f"{code}.csv"
    if not path.is_file():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return [row[0] for row in csv.reader(file)]


def read_rules(kind: str, code: str, follows: str = "") -> list["RewriteRule"]:
    """The rules `pre` or `post` of a code; `follows` is an expression that holds where a match may end."""
    path = epitran_folder() / kind / f"{code}.txt"
    if not path.is_file():
        return []
    rules, symbols = [], {}
    for line in path.read_text(encoding="utf-8").split("\n"):
        text = unicodedata.normalize("NFD", line.strip())
        if not text or text.startswith("%"):
            continue
        if symbol := _SYMBOL.match(text):
            symbols[symbol["symbol"]] = symbol["value"]
            continue
        while reference := re.search(r"::\w+::", text):
            text = text.replace(reference[0], symbols[reference[0]])
        match = _RULE.match(text)
        if match is None:
            message = f"{path}: cannot read the rule {line!r}; install another release of epitran"
            raise TranslitError(message)
        old, new, left, right = match.groups()
        old, new = old.replace("0", ""), new.replace("0", "")
        if follows:
            old, left, right = map(_whole_choices, (old, left, right))
        rules.append(RewriteRule(old, new, left.replace("#", "^"), right.replace("#", "$"), follows))
    return rules


def _whole_choices(expression: str) -> str:
    """`[eé]`, which is [e\u0301] once decomposed, as `(?:e\u0301|[e])`."""

    def whole(match: re.Match) -> str:
        several = _MARKED.findall(match[1])
        if not several:
            return match[0]
        single = _MARKED.sub("", match[1])
        return f"(?:{'|'.join([*several, *([f'[{single}]'] if single else [])])})"

    return re.sub(r"\[([^]^][^]]*)\]", whole, expression)


@cache
def map_pattern(code: str, follows: str = "") -> Any:
    """Any grapheme, the longest first; made only for words that go alone."""
    import regex

    graphemes = "|".join(sorted(_read_map(code), key=len, reverse=True))
    return regex.compile(f"(?:{graphemes}){follows}" if follows else graphemes, regex.IGNORECASE)


def _fold(char: str) -> str:
    """Characters that a case-insensitive pattern takes for one another have one fold (the reverse need not hold)."""
    return char.upper().casefold()[:1]


def _with_case_variants(graphemes: Iterable[str]) -> Iterator[str]:
    """Graphemes of several characters and their variants in the letters of the map that the pattern takes for them.

    Case-insensitive matching takes i for ı and S for s, so `<tS>` of the table also matches `<ts>` in a word.
    """
    keys = list(graphemes)
    by_fold: dict[str, list[str]] = {}
    for char in sorted(set("".join(keys))):
        by_fold.setdefault(_fold(char), []).append(char)
    twins = {fold: chars for fold, chars in by_fold.items() if len(chars) > 1}
    same = _same_letter if twins else None
    variants: dict[str, None] = {}
    for key in keys:
        if len(key) > 1:
            variants[key] = None
            if same:
                choices = [[c for c in twins.get(_fold(char), [char]) if same(char, c)] for char in key]
                variants.update(dict.fromkeys(map("".join, product(*choices))))
    return iter(variants)


@cache
def _same_letter(char: str, other: str) -> bool:
    import regex

    return char == other or regex.fullmatch(regex.escape(char), other, regex.IGNORECASE) is not None


def all_but(letters: Iterable[str]) -> Callable[[str], set[str]]:
    r"""What gives the characters of a text but those known and "\n"; several times as fast as a set of them all."""
    find = re.compile(f"[^\n{re.escape(''.join(sorted(letters)))}]").findall
    return lambda text: set(find(text))


def trie_pattern(words: Iterable[str]) -> str:
    """An expression that matches the longest of `words` first, without trying each of them."""
    trie: dict = {}
    for word in words:
        node = trie
        for char in word:
            node = node.setdefault(char, {})
        node[""] = {}

    def expression(node: dict) -> str:
        branches = [re.escape(char) + expression(below) for char, below in node.items() if char]
        if not branches:
            return ""
        text = branches[0] if len(branches) == 1 and "" not in node else f"(?:{'|'.join(branches)})"
        return text + "?" if "" in node else text

    return expression(trie)


def _overlong(text: str) -> list[int]:
    """The lines of `text` that are long enough for a rule to reach its limit."""
    return [i for i, line in enumerate(text.split("\n")) if len(line) >= _LIMIT]


def _hangul_letters(word: str) -> str:
    """Syllables and conjoining letters as compatibility letters, in words with a syllable; others as they are."""
    if not _SYLLABLE.search(word):
        return word
    # The library that Epitran calls fails at letters of these blocks, and Epitran then leaves the word as it is.
    return word if re.search("[\ua960-\ua97c\ud7b0-\ud7fb]", word) else word.translate(_HANGUL)


class _HangulTable(dict):
    """Code point of a syllable or conjoining letter -> compatibility letters; filled as it is asked."""

    def __missing__(self, point: int) -> str:
        char = chr(point)
        if "가" <= char <= "힣" or "\u1100" <= char <= "\u11ff":
            value = "".join(map(_compatibility_letter, unicodedata.normalize("NFD", char)))
        else:
            value = char
        self[point] = value
        return value


_HANGUL = _HangulTable()


def _compatibility_letter(char: str) -> str:
    """ᄀ and ᆨ (HANGUL CHOSEONG or JONGSEONG KIYEOK) -> ㄱ (HANGUL LETTER KIYEOK)."""
    try:
        return unicodedata.lookup("HANGUL LETTER " + unicodedata.name(char).split(maxsplit=2)[2])
    except (KeyError, ValueError, IndexError):
        return char
