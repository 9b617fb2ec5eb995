"""Sentences of a corpus of paragraphs, as words or as text, and two filters that keep running text, no headlines."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from xl_encoders.errors import EncoderError

Spans = list[tuple[int, int]]
Breaker = Callable[[str], Spans]


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
    min_words: a sentence stays if it has as many words. The static vectors of the field were
        trained with 2 and 7; 1 and 1, the defaults, drop only what is empty.
    counts: is added to, so that one object can count several files.
    """
    kept = _kept(paragraphs, words, sentences, min_sentences, min_words, counts)
    return ([[sentence[start:end] for start, end in spans] for sentence, spans in each] for each in kept)


def corpus_lines(
    paragraphs: Iterable[str],
    words: Breaker,
    sentences: Breaker,
    *,
    min_sentences: int = 1,
    min_words: int = 1,
    whole: bool = False,
    counts: SentenceCounts | None = None,
) -> Iterator[str]:
    """The text of each sentence that stays, by the rules of `corpus_sentences`.

    whole: what stays of a paragraph is one line, its sentences parted by a space.
    """
    for kept in _kept(paragraphs, words, sentences, min_sentences, min_words, counts):
        lines = [sentence for sentence, _ in kept]
        yield from [" ".join(lines)] if whole else lines


def _kept(
    paragraphs: Iterable[str],
    words: Breaker,
    sentences: Breaker,
    min_sentences: int,
    min_words: int,
    counts: SentenceCounts | None,
) -> Iterator[list[tuple[str, Spans]]]:
    for name, value in (("min_sentences", min_sentences), ("min_words", min_words)):
        if value < 1:
            message = f"{name} must be at least 1, not {value}"
            raise EncoderError(message)
    counts = SentenceCounts() if counts is None else counts
    return _filtered(paragraphs, words, sentences, min_sentences, min_words, counts)


def _filtered(
    paragraphs: Iterable[str],
    words: Breaker,
    sentences: Breaker,
    min_sentences: int,
    min_words: int,
    counts: SentenceCounts,
) -> Iterator[list[tuple[str, Spans]]]:
    """For each paragraph that stays, its sentences that stay, with their words."""
    for text in paragraphs:
        spans = sentences(text)
        counts.n_paragraphs += 1
        counts.n_sentences += len(spans)
        if len(spans) < min_sentences:
            counts.n_short_paragraphs += 1
            continue
        cut = [(sentence, words(sentence)) for sentence in (text[a:b] for a, b in spans)]
        kept = [(sentence, its_words) for sentence, its_words in cut if len(its_words) >= min_words]
        counts.n_short_sentences += len(cut) - len(kept)
        counts.n_kept_sentences += len(kept)
        counts.n_kept_words += sum(len(its_words) for _, its_words in kept)
        if kept:
            yield kept
        else:
            counts.n_emptied_paragraphs += 1
