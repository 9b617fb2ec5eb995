"""`xl report` on rows of every kind, in every format, from files that other commands wrote."""

import csv
import dataclasses
import io
import json
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from xl_tasks import Row, read_rows, write_rows

FORMATS = ("text", "md", "html", "tex", "csv")


def task_rows(**more) -> list[Row]:
    return [
        Row(
            task="sib200", metric="macro_f1", value=value, n=204, source="eng_Latn", target=target, seed=seed,
            variant="mlm", split="test", protocol="zero-shot", tuning="probe", **more,
        )
        for seed in (42, 43) for target, value in (("eng_Latn", 0.9), ("tur_Latn", 0.5), ("ell_Grek", 0.25))
    ]  # fmt: skip


@pytest.mark.parametrize("fmt", FORMATS)
def test_task_rows_and_a_paper_by_hand(xl, tmp_path: Path, fmt: str) -> None:
    write_rows(tmp_path / "results.jsonl", task_rows())
    paper = {"task": "sib200", "metric": "macro_f1", "value": 0.75, "source": "eng_Latn", "target": "tur_Latn"}
    published = tmp_path / "published.jsonl"
    published.write_text(json.dumps(paper | {"variant": "paper"}) + "\n", encoding="utf-8")
    result = xl("report", tmp_path, published, "--format", fmt)
    assert result.returncode == 0, result.stderr
    if fmt != "csv":  # that one is of rows
        assert "37.5" in result.stdout
        assert "75.0" in result.stdout
    if fmt == "md":
        header, ours, theirs = cells(result.stdout.partition("\n\n")[0])
        assert header == ["system", "mean %", "ell", "eng", "tur"]
        assert ours == ["mlm", "37.5 ±0.0", "25.0", "90.0", "50.0"]
        assert theirs == ["paper", "**75.0**", "-", "-", "**75.0**"]


