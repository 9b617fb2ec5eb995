"""The part of training that draws an encoder to a frozen teacher's sentence vectors (objectives of family teacher).

Texts are read as they will be embedded later: with the encoder's prompt, at its layer and pooling, through what stands
behind pooling (`Encoder.tail`). The teacher's vectors are constants, computed before; each loss is of the whole batch.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from numpy.typing import NDArray
from torch import Tensor

from xl_encoders.errors import EncoderError
from xl_encoders.model.encoder import Encoder
from xl_encoders.model.packing import encode_rows
from xl_encoders.reading.embedding import n_unpooled
from xl_encoders.reading.pooling import RowPooling
from xl_encoders.reading.tokens import encode_content, special_ids, wrap_rows
from xl_encoders.teaching.lessons import Lessons
from xl_encoders.training.part import Chunk, Encoded, OneJointLoss, Share
from xl_objectives import TeacherConfig


@dataclass(frozen=True, kw_only=True)
class TaughtRows:
    """Texts of a batch as id rows with specials, and what they are compared with.

    rows: of the texts, and behind them of as many translations, where the student reads these.
    targets: (texts, width), the teacher's. given: further keywords of the loss; tensors on the CPU.
    """

    rows: Sequence[Int[Tensor, " len"]]
    targets: Float[Tensor, "texts width"]
    given: dict[str, Tensor]


class TeacherPart(OneJointLoss):
    """An objective of family teacher on one stream of texts.

    lessons: what is read; with translations where the settings read pairs.
    name: of the logged loss. settings: of that objective.
    layer, pooling: how the encoder is read. batch: texts a batch, their translations not counted.
    tokens: most tokens of one forward pass. seed: decides the order of the texts.

    Raises EncoderError for no texts, missing translations, and a teacher of another width than the encoder's vectors.
    """

    def __init__(
        self,
        encoder: Encoder,
        lessons: Lessons,
        name: str,
        settings: TeacherConfig,
        *,
        layer: int = -1,
        pooling: str = "mean-all",
        batch: int = 32,
        tokens: int = 8192,
        seed: int = 1,
    ) -> None:
        super().__init__(name, tokens)
        self._layer, self._pooling = encoder.resolve_layer(layer), pooling
        self.vector_width = encoder.vector_width(self._layer, pooling)
        if not len(lessons):
            message = f"objective {name} has no texts to read."
            raise EncoderError(message)
        if lessons.vectors.shape[1] != self.vector_width:
            message = (
                f"the teacher's vectors have {lessons.vectors.shape[1]} dimensions and those of {encoder.name} "
                f"{self.vector_width}; take a teacher of the same width."
            )
            raise EncoderError(message)
        if settings.reads_pairs and lessons.pivots is None:
            message = f"objective {name} needs the translation of each text, and there are none."
            raise EncoderError(message)
        self._encoder = encoder
        self._lessons = lessons
        self._settings = settings
        self._loss = settings.loss_function()
        self._batch = min(batch, len(lessons))
        self._seed = seed
        self._special_ids = special_ids(encoder.tokenizer)
        self._n_unpooled = n_unpooled(encoder)
        self.n_cut = 0
        self._rows = self._encoded(lessons.texts)
        self._pivot_rows = self._encoded(lessons.pivots or ()) if settings.encodes_pivots else []
        self._own = np.unique(lessons.rows)
        self._text_ids = _numbers(lessons.texts)
        n_compared = len(self._own)
        self._bank = None
        if settings.reads_pairs and n_compared <= settings.most_compared:
            self._bank = self._vectors(self._own)
        self._epoch, self._order = -1, np.empty(0, dtype=np.int64)

    @property
    def n_per_epoch(self) -> int:
        """Batches in one pass over the texts."""
        return -(-len(self._lessons) // self._batch)

    def draw(self, number: int) -> TaughtRows:
        """Batch `number`; the last one of a pass is filled up with texts of the next."""
        epoch, place = divmod(number, self.n_per_epoch)
        start = place * self._batch
        members = self._epoch_order(epoch)[start : start + self._batch]
        if len(members) < self._batch:
            more = [text for text in self._epoch_order(epoch + 1).tolist() if text not in set(members.tolist())]
            members = np.concatenate([members, more[: self._batch - len(members)]]).astype(np.int64)
        rows = [self._rows[text] for text in members]
        if self._pivot_rows:
            rows += [self._pivot_rows[text] for text in members]
        own = self._lessons.rows[members]
        given = self._given(members, own) if self._settings.reads_pairs else {}
        return TaughtRows(rows=rows, targets=self._vectors(own), given=given)

    def encode(self, batch: TaughtRows, chunk: Chunk, share: Share, terms: Collection[str]) -> Encoded:
        """Vectors of a chunk's texts."""
        rows = [batch.rows[number] for number in chunk.rows]
        read = encode_rows(self._encoder, rows, {self._layer})
        content = ~torch.isin(torch.cat(rows), self._special_ids)
        device = self._encoder.device
        pool = RowPooling(read.row_lens, content, self._pooling, n_unpooled=self._n_unpooled, device=device)
        tail = self._encoder.tail_of(self._layer, self._pooling)
        # Without autocast, as `embed` pools: a product of matrices would be rounded to 16 bits again.
        with torch.autocast(device.type, enabled=False):
            states = read.layers[self._layer]
            pooled = pool(states.to(torch.promote_types(states.dtype, torch.float32)))
            return Encoded(pooled if tail is None else tail(pooled), {})

    def joint(self, batch: TaughtRows, vectors: Tensor, terms: Collection[str]) -> dict[str, Tensor]:
        """The loss over all texts of the batch."""
        given: dict[str, Any] = {key: tensor.to(vectors.device) for key, tensor in batch.given.items()}
        n_texts = len(batch.targets)
        if len(vectors) > n_texts:
            given["pivots"] = vectors[n_texts:]
        targets = batch.targets.to(vectors.device)
        return {self._name: self._loss(vectors[:n_texts], targets, **self._settings.arguments, **given)}

    def _given(self, members: NDArray[np.int64], own: NDArray[np.int64]) -> dict[str, Tensor]:
        """What the loss of pairs is given: the bank, the place there of each text's own, and numbers of texts."""
        if self._bank is None:
            others = [own]
            if self._lessons.nearest is not None and self._settings.n_mined:
                others.append(self._lessons.nearest[own][:, : self._settings.n_mined].ravel())
            held = np.unique(np.concatenate(others))
            bank = self._vectors(held)
        else:
            held, bank = self._own, self._bank
        text_ids = np.stack([self._text_ids[members], own])
        return {
            "bank": bank,
            "own": torch.from_numpy(np.searchsorted(held, own)),
            "text_ids": torch.from_numpy(text_ids),
        }

    def _vectors(self, rows: NDArray[np.int64]) -> Float[Tensor, "rows width"]:
        return torch.from_numpy(np.asarray(self._lessons.vectors[rows], dtype=np.float32))

    def _epoch_order(self, epoch: int) -> NDArray[np.int64]:
        """All texts in the order of a pass."""
        if epoch != self._epoch:
            random = np.random.default_rng([self._seed, epoch])
            if self._settings.n_together > 1 and self._lessons.nearest is not None:
                self._order = self._in_groups(random)
            else:
                # Of any length: a short text that all translations find is told by the long ones beside it.
                self._order = random.permutation(len(self._rows))
            self._epoch = epoch
        return self._order

    def _in_groups(self, random: np.random.Generator) -> NDArray[np.int64]:
        """Each text once: one at random, then those left whose translations lie nearest to its own, and so on."""
        nearest = self._lessons.nearest
        assert nearest is not None  # noqa: S101 - asked by the caller
        of_row: dict[int, list[int]] = {}
        for text, row in enumerate(self._lessons.rows.tolist()):
            of_row.setdefault(row, []).append(text)
        left = np.ones(len(self._lessons), dtype=bool)
        order: list[int] = []
        for text in random.permutation(len(self._lessons)).tolist():
            if not left[text]:
                continue
            left[text] = False
            order.append(text)
            near = (other for row in nearest[self._lessons.rows[text]].tolist() for other in of_row.get(row, ()))
            for other in [each for each in near if left[each]][: self._settings.n_together - 1]:
                left[other] = False
                order.append(other)
        return np.array(order, dtype=np.int64)

    def _encoded(self, texts: Sequence[str]) -> list[Tensor]:
        encoder = self._encoder
        rows, n_cut = encode_content(encoder.tokenizer, [encoder.prompt + text for text in texts], encoder.max_len)
        self.n_cut += n_cut
        return wrap_rows(rows, encoder.tokenizer)


def _numbers(texts: Sequence[str]) -> NDArray[np.int64]:
    """Equal numbers for equal texts."""
    numbers: dict[str, int] = {}
    return np.array([numbers.setdefault(text, len(numbers)) for text in texts], dtype=np.int64)
