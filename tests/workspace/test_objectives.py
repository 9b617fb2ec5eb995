"""An objective answers for itself: its answers fit its loss, and no source outside the registry knows it by name."""

import ast
import inspect
import re
from dataclasses import fields
from pathlib import Path

import pytest
from tests.workspace.sources import nodes

from xl_cli.recipe.config import KINDS
from xl_cli.recipe.objectives import objective_type
from xl_objectives import OBJECTIVES, TextConfig, WordVectorConfig

ROOT = Path(__file__).parents[2]
# All but the package of the objectives, which may know them.
SOURCES = [path for path in sorted(ROOT.glob("[pa]*/*/src/**/*.py")) if "xl_objectives" not in path.parts]
# What code calls an objective or several; "cosine" and the like are values of other settings as well.
ABOUT_ONE = re.compile(r"\b(name|names|wanted|others|objective|objectives|variant|part|parts)\b")
COLLECTIONS = (ast.Dict, ast.List, ast.Set, ast.Tuple)
# What the families hand to a loss besides its settings.
GIVEN = {"takes_text_ids": "text_ids", "takes_norm": "norm", "takes_idf": "weights"}


@pytest.mark.parametrize("name", OBJECTIVES)
def test_the_answers_fit_the_loss(name: str) -> None:
    kind = objective_type(name)
    settings = kind()
    parameters = inspect.signature(kind.loss_function()).parameters
    assert kind.name == name
    assert kind.__doc__
    assert kind.title
    assert set(kind.reads) <= set(KINDS)
    assert set(kind.takes) <= {item.name for item in fields(kind)}
    given = {word for answer, word in GIVEN.items() if getattr(settings, answer, False)}
    assert {*kind.takes, *given} <= set(parameters)
    if isinstance(settings, TextConfig):
        assert bool(settings.models) != settings.contrasts
        assert kind.needs_head == bool(settings.models)
    assert kind.needs_width <= issubclass(kind, WordVectorConfig)


def configs(node: ast.expr) -> set[str]:
    """Names of settings classes of objectives in an expression."""
    classes = {kind.__name__ for name in OBJECTIVES for kind in objective_type(name).__mro__ if kind is not object}
    return {found.id for found in ast.walk(node) if isinstance(found, ast.Name) and found.id in classes}


def literals(node: ast.expr) -> set[str]:
    """Names of objectives that a collection holds, as its own items or as the keys of a table."""
    items = node.keys if isinstance(node, ast.Dict) else getattr(node, "elts", [])
    return {str(item.value) for item in items if isinstance(item, ast.Constant) and item.value in OBJECTIVES}


def test_no_source_asks_which_objective_it_is() -> None:
    faults = []
    for path in SOURCES:
        for node in nodes(path):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in ("isinstance", "issubclass"):
                found = configs(node.args[1])
            elif isinstance(node, COLLECTIONS):
                found = literals(node)
            elif isinstance(node, ast.Compare) and ABOUT_ONE.search(ast.unparse(node)):
                found = literals(ast.Tuple(elts=[node.left, *node.comparators]))
            else:
                continue
            if len(found) > isinstance(node, COLLECTIONS):
                faults.append(f"{path.name}:{node.lineno}: {sorted(found)}")
    assert not faults, "\n".join(faults)
