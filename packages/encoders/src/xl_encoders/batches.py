"""Which texts form which batch: shuffled anew each epoch, of like length within a batch, the same on every machine.

Batch number b is a function of (seed, b) alone, so an interrupted run goes on at any number without having kept a
stream's position, and two variants of a run read the same batches.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Int
from numpy.typing import NDArray
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from xl_encoders.errors import EncoderError
from xl_encoders.tokens import encode_content
from xl_encoders.translit_step import PairBatch

# Batches whose texts are sorted by length together. More gives less padding and less mixing of lengths.
_WINDOW = 16


@dataclass(frozen=True, kw_only=True)
class PairCorpus:
    """Training texts with their romanisations as content token ids.

    original, romanised: one id row a text, without specials.
    text_ids: (2, n_texts) int64, equal numbers for equal strings, whichever side they stand on.
    n_cut: texts and romanisations that were longer than the model's input and lost their end.
    """

    original: list[list[int]]
    romanised: list[list[int]]
    text_ids: Int[Tensor, "2 texts"]
    n_cut: int

    def __len__(self) -> int:
        return len(self.original)

    @property
    def lengths(self) -> NDArray[np.int64]:
        """(n_texts,) tokens of a text and its romanisation together, specials left out."""
        return np.array([len(a) + len(b) for a, b in zip(self.original, self.romanised, strict=True)], dtype=np.int64)

    def batch(self, members: Sequence[int]) -> PairBatch:
        """The texts numbered `members` as one batch."""
        return PairBatch(
            [self.original[i] for i in members],
            [self.romanised[i] for i in members],
            self.text_ids[:, torch.as_tensor(members)],
        )


def encode_pairs(
    texts: Sequence[str], romanised: Sequence[str], tokenizer: PreTrainedTokenizerBase, max_len: int
) -> PairCorpus:
    """Tokenise texts and their romanisations once, cut to `max_len` tokens with specials.

    Texts count as equal when they agree after lower-casing. Raises EncoderError for no texts or unequal numbers.
    """
    if not texts or len(texts) != len(romanised):
        message = (
            f"{len(texts)} texts and {len(romanised)} romanisations: training needs as many of both, at least one."
        )
        raise EncoderError(message)
    original_rows, n_cut = encode_content(tokenizer, texts, max_len)
    romanised_rows, n_cut_romanised = encode_content(tokenizer, romanised, max_len)
    numbers: dict[str, int] = {}
    text_ids = [[numbers.setdefault(text.lower(), len(numbers)) for text in side] for side in (texts, romanised)]
    return PairCorpus(
        original=original_rows,
        romanised=romanised_rows,
        text_ids=torch.tensor(text_ids),
        n_cut=n_cut + n_cut_romanised,
    )


class LengthBatches:
    """An endless, numbered sequence of batches of text numbers, of like length within a batch.

    lengths: (n_texts,) length of each text in tokens.
    batch: texts a batch; the last one of an epoch may hold fewer.
    seed: decides the order of every epoch.
    """

    def __init__(self, lengths: NDArray[np.int64], *, batch: int, seed: int) -> None:
        self._lengths = lengths
        self._batch = batch
        self._seed = seed
        self._epoch = -1
        self._order: list[NDArray[np.int64]] = []

    @property
    def n_per_epoch(self) -> int:
        """Batches in one pass over all texts."""
        return -(-len(self._lengths) // self._batch)

    def __getitem__(self, number: int) -> list[int]:
        """Text numbers of batch `number`, counted from 0 across all epochs."""
        epoch, place = divmod(number, self.n_per_epoch)
        if epoch != self._epoch:
            self._order = self._shuffled(epoch)
            self._epoch = epoch
        return self._order[place].tolist()

    def _shuffled(self, epoch: int) -> list[NDArray[np.int64]]:
        random = np.random.default_rng([self._seed, epoch])
        texts = random.permutation(len(self._lengths))
        window = self._batch * _WINDOW
        batches: list[NDArray[np.int64]] = []
        for start in range(0, len(texts), window):
            part = texts[start : start + window]
            part = part[np.argsort(self._lengths[part], kind="stable")]
            batches += [part[i : i + self._batch] for i in range(0, len(part), self._batch)]
        return [batches[i] for i in random.permutation(len(batches))]
