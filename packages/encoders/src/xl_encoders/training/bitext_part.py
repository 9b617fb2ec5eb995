"""The part of training that reads sentences with their translations: losses of their words, near the frozen start.

Sentences of both sides are encoded apart; a word is one of its sub-words, their mean, or each of them (Alqahtani et al.
2021; Cao, Kitaev and Klein 2020). Every batch holds as many pairs of each bitext; their losses add up, the drift as
much as the transport, as the papers' do (equation 2, L(c) = sum_k l(c; P^k)). A short bitext begins again before a long
one ends.
"""

import copy
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, cast

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from xl_encoders.aligning.projector import add_projector
from xl_encoders.errors import EncoderError
from xl_encoders.model.encoder import Encoder
from xl_encoders.model.packing import TokenStates, encode_rows
from xl_encoders.reading.tokens import edge_ids
from xl_encoders.reading.word_tokens import FlatRows, encode_many
from xl_encoders.training.bitext import Alignments, Bitext
from xl_encoders.training.pair_corpus import LengthBatches
from xl_encoders.training.part import Chunk, Encoded, Share, Term, by_length, mix
from xl_objectives import (
    BitextConfig,
    LinkedConfig,
    ObjectiveConfig,
    Words,
    align_words,
    drift_loss,
    drop_identical,
    gather_pairs,
    keep_one_to_one,
    pool_words,
)

# Word number of tokens that belong to no word, as `pool_words` reads them.
_NO_WORD = -1
# Among what seeds are made of: that of a projector.
_PROJECTOR = 7
# Sentences of one side that the aligner encodes at a time.
_ALIGNED_AT_ONCE = 64


class _Side(NamedTuple):
    """One side of a bitext as tokens: content ids, each token's word (-1 for none), the mass of words if asked."""

    rows: FlatRows
    word_ids: FlatRows
    idf: list[Tensor] | None


class _Row(NamedTuple):
    """One sentence of a batch: which bitext, which side (0 left, 1 right), where in the batch; its words' slots."""

    bitext: int
    side: int
    sentence: int
    ids: Tensor
    word_ids: Tensor
    positions: Tensor
    slots: Tensor
    idf: Tensor


@dataclass(frozen=True, kw_only=True)
class SentenceRows:
    """The sentences of a batch, pair by pair, and the pairs' numbers in each bitext."""

    rows: Sequence[_Row]
    members: Sequence[Sequence[int]]
    n_slots: int


