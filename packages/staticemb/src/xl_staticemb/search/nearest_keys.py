"""Exact nearest neighbours between large sets of vectors: cosine, CSLS, inverted softmax, inverted neighbours.

Scores are looked at tile by tile, so memory does not grow with their number. 200,000 x 200,000 vectors of 300 numbers
take one sweep for CSLS, which gives the neighbourhoods of both sides and the candidates of each query; the few queries
whose candidates do not settle the answer are looked up again among the keys that could still win.

CSLS: Conneau et al. 2018, "Word translation without parallel data". Inverted softmax: Smith et al. 2017, "Offline
bilingual word vectors". Inverted neighbours: Dinu et al. 2015, "Improving zero-shot learning by mitigating the hubness
problem".
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from xl_staticemb.errors import StaticembError
from xl_staticemb.search._sweep import TILE, sweep
from xl_staticemb.search._unit_rows import UnitRows, blocks
from xl_staticemb.search.choices import RETRIEVALS
from xl_staticemb.search.inverted import log_normalisers, rank_scores

_Floats = NDArray[np.float32]


class Nearest(NamedTuple):
    """The best keys of each query, best first."""

    indices: NDArray[np.int64]
    """(n_queries, k) rows of the keys; -1 where a query has fewer neighbours."""
    scores: NDArray[np.float32]
    """(n_queries, k), in the retrieval's own scale; -inf beside an index of -1."""


def nearest(
    queries: ArrayLike,
    keys: ArrayLike,
    k: int = 10,
    retrieval: str = "nn",
    *,
    n_neighbours: int = 10,
    temperature: float = 30.0,
    sources: ArrayLike | None = None,
    device: str = "cpu",
    tile: int = TILE,
    precision: str = "auto",
) -> Nearest:
    """The `k` best of `keys` (m, width) for each of `queries` (n, width), exact up to the rounding of float32.

    Scores of query x and key z, lengths do not matter:

    - `nn`: cos(x, z), in [-1, 1]
    - `csls`: 2 cos(x, z) - r(x) - r(z), each r the mean cosine with the `n_neighbours` nearest of the other side
    - `invsoftmax`: log of exp(b cos(x, z)) / sum over sources s of exp(b cos(s, z)), b = `temperature` (1/T, above 0;
      30 is usual in MUSE, 1 is VecMap's default)
    - `invnn`: -rank + cos(x, z) / 2, rank = 1 + number of sources that are nearer to z than x is. It sorts the
      sources of each key: meant for some thousand queries.

    `sources` (s, width) is the whole vocabulary that queries were picked from; without it the queries are taken.
    Keys of equal score come in the order of their rows; more of them than a tile holds may be cut anywhere. A row of
    zeros has cosine 0 with all; a row with a number that is not finite is nobody's neighbour and has none.
    `k` and `n_neighbours` count at most as many rows as there are, so the result has min(k, m) columns.

    `precision` auto, float32 or bfloat16 filters the tiles and never changes the answer: auto takes bfloat16 where the
    processor multiplies faster in it. Memory beside the vectors, in bytes: 2 (float32: 4) a number of the keys,
    8 a kept pair (k or, for CSLS, 2 max(k, n_neighbours) a query and n_neighbours a key), some ten tiles of `tile` x
    `tile` products, and for CSLS one more copy of the keys at most. `device` "cuda" holds both sides there.
    Raises StaticembError for vectors that do not fit together, for no keys, and for an unknown retrieval.
    """
    left, right = rows_of(queries, "queries"), rows_of(keys, "keys")
    check_request(retrieval, n_neighbours, temperature, k, precision)
    check_widths(left, right)
    pool = left if sources is None or sources is queries else rows_of(sources, "sources")
    check_widths(pool, right)
    if not len(pool):
        pool = right  # no queries: whatever is taken, nothing is asked
    k, n = min(k, len(right)), min(n_neighbours, len(right))
    search = Search(device, tile, precision)
    if retrieval == "csls":
        return _csls(search, left, right, None if pool is left else pool, k, n, n_neighbours)
    if retrieval == "invnn":
        return _inverted(left, right, pool, k)
    scale, penalty = 1.0, None
    if retrieval == "invsoftmax":
        scale, penalty = temperature, log_normalisers(right, pool, temperature, device, tile) / temperature
    centre = 0.0
    if penalty is not None:
        # Small numbers keep the float32 differences between them.
        centre = float(np.nanmean(penalty)) if np.isfinite(penalty).any() else 0.0
        right = UnitRows(right.rows, (penalty - centre).astype(np.float32))
    scores, indices = search(left, right, k, 0)[0]
    return Nearest(indices, (scale * (scores.astype(np.float64) - centre)).astype(np.float32))


