"""Classes of texts and of pairs of texts: topics, inference, paraphrases."""

import logging
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from xl_encoders.reading.pair_types import pair_types
from xl_encoders.reading.tokens import special_ids
from xl_encoders.registry import unknown_name
from xl_tasks.errors import TaskError
from xl_tasks.examples import Example, TextExample
from xl_tasks.scoring.measures import Measure
from xl_tasks.tuning.config import TuningConfig
from xl_tasks.tuning.problem import Feature
from xl_tasks.units.unit import Unit

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

_log = logging.getLogger(__name__)


class _Tokens(NamedTuple):
    """Ids and token types of one input, compact: thousands of examples are kept. types: None where there are none."""

    ids: NDArray[np.int32]
    types: NDArray[np.int8] | None


class ClassificationProblem:
    """Texts, or pairs of texts, and their classes.

    labels: names of the classes, by number.
    unit: what the model reads. Both sides of a pair pass through it, each with its own language.
    config: `max_len` is the longest input; what is longer loses the end of its longer side.
    metrics: the first one is put first among the measures.

    A pair takes the tokenizer's own form: `<s> A </s></s> B </s>`, or `[CLS] A [SEP] B [SEP]` with token types.
    """

    kind = "classification"

    def __init__(
        self,
        tokenizer: "PreTrainedTokenizerBase",
        labels: Sequence[str],
        *,
        unit: Unit,
        config: TuningConfig,
        metrics: Sequence[str] = (),
    ) -> None:
        if len(labels) < 2 or len(set(labels)) < len(labels):
            message = f"labels are {', '.join(labels) or 'none'}; give at least two, all different."
            raise TaskError(message)
        self.labels = tuple(labels)
        self._tokenizer = tokenizer
        self._unit = unit
        self._max_len = config.max_len
        self._metrics = tuple(metrics)
        self._numbers = {label: number for number, label in enumerate(labels)}
        self._specials = frozenset(special_ids(tokenizer).tolist())
        self._has_types = "token_type_ids" in tokenizer.model_input_names
        self._known: dict[tuple[str, str, str, str], _Tokens] = {}
        self._warned = False

    @property
    def n_outputs(self) -> int:
        """Number of classes."""
        return len(self.labels)

    def features(self, examples: Sequence[Example], language: str, *, training: bool) -> list[Feature]:
        """One input an example, in their order. Each text is tokenised once in the life of the problem.

        Raises TaskError for a label that is none of `labels`.
        """
        texts = [_text_example(example) for example in examples]
        keys = [_key(example, language) for example in texts]
        self._tokenise({key for key in keys if key not in self._known})
        features = []
        for number, (example, key) in enumerate(zip(texts, keys, strict=True)):
            tokens = self._known[key]
            ids = tokens.ids.tolist()
            features.append(
                Feature(
                    ids=ids,
                    content=[i not in self._specials for i in ids],
                    types=None if tokens.types is None else tokens.types.tolist(),
                    target=self._number(example),
                    example=number,
                )
            )
        return features

    def sides(self, examples: Sequence[Example], language: str) -> tuple[list[str], list[str] | None]:
        """First and second texts as the model reads them; None for second ones where no example has one."""
        texts = [_text_example(example) for example in examples]
        firsts = self._read((example.first, language) for example in texts)
        if not any(example.second for example in texts):
            return firsts, None
        return firsts, self._read((example.second, example.second_language or language) for example in texts)

    def targets(self, batch: Sequence[Feature], length: int) -> Tensor:
        """(batch,) int64 class numbers."""
        return torch.tensor([feature.target for feature in batch])

    def loss(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Cross-entropy in nats, mean over the batch. logits: (batch, n_labels). targets: (batch,) int64."""
        return functional.cross_entropy(logits.float(), targets)

    def decode(
        self, examples: Sequence[Example], features: Sequence[Feature], logits: Sequence[NDArray[np.float32]]
    ) -> list[str]:
        """The label of the largest logit of each example; the first of equal ones."""
        return [self.labels[int(np.argmax(row))] for row in logits]

    def measures(self, examples: Sequence[Example], predictions: Sequence[str], language: str) -> list[Measure]:
        """Accuracy and macro-F1, the main one first."""
        from xl_tasks.scoring.classification import classification_measures

        gold = [_text_example(example).label for example in examples]
        measures = classification_measures(gold, list(predictions), self.labels)
        first = self._metrics[:1]
        return sorted(measures, key=lambda measure: measure.metric not in first)

    def _number(self, example: TextExample) -> int:
        if example.label not in self._numbers:
            message = f"example {example.key}: {unknown_name('label', example.label, list(self.labels))}"
            raise TaskError(message)
        return self._numbers[example.label]

    def _read(self, sides: Iterable[tuple[str, str]]) -> list[str]:
        """Texts as the unit gives them, each in its language; one call of the unit a language."""
        sides = list(sides)
        texts_read = [""] * len(sides)
        for language in dict.fromkeys(code for _, code in sides):
            places = [i for i, (text, code) in enumerate(sides) if code == language and text]
            for place, text in zip(places, self._unit.texts([sides[i][0] for i in places], language), strict=True):
                texts_read[place] = text
        return texts_read

    def _tokenise(self, keys: Iterable[tuple[str, str, str, str]]) -> None:
        keys = sorted(keys)
        pairs = [key for key in keys if key[1]]
        alone = [key for key in keys if not key[1]]
        for group in (alone, pairs):
            if not group:
                continue
            texts = [self._read((key[0], key[2]) for key in group)]
            if group is pairs:
                texts.append(self._read((key[1], key[3]) for key in group))
            n_cut = 0
            for number, tokens in enumerate(self._encode(*texts, cut=False)):
                if len(tokens.ids) > self._max_len:
                    n_cut += 1
                    [tokens] = self._encode(*([side[number]] for side in texts), cut=True)
                self._known[group[number]] = tokens
            if n_cut and not self._warned:
                self._warned = True
                _log.warning("%d of %d texts are cut to %d tokens.", n_cut, len(group), self._max_len)

    def _encode(self, firsts: list[str], seconds: list[str] | None = None, *, cut: bool) -> list[_Tokens]:
        with _no_word_of_overflow():
            encoded = self._tokenizer(
                firsts,
                seconds,
                truncation="longest_first" if cut else False,
                max_length=self._max_len if cut else None,
                return_attention_mask=False,
                return_token_type_ids=self._has_types,
                verbose=False,
            )
        rows = [np.array(row, dtype=np.int32) for row in encoded["input_ids"]]
        if not self._has_types:
            return [_Tokens(row, None) for row in rows]
        all_types = encoded["token_type_ids"]
        if seconds:
            pairs = zip(encoded["input_ids"], all_types, strict=True)
            all_types = [pair_types(self._tokenizer, ids, types) for ids, types in pairs]
        return [_Tokens(row, np.array(types, dtype=np.int8)) for row, types in zip(rows, all_types, strict=True)]


@contextmanager
def _no_word_of_overflow() -> Generator[None]:
    """Tokenizers written in Python say of each pair that they cut that what they cut off is not returned."""
    logger = logging.getLogger("transformers.tokenization_python")
    before, logger.disabled = logger.disabled, True
    try:
        yield
    finally:
        logger.disabled = before


def _key(example: TextExample, language: str) -> tuple[str, str, str, str]:
    second_language = (example.second_language or language) if example.second else ""
    return example.first, example.second, language, second_language


def _text_example(example: Example) -> TextExample:
    if not isinstance(example, TextExample):
        message = f"example {example.key} is a {type(example).__name__}; classification takes texts with a label."
        raise TaskError(message)
    return example
