"""`xl analyze robustness`: noisy and clean scores, CKA and texts in; slopes over languages out."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats
from tests.cli.conftest import Run

import xl_cli
from xl_analysis import ngram_jaccard
from xl_tasks import Row, read_rows, write_rows

LANGUAGES = ("eng_Latn", "tur_Latn", "deu_Latn", "ell_Grek", "rus_Cyrl", "bul_Cyrl", "mlt_Latn", "kat_Geor")
WORDS = dict(
    zip(
        LANGUAGES,
        ("the tea is good", "çay güzel", "der tee ist gut", "το τσάι", "чай хорош", "чаят", "it-te", "ჩაი კარგია"),
        strict=True,
    )
)


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Scores that noise takes the more of, the less a language's vectors are like those of English."""
    rng = np.random.default_rng(0)
    folder = tmp_path_factory.mktemp("robust")
    scores, alike = [], []
    for place, code in enumerate(LANGUAGES):
        cka = 0.9 - 0.05 * place
        for noise, value in (("", 0.8), ("typos=0.1", 0.8 - 0.4 * (1 - cka) + 0.005 * rng.normal())):
            given = {"task": "sib200", "metric": "accuracy", "source": "eng_Latn", "target": code, "data": "sib200"}
            scores.append(Row(**given, value=float(value), noise=noise))  # ty: ignore[invalid-argument-type]
        if code != "eng_Latn":
            alike.append(Row(task="cka", metric="cka", source=code, target="eng_Latn", value=cka, layer=8))
    write_rows(folder / "scores.jsonl", scores)
    write_rows(folder / "cka.jsonl", alike)
    (folder / "texts").mkdir()
    for code, text in WORDS.items():
        (folder / "texts" / f"{code}.txt").write_text(f"{text}\n", encoding="utf-8")
    return folder


@pytest.mark.slow
def test_slopes_are_those_of_the_rows(xl: Run, study: Path, tmp_path: Path) -> None:
    runs = [study / "scores.jsonl", study / "cka.jsonl"]
    call = ("analyze", "robustness", *runs, "--metric", "accuracy", "--alignment", "cka")
    rows = [json.loads(line) for line in xl(*call, "--json", "--out", tmp_path / "out").stdout.splitlines()]
    column = {
        metric: {row["target"]: row["value"] for row in rows if row["metric"] == metric}
        for metric in ("clean", "noisy", "drop", "cka", "same_script")
    }
    assert list(column["drop"]) == list(LANGUAGES[1:])
    for code in column["drop"]:
        assert column["drop"][code] == pytest.approx(column["clean"][code] - column["noisy"][code])
        assert column["same_script"][code] == float(code.endswith("Latn"))
    peer = stats.linregress([column["cka"][code] for code in LANGUAGES[1:]], list(column["drop"].values()))
    slopes = {(row["source"], row["variant"]): row for row in rows if row["metric"] == "slope"}
    alone = slopes["cka", "alone"]
    assert (alone["value"], alone["p"], alone["n"]) == (pytest.approx(peer.rvalue), pytest.approx(peer.pvalue), 7)
    assert set(slopes) == {(x, which) for x in ("cka", "same_script") for which in ("alone", "together")}
    shown = xl(*call).stdout
    assert "drop: score of clean text less that of noisy text" in " ".join(shown.lower().split())
    assert "together" in xl("report", tmp_path / "out").stdout


def test_likeness_of_texts(xl: Run, study: Path) -> None:
    call = ("analyze", "robustness", "scores.jsonl", "--metric", "accuracy", "--data", "texts", "--outcome", "kept")
    more = ("--likeness", "ngrams", "--likeness", "phonemes", "--json")
    answer = xl(*call, *more, cwd=study)
    rows = [json.loads(line) for line in answer.stdout.splitlines()]
    column = {
        metric: {row["target"]: row["value"] for row in rows if row["metric"] == metric}
        for metric in ("ngram_jaccard", "panphon_distance", "kept")
    }
    # German is written in the letters of English, and romanised as it is.
    shared = ngram_jaccard([WORDS["eng_Latn"]], [WORDS["deu_Latn"]])
    assert column["ngram_jaccard"]["deu_Latn"] == pytest.approx(shared)
    assert all(value > 0 for value in column["panphon_distance"].values())
    assert all(0.5 < value < 1 for value in column["kept"].values())
    # Greek has no phonemes here, so that it is in no column.
    assert "note: no phonemes for" in answer.stderr
    assert "ell_Grek" not in column["kept"]
    assert set(column["kept"]) == set(column["panphon_distance"])


def test_seeds_of_a_language_count_once(study: Path, tmp_path: Path) -> None:
    """Three seeds around each score: the rows, slopes and p of their means."""
    rows = read_rows(study / "scores.jsonl")
    moved = [replace(row, seed=seed, value=row.value + 0.01 * (seed - 2)) for row in rows for seed in (1, 2, 3)]
    write_rows(tmp_path / "seeds.jsonl", moved)
    once, thrice = (
        [*xl_cli.analyze("robustness", runs=[path, study / "cka.jsonl"], metric="accuracy", alignment="cka")]
        for path in (study / "scores.jsonl", tmp_path / "seeds.jsonl")
    )
    assert len(once) == len(thrice) > 20
    for one, mean in zip(once, thrice, strict=True):
        rest: dict[str, Any] = {"value": 0.0, "p": 0.0, "p_holm": 0.0, "low": 0.0, "high": 0.0}
        assert replace(one, **rest) == replace(mean, **rest)
        assert mean.value == pytest.approx(one.value)
        assert (mean.p is None) == (one.p is None)
        assert one.p is None or mean.p == pytest.approx(one.p)


@pytest.mark.slow
def test_a_picture(study: Path, tmp_path: Path) -> None:
    picture = tmp_path / "drop.svg"
    runs = [study / "scores.jsonl", study / "cka.jsonl"]
    xl_cli.analyze("robustness", runs=runs, metric="accuracy", alignment="cka", plot=str(picture))
    assert "kat_Geor" in picture.read_text("utf-8")


def test_what_is_missing_is_one_sentence(xl: Run, study: Path, tmp_path: Path) -> None:
    def told(*options: object, runs: tuple[str, ...] = ("scores.jsonl", "cka.jsonl")) -> str:
        answer = xl("analyze", "robustness", *runs, "--metric", "accuracy", *options, cwd=study)
        assert answer.returncode in (1, 2)
        assert answer.stderr.count("xl: ") == 1
        return answer.stderr.splitlines()[-1]

    assert told("--noise", "typos=0.5").endswith("--noise typos=0.5: the rows have typos=0.1.")
    assert "the rows have none, so score some with xl eval --noise" in told("--where", "noise=")
    assert "3 languages; a regression over languages needs at least 4" in told(
        runs=(str(few(study, tmp_path)), "cka.jsonl")
    )
    assert told("--limit", 5).startswith("xl: --limit: no meaning without --data")
    assert "no row has the metric 'cca'" in told("--alignment", "cca")
    (tmp_path / "t").mkdir()
    (tmp_path / "t" / "eng.txt").write_text("tea\n", encoding="utf-8")
    (tmp_path / "t" / "tur.txt").write_text("çay\n", encoding="utf-8")
    assert "has no text in deu_Latn, ell_Grek" in told("--data", tmp_path / "t")


def few(study: Path, folder: Path) -> Path:
    rows = (study / "scores.jsonl").read_text("utf-8").splitlines(keepends=True)[:8]
    (folder / "few.jsonl").write_text("".join(rows), encoding="utf-8")
    return folder / "few.jsonl"
