"""Commands under load: does memory stay flat, does the last tenth run as fast as the first, do rows reconcile? By hand.

    XL_DATA=FOLDER uv run python -m tests.bench.bench_load translit|embed|map|align [--rows N]

translit: 10 M lines, two jobs. embed: 1 M sentences through a small new encoder. map: two files of 1 M x 300 vectors,
`static map` with 5,000 pairs, `static bli` by nn over all words and by CSLS over 200,000. align: 400 steps on a bitext
of 2 M rows. Text is that of XL_DATA over and over, each line with a number of its own. A command's processes are looked
at each second: their memory (proportional set size, so that shared pages count once), seconds of the processor,
and how much is done, by what has been written or logged. A tenth near the start and one near the end are told; where
other work comes and goes beside it, the seconds of the processor say more than those of the clock.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from tests.bench.bench_corpora import write_corpus

PAUSE = 1.0
ROWS = {"translit": 10_000_000, "embed": 1_000_000, "map": 1_000_000, "align": 2_000_000}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=ROWS)
    parser.add_argument("--rows", type=int)
    arguments = parser.parse_args()
    with TemporaryDirectory() as name:
        {"translit": translit, "embed": embed, "map": vectors, "align": align}[arguments.what](
            Path(name), arguments.rows or ROWS[arguments.what]
        )


def translit(folder: Path, n_rows: int) -> None:
    numbered_corpus(folder / "in.txt", n_rows)
    watched(
        ["translit", "in.txt", "--jobs", 2, "--out", "out.txt"], folder, lambda: bytes_below(folder, ".out.txt.parts")
    )
    n_out, n_same = 0, 0
    with (folder / "in.txt").open("rb") as source, (folder / "out.txt").open("rb") as target:
        for line, other in zip(source, target, strict=True):
            n_out += 1
            n_same += line.split(b" ", 1)[0] == other.split(b" ", 1)[0]
    print(f"rows in {n_rows:,}, out {n_out:,}, with the number of their line {n_same:,}")


def embed(folder: Path, n_rows: int) -> None:
    import pyarrow.dataset as ds

    numbered_corpus(folder / "in.txt", n_rows)
    small_encoder(folder / "in.txt", folder / "model")
    watched(
        ["embed", "in.txt", "--model", "model", "--layer", 1, "--shard-rows", 10_000, "--out", "vectors/"],
        folder,
        lambda: bytes_below(folder, "vectors"),
    )
    print(f"rows in {n_rows:,}, out {ds.dataset(folder / 'vectors', format='parquet').count_rows():,}")


def vectors(folder: Path, n_rows: int) -> None:
    random = np.random.default_rng(1)
    turn, _ = np.linalg.qr(random.standard_normal((300, 300)))
    with (folder / "a.bin").open("wb") as a, (folder / "b.bin").open("wb") as b:
        for file in (a, b):
            file.write(b"%d 300\n" % n_rows)
        for first in range(0, n_rows, 10_000):
            block = random.standard_normal((min(10_000, n_rows - first), 300)).astype(np.float32)
            other = (block @ turn + 0.3 * random.standard_normal(block.shape)).astype(np.float32)
            for number, (row, twin) in enumerate(zip(block, other, strict=True), first):
                a.write(b"a%d " % number + row.tobytes() + b"\n")
                b.write(b"b%d " % number + twin.tobytes() + b"\n")
    for name, chosen in (("seed.tsv", range(5000)), ("test.tsv", range(5000, 6500))):
        (folder / name).write_text("".join(f"a{one}\tb{one}\n" for one in chosen), encoding="utf-8")
    files = ["--out-source", "a.m.bin", "--out-target", "b.m.bin"]
    watched(["static", "map", "a.bin", "b.bin", "--dictionary", "seed.tsv", *files], folder, lambda: 0)
    heads = {name: (folder / f"{name}.m.bin").open("rb").readline().decode().strip() for name in "ab"}
    print(f"rows in {n_rows:,}, out {heads}")
    score = ["static", "bli", "a.m.bin", "b.m.bin", "--dictionary", "test.tsv", "--json"]
    # CSLS compares all words of a side with all of the other, nn those of the dictionary alone.
    for retrieval, limit in (("nn", 0), ("csls", 200_000)):
        out = watched([*score, "--retrieval", retrieval, "--limit", limit], folder, lambda: 0)
        rows = [json.loads(line) for line in out.splitlines()]
        print({row["metric"]: round(row["value"], 4) for row in rows}, {row["n"] for row in rows})


def align(folder: Path, n_rows: int) -> None:
    numbered_corpus(folder / "a.el", n_rows)
    with (folder / "a.el").open(encoding="utf-8") as source, (folder / "a.en").open("w", encoding="utf-8") as target:
        target.writelines(line[::-1].strip() + "\n" for line in source)
    small_encoder(folder / "a.el", folder / "model")
    settings = [
        "model.from=model", "model.max_len=64", 'data.files=["a.el","a.en"]',
        "train.steps=400", "train.batch=16", "train.log_every=1", "data.limit=0",
    ]  # fmt: skip
    line = ["align", "ot-word", *(part for each in settings for part in ("--set", each)), "--out", "run"]
    log = folder / "run" / "log.jsonl"
    watched(line, folder, lambda: log.read_bytes().count(b"\n") if log.is_file() else 0)
    about = json.loads((folder / "run" / "run.json").read_text(encoding="utf-8"))
    print({key: value for key, value in about.items() if "row" in key or "pairs" in key or "data" in key})


def small_encoder(text: Path, out: Path) -> None:
    """A new one, for the first lines of `text`."""
    from xl_encoders import ModelConfig, new_encoder

    with text.open(encoding="utf-8") as file:
        some = [line for line, _ in zip(file, range(20_000), strict=False)]
    new_encoder(some, ModelConfig(size="pico", pieces=4000, max_len=64), seed=1).save(out)


def numbered_corpus(path: Path, n_rows: int) -> None:
    """`n_rows` lines of real text, each with its number in front."""
    text = path.with_suffix(".few")
    write_corpus(text, min(n_rows, 100_000))
    lines = text.read_bytes().splitlines()
    with path.open("wb") as file:
        for first in range(0, n_rows, len(lines)):
            file.writelines(b"%d %b\n" % (first + number, line) for number, line in enumerate(lines[: n_rows - first]))


def bytes_below(folder: Path, name: str) -> int:
    """What has been written of `name`, under its own name or one that tells that it is not whole."""
    found = [path for path in folder.rglob("*") if name in str(path.relative_to(folder)) and path.is_file()]
    sizes = []
    for path in found:
        try:
            sizes.append(path.stat().st_size)
        except FileNotFoundError:  # it got its own name just now
            continue
    return sum(sizes)


def watched(words: Sequence[object], folder: Path, n_done: Callable[[], int]) -> str:
    """Run `xl WORDS` in `folder` and print what it took; what it printed."""
    began = time.monotonic()
    command = [sys.executable, "-m", "xl_cli", *map(str, words)]
    with (folder / "said").open("w", encoding="utf-8") as said:
        process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=said, text=True)
        looks = []
        while process.poll() is None:
            looks.append((time.monotonic() - began, cpu_seconds(process.pid), memory(process.pid), n_done()))
            time.sleep(PAUSE)
    out = process.communicate()[0]
    if process.returncode:
        sys.exit((folder / "said").read_text(encoding="utf-8")[-2000:])
    print(f"xl {' '.join(map(str, words))}: {time.monotonic() - began:.0f} s, load {os.getloadavg()[0]:.1f}")
    print(f"  peak {max(look[2] for look in looks):,.0f} MiB{told(looks)}", flush=True)
    return out


def told(looks: list[tuple[float, float, float, int]]) -> str:
    """Memory and speed of the first and the last tenth of the work; "" where nothing is counted."""
    times, spent, amounts, done = map(np.array, zip(*looks, strict=True))
    if not done.max():
        return ""
    counts, first = np.unique(np.maximum.accumulate(done), return_index=True)
    shares = np.array([[0.05, 0.15], [0.85, 0.95]]) * counts[-1]
    tenths = np.interp(shares, counts, times[first])
    taken = [float(np.median(amounts[(times >= low - PAUSE) & (times <= high + PAUSE)])) for low, high in tenths]
    speeds = []
    for clock in (spent, times):
        early, late = np.diff(np.interp(shares, counts, clock[first]))[:, 0]
        speeds.append(f"{early:.1f} and {late:.1f} s ({early / late:.2f} of the speed)")
    return (
        f"; at 5 to 15 % and at 85 to 95 %: {taken[0]:,.0f} and {taken[1]:,.0f} MiB ({taken[1] / taken[0]:.2f}), "
        f"of the processor {speeds[0]}, of the clock {speeds[1]}"
    )


def memory(pid: int) -> float:
    """MiB of a process and its children."""
    total = 0.0
    for each in (pid, *children(pid)):
        try:
            text = Path(f"/proc/{each}/smaps_rollup").read_text(encoding="utf-8")
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
        total += next((int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:")), 0) / 1024
    return total


def cpu_seconds(pid: int) -> float:
    """Of a process and its children, those that have ended too."""
    ticks = 0
    for number, each in enumerate((pid, *children(pid))):
        try:
            cells = Path(f"/proc/{each}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        ticks += sum(map(int, cells[11 : 13 if number else 15]))  # utime, stime; cutime, cstime
    return ticks / os.sysconf("SC_CLK_TCK")


def children(pid: int) -> list[int]:
    """The processes below a process."""
    try:
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
        own = [int(child) for task in tasks for child in (task / "children").read_text().split()]
    except (FileNotFoundError, ProcessLookupError):
        return []
    return [*own, *(child for one in own for child in children(one))]


if __name__ == "__main__":
    main()
