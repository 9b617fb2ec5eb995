"""Killed at any moment and started again: the same bytes, and nothing under the output's name before it is complete."""

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.thinned import thinned
from tests.translit.standins import Upper

from xl_translit import BusyError, CorpusError, Romanizer, alone, romanize_corpus
from xl_translit.corpora import inputs, parts, romanization

FORMATS = ["out.txt", "out.tsv.gz", "out.jsonl.zst", "out.parquet"]


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chunks of two rows, parts of two chunks: a corpus of thirty rows has eight parts."""
    monkeypatch.setattr(inputs, "CHUNK_ROWS", 2)
    monkeypatch.setattr(romanization, "_PART_CHUNKS", 2)


class KilledError(BaseException):
    """Stands for a kill: nothing that the run itself would catch or tidy up after."""


def corpus(folder: Path, n_rows: int = 30) -> Path:
    lines = [f"word{n % 7} Word{n % 5} ? {n}\n" for n in range(n_rows)]
    lines[7] = "FAIL\n"
    (folder / "in.txt").write_text("".join(lines), encoding="utf-8")
    return folder / "in.txt"


def arguments(**more: Any) -> dict[str, Any]:
    return {"pairs": True, "transliterator": Upper(), "on_error": "skip", **more}


def kill_before_write(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """Die when the `number`th file is about to get its name, as a kill would: the half-written file stays."""
    count = iter(range(1000))

    def replace(self: Path, target: Path) -> None:
        if next(count) == number:
            raise KilledError
        self.rename(target)

    monkeypatch.setattr(Path, "replace", replace)
    monkeypatch.setattr(Path, "unlink", lambda *_, **__: None)
    monkeypatch.setattr(parts.shutil, "rmtree", lambda *_, **__: None)


def outcome(out: Path) -> tuple[bytes, bytes, dict[str, Any]]:
    manifest = json.loads(out.with_name(f"{out.name}.manifest.json").read_text(encoding="utf-8"))
    del manifest["run"]
    return out.read_bytes(), out.with_name(f"{out.name}.rejected.jsonl").read_bytes(), manifest


@pytest.mark.parametrize("name", thinned(FORMATS, 4))
def test_a_run_killed_before_any_of_its_writes_ends_with_the_same_bytes(tmp_path: Path, name: str) -> None:
    path = corpus(tmp_path)
    romanize_corpus(path, tmp_path / f"whole-{name}", **arguments())
    expected = outcome(tmp_path / f"whole-{name}")
    for number in range(0, 100, 1 if name == "out.txt" else 3):
        out = tmp_path / f"{number}-{name}"
        with pytest.MonkeyPatch.context() as patch:
            kill_before_write(patch, number)
            try:
                romanize_corpus(path, out, **arguments())
            except KilledError:
                assert not out.exists()
            else:
                break  # that was more writes than the run has
        manifest = romanize_corpus(path, out, **arguments())
        assert outcome(out) == expected
        # state, then data and counts of each part: after the first part nothing is done twice
        assert manifest.run["rows_resumed"] == min(30, max(0, (number - 1) // 2) * 4)
        assert not list(tmp_path.glob(f".{out.name}*"))
    assert number > 15


@pytest.mark.slow
@settings(max_examples=8, deadline=None)
@given(st.data())
def test_killed_again_and_again(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    folder = tmp_path_factory.mktemp("kills")
    path = corpus(folder)
    romanize_corpus(path, folder / "whole.tsv.gz", **arguments())
    for _ in range(data.draw(st.integers(1, 5))):
        if (folder / "out.tsv.gz").exists():
            break
        with pytest.MonkeyPatch.context() as patch:
            kill_before_write(patch, data.draw(st.integers(0, 8)))
            with contextlib.suppress(KilledError):
                romanize_corpus(path, folder / "out.tsv.gz", **arguments(jobs=data.draw(st.sampled_from([1, 1, 2]))))
    if not (folder / "out.tsv.gz").exists():
        romanize_corpus(path, folder / "out.tsv.gz", **arguments())
    assert outcome(folder / "out.tsv.gz") == outcome(folder / "whole.tsv.gz")


@pytest.fixture
def unfinished(tmp_path: Path) -> Iterator[tuple[Path, Path]]:
    """A corpus, and an output that a kill left after three parts."""
    path = corpus(tmp_path)
    with pytest.MonkeyPatch.context() as patch:
        kill_before_write(patch, 7)
        with pytest.raises(KilledError):
            romanize_corpus(path, tmp_path / "out.txt", **arguments())
    assert (tmp_path / ".out.txt.parts").is_dir()
    yield path, tmp_path / "out.txt"
    assert not (tmp_path / "out.txt").exists()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"pairs": False}, "pairs: True then, False now"),
        ({"transliterator": Upper(version="2")}, "versions: .*'1'.* then, .*'2'.* now"),
        ({"transliterator": Romanizer()}, "transliterator: upper then, uroman now"),
        ({"shard": "1/2"}, "shard: None then, 1/2 now"),
        ({"format": "jsonl"}, "format: text then, jsonl now"),
    ],
)
def test_another_command_does_not_go_on_with_it(
    unfinished: tuple[Path, Path], change: dict[str, Any], words: str
) -> None:
    path, out = unfinished
    for _ in range(2):  # the refusal leaves it as it is
        with pytest.raises(CorpusError, match=f"unfinished run of other options .*{words}.* remove that folder"):
            romanize_corpus(path, out, **arguments(**change))


@pytest.mark.parametrize("change", [lambda text: text.replace("word0", "w0rd0", 1), lambda text: text[:40]])
def test_a_changed_input_is_noticed(unfinished: tuple[Path, Path], change: Any) -> None:
    path, out = unfinished
    path.write_text(change(path.read_text(encoding="utf-8")), encoding="utf-8")
    with pytest.raises(CorpusError, match="an input was changed since the run that is to go on"):
        romanize_corpus(path, out, **arguments())


def test_what_was_skipped_is_not_forgiven_by_on_error_stop(unfinished: tuple[Path, Path]) -> None:
    path, out = unfinished
    with pytest.raises(CorpusError, match=r"in\.txt:8: upper failed: ArithmeticError: cannot say FAIL"):
        romanize_corpus(path, out, **arguments(on_error="stop"))


def test_jobs_and_engine_may_change(tmp_path: Path) -> None:
    path = corpus(tmp_path)
    romanize_corpus(path, tmp_path / "whole.txt", **arguments())
    with pytest.MonkeyPatch.context() as patch:
        kill_before_write(patch, 7)
        with pytest.raises(KilledError):
            romanize_corpus(path, tmp_path / "out.txt", **arguments())
    manifest = romanize_corpus(path, tmp_path / "out.txt", **arguments(jobs=2))
    assert manifest.run["rows_resumed"] == 12
    assert outcome(tmp_path / "out.txt") == outcome(tmp_path / "whole.txt")


def test_a_row_that_stopped_the_run_can_be_mended_or_skipped(tmp_path: Path) -> None:
    path = corpus(tmp_path)
    text = path.read_text(encoding="utf-8")
    for name in ("mended.txt", "skipped.txt"):
        with pytest.raises(CorpusError, match=r"in\.txt:8:"):
            romanize_corpus(path, tmp_path / name, **arguments(on_error="stop"))
    manifest = romanize_corpus(path, tmp_path / "skipped.txt", **arguments())
    assert (manifest.run["rows_resumed"], manifest.counts["rejected"]) == (6, 1)
    path.write_text(text.replace("FAIL", "fine"), encoding="utf-8")
    manifest = romanize_corpus(path, tmp_path / "mended.txt", **arguments(on_error="stop"))
    assert (manifest.run["rows_resumed"], manifest.counts["rejected"]) == (6, 0)
    assert not (tmp_path / "mended.txt.rejected.jsonl").exists()
    assert "fine\tFINE" in (tmp_path / "mended.txt").read_text(encoding="utf-8")


def test_two_processes_do_not_write_one_output(tmp_path: Path) -> None:
    path = corpus(tmp_path)
    with parts.PartFolder(tmp_path / "out.txt"), pytest.raises(BusyError, match=r"out.txt: .* is at work here"):
        romanize_corpus(path, tmp_path / "out.txt", **arguments())
    with alone(tmp_path / "shards", beside=True), pytest.raises(BusyError, match=r"shards: .* is at work here"):
        romanize_corpus(path, tmp_path / "shards", **arguments())


def test_a_list_of_rejections_of_an_output_that_is_gone_does_not_stay(tmp_path: Path) -> None:
    path = corpus(tmp_path)
    romanize_corpus(path, tmp_path / "out.txt", **arguments())
    assert (tmp_path / "out.txt.rejected.jsonl").exists()
    (tmp_path / "out.txt").unlink()
    path.write_text("a\n", encoding="utf-8")
    romanize_corpus(path, tmp_path / "out.txt", **arguments())
    assert not (tmp_path / "out.txt.rejected.jsonl").exists()


PROGRAM = """
import sys
from tests.translit.standins import Upper
from xl_translit import romanize_corpus
from xl_translit.corpora import inputs, romanization
inputs.CHUNK_ROWS, romanization._PART_CHUNKS = 100, 2
if __name__ == "__main__":
    say = Upper(seconds=0.02)
    romanize_corpus(sys.argv[1], sys.argv[2], pairs=True, jobs=int(sys.argv[3]), transliterator=say)
