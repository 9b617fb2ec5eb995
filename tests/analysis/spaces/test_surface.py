"""Likeness of writing: shared character n-grams against a slow definition."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xl_analysis import AnalysisError, ngram_jaccard

TEXTS = st.lists(st.text("ab C", max_size=8), min_size=1, max_size=3)


def slow(texts: list[str], n: int) -> list[str]:
    found = []
    for text in texts:
        for word in text.lower().split():
            padded = " " + word + " "
            for start in range(len(padded)):
                gram = padded[start : start + n]
                if len(gram) == n and gram not in found:
                    found.append(gram)
    return found


@settings(deadline=None, max_examples=60)
@given(TEXTS, TEXTS, st.integers(1, 4))
def test_as_a_slow_loop_has_it(texts: list[str], others: list[str], n: int) -> None:
    a, b = slow(texts, n), slow(others, n)
    if not a and not b:
        with pytest.raises(AnalysisError, match="there is nothing to compare"):
            ngram_jaccard(texts, others, n)
        return
    both = [gram for gram in a if gram in b]
    value = ngram_jaccard(texts, others, n)
    assert value == pytest.approx(len(both) / (len(a) + len(b) - len(both)))
    assert value == ngram_jaccard(others, texts, n)
    assert ngram_jaccard(texts, texts, n) == 1.0 if a else True


def test_known_words() -> None:
    # " ka", "kaf", "afe", "fe " and " ca", "caf", "afe", "fe ": two of six.
    assert ngram_jaccard(["Kafe"], ["cafe"]) == pytest.approx(2 / 6)
    with pytest.raises(AnalysisError, match="n is 0"):
        ngram_jaccard(["a"], ["b"], 0)