class BitextPart:
    """An objective of family bitext on sentence pairs.

    name: of the logged loss; a drift above 0 adds a second loss, NAME-drift.
    bitexts: one for each pair of languages, the pivot on the right, with alignments where the settings need them.
    batch: sentence pairs of each bitext in a batch. tokens: most tokens of one forward pass.
    seed: decides the order of the pairs.

    The frozen start is a copy of `encoder` as it is now, without dropout. Raises EncoderError for missing alignments
    and for no sentence pairs.
    """

    def __init__(
        self,
        encoder: Encoder,
        bitexts: Sequence[Bitext],
        name: str,
        settings: BitextConfig,
        *,
        batch: int = 24,
        tokens: int = 8192,
        seed: int = 1,
    ) -> None:
        self._encoder = encoder
        self._name = name
        self._settings = settings
        self._function = settings.loss_function()
        self._bitexts = [bitext for bitext in bitexts if len(bitext)]
        self._tokens = tokens
        self._layer = encoder.resolve_layer(settings.layer)
        if settings.projects:
            add_projector(encoder, name, settings.projects, seed=mix(seed, _PROJECTOR))
        self._specials = tuple(edge_ids(encoder.tokenizer))
        if not self._bitexts:
            message = f"objective {name} has no sentence pairs to read."
            raise EncoderError(message)
        self.n_cut = 0
        self._sides: list[tuple[_Side, _Side]] = []
        for bitext in self._bitexts:
            self._sides.append((self._encode_side(bitext.left), self._encode_side(bitext.right)))
        self._pairs = [kept_links(bitext, settings, name) for bitext in self._bitexts]
        self._batches = [
            LengthBatches(
                left.rows.lengths + right.rows.lengths + 4,  # specials
                batch=batch,
                seed=mix(seed, number),
            )
            for number, (left, right) in enumerate(self._sides)
        ]
        # Bitexts whose sentences the loss is taken on together.
        each = range(len(self._bitexts))
        self._together = [list(each)] if settings.joins_bitexts else [[number] for number in each]
        self._frozen = frozen_copy(encoder) if settings.drift else None

    @property
    def terms(self) -> dict[str, Term]:
        """The loss, and the drift from the start beside it."""
        terms = {self._name: Term(self._name)}
        if self._settings.drift:
            terms[self._drift] = Term(self._name, self._settings.drift)
        return terms

    @property
    def joint_terms(self) -> frozenset[str]:
        """Transport and contrast need the words of the whole batch; the drift does not."""
        return frozenset({self._name})

    @property
    def vector_width(self) -> int:
        """Of a word's or sentence's vector: the states', that of their projection, or both."""
        settings = self._settings
        return settings.projects + (self._encoder.width if settings.keeps_words or not settings.projects else 0)

    @property
    def n_per_epoch(self) -> int:
        """Batches in one pass over the longest bitext."""
        return max(batches.n_per_epoch for batches in self._batches)

    @property
    def _drift(self) -> str:
        return f"{self._name}-drift"

    def draw(self, number: int) -> SentenceRows:
        """Batch `number`: as many pairs of each bitext."""
        rows: list[_Row] = []
        members = [batches[number] for batches in self._batches]
        n_slots = 0
        for bitext, (sides, chosen) in enumerate(zip(self._sides, members, strict=True)):
            for sentence, pair in enumerate(chosen):
                for number_of_side, side in enumerate(sides):
                    word_ids = torch.tensor([_NO_WORD, *side.word_ids[pair], _NO_WORD])
                    positions = self._positions(word_ids)
                    if self._settings.means_sentences:
                        positions = torch.zeros_like(positions[:1])
                    slots = torch.arange(n_slots, n_slots + len(positions))
                    n_slots += len(positions)
                    rows.append(
                        _Row(
                            bitext,
                            number_of_side,
                            sentence,
                            self._with_specials(side.rows[pair]),
                            word_ids,
                            positions,
                            slots,
                            torch.ones(len(positions)) if side.idf is None else side.idf[pair][: len(positions)],
                        )
                    )
        return SentenceRows(rows=rows, members=members, n_slots=n_slots)

    def chunks(self, batch: SentenceRows, share: Share, terms: Collection[str]) -> list[Chunk]:
        """The sentences of this process, of like length together."""
        if not {self._name, self._drift} & set(terms):
            return []
        joint = self._name in terms
        own = [
            number
            for number, row in enumerate(batch.rows)
            if row.sentence % share.world == share.rank and (joint or self._held(row))
        ]
        chunks = []
        for rows in by_length(own, [len(row.ids) for row in batch.rows], self._tokens):
            slots = [batch.rows[number].slots for number in rows] if joint else []
            chunks.append(Chunk(rows=rows, slots=torch.cat([torch.empty(0, dtype=torch.int64), *slots])))
        return chunks

    def encode(self, batch: SentenceRows, chunk: Chunk, share: Share, terms: Collection[str]) -> Encoded:
        """Vectors of a chunk's words, and how far those that are held have moved."""
        rows = [batch.rows[number] for number in chunk.rows]
        words = self._words(self._encoder, rows)
        losses: dict[str, Tensor] = {}
        if self._drift in terms and self._frozen is not None:
            losses[self._drift] = self._drift_share(batch, rows, words, share, self._frozen)
        if not len(chunk.slots):
            return Encoded(words.vectors.new_zeros(0, self.vector_width), losses)
        if self._settings.means_sentences:
            words = pool_words(words.vectors, words.mask.long() - 1, "mean")  # all words of a sentence as if one
        vectors = words.vectors[words.mask]
        if self._settings.projects:
            projected = self._encoder.projectors[self._name](vectors)
            vectors = torch.cat([vectors, projected], dim=1) if self._settings.keeps_words else projected
        return Encoded(vectors, losses)

    def joint(self, batch: SentenceRows, vectors: Tensor, terms: Collection[str]) -> dict[str, Tensor]:
        """The sum of the bitexts' losses, or the loss of all their sentences together."""
        if self._name not in terms:
            return {}
        parts = []
        for numbers in self._together:
            x, x_idf = self._padded(batch, vectors, numbers, 0)
            y, y_idf = self._padded(batch, vectors, numbers, 1)
            sentences = [(bitext, pair) for bitext in numbers for pair in batch.members[bitext]]
            parts.append(self._loss(x, y, (x_idf, y_idf), sentences))
        return {self._name: torch.stack(parts).sum()}

    def _loss(self, x: Words, y: Words, idf: tuple[Tensor, Tensor], sentences: Sequence[tuple[int, int]]) -> Tensor:
        """The loss of sentence pairs, each the number of its bitext and its own there."""
        settings = self._settings
        if not settings.needs_alignments:
            told: dict[str, Any] = {"weights": idf} if settings.takes_idf else {}
            sides = [x.vectors, y.vectors]
            if settings.projects and settings.keeps_words:
                width = self._encoder.width
                told["projected"] = tuple(side[..., width:] for side in sides)
                sides = [side[..., :width] for side in sides]
            return self._function(*sides, x.mask, y.mask, **settings.arguments, **told)
        pairs = [self._pairs[bitext][pair] for bitext, pair in sentences]
        x_there, y_there = x.mask.tolist(), y.mask.tolist()
        there = [
            [(i, j) for i, j in its if i < len(x_row) and x_row[i] and j < len(y_row) and y_row[j]]
            for x_row, y_row, its in zip(x_there, y_there, pairs, strict=True)
        ]
        left, right = gather_pairs(x.vectors, y.vectors, there)
        told = {}
        if settings.takes_text_ids:
            numbers: dict[str, int] = {}
            spelled = [
                [
                    numbers.setdefault(getattr(self._bitexts[bitext], side)[pair][ij[place]].lower(), len(numbers))
                    for (bitext, pair), its in zip(sentences, there, strict=True)
                    for ij in its
                ]
                for place, side in enumerate(("left", "right"))
            ]
            told["text_ids"] = torch.tensor(spelled, dtype=torch.int64).reshape(2, -1).to(left.device)
        return self._function(left, right, **settings.arguments, **told)

    def _words(self, encoder: Encoder, rows: Sequence[_Row]) -> Words:
        """Word vectors of the rows in an encoder's states."""
        states = encode_rows(encoder, [row.ids for row in rows], {self._layer})
        return _pooled(states, self._layer, [row.word_ids for row in rows], self._settings.words)

    def _drift_share(
        self, batch: SentenceRows, rows: Sequence[_Row], words: Words, share: Share, frozen: Encoder
    ) -> Tensor:
        held = [place for place, row in enumerate(rows) if self._held(row)]
        if not held:
            return words.vectors.sum() * 0.0
        with torch.no_grad():
            start = self._words(frozen.to(words.vectors.device), [rows[place] for place in held])
        own = words.vectors[held, : start.vectors.shape[1]]
        mean = self._settings.drift_reduction == "mean"
        parts = []
        for bitext in sorted({rows[place].bitext for place in held}):
            of_bitext = [number for number, place in enumerate(held) if rows[place].bitext == bitext]
            now, before, mask = (side[of_bitext] for side in (own, start.vectors, start.mask))
            total = drift_loss(now, before, mask, reduction="sum")
            parts.append(total / self._n_held(batch, bitext, share) if mean else total)
        loss = torch.stack(parts).sum()
        return loss if mean or share.exact else loss * share.world

    def _n_held(self, batch: SentenceRows, bitext: int, share: Share) -> int:
        """Held words of a bitext, at least 1: in the batch of all processes, or as published in this one's share."""
        rows = (row for row in batch.rows if row.bitext == bitext and self._held(row))
        own = (row for row in rows if share.exact or row.sentence % share.world == share.rank)
        return max(1, sum(len(self._positions(row.word_ids)) for row in own))

    def _held(self, row: _Row) -> bool:
        return row.side == 1 or self._settings.drift_side == "both"

    def _padded(
        self, batch: SentenceRows, vectors: Tensor, bitexts: Sequence[int], side: int
    ) -> tuple[Words, Float[Tensor, "sentences words"]]:
        """The words of one side at their places in their sentences, bitext after bitext, and their idf."""
        rows = [row for bitext in bitexts for row in batch.rows if row.bitext == bitext and row.side == side]
        n_sentences = len(rows)
        n_words = max((int(row.positions[-1]) + 1 for row in rows if len(row.positions)), default=0)
        places = [row.positions + sentence * n_words for sentence, row in enumerate(rows)]
        places = torch.cat(places).to(vectors.device)
        slots = torch.cat([row.slots for row in rows]).to(vectors.device)
        size = n_sentences * n_words
        padded = vectors.new_zeros(size, vectors.shape[1]).index_copy(0, places, vectors.index_select(0, slots))
        mask = torch.zeros(size, dtype=torch.bool, device=vectors.device).index_fill(0, places, True)
        idf = torch.zeros(size, device=vectors.device)
        idf[places] = torch.cat([row.idf for row in rows]).to(vectors.device)
        shape = (n_sentences, n_words)
        return Words(padded.reshape(*shape, vectors.shape[1]), mask.reshape(shape)), idf.reshape(shape)

    def _positions(self, word_ids: Int[Tensor, " tokens"]) -> Int[Tensor, " words"]:
        """Where the vectors of a sentence stand in its padded row: at their word's number, or one after another."""
        kept = word_ids[word_ids != _NO_WORD]
        return torch.arange(len(kept)) if self._settings.words == "all" else kept.unique()

    def _encode_side(self, sentences: Sequence[Sequence[str]]) -> _Side:
        encoded = encode_many(self._encoder.tokenizer, sentences, self._encoder.max_len)
        self.n_cut += encoded.n_cut
        idf = self._idf(sentences, encoded.word_ids) if self._settings.takes_idf else None
        return _Side(encoded.rows, encoded.word_ids, idf)

    def _with_specials(self, row: list[int]) -> Int[Tensor, " tokens"]:
        first, last = self._specials
        return torch.tensor([first, *row, last])

    def _idf(self, sentences: Sequence[Sequence[str]], word_ids: Sequence[list[int]]) -> list[Tensor]:
        """log((1 + n) / df) of each vector's word, df the sentences of this side that have it.

        With `idf_by_sentence` over the words of its sentence, so that all places of a word together weigh tf-idf.
        """
        counts: dict[str, int] = {}
        for sentence in sentences:
            for word in {word.lower() for word in sentence}:
                counts[word] = counts.get(word, 0) + 1
        result = []
        for sentence, numbers in zip(sentences, word_ids, strict=True):
            kept = [number for number in numbers if number != _NO_WORD]
            kept = kept if self._settings.words == "all" else sorted(set(kept))
            weights = [np.log((1 + len(sentences)) / counts[sentence[k].lower()]) for k in kept]
            scale = 1 / max(1, len(sentence)) if self._settings.idf_by_sentence else 1.0
            result.append(scale * torch.tensor(weights, dtype=torch.float32))
        return result


