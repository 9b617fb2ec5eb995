"""How OpenMP's threads wait, as the OpenMP library itself reports it when it is loaded."""

import os
import re
import subprocess
import sys

import pytest

OWN = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT")
# What the console script does, with a command that loads torch in this process and in a worker of it.
SCRIPT = """
import multiprocessing
import sys

from xl_cli import main


def command():
    assert "torch" not in sys.modules and "numpy" not in sys.modules
    worker = multiprocessing.get_context("spawn").Process(target=__import__, args=("torch",))
    worker.start()
    worker.join()
    import torch


command.registered_groups = []
if __name__ == "__main__":
    main.app = command
    main.main()
"""


def reported(**settings: str) -> list[tuple[str, str]]:
    """Policy and spin count of each OpenMP library that was loaded, here and in the worker."""
    clean = {name: value for name, value in os.environ.items() if name not in OWN}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], check=True, capture_output=True, text=True,
        env={**clean, **settings, "OMP_DISPLAY_ENV": "verbose"},
    )  # fmt: skip
    policies = re.findall(r"OMP_WAIT_POLICY = '(\w+)'", done.stderr)
    return list(zip(policies, re.findall(r"GOMP_SPINCOUNT = '(\d+)'", done.stderr), strict=True))


@pytest.mark.slow
def test_threads_of_the_command_and_of_its_workers_wait_asleep() -> None:
    assert reported() == [("PASSIVE", "0")] * 2


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [("OMP_WAIT_POLICY", "ACTIVE", ("ACTIVE", "30000000000")), ("GOMP_SPINCOUNT", "77", ("PASSIVE", "77"))],
)
@pytest.mark.slow
def test_what_the_user_set_stays(name: str, value: str, expected: tuple[str, str]) -> None:
    """An active policy alone means spinning for minutes: a spin count of ours would silently undo it."""
    assert reported(**{name: value}) == [expected] * 2
