"""`xl static train`: from text to a file of vectors and what made them; stopped, from Python, wrongly used."""

import gzip
import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from tests.cli.conftest import Run
from tests.cli.made_data import sentences, write_lines

import xl_cli
from xl_staticemb import CooccurrenceConfig, read_vectors, train_vectors

QUICK = ("--width", "8", "--min-count", "2", "--epochs", "2")
CONFIG = CooccurrenceConfig(width=8, min_count=2, epochs=2)
LINES = [line.capitalize() for line in sentences(120)]


def test_vectors_are_those_of_the_library(xl: Run, tmp_path: Path) -> None:
    write_lines(tmp_path / "eng_Latn.txt", LINES)
    done = xl("static", "train", "eng_Latn.txt", "--tokenized", "--out", "a.vec", *QUICK, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    found = read_vectors(tmp_path / "a.vec")
    words = [line.lower().split() for line in LINES]
    wanted = train_vectors(lambda: iter(words), CONFIG).vectors
    assert found.words == wanted.words
    np.testing.assert_array_equal(found.matrix, wanted.matrix)
    about = json.loads((tmp_path / "a.vec.json").read_text("utf-8"))
    counts = Counter(word for line in words for word in line)
    assert about["occurrences"] == counts.total()
    assert about["occurrences_kept"] == sum(n for n in counts.values() if n >= 2)
    assert about["settings"]["epochs"] == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.vec", "a.vec.json", "eng_Latn.txt"]
    assert f"a.vec: {len(found)} words x 8 (word2vec, skipgram)" in done.stdout


def test_text_is_read_as_elsewhere_and_python_does_what_the_command_does(xl: Run, tmp_path: Path) -> None:
    with gzip.open(tmp_path / "eng_Latn.txt.gz", "wt", encoding="utf-8") as file:
        file.writelines(f"{line}\n" for line in LINES)
    with_case = ("--as-written", "--method", "fasttext", "--buckets", "100", "--json")
    done = xl("static", "train", ".", "--lang", "en", "--out", "a.bin", *with_case, *QUICK, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    row = json.loads(done.stdout)
    assert (row["language"], row["lines"]) == ("eng_Latn", 120)
    found = read_vectors(tmp_path / "a.bin")
    assert any(word[0].isupper() for word in found.words)
    summary = xl_cli.train_vectors(
        tmp_path / "eng_Latn.txt.gz", out=tmp_path / "b.bin", cache=tmp_path / "kept", as_written=True,
        method="fasttext", buckets=100, width=8, min_count=2, epochs=2,
    )  # fmt: skip
    assert summary.words == len(found)
    np.testing.assert_array_equal(read_vectors(tmp_path / "b.bin").matrix, found.matrix)
    assert (tmp_path / "kept" / "words.txt").exists()


@pytest.mark.parametrize(
    ("more", "code", "words"),
    [
        (("--min-gram", "2"), 2, "--min-gram: no meaning without --method fasttext"),
        (("--tokenized", "--engine", "icu"), 2, "--engine: no meaning beside --tokenized"),
        (("--epochs", "0"), 2, "--epochs is 0; give 1 or more"),
        (("--engine", "perl"), 2, "--engine is 'perl'"),
        (("--min-count", "1000"), 1, "no word occurs 1000 times"),
    ],
)
def test_wrong_use_is_one_sentence(xl: Run, tmp_path: Path, more: tuple[str, ...], code: int, words: str) -> None:
    write_lines(tmp_path / "a.txt", LINES)
    done = xl("static", "train", "a.txt", "--out", "x.vec", *more, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (code, "")
    assert words in done.stderr
    assert not (tmp_path / "x.vec").exists()


def test_a_text_that_is_not_there_and_an_output_that_is(xl: Run, tmp_path: Path) -> None:
    done = xl("static", "train", "b.txt", "--out", "x.vec", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (
        1, "xl: b.txt: no such file or folder, and nothing matches it as a pattern.\n")  # fmt: skip
    write_lines(tmp_path / "x.vec.json", [])
    done = xl("static", "train", "x.vec.json", "--out", "x.vec", cwd=tmp_path)
    assert done.returncode == 2
    assert "x.vec.json exists already" in done.stderr