def kept_links(bitext: Bitext, settings: ObjectiveConfig, name: str) -> Alignments:
    """The word pairs of a bitext that objective `name` counts, filtered as its settings say; none where it reads none.

    Raises EncoderError where it needs some and nobody aligned the bitext.
    """
    if not settings.needs_alignments:
        return []
    linked = cast("LinkedConfig", settings)
    if bitext.alignments is None:
        message = f"objective {name} needs word alignments, and {bitext.name} has none; see align_bitext."
        raise EncoderError(message)
    pairs: Alignments = bitext.alignments
    if linked.one_to_one:
        pairs = keep_one_to_one(pairs)
    return pairs if linked.identical else drop_identical(pairs, bitext.left, bitext.right)


def align_bitext(
    encoder: Encoder, bitext: Bitext, *, layer: int = 8, words: str = "last"
) -> list[list[tuple[int, int]]]:
    """Word pairs of each sentence pair by mutual argmax of the cosine in one layer of `encoder`, as it is now.

    layer: `hidden_states` index. words: "last", "first" or "mean" sub-word.
    """
    index = encoder.resolve_layer(layer)
    first, last = edge_ids(encoder.tokenizer)
    encoded = [encode_many(encoder.tokenizer, side, encoder.max_len) for side in (bitext.left, bitext.right)]
    training = encoder.training
    encoder.eval()
    # Like lengths together, the result in the order of the corpus.
    order = np.argsort(encoded[0].rows.lengths + encoded[1].rows.lengths, kind="stable").tolist()
    aligned: list[list[tuple[int, int]]] = [[] for _ in range(len(bitext))]
    with torch.inference_mode():
        for start in range(0, len(order), _ALIGNED_AT_ONCE):
            members = order[start : start + _ALIGNED_AT_ONCE]
            sides = []
            for side in encoded:
                rows = [torch.tensor([first, *side.rows[i], last]) for i in members]
                word_ids = [torch.tensor([_NO_WORD, *side.word_ids[i], _NO_WORD]) for i in members]
                sides.append(_pooled(encode_rows(encoder, rows, {index}), index, word_ids, words))
            left, right = sides
            for i, pairs in zip(members, align_words(left.vectors, right.vectors, left.mask, right.mask), strict=True):
                aligned[i] = pairs
    encoder.train(training)
    return aligned


def frozen_copy(encoder: Encoder) -> Encoder:
    """A copy that is never trained: evaluation mode, no gradients, the same tokenizer."""
    model = copy.deepcopy(encoder.model).requires_grad_(False).eval()
    return Encoder(model, encoder.tokenizer, name=encoder.name, max_len=encoder.max_len)


def _pooled(states: TokenStates, layer: int, word_ids: Sequence[Tensor], how: str) -> Words:
    padded = pad_sequence(list(states.layers[layer].split(states.row_lens.tolist())), batch_first=True)
    numbers = pad_sequence(list(word_ids), batch_first=True, padding_value=_NO_WORD)
    return pool_words(padded, numbers.to(padded.device), how)
