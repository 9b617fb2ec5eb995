"""`xl analyze correlate`: rows of two runs, or the columns of a table, pooled and within pairs of languages."""

import json
from pathlib import Path

import numpy as np
import pytest
from scipy import stats
from tests.cli.conftest import Run

import xl_cli
from xl_tasks import Row, write_rows

PAIRS = ("swh_Latn", "urd_Arab")


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """15 seeds in English, Swahili and Urdu, as Jung et al. 2024 ran: scores, and CKA with English.

    Urdu is far from English in both; within a pair the two have nothing to do with each other.
    """
    rng = np.random.default_rng(2)
    folder = tmp_path_factory.mktemp("study")
    scores, alike = [], []
    for seed in range(15):
        given = {"task": "xnli", "metric": "accuracy", "seed": seed, "protocol": "in-language"}
        values = {"eng_Latn": 0.72, "swh_Latn": 0.61, "urd_Arab": 0.50}
        scores += [
            Row(**given, source=code, target=code, value=value + 0.01 * rng.normal())  # ty: ignore[invalid-argument-type]
            for code, value in values.items()
        ]
        alike += [
            Row(task="cka", metric="cka", seed=seed, source=code, target="eng_Latn", value=v + 0.01 * rng.normal())
            for code, v in (("swh_Latn", 0.8), ("urd_Arab", 0.6))
        ]
    write_rows(folder / "scores.jsonl", scores)
    write_rows(folder / "cka.jsonl", alike)
    xl_cli.analyze("gap", runs=folder / "scores.jsonl", pivot="eng", out=folder / "gaps")
    return folder


def test_pooled_pairs_and_simpsons_trap(xl: Run, study: Path, tmp_path: Path) -> None:
    call = ("analyze", "correlate", study / "gaps", study / "cka.jsonl", "--x", "cka", "--y", "gap")
    more = ("--within", "pair", "--resamples", 999)
    rows = [json.loads(line) for line in xl(*call, *more, "--json", "--out", tmp_path / "out").stdout.splitlines()]
    found = {(row["metric"], row["variant"]): row for row in rows}
    assert {row["n"] for row in rows if row["variant"] in ("all points", "within pair")} == {30}
    assert found["spearman", "all points"]["value"] < -0.6
    assert found["spearman", "all points"]["p"] == 0.001
    assert found["spearman", "within pair"]["p"] > 0.05
    assert {row["variant"] for row in rows} == {
        "all points", "within pair", "eng_Latn-swh_Latn", "eng_Latn-urd_Arab",
    }  # fmt: skip
    shown = xl(*call, *more).stdout
    assert "spearman over all points is not shown within pair." in shown
    assert "spearman over all points is not shown within pair." in " ".join(
        xl("report", tmp_path / "out").stdout.split()
    )


def test_figures_are_scipys(study: Path) -> None:
    rows = xl_cli.analyze(
        "correlate", runs=[study / "gaps", study / "cka.jsonl"], x="cka", y="gap", p="asymptotic", resamples=9
    )
    read = {
        name: {(row.target if name == "gap" else row.source, row.seed): row.value for row in part}
        for name, part in (
            ("gap", [r for r in xl_cli.analyze("gap", runs=study / "scores.jsonl", pivot="eng") if r.metric == "gap"]),
            ("cka", [Row(**json.loads(line)) for line in (study / "cka.jsonl").read_text("utf-8").splitlines()]),
        )
    }
    keys = sorted(read["gap"])
    x, y = ([read[name][key] for key in keys] for name in ("cka", "gap"))
    for row in rows:
        peer = {"spearman": stats.spearmanr, "kendall": stats.kendalltau, "pearson": stats.pearsonr}[row.metric](x, y)
        assert (row.value, row.n) == (pytest.approx(peer.statistic), 30)
        if row.metric != "kendall":
            assert row.p == pytest.approx(peer.pvalue, rel=1e-6)


def test_the_score_of_one_language_and_partial(study: Path) -> None:
    runs = [str(study / "gaps"), str(study / "cka.jsonl"), str(study / "scores.jsonl")]
    rows = xl_cli.analyze(
        "correlate", runs=runs, x="cka", y="gap", given="accuracy,target=English", coefficient="spearman", resamples=99
    )
    assert [row.variant for row in rows] == ["all points", "given accuracy,target=English"]


@pytest.mark.slow
def test_a_picture(xl: Run, study: Path, tmp_path: Path) -> None:
    call = ("analyze", "correlate", study / "gaps", study / "cka.jsonl", "--x", "cka", "--y", "gap", "--resamples", 9)
    picture = tmp_path / "figure3.svg"
    xl(*call, "--within", "pair", "--plot", picture)
    text = picture.read_text("utf-8")
    assert text.count("<title>") >= 30
    assert "swh_Latn" in text
    xl(*call, "--plot", tmp_path / "plain.png")
    assert (tmp_path / "plain.png").read_bytes().startswith(b"\x89PNG")
    again = xl(*call, "--plot", picture)
    assert (again.returncode, "exists already" in again.stderr) == (2, True)
    wrong = xl(*call, "--plot", tmp_path / "figure.jpg")
    assert wrong.stderr.endswith("figure.jpg: name a file that ends in .png, .svg, .pdf.\n")


def test_columns_of_a_table_without_languages(xl: Run, tmp_path: Path) -> None:
    table = tmp_path / "runs.csv"
    table.write_text("steps,loss,kind\n1,5,a\n2,4,a\n3,4.5,b\n4,2,b\n5,-,b\n", encoding="utf-8")
    call = ("analyze", "correlate", table, "--x", "steps", "--y", "loss", "--coefficient", "pearson")
    [row] = [json.loads(line) for line in xl(*call, "--json").stdout.splitlines()]
    assert row["value"] == pytest.approx(np.corrcoef([1, 2, 3, 4], [5, 4, 4.5, 2])[0, 1])
    assert (row["n"], row["note"]) == (4, "p exact")
    assert xl(*call, "--within", "colour").stderr == "xl: --within colour: points are told apart by kind.\n"
    few = xl(*call, "--where", "kind=a")
    told = "xl: x steps, y loss: 2 points; a correlation needs at least 4.\n"
    assert (few.returncode, few.stderr) == (1, told)
    table.write_text("steps,loss\n1,5\n2,nan\n3,4\n4,4\n", encoding="utf-8")
    assert xl(*call).stderr.startswith(f"xl: {table}:3: column 'loss' is 'nan'; give a finite number")
    table.write_text("steps,loss\n1,5\n2,5\n3,5\n4,5\n", encoding="utf-8")
    told = "xl: x steps, y loss: y is the same at every point (5 at the first); nothing correlates with a constant.\n"
    assert xl(*call).stderr == told
