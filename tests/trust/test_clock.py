"""A clock that goes backwards: no duration below zero. Which run goes on: `test_run_folder`."""

import itertools
import time
from pathlib import Path

import pytest

from xl_translit import romanize_corpus


def test_a_duration_is_none_of_the_clock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "in.txt").write_text("Ωμέγα\n", encoding="utf-8")
    back = itertools.count(1_700_000_000, -3600)
    monkeypatch.setattr(time, "time", lambda: next(back))
    run = romanize_corpus([tmp_path / "in.txt"], tmp_path / "out.txt").run
    assert 0 <= run["seconds"] < 600
    assert run["started"].startswith("2023-11-14T")
