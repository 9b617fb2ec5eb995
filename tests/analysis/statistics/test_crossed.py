"""The mean over languages and seeds: against closed forms of one row or column, and against how often it misses."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from xl_analysis import AnalysisError, crossed_mean

TABLES = st.tuples(st.integers(2, 6), st.integers(2, 5)).flatmap(
    lambda shape: arrays(np.float64, shape, elements=st.floats(-100, 100, width=32))
)


@settings(deadline=None, max_examples=40)
@given(arrays(np.float64, st.integers(2, 8), elements=st.floats(-100, 100, width=32)), st.sampled_from([0.05, 0.002]))
def test_of_one_row_or_column_it_is_students_interval(values: np.ndarray, level: float) -> None:
    for table in (values[None], values[:, None]):
        found = crossed_mean(table)
        assert found.value == pytest.approx(values.mean(), abs=1e-9)
        if np.ptp(values):
            own = values.std(ddof=1) / len(values) ** 0.5
            expected = stats.t.interval(1 - level, len(values) - 1, values.mean(), own)
            assert found.interval(level) == pytest.approx(expected, abs=1e-6)


@settings(deadline=None, max_examples=40)
@given(TABLES)
def test_the_error_is_that_of_the_analysis_of_variance(table: np.ndarray) -> None:
    """Mean squares from their definitions, number by number."""
    n_rows, n_columns = table.shape
    mean = sum(map(float, table.flat)) / table.size
    row_means = [sum(map(float, row)) / n_columns for row in table]
    column_means = [sum(map(float, column)) / n_rows for column in table.T]
    of_rows = sum((each - mean) ** 2 for each in row_means for _ in range(n_columns)) / (n_rows - 1)
    of_columns = sum((each - mean) ** 2 for each in column_means for _ in range(n_rows)) / (n_columns - 1)
    of_rest = sum(
        (float(table[i, j]) - row_means[i] - column_means[j] + mean) ** 2
        for i in range(n_rows)
        for j in range(n_columns)
    ) / ((n_rows - 1) * (n_columns - 1))
    expected = max(of_rows + of_columns - of_rest, of_rows, of_columns) / table.size
    assert crossed_mean(table).error ** 2 == pytest.approx(expected, rel=1e-6, abs=1e-9)


@settings(deadline=None, max_examples=40)
@given(TABLES)
def test_laws(table: np.ndarray) -> None:
    found = crossed_mean(table)
    low, high = found.interval()
    # Neither the order of languages nor that of seeds matters, nor which of the two stands in rows.
    for same in (table[::-1], table[:, ::-1], table.T):
        again = crossed_mean(same)
        assert (again.value, again.error) == pytest.approx((found.value, found.error), abs=1e-6, rel=1e-6)
    shifted = crossed_mean(2 * table + 7)
    assert shifted.value == pytest.approx(2 * found.value + 7, abs=1e-6)
    assert shifted.error == pytest.approx(2 * found.error, abs=1e-6, rel=1e-6)
    assert low <= found.value <= high


@settings(deadline=None, max_examples=40)
@given(TABLES, st.floats(-100, 100))
def test_p_is_that_of_the_interval_that_ends_at_the_bound(table: np.ndarray, bound: float) -> None:
    found = crossed_mean(table)
    p = min(found.p_at_most(bound), found.p_at_least(bound))
    if found.error > 1e-6 and 1e-6 < p < 1:
        assert min(abs(end - bound) for end in found.interval(p)) == pytest.approx(0, abs=1e-4 * found.error)
    # One of the two says what the value says.
    assert max(found.p_at_most(bound), found.p_at_least(bound)) == 1


@pytest.mark.parametrize(("of_rows", "of_columns", "of_rest"), [(1, 0.5, 0.5), (0, 1, 0.2), (1, 0, 0.2), (0, 0, 1)])
def test_it_misses_as_rarely_as_it_says(of_rows: float, of_columns: float, of_rest: float) -> None:
    """Of 1,500 tables of 8 languages and 3 seeds whose true mean is 0: five in a hundred, give or take chance."""
    rng = np.random.default_rng(0)
    n = 1500
    missed = 0
    for _ in range(n):
        table = (
            of_rows * rng.normal(size=(8, 1)) + of_columns * rng.normal(size=(1, 3)) + of_rest * rng.normal(size=(8, 3))
        )
        low, high = crossed_mean(table).interval()
        missed += not low <= 0 <= high
    assert missed <= stats.binom.ppf(0.999, n, 0.05)
    # Not by intervals that are too wide to say anything: where one kind of spread is all, as often as it says.
    assert missed >= (stats.binom.ppf(0.001, n, 0.05) if max(of_rows, of_columns) else 1)


def test_nothing_that_tells_of_spread_and_other_numbers() -> None:
    found = crossed_mean([[3.0]])
    assert (found.value, *found.interval(), found.p_at_most(0)) == (3.0, -np.inf, np.inf, 1.0)
    for wrong in ([], [1.0], [[1.0, np.nan]], [[]]):
        with pytest.raises(AnalysisError, match="a table of finite numbers"):
            crossed_mean(wrong)
