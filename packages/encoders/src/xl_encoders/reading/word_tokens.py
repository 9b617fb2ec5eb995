"""Words as token ids: which tokens stand for which word, for sentences that come in words and for running text.

Tokens that stand for the space before a word alone (a bare "▁" or "Ġ"; CANINE's space) belong to no word.
"""

import logging
from array import array
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple, overload

import numpy as np
from numpy.typing import NDArray
from transformers import PreTrainedTokenizerBase

from xl_encoders.errors import EncoderError

_log = logging.getLogger(__name__)

NO_WORD = -1

# How tokenizers write the space before a word.
_MARKERS = ("▁", "Ġ")


# Sentences that are tokenised at a time where millions come.
_AT_ONCE = 16384


class FlatRows(Sequence[list[int]]):
    """Rows of numbers below 2^31 in one array, 4 bytes a number where lists take 40."""

    def __init__(self) -> None:
        self._numbers = array("i")
        self._starts = array("q", [0])

    def extend(self, rows: Iterable[Sequence[int]]) -> None:
        """Add rows at the end."""
        for row in rows:
            self._numbers.extend(row)
            self._starts.append(len(self._numbers))

    @property
    def lengths(self) -> NDArray[np.int64]:
        """(n_rows,) numbers of each row."""
        return np.diff(np.array(self._starts, dtype=np.int64))

    def __len__(self) -> int:
        return len(self._starts) - 1

    @overload
    def __getitem__(self, number: int) -> list[int]: ...
    @overload
    def __getitem__(self, number: slice) -> list[list[int]]: ...
    def __getitem__(self, number: int | slice) -> list[int] | list[list[int]]:
        if isinstance(number, slice):
            return [self[one] for one in range(*number.indices(len(self)))]
        place = range(len(self))[number]
        return self._numbers[self._starts[place] : self._starts[place + 1]].tolist()


class WordTokens(NamedTuple):
    """Sentences as token ids, with the word of each token. All lists have one entry a sentence.

    rows: content ids, without specials.
    word_ids: number of each token's word in its sentence, from 0; -1 for tokens of no word.
    n_cut: sentences that lost their end.
    """

    rows: Sequence[list[int]]
    word_ids: Sequence[list[int]]
    n_cut: int


class FlatWordTokens(NamedTuple):
    """`WordTokens` in little memory."""

    rows: FlatRows
    word_ids: FlatRows
    n_cut: int


def encode_words(
    tokenizer: PreTrainedTokenizerBase, sentences: Sequence[Sequence[str]], max_len: int, *, separator: str = ""
) -> WordTokens:
    """Token ids of sentences that come in words, cut so that `<s> sentence </s>` fits `max_len` tokens.

    The ids are those of the words joined by spaces, wherever the tokenizer reads words one by one.
    separator: a word of no number between every two words: "▁" for the phonemes that XPhoneBERT reads.

    A word that gives no token (an empty string, characters that the tokenizer drops) keeps its number, which no token
    then has; a warning in the log counts them. The cut keeps the beginning and may fall inside a word.
    """
    tokens, n_lost = _encoded(tokenizer, sentences, max_len, separator)
    _warn(n_lost, sentences)
    return tokens


def encode_many(tokenizer: PreTrainedTokenizerBase, sentences: Sequence[Sequence[str]], max_len: int) -> FlatWordTokens:
    """What `encode_words` gives, for millions of sentences."""
    rows, word_ids, n_cut, n_lost = FlatRows(), FlatRows(), 0, 0
    for start in range(0, len(sentences), _AT_ONCE):
        tokens, its = _encoded(tokenizer, sentences[start : start + _AT_ONCE], max_len, "")
        rows.extend(tokens.rows)
        word_ids.extend(tokens.word_ids)
        n_cut, n_lost = n_cut + tokens.n_cut, n_lost + its
    _warn(n_lost, sentences)
    return FlatWordTokens(rows, word_ids, n_cut)


