"""`xl analyze --out`, and one spelling of languages over all commands."""

import json
from pathlib import Path
from typing import Any

import pytest
import typer.main
from tests.cli.conftest import Run

from xl_cli.main import app


@pytest.mark.parametrize("measure", ["cka", "coverage", "distance", "divergence", "space"])
def test_rows_are_kept_and_report_reads_them(xl: Run, corpus: Path, model: Path, tmp_path: Path, measure: str) -> None:
    command = ("analyze", measure, "--model", model, "--data", corpus, "--out", tmp_path / "out")
    done = xl(*command, "--json")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out" / "results.jsonl").read_text(encoding="utf-8") == done.stdout
    about = json.loads((tmp_path / "out" / "run.json").read_text(encoding="utf-8"))
    assert (about["status"], about["tasks"], about["options"]["data"]) == ("finished", [measure], str(corpus))
    assert xl("report", tmp_path / "out").returncode == 0
    again = xl(*command)
    assert again.returncode == 2
    assert "out" in again.stderr


def commands(group: Any, path: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], Any]]:
    below = getattr(group, "commands", None)
    if below is None:
        return [(path, group)]
    return [found for name, one in below.items() for found in commands(one, (*path, name))]


def test_a_language_is_spelled_alike_in_every_command() -> None:
    """--lang first, and the longer words for those who try them; also behind source- and target-."""
    found = {}
    for path, command in commands(typer.main.get_command(app)):
        for parameter in command.params:
            if parameter.param_type_name == "option" and "lang" in (parameter.name or ""):
                found[(*path, parameter.name)] = list(parameter.opts)
    assert {path[0] for path in found} >= {"translit", "static", "analyze"}
    for path, names in found.items():
        head = names[0].removesuffix("lang")
        assert names == [f"{head}lang", f"{head}language", f"{head}languages"], path


@pytest.mark.parametrize("name", ["--lang", "--language", "--languages"])
def test_each_spelling_is_taken(xl: Run, corpus: Path, model: Path, name: str) -> None:
    done = xl("analyze", "coverage", "--model", model, "--data", corpus, name, "ell", "--json")
    assert done.returncode == 0, done.stderr
    assert {json.loads(line)["source"] for line in done.stdout.splitlines()} == {"ell_Grek", "all"}
