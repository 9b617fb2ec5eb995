"""How much the written text of two languages looks alike, whatever a model makes of it."""

from collections.abc import Iterable

from xl_analysis.errors import AnalysisError


def ngram_jaccard(texts: Iterable[str], others: Iterable[str], n: int = 3) -> float:
    """Share of distinct character n-grams of either side that both have, |A and B| / |A or B|, 0 to 1.

    N-grams lie within words, which are padded with one blank on both sides and compared in lower case; texts are best
    romanised first, so that scripts do not decide. AnalysisError where no side has an n-gram, and for n below 1.
    """
    if n < 1:
        message = f"n is {n}; n-grams have 1 letter or more."
        raise AnalysisError(message)
    a, b = _ngrams(texts, n), _ngrams(others, n)
    if not a | b:
        message = "neither side has a text with an n-gram; there is nothing to compare."
        raise AnalysisError(message)
    return len(a & b) / len(a | b)


def _ngrams(texts: Iterable[str], n: int) -> set[str]:
    words = {f" {word} " for text in texts for word in text.lower().split()}
    return {word[i : i + n] for word in words for i in range(len(word) - n + 1)}
