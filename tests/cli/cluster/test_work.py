"""Work on a Ray cluster of two nodes: failures are tried again elsewhere, then told; what goes well goes on."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.warm import environment

from xl_cli.cluster import work
from xl_cli.cluster.work import check_engine
from xl_cli.errors import UsageError

pytest.importorskip("ray")


def program(name: str, *arguments: object) -> Any:
    done = subprocess.run(
        [sys.executable, "-m", f"tests.cli.cluster.{name}", *map(str, arguments)],
        text=True,
        capture_output=True,
        timeout=500,
        check=False,
        encoding="utf-8",
        env={**environment(), "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0"},
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.slow
def test_failures_are_tried_again_on_another_node(tmp_path: Path) -> None:
    found = program("work_program", tmp_path)
    n_tries = {label: len(nodes) for label, nodes in found["tries"].items()}
    assert n_tries == {"well": 1, "once": 2, "never": 2, "part": 2, "misuse": 1, "dies": 2}
    for label in ("once", "never", "part"):
        assert len(set(found["tries"][label])) == 2
    last = found["last"]
    assert last["well"] == ["well", {}, False]
    assert last["once"] == ["once", {}, False]
    assert last["dies"] == ["dies", {}, False]
    assert last["never"] == [None, {"never": "it cannot be"}, False]
    assert last["part"] == ["half", {"other half": "is missing"}, False]
    assert last["misuse"] == [None, {"misuse": "a wrong setting"}, True]
    assert "2 GPUs (--cell-gpus); the most that one has are 1 and 0" in found["lacking"]
    assert found["left"] == "stopped"


def test_what_stands_against_the_engine_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match="--cell-gpus: read by --engine ray alone"):
        check_engine("local", ["--cell-gpus"])
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(UsageError, match="without torchrun"):
        check_engine("ray")
    monkeypatch.setattr(work, "find_spec", lambda name: None)
    with pytest.raises(UsageError, match=r"pip install 'xl-cli\[ray\]'"):
        check_engine("ray")
