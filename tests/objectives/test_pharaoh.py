"""Pharaoh files: what is written is read back, and every defect is refused with its line."""

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xl_objectives import ObjectiveError, format_pharaoh, parse_pharaoh

position = st.integers(0, 999_999_999)
sentences = st.lists(st.lists(st.tuples(position, position), max_size=6, unique=True), max_size=6)


@given(pairs=sentences, ending=st.sampled_from(["", "\n", "\r\n", " \n"]), separator=st.sampled_from([" ", "\t", "  "]))
def test_what_is_written_is_read_back(pairs: list[list[tuple[int, int]]], ending: str, separator: str) -> None:
    lines = list(format_pharaoh(pairs))
    assert not any("\n" in line for line in lines)
    assert list(parse_pharaoh(line.replace(" ", separator) + ending for line in lines)) == pairs
    lens = [(max((i for i, _ in row), default=-1) + 1, max((j for _, j in row), default=-1) + 1) for row in pairs]
    assert list(parse_pharaoh(lines, lens=lens)) == pairs


def test_layout_is_that_of_the_aligners() -> None:
    assert list(format_pharaoh([[(0, 0), (1, 12)], [], [(3, 2)]])) == ["0-0 1-12", "", "3-2"]
    assert list(parse_pharaoh(["0-0 1-12\n", "\n", "3-2\n"])) == [[(0, 0), (1, 12)], [], [(3, 2)]]


def test_a_file_is_read_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "fwd.align"
    path.write_text("0-0 2-1\n\n1-1\n", encoding="utf-8")
    with path.open(encoding="utf-8") as lines:
        assert list(parse_pharaoh(lines, name=str(path))) == [[(0, 0), (2, 1)], [], [(1, 1)]]


def test_a_pair_that_stands_twice_counts_once() -> None:
    assert list(parse_pharaoh(["1-1 0-0 1-1"])) == [[(1, 1), (0, 0)]]


def test_lines_are_read_as_they_are_asked_for() -> None:
    def endless() -> Iterator[str]:
        for k in itertools.count():
            yield f"{k}-{k}"

    assert list(itertools.islice(parse_pharaoh(endless()), 3)) == [[(0, 0)], [(1, 1)], [(2, 2)]]


@pytest.mark.parametrize(
    ("line", "wrong"),
    [
        ("0-0 1_1", "'1_1'"),
        ("0-0 1-", "'1-'"),
        ("0-0 1p1", "'1p1'"),  # a possible link of a gold file
        ("0-0-0", "'0-0-0'"),
        ("-1-0", "'-1-0'"),
        ("1--1", "'1--1'"),
        ("0-0,1-1", "'0-0,1-1'"),
        ("0 - 0", "'0'"),
        ("0-0:0.5", "'0-0:0.5'"),
        ("٣-٤", "'٣-٤'"),  # digits, but no ASCII ones
        ("0-12345678901", "'0-12345678901'"),
        ("a ||| b ||| 0-0", "'a'"),
    ],
)
def test_malformed_lines_are_refused_with_their_number(line: str, wrong: str) -> None:
    rows = parse_pharaoh(["0-0", line], name="de-en.align")
    assert next(rows) == [(0, 0)]
    with pytest.raises(ObjectiveError, match=rf"^de-en\.align:2: {wrong} is no word pair; write i-j"):
        next(rows)


@pytest.mark.parametrize("pair", ["2-0", "0-3"])
def test_positions_out_of_range_are_refused_with_their_number(pair: str) -> None:
    with pytest.raises(ObjectiveError, match=rf"^alignments:2: {pair} is out of range, .* 2 and 3 words"):
        list(parse_pharaoh(["9-9", f"1-2 {pair}"], lens=[(10, 10), (2, 3)]))
    assert len(list(parse_pharaoh(["9-9", f"1-2 {pair}"]))) == 2  # unknown lengths are not checked


def test_another_number_of_lines_than_sentences_is_refused() -> None:
    lens = [(1, 1), (1, 1), (1, 1)]
    with pytest.raises(ObjectiveError, match=r"^a\.align:2: there is no such line, but a sentence pair"):
        list(parse_pharaoh(["0-0"], lens=lens, name="a.align"))
    with pytest.raises(ObjectiveError, match=r"^a\.align:1: there is no such line"):
        list(parse_pharaoh([], lens=iter(lens), name="a.align"))
    with pytest.raises(ObjectiveError, match=r"^a\.align:4: there are only 3 sentence pairs"):
        list(parse_pharaoh(["0-0"] * 4, lens=iter(lens), name="a.align"))


def test_negative_positions_are_not_written() -> None:
    with pytest.raises(ObjectiveError, match=r"^line 2: the pair \(0, -1\)"):
        list(format_pharaoh([[(0, 0)], [(0, -1)]]))