"""


@pytest.mark.slow
@pytest.mark.parametrize("jobs", [1, 2])
def test_a_process_that_the_system_kills(tmp_path: Path, jobs: int) -> None:
    path = tmp_path / "in.txt"
    path.write_text("".join(f"row {random.random()}\n" for _ in range(20_000)), encoding="utf-8")
    (tmp_path / "run.py").write_text(PROGRAM, encoding="utf-8")
    command = [sys.executable, tmp_path / "run.py", path]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    out = tmp_path / "out.tsv.gz"
    for n_parts in (3, 8):
        process = subprocess.Popen([*command, out, str(jobs)], env=environment, start_new_session=True)
        while len(list(tmp_path.glob(".out.tsv.gz.parts/*.json"))) < n_parts + 1:
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)  # to the parent alone: its workers have to notice
        process.wait()
        deadline = time.monotonic() + 10
        while _session_lives(process.pid):
            assert time.monotonic() < deadline, "a worker outlived its parent"
            time.sleep(0.05)
        assert not out.exists()
    subprocess.run([*command, out, str(jobs)], env=environment, check=True)
    subprocess.run([*command, tmp_path / "whole.tsv.gz", "1"], env=environment, check=True)
    assert out.read_bytes() == (tmp_path / "whole.tsv.gz").read_bytes()
    manifest = json.loads((tmp_path / "out.tsv.gz.manifest.json").read_text(encoding="utf-8"))
    assert manifest["run"]["rows_resumed"] >= 8 * 200
    assert manifest["counts"]["rows_out"] == 20_000


def _session_lives(number: int) -> bool:
    """Whether a process of the session that `number` led is left (and is no zombie)."""
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text(encoding="utf-8").rpartition(")")[2].split()
        except OSError:
            continue
        if fields[3] == str(number) and fields[0] != "Z":
            return True
    return False
