"""`xl static neighbours`: planted groups of words come back, as a table that training reads."""

import re
from pathlib import Path

import numpy as np
import pytest
from tests.cli.conftest import Run

from xl_staticemb import WordVectors, read_vectors, write_vectors
from xl_tasks import read_neighbours
from xl_tasks.robustness.neighbour_table import neighbours_for

N_GROUPS, SIZE = 12, 4


@pytest.fixture(scope="module")
def vectors(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Groups of four words in nearly one direction, directions at right angles; word 0 of each group first."""
    path = tmp_path_factory.mktemp("vectors") / "eng_Latn.vec"
    rng = np.random.default_rng(0)
    centres = np.eye(N_GROUPS, 16)
    words = [f"g{group}w{i}" for i in range(SIZE) for group in range(N_GROUPS)]
    write_vectors(path, WordVectors(words, np.tile(centres, (SIZE, 1)) + 0.05 * rng.normal(size=(len(words), 16))))
    return path


def run(xl: Run, vectors: Path, out: Path, *more: object) -> dict[str, tuple[str, ...]]:
    result = xl("static", "neighbours", vectors, "--out", out, *more)
    assert result.returncode == 0, result.stderr
    assert result.stdout == ""
    table = read_neighbours(out)
    assert f"{len(table)} of " in result.stderr
    assert f"{table.n_pairs / len(table):.1f} on the mean" in result.stderr
    return dict(table.neighbours)


@pytest.mark.parametrize("name", ["table.tsv", "table.json", "table.tsv.gz"])
def test_the_planted_groups_come_back(xl: Run, vectors: Path, tmp_path: Path, name: str) -> None:
    table = run(xl, vectors, tmp_path / name)
    assert {word: set(others) for word, others in table.items()} == {
        f"g{group}w{i}": {f"g{group}w{j}" for j in range(SIZE) if j != i}
        for group in range(N_GROUPS)
        for i in range(SIZE)
    }
    again = xl("static", "neighbours", vectors, "--out", tmp_path / name)
    assert again.returncode == 2
    assert "exists already" in again.stderr


def test_options_act(xl: Run, vectors: Path, tmp_path: Path) -> None:
    assert {len(others) for others in run(xl, vectors, tmp_path / "k.tsv", "--k", 2).values()} == {2}
    few = run(xl, vectors, tmp_path / "limit.tsv", "--limit", N_GROUPS + 1)
    assert few == {"g0w0": ("g0w1",), "g0w1": ("g0w0",)}
    every = run(xl, vectors, tmp_path / "all.tsv", "--k", 99, "--min-similarity", -1)
    assert {len(others) for others in every.values()} == {N_GROUPS * SIZE - 1}
    scores = read_neighbours(tmp_path / "all.tsv").scores.values()
    assert all(list(values) == sorted(values, reverse=True) for values in scores)


@pytest.mark.parametrize(
    ("more", "words", "code"),
    [
        (["--k", "0"], "--k is 0; give 1 or more", 2),
        (["--min-similarity", "-2"], "--min-similarity is -2", 2),
        (["--limit", "-1"], "--limit is -1", 2),
        (["--out", "t.txt"], r"--out .*t\.txt: a table of neighbours ends in \.json or \.tsv", 2),
        (["--min-similarity", "1.5"], "no word has a neighbour of cosine 1.5", 1),
    ],
    ids=str,
)
def test_what_cannot_be_done_is_named(
    xl: Run, vectors: Path, tmp_path: Path, more: list[str], words: str, code: int
) -> None:
    out = tmp_path / "table.tsv"
    result = xl("static", "neighbours", vectors, "--out", out, *more, cwd=tmp_path)
    assert result.returncode == code, result.stderr
    assert re.search(words, result.stderr.strip().splitlines()[-1]), result.stderr
    assert not list(tmp_path.iterdir())


def test_a_file_that_is_absent_is_named(xl: Run, tmp_path: Path) -> None:
    result = xl("static", "neighbours", tmp_path / "none.vec", "--out", tmp_path / "t.tsv")
    assert result.returncode == 1
    assert "none.vec" in result.stderr


def test_a_folder_of_mapped_vectors_gives_a_table_a_language(xl: Run, vectors: Path, tmp_path: Path) -> None:
    mapped = tmp_path / "mapped"
    mapped.mkdir()
    (mapped / "summary.json").write_text("{}", "utf-8")
    read = read_vectors(vectors)
    write_vectors(mapped / "eng_Latn.vec", read)
    write_vectors(mapped / "tur.bin", WordVectors([f"t{word}" for word in read.words], read.matrix))
    result = xl("static", "neighbours", mapped, "--out", tmp_path / "tables", "--k", 3)
    assert result.returncode == 0, result.stderr
    alone = run(xl, vectors, tmp_path / "alone.tsv", "--k", 3)
    assert dict(neighbours_for(tmp_path / "tables", "eng_Latn", n_neighbours=8, min_similarity=-1).neighbours) == alone
    turkish = neighbours_for(tmp_path / "tables", "tur_Latn", n_neighbours=8, min_similarity=-1).neighbours
    assert turkish["tg0w0"] == tuple(f"t{word}" for word in alone["g0w0"])
    assert sorted(file.name for file in (tmp_path / "tables").iterdir()) == ["eng_Latn.tsv", "tur_Latn.tsv"]
    # words of the other language, its own translation first
    across = run(xl, vectors, tmp_path / "across.tsv", "--among", mapped / "tur.bin", "--k", 2)
    assert all(others[0] == f"t{word}" for word, others in across.items())
    assert across["g0w0"][1] == f"t{alone['g0w0'][0]}"
    (tmp_path / "none").mkdir()
    result = xl("static", "neighbours", tmp_path / "none", "--out", tmp_path / "no")
    assert (result.returncode, "has no file of vectors called by a language" in result.stderr) == (2, True)
