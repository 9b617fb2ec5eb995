"""What stands against `--engine ray` is told before anything is started."""

import pytest

from xl_cli.cluster import work
from xl_cli.cluster.work import check_engine
from xl_cli.errors import UsageError


def test_what_stands_against_the_engine_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work, "find_spec", lambda name: name)
    with pytest.raises(UsageError, match="--cell-gpus: read by --engine ray alone"):
        check_engine("local", ["--cell-gpus"])
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(UsageError, match="without torchrun"):
        check_engine("ray")
    monkeypatch.setattr(work, "find_spec", lambda name: None)
    with pytest.raises(UsageError, match=r"pip install 'xl-cli\[ray\]'"):
        check_engine("ray")
