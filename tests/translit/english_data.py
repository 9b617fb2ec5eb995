"""The script that makes the data of English, loaded from its file: it is no part of the package."""

import importlib.util
from functools import cache
from pathlib import Path
from types import ModuleType

_SCRIPT = Path(__file__).parents[2] / "packages" / "translit" / "tools" / "build_english.py"


@cache
def build_english() -> ModuleType:
    spec = importlib.util.spec_from_file_location("build_english", _SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
