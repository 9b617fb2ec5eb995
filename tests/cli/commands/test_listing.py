"""Tables of `xl ls` fit a terminal of 120 columns and keep every word."""

import json

import pytest
from tests.cli.conftest import Run
from tests.thinned import thinned

from xl_cli.commands.ls import KINDS
from xl_cli.listing import listing


@pytest.mark.parametrize("what", thinned(["", *KINDS], 3), ids="ls-{}".format)
def test_every_list_fits_a_terminal_and_loses_nothing(xl: Run, what: str) -> None:
    asked = ("ls", what) if what else ("ls",)
    shown = xl(*asked).stdout
    assert max(map(len, shown.splitlines())) <= 120
    words = set(shown.replace(";", " ").split())
    if what not in ("tasks", "languages", "published"):  # these tell more in JSON
        for row in map(json.loads, xl(*asked, "--json").stdout.splitlines()):
            assert set(str(" ".join(map(str, row.values()))).replace(";", " ").split()) <= words


def test_cells_are_wrapped_within_their_column() -> None:
    text = listing([{"a": "x", "b": "word " * 40, "c": "end"}, {"a": "yy", "b": "short", "c": ""}], header=True)
    first, *lines = text.splitlines()
    assert first.split() == ["a", "b", "c"]
    assert {line.index("word") for line in lines[:-1]} == {first.index("b")}
    assert sum(line.count("word") for line in lines) == 40
    assert lines[0].endswith("end")


def test_too_many_columns_are_a_record_a_row() -> None:
    row = {"name": "n", "unit": "", **{f"key{i}": f"value{i}" * 2 for i in range(20)}}
    first, *others = listing([row], n_names=2).splitlines()
    assert first == "n"
    assert all(line.startswith("    ") and len(line) <= 120 for line in others)
    assert "key19 value19value19" in " ".join(others)
