"""A machine that others use too fails no test that draws its input: time is no property of the code."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

_SLEPT: list[float] = []


def _drawn_slowly(number: int) -> int:
    if len(_SLEPT) < 3:
        _SLEPT.append(0.45)
        time.sleep(0.45)  # above a second in all, hypothesis' limit of drawing the first examples
    return number


@pytest.mark.slow
@given(st.integers().map(_drawn_slowly))
def test_slow_drawing_is_no_failure(number: int) -> None:
    if len(_SLEPT) < 4:
        _SLEPT.append(0.3)
        time.sleep(0.3)  # above 200 ms, its limit of an example
    assert isinstance(number, int)
