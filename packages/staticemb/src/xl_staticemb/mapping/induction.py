"""One dictionary from two mapped vocabularies: nearest neighbours under CSLS with the published stochastic dropping.

Artetxe et al. 2018 (ACL), section 3.3: of the scores x_i.z_j - r(z_j)/2 each is kept with probability p and else set to
0, and the best is taken, forward (for each i) and backward (for each j) with draws of their own. Drawing a mask of
n_x x n_z numbers is not needed for that: the rank of the first kept score is geometric, so a row needs its best few
dozen scores only, and one draw.

Each product x_i.z_j is computed once an iteration. Maps change little from one iteration to the next, so the
neighbourhoods r and the scores at a certain depth of the last iteration tell which products can matter in this one;
those few are kept and sorted. A row for which they turn out not to suffice is scored as a whole.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from xl_staticemb.mapping.candidate_sweep import Candidates, Thresholds, largest_norm, multiply, sweep_candidates

_LATER = 2  # candidates for r, times the neighbourhood: the rows that are near change a little between iterations
_DEEP = 1e-3  # share of rows whose geometric rank may lie deeper than their candidates
_LEAST = 16  # candidates for the dictionary at least
_ROUNDING = 2e-6  # float32 products of the same unit vectors differ by less, of longer ones in proportion
_BLOCK = 10_240_000  # products at a time where rows are scored as a whole
_SAMPLE = 1024  # rows of the other side that first thresholds are taken from
# Candidates at most: this share of all products, and so many a row. More are found where thresholds of the last map
# say nothing about this one.
_FEW, _PER_ROW = 32, 256


@dataclass(frozen=True)
class Induced:
    """A dictionary as rows of the other side: `forward` (n_x,) and `backward` (n_z,) int64, on the device."""

    forward: Tensor
    backward: Tensor
    nearest_x: float  # mean over x of the best product, without CSLS and dropping
    nearest_z: float


@dataclass
class _Side:
    """What is known of one side's rows after an iteration."""

    half: Tensor  # (n,) r/2
    nearest: float
    raw: Tensor  # (n,) product at the depth wanted for the next r
    score: Tensor  # (n,) score x_i.z_j - r(z_j)/2 at the depth wanted for the next pick


_Sides = tuple[_Side, _Side]


