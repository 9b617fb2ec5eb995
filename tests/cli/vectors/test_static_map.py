"""`xl static map`: what is written equals the library's own map, each option acts, and wrong use is one sentence."""

import json
import re
from dataclasses import fields
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from tests.cli.conftest import Run

from xl_cli.vectors.mapping_options import MODES, MappingOptions
from xl_staticemb import (
    MappingConfig,
    Normalization,
    WordVectors,
    induction_accuracy,
    learn_mapping,
    read_vectors,
    write_vectors,
)

N, WIDTH = 400, 40


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Vectors of a language, of a turned and noisy copy, and half of the pairs."""
    folder = tmp_path_factory.mktemp("vectors")
    rng = np.random.default_rng(0)
    matrix = rng.normal(size=(N, WIDTH)) * rng.gamma(2, size=WIDTH)
    rotation = np.linalg.qr(rng.normal(size=(WIDTH, WIDTH)))[0]
    noisy = matrix @ rotation + 0.02 * rng.normal(size=matrix.shape)
    write_vectors(folder / "tr.vec", WordVectors([*(f"s{i}" for i in range(N - 40)), *map(str, range(40))], matrix))
    write_vectors(folder / "en.vec", WordVectors([*(f"t{i}" for i in range(N - 40)), *map(str, range(40))], noisy))
    (folder / "half.tsv").write_text("".join(f"s{i}\tt{i}\n" for i in range(150)), encoding="utf-8")
    return folder


def outs(folder: Path, suffix: str = ".vec") -> list[object]:
    return ["--out-source", folder / f"x{suffix}", "--out-target", folder / f"z{suffix}"]


def figures(stdout: str) -> dict[str, float]:
    return {row["metric"]: row["value"] for row in map(json.loads, stdout.splitlines())}


def test_the_default_is_the_supervised_map(xl: Run, folder: Path, tmp_path: Path) -> None:
    result = xl(
        "static", "map", folder / "tr.vec", folder / "en.vec", "--dictionary", folder / "half.tsv", *outs(tmp_path)
    )
    assert result.returncode == 0, result.stderr
    assert "pairs of the first dictionary" in result.stdout
    x, z = (Normalization().fit_apply(read_vectors(folder / name).matrix) for name in ("tr.vec", "en.vec"))
    mapping = learn_mapping(x, z, MappingConfig.preset("supervised"), pairs=(range(150), range(150)))
    np.testing.assert_allclose(read_vectors(tmp_path / "x.vec").matrix, x @ mapping.source, atol=1e-5)
    np.testing.assert_allclose(read_vectors(tmp_path / "z.vec").matrix, z @ mapping.target, atol=1e-5)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--mode", "orthogonal"], MappingConfig.preset("orthogonal")),
        (["--mode", "emnlp2016", "--normalize", "unit"], MappingConfig.preset("emnlp2016", normalization=("unit",))),
        (["--width", "5", "--src-reweight", "0"], MappingConfig.preset("supervised", width=5, src_reweight=0.0)),
        (["--mode", "rcsls", "--ball", "spectral"], MappingConfig.preset("rcsls", ball="spectral")),
        (["--ridge", "0.1"], MappingConfig.preset("supervised", ridge=0.1)),
    ],
)
def test_options_are_those_of_the_library(
    xl: Run, folder: Path, tmp_path: Path, options: list[str], expected: MappingConfig
) -> None:
    command = ["static", "map", folder / "tr.vec", folder / "en.vec", "--dictionary", folder / "half.tsv"]
    result = xl(*command, *outs(tmp_path, ".bin"), *options)
    assert result.returncode == 0, result.stderr
    x, z = (
        Normalization(expected.normalization).fit_apply(read_vectors(folder / name).matrix)
        for name in ("tr.vec", "en.vec")
    )
    mapping = learn_mapping(x, z, expected, pairs=(range(150), range(150)))
    np.testing.assert_allclose(read_vectors(tmp_path / "x.bin").matrix, x @ mapping.source, atol=1e-5)


def test_numerals_are_enough_to_start_from(xl: Run, folder: Path, tmp_path: Path) -> None:
    options = [
        "--mode",
        "numerals",
        "--keep",
        "1",
        "--interval",
        "1",
        "--seeds",
        "2",
        "--json",
        "--limit",
        N,
        "--digits",
        "6",
    ]
    result = xl("static", "map", folder / "tr.vec", folder / "en.vec", *options, *outs(tmp_path))
    assert result.returncode == 0, result.stderr
    found = figures(result.stdout)
    assert found["pairs of the first dictionary"] == 40
    assert found["failed seeds"] == 0
    assert found["objective"] > 0.9
    assert found["iterations"] >= 1
    gold = [(f"s{i}", f"t{i}") for i in range(N - 40)]
    score = induction_accuracy(read_vectors(tmp_path / "x.vec"), read_vectors(tmp_path / "z.vec"), gold)
    assert score.precision[1] > 0.95
    assert max(map(len, (tmp_path / "x.vec").read_text().split())) <= len("-0.0001234567")


def test_a_pivot_takes_dictionaries_given_and_induced(xl: Run, folder: Path, tmp_path: Path) -> None:
    command = ["static", "map", folder / "tr.vec", folder / "en.vec", "--dictionary", folder / "half.tsv"]
    assert xl(*command, *outs(tmp_path)).returncode == 0
    out = tmp_path / "out"
    result = xl(
        "static", "map", "--pivot", f"eng_Latn={folder / 'en.vec'}", f"tur_Latn={folder / 'tr.vec'}",
        f"aze_Latn={folder / 'tr.vec'}", "--dictionary", f"tur_Latn={folder / 'half.tsv'}",
        "--by", f"aze_Latn={tmp_path / 'x.vec'},{tmp_path / 'z.vec'}", "--out", out, "--json",
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert sorted(file.name for file in out.iterdir()) == [
        "aze_Latn.vec",
        "eng_Latn.vec",
        "summary.json",
        "tur_Latn.vec",
    ]
    pivot = read_vectors(out / "eng_Latn.vec")
    gold = [(f"s{i}", f"t{i}") for i in range(150, N - 40)]
    for name in ("tur_Latn", "aze_Latn"):
        assert induction_accuracy(read_vectors(out / f"{name}.vec"), pivot, gold).precision[1] > 0.9
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    assert {(row["source"], row["variant"]) for row in rows if row["metric"] == "chosen"} == {
        ("tur_Latn", "aligned"),
        ("aze_Latn", "aligned"),
    }


@pytest.mark.parametrize(
    "mode", ["unsupervised", "acl2018", "identical", "numerals", "semi-supervised", "acl2017", "acl2017-seed"]
)
@pytest.mark.slow
def test_a_map_all_of_whose_seeds_failed_is_not_written(xl: Run, folder: Path, tmp_path: Path, mode: str) -> None:
    matrix = np.random.default_rng(5).normal(size=(N, WIDTH))
    write_vectors(tmp_path / "other.vec", WordVectors(read_vectors(folder / "en.vec").words, matrix))
    options: list[object] = ["--interval", "1", "--max-iterations", "4", "--seeds", "2", "--json"]
    if mode in ("semi-supervised", "acl2017-seed"):
        options += ["--dictionary", folder / "half.tsv"]
    command = ["static", "map", folder / "tr.vec", tmp_path / "other.vec", "--mode", mode, *options, *outs(tmp_path)]
    result = xl(*command)
    assert result.returncode == 1, result.stderr
    assert "all 2 seeds failed, so no map is written" in result.stderr
    assert [file.name for file in tmp_path.iterdir()] == ["other.vec"]
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    assert [(row["value"], row["n"]) for row in rows if row["metric"] == "failed seeds"] == [(2, 2)]
    first = [row["value"] for row in rows if row["metric"] == "pairs of the first dictionary"]
    assert bool(first) == (mode not in ("unsupervised", "acl2018"))  # these start without a dictionary
    if mode == "numerals":
        assert xl(*command, "--keep-failed").returncode == 0
        assert len(read_vectors(tmp_path / "x.vec")) == N


def test_languages_that_failed_are_told_and_the_others_written(xl: Run, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "turned.tsv").write_text("".join(f"t{i}\ts{i}\n" for i in range(150)), encoding="utf-8")
    command = [
        "static", "map", "--pivot", f"eng_Latn={folder / 'en.vec'}", f"tur_Latn={folder / 'tr.vec'}",
        f"aze_Latn={folder / 'tr.vec'}", "--dictionary", f"tur_Latn={folder / 'half.tsv'}",
        "--dictionary", f"aze_Latn={tmp_path / 'turned.tsv'}", "--out", tmp_path / "out", "--json",
    ]  # fmt: skip
    result = xl(*command)
    assert result.returncode == 1
    assert f"1 of 2 languages failed and are not in {tmp_path / 'out'}: aze_Latn: " in result.stderr
    assert {file.name for file in (tmp_path / "out").iterdir()} == {"eng_Latn.vec", "summary.json", "tur_Latn.vec"}
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    assert [row["source"] for row in rows if row["metric"] == "failed"] == ["aze_Latn"]
    assert [row["source"] for row in rows if row["metric"] == "chosen"] == ["tur_Latn"]


def test_every_option_of_a_mapping_is_one_of_the_command(xl: Run) -> None:
    renamed = {"normalization": "normalize", "dictionary": "start"}
    assert [renamed.get(each.name, each.name) for each in fields(MappingConfig)] == [
        each.name for each in fields(MappingOptions)
    ]
    text = xl("static", "map", "--help").stdout
    for each in fields(MappingOptions):
        assert f"--{each.name.replace('_', '-')} " in text


def test_the_help_says_what_each_mode_has() -> None:
    """Read off the help, the values of a mode written out as options give that mode again."""
    for mode, config in MODES.items():
        values: dict[str, object] = {}
        for option in fields(MappingOptions):
            usual, *others = option.metadata["help"].rpartition("[default: ")[2].removesuffix("]").split("; ")
            of_mode = [
                value for value, _, modes in (other.partition(" in ") for other in others) if mode in modes.split(", ")
            ]
            kind = next(each for each in get_args(option.type) if each is not type(None))
            values[option.name] = kind((of_mode or [usual])[0])
        assert MappingOptions(**values).config("supervised") == config
        for name, value in values.items():
            assert MappingOptions(**{name: value}).config(mode) == config


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ([], "give --out-source FILE and --out-target FILE"),
        (["OUT"], "give --dictionary FILE"),
        (["OUT", "--mode", "best"], "--mode best: .*'best' is not known"),
        (
            ["OUT", "--mode", "unsupervised", "--dictionary", "half.tsv"],
            "--dictionary: no meaning in a mode that starts",
        ),
        (["OUT", "--dictionary", "half.tsv", "--seeds", "2"], "--seeds: no meaning without self-learning"),
        (["OUT", "--dictionary", "half.tsv", "--whiten", "maybe"], "say on or off"),
        (["OUT", "--dictionary", "half.tsv", "--mode", "orthogonal", "--width", "3"], "width reduces the advanced map"),
        (["OUT", "en.vec", "--dictionary", "half.tsv"], "but 3 are given"),
        (["OUT", "--out", "new"], "--out: no meaning without --pivot"),
        (["--out-source", "tr.vec", "--out-target", "new.vec", "--dictionary", "half.tsv"], "exists already"),
        (["--pivot", "eng=en.vec"], "give --out FOLDER"),
        (["--pivot", "eng=en.vec", "--out", "new"], "is not LANG=FILE"),
    ],
)
def test_wrong_use_is_one_sentence(xl: Run, folder: Path, tmp_path: Path, options: list[str], words: str) -> None:
    given = [each for option in options for each in (outs(tmp_path) if option == "OUT" else [option])]
    result = xl("static", "map", "tr.vec", "en.vec", *given, cwd=folder)
    assert result.returncode == 2, result.stderr
    assert result.stderr.count("\n") == 1
    assert re.search(words, result.stderr), result.stderr
    assert list(tmp_path.iterdir()) == []


def test_wrong_use_of_a_pivot_is_one_sentence(xl: Run, folder: Path, tmp_path: Path) -> None:
    start = ["static", "map", "--pivot", "eng=en.vec", "tur=tr.vec", "--out", tmp_path / "new"]
    for options, words in (
        ([], "no dictionary for tur"),
        (["--dictionary", "aze=half.tsv"], "aze has a dictionary but no vectors"),
        (["--by", "tur=tr.vec"], "needs vectors of eng too"),
        (["--by", "tur=tr.vec,en.vec", "--dictionary", "tur=half.tsv"], "has both"),
        (["--dictionary", "tur=half.tsv", "--mode", "unsupervised"], "orthogonal, rcsls, pull-back or per-pair"),
        (["--dictionary", "tur=half.tsv", "--seeds", "3"], "no random part"),
        (
            ["--dictionary", "tur=half.tsv", "--self-learning", "on"],
            "no meaning with --pivot, which starts from",
        ),
    ):
        result = xl(*start, *options, cwd=folder)
        assert result.returncode == 2, result.stderr
        assert words in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_broken_file_is_one_sentence_and_leaves_nothing(xl: Run, folder: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.vec"
    broken.write_text("2 2\nsu 1 2\nev 3\n", encoding="utf-8")
    result = xl("static", "map", broken, folder / "en.vec", "--dictionary", folder / "half.tsv", *outs(tmp_path))
    assert result.returncode == 1
    assert "broken.vec:3: expected a word and 2 numbers" in result.stderr
    assert [file.name for file in tmp_path.iterdir()] == ["broken.vec"]
