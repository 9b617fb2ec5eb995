"""Which scores of mined pairs are those of translations: two normal distributions, fitted by EM.

Of sentences without a translation the best partner's score lies around one mean, of those with one around a higher
mean. Where some pairs are known, their scores are what they are from the start (the semi-supervised mixture of Nigam et
al. 2000, "Text classification from labeled and unlabeled documents using EM").
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_MOST_STEPS = 1000
_SETTLED = 1e-9  # change of a probability
_NARROWEST = 1e-3  # standard deviation of a hump, in those of all scores: one score alone is no hump


@dataclass(frozen=True)
class Humps:
    """The two distributions: of pairs that are no translations, and of translations."""

    means: tuple[float, float]
    deviations: tuple[float, float]
    share: float
    """Of the pairs that are not known how many are translations, in [0, 1]."""
    likely: NDArray[np.float64]
    """(n,) how likely each pair is a translation, in [0, 1]; never less for a higher score that is not known."""

    @property
    def separation(self) -> float:
        """Ashman's D: distance of the means in their deviations; above 2 they are told apart (Ashman et al. 1994)."""
        return (self.means[1] - self.means[0]) / float(np.sqrt(np.mean(np.square(self.deviations))))


def fit_humps(scores: NDArray[np.float64], known: NDArray[np.int8] | None = None) -> Humps:
    """Fit to `scores` (n,), finite. known: (n,) 1 for a translation, 0 for none, -1 where that is not known.

    Without known pairs EM starts from the cut that separates the scores best (Otsu 1979). Scores that are all alike, or
    fewer than two, give two humps at one place and a likelihood of 1/2.
    """
    labels = np.full(len(scores), -1) if known is None else np.asarray(known)
    spread = float(scores.std()) if len(scores) else 0.0
    if not spread > 0:
        middle = float(scores.mean()) if len(scores) else 0.0
        return Humps((middle, middle), (1.0, 1.0), 0.5, np.where(labels < 0, 0.5, labels).astype(np.float64))
    open_ = labels < 0
    likely = np.where(open_, scores > _otsu(scores, labels), labels).astype(np.float64)
    for _ in range(_MOST_STEPS):
        means, deviations = _moments(scores, likely, spread)
        share = float(likely[open_].mean()) if open_.any() else float(likely.mean())
        before = likely
        likely = np.where(open_, _posterior(scores, means, deviations, share), labels)
        if np.abs(likely - before).max() < _SETTLED:
            break
    likely[open_] = _rising(scores[open_], likely[open_], means[0])
    return Humps(means, deviations, share, likely)


def _rising(scores: NDArray[np.float64], likely: NDArray[np.float64], low: float) -> NDArray[np.float64]:
    """Likelihoods that do not fall as the score rises: the wider hump also claims what lies beyond the narrow one."""
    order = np.argsort(scores, kind="stable")
    ordered = likely[order]
    below = int(np.searchsorted(scores[order], low))
    ordered[:below] = min(ordered[:below].min(initial=1.0), ordered[below:].min(initial=1.0))
    risen = np.empty_like(likely)
    risen[order] = np.maximum.accumulate(ordered)
    return risen


def _moments(
    scores: NDArray[np.float64], likely: NDArray[np.float64], spread: float
) -> tuple[tuple[float, float], tuple[float, float]]:
    means, deviations = [], []
    for weights in (1 - likely, likely):
        total = max(float(weights.sum()), np.finfo(np.float64).tiny)
        mean = float(weights @ scores) / total
        means.append(mean)
        deviations.append(max(float(np.sqrt(weights @ (scores - mean) ** 2 / total)), _NARROWEST * spread))
    return (means[0], means[1]), (deviations[0], deviations[1])


def _posterior(
    scores: NDArray[np.float64], means: tuple[float, float], deviations: tuple[float, float], share: float
) -> NDArray[np.float64]:
    with np.errstate(divide="ignore", over="ignore"):
        logs = [
            np.log(weight) - np.log(deviation) - ((scores - mean) / deviation) ** 2 / 2
            for weight, mean, deviation in zip((1 - share, share), means, deviations, strict=True)
        ]
        return 1 / (1 + np.exp(logs[0] - logs[1]))


def _otsu(scores: NDArray[np.float64], labels: NDArray[np.int8]) -> float:
    """The score above which a pair counts as a translation at first; with known ones the middle of their means."""
    known = [scores[labels == label] for label in (0, 1)]
    if known[0].size and known[1].size:
        return float(known[0].mean() + known[1].mean()) / 2
    ordered = np.sort(scores)
    counts = np.arange(1, len(ordered))
    sums = np.cumsum(ordered)[:-1]
    total = ordered.sum()
    between = (total * counts / len(ordered) - sums) ** 2 / (counts * (len(ordered) - counts))
    cut = int(np.argmax(between))
    return float(ordered[cut] + ordered[cut + 1]) / 2
