"""`xl analyze significance`: two runs, or two systems of one, with one family of tests a metric."""

import dataclasses
import json
from pathlib import Path

import pytest
from scipy import stats
from tests.cli.conftest import Run

import xl_cli
from xl_analysis import holm
from xl_tasks import Row, write_rows

LANGUAGES = ("tur_Latn", "ell_Grek", "amh_Ethi", "heb_Hebr", "hin_Deva", "mlt_Latn", "kat_Geor")
GAINS = (0.02, 0.05, 0.06, 0.04, 0.07, 0.03, -0.01)


def side(variant: str, times: float) -> list[Row]:
    return [
        Row(
            task="sib200", metric="accuracy", value=0.6 + times * gain, n=400, source="eng_Latn", target=code,
            variant=variant, split="test", layer=8,
        )
        for code, gain in zip(LANGUAGES, GAINS, strict=True)
    ]  # fmt: skip


@pytest.fixture
def run(tmp_path: Path) -> Path:
    write_rows(tmp_path / "results.jsonl", [*side("untrained", 0), *side("mlm", 1)])
    return tmp_path


def test_two_systems_of_one_run(xl: Run, run: Path, tmp_path: Path) -> None:
    call = ("analyze", "significance", run, "--first", "variant=untrained", "--second", "variant=mlm")
    rows = [json.loads(line) for line in xl(*call, "--json", "--out", tmp_path / "out").stdout.splitlines()]
    cells = [row for row in rows if row["target"] != "languages"]
    assert {row["target"]: row["value"] for row in cells} == pytest.approx(dict(zip(LANGUAGES, GAINS, strict=True)))
    assert [row["p_holm"] for row in cells] == pytest.approx(list(holm([row["p"] for row in cells])))
    assert {(row["variant"], row["layer"], row["baseline"]) for row in rows} == {("mlm", 8, "variant=untrained")}
    [over] = [row for row in rows if row["target"] == "languages"]
    assert over["p"] == pytest.approx(stats.wilcoxon(GAINS).pvalue)
    assert (over["n"], over["note"]) == (7, "Wilcoxon")
    text = " ".join(xl(*call).stdout.split())
    assert "accuracy: of 7 cells 7 no difference shown; sib200 over 7 languages: higher (p 0.031)." in text
    assert "p Holm" in xl("report", tmp_path / "out").stdout


def test_two_runs_and_what_they_are_called(tmp_path: Path) -> None:
    for name, times in (("a", 0), ("b", 3)):
        (tmp_path / name).mkdir()
        write_rows(tmp_path / name / "results.jsonl", side("mlm", times))
    rows = xl_cli.analyze("significance", runs=[tmp_path / "a", tmp_path / "b"])
    assert {row.baseline for row in rows} == {"run=a"}
    assert sum((row.p_holm or 1) < 0.05 for row in rows) >= 4


def test_what_is_chosen_is_what_differs(run: Path) -> None:
    noisy = [dataclasses.replace(row, noise="typos=0.1", value=row.value - 0.2) for row in side("mlm", 1)]
    write_rows(run / "noisy.jsonl", [*side("mlm", 1), *noisy])
    rows = xl_cli.analyze(
        "significance", runs=run / "noisy.jsonl", first="noise=", second="noise=typos=0.1", resamples=0
    )
    assert {row.noise for row in rows} == {"typos=0.1"}
    assert all(row.value == pytest.approx(-0.2) and (row.p_holm or 1) < 0.05 for row in rows)


def test_wrong_calls_are_one_sentence(xl: Run, run: Path) -> None:
    for options, told in (
        ((), "1 RUN: give two, or one with --first and --second"),
        (("--first", "variant=mlm", "--second", "variant=x"), "--where variant=x: no row has it; variant is mlm, untr"),
        (("--where", "target=ell", "--first", "target=tur", "--second", "variant=mlm"),
         "--where target=tur: no row has it; target is ell_Grek."),
        (("--first", "variant=mlm", "--second", "variant=untrained", "--metric", "f1"),
         "--metric f1: not a figure of both; they have accuracy in common."),
    ):  # fmt: skip
        answer = xl("analyze", "significance", run, *options)
        assert answer.stderr.startswith(f"xl: {told}"), answer.stderr
        assert answer.stderr.count("\n") == 1
