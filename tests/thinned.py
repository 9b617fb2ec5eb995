"""Long lists of like cases: a few of them in a quick run, all with the slow tests."""

from collections.abc import Iterable
from typing import Any

import pytest


def thinned(cases: Iterable[Any], every: int) -> list[Any]:
    """The cases, to be parametrised with: the first and each `every`-th after it as they are, the others slow."""
    return [case if n % every == 0 else _slow(case) for n, case in enumerate(cases)]


def _slow(case: Any) -> Any:
    if isinstance(case, type(pytest.param())):
        return case._replace(marks=(*case.marks, pytest.mark.slow))
    return pytest.param(*(case if isinstance(case, tuple) else [case]), marks=pytest.mark.slow)
