"""Where words begin and end in running text of any script.

A rule that needs no dictionary; close to the default word boundaries of Unicode (UAX 29), and stricter.
"""

import regex

# Letters, digits and their marks, one word: the joiners of Persian and of Indic scripts stand inside words.
_RUN = r"(?:(?!\p{Han})[\p{L}\p{N}]\p{M}*|\p{M}|(?<=[\p{L}\p{M}])[\u200C\u200D](?=[\p{L}\p{M}]))+"
# An apostrophe between letters, or what serves as one in Hebrew and in Catalan.
_APOSTROPHE = r"(?<=[\p{L}\p{M}])['’׳״·](?=(?!\p{Han})\p{L})"
# What a script writes between words or syllables, as others a space: Tibetan tsheg, Ethiopic word space.
_BETWEEN = r"\u0F0B\u0F0C\u1361"
_WORD = regex.compile(rf"\p{{Han}}\p{{M}}*|{_RUN}(?:{_APOSTROPHE}{_RUN})*|(?![\s\p{{Cc}}\p{{Cf}}{_BETWEEN}])\X")


def split_words(text: str) -> list[tuple[int, int]]:
    """(start, end) of each word of `text`, in code points, ascending; text[start:end] is the word.

    A word is a run of letters, digits and combining marks, with apostrophes inside ("l'eau", "צה״ל"). Any other visible
    character is a word by itself, but for the Tibetan tsheg and the Ethiopic word space, which
    only separate. In scripts that do not write spaces each Han character is a word, and what stands
    between spaces or punctuation is one word in the others (Kana, Thai, Lao, Khmer, Burmese): cut such text into words
    beforehand where words matter.
    """
    return [match.span() for match in _WORD.finditer(text)]
