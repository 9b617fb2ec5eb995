"""What a kind of task tells the fine-tuning loop: examples as token ids, a loss, and logits as predictions."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from xl_tasks.examples import Example
from xl_tasks.scoring.measures import Measure


@dataclass(frozen=True, slots=True, kw_only=True)
class Feature:
    """One input of the model. An example may give several: windows of a long sentence or context.

    ids: token ids, specials included, at most the model's limit.
    content: for each token whether it is text; false for specials. Only these are perturbed.
    types: token type ids (BERT's segments); None where the model has none.
    target: what the loss compares with: class number, one tag number a token (-100 for none), or (start, end) tokens.
    example: number of the example it comes from, in the sequence given to `features`.
    place: what `decode` needs to find the way back from tokens to the example; differs by kind.
    """

    ids: list[int]
    content: list[bool]
    types: list[int] | None = None
    target: Any = None
    example: int
    place: Any = None


class Problem(Protocol):
    """A kind of task with its labels and the way its texts become tokens. It holds no weights."""

    @property
    def kind(self) -> str:
        """A name of `xl_tasks.examples.KINDS`."""
        ...

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of the classes or tags, by number; empty for answering."""
        ...

    @property
    def n_outputs(self) -> int:
        """Width of the logits."""
        ...

    def features(self, examples: Sequence[Example], language: str, *, training: bool) -> list[Feature]:
        """The inputs of `examples`, in their order. `training` leaves out what cannot be learnt from."""
        ...

    def targets(self, batch: Sequence[Feature], length: int) -> Tensor:
        """The targets of a batch padded to `length` tokens, int64: (batch,), (batch, length) or (batch, 3).

        The last, of answering, are first and last token and the number of real ones.
        """
        ...

    def loss(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Mean loss of a batch, a scalar. logits: (batch, [length,] n_outputs)."""
        ...

    def decode(
        self, examples: Sequence[Example], features: Sequence[Feature], logits: Sequence[NDArray[np.float32]]
    ) -> list[Any]:
        """One prediction an example: a label, a tuple of tags (one a word), or the text of an answer.

        logits: one array a feature, without padding: (n_labels,), (len, n_labels) or (len, 2).
        """
        ...

    def measures(self, examples: Sequence[Example], predictions: Sequence[Any], language: str) -> list[Measure]:
        """The metrics of the task, the main one first; one line of statistics an example."""
        ...
