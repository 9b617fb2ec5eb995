"""`xl eval`, `xl analyze` and `xl report` on a run and on plain model folders."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from tests.cli.conftest import Run, small

from xl_analysis import linear_cka
from xl_encoders import load_encoder


@pytest.fixture(scope="module")
def run(xl: Run, corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "mine"
    result = xl(*small(corpus), "--out", out)
    assert result.returncode == 0, result.stderr
    return out


def rows(text: str) -> list[dict]:
    return [json.loads(line) for line in text.splitlines()]


def retrieval(xl: Run, run: Path, corpus: Path, *more: object) -> list[dict]:
    result = xl("eval", "retrieval", "--model", run, "--data", corpus, *more, "--json")
    assert result.returncode == 0, result.stderr
    return rows(result.stdout)


def test_rows_equal_a_plain_search(xl: Run, run: Path, corpus: Path) -> None:
    found = retrieval(xl, run, corpus, "--source", "eng_Latn", "--target", "ell_Grek", "--pooling", "mean-all")
    assert [(row["source"], row["target"], row["metric"]) for row in found] == [
        (source, target, metric)
        for source, target in (("eng_Latn", "ell_Grek"), ("ell_Grek", "eng_Latn"))
        for metric in ("top1", "top5", "top10")
    ]
    encoder = load_encoder(str(run / "model"))
    english, greek = (
        encoder.embed((corpus / f"{code}.txt").read_text(encoding="utf-8").split(), layer=2, pooling="mean-all")
        for code in ("eng_Latn", "ell_Grek")
    )
    english, greek = (v / np.linalg.norm(v, axis=1, keepdims=True) for v in (english, greek))
    scores = english @ greek.T
    for row in found[:3]:
        k = int(row["metric"][3:])
        best = np.argsort(-scores, axis=1)[:, :k]
        hits = [i in best[i] for i in range(len(best))]
        assert row["value"] == pytest.approx(np.mean(hits), abs=1e-9)
        assert (row["n"], row["layer"], row["pooling"], row["model"], row["variant"]) == (
            120, 2, "mean-all", "mine", "mlm+seq+tlm",
        )  # fmt: skip


def test_layers_and_spellings(xl: Run, run: Path, corpus: Path) -> None:
    found = retrieval(xl, run, corpus, "--source", "Turkish", "--target", "el", "--layer", "all", "--limit", 30)
    assert {row["layer"] for row in found} == {0, 1, 2}
    assert {row["source"] for row in found} == {"tur_Latn", "ell_Grek"}
    assert {row["n"] for row in found} == {30}
    found = retrieval(xl, run, corpus, "--layer", "-3", "--layer", 1)
    assert {row["layer"] for row in found} == {0, 1}
    assert len({(row["source"], row["target"]) for row in found}) == 6


def test_a_plain_folder_is_read_at_two_thirds_of_its_depth(xl: Run, run: Path, corpus: Path) -> None:
    found = retrieval(xl, run / "model", corpus)
    assert {(row["layer"], row["pooling"], row["variant"]) for row in found} == {(1, "mean-all", "")}


def test_the_table_and_the_file(xl: Run, run: Path, corpus: Path, tmp_path: Path) -> None:
    out = tmp_path / "scored"
    result = xl("eval", "retrieval", "--model", run, "--data", corpus, "--out", out)
    assert result.returncode == 0, result.stderr
    written = rows((out / "results.jsonl").read_text(encoding="utf-8"))
    line = next(line for line in result.stdout.splitlines() if line.startswith("ell_Grek") and "tur_Latn" in line)
    top1 = next(r for r in written if (r["source"], r["target"], r["metric"]) == ("ell_Grek", "tur_Latn", "top1"))
    assert re.split(r"\s+", line)[2] == f"{100 * top1['value']:.1f}"
    again = xl("eval", "retrieval", "--model", run, "--data", corpus, "--out", out)
    assert again.returncode == 0
    assert again.stdout == result.stdout
    assert "finished before" in again.stderr


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--layer", "9"], r"--layer 9: .*mine has 0 \(embeddings\) to 2"),
        (["--layer", "top"], r"--layer is 'top'"),
        (["--pooling", "median"], r"--pooling is 'median'; choose one of mean-content"),
        (["--target", "deu_Latn"], r"unknown language 'deu_Latn'.*ell_Grek"),
        (["--target", "Klingonish"], r"Klingonish"),
        (["--split", "test"], r"no splits of its own"),
        (["--source", "eng_Latn", "--target", "eng_Latn"], r"no pair of two languages"),
        (["--max-len", "900"], r"positions for 24 tokens"),
    ],
)
def test_what_cannot_be_scored_is_named(xl: Run, run: Path, corpus: Path, more: list[str], words: str) -> None:
    result = xl("eval", "retrieval", "--model", run, "--data", corpus, *more)
    assert result.returncode in (1, 2)
    assert re.search(words, result.stderr.strip().splitlines()[-1]), result.stderr
    assert "Traceback" not in result.stderr


def test_models_that_cannot_be_opened(xl: Run, run: Path, corpus: Path, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}", encoding="utf-8")
    for model, words in ((tmp_path, "no model.safetensors"), (tmp_path / "x", "no such model folder")):
        result = xl("eval", "retrieval", "--model", model, "--data", corpus)
        assert result.returncode == 1
        assert words in result.stderr


def test_cka_is_that_of_the_library(xl: Run, run: Path, corpus: Path) -> None:
    result = xl("analyze", "cka", "--model", run, "--data", corpus, "--json")
    assert result.returncode == 0, result.stderr
    found = {(row["source"], row["target"]): row["value"] for row in rows(result.stdout)}
    assert len(found) == 3
    encoder = load_encoder(str(run / "model"))
    english, greek = (
        encoder.embed((corpus / f"{code}.txt").read_text(encoding="utf-8").split(), layer=2, pooling="mean-content")
        for code in ("eng_Latn", "ell_Grek")
    )
    assert found["ell_Grek", "eng_Latn"] == pytest.approx(linear_cka(english, greek), abs=1e-5)  # other item order


@pytest.mark.slow
def test_cka_gives_the_pairs_that_were_asked_for(xl: Run, run: Path, corpus: Path) -> None:
    ask = ["analyze", "cka", "--model", run, "--data", corpus, "--json"]

    def pairs(*more: str) -> list[tuple[str, str]]:
        result = xl(*ask, *more)
        assert result.returncode == 0, result.stderr
        return [(row["source"], row["target"]) for row in rows(result.stdout)]

    two = pairs("--source", "eng", "--target", "tur", "--target", "ell")
    assert sorted(two) == [("eng_Latn", "ell_Grek"), ("eng_Latn", "tur_Latn")]
    assert pairs("--source", "tr", "--target", "en") == [("tur_Latn", "eng_Latn")]
    assert sorted(pairs("--source", "ell")) == [("ell_Grek", "eng_Latn"), ("ell_Grek", "tur_Latn")]
    both = pairs("--source", "eng", "--source", "tur", "--target", "eng", "--target", "tur")
    assert len(both) == 1
    every = [("ell_Grek", "eng_Latn"), ("ell_Grek", "tur_Latn"), ("eng_Latn", "tur_Latn")]
    assert sorted(pairs()) == every


def test_cka_and_coverage_keep_their_languages_in_a_report(xl: Run, run: Path, corpus: Path, tmp_path: Path) -> None:
    found = []
    for name, ask in (("cka", ["cka"]), ("coverage", ["coverage"])):
        result = xl("analyze", *ask, "--model", run, "--data", corpus, "--json")
        (tmp_path / f"{name}.jsonl").write_text(result.stdout, encoding="utf-8")
        found += rows(result.stdout)
    text = xl("report", tmp_path / "cka.jsonl", tmp_path / "coverage.jsonl").stdout
    for row in found:
        if row["task"] == "cka":
            line = re.search(rf"^{row['source']} +{row['target']} +([0-9.]+)", text, re.MULTILINE)
            assert line is not None
            assert line[1] == f"{row['value']:.3f}"
    pieces = {row["source"]: row["value"] for row in found if row["metric"] == "distinct_pieces"}
    assert len(pieces) == 4
    for language in pieces:
        assert re.search(rf"^{language} ", text, re.MULTILINE)
    assert "chars" in text  # figures that the table of coverage does not show stand in another


def test_models_whose_folders_end_alike_are_two_models(xl: Run, run: Path, corpus: Path, tmp_path: Path) -> None:
    from shutil import copytree

    for name in ("first", "second"):
        copytree(run / "model", tmp_path / name / "run")
    models = [part for name in ("first", "second") for part in ("--model", tmp_path / name / "run")]
    ask = ["eval", "retrieval", *models, "--data", corpus, "--source", "en", "--target", "el", "--limit", "20"]
    table = xl(*ask).stdout
    assert table.count("first/run") >= 2  # both directions
    assert table.count("second/run") >= 2
    found = rows(xl(*ask, "--json").stdout)
    assert {row["model"] for row in found} == {"first/run", "second/run"}
    gains = [row for row in found if row["baseline"]]
    assert {(row["model"], row["baseline"], row["value"]) for row in gains} == {("second/run", "model=first/run", 0.0)}


def test_coverage_tells_which_scripts_uroman_does_not_read(xl: Run, run: Path, tmp_path: Path) -> None:
    (tmp_path / "sat_Olck.txt").write_text("ᱥᱟᱱᱛᱟᱲᱤ ᱟ\n", encoding="utf-8")
    (tmp_path / "ell_Grek.txt").write_text("Ελλάδα\n", encoding="utf-8")
    told = xl("analyze", "coverage", "--model", run, "--data", tmp_path, "--json").stderr
    assert "note: sat_Olck romanised is no full reading: 6 of 30 letters lose their vowel" in told
    assert "4 such characters" in told
    assert "ell_Grek" not in told


def test_coverage_reads_no_weights(xl: Run, run: Path, corpus: Path, tmp_path: Path) -> None:
    from shutil import copytree

    bare = copytree(run, tmp_path / run.name)
    for source, folder in ((run, bare), (run / "model", bare / "model")):
        (bare / "model" / "model.safetensors").write_bytes((2).to_bytes(8, "little") + b"{}")  # none
        whole, without = (
            xl("analyze", "coverage", "--model", model, "--data", corpus, "--json") for model in (source, folder)
        )
        assert without.returncode == 0, without.stderr
        assert without.stdout == whole.stdout


def test_coverage_counts_unknown_words(xl: Run, run: Path, corpus: Path, tmp_path: Path) -> None:
    (tmp_path / "eng_Latn.txt").write_text("bade\nbade 巴\n", encoding="utf-8")
    (tmp_path / "ell_Grek.txt").write_text("βα\nβα\n", encoding="utf-8")
    result = xl("analyze", "coverage", "--model", run, "--data", tmp_path, "--json")
    assert result.returncode == 0, result.stderr
    found = {(row["source"], row["unit"], row["metric"]): row["value"] for row in rows(result.stdout)}
    assert found["eng_Latn", "subword", "known_words"] == pytest.approx(2 / 3)
    assert found["ell_Grek", "subword", "known_words"] == 1.0
    # romanised, 巴 is a word of known letters; the vocabulary in use is counted over all languages together
    assert found["eng_Latn", "romanised", "known_words"] == 1.0
    tokenizer = load_encoder(str(run / "model")).tokenizer
    for unit, texts in (("subword", ["bade", "bade 巴", "βα"]), ("romanised", ["bade", "bade ba", "ba"])):
        pieces = {piece for text in texts for piece in tokenizer.tokenize(text)} - {tokenizer.unk_token}
        assert found["all", unit, "distinct_pieces"] == len(pieces)
    greek = xl("analyze", "coverage", "--model", run, "--data", tmp_path, "--language", "Greek")
    assert "ell_Grek" in greek.stdout
    assert "eng_Latn" not in greek.stdout


@pytest.mark.parametrize("fmt", ["text", "md", "html", "tex", "csv"])
def test_report_is_made_from_rows_alone(xl: Run, run: Path, tmp_path: Path, fmt: str) -> None:
    copy = tmp_path / "results.jsonl"
    copy.write_bytes((run / "results.jsonl").read_bytes())
    result = xl("report", copy, "--format", fmt)
    assert result.returncode == 0, result.stderr
    assert "string-match" in result.stdout
    whole = xl("report", run, "--format", fmt).stdout
    if fmt == "html":  # the page of a run also says how it was made
        tables = re.findall("<table.*?</table>", result.stdout, re.DOTALL)
        assert tables
        assert all(table in whole for table in tables)
    else:
        assert result.stdout == whole
    out = tmp_path / "table"
    assert xl("report", copy, "--format", fmt, "--out", out).returncode == 0
    assert out.read_text(encoding="utf-8") == result.stdout


def test_report_refuses_broken_rows_by_line(xl: Run, tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    path.write_text('{"task": "retrieval"}\n', encoding="utf-8")
    result = xl("report", path)
    assert result.returncode == 1
    assert "results.jsonl:1" in result.stderr
    assert xl("report", path, "--format", "pdf").returncode == 2


@pytest.mark.data
@pytest.mark.parametrize(
    ("folder", "targets", "n"),
    [
        ("sib200", {"tur_Latn", "heb_Hebr"}, {204}),
        ("tatoeba", {"tur_Latn", "amh_Ethi"}, {1000, 168}),
        ("bible", {"heb_Hebr", "ell_Grek"}, {500}),
    ],
)
def test_real_data(xl: Run, run: Path, data_folder: Path, folder: str, targets: set[str], n: set[int]) -> None:
    arguments = [part for target in sorted(targets) for part in ("--target", target)]
    found = retrieval(xl, run, data_folder / folder, "--source", "eng_Latn", *arguments, "--max-len", 24)
    pairs = {(row["source"], row["target"]) for row in found}
    assert pairs == {(a, b) for t in targets for a, b in ((t, "eng_Latn"), ("eng_Latn", t))}
    assert {row["n"] for row in found} == n
    assert {row["data"] for row in found} == {folder}


def test_report_shows_the_metrics_that_were_asked_for(xl: Run, run: Path) -> None:
    assert "top-10 %" in xl("report", run).stdout
    assert "top5" not in xl("report", run).stdout
    asked = xl("report", run, "--metric", "top5").stdout
    assert "top-5 %" in asked
    assert "top10" not in asked
    assert "top-10" not in asked


def test_a_side_that_is_not_named_is_every_other_language(xl: Run, run: Path, corpus: Path) -> None:
    found = retrieval(xl, run, corpus, "--target", "ell_Grek")
    assert {(row["source"], row["target"]) for row in found} == {
        pair for other in ("eng_Latn", "tur_Latn") for pair in ((other, "ell_Grek"), ("ell_Grek", other))
    }
