"""The sweep of `_sweep` on an accelerator: float32 products, and the best of each tile merged with the best so far."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from xl_staticemb.search._unit_rows import UnitRows, blocks

_ROWS, _COLUMNS = 4096, 16384  # products of a tile: 256 MiB


def sweep_on_device(
    left: UnitRows, right: UnitRows, n_left: int, n_right: int, device: str, tile: tuple[int, int] = (_ROWS, _COLUMNS)
) -> list[tuple[NDArray[np.float32], NDArray[np.int64]]]:
    """Scores and partners of both sides, best first, as `RunningTop.sorted` gives them.

    Both sides are held on the device: 4 bytes a number, 12 a kept pair. Products are true float32 unless the caller
    has allowed torch to use TF32.
    """
    x, z = (_on_device(side, device) for side in (left, right))
    x_valid, z_valid = (torch.from_numpy(side.valid).to(device) for side in (left, right))
    penalty = None if right.penalty is None else torch.from_numpy(right.penalty).to(device)
    tops = [_Top(len(left), n_left, device), _Top(len(right), n_right, device)]
    for x_start, x_stop in blocks(len(left), tile[0]):
        for z_start, z_stop in blocks(len(right), tile[1]):
            scores = x[x_start:x_stop] @ z[z_start:z_stop].T
            if penalty is not None:
                scores -= penalty[z_start:z_stop]
            scores[~x_valid[x_start:x_stop]] = -torch.inf
            scores[:, ~z_valid[z_start:z_stop]] = -torch.inf
            tops[0].add(scores, x_start, z_start)
            tops[1].add(scores.T, z_start, x_start)
    return [top.sorted() for top in tops]


class _Top:
    def __init__(self, n_rows: int, k: int, device: str) -> None:
        self.k = k
        self.scores = torch.full((n_rows, k), -torch.inf, device=device)
        self.partners = torch.full((n_rows, k), -1, dtype=torch.int64, device=device)

    def add(self, scores: Tensor, first_row: int, first_partner: int) -> None:
        if not self.k:
            return
        rows = slice(first_row, first_row + len(scores))
        best, places = torch.topk(scores, min(self.k, scores.shape[1]), dim=1)
        both = torch.cat([self.scores[rows], best], dim=1)
        names = torch.cat([self.partners[rows], places + first_partner], dim=1)
        kept, order = torch.topk(both, self.k, dim=1)
        self.scores[rows], self.partners[rows] = kept, names.gather(1, order)

    def sorted(self) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        scores, partners = self.scores.cpu().numpy(), self.partners.cpu().numpy()
        partners[~np.isfinite(scores)] = -1
        # Lower rows first among equal scores, as on the processor.
        order = np.lexsort((partners, -scores), axis=1)
        return np.take_along_axis(scores, order, axis=1), np.take_along_axis(partners, order, axis=1)


def _on_device(side: UnitRows, device: str) -> Tensor:
    return torch.cat([torch.from_numpy(side.part(slice(*block))).to(device) for block in blocks(len(side), _COLUMNS)])
