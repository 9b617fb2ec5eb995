"""A step of RCSLS beside its formula in plain numpy: CPU seconds a step, both on one thread, and the most memory.

    OMP_NUM_THREADS=1 uv run python -m tests.bench.bench_rcsls

The plain way is the published sum with matrices: all products of the dictionary's words with all words of the other
side, the ten largest of each row by `argpartition`, their mean, three products; a block of pairs at a time, where the
published code takes all at once (12 GB at the sizes of the paper: 200,000 words a side, 5,000 pairs). Words are random.
The two take turns, each round in a process of its own; the ratio is that of the medians.
"""

import argparse
import resource
import statistics
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np
import torch
from numpy.typing import NDArray

from tests.bench.rows import note
from xl_staticemb import Normalization
from xl_staticemb.mapping.descent.rcsls import RcslsLoss

_PRODUCTS = 50_000_000  # at a time: 200 MB, and twice as much for the columns that argpartition gives


def plain(x: NDArray, z: NDArray, pairs: NDArray, w: NDArray, k: int = 10) -> tuple[float, NDArray]:
    """Loss and subgradient, a block of pairs at a time so that the products fit into memory."""
    gradient = np.zeros_like(w)
    n_rows = max(1, _PRODUCTS // len(z))
    for start in range(0, len(pairs), n_rows):
        rows = pairs[start : start + n_rows]
        left, right = x[rows], z[rows]
        near_z = np.argpartition(-(left @ w @ z.T), k, axis=1)[:, :k]
        near_x = np.argpartition(-(right @ w.T @ x.T), k, axis=1)[:, :k]
        gradient += -2 * left.T @ right + left.T @ z[near_z].mean(1) + x[near_x].mean(1).T @ right
    gradient /= len(pairs)
    return float((gradient * w).sum()), gradient


def one(way: str, words: int, n_pairs: int, width: int) -> tuple[float, float, float]:
    """CPU seconds of a step, its loss, and what it takes of memory beside the vectors, in MiB."""
    torch.set_num_threads(1)
    rng = np.random.default_rng(0)
    x, z = (Normalization(("unit",)).fit_apply(rng.standard_normal((words, width), dtype=np.float32)) for _ in range(2))
    w = np.linalg.qr(rng.normal(size=(width, width)))[0].astype(np.float32)
    rows = np.arange(n_pairs)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    begin = time.process_time()
    loss = RcslsLoss(x, z, (rows, rows))(torch.from_numpy(w))[0] if way == "ours" else plain(x, z, rows, w)[0]
    seconds = time.process_time() - begin
    return seconds, loss, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--words", type=int, default=50_000)
    parser.add_argument("--pairs", type=int, default=5_000)
    parser.add_argument("--width", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    seconds: dict[str, list[float]] = {"ours": [], "plain": []}
    for _ in range(arguments.rounds):
        for way, its in seconds.items():
            with ProcessPoolExecutor(1, get_context("spawn")) as own:
                took, loss, memory = own.submit(one, way, arguments.words, arguments.pairs, arguments.width).result()
            its.append(took)
            print(f"{way}: {took:.2f} s, loss {loss:.6f}, {memory:.0f} MiB beside the vectors", flush=True)
    medians = {way: statistics.median(its) for way, its in seconds.items()}
    size = f"{arguments.words} words, {arguments.pairs} pairs"
    note(
        "RCSLS step", size, ours=medians["ours"], peer=medians["plain"], package="its formula in numpy", unit="s of CPU"
    )
    print(f"ratio {statistics.median(seconds['plain']) / statistics.median(seconds['ours']):.2f}")


if __name__ == "__main__":
    main()
