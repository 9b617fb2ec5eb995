"""The papers' figures as result rows: each names its place, is on our scale, and is found beside a user's own."""

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from tests.cli.conftest import Run

from xl_cli import UsageError, published_beside, published_rows
from xl_cli.published.rows import PAPERS
from xl_tasks import Row, write_rows
from xl_tasks.catalogue.registry import TASKS
from xl_translit import language


def test_each_row_names_a_place_of_its_own() -> None:
    rows = published_rows()
    assert {row.paper for row in rows} == set(PAPERS)
    assert all(row.table and row.cell and row.model for row in rows)
    places = Counter((row.paper, row.table, row.cell) for row in rows)
    assert [place for place, count in places.items() if count > 1] == []
    assert {row.version for row in rows} == {""}  # nothing of it was measured here


def test_rows_speak_of_our_tasks_metrics_languages_and_shares() -> None:
    for row in published_rows():
        if row.task not in TASKS:
            assert row.task in ("all tasks", "gap", "cka", "correlate", "coverage")
            continue
        of_a_cell = not row.metric.startswith("mean ")
        assert row.metric.removeprefix("mean ") in TASKS[row.task].metrics, row
        assert 0 <= row.value <= 1, row
        assert ((language(row.source), language(row.target)) == (row.source, row.target)) if of_a_cell else row.target


def test_beside_are_those_of_the_same_cell_once_a_figure() -> None:
    mine = Row(
        task="retrieval", metric="top10", value=0.5, source="eng_Latn", target="tur_Latn", variant="mlm", data="bible"
    )
    found = published_beside([mine, replace(mine, seed=1)])
    # Table 2 of the first paper (Glot500, Ours), then tables 7 to 9 (MLM, MLM+SEQ, MLM+TLM): column Latn of tur_Latn.
    assert [(row.table, row.variant, row.value) for row in found] == [
        ("2", "", 0.632),
        ("2", "mlm+seq+tlm", 0.81),
        ("7", "mlm", 0.786),
        ("8", "mlm+seq", 0.806),
        ("9", "mlm+tlm", 0.782),
    ]
    assert not published_beside([replace(mine, metric="top1"), replace(mine, target="eng_Latn")])
    assert not published_beside([replace(mine, noise="typos=0.1"), replace(mine, baseline="mlm"), *found])


def test_beside_keeps_protocols_apart_unless_the_language_is_that_of_training() -> None:
    mine = Row(task="xnli", metric="accuracy", value=0.5, source="eng_Latn", target="swh_Latn", protocol="zero-shot")
    zero_shot = {row.value for row in published_beside([mine])}
    assert 0.51 in zero_shot  # mBERT in table 2 of the third paper
    assert zero_shot == {row.value for row in published_beside([replace(mine, protocol="")])}
    assert not published_beside([replace(mine, protocol="translate-train")])
    english = published_beside([replace(mine, target="eng_Latn")])
    assert {row.paper for row in english} == {"ot", "phonemic"}
    assert {row.protocol for row in english} == {"zero-shot", "in-language"}


def test_beside_of_gaps_words_and_retrieval_are_of_the_same_data() -> None:
    gap = Row(task="gap", metric="mean_rpd", value=3, source="all", target="all", data="udpos")
    assert [(row.unit, row.value) for row in published_beside([gap])] == [("character", 8.77), ("phonemes", 5.8)]
    bli = Row(task="bli", metric="p@1", value=0.5, source="eng_Latn", target="deu_Latn", data="muse")
    assert {row.model for row in published_beside([bli])} == {"fasttext_unsup", "X2S-M", "X2S-MA", "MUSE", "RCSLS"}
    tatoeba = Row(task="retrieval", metric="top1", value=0.5, source="eng_Latn", target="kat_Geor", data="tatoeba")
    assert [row.value for row in published_beside([tatoeba])] == [0.3713, 0.4598, 0.3056, 0.0496, 0.6381]
    others = ((bli, "xling"), (gap, "xquad"), (tatoeba, "flores"), (tatoeba, "tatoeba[100]"))
    assert not published_beside(replace(row, data=data) for row, data in others)


def test_the_readme_counts_the_rows() -> None:
    rows = published_rows()
    readme = (Path(__file__).parents[3] / "apps/cli/README.md").read_text(encoding="utf-8")
    assert f"{len(rows):,} rows of {len({(row.paper, row.table) for row in rows})} tables" in readme


def test_an_unknown_paper_is_told_with_the_known_ones(xl: Run) -> None:
    with pytest.raises(UsageError, match=r"unknown paper 'static2'; did you mean 'static'"):
        published_rows("static2")
    told = xl("ls", "published", "static2")
    assert told.returncode == 2
    assert "known: ppa, static" in told.stderr


def test_ls_published_counts_the_rows_that_its_json_gives(xl: Run) -> None:
    header, *lines = xl("ls", "published", "phonemic", "robust").stdout.splitlines()
    assert header.split() == ["paper", "table", "rows", "tasks", "by"]
    counts = {tuple(line.split()[:2]): int(line.split()[2]) for line in lines}
    given = map(json.loads, xl("ls", "published", "phonemic", "robust", "--json").stdout.splitlines())
    assert counts == Counter((row["paper"], row["table"]) for row in given)
    assert counts["phonemic", "1"] == 4 * 13


@pytest.mark.parametrize("form", ["text", "md", "html", "tex", "csv"])
@pytest.mark.slow
def test_a_report_shows_all_papers_beside_a_run(xl: Run, tmp_path: Path, form: str) -> None:
    mine = Row(
        task="retrieval", metric="top10", value=0.333, source="eng_Latn", target="tur_Latn", variant="mlm+seq+tlm",
        layer=8, data="bible",
    )  # fmt: skip
    write_rows(tmp_path / "results.jsonl", [mine])
    foreign = tmp_path / "published.jsonl"
    foreign.write_text(xl("ls", "published", "--json").stdout, encoding="utf-8")
    told = xl("report", tmp_path, foreign, "--format", form)
    assert told.returncode == 0, told.stderr
    if form == "csv":
        assert len(told.stdout.splitlines()) == 2 + len(published_rows())
        assert "Ours | tur_Latn | SR-B Latn" in told.stdout
    if form == "md":
        lines = {line.split("|")[1].strip(): line for line in told.stdout.splitlines() if line.startswith("| mlm")}
        assert "33.3" in lines["mlm+seq+tlm"]
        assert "33.3" not in lines["mlm+seq+tlm (ppa)"]
