"""Supervised mapping from file to file: time and peak memory, against a plain transcription, and at millions of words.

    uv run python -m tests.bench.bench_map_files [--words 20000] [--large 0]

Ours is `map_files` with the preset supervised and 2,500 pairs. The peer is the same map written plainly from its
formulas, as the published program works: both files read line by line with `numpy.fromstring`, everything in memory,
each number written with `%.6g`. Each run is a process of its own; the start of the interpreter is not timed.
`--large N` then maps N words a side, binary to binary, ours only, and reports the peak of resident memory.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from xl_staticemb import VectorWriter

PAIRS = 2500
OURS = """
import json, sys, time, resource
from xl_staticemb import MappingConfig, map_files
source, target, out_source, out_target, n_pairs, digits = sys.argv[1:]
pairs = [(f"s{i}", f"t{i}") for i in range(int(n_pairs))]
wall, cpu = time.perf_counter(), time.process_time()
config = MappingConfig.preset("supervised")
map_files(source, target, out_source, out_target, config, dictionary=pairs, digits=int(digits))
took = time.perf_counter() - wall, time.process_time() - cpu
peak = int(next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1]) / 1024
print(json.dumps([*took, peak]))
"""
PEER = """
import json, sys, time
import numpy as np
source, target, out_source, out_target, n_pairs, digits = sys.argv[1:]
def read(path):
    with open(path, encoding="utf-8", errors="surrogateescape") as lines:
        n, width = map(int, lines.readline().split())
        words, matrix = [], np.empty((n, width), dtype=np.float32)
        for row in range(n):
            word, numbers = lines.readline().split(" ", 1)
            words.append(word)
            matrix[row] = np.fromstring(numbers, sep=" ", dtype=np.float32)
    return words, matrix
def write(path, words, matrix):
    with open(path, "w", encoding="utf-8", errors="surrogateescape") as out:
        print("%d %d" % matrix.shape, file=out)
        for word, vector in zip(words, matrix):
            print(word + " " + " ".join(["%.6g" % number for number in vector]), file=out)
def unit(m):
    return m / np.linalg.norm(m, axis=1, keepdims=True)
wall, cpu = time.perf_counter(), time.process_time()
(xw, x), (zw, z) = read(source), read(target)
x, z = (unit(unit(m) - unit(m).mean(axis=0)) for m in (x, z))
xi = {word: row for row, word in enumerate(xw)}
zi = {word: row for row, word in enumerate(zw)}
rows = [(xi[f"s{i}"], zi[f"t{i}"]) for i in range(int(n_pairs))]
xd, zd = x[[i for i, _ in rows]], z[[j for _, j in rows]]
def whitening(m):
    _, s, vt = np.linalg.svd(m, full_matrices=False)
    return vt.T @ np.diag(1 / s) @ vt
wx, wz = whitening(xd), whitening(zd)
a, s, bt = np.linalg.svd((xd @ wx).T @ (zd @ wz))
mx = wx @ a @ np.diag(s**0.5) @ a.T @ np.linalg.inv(wx) @ a
mz = wz @ bt.T @ np.diag(s**0.5) @ bt @ np.linalg.inv(wz) @ bt.T
write(out_source, xw, x @ mx)
write(out_target, zw, z @ mz)
took = time.perf_counter() - wall, time.process_time() - cpu
peak = int(next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1]) / 1024
print(json.dumps([*took, peak]))
"""


def make(folder: Path, n_words: int, width: int, suffix: str) -> tuple[Path, Path]:
    """Vectors and a turned, noisy copy of them, block by block."""
    rng = np.random.default_rng(0)
    rotation = np.linalg.qr(rng.normal(size=(width, width)))[0].astype(np.float32)
    paths = folder / f"source{suffix}", folder / f"target{suffix}"
    with VectorWriter(paths[0], n_words, width) as source, VectorWriter(paths[1], n_words, width) as target:
        for start in range(0, n_words, 10_000):
            n = min(10_000, n_words - start)
            x = rng.standard_normal((n, width), dtype=np.float32) / np.float32(width**0.5)
            noise = rng.standard_normal((n, width), dtype=np.float32) * np.float32(0.3 / width**0.5)
            source.write([f"s{row}" for row in range(start, start + n)], x)
            target.write([f"t{row}" for row in range(start, start + n)], x @ rotation + noise)
    return paths


def run(script: str, arguments: list[object]) -> list[float]:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script, *map(str, arguments)], capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)


def report(name: str, took: list[float], ours: list[float]) -> None:
    wall, cpu, peak = took
    print(
        f"  {name:24s} wall {wall:7.2f} s ({wall / ours[0]:4.1f} x ours)   CPU {cpu:7.2f} s ({cpu / ours[1]:4.1f} x)   "
        f"peak {peak:6.0f} MiB ({peak / ours[2]:.1f} x)"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--words", type=int, default=20_000)
    parser.add_argument("--width", type=int, default=300)
    parser.add_argument("--large", type=int, default=0, help="words of a second run, binary files")
    parser.add_argument("--folder", help="where the files are made for the time of the run")
    arguments = parser.parse_args()
    with TemporaryDirectory(dir=arguments.folder) as scratch:
        folder = Path(scratch)
        if arguments.words:
            paths = make(folder, arguments.words, arguments.width, ".vec")
            outs = folder / "x.vec", folder / "z.vec"
            print(f"{arguments.words} x {arguments.width} a side, text to text")
            ours = run(OURS, [*paths, *outs, PAIRS, 9])
            report("ours", ours, ours)
            report("ours, six digits", run(OURS, [*paths, *outs, PAIRS, 6]), ours)
            report("plain transcription", run(PEER, [*paths, *outs, PAIRS, 6]), ours)
            for path in (*paths, *outs):
                path.unlink()
        if arguments.large:
            paths = make(folder, arguments.large, arguments.width, ".bin")
            print(f"{arguments.large} x {arguments.width} a side, binary to binary")
            ours = run(OURS, [*paths, folder / "x.bin", folder / "z.bin", PAIRS, 9])
            report("ours", ours, ours)


if __name__ == "__main__":
    main()
