"""Romanisation, ours against the `uroman` package and against `uroman-fast`: one core, real text, one run. By hand.

    XL_DATA=... uv run --with uroman-fast python -m tests.bench.bench_romanization

Text: Tatoeba and SIB-200 (many languages, hardly a sentence twice: cold), the Bibles (many verses of few languages).
Each program reads the same lines in the same process, line by line, after its tables are loaded; times are the
process's CPU seconds. Cold is the first pass, with an empty memory; warm is the pass after it. Whole process is a new
process that loads, romanises and ends, in wall seconds. The reference runs on every line, and is what identical means.
"""

import argparse
import gzip
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.bench.rows import note

_READ = "import sys; lines = [l[:-1] for l in open(sys.argv[1], encoding='utf-8', newline='\\n')]; "
PROGRAMS = {
    "ours": _READ + "from xl_translit import Romanizer; r = Romanizer(); out = [r(l) for l in lines]",
    "uroman": _READ + "from uroman import Uroman; u = Uroman(); out = [u.romanize_string(l) for l in lines]",
    "uroman-fast": _READ + "import uroman_fast as u; out = [u.romanize(l) for l in lines]",
}
FIRST = {
    "ours": "from xl_translit import romanize; romanize('Ελλάδα')",
    "uroman": "from uroman import Uroman; Uroman().romanize_string('Ελλάδα')",
    "uroman-fast": "import uroman_fast; uroman_fast.romanize('Ελλάδα')",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--every", type=int, default=10, help="take each nth line (of each twentieth Bible verse)")
    parser.add_argument("--all", action="store_true", help="take every line of every Bible as well: hours")
    arguments = parser.parse_args()
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    data = Path(os.environ["XL_DATA"])
    print(f"one core, Python {sys.version.split()[0]}")
    for name, lines in corpora(data).items():
        step = 1 if arguments.all else arguments.every * (20 if name == "bible" else 1)
        compare(name, lines, lines[::step])
    start_up()


def corpora(data: Path) -> dict[str, list[str]]:
    mixed = []
    for path in sorted(data.glob("tatoeba/*")):
        mixed += path.read_bytes().decode("utf-8").split("\n")
    for path in sorted(data.glob("sib200/*/*.tsv")):
        mixed += [line.split("\t")[-1] for line in path.read_bytes().decode("utf-8").split("\n")]
    bible = []
    for path in sorted(data.glob("bible/**/*.tsv.gz")):
        bible += [line.split("\t")[-1] for line in gzip.decompress(path.read_bytes()).decode("utf-8").split("\n")]
    return {"tatoeba+sib200": mixed, "bible": bible}


def timed(function: Callable[[str], str], lines: list[str]) -> tuple[list[str | None], float]:
    results: list[str | None] = []
    start = time.process_time()
    for line in lines:
        try:
            results.append(function(line))
        except Exception:
            results.append(None)
    return results, time.process_time() - start


def compare(name: str, everything: list[str], sample: list[str]) -> None:
    from uroman import Uroman

    from xl_translit.uroman.romanizer import _Engine, _whole

    _whole("Ε中", None)  # tables are loaded
    chars, total = sum(map(len, sample)), sum(map(len, everything))
    print(f"\n{name}: {len(everything):,} lines, {total:,} characters; compared on {len(sample):,} lines")
    reference: Any = Uroman(cache_size=0)
    said, oracle = timed(reference.romanize_string, sample)
    engine = _Engine(None)
    found, ours = timed(engine.line, sample)
    _, whole_cold = timed(_Engine(None).line, everything)
    whole = _Engine(None)
    timed(whole.line, everything)
    _, whole_warm = timed(whole.line, everything)
    row("uroman", oracle / chars, oracle / chars, said, said)
    row("ours, the compared lines, cold", ours / chars, oracle / chars, found, said)
    pairs = [(a, b) for a, b in zip(found, said, strict=True) if b is not None]
    keep(name, sample, chars / ours, chars / oracle, "uroman", sum(a != b for a, b in pairs))
    row("ours, all lines, cold", whole_cold / total, oracle / chars)
    row("ours, all lines, warm", whole_warm / total, oracle / chars)
    try:
        import uroman_fast  # ty: ignore[import-not-found]
    except ImportError:
        print("  uroman-fast is not installed: uv run --with uroman-fast")
    else:
        uroman_fast.romanize("Ε")
        theirs, fast = timed(uroman_fast.romanize, sample)
        row("uroman-fast", fast / chars, oracle / chars, theirs, said)
        keep(name, sample, chars / ours, chars / fast, "uroman-fast", 0)
    whole_process(sample, chars)


def keep(corpus: str, lines: list[str], ours: float, theirs: float, package: str, n_different: int) -> None:
    what, size = f"romanisation, {corpus}", f"{len(lines):,} lines"
    error = f"{n_different} of ours differ from uroman's" if package == "uroman" else ""
    note(what, size, ours=ours, peer=theirs, package=package, unit="characters/s", error=error, more=True)


def row(
    what: str, seconds: float, reference: float, found: list[str | None] | None = None, said: list | None = None
) -> None:
    """One line: characters a second, ratio to the reference, share of identical lines."""
    print(f"  {what:32} {1 / seconds / 1000:8.0f} k characters/s   {reference / seconds:6.1f}x", end="")
    if found and said:
        pairs = [(a, b) for a, b in zip(found, said, strict=True) if b is not None]
        same = sum(a == b for a, b in pairs)
        print(
            f"   identical {100 * same / len(pairs):7.3f} % ({len(pairs) - same} of {len(pairs)} lines differ)", end=""
        )
    print(flush=True)


def whole_process(lines: list[str], chars: int) -> None:
    """Wall time of a new process for a file of these lines, start-up included."""
    path = Path(os.environ.get("TMPDIR", "/tmp")) / "bench_romanization.txt"
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8", newline="\n")
    seconds = {}
    for name, program in PROGRAMS.items():
        start = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-c", guarded(name, program), str(path)], capture_output=True, check=False
        )
        seconds[name] = time.perf_counter() - start if done.returncode == 0 else float("nan")
    path.unlink()
    reference = seconds["uroman"]
    said = ", ".join(f"{name} {value:.2f} s ({reference / value:.1f}x)" for name, value in seconds.items())
    print(f"  whole process, {len(lines):,} lines, {chars:,} characters: {said}")


def guarded(name: str, program: str) -> str:
    """The reference does not survive every line; it is given the rest of them."""
    if name != "uroman":
        return program
    before, _, _ = program.rpartition("out = ")
    return before + "\nfor l in lines:\n    try: u.romanize_string(l)\n    except Exception: pass"


def start_up() -> None:
    print("\nstart of a process to its first word, best of five:")
    for name, program in FIRST.items():
        times = []
        for _ in range(5):
            start = time.perf_counter()
            done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False)
            times.append(time.perf_counter() - start if done.returncode == 0 else float("nan"))
        print(f"  {name:12} {min(times):.2f} s")


if __name__ == "__main__":
    main()
