"""`xl report --layout PAPER`: the papers' tables from rows, in every format, and what is told beside them."""

import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from xl_cli import UsageError, report
from xl_tasks import Row, write_rows

ROWS = [
    Row(
        task="sib200", metric="macro_f1", value=value, source=source, target=target, seed=seed, variant=variant,
        model="start", split="test", protocol="zero-shot", tuning="full/ppa", n=204,
    )
    for variant, gain in (("", 0), ("mlm+seq+tlm", 0.25))
    for seed in (42, 43)
    for source, target, value in (
        ("eng_Latn", "tur_Latn", 0.5 + gain), ("ell_Grek", "tur_Latn", 0.25 + gain), ("eng_Latn", "ell_Grek", 0.25),
    )
]  # fmt: skip
EXTRA = Row(task="xnli", metric="accuracy", value=0.5, source="eng_Latn", target="tur_Latn", variant="x")


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    write_rows(tmp_path / "results.jsonl", [*ROWS, EXTRA])
    return tmp_path / "results.jsonl"


def test_every_format_has_the_papers_tables(rows: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = report(rows, layout="ppa")
    assert "Table 2 of Xhelili, Liu and Schütze (2024)." in text
    assert re.search(r"mlm\+seq\+tlm +tur_Latn.* 75.0_\*", text)
    told = capsys.readouterr().err
    assert "no row of table 3, 5, 7, 8, 9, 10, 11, 12" in told
    assert "layout ppa has no table of xnli." in told
    md = report(rows, layout="ppa", format="md")
    assert "**<u>75.0</u>**" in md
    assert "difference from start, in points" in md
    tex = report(rows, layout="ppa", format="tex")
    assert r"\textbf{\underline{75.0}}" in tex
    assert tex.count("{") == tex.count("}")
    assert tex.count(r"\begin{table}") == tex.count(r"\end{table}") == md.count("Table ")
    page = report(rows, layout="ppa", format="html")
    assert "<h2" in page
    assert "In the form of Xhelili" in page
    tables = re.findall(r"<table>.*?</table>", page, re.DOTALL)
    assert len(tables) == md.count("Table ")
    for table in tables:
        ET.fromstring(re.sub(r"&[a-z]+;", "", table))


def test_an_average_by_name_and_a_layout_of_ones_own(rows: Path, tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    own.write_text(
        "[[score]]\nname = 'topics'\ntask = 'sib200'\nmetric = 'macro_f1'\n"
        "[[table]]\nnumber = '1'\ntitle = 'Mine'\nscores = ['topics']\ndown = ['system']\nacross = ['language']\n",
        encoding="utf-8",
    )
    text = report(rows, layout=str(own), average="both=Turkish,el", format="md")
    header, _, start, trained = (line.split("|")[1:-1] for line in text.splitlines()[:4])
    assert [cell.strip() for cell in header] == ["system", "ell", "tur", "both"]
    assert [cell.strip() for cell in start] == ["start", "25.0", "50.0", "37.5"]
    assert [cell.strip() for cell in trained] == ["mlm+seq+tlm", "25.0", "75.0", "50.0"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"layout": "pap"}, "--layout pap: layout pap is none of"),
        ({"layout": "ppa", "average": "seen"}, "write NAME=CODE,CODE"),
        ({"layout": "ppa", "average": "seen=Klingonish"}, "--average seen=Klingonish: "),
        ({"layout": "ppa", "average": ["a=tur", "a=ell"]}, "two are called alike"),
        ({"average": "seen"}, "write NAME=CODE,CODE"),
        ({"average": "seen=tur", "format": "csv"}, "--average: no meaning for --format csv"),
        ({"layout": "ppa", "format": "csv"}, "--layout: no meaning for --format csv"),
        ({"layout": "ppa", "mean": "all"}, "--mean: no meaning for a paper's layout"),
        ({"layout": "ppa", "metric": "top1"}, "--metric: no meaning for a paper's layout"),
    ],
)
def test_faults_are_one_sentence(rows: Path, options: dict, words: str) -> None:
    with pytest.raises(UsageError) as fault:
        report(rows, **options)
    assert words in str(fault.value)
    assert "\n" not in str(fault.value)


def test_an_average_stands_in_the_other_layouts_too(rows: Path, tmp_path: Path) -> None:
    systems = report(rows, average=["both=Turkish,el", "one=tur"], format="md")
    header = [cell.strip() for cell in systems.splitlines()[0].split("|")]
    assert header[1:5] == ["system", "mean %", "both", "one"]
    assert "| both " in report(rows, average="both=tur,ell", layout="targets", format="md")
    assert "both: ell_Grek, tur_Latn." in report(rows, average="both=tur,ell", format="html")
    write_rows(
        tmp_path / "words.jsonl", [Row(task="bli", metric="p@1", value=0.5, source="eng_Latn", target="tur_Latn")]
    )
    with pytest.raises(UsageError, match="--average: no meaning for these rows"):
        report(tmp_path / "words.jsonl", average="both=tur,ell")


def test_rows_of_no_table_are_refused(tmp_path: Path) -> None:
    write_rows(tmp_path / "results.jsonl", [EXTRA])
    with pytest.raises(UsageError, match="no row is in a table of layout ppa; it shows retrieval top10, taxi1500"):
        report(tmp_path, layout="ppa")
