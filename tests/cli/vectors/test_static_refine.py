"""`xl static refine`: feedback from a file and from the terminal, in rounds; stopped, from Python, wrongly used."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from tests.cli.conftest import Run

import xl_cli
from xl_staticemb import (
    Marked,
    WordVectors,
    induction_accuracy,
    read_vectors,
    refined_by_round,
    write_vectors,
)

N = 40


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("refine")
    rng = np.random.default_rng(0)
    matrix = rng.normal(size=(N, 10))
    write_vectors(folder / "tr.vec", WordVectors([*(f"s{i}" for i in range(N - 1)), "7"], matrix))
    noisy = matrix + 0.8 * rng.normal(size=matrix.shape)
    write_vectors(folder / "en.vec", WordVectors([*(f"t{i}" for i in range(N - 1)), "7"], noisy))
    (folder / "test.tsv").write_text("".join(f"s{i}\tt{i}\n" for i in range(N - 1)), encoding="utf-8")
    return folder


def outs(folder: Path, name: str) -> list[str]:
    return ["--out-source", str(folder / f"{name}.s.bin"), "--out-target", str(folder / f"{name}.t.bin")]


def test_rounds_of_a_file_and_the_change_of_precision(xl: Run, folder: Path, tmp_path: Path) -> None:
    said = tmp_path / "said.tsv"
    said.write_text("1\ts1\tt1\talike\n1\ts1\tt2\tunlike\n2\tsource:7\ttarget:7\talike\n", encoding="utf-8")
    call = [
        "static",
        "refine",
        "tr.vec",
        "en.vec",
        "--feedback",
        said,
        "--dictionary",
        "test.tsv",
        *outs(tmp_path, "a"),
    ]
    done = xl(*call, "--json", cwd=folder)
    assert done.returncode == 0, done.stderr
    rows = {(row["variant"], row["metric"]): row["value"] for row in map(json.loads, done.stdout.splitlines())}
    now = read_vectors(folder / "tr.vec"), read_vectors(folder / "en.vec")
    pairs = [(f"s{i}", f"t{i}") for i in range(N - 1)]
    assert rows["round 0", "p@1"] == induction_accuracy(*now, pairs).precision[1]
    rounds = [{"s1": Marked(["t1"], ["t2"])}, {"source:7": Marked(["target:7"], [])}]
    for number, refined in enumerate(refined_by_round(*now, rounds), 1):
        assert refined.target is not None
        score = induction_accuracy(refined.source, refined.target, pairs).precision[1]
        assert rows[f"round {number}", "p@1"] == score
        assert rows[f"round {number}", "words moved"] == (3, 2)[number - 1]
        last = refined
    np.testing.assert_array_equal(read_vectors(tmp_path / "a.s.bin").matrix, last.source.matrix)
    np.testing.assert_array_equal(read_vectors(tmp_path / "a.t.bin").matrix, last.target.matrix if last.target else 0)
    assert "round 1: 3 words moved; P@1" in done.stderr


def ask(folder: Path, typed: str, *arguments: object) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "xl_cli", "static", "refine", "tr.vec", "en.vec", "--ask", *map(str, arguments)]
    return subprocess.run(command, cwd=folder, input=typed, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_what_is_typed_is_kept_and_a_stopped_session_goes_on(folder: Path, tmp_path: Path) -> None:
    said = tmp_path / "said.tsv"
    more = ["--feedback", said, "--keyword", "s3", "--keyword", "s4", "--neighbours", "3", "--rounds", "2"]
    # a number that is not there is asked again; the terminal ends in the second round
    done = ask(folder, "9\n4 -5\n\n-1\n", *more, *outs(tmp_path, "a"))
    assert done.returncode == 0, done.stderr
    assert "round 1, s3:" in done.stderr
    assert "give numbers from 1 to 6" in done.stderr
    lines = [line.split("\t") for line in said.read_text("utf-8").splitlines()]
    assert [(line[0], line[1], line[3]) for line in lines] == [
        ("1", "s3", "alike"), ("1", "s3", "unlike"), ("2", "s3", "unlike")]  # fmt: skip
    whole = tmp_path / "whole.tsv"
    whole.write_text(said.read_text("utf-8"), "utf-8")
    said.write_text("".join(line + "\n" for line in said.read_text("utf-8").splitlines()[:2]), "utf-8")
    again = ask(folder, "-1\n", *more[:-2], *outs(tmp_path, "b"))
    assert again.returncode == 0, again.stderr
    assert said.read_text("utf-8") == whole.read_text("utf-8")
    for side in "st":
        assert (tmp_path / f"a.{side}.bin").read_bytes() == (tmp_path / f"b.{side}.bin").read_bytes()


def test_python_asks_by_a_function_about_words_in_doubt(folder: Path, tmp_path: Path) -> None:
    questions: list[str] = []

    def answer(question: str) -> str | None:
        questions.append(question)
        return "1" if len(questions) == 1 else None

    rows = xl_cli.refine(
        folder / "tr.vec", folder / "en.vec", ask=answer, keywords=3, out_source=tmp_path / "s.vec",
        out_target=tmp_path / "t.vec",
    )  # fmt: skip
    assert [(row.metric, row.value) for row in rows] == [("words moved", 2.0), ("weight", 1.0)]
    keyword = questions[0].split(":")[0].removeprefix("round 1, ")
    source, target = read_vectors(folder / "tr.vec").unit().matrix, read_vectors(folder / "en.vec").unit().matrix
    cosines = source @ target.T
    means = np.sort(cosines, 1)[:, -10:].mean(1), np.sort(cosines, 0)[-10:].mean(0)
    scores = 2 * cosines - means[0][:, None] - means[1]
    row = read_vectors(folder / "tr.vec").index[keyword]
    assert scores[:, scores[row].argmax()].argmax() != row  # its nearest word has a nearer one


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ((), 2, "there is no feedback; give --feedback FILE, or --ask"),
        (("--feedback", "no.tsv"), 1, "no.tsv"),
        (("--feedback", "test.tsv", "--rounds", "2"), 2, "--rounds: no meaning without --ask"),
        (("--feedback", "test.tsv"), 1, "test.tsv:1: expected [round TAB] keyword"),
        (("--ask", "--keyword", "zz"), 2, "--keyword zz: this word has no vector"),
    ],
)
def test_wrong_use_is_one_sentence(
    xl: Run, folder: Path, tmp_path: Path, arguments: tuple[str, ...], code: int, words: str
) -> None:
    done = xl("static", "refine", "tr.vec", "en.vec", *arguments, *outs(tmp_path, "x"), cwd=folder)
    assert (done.returncode, done.stdout) == (code, "")
    assert words in done.stderr
    assert not list(tmp_path.iterdir())
