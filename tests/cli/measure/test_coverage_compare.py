"""`xl analyze coverage --compare MODEL`: two tokenizers side by side, with the difference."""

import json
from pathlib import Path

import pytest
from tests.cli.conftest import Run

import xl_cli
from xl_encoders import ModelConfig, new_encoder


@pytest.fixture(scope="module")
def models(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """One that knows Latin letters alone, and one that knows the whole corpus; both folders are called `model`."""
    folder = tmp_path_factory.mktemp("models")
    latin = (corpus / "eng_Latn.txt").read_text(encoding="utf-8").split()
    every = [line for path in sorted(corpus.glob("*.txt")) for line in path.read_text(encoding="utf-8").split()]
    for name, texts in (("latin", latin), ("every", every)):
        new_encoder(texts, ModelConfig(size="pico", pieces=60, max_len=24), seed=0).save(folder / name / "model")
    return [folder / "latin/model", folder / "every/model"]


def test_each_has_its_rows_and_the_table_the_difference(xl: Run, corpus: Path, models: list[Path]) -> None:
    call = ("analyze", "coverage", "--data", corpus, "--lang", "ell", "--model")
    alone = [
        {(row["unit"], row["source"], row["metric"]): row["value"] for row in map(json.loads, done.splitlines())}
        for done in (xl(*call, model, "--json").stdout for model in models)
    ]
    both = xl_cli.analyze("coverage", model=models[0], compare=str(models[1]), data=corpus, language="ell")
    for name, values in zip(["latin/model", "every/model"], alone, strict=True):
        assert {(row.unit, row.source, row.metric): row.value for row in both if row.model == name} == values
    shown = str(both).splitlines()
    (line,) = (line for line in shown if line.startswith("ell_Grek") and "written" in line)
    first, second = (values["subword", "ell_Grek", "unknown_pieces"] for values in alone)
    assert first > second
    cells = line.split()
    assert cells[8:11] == [f"{100 * first:.1f}", f"{100 * second:.1f}", f"{100 * (second - first):+.1f}"]
    words = [values["subword", "ell_Grek", "pieces_per_word"] for values in alone]
    assert cells[5:8] == [f"{words[0]:.2f}", f"{words[1]:.2f}", f"{words[1] - words[0]:+.2f}"]
    assert "A is latin/model, B every/model" in str(both).replace("\n", " ")


def test_a_second_model_that_is_missing_or_the_first_again(xl: Run, corpus: Path, models: list[Path]) -> None:
    call = ("analyze", "coverage", "--data", corpus, "--model", models[0], "--compare")
    missing = xl(*call, models[0] / "no")
    assert missing.returncode == 1
    assert missing.stderr.count("\n") == 1
    again = xl(*call, models[0])
    assert (again.returncode, "--compare: no meaning with the model itself" in again.stderr) == (2, True)


def test_a_limit_counts_in_each_language_of_text_that_is_not_parallel(tmp_path: Path, models: list[Path]) -> None:
    """Languages that share no items have as many texts each, not the smallest hashes of all together."""
    for code, n in (("eng_Latn", 40), ("ell_Grek", 7), ("tur_Latn", 2)):
        (tmp_path / f"{code}.txt").write_text("".join(f"line {code} {i}\n" for i in range(n)), encoding="utf-8")
    rows = xl_cli.analyze("coverage", model=models[1], data=tmp_path, limit=3)
    counts = {row.target: row.n for row in rows if row.metric == "pieces_per_word" and row.unit == "subword"}
    assert counts == {"eng_Latn": 3, "ell_Grek": 3, "tur_Latn": 2}
