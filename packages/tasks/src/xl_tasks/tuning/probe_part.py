"""The part that reads labelled texts through a probe: the probe is held, and the loss is of the encoder's weights."""

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from xl_encoders import encode_rows
from xl_encoders.reading.tokens import encode_content, special_ids, wrap_rows
from xl_encoders.training.pair_corpus import LengthBatches
from xl_encoders.training.part import Chunk, Encoded, Share, Term, by_length, pool_rows
from xl_tasks.errors import TaskError
from xl_tasks.examples import Example, TextExample
from xl_tasks.problems.classification.problem import ClassificationProblem
from xl_tasks.tuning.config import TuningConfig
from xl_tasks.tuning.probe import fit_probe
from xl_tasks.units.choosing import input_unit

if TYPE_CHECKING:
    from xl_encoders import Encoder

# Tokens of one forward pass.
_TOKENS = 8192


class ProbePart:
    """Cross-entropy of a linear probe, as it is now fitted to `train`, on batches of its texts.

    name: of the loss and its objective. labels: of the classes. train, dev: examples of one text each, of `language`; C
    is chosen on dev. layer, pooling: where the encoder is read. Raises TaskError for examples of two texts, and for
    what `fit_probe` refuses.
    """

    def __init__(
        self,
        encoder: "Encoder",
        name: str,
        labels: Sequence[str],
        train: Sequence[Example],
        dev: Sequence[Example],
        language: str,
        *,
        layer: int,
        pooling: str,
        batch: int = 32,
        seed: int = 1,
    ) -> None:
        texts = [example for example in train if isinstance(example, TextExample) and not example.second]
        if len(texts) < len(train) or not texts:
            message = f"{name}: its examples are not single texts with a class; name a task such as sib200 or taxi1500."
            raise TaskError(message)
        self._encoder, self._name, self._pooling = encoder, name, pooling
        self._layer = encoder.resolve_layer(layer)
        config = TuningConfig(mode="probe", max_len=encoder.max_len)
        unit = input_unit("subword", encoder.tokenizer)
        problem = ClassificationProblem(encoder.tokenizer, labels, unit=unit, config=config)
        fitted = fit_probe(
            encoder, problem, {language: texts}, {language: dev}, config, layer=self._layer, pooling=pooling
        )
        scaled = fitted.line.weight / fitted.line.deviation
        self._weight = torch.tensor(scaled, dtype=torch.float32)
        self._bias = torch.tensor(fitted.line.bias - scaled @ fitted.line.mean, dtype=torch.float32)
        self._classes = torch.tensor([list(labels).index(example.label) for example in texts])
        rows, _ = encode_content(encoder.tokenizer, [example.first for example in texts], encoder.max_len)
        self._rows = wrap_rows(rows, encoder.tokenizer)
        self._specials = special_ids(encoder.tokenizer)
        lengths = np.array([len(row) for row in self._rows], dtype=np.int64)
        self._batches = LengthBatches(lengths, batch=min(batch, len(texts)), seed=seed)

    @property
    def terms(self) -> Mapping[str, Term]:
        """The loss of the task."""
        return {self._name: Term(self._name)}

    @property
    def joint_terms(self) -> frozenset[str]:
        """None: the loss is a sum over texts."""
        return frozenset()

    @property
    def n_per_epoch(self) -> int:
        """Batches in one pass over the texts."""
        return self._batches.n_per_epoch

    def draw(self, number: int) -> Sequence[int]:
        """Numbers of the texts of batch `number`."""
        return self._batches[number]

    def chunks(self, batch: Sequence[int], share: Share, terms: Collection[str]) -> list[Chunk]:
        """The texts of this process, of like length together."""
        own = [place for place in range(len(batch)) if place % share.world == share.rank]
        groups = by_length(own, [len(self._rows[number]) for number in batch], _TOKENS) if terms else []
        return [Chunk(rows=rows, slots=torch.empty(0, dtype=torch.int64)) for rows in groups]

    def encode(self, batch: Sequence[int], chunk: Chunk, share: Share, terms: Collection[str]) -> Encoded:
        """The loss of a chunk's texts, as a share of the mean over the batch."""
        numbers = [batch[place] for place in chunk.rows]
        rows = [self._rows[number] for number in numbers]
        states = encode_rows(self._encoder, rows, {self._layer})
        content = ~torch.isin(torch.cat(rows), self._specials)
        vectors = pool_rows(states.layers[self._layer], states.row_lens, content, self._pooling).float()
        logits = vectors @ self._weight.T.to(vectors.device) + self._bias.to(vectors.device)
        target = self._classes[numbers].to(vectors.device)
        loss = functional.cross_entropy(logits, target, reduction="sum") / len(batch)
        return Encoded(vectors[:0], {self._name: loss})

    def joint(self, batch: Any, vectors: Tensor, terms: Collection[str]) -> dict[str, Tensor]:
        """Nothing is joint."""
        return {}
