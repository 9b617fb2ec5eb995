"""Two calls that write to one place: the second is told who is at work, and the first is not disturbed."""

import os
import re
from pathlib import Path

import pytest
from tests.cli.conftest import Run
from tests.trust.commands import COMMANDS, results

from xl_translit import alone

pytestmark = pytest.mark.skipif(os.name != "posix", reason="locks of the system")

# What goes on where it stopped: the place, and whether its lock lies beside it.
PLACES = {
    "translit": ("latin.txt", True),
    "extract": ("eng.vec", True),
    "align": ("run", False),
    "eval": ("scores", False),
    "mine": ("mined.tsv", True),
    "embed": ("vectors", True),
}


@pytest.mark.parametrize("name", PLACES)
def test_the_second_call_is_refused(name: str, inputs: Path, tmp_path: Path, xl: Run) -> None:
    place, beside = PLACES[name]
    with alone(tmp_path / place, beside=beside):
        before = results(tmp_path)
        done = xl(*COMMANDS[name](inputs, tmp_path))
        assert done.returncode == 1
        assert re.search(rf"{place}: .* \(process {os.getpid()} on ", done.stderr.splitlines()[-1])
        assert "is at work here; wait for its end, or choose another name." in done.stderr.splitlines()[-1]
        assert results(tmp_path) == before  # the first one's lock, too