def cells(markdown: str) -> list[list[str]]:
    """The lines of the tables of a Markdown text, without the rule under the header."""
    lines = [line for line in markdown.splitlines() if line.startswith("|") and not line.startswith("|:")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_rows_of_static_bli_make_one_wide_table(xl, tmp_path: Path) -> None:
    from xl_staticemb import WordVectors, write_word2vec

    write_word2vec(tmp_path / "en.vec", WordVectors(["water", "house", "cat"], np.eye(3)))
    write_word2vec(tmp_path / "tr.vec", WordVectors(["su", "ev", "kedi"], np.eye(3)))
    (tmp_path / "en-tr.txt").write_text("water\tsu\nhouse\tev\ndog\tköpek\n", encoding="utf-8")
    arguments = [tmp_path / "en.vec", tmp_path / "tr.vec", "--dictionary", tmp_path / "en-tr.txt"]
    out = tmp_path / "results.jsonl"
    assert xl("static", "bli", *arguments, "--variant", "made", "--out", out).returncode == 0
    assert len(read_rows(out)) == 16
    result = xl("report", out, "--format", "md")
    assert result.returncode == 0, result.stderr
    header, *lines = cells(result.stdout.partition("\n\n")[0])
    assert header == [
        "source", "target", "method", "P@1 %", "P@5 %", "P@10 %", "MRR", "strict P@1 %", "strict P@5 %",
        "strict P@10 %", "strict MRR", "coverage %", "n",
    ]  # fmt: skip
    assert [line[2] for line in lines] == ["csls", "nn"]
    assert lines[1] == [
        "eng_Latn", "tur_Latn", "nn", "100.0", "100.0", "100.0", "1.000", "66.7", "66.7", "66.7", "0.667", "66.7", "2",
    ]  # fmt: skip


def test_a_retrieval_figure_is_asked_for_beside_other_tasks(xl, tmp_path: Path) -> None:
    retrieval = [
        Row(task="tatoeba", metric=metric, value=0.5, source="eng_Latn", target="tur_Latn", split="test", variant="mlm")
        for metric in ("top1", "top5", "top10")
    ]
    write_rows(tmp_path / "results.jsonl", [*task_rows(), *retrieval])
    asked = xl("report", tmp_path, "--metric", "top5").stdout
    assert "top-5 %" in asked
    assert "top-10" not in asked
    assert "sib200" in asked
    wrong = xl("report", tmp_path, "--metric", "mrr")
    assert wrong.returncode == 2
    assert "--metric mrr: no row has this figure; they have macro_f1, top1, top5, top10." in wrong.stderr


def two_runs(folder: Path) -> list[Path]:
    """Two runs of one last folder name, variant, seed and model, one better than the other by half."""
    runs = [folder / "a" / "run", folder / "b" / "run"]
    for run, factor in zip(runs, (1.0, 0.5), strict=True):
        run.mkdir(parents=True)
        kinds: list[dict[str, Any]] = [
            {"task": "retrieval", "metric": "top10", "data": "names", "layer": 2},
            {"task": "retrieval", "metric": "top1", "data": "names", "layer": 2},
            {"task": "sib200", "metric": "macro_f1", "split": "test", "protocol": "zero-shot"},
            {"task": "xnli", "metric": "accuracy", "split": "test", "protocol": "mixed-language"},
            {"task": "bli", "metric": "p@1", "data": "xling", "pooling": "csls"},
            {"task": "cka", "metric": "cka", "data": "names", "layer": 2},
            {"task": "coverage", "metric": "distinct_pieces", "data": "names", "unit": "subword"},
            {"task": "else", "metric": "some"},
        ]
        made = [
            Row(source="eng_Latn", variant="mlm", model="run", value=factor * (0.2 + n / 100), n=9,
                target="tur_Latn+eng_Latn" if kind["task"] == "xnli" else "tur_Latn", **kind)
            for n, kind in enumerate(kinds)
        ]  # fmt: skip
        write_rows(run / "results.jsonl", made)
    return runs


@pytest.mark.parametrize("fmt", ["text", "md", "html", "tex"])
def test_runs_that_look_alike_are_told_apart_by_their_folders(xl, tmp_path: Path, fmt: str) -> None:
    result = xl("report", *two_runs(tmp_path), "--format", fmt)
    assert result.returncode == 0, result.stderr
    n_tables = 7  # a line, caption or column for each run in each kind of table
    for name in ("mlm (a/run)", "mlm (b/run)"):
        assert result.stdout.count(name) >= n_tables, name
    for value in ("20.0", "10.0", "22.0", "11.0", "23.0", "11.5", "24.0", "12.0", "0.250", "0.125", "0.2700", "0.1350"):
        assert value in result.stdout
    alone = xl("report", tmp_path / "a" / "run", "--format", fmt)
    assert "mlm" in alone.stdout
    assert "a/run" not in alone.stdout.partition("</h1>")[2 if fmt == "html" else 0]


def test_seeds_of_one_system_are_still_averaged(xl, tmp_path: Path) -> None:
    rows = task_rows()
    for seed in (42, 43):
        write_rows(tmp_path / f"{seed}.jsonl", [row for row in rows if row.seed == seed])
    apart = xl("report", tmp_path / "42.jsonl", tmp_path / "43.jsonl", "--format", "md").stdout
    write_rows(tmp_path / "results.jsonl", rows)
    assert apart == xl("report", tmp_path, "--format", "md").stdout


def test_labels_by_name_or_in_order(xl, tmp_path: Path) -> None:
    runs = two_runs(tmp_path)
    for labels in (["--label", "worse=b/run", "--label", "better=a/run"], ["--label", "better", "--label", "worse"]):
        result = xl("report", "a/run", "b/run", *labels, "--format", "md", cwd=tmp_path)
        assert result.returncode == 0, result.stderr
        lines = {tuple(line[:2]) for line in cells(result.stdout)}
        assert {("mlm (better)", "**22.0**"), ("mlm (worse)", "11.0")} <= lines
    assert "mlm (x)" in xl("report", runs[0], "--label", "x").stdout
    for wrong, words in (
        (["--label", "one"], "--label one does not name the 2 runs"),
        (["--label", "one=c/run"], "--label one=c/run does not name"),
        (["--label", "one", "--label", "one"], "two runs are called 'one'"),
    ):
        result = xl("report", *runs, *wrong)
        assert result.returncode == 2
        assert words in result.stderr
        assert result.stderr.count("\n") == 1


def test_data_sets_never_share_a_mean(xl, tmp_path: Path) -> None:
    tables = (("retrieval", "top10", ""), ("sib200", "macro_f1", "zero-shot"), ("else", "some", ""))
    rows = [
        Row(task=task, metric=metric, value=value, source="a_Latn", target="b_Latn", variant=variant, data=data,
            protocol=protocol)
        for task, metric, protocol in tables
        for variant, data, value in (("mlm", "names", 0.25), ("other", "bible", 0.75))
    ]  # fmt: skip
    write_rows(tmp_path / "results.jsonl", rows)
    text = xl("report", tmp_path, "--format", "md").stdout
    header, *lines = [line for line in cells(text) if line[0] in ("variant", "system", "task", "mlm", "other", "else")]
    tables = [[header]]
    for line in lines:
        tables += [[]] if line[0] in ("variant", "system", "task") else []
        tables[-1].append(line)
    assert [len(table) for table in tables] == [2, 2, 2, 2, 3]
    assert tables[-1][0][:2] == ["task", "data"]
    for data in ("names", "bible"):
        assert f"retrieval in {data}. Mean over" in text


def test_csv_is_one_table_of_all_rows(xl, tmp_path: Path) -> None:
    import pandas

    runs = two_runs(tmp_path)
    extra = Row(
        task="odd, \"task\"", metric="some", value=1 / 3, source="eng_Latn", target="all", low=-1e-300, p=0.0625, n=3,
        variant="two\nlines", seed=7,
    )  # fmt: skip
    write_rows(tmp_path / "more.jsonl", [extra])
    result = xl("report", *runs, tmp_path / "more.jsonl", "--format", "csv")
    assert result.returncode == 0, result.stderr
    table = pandas.read_csv(io.StringIO(result.stdout))
    expected = [
        {"run": name} | json.loads(row.to_json())
        for name, path in (("a/run", runs[0]), ("b/run", runs[1]), ("more", tmp_path / "more.jsonl"))
        for row in read_rows(path / "results.jsonl" if path.is_dir() else path)
    ]
    assert list(table.columns) == list(expected[0])
    assert len(table) == len(expected)
    for name in ("value", "n", "seed", "coverage", "skipped", "layer", "low", "high", "p"):
        assert pandas.api.types.is_numeric_dtype(table[name]), name
    # Older releases of pandas read a number of 17 digits to its last place but one.
    exact = csv.DictReader(io.StringIO(result.stdout))
    for found, cells, row in zip(table.to_dict("records"), exact, expected, strict=True):
        for name, value in row.items():
            assert (value in (None, "")) == pandas.isna(found[name]), name
            assert value in (None, "") or type(value)(cells[name]) == value
    shown = csv.DictReader(io.StringIO(xl("report", *runs, "--format", "csv", "--metric", "top1").stdout))
    assert "top10" not in {row["metric"] for row in shown}


class Page(HTMLParser):
    """Names of elements, and the text outside of the style sheet."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = [""]
        self.text = ""
        self.declared = ""
        self.attributes: dict[str, str | None] = {}

    def handle_decl(self, decl: str) -> None:
        self.declared = decl

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        if tag == "meta":
            self.attributes |= dict(attrs)

    def handle_data(self, data: str) -> None:
        self.text += data if self.names[-1] != "style" else ""


def test_html_is_a_whole_page_and_escapes_what_is_in_the_rows(xl, tmp_path: Path) -> None:
    evil = "<script>alert('&amp;\"')</script>"
    fields: dict[str, Any] = {
        name: f"{name} {evil}" for name in ("task", "metric", "source", "target", "variant", "model", "data")
    }
    kinds: list[dict[str, Any]] = [{}, {"protocol": "zero-shot"}, {"task": "bli"}, {"task": "cka"}]
    kinds += [{"baseline": evil}, {"split": evil}]
    kinds += [{"protocol": "mixed-language", "target": f"{evil}+b"}, {"task": "coverage", "metric": "known_words"}]
    folder = tmp_path / "a&b <i>"
    folder.mkdir()
    write_rows(folder / "results.jsonl", [dataclasses.replace(Row(value=0.5, **fields), **kind) for kind in kinds])
    result = xl("report", folder, "--format", "html", "--label", f"l{evil}")
    assert result.returncode == 0, result.stderr
    page = Page()
    page.feed(result.stdout)
    assert page.declared.lower() == "doctype html"
    assert page.attributes["charset"] == "utf-8"
    assert {"title", "style", "table", "caption", "h1"} <= set(page.names)
    assert page.names.count("script") == 1
    assert set(page.names) - {""} <= {
        "html", "head", "meta", "title", "style", "body", "header", "h1", "p", "nav", "a", "main", "section", "h2",
        "div", "table", "caption", "thead", "tbody", "tr", "th", "td", "bdi", "strong", "u", "script",
    }  # fmt: skip
    assert page.text.count(evil) > 10
    assert "&amp;amp;" in result.stdout


def test_no_row_and_no_run_are_one_sentence(xl, tmp_path: Path) -> None:
    (tmp_path / "results.jsonl").write_text("", encoding="utf-8")
    for path, words in ((tmp_path, "no result row in it"), (tmp_path / "none", "no such file")):
        result = xl("report", path)
        assert result.returncode == 1
        assert words in result.stderr
        assert result.stderr.count("\n") == 1


def test_a_line_a_target_is_a_layout_of_retrieval_and_tasks(xl, tmp_path: Path) -> None:
    write_rows(tmp_path / "results.jsonl", task_rows())
    told = xl("report", tmp_path, "--layout", "targets", "--format", "md")
    assert told.returncode == 0, told.stderr
    header, *lines = cells(told.stdout)
    assert header == ["system", "target", "sib200 % eng"]
    assert lines[:4] == [
        ["mlm", "ell_Grek", "25.0"], ["mlm", "eng_Latn", "90.0"], ["mlm", "tur_Latn", "50.0"], ["mlm", "mean", "37.5"],
    ]  # fmt: skip
    assert r"\cmidrule(lr){3-3}" in xl("report", tmp_path, "--layout", "targets", "--format", "tex").stdout
    assert "sib200 % eng" in xl("report", tmp_path, "--layout", "targets", "--format", "html").stdout
    refused = xl("report", tmp_path, "--layout", "targets", "--format", "csv")
    assert refused.returncode == 2
    assert "--layout" in refused.stderr
    bli = Row(task="bli", metric="p@1", value=0.5, source="eng_Latn", target="tur_Latn")
    write_rows(tmp_path / "words.jsonl", [bli])
    refused = xl("report", tmp_path / "words.jsonl", "--layout", "targets")
    assert refused.returncode == 2
    assert "--layout targets: no meaning for these rows" in refused.stderr


@pytest.mark.parametrize("fmt", FORMATS)
def test_two_models_under_one_name(xl, tmp_path: Path, fmt: str) -> None:
    """Two models of one variant and seed are two lines; twice one model with two figures is one sentence."""
    row = {**task_rows()[0].to_dict(), "model": "first"}
    for name, other in (("models", {"model": "second", "value": 0.1}), ("figures", {"value": 0.1})):
        lines = [json.dumps(each) + "\n" for each in (row, {**row, **other})]
        (tmp_path / f"{name}.jsonl").write_text("".join(lines), encoding="utf-8")
    result = xl("report", tmp_path / "models.jsonl", "--format", fmt)
    assert result.returncode == 0, result.stderr
    assert result.stdout.count("first") >= 1
    assert result.stdout.count("second") >= 1
    refused = xl("report", tmp_path / "figures.jsonl", "--format", fmt)
    if fmt != "csv":  # which has rows as they are
        assert refused.returncode == 1
        assert "two rows say macro_f1 of 'mlm' from eng_Latn to eng_Latn with seed 42: 0.9 and 0.1" in refused.stderr
        assert refused.stderr.count("\n") == 1


def test_a_page_of_an_unfinished_run_has_its_curves(xl, tmp_path: Path) -> None:
    """A kill left half a line in log.jsonl, and run.json says that it still runs."""
    write_rows(tmp_path / "results.jsonl", task_rows())
    record = {"variant": "mlm", "step": 1, "losses": {"mlm": 2.5}}
    log = json.dumps(record) + "\n" + json.dumps({**record, "step": 2}) + '\n{"variant": "ml'
    (tmp_path / "log.jsonl").write_text(log, encoding="utf-8")
    about = {"status": "running", "recipe_name": "names", "seed": 7, "wall_seconds": 100, "device": "cpu"}
    (tmp_path / "run.json").write_text(json.dumps(about), encoding="utf-8")
    result = xl("report", tmp_path, "--format", "html")
    assert result.returncode == 0, result.stderr
    page = Page()
    page.feed(result.stdout)
    for text in ("What was run", "running", "1 min 40 s", "Training", "Losses by step."):
        assert text in page.text
    (tmp_path / "run.json").write_text("{", encoding="utf-8")
    broken = xl("report", tmp_path, "--format", "html")
    assert broken.returncode == 1
    assert "run.json cannot be read" in broken.stderr
    assert broken.stderr.count("\n") == 1