def neighbourhoods(
    x: ArrayLike,
    z: ArrayLike,
    k: int = 10,
    *,
    device: str = "cpu",
    tile: int = TILE,
    precision: str = "auto",
) -> tuple[_Floats, _Floats]:
    """Both r of CSLS in one sweep: mean cosine of each row with the `k` nearest of the other side, (n,) and (m,).

    `x` (n, width), `z` (m, width). `k` counts at most as many rows as there are. A row that is not finite counts for
    nobody and has NaN. Memory as in `nearest`.
    """
    left, right = rows_of(x, "x"), rows_of(z, "z")
    check_request("nn", k, precision=precision)
    check_widths(left, right)
    if not len(left):
        message = "there are no vectors to take neighbours from"
        raise StaticembError(message)
    tops = Search(device, tile, precision)(left, right, min(k, len(right)), min(k, len(left)))
    return mean_of_best(tops[0][0]), mean_of_best(tops[1][0])


def key_penalties(
    keys: UnitRows,
    sources: UnitRows,
    retrieval: str,
    *,
    n_neighbours: int = 10,
    temperature: float = 30.0,
    device: str = "cpu",
) -> NDArray[np.float64]:
    """What to take from a query's cosine with each key (m,) so that keys are in the order of the retrieval.

    0 for `nn`, r(z) / 2 for `csls`, log sum exp(b cos) / b for `invsoftmax`. `invnn` has no such form.
    """
    if retrieval == "csls":
        return 0.5 * Search(device).neighbourhood(keys, sources, n_neighbours).astype(np.float64)
    if retrieval == "invsoftmax":
        return log_normalisers(keys, sources, temperature, device) / temperature
    if retrieval == "nn":
        return np.zeros(len(keys))
    message = f"retrieval {retrieval!r} does not take the same from every query's cosine with a key"
    raise StaticembError(message)


def check_request(
    retrieval: str, n_neighbours: int = 1, temperature: float = 1.0, k: int = 1, precision: str = "auto"
) -> None:
    """Raise StaticembError for a retrieval that is not known and for numbers out of range."""
    if retrieval not in RETRIEVALS:
        message = f"retrieval {retrieval!r} is not known; it can be {', '.join(RETRIEVALS)}"
        raise StaticembError(message)
    if precision not in ("auto", "float32", "bfloat16"):
        message = f"precision {precision!r} is not known; it can be auto, float32, bfloat16"
        raise StaticembError(message)
    if k < 1 or n_neighbours < 1:
        message = f"the number of neighbours must be at least 1, not {min(k, n_neighbours)}"
        raise StaticembError(message)
    if not 0 < temperature < float("inf"):
        message = f"the temperature must be a finite number above 0, not {temperature}"
        raise StaticembError(message)


def rows_of(vectors: ArrayLike, name: str) -> UnitRows:
    """A matrix (number, width) of any kind, to be searched; an error calls it `name`."""
    matrix = np.asarray(vectors)
    if matrix.ndim != 2:
        message = f"{name} must be a matrix of (number, width), not of shape {matrix.shape}"
        raise StaticembError(message)
    return UnitRows(matrix)


def mean_of_best(scores: _Floats) -> _Floats:
    """Mean of the scores found in each row (n, k); NaN where none was."""
    finite = np.isfinite(scores)
    total = np.where(finite, scores, 0.0).sum(axis=1, dtype=np.float64)
    with np.errstate(invalid="ignore"):
        return (total / finite.sum(axis=1)).astype(np.float32)


class Search(NamedTuple):
    """How sweeps are made; calling it makes one."""

    device: str
    tile: int = TILE
    precision: str = "auto"

    def __call__(
        self, left: UnitRows, right: UnitRows, n_left: int, n_right: int, floor: _Floats | None = None
    ) -> list[tuple[_Floats, NDArray[np.int64]]]:
        """Scores and partners of both sides, best first; see `sweep`."""
        if self.device != "cpu":
            from xl_staticemb.search._sweep_device import sweep_on_device

            return sweep_on_device(left, right, n_left, n_right, self.device)
        tops = sweep(left, right, n_left, n_right, floor=floor, tile=self.tile, precision=self.precision)
        return [top.sorted() for top in tops]

    def neighbourhood(self, rows: UnitRows, others: UnitRows, k: int) -> _Floats:
        """Mean cosine of each of `rows` with the `k` nearest of `others`, (n,)."""
        return mean_of_best(self(rows, others, min(k, len(others)), 0)[0][0])