class Inducer:
    """Induces dictionaries again and again for maps that change little. `csls` is the neighbourhood, 0 for products.

    `n_rescored` counts the rows that were scored as a whole, of all calls.
    """

    def __init__(self, csls: int, precision: str = "float32") -> None:
        self.csls = csls
        self.precision = precision
        self.n_rescored = 0
        self._sides: _Sides | None = None
        self._rounding = 0.0

    def __call__(self, x: Tensor, z: Tensor, keep: float, rng: np.random.Generator) -> Induced:
        """Dictionary of mapped rows `x` (n_x, k) and `z` (n_z, k) float32; scores stay with probability `keep`.

        The vocabularies must be the same in each call, and so their sizes.
        """
        draws = [_draw(len(rows), keep, rng, x.device) for rows in (x, z)]
        depth = _LEAST if keep == 1 else max(_LEAST, int(np.ceil(np.log(_DEEP) / np.log1p(-keep))))
        self._rounding = _ROUNDING * largest_norm(x) * largest_norm(z)
        sides = self._sides
        candidates = self._sweep(x, z, sides) if sides else None
        if sides and candidates:
            left, right = self._near(x, z, candidates, sides[0]), self._near(z, x, candidates.turned(), sides[1])
        else:
            left, right, sides, candidates = self._start(x, z, depth)
        forward = self._pick(x, z, candidates, sides, (left, right), depth, draws[0])
        backward = self._pick(z, x, candidates.turned(), sides[::-1], (right, left), depth, draws[1])
        self._sides = (left, right)
        return Induced(forward, backward, left.nearest, right.nearest)

    def _sweep(self, x: Tensor, z: Tensor, sides: _Sides) -> Candidates | None:
        left, right = sides
        most = len(x) * len(z) // _FEW + _PER_ROW * (len(x) + len(z))
        return sweep_candidates(
            x,
            z,
            Thresholds(left.raw, left.score, right.half),
            Thresholds(right.raw, right.score, left.half),
            precision=self.precision,
            most=most,
        )

    def _start(self, x: Tensor, z: Tensor, depth: int) -> tuple[_Side, _Side, _Sides, Candidates]:
        """Both sides and the candidates with nothing known: thresholds from a sample, first for r, then with it."""
        near = _LATER * max(self.csls, 1)
        none = torch.full_like(x[:, 0], torch.inf), torch.full_like(z[:, 0], torch.inf)
        zeros = torch.zeros_like(x[:, 0]), torch.zeros_like(z[:, 0])
        sides = (
            _Side(zeros[0], 0.0, _sampled(x, z, zeros[1], near), none[0]),
            _Side(zeros[1], 0.0, _sampled(z, x, zeros[0], near), none[1]),
        )
        candidates = self._sweep(x, z, sides) or Candidates.none(x.device)
        left, right = self._near(x, z, candidates, sides[0]), self._near(z, x, candidates.turned(), sides[1])
        sides = (
            _Side(left.half, 0.0, none[0], _sampled(x, z, right.half, depth)),
            _Side(right.half, 0.0, none[1], _sampled(z, x, left.half, depth)),
        )
        return left, right, sides, self._sweep(x, z, sides) or Candidates.none(x.device)

    def _near(self, x: Tensor, z: Tensor, candidates: Candidates, before: _Side) -> _Side:
        """r/2 and the best product of each row of x; `before` holds the thresholds that they were found with."""
        k = min(max(self.csls, 1), len(z))
        depth = min(_LATER * k, len(z))
        ranked = candidates.ranked(candidates.scores, before.raw)
        best = ranked.at(torch.ones_like(ranked.counts))[0]
        means, raw = ranked.top_mean(k), ranked.depth(depth)
        for rows, products in self._whole(x, z, (ranked.counts < k).nonzero()[:, 0]):
            top = products.topk(depth, dim=1).values
            best[rows], means[rows], raw[rows] = top[:, 0], top[:, :k].mean(1), top[:, -1]
        half = means / 2 if self.csls else torch.zeros_like(means)
        return _Side(half, float(best.double().mean()), raw, raw)

    def _pick(
        self, x: Tensor, z: Tensor, candidates: Candidates, before: _Sides, now: _Sides, depth: int, draw: "_Draw"
    ) -> Tensor:
        """The column that wins each row of x (n_x,); in `now[0].score` the thresholds for the next time."""
        offset = now[1].half
        depth = min(depth, len(z))
        # What is not a candidate scored below the threshold with the r of last time, so below this with today's.
        lost = float((before[1].half - offset).max()) + self._rounding
        ranked = candidates.ranked(candidates.scores - offset[candidates.columns], before[0].score + lost)
        scores, picked = ranked.at(draw.rank)
        wins = (ranked.counts >= draw.rank) & ((scores > 0) | draw.all_kept)
        bar = ranked.depth(depth)
        for rows, products in self._whole(x, z, (~wins).nonzero()[:, 0]):
            products -= offset
            picked[rows] = draw.winners(products, rows)
            bar[rows] = products.topk(depth, dim=1).values[:, -1]
        now[0].score = bar - lost
        return picked

    def _whole(self, x: Tensor, z: Tensor, rows: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
        """All products of some rows of x, block by block."""
        self.n_rescored += len(rows)
        size = max(1, _BLOCK // len(z))
        for start in range(0, len(rows), size):
            part = rows[start : start + size]
            yield part, multiply(x[part], z)


@dataclass(frozen=True)
class _Draw:
    """The random part of one direction: which of a row's sorted scores is the first that is kept."""

    rank: Tensor  # (n,) from 1
    negative: Tensor  # (n,) which of the scores below 0, in the order of columns, is the first that is dropped, from 1
    all_kept: bool

    def winners(self, scores: Tensor, rows: Tensor) -> Tensor:
        """Winner of each row of `scores` (b, n_columns), which are the rows `rows` of their side."""
        if self.all_kept:
            return scores.argmax(1)
        rank = self.rank[rows]
        positive = (scores > 0).sum(1)
        kept = rank <= positive
        # sorted as deep as needed
        deepest = int(rank[kept].max()) if bool(kept.any()) else 1
        order = scores.topk(min(deepest, scores.shape[1]), dim=1).indices
        winners = order.gather(1, (rank - 1).clamp(max=order.shape[1] - 1)[:, None])[:, 0]
        # Where all above 0 are dropped they score 0, as do dropped negative ones, and the first column with a 0 wins.
        below = scores < 0
        zero = ~below | (below & (below.cumsum(1) == self.negative[rows][:, None]))
        first = zero.to(torch.uint8).argmax(1)
        first = torch.where(zero.any(1), first, scores.argmax(1))
        return torch.where(kept, winners, first)


def _draw(n_rows: int, keep: float, rng: np.random.Generator, device: torch.device) -> _Draw:
    if keep == 1:
        ones = torch.ones(n_rows, dtype=torch.int64, device=device)
        return _Draw(ones, ones, True)
    rank, negative = rng.geometric(keep, n_rows), rng.geometric(1 - keep, n_rows)
    return _Draw(torch.from_numpy(rank).to(device), torch.from_numpy(negative).to(device), False)


def _sampled(x: Tensor, z: Tensor, offset: Tensor, depth: int) -> Tensor:
    """Score x_i.z_j - offset_j (n_x,) that about `depth` or more columns of each row reach, from a sample of them."""
    columns = torch.arange(0, len(z), max(1, len(z) // _SAMPLE), device=x.device)
    share = depth * len(columns) / len(z)
    rank = share if len(columns) == len(z) else share + 2 * share**0.5 + 1
    rank = min(int(np.ceil(rank)), len(columns))
    keys, less = z[columns], offset[columns]
    size = max(1, _BLOCK // len(columns))
    parts = [(multiply(part, keys) - less).topk(rank, dim=1).values[:, -1] for part in x.split(size)]
    return torch.cat(parts)


def mutual_rows(induced: Induced) -> Tensor:
    """Rows of x (m,) int64, ascending, whose pick in z picks them."""
    rows = torch.arange(len(induced.forward), device=induced.forward.device)
    return (induced.backward[induced.forward] == rows).nonzero()[:, 0]


def mutual_share(forward: NDArray, backward: NDArray) -> float:
    """Share of rows whose neighbour has them for its own neighbour, in [0, 1]."""
    return float(np.mean(backward[forward] == np.arange(len(forward))))
