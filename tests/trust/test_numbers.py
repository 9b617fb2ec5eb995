"""The same recipe and seed give the same bytes: however batches are drawn ahead, whatever else the machine does.

All objectives of the registry train at once, in bf16, with dropout. There are no loader processes: one thread draws and
tokenises ahead of the step, and how far is what is varied here, from not at all.
"""

import math
import subprocess
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.cli.conftest import Run
from tests.cli.made_data import WIDTH, align_toml, log_of, word, write_vectors
from tests.trust.commands import results

from xl_encoders.training import fit
from xl_encoders.training.prefetch import Prefetch
from xl_objectives import OBJECTIVES

pytestmark = pytest.mark.slow


@pytest.fixture
def recipe(inputs: Path, tmp_path: Path) -> Path:
    """All objectives on names in two scripts, sentences of two languages and vectors of words."""
    vectors = tmp_path / "words.vec"
    write_vectors(vectors, list(dict.fromkeys(map(word, range(144)))), WIDTH)
    bitext = f'"{inputs / "ell_Grek.txt"}", "{inputs / "eng_Latn.txt"}"'
    text = (
        f'[model]\nfrom = "{inputs / "model"}"\nmax_len = 40\n'
        f'[[data]]\nname = "names"\nkind = "parallel"\nfiles = ["{inputs / "names"}"]\n'
        f'[[data]]\nname = "bitext"\nkind = "pairs"\nfiles = [{bitext}]\nwords = "spaces"\nlimit = 60\n'
        f'[[data]]\nname = "words"\nkind = "vectors"\nfiles = ["{vectors}"]\n'
        f'[eval]\nstring_match = false\nlimit = 5\n[train]\nvariants = ["{"+".join(OBJECTIVES)}"]\n'
        'precision = "bf16"\nsteps = 3\nbatch = 8\nlr = 1e-3\nlog_every = 1\nnorms_every = 0\n'
    )
    text += "".join(f'[[objective]]\nname = "{name}"\n' for name in OBJECTIVES if name != "dcca")
    return align_toml(tmp_path, text + '[[objective]]\nname = "dcca"\nk = 3\n')


class AtOnce:
    """`Prefetch` without a thread: a batch is drawn when it is asked for."""

    def __init__(self, draw: Callable[[int], object], **_: object) -> None:
        self.draw = draw

    def __getitem__(self, number: int) -> object:
        return self.draw(number)

    def close(self, **_: object) -> None: ...


@contextmanager
def busy() -> Generator[None]:
    """Two other processes at work."""
    others = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(2)]
    try:
        yield
    finally:
        for other in others:
            other.kill()
            other.wait()


@pytest.mark.usefixtures("one_thread")
def test_every_objective_in_bf16_is_finite_and_comes_out_alike_byte_for_byte(
    recipe: Path, tmp_path: Path, xl: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(name: str) -> dict[str, object]:
        result = xl("align", recipe, "--out", tmp_path / name / "run")
        assert result.returncode == 0, result.stderr
        return results(tmp_path / name)

    first = run("idle")
    rows = log_of(tmp_path / "idle" / "run")
    assert len(rows) == 3
    for row in rows:
        assert {name.split("-drift")[0] for name in row["losses"]} >= set(OBJECTIVES)
        assert all(map(math.isfinite, [*row["losses"].values(), row["loss"], row["grad_norm"]]))
    monkeypatch.setattr(fit, "Prefetch", lambda draw, **more: Prefetch(draw, **{**more, "ahead": 7}))
    with busy():
        assert run("busy") == first
    monkeypatch.setattr(fit, "Prefetch", AtOnce)
    assert run("at once") == first
