"""Texts from a Parquet file larger than a window: rows a second, time to the middle of an epoch, peak memory.

    XL_DATA=FOLDER uv run python -m tests.bench.bench_streams [--rows 6000000] [--group 20000]

`TextStream` against `datasets`, streaming with a shuffle buffer of as many rows. The file holds the Bible text of
XL_DATA, repeated with a number in front until there are enough rows. Each measurement is a process of its own. Ours
passes over the file once when it is opened, which is timed apart, and keeps what it found in a cache.
"""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
from pyarrow import parquet

from xl_translit import read_lines

BUFFER = 100_000
BATCH = 32
OURS = """
import json, sys, time
from xl_encoders import Prefetch, TextStream
path, cache, task, n_rows = sys.argv[1:]
started = time.perf_counter()
stream = TextStream([path], batch=32, seed=1, language_column="language", buffer=100_000, cache=cache)
opened = time.perf_counter()
if task == "read":
    stream[0]
    after_first = time.perf_counter()
    for number in range(int(n_rows) // 32):
        stream[number]
else:
    after_first = opened
    if task == "seek":
        stream[stream.n_per_epoch // 2]
ended = time.perf_counter()
peak = int(next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1]) / 1024
print(json.dumps({"open": opened - started, "first": after_first - opened, "rest": ended - after_first, "peak": peak}))
"""
PEER = """
import json, os, sys, time
import datasets
path, cache, task, n_rows = sys.argv[1:]
started = time.perf_counter()
data = datasets.load_dataset("parquet", data_files=path, split="train", streaming=True, cache_dir=cache)
data = data.shuffle(seed=1, buffer_size=100_000)
if task == "seek":
    data = data.skip(int(n_rows) // 2)
batches = iter(data.batch(32))
opened = time.perf_counter()
if task != "open":
    next(batches)
after_first = time.perf_counter()
if task == "read":
    for number in range(int(n_rows) // 32):
        next(batches)
ended = time.perf_counter()
if task == "seek":
    after_first = opened
peak = int(next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1]) / 1024
found = {"open": opened - started, "first": after_first - opened, "rest": ended - after_first, "peak": peak}
print(json.dumps(found), flush=True)
# At the end of the interpreter a stream of the peer that was not read out hangs (datasets 5.2, pyarrow 26).
os._exit(0)
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=6_000_000)
    parser.add_argument("--group", type=int, default=20_000, help="rows of a row group")
    parser.add_argument("--read", type=int, default=1_000_000, help="rows whose reading is timed")
    parser.add_argument("--folder", help="where the file is made, for use again")
    arguments = parser.parse_args()
    with TemporaryDirectory() as scratch:
        path = Path(arguments.folder or scratch) / f"texts-{arguments.rows}-{arguments.group}.parquet"
        if not path.exists():
            write_corpus(path, arguments.rows, arguments.group)
        print(
            f"{arguments.rows} rows in groups of {arguments.group}, {path.stat().st_size / 2**20:.0f} MiB compressed, "
            f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}"
        )
        found = {
            (name, task): measure(
                program, path, Path(scratch), task, arguments.rows if task == "seek" else arguments.read
            )
            for name, program in (("ours", OURS), ("datasets", PEER))
            for task in ("open", "read", "seek")
        }
    ours, peer = ({task: found[name, task] for task in ("open", "read", "seek")} for name in ("ours", "datasets"))
    print("                              ours   datasets      ratio")
    show("rows/s", arguments.read / ours["read"]["rest"], arguments.read / peer["read"]["rest"])
    show("first batch, s", peer["read"]["first"], ours["read"]["first"], swapped=True)
    show("to 50 % of an epoch, s", peer["seek"]["rest"], ours["seek"]["rest"], swapped=True)
    show("peak memory, MiB", peer["read"]["peak"], ours["read"]["peak"], swapped=True)
    print(f"ours, opening: {ours['open']['open']:.1f} s without cache, {ours['read']['open']:.2f} s with it; ", end="")
    print(f"peak {ours['open']['peak']:.0f} MiB; {ours['seek']['peak']:.0f} MiB after the jump")


def show(name: str, one: float, other: float, *, swapped: bool = False) -> None:
    """A line with ours, the peer's and by how many times ours is better; `swapped` where smaller is better."""
    ours, peer = (other, one) if swapped else (one, other)
    print(f"{name:<22} {ours:11.2f} {peer:10.2f} {one / other:10.2f}")


def measure(program: str, path: Path, scratch: Path, task: str, n_rows: int) -> dict[str, float]:
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "HF_HOME": str(scratch), "HF_HUB_OFFLINE": "1"}
    command = [sys.executable, "-c", program, str(path), str(scratch / "cache"), task, str(n_rows)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    return json.loads(done.stdout.splitlines()[-1])


def write_corpus(path: Path, n_rows: int, n_group: int) -> None:
    data = Path(os.environ["XL_DATA"])
    texts, languages = [], []
    for source in sorted(data.glob("bible/**/*.tsv.gz")):
        lines = [line.rpartition("\t")[2] for line in read_lines(source)]
        texts += lines
        languages += [source.name.partition(".")[0]] * len(lines)
    done = 0
    schema = pa.schema([("text", pa.string()), ("language", pa.string())])
    with parquet.ParquetWriter(path, schema, compression="zstd") as writer:
        while done < n_rows:
            n_here = min(len(texts), n_rows - done)
            numbered = [f"{done + i} {text}" for i, text in enumerate(texts[:n_here])]
            writer.write_table(pa.table([numbered, languages[:n_here]], schema=schema), row_group_size=n_group)
            done += n_here


if __name__ == "__main__":
    main()
