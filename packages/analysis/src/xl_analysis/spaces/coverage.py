"""How much of a text a tokenizer knows, and into how many pieces it cuts it."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from xl_analysis.errors import AnalysisError


@dataclass(frozen=True, kw_only=True)
class Coverage:
    """What a tokenizer does to the texts of one language; words are what white space separates."""

    n_texts: int
    n_words: int
    n_chars: int
    """Characters that are not white space."""
    n_pieces: int
    known_words: float
    """Share of words, each tokenised alone, without an unknown piece; 0 to 1."""
    known_chars: float
    """Share of characters, each tokenised alone, without an unknown piece; 0 to 1."""
    unknown_pieces: float
    """Share of pieces that are the unknown piece; 0 to 1."""
    pieces: frozenset[str]
    """The distinct vocabulary items in use, without the unknown piece."""
    pieces_per_word: float
    """High where a language is cut into crumbs; in scripts without spaces a "word" is a whole phrase."""
    pieces_per_char: float
    """At most about 1 for sub-words, above it for bytes; comparable across scripts."""


def tokenizer_coverage(
    texts: Mapping[str, Iterable[str]], tokenize: Callable[[str], list[str]], unknown: str
) -> dict[str, Coverage]:
    """Coverage by language.

    texts: language -> its texts.
    tokenize: text -> pieces, without special tokens.
    unknown: the piece that stands for what the tokenizer does not know ("<unk>"); "" if it has none.

    AnalysisError for a language whose texts hold no word.
    """
    return {language: _coverage(language, list(items), tokenize, unknown) for language, items in texts.items()}


def _coverage(language: str, texts: list[str], tokenize: Callable[[str], list[str]], unknown: str) -> Coverage:
    words = Counter(word for text in texts for word in text.split())
    chars: Counter[str] = Counter()
    for word, count in words.items():
        for char in word:
            chars[char] += count
    n_words, n_chars = words.total(), chars.total()
    if not n_words:
        message = f"{language}: no word in {len(texts)} texts; coverage needs text."
        raise AnalysisError(message)
    pieces = Counter(piece for text in texts for piece in tokenize(text))
    n_unknown = pieces.pop(unknown, 0) if unknown else 0
    n_pieces = pieces.total() + n_unknown

    def known(counts: Counter[str]) -> float:
        # Each distinct word or character is tokenised once.
        return sum(count for item, count in counts.items() if unknown not in tokenize(item)) / counts.total()

    return Coverage(
        n_texts=len(texts),
        n_words=n_words,
        n_chars=n_chars,
        n_pieces=n_pieces,
        known_words=known(words),
        known_chars=known(chars),
        unknown_pieces=n_unknown / n_pieces if n_pieces else 0.0,
        pieces=frozenset(pieces),
        pieces_per_word=n_pieces / n_words,
        pieces_per_char=n_pieces / n_chars,
    )
