"""Sentences in words as windows of token ids: no word without a token, none cut off, each in exactly one window.

Windows do not overlap and carry no context of each other. XTREME and PPA cut a long sentence too, but may lose the
labels at the end of each piece to truncation. A word is stood for by its first token, which may be a bare "▁" as in
XTREME and in the library's own pipelines, or by the first one that is more than a space.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from transformers import PreTrainedTokenizerBase

from xl_encoders import encode_words
from xl_encoders.reading.tokens import edge_ids

# Longer than any sentence: the cut is made here, between words.
_WHOLE = 2**31
_NO_WORD = -1
# Stands for a word that gives no token where the tokenizer has no unknown token (CANINE): U+FFFD, "unknown character".
_UNKNOWN = "\N{REPLACEMENT CHARACTER}"


@dataclass(frozen=True, slots=True)
class Window:
    """A run of words of one sentence as the model reads it.

    ids: token ids, the two specials included.
    first_word: number of its first word in the sentence, from 0.
    firsts: for each of its words the position of its first token in `ids`, ascending.
    """

    ids: tuple[int, ...]
    first_word: int
    firsts: tuple[int, ...]


def word_windows(
    tokenizer: PreTrainedTokenizerBase,
    sentences: Sequence[Sequence[str]],
    max_len: int,
    *,
    separator: str = "",
    marker: bool = True,
) -> list[list[Window]]:
    """The windows of each sentence, in order; none for a sentence without words.

    sentences: words as the model reads them. A word that gives no token (an empty string, characters that the tokenizer
        drops) gets one unknown token, so that no gold label is lost.
    max_len: longest window in tokens, the two specials included. A window is filled with whole words; a word longer
        than a window keeps its beginning.
    separator: a word of no number between every two words, "▁" for the phonemes that XPhoneBERT reads. Neither it nor
        a space stands at the start of a later window.
    marker: whether a bare "▁" that begins a word stands for it; false takes the first token of its letters.
    """
    rows, numbers = _all_words(tokenizer, sentences, separator)
    first, last = edge_ids(tokenizer)
    room = max_len - 2
    # A tokenizer that reads words one by one writes "▁" before a word as a part of it; elsewhere it stands between two.
    between = bool(separator) or not tokenizer.is_fast
    cut = []
    for sentence, row, words in zip(sentences, rows, numbers, strict=True):
        windows = _fill(row, words, len(sentence), room, between=between, marker=marker and not between)
        cut.append([Window((first, *ids, last), start, tuple(i + 1 for i in firsts)) for ids, start, firsts in windows])
    return cut


def _all_words(
    tokenizer: PreTrainedTokenizerBase, sentences: Sequence[Sequence[str]], separator: str
) -> tuple[list[list[int]], list[list[int]]]:
    """Ids and word numbers in which each word has a token."""
    encoded = encode_words(tokenizer, sentences, _WHOLE, separator=separator)
    rows, numbers = list(encoded.rows), list(encoded.word_ids)
    lost = {i: _lost(numbers[i], len(sentence)) for i, sentence in enumerate(sentences)}
    again = [i for i, words in lost.items() if words]
    if again:
        # Written as unknown and tokenised again, so that spaces and separators stand around it as around any word.
        unknown = tokenizer.unk_token if tokenizer.unk_token_id is not None else _UNKNOWN
        replaced = [[unknown if n in lost[i] else word for n, word in enumerate(sentences[i])] for i in again]
        encoded = encode_words(tokenizer, replaced, _WHOLE, separator=separator)
        for i, row, words in zip(again, encoded.rows, encoded.word_ids, strict=True):
            rows[i], numbers[i] = _insert(row, words, len(sentences[i]), tokenizer.unk_token_id or 0)
    return rows, numbers


def _lost(numbers: Sequence[int], n_words: int) -> frozenset[int]:
    words = set(numbers)
    return frozenset() if len(words - {_NO_WORD}) == n_words else frozenset(range(n_words)) - words


def _insert(row: list[int], numbers: list[int], n_words: int, unknown_id: int) -> tuple[list[int], list[int]]:
    """The row with an unknown token behind the word before each that has none even when written as unknown."""
    for word in sorted(_lost(numbers, n_words)):
        place = max((i + 1 for i, number in enumerate(numbers) if _NO_WORD < number < word), default=0)
        row = [*row[:place], unknown_id, *row[place:]]
        numbers = [*numbers[:place], word, *numbers[place:]]
    return row, numbers


def _fill(
    row: Sequence[int], numbers: Sequence[int], n_words: int, room: int, *, between: bool, marker: bool
) -> list[tuple[list[int], int, list[int]]]:
    """(content ids, first word, positions of the words' first tokens) of each window."""
    windows: list[tuple[list[int], int, list[int]]] = []
    blocks = _blocks(numbers, n_words)
    ids: list[int] = []
    firsts: list[int] = []
    for word, (start, letters, end) in enumerate(blocks):
        first = start if marker else letters
        if firsts and len(ids) + end - start > room:
            windows.append((ids, word - len(firsts), firsts))
            ids, firsts = [], []
        # What stands between words is dropped where a window begins, and "▁" before a word that fills a window alone.
        alone = not firsts and ((between and word > 0) or end - start > room)
        begin = first if alone else start
        firsts.append(len(ids) + first - begin)
        ids.extend(row[begin : min(end, begin + room)])
    if firsts:
        windows.append((ids, n_words - len(firsts), firsts))
    return windows


def _blocks(numbers: Sequence[int], n_words: int) -> list[tuple[int, int, int]]:
    """(start, first token, end) of each word, starting behind the word before it: nothing of the row is left out."""
    firsts = [-1] * n_words
    ends = [0] * n_words
    for i, number in enumerate(numbers):
        if number != _NO_WORD:
            if firsts[number] < 0:
                firsts[number] = i
            ends[number] = i + 1
    if n_words:
        ends[-1] = len(numbers)
    return [(ends[word - 1] if word else 0, firsts[word], ends[word]) for word in range(n_words)]
