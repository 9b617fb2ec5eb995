"""A linear probe: multinomial logistic regression on the frozen states of one layer.

One text is its vector, a pair of texts [u, v, |u - v|, u * v] (Conneau et al. 2017, section 3.1), and a word of a
tagged sentence the state of the token that carries its tag.
"""

import json
import logging
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from xl_encoders.whole_files import replace_whole
from xl_tasks.errors import TaskError
from xl_tasks.examples import Example
from xl_tasks.tuning.config import TuningConfig
from xl_tasks.tuning.embedding_cache import EmbeddingCache
from xl_tasks.tuning.fitted import Fitted, main_score
from xl_tasks.tuning.inference import resolve_precision
from xl_tasks.tuning.problem import Feature, Problem

if TYPE_CHECKING:
    from xl_encoders import Encoder

_log = logging.getLogger(__name__)

# What C, the weight of the data against the penalty, is chosen from; the smallest of equally good ones.
GRID = (0.001, 0.01, 0.1, 1.0)

# Where there is no dev set to choose by.
_WITHOUT_DEV = 0.1

_TOLERANCE = 1e-4
_MOST_ITERATIONS = 1000

_NO_TAG = -100


def fit_probe(
    encoder: "Encoder",
    problem: Problem,
    train: Mapping[str, Sequence[Example]],
    dev: Mapping[str, Sequence[Example]],
    config: TuningConfig,
    *,
    layer: int = -1,
    pooling: str = "",
    cache: EmbeddingCache | None = None,
) -> "FittedProbe":
    """A probe on `encoder`, which is read where it lies and must stay as it is while the probe is used.

    States are standardised with the mean and deviation of the training examples. C is the one of GRID with the highest
    dev score, the mean over the languages of `dev`. Nothing is random: the seed is not read.

    Raises TaskError for answering, and for training examples of a single class.
    """
    if problem.kind == "answering":
        message = "a probe cannot answer questions; use full or lora."
        raise TaskError(message)
    reader = _Reader(
        encoder,
        problem,
        cache if cache is not None else EmbeddingCache(),
        encoder.resolve_layer(layer),
        pooling or "mean-content",
        config.max_len,
        resolve_precision(config.precision, encoder.device),
    )
    states, classes = [], []
    for language in sorted(train):
        features = problem.features(train[language], language, training=True)
        states.append(reader.states(features, train[language], language))
        classes.append(_classes(features))
    x, y = np.concatenate(states), np.concatenate(classes)
    if len(np.unique(y)) < 2:
        message = "the training examples have a single class; a probe needs two at least."
        raise TaskError(message)
    mean, deviation = x.mean(0, dtype=np.float64), x.std(0, dtype=np.float64)
    deviation[deviation == 0] = 1.0
    x = ((x - mean) / deviation).astype(np.float32)
    held = {language: examples for language, examples in sorted(dev.items()) if examples}
    scored: list[tuple[float, FittedProbe]] = []
    for c in GRID if held else (_WITHOUT_DEV,):
        weight, bias = _regress(x, y, problem.n_outputs, c)
        line = LinearProbe(mean=mean, deviation=deviation, weight=weight, bias=bias, c=c)
        probe = FittedProbe(problem, reader, line, scores={})
        values = [
            main_score(problem.measures(examples, probe.predict(examples, language), language), config.metric)
            for language, examples in held.items()
        ]
        if values:
            probe.scores = {0: float(np.mean(values))}
        scored.append((probe.scores.get(0, 0.0), probe))
    return max(scored, key=lambda pair: pair[0])[1]


@dataclass(frozen=True, kw_only=True)
class LinearProbe:
    """weight: (n_labels, width), bias: (n_labels,), of states less `mean` over `deviation`, (width,) each; float64.

    c: weight of the data against the penalty. A class that no training example has gets a bias of minus infinity.
    """

    mean: NDArray[np.float64]
    deviation: NDArray[np.float64]
    weight: NDArray[np.float64]
    bias: NDArray[np.float64]
    c: float

    def __call__(self, states: NDArray[np.float32]) -> NDArray[np.float32]:
        """(n, width) states -> (n, n_labels) log-odds up to a constant a row."""
        scaled = self.weight / self.deviation
        return (states @ scaled.T.astype(np.float32) + (self.bias - scaled @ self.mean)).astype(np.float32)


