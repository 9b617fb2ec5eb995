"""H-divergence between languages: can a classifier tell from a vector which of two languages it is of.

d_H(D, D') = 2 sup_h |P_D[h = 1] - P_D'[h = 1]| over the classifiers h of a class H (Ben-David et al. 2010, "A theory of
learning from different domains", definition 1). What can be measured is the proxy A-distance (Ben-David et al. 2007,
section 4): PAD = 2 (1 - 2 e), with e the error of a trained classifier on items that it was not trained on; 0 where it
is at chance, 2 where it is never wrong. The linear classifier estimates d_H. The bound of Ben-David et al. asks for
d_HdH, over the xor of two of the class; a small network comes nearer to that, since it can say xor of linear ones.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from xl_analysis.errors import AnalysisError
from xl_analysis.spaces.views import checked_views
from xl_analysis.statistics.significance import bootstrap_interval

Pair = tuple[str, str]
CLASSIFIERS = ("linear", "mlp")

# How far the linear classifier draws correlations of dimensions towards 0, in [0, 1].
_SHRINKAGE = 0.1
_HIDDEN_WIDTH = 32


@dataclass(frozen=True, kw_only=True)
class Divergence:
    """How well two languages can be told apart by their vectors."""

    value: float
    """Proxy A-distance 2 (1 - 2 error), in [0, 2]."""
    low: float
    """Lower end of its 95 per cent interval over items, the classifiers being as they are."""
    high: float
    error: float
    """Share of held-out vectors that are given the wrong language, in [0, 1]; a tie is half an error."""
    n_items: int


def proxy_a_distance(
    views: Mapping[str, ArrayLike],
    pairs: Iterable[Pair] | None = None,
    *,
    classifier: Literal["linear", "mlp"] = "linear",
    n_folds: int = 5,
    n_resamples: int = 1000,
    seed: int = 0,
) -> dict[Pair, Divergence]:
    """PAD = 2 (1 - 2 e), clipped to [0, 2], of pairs of views.

    views: language -> (n_items, width), rows being translations of one another. pairs: two names each; every
        unordered pair by default.
    classifier: "linear" is Fisher's discriminant with the threshold in the middle, its covariance shrunk by a tenth
        towards its diagonal, which makes it blind to the scale of a dimension; "mlp" a network with one hidden layer
        of 32, on standardised dimensions, some hundred times slower.
    n_folds: parts of the items, drawn from `seed`; each is told apart by a classifier of the others. An item is in one
        part with its translation: apart, what a classifier has seen of a sentence says the wrong language of its
        translation, and the error of languages that are alike comes out above chance.

    The linear classifier has a closed form: covariances of a language are taken once a fold and serve all its pairs.
    Computed in float32 if all views are, else in float64. The interval is the bootstrap over items.

    AnalysisError for views that have not the same items or hold a view of one vector throughout, for n_folds below 2,
    and for fewer than 2 items a fold.
    """
    arrays = checked_views(views)
    pairs = list(combinations(arrays, 2)) if pairs is None else list(pairs)
    n_items = len(next(iter(arrays.values())))
    if n_folds < 2 or n_items < 2 * n_folds:
        message = f"{n_items} items are too few for {n_folds} folds; give 2 folds or more, of at least 2 items each."
        raise AnalysisError(message)
    folds = np.array_split(np.random.default_rng(seed).permutation(n_items), n_folds)
    told = _linear(arrays, pairs, folds) if classifier == "linear" else _mlp(arrays, pairs, folds, seed)
    return {pair: _divergence(told[pair], n_resamples, seed) for pair in pairs}


def bound(
    d_hat: float,
    vc: float,
    n: int,
    delta: float = 0.05,
    *,
    form: Literal["paper", "bendavid"] = "bendavid",
    lambda_: float = 0.0,
) -> float:
    """How much the error rate of a classifier can differ between two languages, with probability 1 - delta.

    d_hat: empirical divergence d_HdH, in [0, 2]. vc: VC dimension d of the class H; width + 1 for a linear classifier.
    n: vectors of each language. lambda_: error of the best classifier of H on both languages together.

    "bendavid" (Ben-David et al. 2010, theorem 2, and lemma 3 for the difference of both directions):
    d_hat / 2 + 4 sqrt((2 d log(2 n) + log(2 / delta)) / n) + lambda.
    "paper" (Jung et al. 2024, theorem 4.1): d_hat / 2 + 2 sqrt((d log(2 n) + log(2 / delta)) / n). It takes d for the
    VC dimension of the xor class, which may be 2 d, and leaves lambda out, as if one classifier were right in both.

    1 or more is vacuous: error rates never differ by more. AnalysisError for arguments out of range, and for lambda_
    with "paper".
    """
    in_range = 0 <= d_hat <= 2 and vc > 0 and n > 0 and 0 < delta < 1 and lambda_ >= 0
    if not in_range or (form == "paper" and lambda_):
        message = (
            f"d_hat {d_hat}, vc {vc}, n {n}, delta {delta}, lambda {lambda_}, form {form!r}: d_hat is in [0, 2], "
            "vc and n are above 0, delta is between 0 and 1, lambda is 0 or more, and 0 in the form of the paper."
        )
        raise AnalysisError(message)
    if form == "paper":
        return d_hat / 2 + 2 * np.sqrt((vc * np.log(2 * n) + np.log(2 / delta)) / n)
    return d_hat / 2 + 4 * np.sqrt((2 * vc * np.log(2 * n) + np.log(2 / delta)) / n) + lambda_


def _divergence(right: NDArray[np.float64], n_resamples: int, seed: int) -> Divergence:
    """right: (n_items,) share of an item's two vectors that are told right."""
    stats = np.stack([right, np.ones(len(right))], axis=1)[None]
    found = bootstrap_interval(lambda sums: sums[..., 0] / sums[..., 1], stats, n_resamples=n_resamples, seed=seed)
    value, low, high = (min(max(4 * share - 2, 0.0), 2.0) for share in (found.value, found.low, found.high))
    return Divergence(value=value, low=low, high=high, error=1 - found.value, n_items=len(right))


