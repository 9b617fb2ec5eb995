"""Accuracy and macro-F1 of classes, as sums over items."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from xl_tasks.errors import TaskError
from xl_tasks.scoring.measures import Measure


def classification_measures(gold: Sequence[str], predicted: Sequence[str], labels: Sequence[str]) -> list[Measure]:
    """Accuracy and macro-F1 of one predicted class an item.

    labels: all classes of the data set; they fix the columns of the statistics, so that seeds and languages of one data
    set can be joined. Accuracy equals sklearn's `accuracy_score`. `macro_f1` equals its `f1_score(average="macro")`
    with no labels given: the mean over the classes that gold or prediction has.

    TaskError where the two differ in number, and for a class that `labels` lacks.
    """
    numbers = label_numbers(labels)
    if len(gold) != len(predicted):
        message = f"{len(gold)} gold labels and {len(predicted)} predicted ones; give one prediction an item."
        raise TaskError(message)
    pair = as_numbers(gold, numbers, "gold label"), as_numbers(predicted, numbers, "predicted label")
    return [hits(*pair), class_counts(*pair, len(numbers))]


def label_numbers(labels: Sequence[str]) -> dict[str, int]:
    """Label -> its place in `labels`."""
    return {label: number for number, label in enumerate(dict.fromkeys(labels))}


def as_numbers(labels: Sequence[str], numbers: Mapping[str, int], what: str) -> NDArray[np.int64]:
    """(n,) place of each label; TaskError that names the item, from 1, whose label is unknown."""
    try:
        return np.fromiter((numbers[label] for label in labels), dtype=np.int64, count=len(labels))
    except KeyError:
        place = next(i for i, label in enumerate(labels) if label not in numbers)
        message = f"item {place + 1}: {what} {labels[place]!r} is not a label of the data; it has {', '.join(numbers)}."
        raise TaskError(message) from None


def hits(gold: NDArray[np.int64], predicted: NDArray[np.int64]) -> Measure:
    """Accuracy: (n_items, 2), hit and 1."""
    stats = np.ones((len(gold), 2))
    stats[:, 0] = gold == predicted
    return Measure(metric="accuracy", form="mean", stats=stats)


def class_counts(gold: NDArray[np.int64], predicted: NDArray[np.int64], n_classes: int) -> Measure:
    """Macro-F1: (n_items, 3 * n_classes), true positive, predicted and gold of each class."""
    stats = np.zeros((len(gold), n_classes, 3))
    items = np.arange(len(gold))
    stats[items, predicted, 1] = 1
    stats[items, gold, 2] = 1
    right = gold == predicted
    stats[items[right], gold[right], 0] = 1
    return Measure(metric="macro_f1", form="macro_f1", stats=stats.reshape(len(gold), 3 * n_classes))
