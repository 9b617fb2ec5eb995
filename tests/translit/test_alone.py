"""One writer of a file or folder, said by name; what a killed one left is no hindrance."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from xl_translit import BusyError, alone, replacing

pytestmark = pytest.mark.skipif(os.name != "posix", reason="locks of the system")

HOLDS = """
import sys, time
from pathlib import Path
from xl_translit import alone, replacing
sys.argv[0] = "xl"
with alone(Path(sys.argv[2]), beside=sys.argv[3] == "beside"):
    print("held", flush=True)
    time.sleep(60)
"""

WRITES = """
import sys, time
from xl_translit import replacing
with replacing(sys.argv[1]) as file:
    file.write("half" * 10_000)
    file.flush()
    print("written", flush=True)
    time.sleep(60)
"""


def started(program: str, *arguments: object) -> "subprocess.Popen[str]":
    """A process, once it has said its first word."""
    words = [sys.executable, "-c", program, *map(str, arguments)]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline()
    return process


@pytest.mark.parametrize("beside", [True, False])
def test_the_second_is_told_who_the_first_is_and_a_dead_one_holds_nothing(tmp_path: Path, beside: bool) -> None:
    out = tmp_path / "out"
    with started(HOLDS, "embed", out, "beside" if beside else "inside") as first:
        told = rf"out: xl embed \(process {first.pid} on {socket.gethostname()}, since .*\) is at work here; wait"
        for _ in range(2):
            with pytest.raises(BusyError, match=told), alone(out, beside=beside):
                pass
        first.kill()
        first.wait()
    assert out.exists() is not beside
    lock = tmp_path / ".out.lock" if beside else out / ".lock"
    assert lock.exists()
    for _ in range(2):
        with alone(out, beside=beside):
            assert json.loads(lock.read_text(encoding="utf-8"))["process"] == os.getpid()
        assert not lock.exists()


def test_a_folder_that_nothing_was_put_into_goes_again(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    for name, left in (("new", False), ("there", True)):
        with alone(tmp_path / name):
            pass
        assert (tmp_path / name).exists() is left
    with alone(tmp_path / "new"):
        (tmp_path / "new" / "file").touch()
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["file"]


def test_what_a_dead_process_started_is_told_as_such(tmp_path: Path) -> None:
    """A descriptor that another process has inherited holds the lock as well."""
    child = "import os, sys, time; print('here', flush=True); time.sleep(60)"
    program = (
        "import subprocess, sys; from pathlib import Path; from xl_translit import alone\n"
        f"with alone(Path({str(tmp_path)!r})) as lock:\n"
        f"    process = subprocess.Popen([sys.executable, '-c', {child!r}], pass_fds=(lock,), stdout=subprocess.PIPE)\n"
        "    process.stdout.readline(); print(process.pid, flush=True); import time; time.sleep(60)\n"
    )
    words = [sys.executable, "-c", program]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        number = int(parent.stdout.readline())
        parent.kill()
        parent.wait()
    try:
        with pytest.raises(BusyError, match=rf"what -c \(process {parent.pid} .*\) left behind is at work"):
            alone(tmp_path).__enter__()
    finally:
        os.kill(number, 9)


def test_what_a_killed_writer_left_is_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    with started(WRITES, path) as writer:
        aside = tmp_path / ".page.html.part"
        assert aside.stat().st_size == 40_000
        # Of two that write at once the last has its way, and neither spoils the other's file.
        with replacing(path) as file:
            file.write("whole\n")
        assert path.read_text(encoding="utf-8") == "whole\n"
        assert aside.stat().st_size == 40_000
        writer.kill()
        writer.wait()
    assert [each.name for each in tmp_path.iterdir() if each != path] == [aside.name]
    with replacing(path) as file:
        file.write("new\n")
    assert path.read_text(encoding="utf-8") == "new\n"
    assert [*tmp_path.iterdir()] == [path]


def test_a_link_in_the_place_of_the_hidden_file_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "other").write_text("untouched", encoding="utf-8")
    (tmp_path / ".out.txt.part").symlink_to(tmp_path / "other")
    with replacing(tmp_path / "out.txt") as file:
        file.write("mine")
    assert (tmp_path / "other").read_text(encoding="utf-8") == "untouched"
    assert (tmp_path / "out.txt").read_text(encoding="utf-8") == "mine"
