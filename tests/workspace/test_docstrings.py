"""What the docstring of a record says of a field is said of a field that it has."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from tests.workspace.sources import nodes

ROOT = Path(__file__).parents[2]
MODULES = sorted(path for top in ("packages", "apps") for path in (ROOT / top).glob("*/src/**/*.py"))

# "step: finished steps. n_steps, lr: ..." at the start of a line or of a sentence
_FIELD = re.compile(r"(?:^|(?<=\. ))([a-z_]+(?:, [a-z_]+)*): ", re.MULTILINE)


def records(module: Path) -> Iterator[tuple[str, set[str], set[str]]]:
    """(name, fields that the docstring names, names that there are) of the dataclasses and named tuples of a module."""
    for node in nodes(module):
        if not isinstance(node, ast.ClassDef):
            continue
        bases = {ast.unparse(base) for base in node.bases}
        is_dataclass = any("dataclass" in ast.unparse(decorator) for decorator in node.decorator_list)
        # A field that is inherited may be described again where it is narrowed.
        if not ((is_dataclass and not bases) or "NamedTuple" in bases):
            continue
        there = {ast.unparse(item.target) for item in node.body if isinstance(item, ast.AnnAssign)}
        there |= {item.name for item in node.body if isinstance(item, ast.FunctionDef)}
        _, _, described = (ast.get_docstring(node) or "").partition("\n")
        yield node.name, {name for found in _FIELD.findall(described) for name in found.split(", ")}, there


def test_docstrings_of_records_name_their_fields() -> None:
    lacking = [
        (str(module.relative_to(ROOT)), name, sorted(described - there))
        for module in MODULES
        for name, described, there in records(module)
        if described - there
    ]
    assert not lacking


def test_fields_are_found() -> None:
    named = {name: described for module in MODULES for name, described, _ in records(module)}
    assert {"step", "losses", "lr", "seconds"} <= named["StepRecord"]
