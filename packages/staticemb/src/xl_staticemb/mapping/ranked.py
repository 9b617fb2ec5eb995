"""Candidates of many rows in one list, best first within each row."""

import numpy as np
import torch
from torch import Tensor


class Ranked:
    """Groups (row, column, score) by row and sorts each group by falling score.

    `counts` (n_rows,) how many a row has; `scores`, `columns` (m,) all groups one after the other.
    """

    def __init__(self, rows: Tensor, columns: Tensor, scores: Tensor, n_rows: int) -> None:
        bits = scores.contiguous().view(torch.int32)
        rising = bits ^ ((bits >> 31) & 0x7FFFFFFF)  # whole numbers in the order of the floats
        keys = (rows << 32) - rising  # one sort for both: the row counts more than any score
        order = torch.argsort(keys)
        self.columns, self.scores = columns[order], scores[order]
        self.counts = torch.bincount(rows, minlength=n_rows)
        self._starts = torch.cumsum(self.counts, 0) - self.counts

    def at(self, ranks: Tensor) -> tuple[Tensor, Tensor]:
        """Score and column of each row's candidate of rank `ranks` (n_rows,), 1 being the best.

        A rank beyond a row's candidates gives its last one; a row without any gives what means nothing.
        """
        if not len(self.scores):
            return self.scores.new_zeros(len(ranks)), torch.zeros_like(ranks)
        last = torch.minimum(ranks, self.counts).clamp(min=1) - 1
        place = (self._starts + last).clamp(max=len(self.scores) - 1)
        return self.scores[place], self.columns[place]

    def top_mean(self, k: int) -> Tensor:
        """Mean score of the k best of each row (n_rows,); it means something for rows with at least k of them."""
        total = self.scores.new_zeros(len(self.counts))
        for rank in range(1, k + 1):
            total += self.at(torch.full_like(self.counts, rank))[0]
        return total / k

    def depth(self, rank: int) -> Tensor:
        """Score at `rank` of each row (n_rows,); where a row has fewer, drawn out along the mean fall by log rank."""
        counts = self.counts.clamp(min=1)
        last = self.at(torch.full_like(counts, rank))[0]
        best = self.at(torch.ones_like(counts))[0]
        log_counts = torch.log(counts.clamp(max=rank).float())
        falls = (best - last)[log_counts > 0] / log_counts[log_counts > 0]
        fall = falls.mean() if len(falls) else 0.0
        return last - fall * (np.log(rank) - log_counts)