class FittedProbe(Fitted):
    """A linear model on the states of an encoder that is not its own.

    line: the linear model. layer: the `hidden_states` index read.
    """

    def __init__(self, problem: Problem, reader: "_Reader", line: LinearProbe, *, scores: Mapping[int, float]) -> None:
        super().__init__(problem, steps=0, kept=0, scores=scores)
        self.line = line
        self.layer = reader.layer
        self._reader = reader

    def feature_logits(
        self, features: Sequence[Feature], examples: Sequence[Example], language: str
    ) -> list[NDArray[np.float32]]:
        """(n_labels,) a text; (len, n_labels) a sentence, 0 for tokens that carry no tag."""
        if not features:
            return []
        rows = self.line(self._reader.states(features, examples, language))
        if self.problem.kind == "classification":
            return list(rows)
        every_logit = []
        start = 0
        for feature in features:
            places = _tagged(feature)
            logits = np.zeros((len(feature.ids), self.problem.n_outputs), dtype=np.float32)
            logits[places] = rows[start : start + len(places)]
            start += len(places)
            every_logit.append(logits)
        return every_logit

    def save(self, folder: Path | str) -> None:
        """Write `probe.safetensors` (mean, deviation, weight, bias) and `probe.json` (labels and what is read)."""
        from safetensors.numpy import save_file

        about = {
            "kind": self.problem.kind,
            "labels": list(self.problem.labels),
            "encoder": self._reader.encoder.name,
            "layer": self.layer,
            "pooling": self._reader.pooling if self.problem.kind == "classification" else "",
            "max_len": self._reader.max_len,
            "c": self.line.c,
        }
        tensors = {name: getattr(self.line, name) for name in ("mean", "deviation", "weight", "bias")}

        def write(aside: Path) -> None:
            aside.mkdir()
            save_file({name: array.copy() for name, array in tensors.items()}, aside / "probe.safetensors")
            (aside / "probe.json").write_text(json.dumps(about, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")

        replace_whole(Path(folder), write)


@dataclass(frozen=True)
class _Reader:
    """The states that stand for examples."""

    encoder: "Encoder"
    problem: Problem
    cache: EmbeddingCache
    layer: int
    pooling: str
    max_len: int
    precision: str

    def states(self, features: Sequence[Feature], examples: Sequence[Example], language: str) -> NDArray[np.float32]:
        """(n_texts, width) or (n_tagged_tokens, width) float32, in the order of the features."""
        if self.problem.kind == "classification":
            return self._vectors(examples, language)
        rows = [feature.ids for feature in features]
        places = [_tagged(feature) for feature in features]
        [states] = self.cache.states(self.encoder, rows, places, layers=[self.layer], precision=self.precision)
        return states

    def _vectors(self, examples: Sequence[Example], language: str) -> NDArray[np.float32]:
        problem: Any = self.problem
        firsts, seconds = problem.sides(examples, language)
        u = self._embed(firsts)
        if seconds is None:
            return u
        v = self._embed(seconds)
        return np.concatenate([u, v, np.abs(u - v), u * v], axis=1)

    def _embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        [vectors] = self.cache.embed(
            self.encoder,
            texts,
            layers=[self.layer],
            pooling=self.pooling,
            max_len=self.max_len,
            precision=self.precision,
            warn=False,  # the problem has told of texts that are cut
        )
        return vectors


def _tagged(feature: Feature) -> list[int]:
    """Positions of the tokens that carry a tag, the first of each word."""
    return [place for place, tag in enumerate(feature.target) if tag != _NO_TAG]


def _classes(features: Sequence[Feature]) -> NDArray[np.int64]:
    targets = [np.atleast_1d(np.asarray(feature.target, dtype=np.int64)) for feature in features]
    joined = np.concatenate(targets) if targets else np.zeros(0, dtype=np.int64)
    return joined[joined != _NO_TAG]


def _regress(
    x: NDArray[np.float32], y: NDArray[np.int64], n_labels: int, c: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Weights (n_labels, width) and bias (n_labels,) of scikit-learn's logistic regression, by class number."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=c, tol=_TOLERANCE, max_iter=_MOST_ITERATIONS)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model.fit(x, y)
    if any(issubclass(warning.category, ConvergenceWarning) for warning in caught):
        _log.warning("the probe with C = %g has not settled after %d iterations.", c, _MOST_ITERATIONS)
    weight, bias = np.zeros((n_labels, x.shape[1])), np.full(n_labels, -np.inf)
    if len(model.classes_) == 2:  # one line for both classes
        weight[model.classes_[1]], bias[model.classes_] = model.coef_[0], [0.0, model.intercept_[0]]
    else:
        weight[model.classes_], bias[model.classes_] = model.coef_, model.intercept_
    return weight, bias
