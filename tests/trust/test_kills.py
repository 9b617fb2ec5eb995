"""A SIGKILL at any instant costs time alone: the same command goes on to the same bytes, and nothing half is seen."""

import os
from pathlib import Path

import pytest
from tests.trust.commands import COMMANDS
from tests.trust.killing import kill_often

pytestmark = [pytest.mark.slow, pytest.mark.skipif(os.name != "posix", reason="signals")]


@pytest.mark.parametrize("name", COMMANDS)
def test_what_is_killed_goes_on_to_the_same_bytes(name: str, inputs: Path, tmp_path: Path) -> None:
    tally = kill_often(name, inputs, tmp_path / "work", 2, seed=1)
    assert not tally.faults
    assert tally.kills >= 2
    assert tally.compared
