"""Lines on stderr where it is no terminal: what, how far, time left; by a clock that the test turns."""

import pytest

from xl_cli import progress
from xl_encoders.stages import told


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [0.0]
    monkeypatch.setattr(progress, "_now", lambda: now[0])
    return now


def test_a_line_every_half_minute(clock: list[float], capsys: pytest.CaptureFixture[str]) -> None:
    with progress.Progress("mlm", 1000, "steps") as bar:
        for second in range(1, 101):
            clock[0] = float(second)
            bar.advance(second)
    first, *more, last = capsys.readouterr().err.splitlines()
    assert first == "mlm 30/1000 steps, 1.0/s, 16 min left"
    assert len(more) == 2
    assert last == "mlm: 100 steps in 2 min"


def test_stages_inside_one_another_and_inside_a_library(clock: list[float], capsys: pytest.CaptureFixture[str]) -> None:
    with progress.heartbeat("xl eval"), progress.library_stages(), progress.Progress("sib200", 4, "cells", quiet=True):
        for part in told([["a", "b"]] * 5, "embedding", 10, "texts"):
            clock[0] += 12.0 * len(part) / 2
    lines = capsys.readouterr().err.splitlines()
    assert lines == ["xl eval (36 s so far): sib200 0/4 cells: embedding 6/10 texts, 0.2/s, 24 s left"]
