"""The part of training that reads static word vectors, against words encoded alone (DCCA, MSE; Haemmerl et al. 2022).

Each word stands by itself between the tokenizer's specials and is pooled over its sub-words; its static vector is a
constant. The batch is the sample of the correlation: 1024 words by default, drawn over all languages alike.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from xl_encoders.errors import EncoderError
from xl_encoders.model.encoder import Encoder
from xl_encoders.model.packing import encode_rows
from xl_encoders.reading.tokens import encode_content, special_ids, wrap_rows
from xl_encoders.training.pair_corpus import LengthBatches
from xl_encoders.training.part import Chunk, Encoded, OneJointLoss, Share, by_length, pool_rows
from xl_encoders.training.static_words import TeacherWords
from xl_objectives import WordVectorConfig

# Words whose states are measured before training, to give the targets their length.
_MEASURED = 2048


@dataclass(frozen=True, kw_only=True)
class WordRows:
    """Words of a batch as id rows with specials, and their static vectors, (words, width) of length 1."""

    rows: Sequence[Int[Tensor, " len"]]
    targets: Float[Tensor, "words width"]


class VectorPart(OneJointLoss):
    """An objective of family word-vectors on one stream of words.

    name: of the logged loss. settings: of that objective.
    batch: words a batch. tokens: most tokens of one forward pass. seed: decides the order of the words.
    temperature: of sampling over languages, as `LengthBatches` takes it.

    Raises EncoderError for vectors of another width than the encoder's where the settings need the same.
    """

    def __init__(
        self,
        encoder: Encoder,
        words: TeacherWords,
        name: str,
        settings: WordVectorConfig,
        *,
        batch: int = 1024,
        tokens: int = 8192,
        seed: int = 1,
        temperature: float = 1.0,
    ) -> None:
        super().__init__(name, tokens)
        if settings.needs_width and words.vectors.shape[1] != encoder.width:
            message = (
                f"objective {name} compares coordinate by coordinate, but the vectors have {words.vectors.shape[1]} "
                f"dimensions and {encoder.name} {encoder.width}; take dcca, or vectors of the encoder's width."
            )
            raise EncoderError(message)
        self._encoder = encoder
        self._words = words
        self._settings = settings
        self._loss = settings.loss_function()
        self._batch = min(batch, len(words.words))
        self._layer = encoder.resolve_layer(settings.layer)
        self._special_ids = special_ids(encoder.tokenizer)
        max_len = min(settings.max_len, encoder.max_len)
        rows, self.n_cut = encode_content(encoder.tokenizer, words.words, max_len)
        self._rows = wrap_rows(rows, encoder.tokenizer)
        # Words of like length in a batch would make it a biased sample of the language: the order is random.
        self._batches = LengthBatches(
            np.zeros(len(rows), dtype=np.int64),
            batch=self._batch,
            seed=seed,
            groups=words.groups,
            temperature=temperature,
        )
        self._norm = {"norm": self._mean_norm()} if settings.takes_norm else {}

    @property
    def n_per_epoch(self) -> int:
        """Batches in one pass over the words."""
        return self._batches.n_per_epoch

    def draw(self, number: int) -> WordRows:
        """Batch `number`."""
        members = list(self._batches[number])
        following = number
        while len(members) < self._batch:  # the last batch of a pass: a small sample would be all noise
            following += 1
            members += self._batches[following][: self._batch - len(members)]
        vectors = np.asarray(self._words.vectors[members], dtype=np.float32)
        norms = np.linalg.norm(vectors, axis=1, keepdims=True)
        targets = torch.from_numpy(vectors / np.where(norms > 0, norms, 1))
        return WordRows(rows=[self._rows[i] for i in members], targets=targets)

    def encode(self, batch: WordRows, chunk: Chunk, share: Share, terms: Collection[str]) -> Encoded:
        """Vectors of a chunk's words."""
        return Encoded(self._vectors([batch.rows[row] for row in chunk.rows]), {})

    def joint(self, batch: WordRows, vectors: Tensor, terms: Collection[str]) -> dict[str, Tensor]:
        """The loss over all words of the batch."""
        targets = batch.targets.to(vectors.device)
        return {self._name: self._loss(vectors, targets, **self._settings.arguments, **self._norm)}

    def _vectors(self, rows: Sequence[Tensor]) -> Tensor:
        states = encode_rows(self._encoder, rows, {self._layer})
        content = ~torch.isin(torch.cat(list(rows)), self._special_ids)
        return pool_rows(states.layers[self._layer], states.row_lens, content, self._settings.pooling)

    def _mean_norm(self) -> float:
        """Mean length of the words' vectors as training starts: constant targets hold the encoder where it was."""
        step = max(1, len(self._rows) // _MEASURED)
        sample = self._rows[::step]
        training = self._encoder.training
        self._encoder.eval()
        with torch.no_grad():
            groups = by_length(range(len(sample)), [len(row) for row in sample], self._tokens)
            norms = [self._vectors([sample[i] for i in group]).norm(dim=1) for group in groups]
        self._encoder.train(training)
        return float(torch.cat(norms).mean())
