"""`xl-bench`: the benchmarks beside this folder as one table of ratios, ours and a peer's from one run."""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).parents[3]
# Program -> arguments at a small and a large size; MODEL is a folder of multilingual-e5-small.
PROGRAMS: dict[str, tuple[str, str]] = {
    "romanization": ("--every 100", "--every 20"),
    "phonemes": ("--languages tur --sentences 100", "--languages tur fra --sentences 300"),
    "tokenizing": ("--model MODEL --sizes 6000", "--model MODEL --sizes 30000"),
    "corpora": ("--rows 20000", "--rows 100000"),
    "ot": ("--norms 1.4 --repeats 3", "--norms 1.4 --repeats 3 --pairs 96 --scopes sentence"),
    "dcca": ("", ""),
    "neighbours": ("--sizes 10000", "--sizes 30000"),
    "mapping": ("--words 5000", "--words 20000"),
    "rcsls": ("--words 20000 --pairs 2000 --rounds 1", "--words 100000 --rounds 1"),
    "vector_files": ("--words 5000", "--words 50000"),
    "x2static": ("--model MODEL --lines 500 --batches 2", "--model MODEL --lines 1500 --batches 3"),
    "embed": ("--model MODEL --sizes 300 --rounds 1", "--model MODEL --sizes 900 --rounds 1"),
    "sentence_contrast": (
        "--model MODEL --pairs 16 --cached 32 --corpus tatoeba --rounds 1",
        "--model MODEL --pairs 32 --cached 64 --corpus tatoeba --rounds 1",
    ),
    "tuning": ("--size tiny --most 600", "--size mini"),
    "cka": ("--items 300", ""),
    "significance": ("--cells 5", "--cells 60"),
}


def main() -> None:
    """Run programs and print their rows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("programs", nargs="*", metavar="PROGRAM", help=f"{', '.join(PROGRAMS)} [default: all]")
    parser.add_argument("--sizes", nargs="+", choices=("small", "large"), default=["small", "large"])
    parser.add_argument("--model", default="", help="a folder of multilingual-e5-small; without it some are left out")
    parser.add_argument("--json", action="store_true", help="rows as JSON lines")
    arguments = parser.parse_args()
    for name in arguments.programs:
        if name not in PROGRAMS:
            parser.error(f"unknown program {name}; there are {', '.join(PROGRAMS)}")
    rows: list[dict[str, object]] = []
    for name in arguments.programs or PROGRAMS:
        # A program that has both sizes in it runs once.
        for options in dict.fromkeys(PROGRAMS[name][size == "large"] for size in arguments.sizes):
            rows += _rows(name, options, arguments.model)
    if arguments.json:
        print("".join(f"{json.dumps(row)}\n" for row in rows), end="")
    else:
        print(table(rows))


def _rows(name: str, options: str, model: str) -> list[dict[str, object]]:
    """What one program found; nothing of one that fails or lacks its model or data, which is said."""
    if "MODEL" in options and not model:
        print(f"{name}: left out without --model", file=sys.stderr)
        return []
    words = [model if word == "MODEL" else word for word in options.split()]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.jsonl"
        path.touch()
        print(f"{name} {' '.join(words)}", file=sys.stderr, flush=True)
        environment = {"OMP_NUM_THREADS": "1", **os.environ, "XL_BENCH_ROWS": str(path)}
        command = [sys.executable, "-m", f"tests.bench.bench_{name}", *words]
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            print(f"{name}: failed: {done.stderr.strip().splitlines()[-1:]}", file=sys.stderr)
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def table(rows: Iterable[dict[str, object]]) -> str:
    """A line a row: what, size, ours, the peer and its figure, the ratio (above 1 in our favour), the error."""
    from tabulate import tabulate

    heads = ("what", "size", "ours", "peer's", "unit", "peer", "ratio", "error")
    body = [
        [row["what"], row["size"], *(f"{row[side]:,.4g}" for side in ("ours", "peer")), row["unit"], row["by"],
         f"{row['ratio']:.2f}", row["error"]]
        for row in rows
    ]  # fmt: skip
    return tabulate(body, headers=heads, tablefmt="pipe", disable_numparse=True)
