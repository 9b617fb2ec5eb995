"""Long lists of like cases: a few of them in a quick run, all with the slow tests."""

from collections.abc import Iterable
from typing import Any

import pytest


def thinned(cases: Iterable[Any], every: int) -> list[Any]:
    """The cases, to be parametrised with: the first and each `every`-th after it as they are, the others slow."""
    return [
        case if n % every == 0 else pytest.param(*(case if isinstance(case, tuple) else [case]), marks=pytest.mark.slow)
        for n, case in enumerate(cases)
    ]
