"""A stop at any instant costs time alone: the same command goes on to the same bytes, and nothing half is seen."""

import os
import signal
import time
from pathlib import Path

import pytest
from tests.trust.commands import COMMANDS
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
