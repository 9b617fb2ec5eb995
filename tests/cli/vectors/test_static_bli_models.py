"""`xl static bli --model`: each cell is that of the model alone, and means are over what all models have."""

import json
from pathlib import Path

import numpy as np
import pytest
from tests.cli.conftest import Run

import xl_cli
from xl_staticemb import WordVectors, write_vectors

N = 60


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two models of three languages in one space, with more and with less noise; the second lacks one language."""
    folder = tmp_path_factory.mktemp("models")
    rng = np.random.default_rng(0)
    english = rng.normal(size=(N, 12))
    for model, noise, languages in (("a", 0.4, ("eng", "deu", "tur")), ("b", 0.9, ("eng", "deu"))):
        (folder / model).mkdir()
        for code in languages:
            matrix = english + noise * rng.normal(size=english.shape) * (code != "eng")
            words = [f"{code}{i}" for i in range(N)]
            write_vectors(folder / model / f"{code}.vec", WordVectors(words, matrix))
    (folder / "dictionaries").mkdir()
    for left, right in (("en", "de"), ("de", "en"), ("en", "tr")):
        names = {"en": "eng", "de": "deu", "tr": "tur"}
        lines = [f"{names[left]}{i}\t{names[right]}{i}\n" for i in range(0, N, 2)]
        (folder / "dictionaries" / f"{left}-{right}.5000-6500.txt").write_text("".join(lines), "utf-8")
    (folder / "dictionaries" / "README").write_text("no dictionary\n", "utf-8")
    return folder


def test_cells_are_those_of_each_model_alone_and_means_those_of_shared_pairs(xl: Run, folder: Path) -> None:
    done = xl("static", "bli", "--model", "X=a", "--model", "Y=b", "--dictionary", "dictionaries", "--both", "--json",
              cwd=folder)  # fmt: skip
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    found = {
        (row["model"], row["source"], row["target"], row["metric"], row["pooling"]): (row["value"], row["n"])
        for row in rows
    }
    cells = {}
    for model, path in (("X", "a"), ("Y", "b")):
        for left, right in (("eng", "deu"), ("deu", "eng"), ("eng", "tur"), ("tur", "eng")):
            if model == "Y" and "tur" in (left, right):
                continue
            given = {"eng": "en", "deu": "de", "tur": "tr"}
            file = folder / "dictionaries" / f"{given[left]}-{given[right]}.5000-6500.txt"
            if not file.exists():  # the one direction turned round
                file = folder / "en-tr.turned.txt"
                file.write_text("".join(f"tur{i}\teng{i}\n" for i in range(0, N, 2)), "utf-8")
            alone = xl_cli.bli(folder / path / f"{left}.vec", folder / path / f"{right}.vec", dictionary=file)
            for row in alone:
                key = (model, f"{left}_Latn", f"{right}_Latn", row.metric, row.pooling)
                cells[key] = (row.value, row.n)
    assert {key: value for key, value in found.items() if not key[3].startswith("mean")} == cells
    for model in ("X", "Y"):
        for retrieval in ("csls", "nn"):
            into = found[model, "others", "eng_Latn", "mean p@1", retrieval]
            assert into == (cells[model, "deu_Latn", "eng_Latn", "p@1", retrieval][0], 1)
            assert found[model, "eng_Latn", "others", "mean p@1", retrieval][1] == 1
    whole = xl_cli.bli(model="X=" + str(folder / "a"), dictionary=folder / "dictionaries")
    (mean,) = [r for r in whole if (r.source, r.metric, r.pooling) == ("eng_Latn", "mean p@1", "csls")]
    both = [cells["X", "eng_Latn", f"{code}_Latn", "p@1", "csls"][0] for code in ("deu", "tur")]
    assert (mean.value, mean.n) == (pytest.approx(np.mean(both)), 2)


def test_the_table_says_what_is_left_out(xl: Run, folder: Path) -> None:
    done = xl("static", "bli", "--model", "X=a", "--model", "Y=b", "--dictionary", "dictionaries", "--retrieval", "nn",
              cwd=folder)  # fmt: skip
    assert "Not in the means, for want of vectors: eng_Latn to tur_Latn (Y)." in " ".join(done.stdout.split())
    lines = [line.split() for line in done.stdout.splitlines()]
    assert ["source", "target", "words", "X", "Y"] in lines
    (turkish,) = [line for line in lines if line[:2] == ["eng_Latn", "tur_Latn"]]
    assert turkish[-1] == "-"


def test_both_directions_of_two_files(folder: Path) -> None:
    files = folder / "a" / "eng.vec", folder / "a" / "deu.vec"
    dictionary = folder / "dictionaries" / "en-de.5000-6500.txt"
    both = xl_cli.bli(*files, dictionary=dictionary, both=True)
    one, other = (
        xl_cli.bli(*sides, dictionary=folder / "dictionaries" / f"{name}.5000-6500.txt")
        for sides, name in ((files, "en-de"), (files[::-1], "de-en"))
    )
    assert [(r.metric, r.value, r.source) for r in both] == [(r.metric, r.value, r.source) for r in [*one, *other]]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "give SOURCE and TARGET, two files of vectors, or one --model"),
        (["a/eng.vec", "--model", "X=a"], "give SOURCE and TARGET"),
        (["a/eng.vec"], "give SOURCE and TARGET"),
        (["--model", "a"], "--model 'a' is not NAME=FOLDER"),
        (["--model", "X=dictionaries"], "has no files of vectors called by two languages"),
        (["--model", "X=a", "--model", "X=b"], "--model X is there twice"),
        (["--model", "X=a", "--variant", "mlm"], "--variant: no meaning with --model"),
    ],
)
def test_wrong_use_is_one_sentence(xl: Run, folder: Path, arguments: list[str], words: str) -> None:
    done = xl("static", "bli", *arguments, "--dictionary", "dictionaries", cwd=folder)
    assert (done.returncode, done.stdout) == (2, "")
    assert words in done.stderr


def test_a_dictionary_without_languages_in_its_name(xl: Run, folder: Path) -> None:
    (folder / "mine.tsv").write_text("eng0\tdeu0\n", "utf-8")
    done = xl("static", "bli", "--model", "X=a", "--dictionary", "mine.tsv", cwd=folder)
    assert "its name states no pair of languages; give it as deu-eng=mine.tsv" in done.stderr
    done = xl("static", "bli", "--model", "X=a", "--dictionary", "en-de=mine.tsv", "--json", cwd=folder)
    assert done.returncode == 0, done.stderr
