"""Several processes on one machine: one folder, one table, the losses of one process, the same end after a kill."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet
from safetensors.torch import load_file
from tests import warm
from tests.cli.conftest import Run
from tests.cli.made_data import (
    about_of,
    align_toml,
    greek,
    log_of,
    rows_of,
    same_weights,
    sentences,
    word,
    write_lines,
    write_vectors,
)
from tests.warm import environment

pytestmark = pytest.mark.slow

# Seconds after which a run of a few steps hangs.
_LONGEST = 240


def launch(*arguments: object, cwd: Path) -> subprocess.Popen[str]:
    """`torchrun --nproc-per-node 2 -m xl_cli ARGUMENTS`, in a group of its own, without a network card."""
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "xl_cli"]
    return subprocess.Popen(
        [*command, *map(str, arguments)], cwd=cwd, env={**environment(), "GLOO_SOCKET_IFNAME": "lo"}, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip


def finished(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    try:
        out, err = process.communicate(timeout=_LONGEST)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        out, err = process.communicate()
        pytest.fail(f"two processes hang: {err[-2000:]}")
    return process.returncode, out, err


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Text, a stream, bitext, vectors; all that a process waits for: a new tokenizer, our aligner, selection."""
    folder = tmp_path_factory.mktemp("data")
    english = sentences(60, seed=3)
    write_lines(folder / "p" / "eng_Latn.txt", english)
    write_lines(folder / "p" / "ell_Grek.txt", [greek(text) for text in english])
    write_vectors(folder / "eng_Latn.vec", [word(k) for k in range(60)], 16)
    streamed = pa.table({"text": [greek(text) for text in sentences(40, seed=5)]})
    parquet.write_table(streamed, folder / "many.parquet", row_group_size=8)
    few, many = 'data = ["text"]', 'data = ["many"]'
    objectives = [
        ("mlm", few),
        ("seq", many),
        ("tlm", few),
        ("dcca", "k = 3\nbatch = 21"),
        ("ot", ""),
        ("l2", "every = 2"),
    ]
    return align_toml(
        folder,
        '[model]\nfrom = "new"\nsize = "pico"\npieces = 90\ndropout = 0.0\nmax_len = 64\n'
        f'[[data]]\nname = "text"\nkind = "parallel"\nfiles = ["{folder}/p"]\n'
        f'[[data]]\nname = "many"\nkind = "text"\nbuffer = 18\nfiles = ["{folder}/many.parquet"]\n'
        f'[[data]]\nname = "words"\nkind = "vectors"\nfiles = ["{folder}/eng_Latn.vec"]\n'
        + "".join(f'[[objective]]\nname = "{name}"\n{more}\n' for name, more in objectives)
        + '[train]\nvariants = ["mlm", "mlm+seq+tlm+dcca+ot+l2"]\nsteps = 6\nbatch = 9\nlr = 1e-3\nlog_every = 1\n'
        "norms_every = 3\nsave_every = 1\naccumulate = 2\n"
        '[select]\nevery = 3\nkeep = 2\nmetric = "top1"\n[eval]\nlimit = 20\n',
    )


@pytest.fixture(scope="module")
def two(recipe: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, str]:
    """The run of two processes, without --out; its folder, stdout and stderr."""
    here = tmp_path_factory.mktemp("two")
    code, out, err = finished(launch("align", recipe, cwd=here))
    assert code == 0, err
    assert [path.name for path in (here / "runs").iterdir()] == ["mine"]
    return here / "runs" / "mine", out, err


def test_one_folder_and_one_table(two: tuple[Path, str, str]) -> None:
    folder, out, err = two
    assert out.count("Model: ") == 1
    assert sum(line.startswith("string-match ") for line in out.splitlines()) == 1
    assert err.count("aligning the words of ell_Grek-eng_Latn") == 1
    assert err.count("romanising: ") <= 1
    about = about_of(folder)
    assert about["status"] == "finished"
    assert set(about["selected"]) == {"mlm", "mlm+seq+tlm+dcca+ot+l2"}
    cells = [(row["variant"], row["metric"], row["source"], row["target"]) for row in rows_of(folder)]
    assert len(cells) == len(set(cells)) == 4 * 3 * 2
    assert [(row["variant"], row["step"]) for row in log_of(folder)] == [
        (variant, step) for variant in ("mlm", "mlm+seq+tlm+dcca+ot+l2") for step in range(1, 7)
    ]
    assert not list(folder.rglob("*.tmp"))


def test_the_losses_are_those_of_one_process(xl: Run, recipe: Path, two: tuple[Path, str, str], tmp_path: Path) -> None:
    result = xl("align", recipe, "--out", tmp_path / "one")
    assert result.returncode == 0, result.stderr
    for row, other in zip(log_of(tmp_path / "one"), log_of(two[0]), strict=True):
        assert other["losses"] == pytest.approx(row["losses"], rel=1e-4, abs=1e-5)
        assert other["grad_norm"] == pytest.approx(row["grad_norm"], rel=1e-3)
        assert other["grad_norms"] == pytest.approx(row["grad_norms"], rel=1e-3)
    ours, theirs = (load_file(out / "model" / "model.safetensors") for out in (tmp_path / "one", two[0]))
    assert max(float((ours[name] - theirs[name]).abs().max()) for name in ours) < 1e-3


def test_a_run_of_two_goes_on_after_one_was_killed(recipe: Path, two: tuple[Path, str, str], tmp_path: Path) -> None:
    """The other one ends by itself, in a sentence."""
    out = tmp_path / "run"
    left, killed = warm.ranks(2, "-m", "xl_cli", "align", recipe, "--out", out, cwd=tmp_path)
    log = out / "log.jsonl"
    deadline = time.monotonic() + _LONGEST
    while killed.returncode is None and time.monotonic() < deadline:
        if log.is_file() and log.read_bytes().count(b"\n") >= 10:  # in the second variant
            break
        time.sleep(0.01)
    killed.kill()
    killed.communicate()
    _, err = left.communicate(timeout=_LONGEST)
    assert left.returncode == 1
    assert "Traceback" not in err
    assert "xl: process 0 of 2 no longer reaches another one, which has ended or was killed (" in err
    assert about_of(out)["status"] == "running"
    err = ""
    for process in warm.ranks(2, "-m", "xl_cli", "align", "--resume", "--out", out, cwd=tmp_path):
        err += process.communicate(timeout=_LONGEST)[1]
        assert process.returncode == 0, err
    assert err.count("going on from step") <= 1
    assert same_weights(out, two[0])
    assert [row["losses"] for row in log_of(out)] == [row["losses"] for row in log_of(two[0])]
    assert about_of(out)["selected"] == about_of(two[0])["selected"]


def test_what_is_refused_is_said_and_ends(recipe: Path, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "notes").write_text("mine", encoding="utf-8")
    code, out, err = finished(launch("align", recipe, "--out", tmp_path / "full", cwd=tmp_path))
    assert code != 0
    assert not out
    assert err.count("exists already") == 1
    assert [path.name for path in (tmp_path / "full").iterdir()] == ["notes"]
