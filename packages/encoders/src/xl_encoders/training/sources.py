"""Where a part that reads texts gets its batches from: a corpus in memory, or a stream of files larger than it."""

from collections.abc import Callable, Sequence
from typing import Protocol

import torch
from transformers import PreTrainedTokenizerBase

from xl_encoders.distributed.exchange import Exchange
from xl_encoders.errors import EncoderError
from xl_encoders.reading.tokens import edge_ids, encode_content
from xl_encoders.streams.text_stream import TextStream
from xl_encoders.training.pair_corpus import LengthBatches, PairCorpus, encode_pairs
from xl_encoders.training.part import PairBatch


class PairBatches(Protocol):
    """A numbered, endless sequence of batches of texts with their transliterations."""

    @property
    def n_per_epoch(self) -> int:
        """Batches in one pass over all texts."""
        ...

    def __getitem__(self, number: int) -> PairBatch: ...


class CorpusBatches:
    """The batches of a corpus in memory, by number.

    order: which texts form which batch, a `LengthBatches` over `corpus.lengths`.
    """

    def __init__(self, corpus: PairCorpus, order: LengthBatches) -> None:
        self._corpus = corpus
        self._order = order

    @property
    def n_per_epoch(self) -> int:
        """Batches in one pass over all texts."""
        return self._order.n_per_epoch

    def __getitem__(self, number: int) -> PairBatch:
        return self._corpus.batch(self._order[number])


class StreamBatches:
    """The batches of a stream, transliterated where its files do not hold that, and tokenised as they come.

    transliterate: (texts, their languages or None) -> as many texts; None where no objective reads transliterations.
    exchange: between the processes of a distributed run, each of which transliterates its share of a batch.
    """

    def __init__(
        self,
        stream: TextStream,
        tokenizer: PreTrainedTokenizerBase,
        max_len: int,
        *,
        transliterate: Callable[[Sequence[str], Sequence[str] | None], list[str]] | None,
        exchange: Exchange | None = None,
    ) -> None:
        self._stream = stream
        self._tokenizer = tokenizer
        self._max_len = max_len
        self._transliterate = transliterate
        self._exchange = exchange or Exchange()

    @property
    def n_per_epoch(self) -> int:
        """Batches in one pass over all texts."""
        return self._stream.n_per_epoch

    def __getitem__(self, number: int) -> PairBatch:
        texts = self._stream[number]
        transliterate = self._transliterate
        if transliterate is None:
            corpus = encode_texts(texts.originals, self._tokenizer, self._max_len)
        else:
            romanised = texts.romanised or self._exchange.shared(
                lambda part: transliterate(texts.originals[part], texts.languages and texts.languages[part]), len(texts)
            )
            corpus = encode_pairs(texts.originals, romanised, self._tokenizer, self._max_len)
        return corpus.batch(range(len(corpus)))


def encode_texts(texts: Sequence[str], tokenizer: PreTrainedTokenizerBase, max_len: int) -> PairCorpus:
    """Tokenise texts once, cut to `max_len` tokens with specials; their transliterations stay empty.

    Raises EncoderError for no texts.
    """
    if not texts:
        message = "no texts to train on."
        raise EncoderError(message)
    rows, n_cut = encode_content(tokenizer, texts, max_len)
    return _alone(rows, n_cut)


def encode_blocks(
    texts: Sequence[str], languages: Sequence[str], tokenizer: PreTrainedTokenizerBase, block: int
) -> tuple[PairCorpus, list[str]]:
    """Texts of each language run on, closed by the tokenizer's last special, in blocks of `block` tokens with specials.

    Nothing is cut; the last block of a language may be shorter. Returns the blocks with the language of each.
    """
    rows, _ = encode_content(tokenizer, texts, 1 << 30)
    _, last = edge_ids(tokenizer)
    room = block - 2
    blocks: list[list[int]] = []
    of_block: list[str] = []
    for code in dict.fromkeys(languages):
        running: list[int] = []
        for row, language in zip(rows, languages, strict=True):
            if language == code:
                running += [last, *row] if running else row
        pieces = [running[start : start + room] for start in range(0, len(running), room)]
        blocks += pieces
        of_block += [code] * len(pieces)
    if not blocks:
        message = "no tokens to train on: the texts are empty."
        raise EncoderError(message)
    return _alone(blocks, 0), of_block


def _alone(rows: list[list[int]], n_cut: int) -> PairCorpus:
    return PairCorpus(
        original=rows,
        romanised=[[] for _ in rows],
        text_ids=torch.zeros(2, len(rows), dtype=torch.int64),
        n_cut=n_cut,
    )
