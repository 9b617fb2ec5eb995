"""A score as sums over items: what a metric needs of each, so that any resampling is scored in one product.

Accuracy is a sum of hits over a sum of ones, entity F1 a function of summed true positives, predictions and gold
entities, macro-F1 the same for each class. Keeping the summands (n_items, n_stats) instead of the score makes the
paired bootstrap a matrix product and merges seeds, languages and processes exactly.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xl_tasks.errors import TaskError


def ratio(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    """(..., 2) sums of a score and of the items -> (...) their mean; 0 for no item."""
    return _divide(sums[..., 0], sums[..., 1])


def f1(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    """(..., 3) true positives, predicted and gold -> (...) F1 = 2 tp / (predicted + gold); 0 where both are none."""
    return _divide(2 * sums[..., 0], sums[..., 1] + sums[..., 2])


def macro_f1(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    """(..., 3 * n_classes), [tp, predicted, gold] class by class -> (...) mean F1 of the classes seen.

    Seen in gold or prediction: the classes that sklearn's `f1_score(average="macro")` takes when it is given no labels.
    """
    by_class = sums.reshape(*sums.shape[:-1], -1, 3)
    seen = by_class[..., 1] + by_class[..., 2] > 0
    return _divide((f1(by_class) * seen).sum(-1), seen.sum(-1).astype(np.float64))


FORMS: Mapping[str, Callable[[NDArray[np.float64]], NDArray[np.float64]]] = {
    "mean": ratio,
    "f1": f1,
    "macro_f1": macro_f1,
}


@dataclass(frozen=True, kw_only=True)
class Measure:
    """One metric on one set of items.

    metric: as rows call it, "accuracy" for instance.
    form: name in FORMS of the function from summed statistics to the score.
    stats: (n_items, n_stats) float64, one line an item in the order of the examples.
    """

    metric: str
    form: str
    stats: NDArray[np.float64]

    def __post_init__(self) -> None:
        if self.form not in FORMS:
            message = f"form is {self.form!r}; known: {', '.join(FORMS)}."
            raise TaskError(message)

    @property
    def value(self) -> float:
        """The score, 0 to 1."""
        return float(FORMS[self.form](self.stats.sum(0)))

    @property
    def n(self) -> int:
        """Number of items."""
        return len(self.stats)


def commonest_label_scores(measures: Sequence[Measure]) -> dict[str, float]:
    """What saying the commonest gold label of these items throughout would get, by metric: "accuracy", "macro_f1".

    With a share p of the items it is right for p of them, and has F1 = 2p / (1 + p) in its own class and 0 in the other
    classes of gold; scikit-learn's DummyClassifier(strategy="most_frequent") on the test labels. Empty where the
    measures do not count the labels of all items: entities are not items.
    """
    by_metric = {measure.metric: measure for measure in measures}
    accuracy, classes = by_metric.get("accuracy"), by_metric.get("macro_f1")
    if accuracy is None or classes is None or classes.form != "macro_f1":
        return {}
    gold = classes.stats.sum(0).reshape(-1, 3)[:, 2]
    if not gold.sum() or gold.sum() != accuracy.stats.sum(0)[1]:
        return {}
    share = float(gold.max() / gold.sum())
    return {"accuracy": share, "macro_f1": 2 * share / (1 + share) / int((gold > 0).sum())}


def _divide(above: NDArray[np.float64], below: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.divide(above, below, out=np.zeros_like(above, dtype=np.float64), where=below > 0)
