"""A measure is one file and one line of the registry: command, help, listing, run folder and Python know it."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from tests.cli.conftest import Run

import xl_cli
from xl_analysis import Table
from xl_cli.measure.registry import MEASURES, Measure
from xl_cli.unread_options import ReadWhere
from xl_tasks import Row, load_texts


@dataclass(frozen=True, kw_only=True)
class LengthConfig:
    data: str = field(metadata={"help": "folder of text"})
    least: int = field(default=0, metadata={"help": "Shorter texts are left out.", "min": 0})
    unit: str = field(default="characters", metadata={"help": "characters | words"})


def lengths(config: LengthConfig) -> list[Row]:
    """Mean length of the texts of a language.

    Example: xl analyze length --data sib200
    """
    size = len if config.unit == "characters" else lambda text: len(text.split())
    rows = []
    for language, texts in load_texts(config.data, parallel=False).texts.items():
        kept = [size(text) for text in texts.values() if size(text) >= config.least]
        mean = sum(kept) / len(kept)
        rows.append(Row(task="length", metric=config.unit, value=mean, n=len(kept), source=language, target=language))
    return rows


def table(rows: Iterable[Mapping[str, object]]) -> Table:
    return Table(("language", "length"), tuple((str(row["source"]), f"{row['value']:.2f}") for row in rows), "Toy.")


LENGTH = Measure(
    settings=LengthConfig,
    rows=lengths,
    table=f"{__name__}:table",
    read_where=(ReadWhere(("least",), lambda call: call.unit == "characters", "with --unit words"),),
)


@pytest.fixture
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(MEASURES, "length", f"{__name__}:LENGTH")


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("texts")
    (folder / "eng_Latn.txt").write_text("one\nthree words here\n", encoding="utf-8")
    (folder / "ell_Grek.txt").write_text("ένα\nδύο λέξεις\n", encoding="utf-8")
    return folder


@pytest.mark.usefixtures("registered")
def test_the_command_scores_prints_and_keeps_rows(xl: Run, texts: Path, tmp_path: Path) -> None:
    call = ("analyze", "length", "--data", texts, "--least", 4)
    rows = [json.loads(line) for line in xl(*call, "--out", tmp_path / "out", "--json").stdout.splitlines()]
    assert {row["source"]: row["value"] for row in rows} == {"eng_Latn": 16.0, "ell_Grek": 10.0}
    assert "eng_Latn" in xl(*call).stdout
    assert "16.00" in xl(*call).stdout
    about = json.loads((tmp_path / "out" / "run.json").read_text(encoding="utf-8"))
    assert about["tasks"] == ["length"]
    assert about["options"] == {"data": str(texts), "least": 4, "unit": "characters"}
    assert [row.to_json() for row in xl_cli.analyze("length", data=texts, least=4)] == xl(
        *call, "--json"
    ).stdout.splitlines()
    assert "16.0" in xl("report", tmp_path / "out", "--format", "csv").stdout


@pytest.mark.usefixtures("registered")
def test_help_and_listing_know_it(xl: Run) -> None:
    assert re.search(r"length +Mean length of the texts of a language\.", xl("analyze", "--help").stdout)
    shown = xl("analyze", "length", "--help").stdout
    for text in ("Example: xl analyze length", "--least", "Shorter texts are left out.", "--unit", "--out", "--json"):
        assert text in shown
    names = [json.loads(line) for line in xl("ls", "measures", "--json").stdout.splitlines()]
    assert {"name": "length", "what": "Mean length of the texts of a language."} in names


@pytest.mark.usefixtures("registered")
def test_what_it_would_not_read_and_what_is_missing_is_refused(xl: Run, texts: Path, tmp_path: Path) -> None:
    unread = xl("analyze", "length", "--data", texts, "--unit", "words", "--least", 0)
    assert (unread.returncode, unread.stderr) == (2, "xl: --least: no meaning with --unit words; leave that out.\n")
    missing = xl("analyze", "length", "--data", tmp_path / "no")
    assert (missing.returncode, "no such file or folder" in missing.stderr) == (1, True)
    assert xl("analyze", "length", "--data", texts, "--least", "-1").returncode == 2
    with pytest.raises(xl_cli.UsageError, match=r"^--least is -1; give 0 or more.$"):
        xl_cli.analyze("length", data=texts, least=-1)


def test_without_the_line_it_is_not_known(xl: Run, texts: Path) -> None:
    assert "length" not in xl("analyze", "--help").stdout
    assert xl("analyze", "length", "--data", texts).returncode == 2
    with pytest.raises(LookupError, match=r"unknown measure 'length'.*known: .*cka, correlate, coverage"):
        xl_cli.analyze("length", data=texts)
