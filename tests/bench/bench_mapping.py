"""Self-learning and whole maps beside a plain transcription of the published formulas. Run by hand.

    uv run python -m tests.bench.bench_mapping [--words 20000] [--width 300] [--precision bfloat16]
    uv run python -m tests.bench.bench_mapping --whole 5000      (a complete unsupervised run, ours alone)
    uv run python -m tests.bench.bench_mapping --agreement 5     (P@1 at the end of both, mean over so many seeds)

Vectors are clusters of Gaussian words and a noisy rotation of them. Each measurement is a process of its own with one
thread: processor seconds an iteration (the first is not counted) and the most memory the process held. The peer
computes the scores of both directions with two products each, draws a mask in double precision, and takes the
neighbourhoods by repeated argmax, as the loop is usually written with numpy.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import time

import numpy as np
from numpy.typing import NDArray

from tests.bench.rows import note

_BATCH = 10_000  # rows of the peer's score matrices at a time


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--words", type=int, default=20_000)
    parser.add_argument("--width", type=int, default=300)
    parser.add_argument("--iterations", type=int, default=3, help="of which the first is not counted")
    parser.add_argument("--precision", default="float32")
    parser.add_argument("--whole", type=int, default=0, help="words of a complete unsupervised run")
    parser.add_argument("--agreement", type=int, default=0, help="seeds of complete runs of both, 1,000 x 50 words")
    parser.add_argument("--worker", default="", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        print(json.dumps(worker(arguments)))
        return
    if arguments.whole:
        found = measured(arguments, "whole:0.1")
        print(f"unsupervised, {arguments.whole} x {arguments.width}: {found}")
        return
    if arguments.agreement:
        agreement(arguments.agreement)
        return
    for keep in ("0.1", "1"):
        seconds, memory = {}, {}
        for program in ("ours", "peer"):
            found = measured(arguments, f"{program}:{keep}")
            seconds[program], memory[program] = found["seconds"], found["megabytes"]
            print(
                f"keep {keep:>3} {program}: {seconds[program]:6.2f} s an iteration, {memory[program]:5.0f} MB at most, "
                f"objective {found['objective']:.6f}",
                flush=True,
            )
        ratio, share = seconds["peer"] / seconds["ours"], memory["ours"] / memory["peer"]
        print(f"keep {keep:>3}: {ratio:.1f} times the peer's speed, {share:.2f} of its memory")
        what, size = f"self-learning, an iteration, keep {keep}", f"{arguments.words} x {arguments.width}"
        for unit, figures in (("s of CPU", seconds), ("MB", memory)):
            note(
                what, size, ours=figures["ours"], peer=figures["peer"], package="VecMap's formulas in numpy", unit=unit
            )


def measured(arguments: argparse.Namespace, program: str) -> dict:
    """What a process of its own found."""
    options = [
        *("--words", str(arguments.whole or arguments.words), "--width", str(arguments.width)),
        *("--iterations", str(arguments.iterations), "--precision", arguments.precision, "--worker", program),
    ]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "tests.bench.bench_mapping", *options]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    return json.loads(done.stdout.splitlines()[-1])


def worker(arguments: argparse.Namespace) -> dict:
    program, keep = arguments.worker.split(":")
    x, z = vectors(arguments.words, arguments.width)
    if program == "whole":
        return whole(x, z)
    run = ours if program == "ours" else peer
    seconds, objective = run(x, z, float(keep), arguments.iterations, arguments.precision)
    # the last few say more than the first, which begins without what the others know
    return {"seconds": float(np.mean(seconds[1:])), "megabytes": megabytes(), "objective": objective}


def vectors(n: int, width: int, noise: float = 1.0) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((n // 50, width), np.float32)[rng.integers(0, n // 50, n)]
    x += rng.standard_normal((n, width), np.float32)
    z = x @ np.linalg.qr(rng.standard_normal((width, width)))[0].astype(np.float32)
    z += np.float32(noise) * rng.standard_normal((n, width), np.float32)
    x, z = (side / np.linalg.norm(side, axis=1, keepdims=True) for side in (x, z))
    return x, z


def ours(x: NDArray, z: NDArray, keep: float, n_iterations: int, precision: str) -> tuple[list[float], float]:
    import torch

    from xl_staticemb import MappingConfig, learn_mapping

    torch.set_num_threads(1)
    times = [time.process_time()]
    options = {"keep": keep, "max_iterations": n_iterations, "precision": precision, "map": "orthogonal"}
    config = MappingConfig.preset(
        "semi_supervised", **options, whiten=False, src_reweight=0.0, trg_reweight=0.0, src_dewhiten="none",
        trg_dewhiten="none",
    )  # fmt: skip
    start = np.arange(500)
    mapping = learn_mapping(x, z, config, pairs=(start, start), progress=lambda *_: times.append(time.process_time()))
    return np.diff(times).tolist(), mapping.history[-1][0]


def peer(x: NDArray, z: NDArray, keep: float, n_iterations: int, precision: str) -> tuple[list[float], float]:
    rng = np.random.default_rng(0)
    pairs = np.arange(500), np.arange(500)
    times, objective = [time.process_time()], 0.0
    for _ in range(n_iterations):
        u, _, vt = np.linalg.svd(z[pairs[1]].T @ x[pairs[0]])
        mapped = x @ (vt.T @ u.T)
        forward, nearest_x = one_direction(mapped, z, keep, rng)
        backward, nearest_z = one_direction(z, mapped, keep, rng)
        objective = (nearest_x + nearest_z) / 2
        pairs = np.r_[np.arange(len(x)), backward], np.r_[forward, np.arange(len(z))]
        times.append(time.process_time())
    return np.diff(times).tolist(), float(objective)


def one_direction(x: NDArray, z: NDArray, keep: float, rng: np.random.Generator) -> tuple[NDArray, float]:
    """For each row of x the z_j of the best x.z_j - r(z_j) / 2 after dropping, and the mean of the best x.z_j."""
    r_z = np.empty(len(z), np.float32)
    for start in range(0, len(z), _BATCH):
        r_z[start : start + _BATCH] = mean_of_best(z[start : start + _BATCH] @ x.T, 10)
    best, picked = np.empty(len(x), np.float32), np.empty(len(x), np.int64)
    for start in range(0, len(x), _BATCH):
        rows = slice(start, start + _BATCH)
        scores = x[rows] @ z.T
        best[rows] = scores.max(axis=1)
        scores -= r_z / 2
        if keep < 1:
            scores *= rng.random(scores.shape) < keep
        picked[rows] = scores.argmax(axis=1)
    return picked, float(best.mean())


def mean_of_best(scores: NDArray, k: int) -> NDArray:
    total = np.zeros(len(scores), np.float32)
    rows = np.arange(len(scores))
    for _ in range(k):
        best = scores.argmax(axis=1)
        total += scores[rows, best]
        scores[rows, best] = -np.inf
    return total / k


def agreement(n_seeds: int) -> None:
    """Self-learning from 100 pairs to its end by both programs, an orthogonal map last: P@1 by cosine, in per cent."""
    from xl_staticemb import MappingConfig, learn_mapping

    x, z = vectors(1000, 50, noise=1.3)
    start = np.arange(100)
    config = MappingConfig.preset("orthogonal", self_learning=True)
    found: dict[str, list[float]] = {"ours": [], "peer": []}
    for seed in range(n_seeds):
        mapping = learn_mapping(x, z, config, pairs=(start, start), seed=seed)
        found["ours"].append(100 * precision(x @ mapping.source, z))
        found["peer"].append(100 * precision(x @ peer_to_the_end(x, z, start, seed), z))
        print(f"seed {seed}: ours {found['ours'][-1]:.1f}, peer {found['peer'][-1]:.1f}", flush=True)
    ours, theirs = np.mean(found["ours"]), np.mean(found["peer"])
    print(f"P@1, mean of {n_seeds} seeds: ours {ours:.2f}, peer {theirs:.2f}, ours is {ours - theirs:+.2f} points away")


def peer_to_the_end(x: NDArray, z: NDArray, start: NDArray, seed: int) -> NDArray:
    """The rotation that the published loop ends with."""
    rng = np.random.default_rng(seed)
    pairs, keep, best, improved, iteration = (start, start), 0.1, -np.inf, 0, 1
    while True:
        u, _, vt = np.linalg.svd(z[pairs[1]].T @ x[pairs[0]])
        rotation = vt.T @ u.T
        forward, nearest_x = one_direction(x @ rotation, z, keep, rng)
        backward, nearest_z = one_direction(z, x @ rotation, keep, rng)
        pairs = np.r_[np.arange(len(x)), backward], np.r_[forward, np.arange(len(z))]
        objective = (nearest_x + nearest_z) / 2
        if objective - best >= 1e-6:
            best, improved = objective, iteration
        iteration += 1
        if iteration - improved > 50:
            if keep >= 1:
                u, _, vt = np.linalg.svd(z[pairs[1]].T @ x[pairs[0]])
                return vt.T @ u.T
            keep, improved = min(1.0, 2 * keep), iteration


def precision(left: NDArray, right: NDArray) -> float:
    return float(np.mean((left @ right.T).argmax(1) == np.arange(len(left))))


def whole(x: NDArray, z: NDArray) -> dict:
    import torch

    from xl_staticemb import MappingConfig, learn_mapping

    torch.set_num_threads(1)
    start = time.process_time()
    mapping = learn_mapping(x, z, MappingConfig.preset("unsupervised"))
    seconds = time.process_time() - start
    left, right = x @ mapping.source, z @ mapping.target
    right /= np.linalg.norm(right, axis=1, keepdims=True)
    return {
        "seconds": round(seconds, 1),
        "iterations": mapping.n_iterations,
        "megabytes": round(megabytes()),
        "P@1": precision(left, right),
        "mutual": mapping.mutual,
        "objective": mapping.objective,
    }


def megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024  # kibibytes on Linux


if __name__ == "__main__":
    main()
