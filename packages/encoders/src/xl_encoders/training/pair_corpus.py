"""Which texts form which batch: shuffled anew each epoch, of like length within a batch, the same on every machine.

Batch number b is a function of (seed, b) alone, so an interrupted run goes on at any number without having kept a
stream's position, and two variants of a run read the same batches.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Int
from numpy.typing import NDArray
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from xl_encoders.errors import EncoderError
from xl_encoders.reading.tokens import encode_content
from xl_encoders.streams.length_order import N_SORTED, length_batches
from xl_encoders.streams.sampling import StratumDraws, check_temperature, draws_per_epoch
from xl_encoders.training.part import PairBatch

# Length blocks of a language at most, texts of one at least, draws of one an epoch at least, where lengths must recur.
_N_BLOCKS, _BLOCK_TEXTS, _BLOCK_DRAWS = 1024, 64, 4


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
    batch: texts a batch at most; None leaves it to `tokens`.
    seed: decides the order of every epoch.
    groups: (n_texts,) number of each text's language.
    temperature: above 0. At 1 an epoch holds every text once. Else a language of n texts has about a share of n^(1/T)
        of as many draws; one with more draws than texts repeats them in fresh orders, one with fewer goes on in the
        next epoch where it stopped.
    tokens: tokens a batch at most, that is the sum of its lengths; a longer text is a batch of its own.

    Raises EncoderError for no texts, or for a setting out of range.
    """

    def __init__(
        self,
        lengths: NDArray[np.int64],
        *,
        seed: int,
        batch: int | None = None,
        groups: NDArray[np.int64] | None = None,
        temperature: float = 1.0,
        tokens: int | None = None,
    ) -> None:
        _check(lengths, batch, groups, temperature, tokens)
        self._lengths = lengths
        self._batch = batch or len(lengths)
        self._seed = seed
        self._draws = None
        rated = lengths
        if groups is not None and temperature != 1:
            strata, draws = _strata(lengths, groups, temperature, by_length=tokens is not None)
            self._draws = StratumDraws(strata, draws, seed=seed)
            rated = np.repeat([lengths[members].max() for members in strata], draws)
        self._n_draws = len(rated)
        self._layout = None if tokens is None else _Layout(rated, self._batch, tokens)
        self._epoch = -1
        self._order: list[NDArray[np.int64]] = []

    @property
    def n_per_epoch(self) -> int:
        """Batches in one epoch: a pass over all texts at temperature 1, about as many draws at others."""
        return -(-self._n_draws // self._batch) if self._layout is None else self._layout.n_batches

    def __getitem__(self, number: int) -> list[int]:
        """Text numbers of batch `number`, counted from 0 across all epochs."""
        epoch, place = divmod(number, self.n_per_epoch)
        if epoch != self._epoch:
            self._order = self._shuffled(epoch)
            self._epoch = epoch
        return self._order[place].tolist()

    def _shuffled(self, epoch: int) -> list[NDArray[np.int64]]:
        random = np.random.default_rng([self._seed, epoch])
        texts = np.arange(self._n_draws) if self._draws is None else self._draws.epoch(epoch)
        if self._layout is not None:
            return self._layout.deal(texts, random)
        return length_batches(random.permutation(texts), self._lengths, self._batch, random)


class _Layout:
    """Batches by tokens, of which every epoch has equally many, whatever its order.

    All draws, sorted by length, are cut into rows of as many neighbours as there are windows, and a window gets one of
    each row. So all windows have nearly the same lengths, and one list of cuts, made with the longest of each row, fits
    all of them.

    rated: (n_draws,) the greatest length that each draw can have.
    """

    def __init__(self, rated: NDArray[np.int64], batch: int, tokens: int) -> None:
        self._sorted = np.argsort(-rated, kind="stable")
        about = max(rated.sum() / tokens, len(rated) / batch)
        self._n_windows = max(1, min(round(about / N_SORTED), len(rated)))
        # Longest first, so a row's first entry is its longest, and only the last, shortest row can be short of windows.
        longest = rated[self._sorted[:: self._n_windows]]
        self._cuts = _cuts(longest, batch, tokens)
        n_in_last_row = len(rated) - (len(longest) - 1) * self._n_windows
        # Where the last row is a batch of its own, the windows that it leaves out have no such batch.
        n_absent = self._n_windows - n_in_last_row if self._cuts[-1] - self._cuts[-2] == 1 else 0
        self.n_batches = (len(self._cuts) - 1) * self._n_windows - n_absent

    def deal(self, texts: NDArray[np.int64], random: np.random.Generator) -> list[NDArray[np.int64]]:
        """The batches of an epoch. texts: (n_draws,) in the order of `rated`."""
        n_rows = -(-len(texts) // self._n_windows)
        dealt = np.full(n_rows * self._n_windows, -1, dtype=np.int64)
        dealt[: len(texts)] = texts[self._sorted]
        dealt = random.permuted(dealt.reshape(n_rows, self._n_windows), axis=1).T
        batches = []
        for window in dealt:
            for start, stop in itertools.pairwise(self._cuts):
                members = window[start:stop]
                # Only the last row can have gaps.
                batches.append(members if members[-1] >= 0 else members[:-1])
        batches = [members for members in batches if len(members)]
        return [batches[i] for i in random.permutation(len(batches))]


def _cuts(lengths: NDArray[np.int64], batch: int, tokens: int) -> list[int]:
    """Where batches begin and end when `lengths` are filled in one after another."""
    cuts = [0]
    total = 0
    for place, length in enumerate(lengths.tolist()):
        if place > cuts[-1] and (total + length > tokens or place - cuts[-1] == batch):
            cuts.append(place)
            total = 0
        total += length
    return [*cuts, len(lengths)]


def _strata(
    lengths: NDArray[np.int64], groups: NDArray[np.int64], temperature: float, *, by_length: bool
) -> tuple[list[NDArray[np.int64]], NDArray[np.int64]]:
    """The languages' texts and their draws an epoch; with `by_length` in blocks of like length within a language.

    Drawing a fixed number of each block gives every epoch the same lengths up to a block's spread, which is what a
    fixed number of batches by tokens needs.
    """
    order = np.argsort(groups, kind="stable")
    counts = np.unique(groups, return_counts=True)[1]
    languages = np.split(order, np.cumsum(counts)[:-1])
    draws = draws_per_epoch(counts, temperature)
    if not by_length:
        return languages, draws
    strata, block_draws = [], []
    for members, n_draws in zip(languages, draws.tolist(), strict=True):
        n_blocks = max(1, min(_N_BLOCKS, len(members) // _BLOCK_TEXTS, n_draws // _BLOCK_DRAWS))
        strata += np.array_split(members[np.argsort(lengths[members], kind="stable")], n_blocks)
        block_draws.append(np.diff(np.arange(n_blocks + 1) * n_draws // n_blocks))
    return strata, np.concatenate(block_draws)


def _check(
    lengths: NDArray[np.int64],
    batch: int | None,
    groups: NDArray[np.int64] | None,
    temperature: float,
    tokens: int | None,
) -> None:
    check_temperature(temperature)
    if not len(lengths):
        message = "no texts to make batches of; give at least one."
        raise EncoderError(message)
    if batch is None and tokens is None:
        message = "neither batch nor tokens is given; one of them must limit a batch."
        raise EncoderError(message)
    for name, value in (("batch", batch), ("tokens", tokens)):
        if value is not None and value < 1:
            message = f"{name} is {value}; give a number from 1."
            raise EncoderError(message)
    if groups is None and temperature != 1:
        message = f"temperature is {temperature} but no text has a language; give groups, or leave it at 1."
        raise EncoderError(message)
    if groups is not None and len(groups) != len(lengths):
        message = f"{len(groups)} languages for {len(lengths)} texts; give one for each text."
        raise EncoderError(message)
