"""From logits to answers: the best spans of windows, as SQuAD's baseline of BERT compares them."""

from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from xl_tasks.errors import TaskError
from xl_tasks.problems.answering.windows import fullest_window

Counts: TypeAlias = Callable[[NDArray[np.int64], NDArray[np.int64]], NDArray[np.bool_]]


class Place(NamedTuple):
    """Where the context of a window lies in the input and in the original text.

    offset: place of the window's first context token in the input.
    spans: (n, 2) int64, start and end of each context token in the original, in code points; start = end for none.
    number: of this window among `cuts`, which has (first, end) of all windows in tokens of the context.
    """

    offset: int
    spans: NDArray[np.int64]
    number: int
    cuts: tuple[tuple[int, int], ...]

    def is_fullest(self, first: NDArray[np.int64], last: NDArray[np.int64]) -> NDArray[np.bool_]:
        """For spans of tokens, counted in this window, whether none has them in a fuller context: (k,) bool."""
        if len(self.cuts) == 1:
            return np.ones(len(first), dtype=np.bool_)
        begin = self.cuts[self.number][0]
        return fullest_window(self.cuts, first + begin, last + begin) == self.number


class AnswerCandidate(NamedTuple):
    """A possible answer.

    text: slice of the original context; "" for no answer.
    start, end: its place in code points; (0, 0) for no answer.
    score: sum of the logits of its first and last token.
    probability: softmax of the scores over the candidates of the question.
    """

    text: str
    start: int
    end: int
    score: float
    probability: float


class TokenSpans(NamedTuple):
    """Spans of tokens, best first: first and last token, (k,) int64 each, and scores, (k,) float64."""

    first: NDArray[np.int64]
    last: NDArray[np.int64]
    scores: NDArray[np.float64]


def best_spans(
    logits: NDArray[np.floating],
    *,
    can_start: NDArray[np.bool_],
    can_end: NDArray[np.bool_],
    answer_len: int,
    n_best: int,
    counts: Counts | None = None,
) -> TokenSpans:
    """The spans of at most `answer_len` tokens among the `n_best` best first and the `n_best` best last tokens.

    logits: (n, 2) scores of each token as the first and as the last one.
    can_start, can_end: (n,) bool.
    counts: says of spans, by their first and last tokens, which count; None for all.

    At most `n_best` spans, equal scores in the order of the text. Where no two of those tokens make a span, all tokens
    are compared.
    """
    scores = logits.astype(np.float64)
    first, last = _best(scores[:, 0], can_start, n_best), _best(scores[:, 1], can_end, n_best)
    length = last[None] - first[:, None] + 1
    i, j = np.nonzero((length >= 1) & (length <= answer_len))
    spans = _ranked(scores, first[i], last[j], n_best, counts)
    if len(spans.scores):
        return spans
    first = np.flatnonzero(can_start)
    last = first[:, None] + np.arange(min(answer_len, len(scores)))
    i, j = np.nonzero(np.pad(can_end, (0, last.shape[1]))[last])
    return _ranked(scores, first[i], last[i, j], n_best, counts)


def candidates(
    context: str,
    places: Sequence[Place],
    logits: Sequence[NDArray[np.floating]],
    *,
    answer_len: int,
    n_best: int,
    no_answer: bool = False,
) -> list[AnswerCandidate]:
    """The `n_best` best answers of a question over all its windows, best first; empty for a context without text.

    places, logits: one entry a window; logits are those of the whole input, (len, 2).
    no_answer: whether "" is one of them, with the lowest score that position 0 (`<s>`, `[CLS]`) has in any window.

    TaskError for logits that are not finite.
    """
    best: dict[tuple[int, int], float] = {}
    null = np.inf
    for place, values in zip(places, logits, strict=True):
        n = len(place.spans)
        if not np.isfinite(values).all():
            message = "logits are not finite; the training has diverged: lower the learning rate."
            raise TaskError(message)
        null = min(null, float(values[0].astype(np.float64).sum()))
        has_text = place.spans[:, 0] < place.spans[:, 1]
        spans = best_spans(
            values[place.offset : place.offset + n],
            can_start=has_text,
            can_end=has_text,
            answer_len=answer_len,
            n_best=n_best,
            counts=place.is_fullest,
        )
        starts, ends = place.spans[spans.first, 0], place.spans[spans.last, 1]
        for start, end, score in zip(starts.tolist(), ends.tolist(), spans.scores.tolist(), strict=True):
            # A tokenizer without offsets gives all tokens of a word one span, and marks may stand out of order.
            if start < end and score > best.get((start, end), -np.inf):
                best[start, end] = score
    ranked = [(score, span) for span, score in best.items()]
    if no_answer and places:
        ranked.append((null, (0, 0)))
    ranked = sorted(ranked, key=lambda item: (-item[0], item[1]))[:n_best]
    if not ranked:
        return []
    scores = np.array([score for score, _ in ranked])
    shares = np.exp(scores - scores[0])
    return [
        AnswerCandidate(context[start:end], start, end, score, float(share))
        for (score, (start, end)), share in zip(ranked, shares / shares.sum(), strict=True)
    ]


def _best(scores: NDArray[np.float64], allowed: NDArray[np.bool_], n: int) -> NDArray[np.int64]:
    """The places of the `n` largest scores that are allowed, in the order of the text; the earlier of equal ones."""
    places = np.flatnonzero(allowed)
    if len(places) <= n:
        return places
    return np.sort(places[np.argsort(-scores[places], kind="stable")[:n]])


def _ranked(
    scores: NDArray[np.float64], first: NDArray[np.int64], last: NDArray[np.int64], n: int, counts: Counts | None
) -> TokenSpans:
    """The `n` best of the spans that count; equal scores stay in their order."""
    if counts is not None:
        kept = counts(first, last)
        first, last = first[kept], last[kept]
    sums = scores[first, 0] + scores[last, 1]
    order = np.argsort(-sums, kind="stable")[:n]
    return TokenSpans(first[order], last[order], sums[order])
