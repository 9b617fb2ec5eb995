"""Where words begin and end in running text of any script.

A rule that needs no dictionary; close to the default word boundaries of Unicode (UAX 29), and stricter.
"""

import regex

RULE = 2
"""Number of the rule, to be raised with every change of its words; 1 had the Tibetan tsheg among them."""

# Letters, digits and their marks, one word: the joiners of Persian and of Indic scripts stand inside words.
_RUN = r"(?:(?!\p{Han})[\p{L}\p{N}]\p{M}*|\p{M}|(?<=[\p{L}\p{M}])[\u200C\u200D](?=[\p{L}\p{M}]))+"
# An apostrophe between letters, or what serves as one in Hebrew and in Catalan.
_APOSTROPHE = r"(?<=[\p{L}\p{M}])['’׳״·](?=(?!\p{Han})\p{L})"
_PART_OF_WORD = regex.compile(r"[\p{L}\p{N}\p{M}]")
_WORD = regex.compile(rf"(?=[\p{{L}}\p{{N}}])\p{{Han}}\p{{M}}*|{_RUN}(?:{_APOSTROPHE}{_RUN})*")


def split_words(text: str) -> list[tuple[int, int]]:
    """(start, end) of each word of `text`, in code points, ascending; text[start:end] is the word.

    A word is a run of letters, digits and combining marks, with apostrophes inside ("l'eau", "צה״ל"); it holds one of
    them at least. Punctuation and other signs are no words, nor is what a script writes between words or syllables
    (the Tibetan tsheg, the Ethiopic word space). In scripts that do not write spaces each Han character is a word, and
    what stands between spaces or punctuation is one word in the others (Kana, Thai, Lao, Khmer, Burmese): cut such text
    into words beforehand where words matter. Text that comes cut into words keeps them all, a lone "!" too.
    """
    return [match.span() for match in _WORD.finditer(text)]


def has_words(text: str) -> bool:
    """Whether `split_words` finds any, told by the first letter, digit or mark."""
    return _PART_OF_WORD.search(text) is not None
