"""What training is made of: parts, each a stream of numbered batches for one or more objectives.

A batch is cut into chunks of one forward pass each. Some losses are sums over chunks (masked language modelling);
others need a vector of every item of the batch at once (contrast, correlation, transport) and are joint. That division
is all that the loop, the gradient cache and training with several processes have to know of an objective.

Batch `number` of a part, its masks included, is a function of (seed, number) alone. So nothing about the position in a
stream has to be stored, and every process of a distributed run knows the whole batch and encodes its share.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from xl_encoders.config import check_pooling
from xl_encoders.reading.pooling import RowPooling


class Term(NamedTuple):
    """One logged loss: the objective it belongs to, and its factor beside that objective's weight."""

    objective: str
    factor: float = 1.0


class Share(NamedTuple):
    """The part of each batch that this process encodes: every `world`-th item from `rank` on.

    exact: means are taken over the batch of all processes; false takes them over each process's own share.
    """

    rank: int = 0
    world: int = 1
    exact: bool = True


class PairBatch(NamedTuple):
    """Texts with their transliterations, as content token ids without specials.

    original, romanised: one id row a text; row i of both belongs together. The second may be empty where no objective
        reads it.
    text_ids: (2, n_texts) int64, equal numbers for equal strings: originals in row 0, transliterations in row 1.
    """

    original: Sequence[Sequence[int]]
    romanised: Sequence[Sequence[int]]
    text_ids: Int[Tensor, "2 texts"]


@dataclass(frozen=True, kw_only=True)
class Chunk:
    """Rows of a batch that go through the encoder together.

    rows: numbers of the rows within their batch.
    slots: (n,) int64, places of the chunk's vectors in the matrix of the whole batch; empty where it gives none.
    """

    rows: Sequence[int]
    slots: Int[Tensor, " n"]


class Encoded(NamedTuple):
    """What a chunk gives.

    vectors: (len(slots), width), for the joint losses.
    losses: by term, the chunk's share of the batch's loss: the shares of all chunks and processes add up to it.
    """

    vectors: Float[Tensor, "n width"]
    losses: Mapping[str, Tensor]


class Part(Protocol):
    """One stream of batches with the losses that are computed on it.

    One whose vectors are not as wide as the encoder's states says so in a property `vector_width`.
    """

    @property
    def terms(self) -> Mapping[str, Term]:
        """Name of each loss -> its objective and factor."""
        ...

    @property
    def joint_terms(self) -> frozenset[str]:
        """The terms that need the vectors of the whole batch."""
        ...

    @property
    def n_per_epoch(self) -> int:
        """Batches in one pass over the data."""
        ...

    def draw(self, number: int) -> Any:
        """Batch `number`, from 0 over all epochs: of all processes, on the CPU."""
        ...

    def chunks(self, batch: Any, share: Share, terms: Collection[str]) -> list[Chunk]:
        """The share of a batch in forward passes: what `terms` need, and nothing else."""
        ...

    def encode(self, batch: Any, chunk: Chunk, share: Share, terms: Collection[str]) -> Encoded:
        """One forward pass."""
        ...

    def joint(self, batch: Any, vectors: Float[Tensor, "slots width"], terms: Collection[str]) -> dict[str, Tensor]:
        """The losses that need the vectors of the whole batch, by term."""
        ...


class HasRows(Protocol):
    """A batch of token rows."""

    @property
    def rows(self) -> Sequence[Int[Tensor, " len"]]:
        """One id row an item."""
        ...


class OneJointLoss:
    """What parts share that have one loss, of the vectors of all rows of a batch, each row a pass of its own."""

    def __init__(self, name: str, tokens: int) -> None:
        """name: of the logged loss and its objective. tokens: most tokens of one forward pass."""
        self._name = name
        self._tokens = tokens

    @property
    def terms(self) -> dict[str, Term]:
        """The one loss of this part."""
        return {self._name: Term(self._name)}

    @property
    def joint_terms(self) -> frozenset[str]:
        """It needs all rows of the batch."""
        return frozenset({self._name})

    def chunks(self, batch: HasRows, share: Share, terms: Collection[str]) -> list[Chunk]:
        """The rows of this process, of like length together."""
        if self._name not in terms:
            return []
        own = range(share.rank, len(batch.rows), share.world)
        lengths = [len(row) for row in batch.rows]
        return [Chunk(rows=rows, slots=torch.tensor(rows)) for rows in by_length(own, lengths, self._tokens)]


def mix(*numbers: int) -> int:
    """One 63-bit seed from several numbers; neighbours in any of them give unrelated streams."""
    return int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0] >> np.uint64(1))


def by_length(rows: Sequence[int], lengths: Sequence[int], budget: int) -> list[list[int]]:
    """`rows` in groups of at most `budget` tokens (at least one row each), longest first, of like length in a group."""
    groups: list[list[int]] = []
    used = budget
    for row in sorted(rows, key=lambda row: -lengths[row]):
        if used + lengths[row] > budget:
            groups.append([])
            used = 0
        groups[-1].append(row)
        used += lengths[row]
    return groups


def pool_rows(
    states: Float[Tensor, "tokens width"], row_lens: Int[Tensor, " rows"], content: Bool[Tensor, " tokens"], how: str
) -> Float[Tensor, "rows width"]:
    """One vector a row from the states of all rows' tokens, one row after another without padding.

    row_lens: (rows,) tokens of each row. content: (tokens,) true for tokens that are no specials.
    how: one of POOLINGS, or several, joined by commas; "first" keeps the dtype, all else is taken in float32 at least.
        A row without content gives zeros.
    """
    check_pooling(how)
    starts = row_lens.cumsum(0) - row_lens
    if how == "first":
        return states[starts.to(states.device)]
    of_row = torch.repeat_interleave(torch.arange(len(row_lens)), row_lens).to(states.device)
    if how == "mean-content":
        kept = content.nonzero().squeeze(1).to(states.device)
        states, of_row = states[kept], of_row[kept]
    with torch.autocast(states.device.type, enabled=False):
        states = states.to(torch.promote_types(states.dtype, torch.float32))
        if how not in ("mean-content", "mean-all"):
            return RowPooling(row_lens, content, how, device=states.device)(states)
        sums = states.new_zeros(len(row_lens), states.shape[1]).index_add(0, of_row, states)
        return sums / torch.bincount(of_row, minlength=len(row_lens)).clamp(min=1)[:, None]
