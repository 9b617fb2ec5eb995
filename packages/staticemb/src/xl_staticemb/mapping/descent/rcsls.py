"""RCSLS: the map whose loss is the criterion that words are retrieved by, made convex (Joulin et al. 2018).

"Loss in Translation: Learning Bilingual Word Mapping with a Retrieval Criterion", equation 5. Rows are words, x W is
the mapped source: the paper's W is the transpose. With unit vectors, N_Y(x W) the k words y of the target with the
largest x W y and N_X(y) the k words x' of the source with the largest x' W y, over the pairs (x_i, y_i) of a dictionary

    L(W) = 1/n sum_i ( -2 x_i W y_i + 1/k sum_{y in N_Y(x_i W)} x_i W y + 1/k sum_{x in N_X(y_i)} x W y_i ).

A sum of the k largest of linear functions is convex, hence L is, and with the neighbours held its gradient G is linear
in nothing: L(W) = <W, G>. Neighbours are looked for among all words, in the dictionary or not.

L(c W) = c L(W): without a ball a negative loss has no minimum. What the map is then is a matter of the rate and of the
number of steps, and its scale, which no retrieval by cosine sees, means nothing. The paper's best figures are of this.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from xl_staticemb.mapping.candidate_sweep import torch_device
from xl_staticemb.mapping.config import MappingConfig
from xl_staticemb.mapping.orthogonal import rotation_of
from xl_staticemb.mapping.seed_dictionary import Pairs

_BLOCK = 1 << 25  # products at a time: 128 MiB
_GROUP = 64  # columns of which only the best is looked at first
_LEAST_RATE = 1e-4  # below it nothing moves


@dataclass(frozen=True, eq=False)
class Descended:
    """The map that RCSLS ended with, and the loss before each step that was taken and at the end."""

    matrix: NDArray[np.float64]  # (d_x, d_z)
    losses: tuple[float, ...]


def rcsls_map(
    source: NDArray[np.float32],
    target: NDArray[np.float32],
    pairs: Pairs,
    config: MappingConfig,
    *,
    device: str = "cpu",
) -> Descended:
    """Subgradient descent on L from the Procrustes map of the pairs, `config.rcsls_steps` steps at most.

    source (n_x, d_x), target (n_z, d_z): unit rows by frequency, of which the first `config.cutoff` (0: all) can be
    neighbours, `config.csls` of them. A step that raises the loss is undone and the rate halved.
    """
    place = torch_device(device)
    objective = RcslsLoss(source, target, pairs, n_neighbours=config.csls, cutoff=config.cutoff, device=place)
    matrix = torch.from_numpy(rotation_of(objective.products.double().cpu().numpy()).astype(np.float32)).to(place)
    rate, losses = config.rcsls_rate, []
    before, old = np.inf, matrix
    gradient = torch.zeros_like(matrix)
    for step in range(config.rcsls_steps + 1):
        loss, new_gradient = objective(matrix)
        if loss > before:
            rate, matrix = rate / 2, old  # the gradient is still that of the old place
        else:
            before, old, gradient = loss, matrix, new_gradient
            losses.append(loss)
        if rate < _LEAST_RATE or step == config.rcsls_steps:
            break
        matrix = old - rate * gradient
        if config.ball == "spectral":
            matrix = in_spectral_ball(matrix)
    return Descended(old.double().cpu().numpy(), tuple(losses))


class RcslsLoss:
    """L and a subgradient at any map; see the module. Holds the vectors on its device."""

    def __init__(
        self,
        source: NDArray[np.float32],
        target: NDArray[np.float32],
        pairs: Pairs,
        *,
        n_neighbours: int = 10,
        cutoff: int = 0,
        device: torch.device | str = "cpu",
    ) -> None:
        self.left = torch.from_numpy(np.ascontiguousarray(source[pairs[0]])).to(device)  # (n, d_x)
        self.right = torch.from_numpy(np.ascontiguousarray(target[pairs[1]])).to(device)  # (n, d_z)
        self.source = torch.from_numpy(np.ascontiguousarray(source[: cutoff or None])).to(device)
        self.target = torch.from_numpy(np.ascontiguousarray(target[: cutoff or None])).to(device)
        self.products = self.left.T @ self.right  # (d_x, d_z)
        self.n_neighbours = n_neighbours

    def __call__(self, matrix: Tensor) -> tuple[float, Tensor]:
        """Loss at `matrix` (d_x, d_z) float32, and a subgradient of the same shape."""
        gradient = -2 * self.products
        gradient += self.left.T @ self._mean_neighbours(self.left @ matrix, self.target)
        gradient += self._mean_neighbours(self.right @ matrix.T, self.source).T @ self.right
        gradient /= len(self.left)
        return float((matrix.double() * gradient.double()).sum()), gradient

    def _mean_neighbours(self, queries: Tensor, keys: Tensor) -> Tensor:
        """Mean of the keys (m, d) with the largest products, for each query (n, d)."""
        k = min(self.n_neighbours, len(keys))
        rows = [keys[columns].mean(1) for columns in best_columns(queries, keys, k)]
        return torch.cat(rows)


def best_columns(queries: Tensor, keys: Tensor, k: int) -> Iterator[Tensor]:
    """Rows of `keys` (m, d) with the `k` largest products, (b, k) for each block of the `queries` (n, d), exactly.

    The k largest lie in the k groups of columns whose largest are largest, so that only these groups are sorted.
    """
    n_groups = len(keys) // _GROUP
    grouped = n_groups * _GROUP
    for block in queries.split(max(1, _BLOCK // len(keys))):
        products = block @ keys.T
        if n_groups < 2 * k:
            yield products.topk(k, dim=1, sorted=False).indices
            continue
        by_group = products[:, :grouped].unflatten(1, (n_groups, _GROUP))
        groups = by_group.amax(2).topk(k, dim=1, sorted=False).indices  # (b, k)
        members = by_group.gather(1, groups[:, :, None].expand(-1, -1, _GROUP)).flatten(1)
        columns = (groups[:, :, None] * _GROUP + torch.arange(_GROUP, device=keys.device)).flatten(1)
        rest = torch.arange(grouped, len(keys), device=keys.device).expand(len(block), -1)
        members, columns = torch.cat([members, products[:, grouped:]], 1), torch.cat([columns, rest], 1)
        yield columns.gather(1, members.topk(k, dim=1, sorted=False).indices)


def in_spectral_ball(matrix: Tensor) -> Tensor:
    """The nearest matrix (Frobenius) with singular values of at most 1: the convex hull of the orthogonal ones."""
    u, s, vt = torch.linalg.svd(matrix.double(), full_matrices=False)
    return ((u * s.clamp(max=1.0)) @ vt).to(matrix.dtype)
