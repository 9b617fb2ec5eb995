"""A step of RCSLS beside its formula in plain numpy: time a step, both on one thread.

    OMP_NUM_THREADS=1 uv run python -m tests.bench.bench_rcsls

The plain way is the published sum with matrices: all products of the dictionary's words with all words of the other
side, the ten largest of each row by `argpartition`, their mean, three products. Words are random; 5,000 pairs as in the
paper.
"""

import argparse
import time

import numpy as np
import torch
from numpy.typing import NDArray

from xl_staticemb import Normalization
from xl_staticemb.mapping.descent.rcsls import RcslsLoss


def plain(x: NDArray, z: NDArray, pairs: NDArray, w: NDArray, k: int = 10) -> tuple[float, NDArray]:
    """Loss and subgradient, a block of 1,000 pairs at a time so that the products fit into memory."""
    gradient = np.zeros_like(w)
    for start in range(0, len(pairs), 1000):
        rows = pairs[start : start + 1000]
        left, right = x[rows], z[rows]
        near_z = np.argpartition(-(left @ w @ z.T), k, axis=1)[:, :k]
        near_x = np.argpartition(-(right @ w.T @ x.T), k, axis=1)[:, :k]
        gradient += -2 * left.T @ right + left.T @ z[near_z].mean(1) + x[near_x].mean(1).T @ right
    gradient /= len(pairs)
    return float((gradient * w).sum()), gradient


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--words", type=int, default=50_000)
    parser.add_argument("--pairs", type=int, default=5_000)
    parser.add_argument("--width", type=int, default=300)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    rng = np.random.default_rng(0)
    x, z = (
        Normalization(("unit",)).fit_apply(rng.normal(size=(arguments.words, arguments.width)).astype(np.float32))
        for _ in range(2)
    )
    w = np.linalg.qr(rng.normal(size=(arguments.width, arguments.width)))[0].astype(np.float32)
    rows = np.arange(arguments.pairs)
    loss = RcslsLoss(x, z, (rows, rows))
    seconds = {}
    for name, step in (("ours", lambda: loss(torch.from_numpy(w))[0]), ("plain", lambda: plain(x, z, rows, w)[0])):
        begin = time.process_time()
        value = step()
        seconds[name] = time.process_time() - begin
        print(f"{name}: {seconds[name]:.2f} s, loss {value:.6f}")
    print(f"ratio {seconds['plain'] / seconds['ours']:.1f}")


if __name__ == "__main__":
    main()
