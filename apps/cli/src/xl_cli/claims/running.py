"""The work of claims done, several commands side by side; stopped as a whole, and never by two callers at once."""

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from xl_cli.claims.work import DONE, PRINTED, Work
from xl_cli.errors import StoppedEarlyError
from xl_cli.folder.json_files import read_object
from xl_cli.launch.durations import words as duration
from xl_cli.launch.progress import say
from xl_cli.launch.stopping import Stopping

# Commands that go on in a folder of theirs where they were stopped.
_GO_ON = ("eval", "embed", "mine")
_TOLD = "told.txt"
# Seconds between two looks at what is running.
_PAUSE = 0.05


class Start(NamedTuple):
    """What starts a command of xl."""

    launcher: str = ""
    """For what trains, in the place of python: "accelerate launch", "srun --gpus 1 python" ..."""
    engine: str = "local"
    """Of `xl eval`; rows are those of the local one."""

    def words(self, words: Sequence[str]) -> list[str]:
        """All the words of a command line."""
        trains = words[0] == "align" or (words[0] == "eval" and self.engine == "local")
        spread = ["--engine", self.engine] if words[0] == "eval" and self.engine != "local" else []
        own = shlex.split(self.launcher) if self.launcher and trains else ["python"]
        return [*own, "-m", "xl_cli", *words, *spread]


class _Running(NamedTuple):
    work: Work
    process: "subprocess.Popen[bytes]"
    began: float


def do(work: Iterable[Work], out: Path, *, jobs: int = 1, start: "Start | None" = None) -> dict[Path, str]:
    """Do what is not done, `jobs` commands side by side; all of it lies below `out`. start: python by default.

    Folder -> what went wrong, of work that failed, and of work that could not begin as it needs such work.

    Ctrl-C and SIGTERM reach the commands, which stop in order: StoppedEarlyError. CliError where another call, or a
    command that one left behind, is at work in `out`.
    """
    todo = {each.folder: each for each in work if not each.is_done}
    if not todo:
        return {}
    from xl_translit import alone

    total, failed, running = len(todo), dict[Path, str](), list[_Running]()
    with alone(out) as lock, Stopping() as stop:
        try:
            while (todo and not stop()) or running:
                for folder, each in [*todo.items()]:
                    # What began a moment ago is not done either.
                    open_ = {*todo, *(one.work.folder for one in running)}
                    if any(need in failed for need in each.needs):
                        need = next(need for need in each.needs if need in failed)
                        failed[folder] = f"needs {need.name}, which failed"
                        del todo[folder]
                    elif len(running) < jobs and not stop() and not open_.intersection(each.needs):
                        del todo[folder]
                        seed = "" if each.seed is None else f", seed {each.seed}"
                        place = total - len(todo)
                        say(f"step {place} of {total}: {each.step.name}{seed}: xl {' '.join(each.words)}")
                        running.append(_start(each, jobs, lock, start or Start()))
                time.sleep(_PAUSE)
                running = [one for one in running if not _ended(one, failed)]
                if stop():
                    for one in running:
                        one.process.terminate()
                    for one in running:
                        one.process.wait()
                    running = []
        finally:
            for one in running:
                one.process.kill()
        if stop.signal_number is not None:
            message = f"Stopped; the same command goes on in {out}."
            raise StoppedEarlyError(message, stop.signal_number)
    return failed


def _start(work: Work, jobs: int, lock: int, start: Start) -> _Running:
    words = [*work.words]
    if words[0] == "align" and (work.out / "run.json").is_file():
        words = ["align", "--resume", "--out", str(work.out)]
    elif words[0] not in _GO_ON and work.folder.exists():
        shutil.rmtree(work.folder)
    work.folder.mkdir(parents=True, exist_ok=True)
    environment = dict(os.environ)
    if jobs > 1:
        environment["OMP_NUM_THREADS"] = str(max(1, (os.cpu_count() or 1) // jobs))
    with (work.folder / PRINTED).open("wb") as stdout, (work.folder / _TOLD).open("ab") as stderr:
        process = subprocess.Popen(  # noqa: S603 - commands of a claim's file, without a shell
            [sys.executable if word == "python" else word for word in start.words(words)],
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            env=environment,
            # Ctrl-C reaches us alone, and the commands once, from us; while one lives, the folder is not free.
            start_new_session=True,
            pass_fds=(lock,) if os.name == "posix" else (),
        )
    return _Running(work, process, time.monotonic())


def _ended(one: _Running, failed: dict[Path, str]) -> bool:
    """Whether the command has ended; what it said last is noted where it failed."""
    code = one.process.poll()
    if code is None:
        return False
    work = one.work
    seconds = time.monotonic() - one.began
    if not code and work.words[0] == "align" and not _is_finished(work.out):
        code = -signal.SIGTERM  # who was told to stop has not failed, and is not done
    if code:
        told = work.folder / _TOLD
        lines = told.read_text(encoding="utf-8", errors="replace").strip().split("\n")
        failed[work.folder] = f"{lines[-1]} (exit {code}; {told})"
        say(f"{work.folder.name} failed: {failed[work.folder]}")
        return True
    from xl_translit import replacing

    about = {"command": ["xl", *work.words], "seconds": round(seconds, 1)}
    with replacing(work.folder / DONE) as file:
        file.write(json.dumps(about, ensure_ascii=False) + "\n")
    say(f"{work.folder.name}: {duration(seconds)}")
    return True


def _is_finished(run: Path) -> bool:
    """Whether a run came to its end; a command that is no run has no run.json, and its exit code says it."""
    about = run / "run.json"
    return not about.is_file() or read_object(about).get("status") == "finished"