def _linear(
    arrays: Mapping[str, NDArray[np.floating]], pairs: list[Pair], folds: list[NDArray[np.intp]]
) -> dict[Pair, NDArray[np.float64]]:
    """For each pair the share of an item's two vectors that are told right, (n_items,).

    w = R^-1 (m_a - m_b), with R = (1 - s) S + s diag(S), S = (S_a + S_b) / 2; x is of a where
    w (x - (m_a + m_b) / 2) > 0.
    """
    from scipy.linalg import get_lapack_funcs

    n_items = len(next(iter(arrays.values())))
    right = {pair: np.empty(n_items) for pair in pairs}
    needed = list(dict.fromkeys(name for pair in pairs for name in pair))
    # A common shift changes nothing, and small means lose no digits in the covariances.
    middle = np.mean([arrays[name].mean(axis=0) for name in needed], axis=0)
    centres = {name: arrays[name].mean(axis=0) for name in needed}
    centred = {name: arrays[name] - centres[name] for name in needed}
    totals = {name: centred[name].T @ centred[name] for name in needed}
    (solve,) = get_lapack_funcs(("posv",), list(totals.values()))
    for fold in folds:
        n_train = n_items - len(fold)
        held = {name: centred[name][fold] for name in needed}
        shift = {name: -held[name].sum(axis=0) / n_train for name in needed}
        spread = {
            name: (totals[name] - held[name].T @ held[name]) / n_train - np.outer(shift[name], shift[name])
            for name in needed
        }
        means = {name: centres[name] - middle + shift[name] for name in needed}
        for a, b in pairs:
            # (1 - s) 2 S + s diag(2 S), but for the factor 1 - s: the length of the weights decides nothing.
            within = spread[a] + spread[b]
            variances = np.diagonal(within).copy()
            # Dimensions that are constant in both languages: next to nothing, so that a difference there decides.
            np.maximum(variances, variances.max() * np.finfo(variances.dtype).eps, out=variances)
            np.fill_diagonal(within, variances / (1 - _SHRINKAGE))
            # A shrunk correlation matrix has no eigenvalue below the shrinkage, so that Cholesky's steps cannot fail,
            # and their rounding does not depend on the scale of a dimension (Higham 2002, theorem 10.6).
            weights = solve(within.T, means[a] - means[b], lower=True, overwrite_a=True)[1]
            threshold = weights @ (means[a] + means[b]) / 2
            scores = [
                sign * (held[name] @ weights + (weights @ (centres[name] - middle) - threshold))
                for name, sign in ((a, 1), (b, -1))
            ]
            right[a, b][fold] = np.mean([np.heaviside(score, 0.5) for score in scores], axis=0)
    return right


def _mlp(
    arrays: Mapping[str, NDArray[np.floating]], pairs: list[Pair], folds: list[NDArray[np.intp]], seed: int
) -> dict[Pair, NDArray[np.float64]]:
    """As `_linear`, by a network that reads standardised dimensions."""
    import warnings

    from sklearn.exceptions import ConvergenceWarning
    from sklearn.neural_network import MLPClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    n_items = len(next(iter(arrays.values())))
    right = {}
    for a, b in pairs:
        right[a, b] = np.empty(n_items)
        for fold in folds:
            rest = np.setdiff1d(np.arange(n_items), fold)
            network = MLPClassifier((_HIDDEN_WIDTH,), solver="lbfgs", alpha=1.0, max_iter=100, random_state=seed)
            model = make_pipeline(StandardScaler(), network)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ConvergenceWarning)
                model.fit(np.concatenate([arrays[a][rest], arrays[b][rest]]), np.repeat([1, 0], len(rest)))
            told = [model.predict(arrays[name][fold]) == label for name, label in ((a, 1), (b, 0))]
            right[a, b][fold] = np.mean(told, axis=0)
    return right
