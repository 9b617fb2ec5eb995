"""Processes of their own that begin with torch and transformers imported: `python -m MODULE` in a moment.

Importing them takes an `xl align` ten times as long as training a tiny encoder. Here one process imports them once
and is forked for each call (the standard library's fork server), so that a test may kill, stop and repeat processes.
They have memory, signals, streams and an exit code of their own. What differs from a start by `subprocess`: imports
and the seed of string hashes are those of the server. Tests of either start their processes by `subprocess`.
"""

import io
import multiprocessing
import os
import random
import runpy
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from multiprocessing import forkserver
from pathlib import Path
from typing import Any
from unittest.mock import patch

ROOT = Path(__file__).parents[1]

_CONTEXT = multiprocessing.get_context("forkserver")


def environment(**more: str) -> dict[str, str]:
    """One thread, so that a run that is repeated adds in the same order; no network."""
    return {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "PYTHONUTF8": "1", **more}


class Warm:
    """A running `python ARGUMENTS`, of the form `-m MODULE ...` or `-c PROGRAM ...`; killed with the tests' process.

    Its words lie in files, so that no pipe can fill up. `with` waits for its end.
    """

    def __init__(
        self,
        *arguments: object,
        env: Mapping[str, str] | None = None,
        cwd: Path = ROOT,
        input: str = "",  # noqa: A002
    ) -> None:
        self.args = [*map(str, arguments)]
        self._streams = Path(tempfile.mkdtemp(prefix="warm-"))
        (self._streams / "0").write_text(input, encoding="utf-8")
        for number in (1, 2):
            (self._streams / str(number)).touch()
        _start_server()
        self._process = _CONTEXT.Process(
            target=_become, args=(self.args, dict(env or environment()), str(cwd), str(self._streams)), daemon=True
        )
        self._process.start()

    def __enter__(self) -> "Warm":
        return self

    def __exit__(self, *raised: object) -> None:
        self._process.join()

    def __del__(self) -> None:
        shutil.rmtree(self._streams, ignore_errors=True)

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        """As of `subprocess`: None while it runs, minus the signal's number that ended it."""
        return self._process.exitcode

    def send_signal(self, number: int) -> None:
        if self.returncode is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        """What it wrote to stdout and to stderr, once it has ended; subprocess.TimeoutExpired where it does not."""
        self._process.join(timeout)
        if self.returncode is None:
            raise subprocess.TimeoutExpired(self.args, timeout or 0.0)
        out, err = ((self._streams / str(number)).read_text(encoding="utf-8") for number in (1, 2))
        return out, err

    def lines(self) -> Iterator[str]:
        """The lines of its stdout as they come, until it ends."""
        with (self._streams / "1").open(encoding="utf-8") as stream:
            line = ""
            while True:
                ended = self.returncode is not None
                line += stream.readline()
                if line.endswith("\n"):
                    yield line
                    line = ""
                elif ended:
                    return
                else:
                    time.sleep(0.001)


def run(*arguments: object, timeout: float = 300, **options: Any) -> subprocess.CompletedProcess[str]:
    """`python ARGUMENTS` to its end, as `subprocess.run` gives it."""
    process = Warm(*arguments, **options)
    try:
        out, err = process.communicate(timeout)
    finally:
        process.kill()
    return subprocess.CompletedProcess(process.args, process.returncode or 0, out, err)


def ranks(n_processes: int, *arguments: object, cwd: Path = ROOT, **variables: str) -> list[Warm]:
    """The processes that `torchrun --nproc-per-node N` would start, on the loopback device; not torchrun itself.

    variables: more of their environment.
    """
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    common = {
        "WORLD_SIZE": str(n_processes), "LOCAL_WORLD_SIZE": str(n_processes), "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": port, "GLOO_SOCKET_IFNAME": "lo", **variables,
    }  # fmt: skip
    own = [environment(**common, RANK=str(rank), LOCAL_RANK=str(rank)) for rank in range(n_processes)]
    return [Warm(*arguments, cwd=cwd, env=env) for env in own]


def _start_server() -> None:
    _CONTEXT.set_forkserver_preload(["tests.warm_imports"])
    # What libraries read when they are imported, as `xl` sets it; Python 3.11's server does not get sys.path.
    quiet = {"TRANSFORMERS_VERBOSITY": "error", "HF_HUB_DISABLE_PROGRESS_BARS": "1", "TOKENIZERS_PARALLELISM": "true"}
    with patch.dict(os.environ, environment(**quiet, PYTHONPATH=os.pathsep.join([str(ROOT), *sys.path]))):
        forkserver.ensure_running()


def _become(arguments: list[str], env: dict[str, str], cwd: str, streams: str) -> None:
    """Be `python ARGUMENTS`, in the process that was forked."""
    os.environ.clear()
    os.environ.update(env)
    os.chdir(cwd)
    for number, mode in enumerate((os.O_RDONLY, os.O_WRONLY, os.O_WRONLY)):
        descriptor = os.open(f"{streams}/{number}", mode)
        os.dup2(descriptor, number)
        os.close(descriptor)
    sys.stdin = io.TextIOWrapper(io.FileIO(0, "r", closefd=False), encoding="utf-8")
    sys.stdout, sys.stderr = (
        io.TextIOWrapper(io.FileIO(number, "w", closefd=False), encoding="utf-8", write_through=number == 2)
        for number in (1, 2)
    )
    random.seed()
    kind, program, *rest = arguments
    if kind == "-m":
        sys.argv = [program, *rest]
        runpy.run_module(program, run_name="__main__", alter_sys=True)
    else:
        sys.argv = ["-c", *rest]
        exec(compile(program, "<string>", "exec"), {"__name__": "__main__"})
