"""What Epitran's tables take for granted about spelling, and small repairs of what they write.

Before the table, for words that hold a character which the table does not know:

- Turkish casing (tables with ı): İ is i and I is ı in lower case (Turkish, Azerbaijani, Kazakh in Latin letters);
- another code point for the same letter: Persian and Arabic yeh, kaf and heh (most of Urdu), cedilla and comma below
  (Romanian), the apostrophes ' ’ ʼ ‘ ʻ, the palochka, and Latin letters inside Cyrillic words (Kazakh і, ә);
- compatibility characters: ligatures, presentation forms, full-width letters;
- Hangul in conjoining letters (NFD), which the table leaves unread, is composed;
- French où, whose accent only tells it from ou;
- characters without a sound: soft hyphen, joiners, direction marks, tatweel, the Turkish circumflex.

After it: `:` behind a segment is length (Finnish, German, Sorani ...), g is ɡ, an apostrophe behind a consonant is the
ejective ʼ (Hausa, Lezgian), and white space and the dotted circle inside a word go.
"""

import re
import unicodedata
from collections.abc import Sequence

from xl_translit.phonemes.epitran_maps import EpitranMap, all_but

APOSTROPHES = "'’ʼ‘ʻ`´ʹ′＇"
_SAME_LETTERS = (
    APOSTROPHES,
    "يیىے",
    "كکڪ",
    "هہەھ",
    "\u0326\u0327",
    "ӏӀ1",
)
"""Code points that stand for one letter; the first one that a table knows is taken for the others."""
_LATIN_IN_CYRILLIC = str.maketrans("aceiopxyhjsəæ", "асеіорхуһјѕәӕ")
_SILENT = re.compile("[\u00ad\u0640\u180e\u200c-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff\ufe00-\ufe0f]")
_HANGUL = re.compile("[가-힣]")
_DECOMPOSED_HANGUL = re.compile("[가-힣\u1100-\u11ff]+")
_CIRCUMFLEX = "\u0302"
_WHERE = re.compile("[oO](?:[ùÙ]|[uU]\u0300)")


class G2pSpelling:
    """Repairs for the words and the results of one table."""

    def __init__(self, table: EpitranMap) -> None:
        self._known = table.known
        self._unknown = all_but(self._known)
        self._turkic = "ı" in table.graphemes and "i" in table.graphemes
        self._cyrillic = "Cyrl" in table.code
        self._french = table.code.startswith("fra-")
        self._korean = table.code == "kor-Hang"
        written = table.written
        self._writes = {char for char in ":g'\u2009 ◌" if char in written}
        self._replacements: dict[str, str | None] = {}

    def before(self, word: str) -> str:
        """The word as the table expects it; the same word where nothing is strange to the table."""
        word = self._own_letters(word)
        if self._known.issuperset(word):
            return word
        text = word.lower()
        if not _has_hangul(text):
            text = unicodedata.normalize("NFD", text)
            if self._known.issuperset(text):
                return word
        new = {
            char: letter for char in set(text) - self._known if (letter := self._replacement(char, text)) is not None
        }
        return "".join(new.get(char, char) for char in text) if new else word

    def before_all(self, words: Sequence[str]) -> list[str]:
        """`[self.before(word) for word in words]`, faster: most words hold nothing strange."""
        joined = self._own_letters("\n".join(words))
        text = joined.lower()
        spelled = joined.split("\n")
        if len(spelled) != len(words) or _has_hangul(text):
            return list(map(self.before, words))
        text = unicodedata.normalize("NFD", text)
        strange = {char for char in self._unknown(text) if self._replacement(char, text) is not None}
        if not strange:
            return spelled
        lines = zip(spelled, text.split("\n"), strict=True)
        return [word if strange.isdisjoint(line) else self.before(word) for word, line in lines]

    def after_all(self, said: Sequence[str]) -> list[str]:
        """`[self.after(ipa) for ipa in said]`, faster."""
        if not self._writes:
            return list(said)
        spelled = self.after("\n".join(said)).split("\n")
        return spelled if len(spelled) == len(said) else list(map(self.after, said))

    def _own_letters(self, text: str) -> str:
        """Turkish capitals, composed Hangul and French où, in a word or in many."""
        if self._turkic and ("I" in text or "İ" in text):
            text = text.replace("I\u0307", "i").replace("İ", "i").replace("I", "ı")
        if self._korean:
            text = _DECOMPOSED_HANGUL.sub(lambda hangul: unicodedata.normalize("NFC", hangul[0]), text)
        return _WHERE.sub("ou", text) if self._french else text

    def after(self, ipa: str) -> str:
        """The table's result with its own notation repaired; a line end stays."""
        if not self._writes:
            return ipa
        if ":" in self._writes:
            ipa = re.sub(r"(?<=\S):", "ː", ipa)
        if "g" in self._writes:
            ipa = ipa.replace("g", "ɡ")
        if "'" in self._writes:
            ipa = re.sub("(?<=[ptksqʃʂ])'", "ʼ", ipa)
        return re.sub(r"(?:[^\S\n]|◌)+", "", ipa)

    def _replacement(self, char: str, word: str) -> str | None:
        """What the table knows in the place of a character it does not know; None to leave it."""
        if unicodedata.name(char, "").startswith("LATIN"):
            twin = char.translate(_LATIN_IN_CYRILLIC)
            if self._cyrillic and twin in self._known and re.search("[\u0400-\u04ff]", word):
                return twin
            if char.isascii():
                return None
        if char not in self._replacements:
            self._replacements[char] = self._find(char)
        return self._replacements[char]

    def _find(self, char: str) -> str | None:
        for letters in _SAME_LETTERS:
            if char in letters:
                letter = next((other for other in letters if other in self._known), None)
                if letter and (self._cyrillic or not letter.isdecimal()):
                    return letter
        if _SILENT.match(char) or (self._turkic and char == _CIRCUMFLEX):
            return ""
        plain = unicodedata.normalize("NFD", unicodedata.normalize("NFKC", char).lower())
        return plain if plain != char and plain and self._known.issuperset(plain) else None


def _has_hangul(text: str) -> bool:
    return _HANGUL.search(text) is not None