def _encoded(
    tokenizer: PreTrainedTokenizerBase, sentences: Sequence[Sequence[str]], max_len: int, separator: str
) -> tuple[WordTokens, int]:
    """See `encode_words`; and how many words give no token."""
    read = _presplit_rows if tokenizer.is_fast else _joined_rows
    rows, word_ids = read(tokenizer, sentences, separator)
    room = max_len - 2
    n_lost = sum(
        len(sentence) - len({number for number in numbers if number != NO_WORD})
        for sentence, numbers in zip(sentences, word_ids, strict=True)
    )
    cut = sum(len(row) > room for row in rows)
    return WordTokens([row[:room] for row in rows], [numbers[:room] for numbers in word_ids], cut), n_lost


def _warn(n_lost: int, sentences: Sequence[Sequence[str]]) -> None:
    if n_lost:
        _log.warning("%d of %d words give no token.", n_lost, sum(map(len, sentences)))


def _presplit_rows(
    tokenizer: PreTrainedTokenizerBase, sentences: Sequence[Sequence[str]], separator: str
) -> tuple[list[list[int]], list[list[int]]]:
    """Ids and word numbers from a tokenizer that takes words and says which token comes from which."""
    if not sentences:
        return [], []
    step = 2 if separator else 1
    parts = [_between(sentence, separator) for sentence in sentences]
    if _glues_words(tokenizer):
        parts = [[f" {word}" if word and any(part[:i]) else word for i, word in enumerate(part)] for part in parts]
    pieces = _pieces_of(tokenizer, list(dict.fromkeys(word for part in parts for word in part)))
    rows, word_ids = [], []
    for part in parts:
        row: list[int] = []
        numbers: list[int] = []
        for place, word in enumerate(part):
            ids, spaces = pieces[word]
            row += ids
            numbers += [NO_WORD if place % step else place // step] * len(ids)
            for space in spaces:
                numbers[space - len(ids)] = NO_WORD
        rows.append(row)
        word_ids.append(numbers)
    return rows, word_ids


def _pieces_of(tokenizer: PreTrainedTokenizerBase, words: list[str]) -> dict[str, tuple[list[int], list[int]]]:
    """Of each of different words its ids, and the places in them that stand for a space alone.

    A tokenizer that takes words reads each by itself, whatever stands around it: a word that comes a thousand times is
    read once.
    """
    encoded = tokenizer(
        [words], is_split_into_words=True, add_special_tokens=False, return_attention_mask=False, verbose=False
    )
    markers = _marker_ids(tokenizer)
    pieces: dict[str, tuple[list[int], list[int]]] = {word: ([], []) for word in words}
    for token, number in zip(encoded["input_ids"][0], encoded.word_ids(0), strict=True):
        ids, spaces = pieces[words[number]]
        if token in markers:
            spaces.append(len(ids))
        ids.append(token)
    return pieces


def _joined_rows(
    tokenizer: PreTrainedTokenizerBase, sentences: Sequence[Sequence[str]], separator: str
) -> tuple[list[list[int]], list[list[int]]]:
    """Ids and word numbers from a tokenizer that knows nothing of words: each word, and each space, by itself."""
    ids_of = piece_encoder(tokenizer)
    gap = ids_of(f" {separator} " if separator else " ")
    rows, word_ids = [], []
    for sentence in sentences:
        row: list[int] = []
        numbers: list[int] = []
        for number, word in enumerate(sentence):
            if word and row:
                row += gap
                numbers += [NO_WORD] * len(gap)
            ids = ids_of(word)
            row += ids
            numbers += [number] * len(ids)
        rows.append(row)
        word_ids.append(numbers)
    return rows, word_ids


class PlacedTokens(NamedTuple):
    """A text as token ids, and the tokens of each of its words.

    row: content ids, without specials.
    words: for each word the positions of its tokens in `row`, ascending; empty for a word without any.
    """

    row: list[int]
    words: list[list[int]]


def place_words(
    tokenizer: PreTrainedTokenizerBase, texts: Sequence[str], words: Sequence[Sequence[tuple[int, int]]]
) -> list[PlacedTokens]:
    """Token ids of running text, and which tokens cover which word.

    words: (start, end) of the words of each text, in code points.

    A token belongs to each word of which it covers a character, so that two words can share one. Raises EncoderError
    for a word outside its text and, with a tokenizer that does not give offsets, for words that overlap: there each
    word is tokenised by itself.
    """
    for number, (text, spans) in enumerate(zip(texts, words, strict=True)):
        for start, end in spans:
            if not 0 <= start < end <= len(text):
                message = f"word ({start}, {end}) of text {number} does not lie in its {len(text)} characters."
                raise EncoderError(message)
    if not texts:
        return []
    if not tokenizer.is_fast:
        ids_of = piece_encoder(tokenizer)
        return [_placed_alone(ids_of, text, spans, i) for i, (text, spans) in enumerate(zip(texts, words, strict=True))]
    encoded = tokenizer(
        list(texts), add_special_tokens=False, return_attention_mask=False, return_offsets_mapping=True, verbose=False
    )
    markers = _marker_ids(tokenizer)
    return [
        PlacedTokens(row, _covering(row, offsets, spans, markers))
        for row, offsets, spans in zip(encoded["input_ids"], encoded["offset_mapping"], words, strict=True)
    ]


def _covering(
    row: list[int], offsets: list[tuple[int, int]], spans: Sequence[tuple[int, int]], markers: frozenset[int]
) -> list[list[int]]:
    """For each span the tokens that cover a part of it; (start, end) of tokens and spans in code points."""
    places = [i for i, token in enumerate(row) if token not in markers and offsets[i][0] < offsets[i][1]]
    # Tokens run forward through the text; where a normaliser has put marks in another order, the bounds are widened.
    ends = np.maximum.accumulate([offsets[i][1] for i in places]) if places else np.zeros(0, dtype=np.int64)
    starts = np.minimum.accumulate([offsets[i][0] for i in places[::-1]])[::-1] if places else ends
    first = np.searchsorted(ends, [start for start, _ in spans], side="right")
    last = np.searchsorted(starts, [end for _, end in spans], side="left")
    return [
        [i for i in places[a:b] if offsets[i][0] < end and offsets[i][1] > start]
        for a, b, (start, end) in zip(first, last, spans, strict=True)
    ]


def _placed_alone(
    ids_of: Callable[[str], list[int]], text: str, spans: Sequence[tuple[int, int]], number: int
) -> PlacedTokens:
    """Each word, and what stands between two, tokenised by itself."""
    row: list[int] = []
    placed = [[] for _ in spans]
    behind = 0
    for word, (start, end) in sorted(enumerate(spans), key=lambda item: item[1]):
        if start < behind:
            message = f"word ({start}, {end}) of text {number} overlaps the one before it; give words that do not."
            raise EncoderError(message)
        row += ids_of(text[behind:start])
        ids = ids_of(text[start:end])
        placed[word] = list(range(len(row), len(row) + len(ids)))
        row += ids
        behind = end
    return PlacedTokens(row + ids_of(text[behind:]), placed)


def piece_encoder(tokenizer: PreTrainedTokenizerBase) -> Callable[[str], list[int]]:
    """A function from a string to its ids without specials, which tokenises each string once."""
    memo: dict[str, list[int]] = {"": []}

    def ids_of(text: str) -> list[int]:
        if text not in memo:
            memo[text] = tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]
        return memo[text]

    return ids_of


def _between(words: Sequence[str], separator: str) -> list[str]:
    if not separator:
        return list(words)
    return [part for word in words for part in (word, separator)][:-1]


def _glues_words(tokenizer: PreTrainedTokenizerBase) -> bool:
    """Whether pre-split words lose the space between them (byte-level tokenizers that add none of their own)."""

    def ids_of(text: str | list[str]) -> list[int]:
        return tokenizer(text, is_split_into_words=isinstance(text, list), add_special_tokens=False)["input_ids"]

    running = ids_of("a b")
    return running != ids_of(["a", "b"]) and running == ids_of(["a", " b"])


def _marker_ids(tokenizer: PreTrainedTokenizerBase) -> frozenset[int]:
    """Ids of the tokens that stand for a space and nothing else."""
    ids = tokenizer.convert_tokens_to_ids(list(_MARKERS))
    return frozenset(ids if isinstance(ids, list) else [ids]) - {tokenizer.unk_token_id, None}
