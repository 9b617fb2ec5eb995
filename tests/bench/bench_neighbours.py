"""Exact search, ours against FAISS flat and plain torch: CPU seconds of one core, one run. By hand; needs faiss-cpu.

    uv run --with faiss-cpu python -m tests.bench.bench_neighbours

Vectors of width 300 in clumps of different density, sources and targets alike by a third, so that neighbourhoods differ
as in real vocabularies. FAISS (IndexFlatIP, k = 10) answers one direction by cosine; ours answers CSLS: the
neighbourhoods of both sides, the candidates, and the look back. torch is a product of 512 queries with all keys and
`topk`, one direction. A block of `--queries` of n stands for all of them where it says so: n / queries times its time.
Memory is the growth of the process's peak while ours runs, beside the vectors.
"""

import argparse
import os
import resource
import time
from collections.abc import Callable
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from tests.bench.rows import note
from xl_staticemb import nearest, neighbourhoods
from xl_staticemb.search._sweep import fast_bfloat16

WIDTH = 300
Answer = TypeVar("Answer")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[20_000, 50_000])
    parser.add_argument("--queries", type=int, default=0, help="FAISS and torch only answer so many; 0 answers all")
    parser.add_argument("--part", type=int, default=0, help="only the r of so many sources and all keys, 0: no")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    torch.set_num_threads(1)
    print(f"torch {torch.__version__}, bfloat16 {'faster' if fast_bfloat16() else 'not faster'} here, k = 10")
    for n in arguments.sizes:
        if arguments.part:
            compare_part(n, arguments.part, arguments.queries or n, arguments.seed)
        else:
            compare(n, arguments.queries or n, arguments.seed)


def compare(n: int, n_queries: int, seed: int) -> None:
    x, z = vectors(n, seed)
    before = peak()
    ours, found = clocked(lambda: nearest(x, z, 10, "csls"))
    grown = peak() - before
    r_time, _ = clocked(lambda: neighbourhoods(x, z))
    share = n / n_queries
    answered = "all queries" if share == 1 else f"{n_queries} queries (times {share:g})"
    print(f"\n{n} x {n} x {WIDTH}, peers answer {answered}")
    print(f"  ours, CSLS                {ours:8.1f} s   {1e9 * ours / n / n:.2f} ns a product   {grown:.0f} MB more")
    print(f"  ours, r of both sides     {r_time:8.1f} s")
    for name, peer in (("FAISS flat, cosine", faiss_flat), ("torch matmul + topk", torch_topk)):
        seconds, answers = clocked(lambda peer=peer: peer(x[:n_queries], z))
        seconds *= share
        print(f"  {name:24}  {seconds:8.1f} s   {seconds / ours:.2f}x the time of our CSLS")
        package = "faiss-cpu" if name.startswith("FAISS") else "torch"
        what = "CSLS both ways, ours; cosine one way, theirs"
        note(what, f"{n} x {n} x {WIDTH}", ours=ours, peer=seconds, package=package, unit="s")
    mine = nearest(x[:1000], z, 10)
    agree = np.mean([len(set(a) & set(b)) / 10 for a, b in zip(mine.indices, answers[:1000], strict=True)])
    print(f"  cosine neighbours that ours and torch share: {agree:.4%}; best by CSLS and by cosine differ for "
          f"{np.mean(found.indices[:1000, 0] != mine.indices[:, 0]):.1%}")  # fmt: skip


def compare_part(n: int, n_sources: int, n_queries: int, seed: int) -> None:
    """For sizes that take too long: both neighbourhoods of a part of the sources with all keys, and FAISS."""
    x, z = vectors(n, seed)
    before = peak()
    ours, _ = clocked(lambda: neighbourhoods(x[:n_sources], z))
    grown = peak() - before
    flat, _ = clocked(lambda: faiss_flat(x[:n_queries], z))
    ours, flat = ours / n_sources, flat / n_queries
    print(f"\n{n} keys, CPU ms a source (MB more: {grown:.0f}) and s times {n}")
    print(f"  ours, r of both sides, {n_sources} sources   {1e3 * ours:8.3f} ms  {ours * n:6.0f} s")
    print(f"  FAISS flat, cosine, {n_queries} queries     {1e3 * flat:8.3f} ms  {flat * n:6.0f} s   {flat / ours:.2f}x")


def vectors(n: int, seed: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    rng = np.random.default_rng(seed)
    centres = rng.standard_normal((500, WIDTH), dtype=np.float32)
    spread = np.exp(0.3 * rng.standard_normal((n, 1), dtype=np.float32))
    x = centres[rng.integers(0, 500, n)] + spread * rng.standard_normal((n, WIDTH), dtype=np.float32)
    z = x + 0.7 * spread * rng.standard_normal((n, WIDTH), dtype=np.float32)
    z[::3] = rng.standard_normal((len(z[::3]), WIDTH), dtype=np.float32)
    return tuple(side / np.linalg.norm(side, axis=1, keepdims=True) for side in (x, z))


def faiss_flat(x: NDArray[np.float32], z: NDArray[np.float32]) -> NDArray[np.int64]:
    import faiss

    faiss.omp_set_num_threads(1)
    index = faiss.IndexFlatIP(WIDTH)
    index.add(z)
    return index.search(x, 10)[1]


def torch_topk(x: NDArray[np.float32], z: NDArray[np.float32]) -> NDArray[np.int64]:
    queries, keys = torch.from_numpy(x), torch.from_numpy(z).T
    return torch.cat([torch.topk(part @ keys, 10, dim=1).indices for part in queries.split(512)]).numpy()


def clocked(step: Callable[[], Answer]) -> tuple[float, Answer]:
    start = time.process_time()
    answer = step()
    return time.process_time() - start, answer


def peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
