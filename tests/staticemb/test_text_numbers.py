"""Numbers in bytes against `float`, and numbers as text against `format`."""

from io import BytesIO
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from xl_staticemb import StaticembError
from xl_staticemb.files.number_text import write_numbers
from xl_staticemb.files.text import parse_numbers, read_text_blocks


def doubles(fields: list[str]) -> NDArray[np.float64]:
    text = " ".join(["su", *fields]).encode()
    edges = np.flatnonzero(np.frombuffer(text + b" ", dtype=np.uint8) == ord(" "))
    return parse_numbers(text, edges[None, :])[0]


def parsed(fields: list[str]) -> tuple[NDArray[np.float64], list[int]]:
    """Values of fields that are numbers, and the places of those that are not, each told by the reader's error."""
    values, broken = np.full(len(fields), np.nan), []
    for place, field in enumerate(fields):
        try:
            values[place] = doubles([field])[0]
        except ValueError:
            broken.append(place)
    if broken:
        with pytest.raises(StaticembError, match=r"^v:1: expected a word and"):
            list(read_text_blocks(BytesIO(" ".join(["su", *fields]).encode()), Path("v"), len(fields), 1, None))
        with pytest.raises(ValueError, match="Failed to parse"):
            doubles(fields)
    else:
        np.testing.assert_array_equal(values, doubles(fields))
    return values, broken


plain = st.tuples(
    st.sampled_from(["", "-"]),
    st.text("0123456789", max_size=12),
    st.sampled_from(["", "."]),
    st.text("0123456789", max_size=14),
).map("".join)
written = st.floats(allow_nan=False, allow_infinity=False).flatmap(
    lambda value: st.sampled_from(["r", ".6f", ".9g", ".5g", ".17g", ".3e", "+.8f"]).map(
        lambda kind: repr(value) if kind == "r" else format(value, kind)
    )
)
small = st.floats(-20, 20, width=32).map(lambda value: f"{value:.9g}")


def is_number(text: str) -> bool:
    return any(digit.isdigit() for digit in text)


@given(st.lists(st.one_of(plain.filter(is_number), written, small), min_size=1, max_size=40))
@settings(deadline=None, max_examples=300)
def test_values_are_those_of_float(fields: list[str]) -> None:
    values, broken = parsed(fields)
    assert broken == []
    expected = np.array([float(field) for field in fields])
    np.testing.assert_array_equal(values.view(np.int64), expected.view(np.int64))


@given(
    st.text("0123456789.-+eE_ xnaif,", min_size=1, max_size=20).filter(lambda text: " " not in text), st.integers(0, 3)
)
@settings(deadline=None, max_examples=500)
def test_what_float_refuses_is_broken(text: str, place: int) -> None:
    fields = ["0.25", "-1.5", "12.125"]
    fields.insert(place, text)
    values, broken = parsed(fields)
    try:
        expected = None if "_" in text else float(text)
    except ValueError:
        expected = None
    if expected is None:
        assert broken == [place]
    else:
        assert broken == []
        np.testing.assert_array_equal(values[place], expected)
    assert np.delete(values, place).tolist() == [0.25, -1.5, 12.125]


@pytest.mark.parametrize(
    "text",
    [
        "1.2.3",
        "-",
        ".",
        "--1",
        "1-2",
        "0.1234567-",
        "1e",
        "",
        "0.123456789012345678x",
        "1.234567890123456.7",
        "12..5",
        "1.23456789.5",
    ],
)
def test_near_numbers_are_broken(text: str) -> None:
    assert parsed(["0.5", text, "0.25"])[1] == [1]


def test_long_numbers_between_two_floats_are_decided_as_float_does() -> None:
    # the middle of two neighbouring float32, and a hair beside it, in more digits than are looked at first
    low = np.float32(0.1)
    middle = (float(low) + float(np.nextafter(low, np.float32(1)))) / 2
    fields = [f"{middle:.27f}", f"{middle:.27f}1", f"{middle - 1e-17:.27f}", f"{middle + 1e-17:.28f}"]
    values, broken = parsed(fields)
    assert broken == []
    np.testing.assert_array_equal(
        values.astype(np.float32), np.array([float(field) for field in fields]).astype(np.float32)
    )


every_float32 = st.one_of(
    st.floats(width=32, allow_nan=False, allow_infinity=False),
    st.floats(-2, 2, width=32),
    st.integers(-12, 12).map(lambda power: float(np.float32(10.0**power))),
    st.integers(-12, 12).map(lambda power: float(np.nextafter(np.float32(10.0**power), np.float32(0)))),
)


@given(st.integers(1, 4), st.lists(every_float32, min_size=1, max_size=30), st.integers(1, 9))
@settings(deadline=None, max_examples=300)
def test_written_numbers_are_those_of_format(width: int, numbers: list[float], digits: int) -> None:
    numbers += [0.0] * (-len(numbers) % width)
    matrix = np.array(numbers, dtype=np.float32).reshape(-1, width)
    data, bounds = write_numbers(matrix, digits)
    rows = [data[start:end].tobytes().decode() for start, end in pairwise(bounds.tolist())]
    assert all(row.endswith("\n") and row.count(" ") == width - 1 for row in rows)
    found = [[float(field) for field in row.split()] for row in rows]
    assert found == [[float(format(number, f".{digits}g")) for number in row] for row in matrix.tolist()]
    if digits == 9:
        np.testing.assert_array_equal(np.array(found).astype(np.float32).view(np.uint32), matrix.view(np.uint32))


def test_nothing_is_written_for_no_rows() -> None:
    data, bounds = write_numbers(np.zeros((0, 3), dtype=np.float32))
    assert (len(data), bounds.tolist()) == (0, [0])
