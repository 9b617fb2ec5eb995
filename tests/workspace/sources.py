"""The sources as syntax trees, each read once a run."""

import ast
from functools import cache
from pathlib import Path


@cache
def nodes(path: Path) -> list[ast.AST]:
    """All nodes of a module's tree, the module first; for reading only."""
    return list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
