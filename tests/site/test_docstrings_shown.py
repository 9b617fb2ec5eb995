"""Docstrings come to the site word for word."""

import ast
import inspect
import re
from dataclasses import dataclass
from pathlib import Path

import pytest
from docs.building.docstrings import as_rst, inline, names_in, settings_list
from tests.workspace.sources import nodes

from xl_objectives import setting

ROOT = Path(__file__).parents[2]
MODULES = sorted(path for top in ("packages", "apps") for path in (ROOT / top).glob("*/src/**/*.py"))


def words(text: str) -> list[str]:
    return re.findall(r"\w+", text)


def test_no_word_of_a_docstring_is_lost_or_moved() -> None:
    n_read = 0
    for module in MODULES:
        for node in nodes(module):
            if isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.Module)) and (text := ast.get_docstring(node)):
                lines = inspect.cleandoc(text).split("\n")
                shown = "\n".join(line for line in as_rst(lines) if line != ".. code-block:: pycon")
                assert words(shown.replace("\\", "")) == words(text.replace("\\", "")), f"{module}: {text[:60]}"
                n_read += 1
    assert n_read > 1000


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("x_i * |y|", r"x\_i \* \|y\|"),
        ("`xl ls`, or `a`s", r"``xl ls``, or ``a``\ s"),
        ("- sum of all", r"\- sum of all"),
        ("the user`s", "the user's"),
    ],
)
def test_signs_count_for_themselves(text: str, shown: str) -> None:
    assert inline(text) == shown


def test_fields_are_a_list_and_what_is_indented_alone_stands_as_it_is() -> None:
    lines = ["What it is.", "", "    a = b", "", "x, y: two", "    vectors.", "mask: true keeps.", "Raises E."]
    assert [line for line in as_rst(lines) if line] == [
        "What it is.",
        "::",
        "       a = b",
        "- ``x``, ``y``: two vectors.",
        "- ``mask``: true keeps.",
        "Raises E.",
    ]


def test_settings_tell_name_default_and_help() -> None:
    @dataclass
    class Some:
        rate: float = setting(0.5, "how fast, in [0, 1]")

    assert list(settings_list(Some)) == ["- ``rate`` (``0.5``): how fast, in [0, 1]", ""]
    assert list(settings_list(int)) == []


def test_constants_tell_the_names_that_they_hold() -> None:
    assert names_in(("a", "b")) == "``a``, ``b``"
    assert names_in({"a": 1}) == "A mapping from ``a``"
    assert names_in([str(i) for i in range(41)]).endswith("``39`` ... (41 of them)")
