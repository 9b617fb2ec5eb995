"""The table of benchmarks: its programs are there and take the options it gives, and its ratios point one way."""

import importlib.metadata
import json
import re
from pathlib import Path

import pytest
from tests.bench.rows import ROWS, note
from xl_bench import PROGRAMS, ROOT, table


@pytest.mark.parametrize("name", PROGRAMS)
def test_programs_are_there_and_know_the_options(name: str) -> None:
    source = (ROOT / "tests" / "bench" / f"bench_{name}.py").read_text(encoding="utf-8")
    for option in re.findall(r"--[\w-]+", " ".join(PROGRAMS[name])):
        assert f'"{option}"' in source
    assert "note(" in source


def test_a_ratio_above_one_is_in_our_favour(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    note("nothing", 1, ours=1, peer=1, package="numpy", unit="s")  # by itself a program keeps none
    monkeypatch.setenv(ROWS, str(tmp_path / "rows"))
    note("seconds", 10, ours=2.0, peer=5.0, package="numpy", unit="s")
    note("speed", 10, ours=5.0, peer=2.0, package="a formula", unit="/s", more=True, error="the same")
    rows = [json.loads(line) for line in (tmp_path / "rows").read_text(encoding="utf-8").splitlines()]
    assert [row["ratio"] for row in rows] == [2.5, 2.5]
    assert [row["by"] for row in rows] == [f"numpy {importlib.metadata.version('numpy')}", "a formula"]
    assert "| 2.50" in table(rows)
    assert "the same" in table(rows)
