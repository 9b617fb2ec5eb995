"""`xl static bli`: figures against a sort of all scores, rows and table, what is refused."""

import gzip
import json
import re
from pathlib import Path

import numpy as np
import pytest
from tests.cli.conftest import Run

from xl_cli.vectors.word_files import language_of
from xl_staticemb import WordVectors, csls_scores, read_dictionary, write_word2vec

N = 60


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Vectors of made-up words of two languages in one space, and a test dictionary in two parts."""
    folder = tmp_path_factory.mktemp("vectors")
    rng = np.random.default_rng(0)
    x = rng.normal(size=(N, 8))
    write_word2vec(folder / "wiki.de.vec", WordVectors([f"wort{i}" for i in range(N)], x))
    near = x + 0.9 * rng.normal(size=x.shape)
    write_word2vec(folder / "eng_Latn.bin", WordVectors([f"word{i}" for i in range(N)], near), binary=True)
    (folder / "de-en.n.txt").write_text("".join(f"Wort{i}\tword{i}\n" for i in range(30)), encoding="utf-8")
    rest = [f"wort{i} word{i}" for i in range(25, 40)] + ["Wort1 Word2", "fehlt word1", "zwei worte two words"]
    with gzip.open(folder / "de-en.v.txt.gz", "wt", encoding="utf-8") as file:
        file.write("\n".join([*rest, "new york\tnew york"]) + "\n")
    return folder


def call(xl: Run, folder: Path, *more: object) -> list[dict]:
    files = [part for name in ("de-en.n.txt", "de-en.v.txt.gz") for part in ("--dictionary", folder / name)]
    result = xl("static", "bli", folder / "wiki.de.vec", folder / "eng_Latn.bin", *files, *more, "--json")
    assert result.returncode == 0, result.stderr
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_rows_equal_a_sort_of_all_scores(xl: Run, folder: Path) -> None:
    rows = call(xl, folder)
    assert [row["pooling"] for row in rows] == ["csls"] * 8 + ["nn"] * 8
    from xl_staticemb import read_word2vec

    x, z = (read_word2vec(folder / name).matrix for name in ("wiki.de.vec", "eng_Latn.bin"))
    golds = {i: {1, 2} if i == 1 else {i} for i in range(40)}
    x1, z1 = (side / np.linalg.norm(side, axis=1, keepdims=True) for side in (x, z))
    for retrieval, scores in (("csls", csls_scores(x, z)), ("nn", x1 @ z1.T)):
        best = np.argsort(-scores, axis=1)
        by_metric = {row["metric"]: row for row in rows if row["pooling"] == retrieval}
        for k in (1, 5, 10):
            hits = sum(bool(gold & set(best[i, :k].tolist())) for i, gold in golds.items())
            assert by_metric[f"p@{k}"]["value"] == pytest.approx(hits / 40)
            assert by_metric[f"strict p@{k}"]["value"] == pytest.approx(hits / 41)  # "fehlt" has no vector
        ranks = [1 + min(list(best[i]).index(g) for g in gold) for i, gold in golds.items()]
        assert by_metric["mrr"]["value"] == pytest.approx(np.mean(1 / np.array(ranks)))
        assert by_metric["strict mrr"]["value"] == pytest.approx(np.sum(1 / np.array(ranks)) / 41)
    assert {(row["n"], row["coverage"]) for row in rows if not row["metric"].startswith("strict")} == {(40, 40 / 41)}
    assert {row["n"] for row in rows if row["metric"].startswith("strict")} == {41}
    assert {(row["task"], row["source"], row["target"], row["data"]) for row in rows} == {
        ("bli", "deu_Latn", "eng_Latn", "de-en.n+de-en.v")
    }


def test_options_act(xl: Run, folder: Path) -> None:
    both = {row["coverage"] for row in call(xl, folder, "--lower", "never")}
    assert both == {15 / 46}  # of 31 capitalised and 15 other words, without "new york"
    assert {row["coverage"] for row in call(xl, folder, "--multiword", "oov")} == {40 / 42}
    assert {row["n"] for row in call(xl, folder, "--limit", 20) if row["metric"] == "mrr"} == {20}
    rows = call(xl, folder, "--retrieval", "invnn", "--retrieval", "invsoftmax", "--variant", "identical")
    assert [row["pooling"] for row in rows] == ["invnn"] * 8 + ["invsoftmax"] * 8
    assert {row["variant"] for row in rows} == {"identical"}
    rows = call(xl, folder, "--source-lang", "Turkish", "--target-lang", "fr")
    assert {(row["source"], row["target"]) for row in rows} == {("tur_Latn", "fra_Latn")}

    def mrr(*more: object) -> float:
        return next(row["value"] for row in call(xl, folder, *more) if row["metric"] == "mrr")

    assert mrr("--retrieval", "csls", "--n-neighbours", 1) != mrr("--retrieval", "csls")
    assert mrr("--retrieval", "invsoftmax", "--temperature", 0.5) != mrr("--retrieval", "invsoftmax")


def test_the_table_and_the_file(xl: Run, folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "rows.jsonl"
    arguments = [
        "static",
        "bli",
        folder / "wiki.de.vec",
        folder / "eng_Latn.bin",
        "--dictionary",
        folder / "de-en.n.txt",
    ]
    result = xl(*arguments, "--out", out)
    assert result.returncode == 0, result.stderr
    first = json.loads(out.read_text(encoding="utf-8").splitlines()[0])
    line = next(line for line in result.stdout.splitlines() if line.startswith("csls"))
    assert re.split(r"\s+", line)[1] == f"{100 * first['value']:.1f}"
    text = " ".join(result.stdout.split())
    assert "30 of 30 source words covered (100.0 %)" in text
    assert "60 and 60 words" in text
    again = xl(*arguments, "--out", out)
    assert again.returncode == 2
    assert "exists already" in again.stderr


def test_a_dictionary_from_standard_input(xl_forked: Run, folder: Path) -> None:
    result = xl_forked(
        "static", "bli", folder / "wiki.de.vec", folder / "eng_Latn.bin", "--dictionary", "-", "--json",
        input="wort1 word1\nWort2 word2\n",
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert {json.loads(line)["data"] for line in result.stdout.splitlines()} == {"stdin"}


@pytest.mark.parametrize(
    ("more", "words", "code"),
    [
        ([], "no --dictionary", 2),
        (["--dictionary", "none.txt"], "none.txt", 1),
        (["--dictionary", "D", "--retrieval", "cosine"], "--retrieval is 'cosine'; choose one of", 2),
        (["--dictionary", "D", "--n-neighbours", "0"], "--n-neighbours is 0", 2),
        (["--dictionary", "D", "--temperature", "0"], "--temperature is 0.0", 2),
        (["--dictionary", "D", "--lower", "no"], "--lower is 'no'", 2),
        (["--dictionary", "D", "--multiword", "no"], "--multiword is 'no'", 2),
        (["--dictionary", "D", "--limit", "-1"], "--limit is -1", 2),
        (["--dictionary", "D", "--source-lang", "Klingonish"], "Klingonish", 1),
        (["--dictionary", "D", "--device", "abacus"], "--device is 'abacus'", 2),
        (["--dictionary", "D", "--out", "no/rows.jsonl"], "there is no folder no", 2),
        (["--dictionary", "B"], r"B:2: expected source<TAB>target", 1),
        (["--dictionary", "E"], r"E: none of the 1 source words", 1),
    ],
)
def test_what_cannot_be_scored_is_named(xl: Run, folder: Path, more: list[str], words: str, code: int) -> None:
    (folder / "B").write_text("a b\nword\n")
    (folder / "E").write_text("a b\n")
    files = {"D": folder / "de-en.n.txt", "B": folder / "B", "E": folder / "E"}
    result = xl(
        "static", "bli", folder / "wiki.de.vec", folder / "eng_Latn.bin", *(files.get(part, part) for part in more)
    )
    assert result.returncode == code, result.stderr
    assert re.search(words, result.stderr.strip().splitlines()[-1]), result.stderr
    assert "Traceback" not in result.stderr


def test_vectors_of_two_widths_are_refused(xl: Run, folder: Path, tmp_path: Path) -> None:
    write_word2vec(tmp_path / "en.vec", WordVectors(["a"], np.ones((1, 3))))
    result = xl("static", "bli", folder / "wiki.de.vec", tmp_path / "en.vec", "--dictionary", folder / "de-en.n.txt")
    assert result.returncode == 1
    assert "vectors of 8 numbers" in result.stderr
    assert "xl static map" in result.stderr


@pytest.mark.data
@pytest.mark.parametrize(
    "names",
    [
        ["bli_xling/en-tr/yacle.test.freq.2k.en-tr.tsv"],
        ["bli_panlex/tr-hu/tr-hu.test.2000.cc.trans"],
        [f"muse_pos/de-en.5000-6500.{part}.txt" for part in ("n", "v", "a", "o", "pn")],
    ],
)
def test_real_dictionaries(xl: Run, data_folder: Path, tmp_path: Path, names: list[str]) -> None:
    files = [data_folder / name for name in names]
    pairs = [pair for file in files for pair in read_dictionary(file)]
    sources, targets = ({pair[side].lower(): None for pair in pairs} for side in (0, 1))
    rng = np.random.default_rng(0)
    for name, words in (("a.vec", sources), ("b.vec", targets)):
        write_word2vec(tmp_path / name, WordVectors(list(words), rng.normal(size=(len(words), 5))))
    dictionaries = [part for file in files for part in ("--dictionary", file)]
    result = xl("static", "bli", tmp_path / "a.vec", tmp_path / "b.vec", *dictionaries, "--json")
    assert result.returncode == 0, result.stderr
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    assert {(row["n"], row["coverage"]) for row in rows} == {(len(sources), 1.0)}


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("cc.als.300.vec.gz", "gsw_Latn"),
        ("wiki.als.vec", "gsw_Latn"),
        ("wiki.zh_yue.mapped.vec", "yue_Hant"),
        ("wiki.mo.vec", "ron_Cyrl"),
        ("als.vec", "als_Latn"),
        ("wiki.tr.mapped.vec", "tur_Latn"),
        ("vectors.vec", "und"),
    ],
)
def test_a_file_of_fasttext_is_named_by_wikipedias_codes(name: str, code: str) -> None:
    assert language_of("", Path(name)) == code
    assert language_of("als", Path(name)) == "als_Latn"
