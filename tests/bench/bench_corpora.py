"""A corpus romanised by `romanize_corpus` and by `datasets.map`: rows a CPU second, one process and two. Run by hand.

    XL_DATA=FOLDER uv run python -m tests.bench.bench_corpora [--rows 200000] [--rounds 2] [--to phonemes --lang rus]

The corpus is the Bible and Tatoeba text of XL_DATA, cut to so many rows. Each measurement is a process of its own from
its start to its end, with those that it starts, so loading and the memory's warming are in it; Python's byte code is
there before, as after any installation. Both write Parquet with the original and the result; ours, into one file and
into a folder of shards, also hashes, counts, and looks for collisions, which its time contains. The programs take
turns; a figure is the least of the rounds. Peak is the largest resident memory of any process.
"""

import argparse
import os
import subprocess
import sys
from itertools import cycle
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.bench.rows import note
from xl_translit import read_lines

OURS = """
import sys
from xl_translit import romanize_corpus
if __name__ == "__main__":
    path, out, jobs, to, lang = sys.argv[1:]
    out += "/" * out.endswith("shards.parquet")
    romanize_corpus(path, out, pairs=True, jobs=int(jobs), to=to, lang=lang or None)
"""
PEER = """
import sys
import datasets
from xl_translit import make_transliterator
def work(batch, say):
    return {"romanized": say.batch(batch["text"])}
if __name__ == "__main__":
    path, out, jobs, to, lang = sys.argv[1:]
    datasets.disable_progress_bars()
    rows = [line for line in open(path, encoding="utf-8", newline="\\n").read().split("\\n")[:-1]]
    say = make_transliterator(to, lang or None)
    data = datasets.Dataset.from_dict({"text": rows})
    data = data.map(work, batched=True, num_proc=int(jobs) if jobs != "1" else None, fn_kwargs={"say": say})
    data.to_parquet(out)
"""

WATCH = """
import resource, subprocess, sys, time
started = time.perf_counter()
subprocess.run(sys.argv[1:], check=True)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(used.ru_utime + used.ru_stime, time.perf_counter() - started, used.ru_maxrss / 1024)
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--to", default="latn")
    parser.add_argument("--lang", default="")
    parser.add_argument("--rounds", type=int, default=1)
    arguments = parser.parse_args()
    with TemporaryDirectory() as name:
        folder = Path(name)
        write_corpus(folder / "in.txt", arguments.rows)
        (folder / "ours.py").write_text(OURS, encoding="utf-8")
        (folder / "shards.py").write_text(OURS, encoding="utf-8")
        (folder / "peer.py").write_text(PEER, encoding="utf-8")
        write_corpus(folder / "few.txt", 100)
        figures: dict[tuple[str, str], tuple[float, float, float]] = {}
        for corpus in ("few.txt", *["in.txt"] * arguments.rounds):
            for jobs in ("1", "2"):
                for program in ("ours", "shards", "peer"):
                    with TemporaryDirectory(dir=folder) as out:
                        command = [sys.executable, f"{program}.py", corpus, f"{out}/{program}.parquet", jobs]
                        found = _measured([*command, arguments.to, arguments.lang], folder)
                    if corpus == "in.txt":
                        before = figures.get((program, jobs), found)
                        figures[program, jobs] = min(before[0], found[0]), min(before[1], found[1]), found[2]
    print(
        f"{arguments.rows} rows to Parquet, whole process, {os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}"
    )
    print("jobs  program   rows/CPU s   rows/s   peak MiB   CPU ratio   ratio by the clock (datasets.map = 1)")
    for (program, jobs), (cpu, wall, peak) in figures.items():
        peer = figures["peer", jobs]
        speed = f"{arguments.rows / cpu:12.0f} {arguments.rows / wall:8.0f} {peak:10.0f}"
        print(f"{jobs:>4}  {program:8}{speed} {peer[0] / cpu:11.2f} {peer[1] / wall:10.2f}")
        if program != "peer":
            kind = "one file" if program == "ours" else "a folder of shards"
            what, size = f"corpora to Parquet, {jobs} jobs, {kind}", f"{arguments.rows:,} rows"
            note(what, size, ours=cpu, peer=peer[0], package="datasets", unit="s of CPU")


def _measured(command: list[str], folder: Path) -> tuple[float, float, float]:
    """CPU seconds, seconds by the clock, and MiB at the peak of a program with the processes that it starts."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "HF_HOME": str(folder)}
    environment |= {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(folder / "bytecode")}
    watched = [sys.executable, "-c", WATCH, *command]
    done = subprocess.run(watched, check=True, cwd=folder, env=environment, capture_output=True, text=True)
    cpu, wall, peak = map(float, done.stdout.split()[-3:])
    return cpu, wall, peak


def write_corpus(path: Path, n_rows: int) -> None:
    """Text of the Bible and of Tatoeba, from the start again where there are fewer lines."""
    data = Path(os.environ["XL_DATA"])
    count = 0
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for source in cycle([*sorted(data.glob("bible/**/*.tsv.gz")), *sorted(data.glob("tatoeba/tatoeba.*"))]):
            for line in read_lines(source):
                if count == n_rows:
                    return
                file.write(line.rpartition("\t")[2] + "\n")
                count += 1


if __name__ == "__main__":
    main()
