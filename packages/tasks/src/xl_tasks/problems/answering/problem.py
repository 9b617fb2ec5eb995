"""Question answering for the fine-tuning loop: windows of contexts as inputs, spans as targets and predictions."""

import logging
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional
from transformers import PreTrainedTokenizerBase

from xl_encoders.reading.pair_form import pair_form
from xl_tasks.errors import TaskError
from xl_tasks.examples import Answer, Example, Question
from xl_tasks.problems.answering.located_tokens import LocatedTokens, locate_tokens
from xl_tasks.problems.answering.spans import AnswerCandidate, Place, candidates
from xl_tasks.problems.answering.windows import windows
from xl_tasks.scoring.measures import Measure
from xl_tasks.tuning.config import TuningConfig
from xl_tasks.tuning.problem import Feature
from xl_tasks.units.unit import Unit

_log = logging.getLogger(__name__)

NO_SPAN = (0, 0)
"""Target of a window without the answer: the first special, as BERT has it."""


class AnsweringProblem:
    """Extractive question answering: the answer is a span of the context.

    An input is the question, cut to `config.query_len` tokens, and a window of the context, joined as the tokenizer
    joins two texts, at most `config.max_len` tokens in all; a window starts `config.window_step` tokens behind the one
    before it. Targets are the first and last token that touch the first gold answer, (0, 0) in windows that do not hold
    all of them: those are trained on too, as the papers do.

    no_answer: whether "" is a possible prediction, scored by the first special; None says yes once an example without
        answers was trained on.
    """

    kind = "answering"
    n_outputs = 2

    def __init__(
        self,
        tokenizer: PreTrainedTokenizerBase,
        labels: Sequence[str] = (),
        *,
        unit: Unit,
        config: TuningConfig,
        metrics: Sequence[str] = (),
        no_answer: bool | None = None,
    ) -> None:
        self.labels = tuple(labels)
        self.no_answer = bool(no_answer)
        self._learns_no_answer = no_answer is None
        self._tokenizer = tokenizer
        self._unit = unit
        self._config = config
        self._metrics = tuple(metrics)
        self._form = pair_form(tokenizer)
        self._located: dict[tuple[str, str], LocatedTokens] = {}
        self._question_ids: dict[tuple[str, str], list[int]] = {}

    def features(self, examples: Sequence[Example], language: str, *, training: bool) -> list[Feature]:
        """The windows of all questions, in their order.

        training: sets targets, and leaves out questions whose answer no window holds whole.
        TaskError where the question leaves no room for the context.
        """
        asked = _questions(examples)
        self._tokenise(asked, language)
        if training and self._learns_no_answer and not all(question.answers for question in asked):
            self.no_answer = True
        features: list[Feature] = []
        n_lost = 0
        for number, question in enumerate(asked):
            made = self._windows(number, question, language, training=training)
            lost = training and bool(question.answers) and all(feature.target == NO_SPAN for feature in made)
            n_lost += lost
            features += [] if lost else made
        if n_lost:
            _log.warning("%d of %d questions are not trained on: no window has the answer.", n_lost, len(asked))
        return features

    def targets(self, batch: Sequence[Feature], length: int) -> Tensor:
        """(batch, 3) int64: first and last token of the answer, and the number of real tokens of the input.

        length: tokens that the batch is padded to.
        """
        rows = [(*(feature.target or NO_SPAN), len(feature.ids)) for feature in batch]
        if any(n > length for _, _, n in rows):
            message = f"a feature of {max(n for _, _, n in rows)} tokens does not fit a batch of {length}."
            raise TaskError(message)
        return torch.tensor(rows, dtype=torch.int64).reshape(-1, 3)

    def loss(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Mean of the cross entropies of first and last token over the real tokens of each input.

        logits: (batch, len, 2). targets: (batch, 3) of `targets`. Padding does not take part, so that the loss of an
        input does not depend on its batch.
        """
        padding = torch.arange(logits.shape[1], device=logits.device) >= targets[:, 2:]  # (B, L)
        scores = logits.float().masked_fill(padding[..., None], -torch.inf)
        first, last = (functional.cross_entropy(scores[..., i], targets[:, i]) for i in range(2))
        return (first + last) / 2

    def decode(
        self, examples: Sequence[Example], features: Sequence[Feature], logits: Sequence[NDArray[np.float32]]
    ) -> list[str]:
        """The best answer of each question, a slice of its context; "" for no answer."""
        best = self.n_best_answers(examples, features, logits)
        return [answers[0].text if answers else "" for answers in best]

    def n_best_answers(
        self, examples: Sequence[Example], features: Sequence[Feature], logits: Sequence[NDArray[np.float32]]
    ) -> list[list[AnswerCandidate]]:
        """The `config.n_best` best answers of each question with their probabilities, best first.

        logits: (len, 2) a feature, without padding.
        """
        asked = _questions(examples)
        by_example: list[tuple[list[Place], list[NDArray[np.float32]]]] = [([], []) for _ in asked]
        for feature, values in zip(features, logits, strict=True):
            places, scores = by_example[feature.example]
            if values.shape != (len(feature.ids), 2):
                message = f"logits of shape {tuple(values.shape)} for a feature of {len(feature.ids)} tokens."
                raise TaskError(message)
            places.append(feature.place)
            scores.append(values)
        return [
            candidates(
                question.context,
                *by_example[number],
                answer_len=self._config.answer_len,
                n_best=self._config.n_best,
                no_answer=self.no_answer,
            )
            for number, question in enumerate(asked)
        ]

    def measures(self, examples: Sequence[Example], predictions: Sequence[Any], language: str) -> list[Measure]:
        """F1 and exact match by English and by the language's own normalisation, the main one first.

        A question on a context of another language is normalised as that one: the answer is a part of the context.
        """
        from xl_tasks.scoring.answers import answer_measures

        asked = _questions(examples)
        gold = [[answer.text for answer in question.answers] or [""] for question in asked]
        spoken = np.array([question.context_language or language for question in asked], dtype=object)
        measures: dict[str, Measure] = {}
        for code in sorted(set(spoken.tolist())) or [language]:
            places = np.flatnonzero(spoken == code)
            part = answer_measures([gold[i] for i in places], [predictions[i] for i in places], code)
            for measure in part:
                whole = measures.setdefault(
                    measure.metric,
                    Measure(
                        metric=measure.metric, form=measure.form, stats=np.zeros((len(asked), measure.stats.shape[1]))
                    ),
                )
                whole.stats[places] = measure.stats
        return sorted(measures.values(), key=lambda measure: measure.metric not in self._metrics[:1])

    def _windows(self, number: int, question: Question, language: str, *, training: bool) -> list[Feature]:
        ids = self._question_ids[language, question.question]
        context = self._located[question.context_language or language, question.context]
        room = self._config.max_len - self._form.n_specials - len(ids)
        if room < 1:
            message = (
                f"max_len is {self._config.max_len}, which leaves no room for a context beside a question of "
                f"{len(ids)} tokens; give a larger max_len or a smaller query_len."
            )
            raise TaskError(message)
        offset = len(self._form.before) + len(ids) + len(self._form.between)
        cuts = tuple(windows(len(context.ids), room, self._config.window_step))
        answer = _touching(context.spans, question.answers[0]) if training and question.answers else None
        return [
            Feature(
                ids=self._form.ids(ids, context.ids[first:end]),
                content=self._form.content(len(ids), end - first),
                types=self._form.token_types(len(ids), end - first),
                target=_target(answer, first, end, offset) if training else None,
                example=number,
                place=Place(offset, context.spans[first:end], window, cuts),
            )
            for window, (first, end) in enumerate(cuts)
        ]

    def _tokenise(self, questions: Sequence[Question], language: str) -> None:
        """Tokenise what was not tokenised before: each question and each context once."""
        new_questions = dict.fromkeys(q.question for q in questions if (language, q.question) not in self._question_ids)
        if new_questions:
            texts = self._unit.texts(list(new_questions), language)
            rows = self._tokenizer(texts, add_special_tokens=False, return_attention_mask=False, verbose=False)
            for text, row in zip(new_questions, rows["input_ids"], strict=True):
                self._question_ids[language, text] = row[: self._config.query_len]
        contexts = dict.fromkeys((q.context_language or language, q.context) for q in questions)
        new = [pair for pair in contexts if pair not in self._located]
        aligned = [self._unit.aligned(text, code) for code, text in new]
        located = locate_tokens(self._tokenizer, aligned, [text for _, text in new])
        self._located.update(zip(new, located, strict=True))


def _questions(examples: Sequence[Example]) -> list[Question]:
    questions = [example for example in examples if isinstance(example, Question)]
    if len(questions) < len(examples):
        other = next(example for example in examples if not isinstance(example, Question))
        message = f"question answering needs questions, not {type(other).__name__}."
        raise TaskError(message)
    return questions


def _touching(spans: NDArray[np.int64], answer: Answer) -> tuple[int, int] | None:
    """First and last token of a context that have a character of `answer`; None for no token."""
    starts, ends = spans[:, 0], spans[:, 1]
    tokens = np.flatnonzero((starts < ends) & (starts < answer.start + len(answer.text)) & (ends > answer.start))
    return (int(tokens[0]), int(tokens[-1])) if len(tokens) else None


def _target(answer: tuple[int, int] | None, first: int, end: int, offset: int) -> tuple[int, int]:
    """The tokens of an answer as places in the input of the window [first, end); NO_SPAN if it does not hold both."""
    if answer is None or answer[0] < first or answer[1] >= end:
        return NO_SPAN
    return answer[0] - first + offset, answer[1] - first + offset
