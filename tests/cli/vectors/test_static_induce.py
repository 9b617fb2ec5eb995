"""`xl static induce`: a planted dictionary comes back; what must not appear does not."""

import re
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import ortho_group
from tests.cli.conftest import Run

from xl_staticemb import WordVectors, read_dictionary, write_word2vec

N = 80


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("vectors")
    rng = np.random.default_rng(0)
    x = rng.normal(size=(N, 16))
    turn = ortho_group.rvs(16, random_state=0)
    order = rng.permutation(N)
    words = [f"wort{i}" for i in range(N - 1)] + ["taxi"]
    write_word2vec(folder / "de.vec", WordVectors(words, x @ turn))
    turned = (x @ turn + 0.2 * rng.normal(size=x.shape))[order]
    others = [f"word{i}" for i in range(N - 1)] + ["taxi"]
    write_word2vec(folder / "en.vec", WordVectors([others[i] for i in order], turned))
    return folder


def induce(xl: Run, folder: Path, out: Path, *more: object) -> list[tuple[str, str]]:
    result = xl("static", "induce", folder / "de.vec", folder / "en.vec", "--out", out, *more)
    assert result.returncode == 0, result.stderr
    assert result.stdout == ""
    pairs = read_dictionary(out)
    assert f"{len(pairs)} pairs among" in result.stderr
    scores = [float(line.split("\t")[2]) for line in out.read_text(encoding="utf-8").splitlines()]
    assert scores == sorted(scores, reverse=True)
    return pairs


def test_the_planted_dictionary_comes_back(xl: Run, folder: Path, tmp_path: Path) -> None:
    pairs = induce(xl, folder, tmp_path / "d.tsv")
    assert set(pairs) == {(f"wort{i}", f"word{i}") for i in range(N - 1)} | {("taxi", "taxi")}
    again = xl("static", "induce", folder / "de.vec", folder / "en.vec", "--out", tmp_path / "d.tsv")
    assert again.returncode == 2
    assert "exists already" in again.stderr


def test_options_act(xl: Run, folder: Path, tmp_path: Path) -> None:
    every = induce(xl, folder, tmp_path / "d.tsv")
    assert ("taxi", "taxi") not in induce(xl, folder, tmp_path / "skip.tsv", "--skip-identical")
    assert induce(xl, folder, tmp_path / "few.tsv", "--max-pairs", 5) == every[:5]
    assert len(induce(xl, folder, tmp_path / "cut.tsv", "--cutoff", 20, "--direction", "forward")) == 20
    assert len(induce(xl, folder, tmp_path / "k.tsv", "--k", 3, "--direction", "forward")) == 3 * N
    scores = [float(line.split("\t")[2]) for line in (tmp_path / "d.tsv").read_text(encoding="utf-8").splitlines()]
    least = (scores[9] + scores[10]) / 2
    assert induce(xl, folder, tmp_path / "min.tsv", "--min-score", least) == every[:10]
    nn = induce(xl, folder, tmp_path / "nn.tsv", "--retrieval", "nn")
    assert nn != every
    assert set(nn) == set(every)


def test_what_is_excluded_does_not_appear(xl: Run, folder: Path, tmp_path: Path) -> None:
    banned = tmp_path / "test.txt"
    banned.write_text("Wort1 word1\nwort2\tword3\n\ntaxi\n", encoding="utf-8")
    every = set(induce(xl, folder, tmp_path / "d.tsv"))
    by_word = set(induce(xl, folder, tmp_path / "w.tsv", "--exclude", banned))
    assert every - by_word == {("wort1", "word1"), ("wort2", "word2"), ("wort3", "word3"), ("taxi", "taxi")}
    said = xl(
        "static", "induce", folder / "de.vec", folder / "en.vec", "--out", tmp_path / "s.tsv", "--exclude", banned
    )
    assert "3 source words and 3 target words of the vocabularies may not appear" in said.stderr
    turned = tmp_path / "turned.txt"
    turned.write_text("word1 wort1\nword2 wort2\n", encoding="utf-8")
    said = xl(
        "static", "induce", folder / "de.vec", folder / "en.vec", "--out", tmp_path / "t.tsv", "--exclude", turned
    )
    assert "0 of the 2 pairs fit as they stand, 2 with their sides exchanged: is --exclude written" in said.stderr
    by_pair = set(induce(xl, folder, tmp_path / "p.tsv", "--exclude", banned, "--exclude-by", "pair"))
    assert every - by_pair == {("wort1", "word1"), ("taxi", "taxi")}


@pytest.mark.parametrize(
    ("more", "words", "code"),
    [
        (["--direction", "both"], "--direction is 'both'; choose one of mutual", 2),
        (["--retrieval", "cosine"], "--retrieval is 'cosine'", 2),
        (["--exclude-by", "line"], "--exclude-by is 'line'", 2),
        (["--k", "0"], "--k is 0; give 1 or more", 2),
        (["--cutoff", "-1"], "--cutoff is -1", 2),
        (["--max-pairs", "-1"], "--max-pairs is -1", 2),
        (["--exclude", "none.txt"], "none.txt", 1),
        (["--exclude", "B"], "B:2: expected source<TAB>target", 1),
        (["--min-score", "9"], "no pair is left", 1),
    ],
)
def test_what_cannot_be_done_is_named(
    xl: Run, folder: Path, tmp_path: Path, more: list[str], words: str, code: int
) -> None:
    (tmp_path / "B").write_text("word\na\tb\tc\n")
    out = tmp_path / "d.tsv"
    given = [tmp_path / "B" if part == "B" else part for part in more]
    result = xl("static", "induce", folder / "de.vec", folder / "en.vec", "--out", out, *given)
    assert result.returncode == code, result.stderr
    assert re.search(words, result.stderr.strip().splitlines()[-1]), result.stderr
    assert not out.exists()
