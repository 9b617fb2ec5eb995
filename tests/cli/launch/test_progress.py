"""Lines on stderr where it is no terminal: what, how far, time left; by a clock that the test turns."""

import importlib
import re
from pathlib import Path
from threading import Event, Thread

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.cli.conftest import Run, small
from tests.cli.made_data import sentences, word, write_vectors
from tests.thinned import thinned

from xl_cli.launch import progress
from xl_cli.launch.durations import exactly
from xl_encoders import ModelConfig, new_encoder
from xl_encoders.reading.stages import told


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [0.0]
    monkeypatch.setattr(progress, "_now", lambda: now[0])
    return now


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("trained") / "model"
    new_encoder(sentences(80), ModelConfig(size="pico", pieces=90, max_len=32), seed=4).save(folder)
    return folder


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


def test_a_loop_that_breaks_off_leaves_no_stage_behind(clock: list[float], capsys: pytest.CaptureFixture[str]) -> None:
    def embed() -> None:
        for part in told([["a"]] * 5, "embedding", 5, "texts"):
            clock[0] += 12.0
            if part == ["a"] and clock[0] > 50:
                message = "broken"
                raise ValueError(message)

    with progress.library_stages(), progress.Progress("sib200", quiet=True):
        with pytest.raises(ValueError, match="broken"):
            embed()
        clock[0] += 20.0
        progress.Progress("other", quiet=True).advance(0)
    assert capsys.readouterr().err.splitlines()[-1] == "sib200 (80 s so far)"


def test_a_command_that_counts_nothing_speaks_too(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    spoken = Event()
    monkeypatch.setattr(progress, "LINE_EVERY", 0.001)
    monkeypatch.setattr(progress, "say", lambda text: (said.append(text), spoken.set()))
    with progress.heartbeat("xl export"):
        assert spoken.wait(60)
    assert re.fullmatch(r"xl export \(\d+ s so far\)", said[0])


def test_while_a_library_is_imported_its_name_is_the_stage(
    clock: list[float], capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "slowlib").mkdir()
    (tmp_path / "slowlib/__init__.py").write_text("from slowlib import part\n")
    (tmp_path / "slowlib/part.py").write_text(
        "from tests.cli.launch.test_progress import begun, over\nbegun.set()\nassert over.wait(60)\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    with progress.Progress("xl eval", quiet=True):
        thread = Thread(target=importlib.import_module, args=("slowlib",))
        thread.start()
        assert begun.wait(60)
        clock[0] = 150.0
        progress._stages.speak()
        over.set()
        thread.join()
        clock[0] = 180.0
        progress._stages.speak()
    lines = capsys.readouterr().err.splitlines()
    assert lines == ["xl eval (2 min 30 s so far): loading the library slowlib", "xl eval (3 min so far)"]


begun, over = Event(), Event()


@given(st.integers(0, 10**5))
def test_times_of_two_lines_differ_and_add_up(seconds: int) -> None:
    assert len({exactly(seconds), exactly(seconds + 30), exactly(seconds + 60)}) == 3
    sizes = {"h": 3600, "min": 60, "s": 1}
    counts, units = exactly(seconds).split(" ")[::2], exactly(seconds).split(" ")[1::2]
    assert sum(int(count) * sizes[unit] for count, unit in zip(counts, units, strict=True)) == seconds


def test_self_learning_says_as_much_as_other_work(xl: Run, tmp_path: Path) -> None:
    """No line of its own every so many iterations: a run of less than half a minute says nothing."""
    paths = [tmp_path / "ell_Grek.vec", tmp_path / "eng_Latn.vec"]
    for path in paths:
        write_vectors(path, [word(k) for k in range(30)], 6)
    outs = ["--out-source", tmp_path / "a.vec", "--out-target", tmp_path / "b.vec"]
    done = xl("static", "map", *paths, "--mode", "identical", "--max-iterations", 40, "--interval", 10, *outs)
    assert done.returncode == 0, done.stderr
    assert "iteration " not in done.stderr


@pytest.mark.parametrize("name", thinned(["translit", "align", "eval", "export", "extract", "map"], 6))
def test_every_long_command_says_what_it_is_at(
    name: str, xl: Run, corpus: Path, trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A line each time where a line is due at any time; each names the command, and what there is to count."""
    text = tmp_path / "eng_Latn.txt"
    text.write_text("".join(f"{line}\n" for line in sentences(200)), encoding="utf-8")
    vectors = [tmp_path / "ell_Grek.vec", tmp_path / "eng_Latn.vec"]
    for path in vectors:
        write_vectors(path, [word(k) for k in range(30)], 6)
    seeds = tmp_path / "seeds.tsv"
    seeds.write_text("".join(f"{word(k)}\t{word(k)}\n" for k in range(20)), encoding="utf-8")
    arguments, counted = {
        "translit": (["translit", text, "--out", tmp_path / "out.txt"], r"reading \d+/100 %"),
        "align": (small(corpus), r"mlm \d/6 steps, .* left"),
        "eval": (["eval", "retrieval", "--model", trained, "--data", corpus], r"embedding \d+/\d+ texts"),
        "export": (["export", trained, "--out", tmp_path / "out"], "so far"),
        "extract": (
            ["static", "extract", text, "--model", trained, "--lang", "eng", "--min-count", "1",
             "--out", tmp_path / "out.vec"],
            r"(sentences|reading|training|epoch).* \d+/\d+",
        ),
        "map": (
            ["static", "map", "--pivot", f"eng={vectors[1]}", f"ell={vectors[0]}", "--dictionary", f"ell={seeds}",
             "--out", tmp_path / "out"],
            r"mapping \d/1 languages",
        ),
    }[name]  # fmt: skip
    monkeypatch.setattr(progress, "LINE_EVERY", 0.001)
    result = xl(*arguments, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    command = f"xl static {name}" if name in ("extract", "map") else f"xl {name}"
    lines = [line for line in result.stderr.splitlines() if line.startswith(f"{command} (")]
    assert lines, result.stderr
    assert any(re.search(counted, line) for line in lines), result.stderr
    if name in ("eval", "export", "extract"):
        assert any(re.search(rf"loading the model {re.escape(str(trained))} \(", line) for line in lines), result.stderr
