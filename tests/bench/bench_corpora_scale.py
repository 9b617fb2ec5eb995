"""`xl translit` of a large corpus: two Ray nodes against one, and memory at ten times the rows. Run by hand.

    XL_DATA=FOLDER uv run python -m tests.bench.bench_corpora_scale [--rows 1000000] [--skip-ray]

The corpus is the Bible and Tatoeba text of XL_DATA, over and over. Nodes are sets of processes of this machine with one
processor each, so the ratio means something only while both processors are idle; the load is printed. Each count of
nodes has its turn twice, the better one counts. Memory is the peak of the process that accounts for the rows (the
driver of the engine ray, the only process of the engine local), which MAX_WORDS words and the romaniser's memory bound.
"""

import argparse
import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.bench.bench_corpora import write_corpus

LOCAL = """
import resource, sys
from xl_translit import romanize_corpus
path, out = sys.argv[1:]
romanize_corpus(path, out, pairs=True)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""
RAY = """
import resource, sys, time
from pathlib import Path
from tests.two_nodes import two_nodes
from xl_translit import romanize_corpus

small, large, folder, count = sys.argv[1:]
with two_nodes(alone=count == "1"):
    romanize_corpus(small, f"{folder}/warm{count}.parquet", pairs=True, engine="ray")  # workers start, words are learnt
    first = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    started = time.perf_counter()
    romanize_corpus(large, f"{folder}/out{count}{time.time_ns()}.parquet", pairs=True, engine="ray")
    print(time.perf_counter() - started, first, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--skip-ray", action="store_true")
    arguments = parser.parse_args()
    with TemporaryDirectory() as name:
        folder = Path(name)
        small, large = folder / "small.txt", folder / "large.txt"
        n_rows = arguments.rows // 10
        write_corpus(small, n_rows)
        data = small.read_bytes()
        with large.open("wb") as file:
            for _ in range(10):
                file.write(data)
        for ending in ("one.parquet", "shards.parquet/"):
            peaks = [float(_run(LOCAL, str(path), f"{folder}/{path.stem}-{ending}")[0]) for path in (small, large)]
            print(
                f"local, {ending:16} peak MiB at {n_rows} and {10 * n_rows} rows: {peaks[0]:.0f} {peaks[1]:.0f}, "
                f"ratio {peaks[1] / peaks[0]:.3f}",
                flush=True,
            )
        if arguments.skip_ray:
            return
        seconds: dict[int, list[float]] = {1: [], 2: []}
        for turn in (1, 2, 1, 2):
            wall, first, second = map(float, _run(RAY, str(small), str(large), str(folder), str(turn)))
            seconds[turn].append(wall)
            for path in folder.glob("warm*"):
                subprocess.run(["rm", "-r", str(path)], check=True)
            print(
                f"ray, {turn} node(s): {wall:.1f} s for {10 * n_rows} rows, load {os.getloadavg()[0]:.1f}; driver's "
                f"peak MiB {first:.0f} {second:.0f}, ratio {second / first:.3f}",
                flush=True,
            )
        print(f"two nodes against one: {min(seconds[1]) / min(seconds[2]):.2f}")


def _run(program: str, *arguments: str) -> list[str]:
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path(__file__).parents[2])}
    started = [sys.executable, "-c", program, *arguments]
    done = subprocess.run(started, check=True, env=environment, stdout=subprocess.PIPE, text=True)
    return done.stdout.split()


if __name__ == "__main__":
    main()
