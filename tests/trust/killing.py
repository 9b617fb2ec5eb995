"""Commands disturbed at seeded random instants; the same command then goes on to the bytes of an undisturbed run.

Many more than the gate's: `python -m tests.trust.killing --kills 60 --seed 1` prints what was killed and compared,
`--by term`, `int` or `vanish` of other disturbances.
"""

import argparse
import json
import random
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests import warm
from tests.trust.commands import COMMANDS, content, files, make_inputs, results
from tests.warm import Warm

# What grows while a run goes on, and is read meanwhile; of these each line or document has to be whole.
GROWING = ("log.jsonl", "results.jsonl", "run.json")
# What lies under a name that users open is a result; a run's own state lies beside it.
STATE = ("checkpoints", "_shards", "_begun.json", "mined.tsv.partial", "eng.vec.cache", "eng.vec.cache.over")
# What the commands say where their output is complete, as the kill came when only the clearing up was left.
DONE = "exists already"


@dataclass
class Tally:
    """What was done and seen."""

    kills: int = 0
    late: int = 0
    """Commands that had ended before the signal came."""
    seen: int = 0
    """Files under their final names that were looked at after a kill."""
    compared: int = 0
    n_bytes: int = 0
    faults: list[str] = field(default_factory=list)
    words: set[str] = field(default_factory=set)
    """What was said by commands that were told to stop."""


def kill_often(name: str, inputs: Path, folder: Path, n: int, seed: int, by: str = "kill") -> Tally:
    """`n` times: begin, kill, look, perhaps kill again, finish, compare. folder: for what is written.

    by: one of STRIKES.
    """
    rng = random.Random(f"{name} {seed}")
    # One path for all, as some of what is written names it.
    out, whole = folder / "out", folder / "whole"
    out.mkdir(parents=True)
    began = time.monotonic()
    finish(name, inputs, out)
    seconds = time.monotonic() - began
    expected = results(out)
    out.rename(whole)
    tally = Tally()
    while tally.kills < n and len(tally.faults) < 5:
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir()
        instants = []
        while not instants or (rng.random() < 0.4 and len(instants) < 3):
            instants.append(rng.uniform(0, seconds))
            began = time.monotonic()
            process = Warm("-m", "xl_cli", *COMMANDS[name](inputs, out))
            with suppress(subprocess.TimeoutExpired):
                process.communicate(instants[-1])
                seconds = time.monotonic() - began  # the machine is not as busy any more
            strike(process, inputs, by)
            _, error = process.communicate()
            code = process.returncode or 0
            last = error.strip().splitlines()[-1:] or [""]
            if by == "kill" and code < 0:
                tally.kills += 1
            elif by != "kill" and (code or "stopped" in last[0]) and DONE not in last[0]:
                tally.kills += 1
                tally.words.add(f"exit {code}: {last[0].replace(str(folder), '')}")
                early = instants[-1] < 0.2 and not error  # the program had not begun
                words = "xl: " if by == "vanish" else "stopped"
                if not early and (code < 0 or "Traceback" in error or words not in error):
                    tally.faults.append(f"{name} at {instants}: exit {code}: {error[-700:]}")
            else:
                tally.late += 1
                if code and DONE not in error:
                    tally.faults.append(f"{name} at {instants}: exit {code}: {error[-300:]}")
                break
            # A run that was told to stop keeps its model as it is then.
            own = () if by == "kill" else ("model",)
            half = [
                each for each in half_files(out, whole) if not set(Path(each.split(" ")[0]).parts).intersection(own)
            ]
            tally.seen += len([*files(out)])
            tally.faults += [f"{name} at {instants}: {each}" for each in half]
        go_on(name, inputs, out, expected, tally, f"{name} at {instants}")
    return tally


STRIKES = ("kill", "term", "int", "vanish")
"""SIGKILL, SIGTERM, SIGINT, and all input files renamed while the command runs."""


def strike(process: Warm, inputs: Path, by: str) -> None:
    """Disturb a command in one of the ways of STRIKES."""
    if by == "vanish":
        aside = inputs.with_name("elsewhere")
        inputs.rename(aside)
        process.communicate()
        aside.rename(inputs)
    else:
        process.send_signal({"kill": signal.SIGKILL, "term": signal.SIGTERM, "int": signal.SIGINT}[by])


def go_on(name: str, inputs: Path, out: Path, expected: dict[str, object], tally: Tally, at: str) -> None:
    """Give a command that was disturbed again, and compare what it has written in the end."""
    try:
        finish(name, inputs, out)
    except AssertionError as error:
        if DONE not in str(error) or any(each not in results(out) for each in expected):
            tally.faults.append(f"{at}: {error}")
            return
        for path in out.rglob(".*.lock"):  # free since its process is dead; it goes with the next write
            path.unlink()
    found = {each: value for each, value in results(out).items() if not set(Path(each).parts).intersection(STATE)}
    tally.compared += len(found)
    tally.n_bytes += sum(path.stat().st_size for path in files(out))
    unlike = sorted(each for each in {*found, *expected} if found.get(each) != expected.get(each))
    tally.faults += [f"{at}: {told(each, found.get(each), expected.get(each))}" for each in unlike]


def finish(name: str, inputs: Path, out: Path) -> None:
    """Run a command to its end; AssertionError with what it said where it fails."""
    done = warm.run("-m", "xl_cli", *COMMANDS[name](inputs, out))
    assert done.returncode == 0, f"exit {done.returncode}: {done.stderr[-500:]}"


def told(at: str, found: object, expected: object) -> str:
    """How a file differs."""
    if found is None or expected is None:
        return f"{at} is {'missing' if found is None else 'left over'}"
    if isinstance(found, dict) and isinstance(expected, dict):
        return f"{at}: " + "; ".join(
            f"{key} is {found.get(key)!r} instead of {expected.get(key)!r}"
            for key in {*found, *expected}
            if found.get(key) != expected.get(key)
        )
    return f"{at} differs"


def half_files(out: Path, whole: Path) -> Iterator[str]:
    """What lies under a final name and is not what the finished run has there."""
    for path in files(out):
        at = path.relative_to(out)
        if any(part.startswith(".") or part in STATE for part in at.parts):
            continue
        try:
            own = content(path)
        except (json.JSONDecodeError, UnicodeDecodeError) as error:
            yield f"{at} is no whole JSON: {error}"
            continue
        if not (whole / at).is_file():
            yield f"{at} is no file of the finished run"
        elif at.name not in GROWING and own != content(whole / at):
            yield f"{at} is not what the finished run has"


def main() -> None:
    """Kill each command so often and print what was seen."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", default=[*COMMANDS])
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--by", choices=STRIKES, default="kill")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        inputs = make_inputs(Path(folder) / "inputs")
        warm.run("-c", "")  # the first has more to import
        for name in arguments.names:
            tally = kill_often(
                name, inputs, Path(folder) / name.replace(" ", "-"), arguments.kills, arguments.seed, arguments.by
            )
            print(
                f"{name}: {tally.kills} killed, {tally.late} had ended; {tally.seen} files looked at after kills, "
                f"{tally.compared} compared at the end ({tally.n_bytes:,} bytes), {len(tally.faults)} faults",
                *tally.faults,
                *sorted(tally.words),
                sep="\n    ",
                flush=True,
            )


if __name__ == "__main__":
    main()
