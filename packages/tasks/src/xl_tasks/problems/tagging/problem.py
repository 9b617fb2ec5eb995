"""Tagging as a problem for the fine-tuning loop: a tag for each word, learnt and read at the word's first token."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional
from transformers import PreTrainedTokenizerBase

from xl_tasks.errors import TaskError
from xl_tasks.examples import Example, TaggedSentence
from xl_tasks.problems.tagging.windows import Window, word_windows
from xl_tasks.scoring.measures import Measure
from xl_tasks.tuning.config import TuningConfig
from xl_tasks.tuning.problem import Feature
from xl_tasks.units.unit import Unit

NO_TAG = -100
"""Target of a token that carries no tag: the rest of a word, spaces and separators, specials, padding."""


class TaggingProblem:
    """Tags of words: entities in IOB2, parts of speech, or any others.

    A sentence longer than `config.max_len` tokens becomes several features (see `windows`); none of its words is lost.
    Tags are what the model says, word by word: no rule of IOB2 is put upon them.
    """

    kind = "tagging"

    def __init__(
        self,
        tokenizer: PreTrainedTokenizerBase,
        labels: Sequence[str],
        *,
        unit: Unit,
        config: TuningConfig,
        metrics: Sequence[str] = (),
    ) -> None:
        """The problem for one tokenizer.

        labels: all tags of the data set; their order numbers the classes.
        unit: what the model reads in the place of each word.
        metrics: names of the task's metrics; the first is its main one.

        TaskError without labels, and for one label twice.
        """
        if not labels or len(set(labels)) != len(labels):
            message = f"labels are {', '.join(labels) or 'none'}; give each tag of the data set once."
            raise TaskError(message)
        self.labels = tuple(labels)
        self.n_outputs = len(self.labels)
        self._numbers = {label: number for number, label in enumerate(self.labels)}
        self._tokenizer = tokenizer
        self._unit = unit
        self._max_len = config.max_len
        # A bare "▁" is a word's first token, as in XTREME; its frozen state, though, says little of the word.
        self._marker = config.mode != "probe"
        self._metrics = tuple(metrics)
        self._typed = "token_type_ids" in tokenizer.model_input_names
        self._windows: dict[tuple[str, tuple[str, ...]], list[Window]] = {}

    @property
    def scheme(self) -> str:
        """How the metrics read the tags: "iob2" for entities, else "plain"."""
        marked = any(label.startswith(("B-", "I-")) for label in self.labels)
        return "iob2" if marked and "O" in self._numbers else "plain"

    def features(self, examples: Sequence[Example], language: str, *, training: bool) -> list[Feature]:
        """The windows of `examples` with the numbers of their tags, in order; a sentence is tokenised once.

        TaskError for a tag that is none of `labels`. `training` changes nothing: every sentence has tags.
        """
        sentences = [_sentence(example) for example in examples]
        return [
            self._feature(window, sentence, number)
            for number, (sentence, windows) in enumerate(
                zip(sentences, self._tokenised(sentences, language), strict=True)
            )
            for window in windows
        ]

    def targets(self, batch: Sequence[Feature], length: int) -> Tensor:
        """(batch, length) int64: the tag's number at the first token of each word, `NO_TAG` elsewhere."""
        targets = torch.full((len(batch), length), NO_TAG, dtype=torch.int64)
        for row, feature in zip(targets, batch, strict=True):
            row[: len(feature.target)] = torch.tensor(feature.target, dtype=torch.int64)
        return targets

    def loss(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Mean cross-entropy of the batch's words, a scalar; 0 for a batch without any.

        logits: (batch, length, n_outputs). targets: (batch, length) int64, `NO_TAG` for none.
        """
        tagged = targets != NO_TAG
        # A mean over no word is not a number; the sum over none is 0 and keeps the graph.
        return functional.cross_entropy(
            logits[tagged].float(), targets[tagged], reduction="sum"
        ) / tagged.sum().clamp_min(1)

    def decode(
        self, examples: Sequence[Example], features: Sequence[Feature], logits: Sequence[NDArray[np.float32]]
    ) -> list[tuple[str, ...]]:
        """The tags of each example, one a word.

        logits: one (len, n_outputs) array a feature, without padding.

        TaskError where the features are not all those of `examples`.
        """
        numbers = [np.full(len(_sentence(example).words), NO_TAG, dtype=np.int64) for example in examples]
        for feature, scores in zip(features, logits, strict=True):
            first_word, firsts = feature.place
            best = scores[firsts, : self.n_outputs].argmax(axis=-1)
            numbers[feature.example][first_word : first_word + len(firsts)] = best
        for example, found in zip(examples, numbers, strict=True):
            if (found == NO_TAG).any():
                message = (
                    f"sentence {_sentence(example).key!r} has words that no feature covers; give all its features."
                )
                raise TaskError(message)
        return [tuple(self.labels[number] for number in found) for found in numbers]

    def measures(self, examples: Sequence[Example], predictions: Sequence[Any], language: str) -> list[Measure]:
        """The metrics of the tags, the task's main one first; one line of statistics a sentence."""
        from xl_tasks.scoring.tagging import tagging_measures

        gold = [_sentence(example).tags for example in examples]
        measures = tagging_measures(gold, predictions, self.labels, scheme=self.scheme)
        main = self._metrics[:1]
        return sorted(measures, key=lambda measure: measure.metric not in main)

    def parts(self, measures: Sequence[Measure]) -> list[tuple[str, float, int]]:
        """The score of each part of speech or type of entity, see `tag_scores`."""
        from xl_tasks.scoring.tagging import tag_scores

        return tag_scores(measures, self.labels, scheme=self.scheme)

    def _tokenised(self, sentences: Sequence[TaggedSentence], language: str) -> list[list[Window]]:
        new = list(dict.fromkeys(s.words for s in sentences if (language, s.words) not in self._windows))
        if new:
            words = self._unit.words(new, language)
            windows = word_windows(
                self._tokenizer, words, self._max_len, separator=self._unit.separator, marker=self._marker
            )
            self._windows.update(((language, key), cut) for key, cut in zip(new, windows, strict=True))
        return [self._windows[language, sentence.words] for sentence in sentences]

    def _feature(self, window: Window, sentence: TaggedSentence, number: int) -> Feature:
        target = [NO_TAG] * len(window.ids)
        tags = sentence.tags[window.first_word : window.first_word + len(window.firsts)]
        for place, tag in zip(window.firsts, tags, strict=True):
            if tag not in self._numbers:
                message = f"sentence {sentence.key!r}: tag {tag!r} is none of {', '.join(self.labels)}."
                raise TaskError(message)
            target[place] = self._numbers[tag]
        return Feature(
            ids=list(window.ids),
            content=[False, *[True] * (len(window.ids) - 2), False],
            types=[0] * len(window.ids) if self._typed else None,
            target=target,
            example=number,
            place=(window.first_word, list(window.firsts)),
        )


def _sentence(example: Example) -> TaggedSentence:
    if not isinstance(example, TaggedSentence):
        message = f"example {example.key!r} is no tagged sentence; tagging takes examples of kind 'tagging'."
        raise TaskError(message)
    return example
