"""What parts share that read sentences joined with their translations, `<s> A </s> B </s>`: their losses are sums."""

from collections.abc import Collection, Sequence
from typing import Any

import torch
from torch import Tensor

from xl_encoders.errors import EncoderError
from xl_encoders.model.encoder import Encoder
from xl_encoders.reading.tokens import edge_ids
from xl_encoders.reading.word_tokens import encode_many
from xl_encoders.training.bitext import Bitext
from xl_encoders.training.pair_corpus import LengthBatches
from xl_encoders.training.part import Chunk, Share, Term, by_length, mix
from xl_objectives import ObjectiveConfig


class JoinedPart:
    """Sentence pairs of several bitexts in batches of like length.

    name: of the logged loss. bitexts, batch, tokens, seed: as of `BitextPart`.

    Raises EncoderError for no sentence pairs.
    """

    def __init__(
        self,
        encoder: Encoder,
        bitexts: Sequence[Bitext],
        name: str,
        settings: ObjectiveConfig,
        *,
        batch: int = 24,
        tokens: int = 8192,
        seed: int = 1,
    ) -> None:
        self._encoder = encoder
        self._name = name
        self._function = settings.loss_function()
        self._tokens = tokens
        self._seed = seed
        self._edges = edge_ids(encoder.tokenizer)
        self._bitexts = [bitext for bitext in bitexts if len(bitext)]
        if not self._bitexts:
            message = f"objective {name} has no sentence pairs to read."
            raise EncoderError(message)
        self.n_cut = 0
        self._sides = []
        self._batches = []
        for number, bitext in enumerate(self._bitexts):
            left, right = (
                encode_many(encoder.tokenizer, side, encoder.max_len) for side in (bitext.left, bitext.right)
            )
            self._sides.append((left, right))
            lengths = left.rows.lengths + right.rows.lengths
            self.n_cut += int((lengths + 3 > encoder.max_len).sum())
            self._batches.append(LengthBatches(lengths, batch=batch, seed=mix(seed, number)))

    @property
    def terms(self) -> dict[str, Term]:
        """The loss."""
        return {self._name: Term(self._name)}

    @property
    def joint_terms(self) -> frozenset[str]:
        """None: a pair counts by itself."""
        return frozenset()

    @property
    def n_per_epoch(self) -> int:
        """Batches in one pass over the longest bitext."""
        return max(batches.n_per_epoch for batches in self._batches)

    def joint(self, batch: Any, vectors: Tensor, terms: Collection[str]) -> dict[str, Tensor]:
        """None."""
        return {}

    def _members(self, number: int) -> list[tuple[int, int]]:
        """Bitext and pair of each row of batch `number`: as many pairs of each bitext."""
        return [(bitext, pair) for bitext, batches in enumerate(self._batches) for pair in batches[number]]

    def _chunks(self, lengths: Sequence[int], share: Share, terms: Collection[str]) -> list[Chunk]:
        """The rows of this process, of like length together. lengths: tokens of each row of the batch."""
        if not set(self.terms) & set(terms):
            return []
        own = [number for number in range(len(lengths)) if number % share.world == share.rank]
        groups = by_length(own, lengths, self._tokens)
        return [Chunk(rows=rows, slots=torch.empty(0, dtype=torch.int64)) for rows in groups]
