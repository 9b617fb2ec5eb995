"""A disk that is full or may not be written to: one sentence, nothing half, and the command goes on with room."""

import subprocess
from pathlib import Path

import pytest
from tests import warm
from tests.trust.commands import COMMANDS, files
from tests.trust.disks import disk, fill_often

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def mounts(tmp_path: Path) -> None:
    try:
        with disk(tmp_path / "tried", 1 << 16):
            pass
    except (PermissionError, FileNotFoundError):
        pytest.skip("this user may not mount a small disk")


@pytest.mark.parametrize("name", ["extract", "align"])
def test_a_full_disk_is_told_and_the_command_goes_on(name: str, inputs: Path, tmp_path: Path) -> None:
    tally = fill_often(name, inputs, tmp_path / "work", 1, seed=1)
    assert not tally.faults
    assert tally.kills == 1


@pytest.mark.parametrize("name", COMMANDS)
def test_a_folder_that_may_not_be_written_to_is_told(name: str, inputs: Path, tmp_path: Path) -> None:
    with disk(tmp_path / "out", 1 << 20):
        subprocess.run(["mount", "-o", "remount,ro", tmp_path / "out"], check=True)
        done = warm.run("-m", "xl_cli", *COMMANDS[name](inputs, tmp_path / "out"))
        assert done.returncode == 1
        last = done.stderr.strip().splitlines()[-1]
        assert last.startswith("xl: ")
        assert "Read-only file system" in last
        assert "Traceback" not in done.stderr
        assert not [*files(tmp_path / "out")]
