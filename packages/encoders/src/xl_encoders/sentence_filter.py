"""Paragraphs of a corpus as sentences of words, and the two filters that keep running text and drop headlines."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from xl_encoders.errors import EncoderError

Breaker = Callable[[str], list[tuple[int, int]]]


@dataclass
class SentenceCounts:
    """What came in and what stayed; filled while `corpus_sentences` is read."""

    n_paragraphs: int = 0
    n_short_paragraphs: int = 0
    """Paragraphs of fewer than `min_sentences` sentences, and empty ones."""
    n_emptied_paragraphs: int = 0
    """Paragraphs none of whose sentences has `min_words` words."""
    n_sentences: int = 0
    """Sentences of all paragraphs."""
    n_short_sentences: int = 0
    """Sentences of fewer than `min_words` words, in paragraphs that are long enough."""
    n_kept_sentences: int = 0
    n_kept_words: int = 0


def corpus_sentences(
    paragraphs: Iterable[str],
    words: Breaker,
    sentences: Breaker,
    *,
    min_sentences: int = 1,
    min_words: int = 1,
    counts: SentenceCounts | None = None,
) -> Iterator[list[list[str]]]:
    """For each paragraph that stays, its sentences that stay, each a list of words.

    words, sentences: what `word_breaker` and `sentence_breaker` give, or any callable like them.
    min_sentences: a paragraph stays if it has as many sentences, counted before any is dropped; 2 drops headlines.
    min_words: a sentence stays if it has as many words, punctuation counted. The static vectors of the field were
        trained with 2 and 7; 1 and 1, the defaults, drop only what is empty.
    counts: is added to, so that one object can count several files.
    """
    for name, value in (("min_sentences", min_sentences), ("min_words", min_words)):
        if value < 1:
            message = f"{name} must be at least 1, not {value}"
            raise EncoderError(message)
    return _kept(paragraphs, words, sentences, min_sentences, min_words, SentenceCounts() if counts is None else counts)


def _kept(
    paragraphs: Iterable[str],
    words: Breaker,
    sentences: Breaker,
    min_sentences: int,
    min_words: int,
    counts: SentenceCounts,
) -> Iterator[list[list[str]]]:
    for text in paragraphs:
        spans = sentences(text)
        counts.n_paragraphs += 1
        counts.n_sentences += len(spans)
        if len(spans) < min_sentences:
            counts.n_short_paragraphs += 1
            continue
        cut = [[sentence[start:end] for start, end in words(sentence)] for sentence in (text[a:b] for a, b in spans)]
        kept = [sentence for sentence in cut if len(sentence) >= min_words]
        counts.n_short_sentences += len(cut) - len(kept)
        counts.n_kept_sentences += len(kept)
        counts.n_kept_words += sum(map(len, kept))
        if kept:
            yield kept
        else:
            counts.n_emptied_paragraphs += 1
