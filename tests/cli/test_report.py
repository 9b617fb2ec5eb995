"""`xl report` on rows of every kind, in every format, from files that other commands wrote."""

import csv
import json
from pathlib import Path

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
    assert "37.5" in result.stdout
    assert "75.0" in result.stdout
    if fmt == "csv":
        header, ours, theirs = csv.reader(result.stdout.splitlines())
        assert header == ["system", "mean %", "ell", "eng", "tur"]
        assert ours == ["mlm", "37.5 ±0.0", "25.0", "90.0", "50.0"]
        assert theirs == ["paper", "75.0", "-", "-", "75.0"]


def test_rows_of_static_bli_make_one_wide_table(xl, tmp_path: Path) -> None:
    from xl_staticemb import WordVectors, write_word2vec

    write_word2vec(tmp_path / "en.vec", WordVectors(["water", "house", "cat"], np.eye(3)))
    write_word2vec(tmp_path / "tr.vec", WordVectors(["su", "ev", "kedi"], np.eye(3)))
    (tmp_path / "en-tr.txt").write_text("water\tsu\nhouse\tev\ndog\tköpek\n", encoding="utf-8")
    arguments = [tmp_path / "en.vec", tmp_path / "tr.vec", "--dictionary", tmp_path / "en-tr.txt"]
    out = tmp_path / "results.jsonl"
    assert xl("static", "bli", *arguments, "--variant", "made", "--out", out).returncode == 0
    assert len(read_rows(out)) == 16
    result = xl("report", out, "--format", "csv")
    assert result.returncode == 0, result.stderr
    header, *lines = csv.reader(result.stdout.splitlines())
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
