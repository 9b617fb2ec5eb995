"""F1 and exact match of answers, as sums over questions."""

from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from xl_tasks.errors import TaskError
from xl_tasks.scoring.answer_normalization import english_tokens, language_tokens
from xl_tasks.scoring.measures import Measure


def answer_measures(gold: Sequence[Sequence[str]], predicted: Sequence[str], language: str) -> list[Measure]:
    """F1 and exact match (em) by SQuAD v1.1's English normalisation, then both by that of `language`.

    gold: the answers of each question, of which the one that fits best counts; none, or an empty one, says that the
    text holds no answer, and is met by a prediction of which normalisation leaves nothing. f1 and em equal the official
    script of SQuAD v1.1 for all languages, as the papers have them; f1_language and em_language are MLQA's.
    TaskError where the two differ in number.
    """
    if len(gold) != len(predicted):
        message = f"{len(gold)} questions and {len(predicted)} predicted answers; give one prediction a question."
        raise TaskError(message)
    in_language = partial(language_tokens, language=language)
    measures = []
    for tokens, ending in ((english_tokens, ""), (in_language, "_language")):
        stats = np.ones((2, len(gold), 2))
        for place, (answers, prediction) in enumerate(zip(gold, predicted, strict=True)):
            stats[:, place, 0] = _best(answers, prediction, tokens)
        measures += [
            Measure(metric=f"{name}{ending}", form="mean", stats=values)
            for name, values in zip(("f1", "em"), stats, strict=True)
        ]
    return measures


def _best(answers: Sequence[str], prediction: str, tokens: Callable[[str], list[str]]) -> tuple[float, float]:
    """Largest F1 and largest exact match over the gold answers."""
    given = tokens(prediction)
    pairs = [_scores(answer, tokens(answer), given) for answer in answers or ("",)]
    return max(f1 for f1, _ in pairs), max(em for _, em in pairs)


def _scores(answer: str, golds: list[str], given: list[str]) -> tuple[float, float]:
    # Tokens hold no white space, so equal lists are equal normalised texts.
    exact = float(golds == given)
    if not answer:
        return exact, exact
    n_shared = sum((Counter(golds) & Counter(given)).values())
    return 2 * n_shared / (len(golds) + len(given)) if n_shared else 0.0, exact
