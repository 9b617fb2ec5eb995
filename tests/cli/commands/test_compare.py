"""`xl compare`: what it says of two runs, against differences by hand; formats; what it refuses."""

import csv
import dataclasses
import io
import json
from pathlib import Path

import numpy as np
import pytest

import xl_cli
from xl_analysis import holm
from xl_tasks import Row, write_rows
from xl_tasks.protocols.cells import Cell, CellStore, Scored
from xl_tasks.scoring.measures import Measure

TARGETS = ("tur_Latn", "ell_Grek", "amh_Ethi", "heb_Hebr", "hin_Deva", "arb_Arab")


def run(folder: Path, values: dict[str, float], *, n: int = 200, **more: object) -> Path:
    """A run with one row a target, as xl align writes it."""
    folder.mkdir(parents=True)
    rows = [
        Row(task="retrieval", metric="top1", value=value, n=n, source="eng_Latn", target=target, variant="mlm",
            model=folder.name, data="names", **more)  # ty: ignore[invalid-argument-type]
        for target, value in values.items()
    ]  # fmt: skip
    write_rows(folder / "results.jsonl", rows)
    return folder


@pytest.fixture
def two(tmp_path: Path) -> tuple[Path, Path]:
    """Two runs: the second is much better in the first language, and a little in the others."""
    base = dict.fromkeys(TARGETS, 0.5)
    better = {**dict.fromkeys(TARGETS, 0.53), "tur_Latn": 0.9}
    return run(tmp_path / "base", base), run(tmp_path / "new", better)


def test_differences_intervals_and_verdicts(two: tuple[Path, Path]) -> None:
    rows = xl_cli.compare(*two)
    assert [row.value for row in rows] == pytest.approx([0.4, *[0.03] * 5])
    assert {row.baseline for row in rows} == {"run=base"}
    for row in rows:
        assert row.low is not None
        assert row.high is not None
        assert row.low < row.value < row.high
        # Newcombe's interval of two shares of 200 items is about this wide.
        assert row.high - row.low == pytest.approx(2 * 1.96 * (0.5 / 200) ** 0.5, rel=0.25)
    assert [row.p_holm for row in rows] == pytest.approx(list(holm([float(row.p or 0) for row in rows])))
    lines = [line.split() for line in str(rows).split("\n") if line.startswith("retrieval")]
    verdicts = [" ".join(line[line.index("200") + 1 :]) for line in lines[:6]]
    assert verdicts == ["higher", *["no difference shown"] * 5]
    # All six languages are higher: two-sided 2 / 2^6.
    assert lines[6][-2:] == ["0.031", "higher"]
    assert "of 6 cells 1 higher, 5 no difference shown" in str(rows)


def test_the_items_of_two_evaluations_are_compared_one_by_one(tmp_path: Path) -> None:
    """Two shares that differ in eight items of forty, all of them wins: far from shown by their intervals alone."""
    hits = np.zeros((2, 40))
    hits[:, :20] = 1
    hits[1, 20:28] = 1
    folders = []
    for name, own in zip(("a", "b"), hits, strict=True):
        stats = np.stack([own, np.ones(40)], axis=1)
        cell = Cell(task="xnli", source="eng_Latn", target="tur_Latn", data="xnli", model=name)
        found = Scored(
            cell=cell, keys=[str(i) for i in range(40)], measures=[Measure(metric="accuracy", form="mean", stats=stats)]
        )
        CellStore(tmp_path / name).save(found)
        write_rows(tmp_path / name / "results.jsonl", found.all_rows())
        folders.append(tmp_path / name)
    (by_item,) = xl_cli.compare(*folders)
    (apart,) = xl_cli.compare(*folders, resamples=0)
    assert by_item.value == apart.value == pytest.approx(0.2)
    assert by_item.p is not None
    assert apart.p is not None
    assert by_item.p < 0.01 < apart.p
    # The bootstrap of a mean of 40 differences of 0 or 1.
    half = 1.96 * np.std(hits[1] - hits[0]) / 40**0.5
    assert (by_item.low, by_item.high) == pytest.approx((0.2 - half, 0.2 + half), abs=0.03)
    assert "paired bootstrap" in str(xl_cli.compare(*folders))


@pytest.mark.slow
def test_every_format_and_the_file(xl, two: tuple[Path, Path], tmp_path: Path) -> None:
    for form in ("text", "md", "html", "tex", "csv"):
        result = xl("compare", *two, "--format", form)
        assert result.returncode == 0, result.stderr
        assert "no difference shown" in result.stdout
        assert ("of 6 cells 1 higher" in result.stdout) == (form != "csv")
        out = tmp_path / f"out.{form}"
        written = xl("compare", *two, "--format", form, "--out", out)
        assert written.stdout == ""
        assert out.read_text(encoding="utf-8") == result.stdout
    records = list(csv.DictReader(io.StringIO(xl("compare", *two, "--format", "csv").stdout)))
    assert [record["difference"] for record in records] == ["+40.0", *["+3.0"] * 5]
    lines = xl("compare", *two, "--json").stdout.splitlines()
    assert [json.loads(line)["value"] for line in lines] == pytest.approx([0.4, *[0.03] * 5])


def test_what_cannot_be_compared_is_one_sentence(xl, two: tuple[Path, Path], tmp_path: Path) -> None:
    other = run(tmp_path / "other", {"mlt_Latn": 0.5})
    empty = tmp_path / "empty"
    empty.mkdir()
    twice = run(tmp_path / "twice", {"tur_Latn": 0.5})
    row = Row(task="retrieval", metric="top1", value=0.25, n=200, source="eng_Latn", target="tur_Latn", variant="mlm",
              model="twice", data="names")  # fmt: skip
    write_rows(twice / "results.jsonl", [row, dataclasses.replace(row, value=0.5)])
    for arguments, code, words in (
        ((two[0], other), 1, "no cell in common: target is"),
        ((two[0], empty), 1, "no results.jsonl in it"),
        ((two[0], tmp_path / "none"), 1, "no such file"),
        ((two[0], two[0] / "results.jsonl"), 2, "are one run"),
        ((*two, "--metric", "top5"), 2, "--metric top5: not a figure of both runs; they have in common: top1"),
        ((two[0], twice), 1, "twice: 0.25 and 0.5; keep one"),
    ):
        result = xl("compare", *arguments)
        assert result.returncode == code, result.stderr
        assert words in result.stderr
        assert result.stderr.count("\n") == 1
    result = xl("report", tmp_path)
    assert result.returncode == 1
    assert "but in folders below it; name these:" in result.stderr
    (empty / "run.json").write_text("{}", encoding="utf-8")
    assert "has scored nothing yet" in xl("report", empty).stderr
