"""A corpus romanised by `romanize_corpus` and by `datasets.map`: rows a second, one process and two. Run by hand.

    XL_DATA=FOLDER uv run python -m tests.bench.bench_corpora [--rows 200000] [--to phonemes --lang rus]

The corpus is the Bible and Tatoeba text of XL_DATA, cut to so many rows. Each measurement is a process of its own from
its start to its end, so loading and the memory's warming are in it. Both write Parquet with the original and the
result; ours also hashes, counts, and looks for collisions, which its time contains.
"""

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from xl_translit import read_lines

OURS = """
import sys
from xl_translit import romanize_corpus
if __name__ == "__main__":
    path, out, jobs, to, lang = sys.argv[1:]
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--to", default="latn")
    parser.add_argument("--lang", default="")
    arguments = parser.parse_args()
    with TemporaryDirectory() as name:
        folder = Path(name)
        n_rows = write_corpus(folder / "in.txt", arguments.rows)
        (folder / "ours.py").write_text(OURS, encoding="utf-8")
        (folder / "peer.py").write_text(PEER, encoding="utf-8")
        seconds = {}
        for program in ("ours", "peer"):
            for jobs in ("1", "2"):
                out = folder / f"{program}{jobs}.parquet"
                command = [sys.executable, f"{program}.py", "in.txt", out.name, jobs, arguments.to, arguments.lang]
                environment = {**os.environ, "OMP_NUM_THREADS": "1", "HF_HOME": name}
                started = time.perf_counter()
                subprocess.run(command, check=True, cwd=folder, env=environment, stderr=subprocess.DEVNULL)
                seconds[program, jobs] = time.perf_counter() - started
    print(f"{n_rows} rows to Parquet, whole process, {os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}")
    print("jobs   ours rows/s   datasets.map rows/s   ratio")
    for jobs in ("1", "2"):
        ours, peer = (n_rows / seconds[program, jobs] for program in ("ours", "peer"))
        print(f"{jobs:>4} {ours:13.0f} {peer:21.0f} {ours / peer:7.2f}")
    print(f"two jobs against one: ours {seconds['ours', '1'] / seconds['ours', '2']:.2f}")


def write_corpus(path: Path, n_rows: int) -> int:
    data = Path(os.environ["XL_DATA"])
    count = 0
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for source in [*sorted(data.glob("bible/**/*.tsv.gz")), *sorted(data.glob("tatoeba/tatoeba.*"))]:
            for line in read_lines(source):
                if count == n_rows:
                    return count
                file.write(line.rpartition("\t")[2] + "\n")
                count += 1
    return count


if __name__ == "__main__":
    main()
