"""The part of training that lets both sides of a sentence pair attend to each other, and compares how they do.

A pair is read twice, `<s> A </s> B </s>` and `<s> B </s> A </s>`. Each time the first sentence sees itself alone, and a
token of the second the first and what precedes it: the attention of an encoder and its decoder, within one encoder
(`xl_objectives.bitext.attention_agreement`).
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import NamedTuple, cast

import torch
from jaxtyping import Float, Int
from torch import Tensor

from xl_encoders.aligning.joined_part import JoinedPart
from xl_encoders.errors import EncoderError
from xl_encoders.model.encoder import Encoder
from xl_encoders.model.packed_attention import seen_forward
from xl_encoders.model.packing import Halves, encode_rows, supports_packing
from xl_encoders.training.bitext import Bitext
from xl_encoders.training.part import Chunk, Encoded, Share
from xl_objectives import AttentionConfig, join_pair


class _Pair(NamedTuple):
    """A sentence pair in both orders, int64 (len,) each, and the tokens of its two sentences."""

    forth: Int[Tensor, " len"]
    back: Int[Tensor, " len"]
    n_left: int
    n_right: int

    @property
    def counts(self) -> bool:
        """Whether both sentences have tokens."""
        return self.n_left > 0 and self.n_right > 0


@dataclass(frozen=True, kw_only=True)
class AttendingPairs:
    """The pairs of a batch."""

    pairs: Sequence[_Pair]


class AttentionPart(JoinedPart):
    """An objective on the attention between the two sentences of a pair.

    name: of the logged loss. bitexts, batch, tokens, seed: as of `BitextPart`.

    Raises EncoderError for no sentence pairs, a block that is not there, and a family that cannot read pairs so.
    """

    def __init__(
        self,
        encoder: Encoder,
        bitexts: Sequence[Bitext],
        name: str,
        settings: AttentionConfig,
        *,
        batch: int = 24,
        tokens: int = 8192,
        seed: int = 1,
    ) -> None:
        super().__init__(encoder, bitexts, name, settings, batch=batch, tokens=tokens, seed=seed)
        self._block = encoder.resolve_layer(settings.layer)
        if not self._block:
            message = f"objective {name} reads the attention of block {settings.layer}; blocks count from 1."
            raise EncoderError(message)
        if not supports_packing(encoder):
            message = (
                f"objective {name} has sentences read forward, which {encoder.name} ({type(encoder.model).__name__}) "
                f"cannot do; the families of BERT, RoBERTa, XLM-R, DistilBERT and ModernBERT can."
            )
            raise EncoderError(message)

    def draw(self, number: int) -> AttendingPairs:
        """Batch `number`: as many pairs of each bitext, in both orders."""
        return AttendingPairs(pairs=[self._pair(bitext, pair) for bitext, pair in self._members(number)])

    def chunks(self, batch: AttendingPairs, share: Share, terms: Collection[str]) -> list[Chunk]:
        """The pairs of this process, of like length together."""
        return self._chunks([2 * len(pair.forth) for pair in batch.pairs], share, terms)

    def encode(self, batch: AttendingPairs, chunk: Chunk, share: Share, terms: Collection[str]) -> Encoded:
        """A chunk's share of the loss."""
        pairs = [batch.pairs[number] for number in chunk.rows]
        rows = [row for pair in pairs for row in (pair.forth, pair.back)]
        seconds = [n + 2 for pair in pairs for n in (pair.n_left, pair.n_right)]
        halves = Halves(seconds=seconds, forward=True)
        states = encode_rows(self._encoder, rows, {self._block}, halves=halves, attention_of=self._block)
        top = states.layers[self._block]
        row_lens = states.row_lens.tolist()
        queries, keys = (cast("Tensor", one).split(row_lens) for one in (states.query, states.key))
        losses = [top.new_zeros((), dtype=torch.float32)]
        for number, pair in enumerate(pairs):
            if pair.counts:
                to_left, to_right = (
                    attention_to_first(queries[row], keys[row], seconds[row]) for row in (2 * number, 2 * number + 1)
                )
                losses.append(self._function(to_right, to_left))
        loss = torch.stack(losses).sum() / self._count(batch, share)
        # With a gradient of zero for what lies above the queries: a sharded block gathers its weights again where the
        # backward pass comes to its output, and all processes are to end in the same weights, sharded or not.
        return Encoded(top.new_zeros(0, self._encoder.width), {self._name: loss + 0.0 * top[:1].float().sum()})

    def _count(self, batch: AttendingPairs, share: Share) -> int:
        """Pairs that count, at least 1: in the batch of all processes, or as published in this one's share."""
        own = (pair for n, pair in enumerate(batch.pairs) if share.exact or n % share.world == share.rank)
        return max(1, sum(pair.counts for pair in own))

    def _pair(self, bitext: int, pair: int) -> _Pair:
        left, right = (side.rows[pair] for side in self._sides[bitext])
        first, last = self._edges
        # Cut once, so that both orders hold the same tokens.
        kept = join_pair(
            range(len(left)), range(len(left), len(left) + len(right)), bos_id=-1, eos_id=-1,
            max_len=self._encoder.max_len, truncate="longest_first",
        )  # fmt: skip
        n_left = sum(0 <= number < len(left) for number in kept)
        n_right = sum(number >= len(left) for number in kept)
        left, right = left[:n_left], right[:n_right]
        forth, back = (torch.tensor([first, *a, last, *b, last]) for a, b in ((left, right), (right, left)))
        return _Pair(forth, back, n_left, n_right)


def attention_to_first(
    query: Float[Tensor, "len heads head_width"], key: Float[Tensor, "len heads head_width"], second: int
) -> Float[Tensor, "heads second_len first_len"]:
    """How much the tokens of a row's second text attend to those of its first, specials left out on both sides.

    query, key: of a row `<s> first </s> second </s>`, the query scaled. second: place of the second text.

    The softmax runs over all that a token of the second text sees, its own text and specials too.
    """
    with torch.autocast(query.device.type, enabled=False):
        query, key = (one.transpose(0, 1).to(torch.promote_types(one.dtype, torch.float32)) for one in (query, key))
        seen = seen_forward([second], query.shape[1])[0].to(query.device)
        scores = (query @ key.mT).masked_fill(~seen, -torch.inf)
        return scores.softmax(dim=-1)[:, second:-1, 1 : second - 1]
