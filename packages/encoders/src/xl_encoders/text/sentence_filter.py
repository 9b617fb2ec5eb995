"""Sentences of a corpus of paragraphs, as words or as text, and two filters that keep running text, no headlines."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import regex

from xl_encoders.errors import EncoderError

Spans = list[tuple[int, int]]
Breaker = Callable[[str], Spans]

# A token that is no word: a punctuation mark or symbol, with its repetitions ("...", "--").
_MARKS = regex.compile(r"([^\s\p{L}\p{N}\p{M}\p{C}])\1*+")


@dataclass
class SentenceCounts:
    """What came in and what stayed; filled while `corpus_sentences` is read."""

    n_paragraphs: int = 0
    n_short_paragraphs: int = 0
    """Paragraphs of fewer than `min_sentences` sentences, and empty ones."""
    n_emptied_paragraphs: int = 0
    """Paragraphs none of whose sentences has `min_words` words and `min_tokens` tokens."""
    n_sentences: int = 0
    """Sentences of all paragraphs."""
    n_short_sentences: int = 0
    """Sentences of fewer words or tokens than that, in paragraphs that are long enough."""
    n_kept_sentences: int = 0
    n_kept_words: int = 0


def corpus_sentences(
    paragraphs: Iterable[str],
    words: Breaker,
    sentences: Breaker,
    *,
    min_sentences: int = 1,
    min_words: int = 1,
    min_tokens: int = 1,
    counts: SentenceCounts | None = None,
) -> Iterator[list[list[str]]]:
    """For each paragraph that stays, its sentences that stay, each a list of words.

    words, sentences: what `word_breaker` and `sentence_breaker` give, or any callable like them.
    min_sentences: a paragraph stays if it has as many sentences, counted before any is dropped; 2 drops headlines.
    min_words, min_tokens: a sentence stays if it has as many words, and as many words and punctuation marks together.
        The static vectors of Hämmerl et al. (2022) were trained with 2 sentences and 7 tokens, as a tokenizer counts
        them; ones, the defaults, drop only what is empty.
    counts: is added to, so that one object can count several files.
    """
    kept = _kept(paragraphs, words, sentences, (min_sentences, min_words, min_tokens), counts)
    return ([[sentence[start:end] for start, end in spans] for sentence, spans in each] for each in kept)


def corpus_lines(
    paragraphs: Iterable[str],
    words: Breaker,
    sentences: Breaker,
    *,
    min_sentences: int = 1,
    min_words: int = 1,
    min_tokens: int = 1,
    whole: bool = False,
    counts: SentenceCounts | None = None,
) -> Iterator[str]:
    """The text of each sentence that stays, by the rules of `corpus_sentences`.

    whole: what stays of a paragraph is one line, its sentences parted by a space.
    """
    for kept in _kept(paragraphs, words, sentences, (min_sentences, min_words, min_tokens), counts):
        lines = [sentence for sentence, _ in kept]
        yield from [" ".join(lines)] if whole else lines


def _kept(
    paragraphs: Iterable[str],
    words: Breaker,
    sentences: Breaker,
    least: tuple[int, int, int],
    counts: SentenceCounts | None,
) -> Iterator[list[tuple[str, Spans]]]:
    for name, value in zip(("min_sentences", "min_words", "min_tokens"), least, strict=True):
        if value < 1:
            message = f"{name} must be at least 1, not {value}"
            raise EncoderError(message)
    counts = SentenceCounts() if counts is None else counts
    return _filtered(paragraphs, words, sentences, least, counts)


def _filtered(
    paragraphs: Iterable[str],
    words: Breaker,
    sentences: Breaker,
    least: tuple[int, int, int],
    counts: SentenceCounts,
) -> Iterator[list[tuple[str, Spans]]]:
    """For each paragraph that stays, its sentences that stay, with their words."""
    min_sentences, min_words, min_tokens = least
    for text in paragraphs:
        spans = sentences(text)
        counts.n_paragraphs += 1
        counts.n_sentences += len(spans)
        if len(spans) < min_sentences:
            counts.n_short_paragraphs += 1
            continue
        cut = [(sentence, words(sentence)) for sentence in (text[a:b] for a, b in spans)]
        kept = [
            (sentence, its_words)
            for sentence, its_words in cut
            if len(its_words) >= min_words
            and (len(its_words) >= min_tokens or len(its_words) + n_marks(sentence, its_words) >= min_tokens)
        ]
        counts.n_short_sentences += len(cut) - len(kept)
        counts.n_kept_sentences += len(kept)
        counts.n_kept_words += sum(len(its_words) for _, its_words in kept)
        if kept:
            yield kept
        else:
            counts.n_emptied_paragraphs += 1


def n_marks(sentence: str, words: Spans) -> int:
    """Punctuation marks and symbols between the words; one that is repeated ("...") counts once."""
    ends = [0, *(end for _, end in words)]
    starts = [*(start for start, _ in words), len(sentence)]
    return sum(len(_MARKS.findall(sentence, end, start)) for end, start in zip(ends, starts, strict=True))
