"""Two calls that write to one place: the second is told who is at work, and the first is not disturbed."""

import json
import os
import re
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest
from tests.cli.conftest import Run
from tests.trust.commands import COMMANDS, results
from tests.warm import environment

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


PROGRAM = """
import contextlib, io, json, sys
from xl_cli.main import main
heavy = {}
for name, line in json.loads(sys.argv[1]).items():
    sys.argv, said = ["xl", *line], io.StringIO()
    with contextlib.redirect_stderr(said), contextlib.suppress(SystemExit):
        main()
    heavy[name] = [said.getvalue(), sorted({"torch", "transformers", "datasets"}.intersection(sys.modules))]
print(json.dumps(heavy))
"""


def test_it_is_refused_before_anything_heavy_is_loaded(inputs: Path, tmp_path: Path) -> None:
    with ExitStack() as held:
        for name, (place, beside) in PLACES.items():
            (tmp_path / name).mkdir()
            held.enter_context(alone(tmp_path / name / place, beside=beside))
        lines = {name: [str(word) for word in COMMANDS[name](inputs, tmp_path / name)] for name in PLACES}
        call = [sys.executable, "-c", PROGRAM, json.dumps(lines)]
        done = subprocess.run(call, capture_output=True, text=True, check=True, env=environment())
    for said, loaded in json.loads(done.stdout).values():
        assert "is at work here" in said
        assert loaded == []


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
