"""The part of training that masks sentences joined with their translations: TLM on bitexts, and WEAM.

A row is `<s> A </s> B </s>` in random order, as `join_pair` has it. Masked tokens are predicted at their own place;
with links between the words, a masked word also at the place of its partner (`xl_objectives.bitext.masked_bitext`).
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Int
from torch import Tensor

from xl_encoders.aligning.joined_part import JoinedPart
from xl_encoders.model.encoder import Encoder
from xl_encoders.model.packing import encode_rows
from xl_encoders.reading.word_tokens import NO_WORD
from xl_encoders.training.bitext import Alignments, Bitext
from xl_encoders.training.bitext_part import kept_links
from xl_encoders.training.part import Chunk, Encoded, Share, Term, mix
from xl_objectives import join_pair, mask_tokens
from xl_objectives.bitext.masked_bitext import MaskedBitextConfig

# What stands for the two specials while the tokens of a pair are numbers.
_FIRST, _LAST = -1, -2


class _Row(NamedTuple):
    """A joined pair, int64 (len,) each: as read, as it was; what is predicted, and where.

    picked: bool (len,), predicted at their own places. targets, read_at: places of tokens, and of those of their
    partners where they are predicted too.
    """

    ids: Int[Tensor, " len"]
    clean: Int[Tensor, " len"]
    picked: Bool[Tensor, " len"]
    targets: Int[Tensor, " linked"]
    read_at: Int[Tensor, " linked"]


@dataclass(frozen=True, kw_only=True)
class MaskedPairs:
    """The pairs of a batch."""

    rows: Sequence[_Row]


class MaskedBitextPart(JoinedPart):
    """An objective that predicts masked words of sentence pairs.

    name: of the logged loss; with links it is that at the partners, and NAME-tlm the one at the words' own places.
    bitexts, batch, tokens, seed: as of `BitextPart`; the seed also decides masks and the order of the sides.

    Raises EncoderError for missing alignments, no sentence pairs, and an encoder without a masked-LM head.
    """

    def __init__(
        self,
        encoder: Encoder,
        bitexts: Sequence[Bitext],
        name: str,
        settings: MaskedBitextConfig,
        *,
        batch: int = 24,
        tokens: int = 8192,
        seed: int = 1,
    ) -> None:
        super().__init__(encoder, bitexts, name, settings, batch=batch, tokens=tokens, seed=seed)
        self._settings = settings
        encoder.head  # noqa: B018 - raises where there is none
        self._links: list[Alignments] = [kept_links(bitext, settings, name) for bitext in self._bitexts]

    @property
    def terms(self) -> dict[str, Term]:
        """The loss at the own places, and with links that at the partners'."""
        terms = {self._name: Term(self._name)}
        if self._own != self._name and self._settings.own_place:
            terms[self._own] = Term(self._name, self._settings.own_place)
        return terms

    @property
    def _own(self) -> str:
        """Name of the loss at the own places."""
        return f"{self._name}-tlm" if self._settings.needs_alignments else self._name

    def draw(self, number: int) -> MaskedPairs:
        """Batch `number`: as many pairs of each bitext, joined and masked."""
        generator = torch.Generator().manual_seed(mix(self._seed, 1, number))
        return MaskedPairs(rows=[self._row(bitext, pair, generator) for bitext, pair in self._members(number)])

    def chunks(self, batch: MaskedPairs, share: Share, terms: Collection[str]) -> list[Chunk]:
        """The rows of this process, of like length together."""
        return self._chunks([len(row.ids) for row in batch.rows], share, terms)

    def encode(self, batch: MaskedPairs, chunk: Chunk, share: Share, terms: Collection[str]) -> Encoded:
        """A chunk's share of the losses."""
        encoder = self._encoder
        rows = [batch.rows[number] for number in chunk.rows]
        states = encode_rows(encoder, [row.ids for row in rows], {encoder.n_layers}).layers[encoder.n_layers]
        starts = np.cumsum([0, *(len(row.ids) for row in rows)])[:-1].tolist()
        clean = torch.cat([row.clean for row in rows])
        losses: dict[str, Tensor] = {}
        if self._own in terms:
            places = torch.cat([row.picked for row in rows]).nonzero()[:, 0]
            losses[self._own] = self._loss(states, clean, places, places) / self._count(batch, share, linked=False)
        if self._name in terms and self._name != self._own:
            targets, read_at = (
                torch.cat([one + start for one, start in zip(its, starts, strict=True)])
                for its in ([row.targets for row in rows], [row.read_at for row in rows])
            )
            losses[self._name] = self._loss(states, clean, targets, read_at) / self._count(batch, share, linked=True)
        return Encoded(states.new_zeros(0, encoder.width), losses)

    def _loss(self, states: Tensor, clean: Tensor, targets: Tensor, read_at: Tensor) -> Tensor:
        """Sum of the losses of the tokens at `targets`, predicted from the states at `read_at`; 0 for none."""
        logits = self._encoder.head(states.index_select(0, read_at.to(states.device)))
        if not len(targets):
            return logits.sum()
        return self._function(logits, clean[targets].to(states.device), reduction="none").sum()

    def _count(self, batch: MaskedPairs, share: Share, *, linked: bool) -> int:
        """Predictions, at least 1: in the batch of all processes, or as published in this one's share."""
        rows = [row for number, row in enumerate(batch.rows) if share.exact or number % share.world == share.rank]
        return max(1, sum(len(row.targets) if linked else int(row.picked.sum()) for row in rows))

    def _row(self, bitext: int, pair: int, generator: torch.Generator) -> _Row:
        left, right = self._sides[bitext]
        ids = [*left.rows[pair], *right.rows[pair]]
        n_left = len(left.rows[pair])
        halves = [range(n_left), range(n_left, len(ids))]
        if torch.rand(1, generator=generator) < 0.5:
            halves.reverse()
        numbers = torch.tensor(
            join_pair(
                *halves, bos_id=_FIRST, eos_id=_LAST, max_len=self._encoder.max_len, truncate=self._settings.truncate
            )
        )
        first, last = self._edges
        clean = torch.tensor([*ids, last, first])[numbers]  # -1 is the first special, -2 the last
        picked = numbers >= 0
        places: tuple[dict[int, list[int]], dict[int, list[int]]] = {}, {}
        links = self._links[bitext][pair] if self._links[bitext] else []
        if self._settings.needs_alignments:
            words = [*left.word_ids[pair], *right.word_ids[pair]]
            for place, number in enumerate(numbers.tolist()):
                if number >= 0 and words[number] != NO_WORD:
                    places[number >= n_left].setdefault(words[number], []).append(place)
            chosen = self._chosen(places, links, generator)
            picked = torch.zeros_like(picked)
            for side, its in enumerate(chosen):
                for word in its:
                    picked[places[side][word]] = True
        else:
            chosen = set(), set()
            picked &= torch.rand(len(numbers), generator=generator) < self._settings.mask_prob
        tokenizer = self._encoder.tokenizer
        masked = mask_tokens(
            clean[None], picked[None], mask_id=tokenizer.mask_token_id, vocabulary_size=len(tokenizer),
            mask_prob=1.0, generator=generator,
        )  # fmt: skip
        targets, read_at = [], []
        for link in links:
            for side in (0, 1):
                partner = places[1 - side].get(link[1 - side], [])
                if link[side] in chosen[side] and partner:
                    of_word = places[side][link[side]]
                    targets += of_word
                    read_at += [partner[min(k, len(partner) - 1)] for k in range(len(of_word))]
        return _Row(
            masked.ids[0], clean, picked,
            torch.tensor(targets, dtype=torch.int64), torch.tensor(read_at, dtype=torch.int64),
        )  # fmt: skip

    def _chosen(
        self,
        places: tuple[dict[int, list[int]], dict[int, list[int]]],
        links: Sequence[tuple[int, int]],
        generator: torch.Generator,
    ) -> tuple[set[int], set[int]]:
        """Words of both sides that are masked, each by its own chance; of a pair of partners the left one at most."""
        left, right = (
            {word for word in its if float(torch.rand(1, generator=generator)) < self._settings.mask_prob}
            for its in places
        )
        return left, right - {j for i, j in links if i in left}
