"""Whether a confidence means what it says, and how a score is made into one that does.

A confidence is calibrated where, of all links with confidence c, a share c is right. It is learned from scores whose
answers are known: by Platt's sigmoid, 1 / (1 + exp(-(slope * score + shift))), fitted to targets drawn a little towards
each other (Platt 1999, section 2.2), or by the best step function that never falls (isotonic regression: Zadrozny and
Elkan 2002, section 3.2), which bends freely and needs more of them.

    Brier score = mean (c_i - right_i)^2                                        Brier 1950
    expected calibration error = sum over bins n_b / n |mean c - share right|   Naeini et al. 2015
"""

import json
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from xl_analysis.errors import AnalysisError

CALIBRATIONS = ("isotonic", "platt")

# Fewer of either kind give a curve of chance.
_FEWEST = 10


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """A function from scores to confidences, 0 to 1, that never falls.

    method: one of CALIBRATIONS. knots: (score, confidence) of an isotonic one, ascending, straight between them and
    level beyond. slope, shift: of a sigmoid. n: how many scores it was learned from.
    """

    method: str
    knots: tuple[tuple[float, float], ...] = ()
    slope: float = 0.0
    shift: float = 0.0
    n: int = 0

    def __call__(self, scores: ArrayLike) -> NDArray[np.float64]:
        """Confidences of `scores`, of their shape."""
        scores = np.asarray(scores, dtype=np.float64)
        if self.method == "platt":
            from scipy.special import expit

            return expit(self.slope * scores + self.shift)
        places, heights = np.array(self.knots).T
        return np.interp(scores, places, heights)

    def to_json(self, **more: object) -> str:
        """The function as text, without the line end; `more` stands beside it and is not read back."""
        its = {"knots": [list(knot) for knot in self.knots], "slope": self.slope, "shift": self.shift, "n": self.n}
        return json.dumps({**more, "method": self.method, **its}, ensure_ascii=False, allow_nan=False)

    @classmethod
    def from_json(cls, text: str, name: str = "calibration") -> "Calibration":
        """What `to_json` wrote. AnalysisError, with `name` in it, for text that is none."""
        try:
            values = json.loads(text)
            knots = tuple((float(score), float(height)) for score, height in values["knots"])
            numbers = {key: float(values[key]) for key in ("slope", "shift")}
            read = cls(method=values["method"], knots=knots, **numbers, n=int(values["n"]))
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            message = f"{name} is no calibration ({type(error).__name__}: {error}); make one with --calibrate."
            raise AnalysisError(message) from None
        fits = read.method == "platt" or (read.method == "isotonic" and knots)
        if not fits or not np.isfinite([*numbers.values(), *(each for knot in knots for each in knot)]).all():
            message = f"{name} is no calibration of {' or '.join(CALIBRATIONS)}; make one with --calibrate."
            raise AnalysisError(message)
        return read


class ReliabilityBin(NamedTuple):
    """Links of like confidence: the mean of it, the share that is right, and how many they are."""

    confidence: float
    right: float
    n: int


def fit_calibration(scores: ArrayLike, right: ArrayLike, method: str = "isotonic") -> Calibration:
    """The calibration learned from scores, (n,) finite, and whether each was right, (n,) bool.

    AnalysisError for an unknown method, shapes that do not fit, and fewer than ten right or ten wrong ones.
    """
    if method not in CALIBRATIONS:
        message = f"method is {method!r}; choose one of {', '.join(CALIBRATIONS)}."
        raise AnalysisError(message)
    values, answers = _checked(scores, right)
    n_right = int(answers.sum())
    if min(n_right, len(answers) - n_right) < _FEWEST:
        message = (
            f"{n_right} of {len(answers)} links are right; a calibration needs {_FEWEST} right and {_FEWEST} wrong "
            "ones at least: give more gold."
        )
        raise AnalysisError(message)
    if method == "platt":
        slope, shift = _sigmoid(values, answers)
        return Calibration(method=method, slope=slope, shift=shift, n=len(values))
    from sklearn.isotonic import IsotonicRegression

    fitted = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip").fit(values, answers.astype(np.float64))
    knots = zip(fitted.X_thresholds_.tolist(), fitted.y_thresholds_.tolist(), strict=True)
    return Calibration(method=method, knots=tuple(knots), n=len(values))


def _sigmoid(scores: NDArray[np.float64], right: NDArray[np.bool_]) -> tuple[float, float]:
    """Slope and shift; never falling, so that a score which speaks against itself leaves the share of right ones."""
    from scipy.optimize import minimize
    from scipy.special import expit

    n_right, n_wrong = right.sum(), (~right).sum()
    targets = np.where(right, (n_right + 1) / (n_right + 2), 1 / (n_wrong + 2))  # Platt, equation 8
    centre, spread = scores.mean(), max(scores.std(), np.finfo(float).tiny)
    scaled = (scores - centre) / spread

    def loss(weights: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        logits = weights[0] * scaled + weights[1]
        rest = expit(logits) - targets
        return float((np.logaddexp(0, logits) - targets * logits).mean()), np.array(
            [(rest * scaled).mean(), rest.mean()]
        )

    fitted = minimize(loss, np.zeros(2), jac=True, bounds=[(0, None), (None, None)], tol=1e-12).x
    return float(fitted[0] / spread), float(fitted[1] - fitted[0] * centre / spread)


def brier_score(confidences: ArrayLike, right: ArrayLike) -> float:
    """Mean squared distance of confidences, (n,) in [0, 1], from 1 for right and 0 for wrong ones; 0 is best."""
    values, answers = _probabilities(confidences, right)
    return float(np.square(values - answers).mean())


def reliability_curve(confidences: ArrayLike, right: ArrayLike, *, n_bins: int = 10) -> list[ReliabilityBin]:
    """Bins of equal width from 0 to 1, upper ends included, ascending; those without a link are left out.

    confidences: (n,) in [0, 1]. right: (n,) bool. AnalysisError for shapes that do not fit and other confidences.
    """
    values, answers = _probabilities(confidences, right)
    bins = np.ceil(values * n_bins).clip(1, n_bins)
    curve = []
    for number in np.unique(bins):
        own = bins == number
        curve.append(ReliabilityBin(float(values[own].mean()), float(answers[own].mean()), int(own.sum())))
    return curve


def calibration_error(confidences: ArrayLike, right: ArrayLike, *, n_bins: int = 10) -> float:
    """Expected calibration error over the bins of `reliability_curve`; 0 is best."""
    curve = reliability_curve(confidences, right, n_bins=n_bins)
    n = sum(each.n for each in curve)
    return sum(each.n * abs(each.confidence - each.right) for each in curve) / n


def _checked(values: ArrayLike, right: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    values, answers = np.asarray(values, dtype=np.float64), np.asarray(right, dtype=bool)
    if values.ndim != 1 or values.shape != answers.shape or not len(values):
        message = f"scores have shape {values.shape}, answers {answers.shape}; one of each a link is needed."
        raise AnalysisError(message)
    if not np.isfinite(values).all():
        message = "scores hold numbers that are not finite."
        raise AnalysisError(message)
    return values, answers


def _probabilities(values: ArrayLike, right: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    confidences, answers = _checked(values, right)
    if confidences.min() < 0 or confidences.max() > 1:
        message = (
            f"confidences run from {confidences.min():.3g} to {confidences.max():.3g}; probabilities lie in 0 to 1."
        )
        raise AnalysisError(message)
    return confidences, answers
