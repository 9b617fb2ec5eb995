"""A function done by several processes of this machine together, as `torchrun` starts them.

python -m xl_cli.cluster.together FOLDER, in each process; the first one's answer is what the function gives.
"""

import os
import pickle
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from xl_cli.errors import CliError
from xl_cli.launch import processes

# Seconds for processes to end that are told to.
_PATIENCE = 20.0


def together(n_processes: int, function: Callable[..., Any], arguments: Mapping[str, Any], n_cpus: float) -> Any:
    """`function(**arguments)` by processes that find RANK and WORLD_SIZE in their environment, n_cpus for all of them.

    What they say on stderr is said here. All are stopped with this one. Raises what the first process raised, and
    CliError where another one failed.
    """
    with TemporaryDirectory() as folder:
        (Path(folder) / "asked").write_bytes(pickle.dumps((function, dict(arguments))))
        launcher = ["torch.distributed.run", "--standalone", f"--nproc-per-node={n_processes}"]
        n_threads = str(max(1, int(n_cpus / n_processes)))
        with subprocess.Popen(  # noqa: S603 - ourselves
            [sys.executable, "-m", *launcher, "-m", __name__, folder],
            env={**os.environ, "OMP_NUM_THREADS": n_threads},
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            text=True,
            encoding="utf-8",
        ) as launched:
            try:
                _, said = launched.communicate()
            except BaseException:
                launched.terminate()
                launched.wait(_PATIENCE)
                raise
        sys.stderr.write(said)
        answer = Path(folder) / "answer"
        if not answer.is_file():
            errors = re.findall(r"\w+Error: \S.*", said)
            why = errors[-1] if errors else "no reason is known"
            message = f"one of {n_processes} processes failed ({why})"
            raise CliError(message)
        value, error = pickle.loads(answer.read_bytes())  # noqa: S301 - of a process that we started
    if error is not None:
        raise error
    return value


def main(folder: Path) -> None:
    """What each process does."""
    function, arguments = pickle.loads((folder / "asked").read_bytes())  # noqa: S301 - of the one that started us
    value, failure = None, None
    try:
        value = function(**arguments)
    except Exception as error:
        failure = error
    if processes.is_main():
        (folder / "answer.part").write_bytes(pickle.dumps((value, failure)))
        (folder / "answer.part").rename(folder / "answer")
    if failure is not None:
        raise failure  # the launcher ends the others, which may wait for this one


if __name__ == "__main__":
    main(Path(sys.argv[1]))
