"""`xl static similarity`: its rows against scipy, its files, and what it refuses."""

import gzip
import io
import json
import re
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import hmean, pearsonr, spearmanr
from tests.cli.conftest import Run

from xl_staticemb import WordVectors, write_word2vec
from xl_tasks import read_rows

RNG = np.random.default_rng(8)
ENGLISH = WordVectors([f"w{i}" for i in range(30)], RNG.standard_normal((30, 6)))
SPANISH = WordVectors([f"p{i}" for i in range(30)], ENGLISH.matrix + RNG.standard_normal((30, 6)))
MONO = [(f"w{i}", f"w{(7 * i + 3) % 30}", float(RNG.integers(0, 17)) / 4) for i in range(24)] + [("W1", "absent", 4.0)]
CROSS = [(f"w{i}", f"p{(5 * i + 1) % 30}", float(RNG.integers(0, 17)) / 4) for i in range(24)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_word2vec(tmp_path / "en.vec", ENGLISH)
    write_word2vec(tmp_path / "es.bin", SPANISH, binary=True)
    for name, pairs in (("en.test.txt", MONO), ("en-es.test.txt", CROSS)):
        text = "".join(f"{a}\t{b}\t{gold}\n" for a, b, gold in pairs)
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def expected(left: WordVectors, right: WordVectors, pairs: list) -> dict[str, float]:
    doubles = [vectors.matrix.astype(np.float64) for vectors in (left, right)]
    x, z = (matrix / np.linalg.norm(matrix, axis=1)[:, None] for matrix in doubles)
    pairs = [pair for pair in pairs if pair[0] in left.index and pair[1] in right.index]
    cosines = [x[left.index[a]] @ z[right.index[b]] for a, b, _ in pairs]
    golds = [gold for *_, gold in pairs]
    p, s = pearsonr(cosines, golds).statistic, spearmanr(cosines, golds).statistic
    return {"pearson": p, "spearman": s, "harmonic": hmean([p, s]) if min(p, s) > 0 else 0.0}


def test_rows_of_one_language(xl: Run, folder: Path) -> None:
    out = folder / "rows.jsonl"
    done = xl(
        "static", "similarity", folder / "en.vec", "--gold", folder / "en.test.txt", "--oov", "skip", "--json",
        "--source-lang", "English", "--out", out,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert {row["metric"]: row["value"] for row in rows} == pytest.approx(expected(ENGLISH, ENGLISH, MONO), abs=1e-6)
    for row in rows:
        assert (row["task"], row["data"], row["pooling"], row["n"]) == ("similarity", "en.test", "oov-skip", 24)
        assert (row["source"], row["target"], row["coverage"]) == ("eng_Latn", "eng_Latn", 24 / 25)
    assert [json.loads(row.to_json()) for row in read_rows(out)] == rows


def test_a_report_keeps_vectors_apart(xl: Run, folder: Path) -> None:
    values = []
    for number, options in enumerate(([folder / "en.vec"], [folder / "en.vec", folder / "es.bin"])):
        gold = folder / ("en.test.txt" if number == 0 else "en-es.test.txt")
        done = xl(
            "static", "similarity", *options, "--gold", gold, "--oov", "skip", "--out", folder / f"r{number}.jsonl"
        )
        assert done.returncode == 0, done.stderr
        values += [row.value for row in read_rows(folder / f"r{number}.jsonl") if row.metric == "pearson"]
    report = xl("report", folder / "r0.jsonl", folder / "r1.jsonl")
    assert report.returncode == 0, report.stderr
    shown = [[line for line in report.stdout.splitlines() if f"{value:.3f}" in line] for value in values]
    assert all(len(lines) == 1 for lines in shown)
    assert shown[0] != shown[1]


def test_rows_of_two_languages(xl: Run, folder: Path) -> None:
    done = xl(
        "static", "similarity", folder / "en.vec", folder / "es.bin", "--gold", folder / "en-es.test.txt", "--json",
        "--source-lang", "en", "--target-lang", "es",
    )  # fmt: skip
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    wanted = expected(ENGLISH, SPANISH, CROSS)
    assert [row["pooling"] for row in rows] == ["oov-skip"] * 3 + ["oov-mid"] * 3
    for row in rows:  # all pairs are covered, so that both ways agree
        assert row["value"] == pytest.approx(wanted[row["metric"]], abs=1e-6)
        assert (row["source"], row["target"], row["coverage"]) == ("eng_Latn", "spa_Latn", 1)


def test_table(xl: Run, folder: Path) -> None:
    done = xl("static", "similarity", folder / "en.vec", "--gold", folder / "en.test.txt")
    lines = [line.split() for line in done.stdout.splitlines()]
    wanted = [f"{value:.3f}" for value in expected(ENGLISH, ENGLISH, MONO).values()]
    assert ["en.test", "skip", *wanted, "24", "96.0"] in lines
    assert any(line[:2] == ["en.test", "mid"] and line[-2:] == ["25", "96.0"] for line in lines)
    assert "30 words of 6 dimensions" in done.stdout


def test_options_act(xl: Run, folder: Path) -> None:
    def values(*options: object) -> list[tuple[float, int]]:
        done = xl(
            "static", "similarity", folder / "en.vec", "--gold", folder / "odd.txt", "--oov", "skip", "--json", *options
        )
        assert done.returncode == 0, done.stderr
        return [(row["value"], row["n"]) for row in map(json.loads, done.stdout.splitlines())]

    odd = [("W1", "w2", 1.0), ("w3 w4", "w5", 2.0), *[(f"w{i}", f"w{i + 1}", 4.0 - i / 3) for i in range(6, 12)]]
    (folder / "odd.txt").write_text("".join(f"{a}\t{b}\t{g}\n" for a, b, g in odd), encoding="utf-8")
    assert values()[0][1] == 8
    assert values("--lower", "never")[0][1] == 7
    assert values("--multiword", "skip")[0][1] == 7
    assert values("--limit", "10")[0][1] == 2 + 3
    assert values("--lower", "always") == values()


def test_gold_from_everywhere(xl: Run, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Standard input, compressed, and in the two files of the task: the same figures."""
    text = (folder / "en.test.txt").read_bytes()
    (folder / "packed.txt.gz").write_bytes(gzip.compress(text))
    for name in ("data", "keys"):
        (folder / name).mkdir()
    (folder / "data" / "en.test.data.txt").write_text("".join(f"{a}\t{b}\n" for a, b, _ in MONO), encoding="utf-8")
    (folder / "keys" / "en.test.gold.txt").write_text("".join(f"{g}\n" for *_, g in MONO), encoding="utf-8")
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text), encoding="utf-8"))
    golds = [folder / "en.test.txt", folder / "packed.txt.gz", folder / "data" / "en.test.data.txt", "-"]
    options = [part for gold in golds for part in ("--gold", gold)]
    done = xl("static", "similarity", folder / "en.vec", *options, "--oov", "mid", "--json")
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    values = [[row["value"] for row in rows[start : start + 3]] for start in range(0, 12, 3)]
    assert values == [values[0]] * 4
    assert [row["data"] for row in rows[::3]] == ["en.test", "packed", "en.test", "stdin"]


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["en.vec"], 2, "--gold"),
        (["en.vec", "--gold", "en.test.txt", "--oov", "mean"], 2, "--oov is 'mean'; choose one of skip, mid, zero"),
        (["en.vec", "--gold", "en.test.txt", "--lower", "yes"], 2, "--lower is 'yes'"),
        (["en.vec", "--gold", "en.test.txt", "--multiword", "sum"], 2, "--multiword is 'sum'"),
        (["en.vec", "--gold", "en.test.txt", "--limit", "-1"], 2, "--limit is -1"),
        (["en.vec", "--gold", "en.test.txt", "--out", "en.vec"], 2, "--out en.vec exists already"),
        (["absent.vec", "--gold", "en.test.txt"], 1, "absent.vec"),
        (["en.vec", "--gold", "absent.txt"], 1, "absent.txt"),
        (["en.vec", "--gold", "bad.txt"], 1, "bad.txt:2: the gold similarity must be a finite number, not 'high'"),
        (["es.bin", "--gold", "en.test.txt"], 1, "en.test.txt: none of the 25 pairs"),
        (["es.bin", "en.vec", "--gold", "en-es.test.txt"], 1, "changed round"),
        (["en.vec", "--gold", "en.test.txt", "--source-lang", "Klingonish"], 1, "Klingonish"),
    ],
)
def test_refusals_are_one_line(xl: Run, folder: Path, arguments: list[str], code: int, words: str) -> None:
    (folder / "bad.txt").write_text("w1\tw2\t1\nw1\tw3\thigh\n", encoding="utf-8")
    done = xl("static", "similarity", *arguments, cwd=folder)
    assert done.returncode == code
    assert words in done.stderr
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""


def test_help_names_every_option(xl: Run) -> None:
    from dataclasses import fields

    from xl_cli.vectors.similarity import SimilarityConfig

    done = xl("static", "similarity", "--help")
    for field in fields(SimilarityConfig):
        assert re.search(rf"--{field.name.replace('_', '-')}[ ,]", done.stdout)


@pytest.mark.data
def test_files_of_semeval(xl: Run, data_folder: Path, tmp_path: Path) -> None:
    """All six test files at once, with a vocabulary that holds every word of them."""
    words = {
        word.lower()
        for path in (data_folder / "semeval17_task2").glob("*.test.txt")
        for line in path.read_text(encoding="utf-8").split("\n")
        for entry in line.split("\t")[:2]
        for word in entry.split()
    }
    letters = {letter: RNG.standard_normal(20) for letter in sorted(set("".join(words)))}
    vectors = WordVectors(sorted(words), np.stack([sum(letters[c] for c in word) for word in sorted(words)]))
    write_word2vec(tmp_path / "all.bin", vectors, binary=True)
    golds = sorted((data_folder / "semeval17_task2").glob("*.test.txt"))
    options = [part for gold in golds for part in ("--gold", gold)]
    done = xl("static", "similarity", tmp_path / "all.bin", *options, "--oov", "skip", "--json")
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(rows) == 6 * 3
    assert all(row["coverage"] == 1 for row in rows)
    assert {row["n"] for row in rows if "-" not in row["data"]} == {500}