def _csls(
    search: Search, left: UnitRows, right: UnitRows, pool: UnitRows | None, k: int, n: int, n_neighbours: int
) -> Nearest:
    # More candidates than are asked for: the k best by CSLS are often not the k best by cosine.
    n_candidates = min(len(right), 2 * max(k, n))
    if pool is None:
        (cosines, indices), (backward, _) = search(left, right, n_candidates, min(n_neighbours, max(len(left), 1)))
        r_keys = mean_of_best(backward)
    else:
        r_keys = search.neighbourhood(right, pool, n_neighbours)
        cosines, indices = search(left, right, n_candidates, 0)[0]
    r_queries = mean_of_best(cosines[:, :n])
    # Half of 2 cos - r(z), the form that a sweep with a penalty gives; r(x) is the same for all keys of a query.
    halves = np.where((indices >= 0) & np.isfinite(r_keys[indices]), cosines - 0.5 * r_keys[indices], -np.inf)
    halves = halves.astype(np.float32)
    best, chosen = best_labels(halves, indices, k)
    # A key that is no candidate has a cosine of at most the last candidate's, so it gets in only with an r below this.
    worst = cosines[:, -1].astype(np.float64)
    closed = ~np.isfinite(worst)  # all keys that count are candidates
    limits = 2.0 * (np.where(closed, 0.0, worst) - np.where(closed, 0.0, best[:, -1])) + 1e-5
    order = np.argsort(r_keys, kind="stable")[: int(np.isfinite(r_keys).sum())]
    sorted_r = r_keys[order]
    n_open = np.searchsorted(sorted_r, limits) if n_candidates < len(right) else np.zeros(len(left), dtype=np.int64)
    n_open[closed] = 0
    unsettled = np.argsort(-n_open, kind="stable")[: int((n_open > 0).sum())]
    places = np.full(len(right), len(right))
    places[order] = np.arange(order.size)
    for start, stop in blocks(unsettled.size, max(search.tile, 1)):
        rows = unsettled[start:stop]
        open_keys = order[: n_open[rows[0]]]
        part = UnitRows(right.rows[open_keys], 0.5 * r_keys[open_keys])
        found, where = search(left.take(rows), part, min(k, len(part)), 0, floor=best[rows, -1])[0]
        known, labels = halves[rows], indices[rows]
        again = (labels >= 0) & (places[labels] < open_keys.size)
        both = np.concatenate([np.where(again, np.float32(-np.inf), known), found], axis=1)
        names = np.concatenate([labels, np.where(where >= 0, open_keys[where], -1)], axis=1)
        best[rows], chosen[rows] = best_labels(both, names, k)
    scores = np.where(chosen >= 0, 2.0 * best - r_queries[:, None], -np.inf)
    return Nearest(chosen, scores.astype(np.float32))


def best_labels(scores: _Floats, labels: NDArray[np.int64], k: int) -> tuple[_Floats, NDArray[np.int64]]:
    """The `k` best of each row, of equal ones those with the lower label."""
    order = np.lexsort((labels, -scores), axis=1)[:, :k]
    best, chosen = np.take_along_axis(scores, order, axis=1), np.take_along_axis(labels, order, axis=1)
    return best, np.where(np.isfinite(best), chosen, -1)


def _inverted(left: UnitRows, right: UnitRows, pool: UnitRows, k: int) -> Nearest:
    best = np.full((len(left), k), -np.inf)
    chosen = np.full((len(left), k), -1, dtype=np.int64)
    for first, last, scores in rank_scores(left, right, pool):
        both = np.concatenate([best, np.where(np.isnan(scores), -np.inf, scores)], axis=1)
        labels = np.concatenate([chosen, np.broadcast_to(np.arange(first, last), scores.shape)], axis=1)
        order = np.argsort(-both, axis=1, kind="stable")[:, :k]  # earlier keys stand before later ones
        best, chosen = np.take_along_axis(both, order, axis=1), np.take_along_axis(labels, order, axis=1)
    return Nearest(np.where(np.isfinite(best), chosen, -1), best.astype(np.float32))


def check_widths(left: UnitRows, right: UnitRows) -> None:
    """StaticembError for vectors of two widths, and for no keys on the right."""
    if left.width != right.width:
        message = f"both sets of vectors must have one width, not {left.width} and {right.width}"
        raise StaticembError(message)
    if not len(right):
        message = "there are no keys to search"
        raise StaticembError(message)
