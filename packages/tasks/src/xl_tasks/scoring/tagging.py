"""Scores of tags, one a word, as sums over sentences: entities as seqeval counts them, tokens as scikit-learn does."""

import warnings
from collections.abc import Iterable, Sequence
from itertools import chain

import numpy as np
from numpy.typing import NDArray
from seqeval.metrics.sequence_labeling import get_entities

from xl_tasks.errors import TaskError
from xl_tasks.scoring.classification import as_numbers, label_numbers
from xl_tasks.scoring.measures import Measure

SCHEMES = ("iob2", "plain")

_Sentences = Sequence[Sequence[str]]


def tagging_measures(gold: _Sentences, predicted: _Sentences, labels: Sequence[str], *, scheme: str) -> list[Measure]:
    """The metrics of tagged sentences, one line of statistics a sentence.

    labels: all tags of the data set. scheme:
        iob2: f1, precision and recall over entities, macro_f1 over entity types, accuracy over tokens. An entity counts
            where type and both ends agree; all equal seqeval's in its default mode, in which an I- without a B- before
            it begins an entity.
        plain: accuracy and macro_f1 over tokens, as scikit-learn has them, and seqeval_compat, what papers call F1 of
            part-of-speech tags: seqeval takes the first letter of NOUN for a prefix like B- and joins neighbours alike.

    TaskError for an unknown scheme, sentences or tags that differ in number, and a tag that `labels` lacks.
    """
    if scheme not in SCHEMES:
        message = f"scheme is {scheme!r}; choose one of {', '.join(SCHEMES)}."
        raise TaskError(message)
    _check_lengths(gold, predicted)
    lengths = np.array([len(sentence) for sentence in gold], dtype=np.int64)
    numbers = label_numbers(labels)
    one = as_numbers(list(chain.from_iterable(gold)), numbers, "gold tag")
    other = as_numbers(list(chain.from_iterable(predicted)), numbers, "predicted tag")
    accuracy = _token_accuracy(one, other, lengths)
    if scheme == "plain":
        compat = _entity_counts(gold, predicted, lengths).sum(1)
        return [
            accuracy,
            _token_macro_f1(one, other, lengths, len(numbers)),
            Measure(metric="seqeval_compat", form="f1", stats=compat),
        ]
    types = _classes(labels, scheme)
    by_type = _entity_counts(gold, predicted, lengths, types)
    both = by_type.sum(1)
    return [
        Measure(metric="f1", form="f1", stats=both),
        Measure(metric="precision", form="mean", stats=both[:, [0, 1]]),
        Measure(metric="recall", form="mean", stats=both[:, [0, 2]]),
        Measure(metric="macro_f1", form="macro_f1", stats=by_type.reshape(len(lengths), 3 * by_type.shape[1])),
        accuracy,
    ]


def tag_scores(measures: Sequence[Measure], labels: Sequence[str], *, scheme: str) -> list[tuple[str, float, int]]:
    """(metric, value, n) of each tag or type of entity: the parts that `tagging_measures` gave macro-F1 of.

    labels, scheme: those that the measures were made with. "f1 NOUN" is there for what gold or prediction has, in
    order; their mean is macro-F1. Under "plain" so is "accuracy NOUN", the share of the words with this tag that got
    it. n is the number of gold words or entities.
    """
    classes = _classes(labels, scheme)
    counts = next(measure for measure in measures if measure.metric == "macro_f1").stats.sum(0).reshape(-1, 3)
    scores = []
    for name, (right, predicted, gold) in zip(classes, counts.tolist(), strict=True):
        if predicted + gold:
            scores.append((f"f1 {name}", 2 * right / (predicted + gold), int(gold)))
        if gold and scheme == "plain":
            scores.append((f"accuracy {name}", right / gold, int(gold)))
    return scores


def _classes(labels: Sequence[str], scheme: str) -> list[str]:
    """What macro-F1 is the mean over, in the order of its statistics."""
    unique = dict.fromkeys(labels)
    return list(unique if scheme == "plain" else dict.fromkeys(_entity_type(label) for label in unique if label != "O"))


def _check_lengths(gold: _Sentences, predicted: _Sentences) -> None:
    if len(gold) != len(predicted):
        message = f"{len(gold)} gold sentences and {len(predicted)} predicted ones; give one prediction a sentence."
        raise TaskError(message)
    for number, (one, other) in enumerate(zip(gold, predicted, strict=True), start=1):
        if len(one) != len(other):
            message = f"sentence {number}: {len(one)} gold tags and {len(other)} predicted ones; give one a word."
            raise TaskError(message)


def _token_accuracy(gold: NDArray[np.int64], predicted: NDArray[np.int64], lengths: NDArray[np.int64]) -> Measure:
    sentence = np.repeat(np.arange(len(lengths)), lengths)
    right = np.bincount(sentence, weights=gold == predicted, minlength=len(lengths))
    return Measure(metric="accuracy", form="mean", stats=np.stack([right, lengths.astype(np.float64)], axis=1))


def _token_macro_f1(
    gold: NDArray[np.int64], predicted: NDArray[np.int64], lengths: NDArray[np.int64], n_classes: int
) -> Measure:
    sentence = np.repeat(np.arange(len(lengths)), lengths)
    right = gold == predicted
    counts = [
        np.bincount(places * n_classes + classes, minlength=len(lengths) * n_classes)
        for places, classes in ((sentence[right], gold[right]), (sentence, predicted), (sentence, gold))
    ]
    stats = np.stack(counts, axis=1).astype(np.float64).reshape(len(lengths), 3 * n_classes)
    return Measure(metric="macro_f1", form="macro_f1", stats=stats)


def _entity_counts(
    gold: _Sentences, predicted: _Sentences, lengths: NDArray[np.int64], types: Sequence[str] = ()
) -> NDArray[np.float64]:
    """(n_sentences, n_types, 3): entities in both, predicted and gold; without `types` one column for all of them."""
    # seqeval puts an O behind each sentence.
    ends = np.cumsum(lengths + 1)
    entity_sets = [_entities(sentences) for sentences in (gold, predicted)]
    columns = {name: place for place, name in enumerate(types)}
    shape = len(lengths), len(types) or 1, 3
    counts = np.zeros(shape)
    for place, entities in enumerate((entity_sets[0] & entity_sets[1], entity_sets[1], entity_sets[0])):
        # In one sequence no two chunks have the same end, so the sentence of the end is that of the chunk.
        sentences = np.searchsorted(ends, [end for _, _, end in entities], side="right")
        kinds = np.array([columns[name] if types else 0 for name, _, _ in entities], dtype=np.int64)
        numbers = np.ravel_multi_index((sentences, kinds), shape[:2])
        counts[:, :, place] = np.bincount(numbers, minlength=shape[0] * shape[1]).reshape(shape[:2])
    return counts


def _entities(sentences: _Sentences) -> set[tuple[str, int, int]]:
    """(type, first, last) over all sentences at once: on bare tags such as X, seqeval looks across their borders."""
    with warnings.catch_warnings():
        # It warns of every tag that is no B- or I-, which is what the scheme "plain" asks for.
        warnings.simplefilter("ignore")
        return set(get_entities(list(_joined(sentences))))


def _joined(sentences: _Sentences) -> Iterable[str]:
    for sentence in sentences:
        yield from sentence
        yield "O"


def _entity_type(label: str) -> str:
    """What seqeval takes for the type of a tag."""
    return label[1:].split("-", maxsplit=1)[-1] or "_"
