"""A disk that gets full: one sentence, nothing half, and the same command goes on once there is room.

`python -m tests.trust.disks --tries 20 --seed 1` fills many disks and prints what was seen; mounting one needs root.
"""

import argparse
import random
import shutil
import subprocess
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from tests import warm
from tests.trust.commands import COMMANDS, files, make_inputs, results
from tests.trust.killing import Tally, finish, go_on, half_files


@contextmanager
def disk(path: Path, n_bytes: int) -> Generator[None]:
    """A disk of that size at `path`; PermissionError where this user may not mount one."""
    path.mkdir(parents=True, exist_ok=True)
    call = ["mount", "-t", "tmpfs", "-o", f"size={n_bytes}", "xl", str(path)]
    if subprocess.run(call, check=False, capture_output=True).returncode:
        raise PermissionError
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", path], check=True)


def fill_often(name: str, inputs: Path, folder: Path, n: int, seed: int) -> Tally:
    """`n` times: run on a disk that is too small, look, make room, go on, compare."""
    rng = random.Random(f"{name} {seed}")
    out, whole = folder / "out", folder / "whole"
    out.mkdir(parents=True)
    with disk(out, 1 << 28):
        finish(name, inputs, out)
        expected = results(out)
        size = sum(-(-path.stat().st_size // 4096) * 4096 for path in files(out))
        shutil.copytree(out, whole)
    tally = Tally()
    while tally.kills < n and len(tally.faults) < 5:
        # A disk has room in pages of 4 KiB; one takes what a folder is.
        n_bytes = 4096 * rng.randint(1, 2 * size // 4096 + 2)
        with disk(out, n_bytes):
            done = warm.run("-m", "xl_cli", *COMMANDS[name](inputs, out))
            if done.returncode == 0:
                tally.late += 1
                if tally.late > 20 * n:
                    break
                continue
            tally.kills += 1
            at = f"{name} with {n_bytes} bytes"
            last = done.stderr.strip().splitlines()[-1:]
            if done.returncode != 1 or "Traceback" in done.stderr or not last or not last[0].startswith("xl: "):
                tally.faults.append(f"{at}: exit {done.returncode}: {done.stderr[-700:]}")
            elif "space" not in last[0].lower() and "room" not in last[0].lower():
                tally.faults.append(f"{at}: does not say why: {last[0]}")
            tally.faults += [f"{at}: {each}" for each in half_files(out, whole)]
            tally.seen += len([*files(out)])
            subprocess.run(["mount", "-o", f"remount,size={1 << 28}", out], check=True)
            go_on(name, inputs, out, expected, tally, at)
    return tally


def main() -> None:
    """Fill a disk under each command so often and print what was seen."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", default=[*COMMANDS])
    parser.add_argument("--tries", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        inputs = make_inputs(Path(folder) / "inputs")
        for name in arguments.names:
            tally = fill_often(name, inputs, Path(folder) / name.replace(" ", "-"), arguments.tries, arguments.seed)
            print(
                f"{name}: {tally.kills} disks full, {tally.late} had room; {tally.seen} files looked at, "
                f"{tally.compared} compared at the end ({tally.n_bytes:,} bytes), {len(tally.faults)} faults",
                *tally.faults,
                sep="\n    ",
                flush=True,
            )


if __name__ == "__main__":
    main()
