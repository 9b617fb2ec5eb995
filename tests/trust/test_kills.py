"""A stop at any instant costs time alone: the same command goes on to the same bytes, and nothing half is seen."""

import os
import shutil
import signal
import time
from pathlib import Path

import pytest
from tests import warm
from tests.trust.commands import COMMANDS, results
from tests.trust.killing import kill_often
from tests.warm import Warm

pytestmark = [pytest.mark.slow, pytest.mark.skipif(os.name != "posix", reason="signals")]


@pytest.mark.parametrize("name", COMMANDS)
def test_what_is_killed_goes_on_to_the_same_bytes(name: str, inputs: Path, tmp_path: Path) -> None:
    tally = kill_often(name, inputs, tmp_path / "work", 1, seed=1)
    assert not tally.faults
    assert tally.kills >= 1
    assert tally.compared


@pytest.mark.parametrize("by", ["term", "int", "vanish"])
def test_what_is_told_to_stop_says_how_to_go_on(by: str, inputs: Path, tmp_path: Path) -> None:
    tally = kill_often("embed", inputs, tmp_path / "work", 1, seed=2, by=by)
    assert not tally.faults
    assert tally.kills >= 1
    stopped = {"term": "exit 143: xl: stopped", "int": "exit 130: xl: stopped", "vanish": "exit 1: "}[by]
    assert any(words.startswith(stopped) for words in tally.words)


def test_a_repeated_command_is_named_where_one_goes_on(inputs: Path, tmp_path: Path) -> None:
    line = [*COMMANDS["embed"](inputs, tmp_path)]
    line[line.index("--shard-rows") + 1] = 1
    process = Warm("-m", "xl_cli", *line)
    while not (tmp_path / "vectors" / "_begun.json").exists():
        assert process.returncode is None
        time.sleep(0.001)
    process.send_signal(signal.SIGTERM)
    _, error = process.communicate()
    assert process.returncode == 143
    assert error.endswith(f"xl: stopped; the same command goes on with {tmp_path / 'vectors'}\n")


# Ends the process in front of its nth renaming, and says so by a file.
KILL_BEFORE = """
import os, signal, sys
from pathlib import Path
left, real = int(sys.argv.pop(1)), Path.replace
def replace(self, target):
    global left
    left -= 1
    if not left:
        os.kill(os.getpid(), signal.SIGKILL)
    return real(self, target)
Path.replace = replace
from xl_cli.__main__ import main
main()
"""


@pytest.mark.parametrize("name", ["map", "mine", "train"])
def test_a_kill_between_two_outputs_costs_time_alone(name: str, inputs: Path, tmp_path: Path) -> None:
    """Before each renaming in turn, of commands with more than one file to write."""
    out, whole = tmp_path / "out", tmp_path / "whole"
    line = {
        "map": lambda: [*map(str, COMMANDS["map"](inputs, out)[:-4]), "--out-source", f"{out}/eng.safetensors",
                        "--out-target", f"{out}/ell.safetensors"],
        "mine": lambda: [*COMMANDS["mine"](inputs, out), "--sample", 5],
        "train": lambda: ["static", "train", inputs / "eng_Latn.txt", "--lang", "en", "--epochs", 1, "--min-count", 2,
                          "--width", 8, "--out", f"{out}/eng.vec"],
    }[name]()  # fmt: skip
    out.mkdir()
    assert warm.run("-m", "xl_cli", *line).returncode == 0
    expected = results(out)
    out.rename(whole)
    for number in range(1, 40):
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir()
        if warm.run("-c", KILL_BEFORE, number, *line).returncode == 0:
            break
        done = warm.run("-m", "xl_cli", *line)
        assert done.returncode == 0, (number, done.stderr)
        assert {each for each in results(out) if ".partial" not in each} >= {*expected}
        assert {each: results(out)[each] for each in expected} == expected, number
    assert number > 2
