"""Holm's correction against the procedure that it stands for, step by step."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xl_analysis import AnalysisError, holm, holm_by_family, resamples_for

PROBABILITIES = st.lists(st.sampled_from([0.0, 0.001, 0.01, 0.012, 0.02, 0.049, 0.05, 0.3, 1.0]), max_size=8)


def rejected(p: list[float], level: float) -> list[bool]:
    """Holm 1979: from the smallest p on, reject while p <= level / (number of hypotheses that are left)."""
    out = [False] * len(p)
    for done, place in enumerate(sorted(range(len(p)), key=lambda i: p[i])):
        if p[place] * (len(p) - done) > level:
            break
        out[place] = True
    return out


@settings(deadline=None, max_examples=40)
@given(PROBABILITIES, st.floats(0.0001, 0.9999))
def test_adjusted_p_reject_what_the_steps_reject(p: list[float], level: float) -> None:
    assert [bool(value <= level) for value in holm(p)] == rejected(p, level)


def test_known_families_and_order() -> None:
    # By hand: 4 x 0.005, 3 x 0.01, 2 x 0.03, and the last no smaller than the third.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([]).shape == (0,)
    assert holm_by_family([0.01, None, 0.04, 0.02], ["a", "a", "b", "a"]) == [0.02, None, 0.04, 0.02]


def test_other_numbers_are_refused() -> None:
    for wrong in ([0.1, np.nan], [-0.1], [1.1], [[0.1]]):
        with pytest.raises(AnalysisError, match="a list of probabilities, 0 to 1, is needed"):
            holm(wrong)


def test_enough_resamples_for_a_family_to_be_significant() -> None:
    assert resamples_for(1, 1000) == 1000
    for n_tests in (26, 72, 500):
        assert 2 / (resamples_for(n_tests, 1000) + 1) * n_tests < 0.05 / 2
